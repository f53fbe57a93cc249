//! Exit statuses: promises to scripts.

/// How the process ends. The numbers follow `sysexits.h` where it has one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum Exit {
    /// Done.
    Done = 0,
    /// The run ended with failed steps.
    Failed = 1,
    /// The command line is wrong.
    Usage = 2,
    /// `plan --detailed-exitcode`: there are changes.
    Changes = 10,
    /// `plan --detailed-exitcode`: there are changes, some destructive.
    Destructive = 11,
    /// Input is wrong: YAML, schema, references, a stale or tampered plan.
    Input = 64,
    /// Input is missing: config, plan, snapshot, state.
    Missing = 65,
    /// A service is unavailable: database, storage, secrets.
    Unavailable = 69,
    /// A bug in dbb.
    Bug = 70,
    /// Temporary: lock held, throttled, interrupted but resumable.
    Temporary = 75,
    /// Permission: login, privilege, key, policy denied.
    Permission = 77,
}
