//! What the design of the config has and this version does not: refused by name, with the way
//! around, so that nobody hunts a typing error that is none.

use crate::config::node::parts;

/// A key or a value that is recognised and refused.
pub struct Unsupported {
    /// Where: parts of the path, `*` is any name.
    path: &'static str,
    /// The value, or `None` when it is the key as such.
    value: Option<&'static str>,
    /// What it is, for the message.
    pub what: &'static str,
    /// What to do instead.
    pub instead: &'static str,
}

const fn key(path: &'static str, what: &'static str, instead: &'static str) -> Unsupported {
    Unsupported { path, value: None, what, instead }
}

const fn value(path: &'static str, value: &'static str, what: &'static str, instead: &'static str) -> Unsupported {
    Unsupported { path, value: Some(value), what, instead }
}

const ENCRYPTION: &str = "remove it, and protect the repository's directory by its rights and an encrypted disk";
const RETENTION: &str = "remove it: this version removes no snapshots";
const MODE: &str = "remove it: every backup of this version is a full one";
const HOOKS: &str = "remove it, and run the command before or after dbb in the job that starts it";
const VERIFY: &str = "remove it, and rehearse with a restore runbook that says \"verify: rows\"";
const EXPECT: &str = "remove it, and compare the sizes that \"dbb snapshots\" shows";
const COPIES: &str = "remove it, and copy the repository's directory with your own tools";
const STAMPS: &str = "remove it: times are shown with their zone";
const MOUNT: &str = "use \"type: local\" with a path, e.g. of a mounted file system";
const ENGINE: &str = "remove the server and its databases: this version backs up PostgreSQL";
const CONDITION: &str = "remove it, and check it in the job that starts dbb";

/// The table for the config.
pub const CONFIG: &[Unsupported] = &[
    key("security", "demanding encryption", ENCRYPTION),
    key("keys", "encryption by keys", ENCRYPTION),
    key("retention", "retention", RETENTION),
    key("hooks", "hooks", HOOKS),
    key("policies", "policies", "remove it, and review the text of \"dbb plan\""),
    key("notify", "notifications", "remove it, and go by the exit code"),
    key("copies", "copies", COPIES),
    key("defaults/retention", "retention", RETENTION),
    key("defaults/mode", "the choice of a mode", MODE),
    key("defaults/key", "encryption by keys", ENCRYPTION),
    key("defaults/hooks", "hooks", HOOKS),
    key("defaults/verify", "scheduled verification", VERIFY),
    key("defaults/expect", "expectations", EXPECT),
    key("defaults/copies", "copies", COPIES),
    key("defaults/timestamps", "the choice of timestamps", STAMPS),
    key("repositories/*/key", "encryption by keys", ENCRYPTION),
    key("repositories/*/keys", "encryption by keys", ENCRYPTION),
    key("repositories/*/copies", "copies", COPIES),
    key("repositories/*/retention", "retention", RETENTION),
    value("repositories/*/type", "s3", "object storage (s3)", MOUNT),
    value("repositories/*/type", "azure", "object storage (azure)", MOUNT),
    value("repositories/*/type", "gcs", "object storage (gcs)", MOUNT),
    value("servers/*/engine", "mysql", "MySQL", ENGINE),
    value("servers/*/engine", "mariadb", "MariaDB", ENGINE),
    key("servers/*/timestamps", "the choice of timestamps", STAMPS),
    key("servers/*/hooks", "hooks", HOOKS),
    key(
        "servers/*/password/vault",
        "reading secrets from a vault",
        "use {env: NAME}, {file: PATH} or {command: [PROGRAM, ARGUMENT]}, e.g. with the vault's own client",
    ),
    key("databases/*/key", "encryption by keys", ENCRYPTION),
    key("databases/*/retention", "retention", RETENTION),
    key("databases/*/mode", "the choice of a mode", MODE),
    key("databases/*/hooks", "hooks", HOOKS),
    key("databases/*/expect", "expectations", EXPECT),
    key("databases/*/verify", "scheduled verification", VERIFY),
    key("databases/*/copies", "copies", COPIES),
    key("databases/*/timestamps", "the choice of timestamps", STAMPS),
];

/// The table for the runbook.
pub const RUNBOOK: &[Unsupported] = &[
    value(
        "existing",
        "swap",
        "swapping with an existing database",
        "use \"existing: replace\", or \"to: {rename: }\" to restore beside it",
    ),
    key(
        "on_error/failed_database",
        "the choice of what happens to a failed database",
        "remove it: a database that failed is kept as it is",
    ),
    key("preconditions", "preconditions", CONDITION),
    key("postconditions", "postconditions", CONDITION),
    key("hooks", "hooks", HOOKS),
];

/// The row for a key.
pub fn find_key(table: &'static [Unsupported], pointer: &str) -> Option<&'static Unsupported> {
    table.iter().find(|row| row.value.is_none() && matches(row.path, pointer))
}

/// The row for a value.
pub fn find_value(table: &'static [Unsupported], pointer: &str, text: &str) -> Option<&'static Unsupported> {
    table.iter().find(|row| row.value == Some(text) && matches(row.path, pointer))
}

/// True when one path pattern fits a pointer: `servers/*/password` and `/servers/pg/password`.
pub fn matches(pattern: &str, pointer: &str) -> bool {
    let parts = parts(pointer);
    let pattern: Vec<&str> = pattern.split('/').collect();
    pattern.len() == parts.len() && pattern.iter().zip(&parts).all(|(want, have)| *want == "*" || want == have)
}
