//! The error table: every failure a person can meet has one row here and one
//! page in `docs/errors/`.

use crate::error::Exit;

/// One row of the error table.
#[derive(Debug)]
pub struct Code {
    /// What a person sees and searches for, e.g. `DBB-PG-AUTH`.
    pub name: &'static str,
    /// Exit status of the process when this ends a command.
    pub exit: Exit,
    /// True when the same call may go well later without anyone's help;
    /// the retry decorator and the scheduler go by this.
    pub transient: bool,
    /// One line saying what it is.
    pub title: &'static str,
    /// The whole page, as `dbb explain` prints it.
    pub page: &'static str,
}

impl PartialEq for Code {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}
impl Eq for Code {}

macro_rules! codes {
    ($($(#[$doc:meta])* $constant:ident = $name:literal, $exit:ident, $transient:ident, $title:literal;)*) => {
        $(
            #[doc = $title]
            $(#[$doc])*
            pub const $constant: &Code = &Code {
                name: $name,
                exit: Exit::$exit,
                transient: codes!(@ $transient),
                title: $title,
                page: include_str!(concat!("../../docs/errors/", $name, ".md")),
            };
        )*
        /// Every code, in the order of the table.
        pub const ALL: &[&Code] = &[$($constant),*];
    };
    (@ transient) => { true };
    (@ permanent) => { false };
}

codes! {
    // command line, bugs
    USAGE = "DBB-USAGE", Usage, permanent, "the command line is wrong";
    BUG = "DBB-BUG", Bug, permanent, "dbb itself went wrong";
    // config
    CONFIG_SYNTAX = "DBB-CONFIG-SYNTAX", Input, permanent, "a file is not valid YAML";
    CONFIG_SCHEMA = "DBB-CONFIG-SCHEMA", Input, permanent, "a file does not have the expected shape";
    CONFIG_VALUE = "DBB-CONFIG-VALUE", Input, permanent, "a value is not possible here";
    CONFIG_REFERENCE = "DBB-CONFIG-REFERENCE", Input, permanent, "a name refers to nothing";
    CONFIG_SECRET = "DBB-CONFIG-SECRET", Input, permanent, "a secret is written in the file";
    CONFIG_UNSUPPORTED = "DBB-CONFIG-UNSUPPORTED", Input, permanent, "a section is not yet supported by this version";
    CONFIG_MISSING = "DBB-CONFIG-MISSING", Missing, permanent, "there is no such config or runbook file";
    // secrets
    SECRET_MISSING = "DBB-SECRET-MISSING", Unavailable, permanent, "a secret could not be read";
    SECRET_PERMISSIONS = "DBB-SECRET-PERMISSIONS", Permission, permanent, "a secret file is readable by others";
    // plan
    PLAN_MISSING = "DBB-PLAN-MISSING", Missing, permanent, "there is no such saved plan";
    PLAN_FORMAT = "DBB-PLAN-FORMAT", Input, permanent, "the file is not a plan of this version";
    PLAN_TAMPERED = "DBB-PLAN-TAMPERED", Input, permanent, "the saved plan was changed after it was written";
    PLAN_EXPIRED = "DBB-PLAN-EXPIRED", Input, permanent, "the saved plan is too old";
    PLAN_STALE = "DBB-PLAN-STALE", Input, permanent, "the world moved since the plan was made";
    PLAN_ADDRESS = "DBB-PLAN-ADDRESS", Input, permanent, "an address names nothing in the config";
    PLAN_CYCLE = "DBB-PLAN-CYCLE", Input, permanent, "the steps depend on each other in a circle";
    PLAN_CLOCK = "DBB-PLAN-CLOCK", Input, permanent, "a snapshot is from the future";
    PLAN_UNCOVERED = "DBB-PLAN-UNCOVERED", Input, permanent, "databases of a server are not backed up";
    PLAN_BLIND = "DBB-PLAN-BLIND", Permission, permanent, "the login cannot see everything";
    PLAN_MATCH = "DBB-PLAN-MATCH", Input, permanent, "a pattern matches no database";
    PLAN_SKIPPED = "DBB-PLAN-SKIPPED", Input, permanent, "something that was matched is left out";
    PLAN_READ_ONLY = "DBB-PLAN-READ-ONLY", Bug, permanent, "planning tried to change something";
    // runs, journal, state
    RUN_UNKNOWN = "DBB-RUN-UNKNOWN", Missing, permanent, "there is no such run";
    RUN_NOTHING = "DBB-RUN-NOTHING", Missing, permanent, "there is nothing to resume";
    RUN_FAILED = "DBB-RUN-FAILED", Failed, permanent, "the run ended with failed steps";
    RUN_INTERRUPTED = "DBB-RUN-INTERRUPTED", Temporary, permanent, "the run was interrupted and can be resumed";
    STATE_LOCKED = "DBB-STATE-LOCKED", Temporary, permanent, "another run holds the lock";
    STATE_DAMAGED = "DBB-STATE-DAMAGED", Missing, permanent, "the state on disk cannot be read";
    JOURNAL_DAMAGED = "DBB-JOURNAL-DAMAGED", Missing, permanent, "a journal is damaged before its end";
    // PostgreSQL
    PG_CONNECT = "DBB-PG-CONNECT", Unavailable, transient, "PostgreSQL cannot be reached";
    PG_AUTH = "DBB-PG-AUTH", Permission, permanent, "PostgreSQL refused the login";
    PG_TLS = "DBB-PG-TLS", Unavailable, permanent, "the encrypted connection could not be made";
    PG_DATABASE = "DBB-PG-DATABASE", Missing, permanent, "the database does not exist";
    PG_POOLER = "DBB-PG-POOLER", Unavailable, permanent, "the connection goes through a pooler";
    PG_VERSION = "DBB-PG-VERSION", Input, permanent, "this PostgreSQL version cannot be used here";
    PG_PRIVILEGE = "DBB-PG-PRIVILEGE", Permission, permanent, "the role lacks a privilege";
    PG_RLS = "DBB-PG-RLS", Permission, permanent, "row-level security would hide rows";
    PG_LOCK = "DBB-PG-LOCK", Temporary, transient, "a lock was not granted in time";
    PG_LOCK_TABLE = "DBB-PG-LOCK-TABLE", Unavailable, permanent, "the server's lock table is too small";
    PG_LOST = "DBB-PG-LOST", Unavailable, transient, "the connection to PostgreSQL was lost";
    PG_CONFLICT = "DBB-PG-CONFLICT", Temporary, transient, "the standby cancelled the query to go on replaying";
    PG_TIMEOUT = "DBB-PG-TIMEOUT", Temporary, transient, "PostgreSQL did not answer in time";
    PG_QUERY = "DBB-PG-QUERY", Failed, permanent, "PostgreSQL refused a statement";
    PG_SPACE = "DBB-PG-SPACE", Unavailable, permanent, "the PostgreSQL server is out of space or memory";
    PG_DDL = "DBB-PG-DDL", Temporary, transient, "a definition changed during the capture";
    PG_ROW_SIZE = "DBB-PG-ROW-SIZE", Failed, permanent, "a row is too large to be read";
    PG_TOOL_MISSING = "DBB-PG-TOOL-MISSING", Missing, permanent, "pg_dump was not found";
    PG_TOOL_OLD = "DBB-PG-TOOL-OLD", Missing, permanent, "pg_dump is older than the server";
    PG_DUMP = "DBB-PG-DUMP", Failed, permanent, "pg_dump failed";
    PG_ENCODING = "DBB-PG-ENCODING", Failed, permanent, "text is not valid in its encoding";
    PG_ARCHIVE = "DBB-PG-ARCHIVE", Failed, permanent, "pg_dump's archive could not be read";
    // storage and repository
    STORAGE_FULL = "DBB-STORAGE-FULL", Unavailable, permanent, "there is no space left";
    STORAGE_DENIED = "DBB-STORAGE-DENIED", Permission, permanent, "the storage denied access";
    STORAGE_READ_ONLY = "DBB-STORAGE-READ-ONLY", Permission, permanent, "the storage is read-only";
    STORAGE_IO = "DBB-STORAGE-IO", Unavailable, transient, "the storage failed";
    REPO_MISSING = "DBB-REPO-MISSING", Missing, permanent, "there is no repository there";
    REPO_FOREIGN = "DBB-REPO-FOREIGN", Input, permanent, "the place holds something else than a repository";
    REPO_NEWER = "DBB-REPO-NEWER", Input, permanent, "the repository's format is newer than this dbb";
    REPO_DAMAGED = "DBB-REPO-DAMAGED", Failed, permanent, "the repository is damaged";
    SNAPSHOT_UNKNOWN = "DBB-SNAPSHOT-UNKNOWN", Missing, permanent, "there is no such snapshot";
    SNAPSHOT_DAMAGED = "DBB-SNAPSHOT-DAMAGED", Failed, permanent, "a snapshot is not whole";
    UNENCRYPTED = "DBB-UNENCRYPTED", Permission, permanent, "the repository is not encrypted";
    // restore
    RESTORE_EXISTS = "DBB-RESTORE-EXISTS", Input, permanent, "the target database already exists";
    RESTORE_ALLOW = "DBB-RESTORE-ALLOW", Permission, permanent, "the target does not allow this";
    RESTORE_RIGHTS = "DBB-RESTORE-RIGHTS", Permission, permanent, "the role may not do what the restore needs";
    RESTORE_ROLES = "DBB-RESTORE-ROLES", Input, permanent, "roles are missing on the target";
    RESTORE_EXTENSION = "DBB-RESTORE-EXTENSION", Input, permanent, "an extension is not available on the target";
    RESTORE_LOCALE = "DBB-RESTORE-LOCALE", Input, permanent, "an encoding or collation is not available on the target";
    RESTORE_TABLESPACE = "DBB-RESTORE-TABLESPACE", Input, permanent, "a tablespace is missing on the target";
    RESTORE_VERSION = "DBB-RESTORE-VERSION", Input, permanent, "the target is older than the snapshot's server";
    RESTORE_SELECTION = "DBB-RESTORE-SELECTION", Input, permanent, "an include or exclude matches nothing";
    RESTORE_STATE = "DBB-RESTORE-STATE", Failed, permanent, "the target is not as this run left it";
    VERIFY_MISMATCH = "DBB-VERIFY-MISMATCH", Failed, permanent, "restored rows differ from the snapshot";
}

/// The row named `name`, in any letter case, with or without the `DBB-` in front.
pub fn find(name: &str) -> Option<&'static Code> {
    let upper = name.to_ascii_uppercase();
    ALL.iter().copied().find(|code| code.name == upper || code.name.strip_prefix("DBB-") == Some(upper.as_str()))
}
