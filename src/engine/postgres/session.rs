//! Settings of every session: fixed, so that bytes are stable and that a
//! database's or role's own settings (trap 53) can break nothing.

use crate::engine::postgres::connect::Purpose;
use crate::engine::postgres::quote;
use crate::model::desired::ServerSpec;

/// What `pg_stat_activity` shows.
pub const APPLICATION_NAME: &str = "dbb";
/// What it shows for sessions that restore.
pub const APPLICATION_NAME_RESTORE: &str = "dbb restore";

/// The `SET` statements for a server of `major` version, as one text. `superuser` adds what only one may set.
pub fn settings(server: &ServerSpec, purpose: Purpose, major: u32, superuser: bool) -> String {
    let mut set: Vec<(&str, String)> = vec![
        ("statement_timeout", millis(server.statement_timeout)),
        ("lock_timeout", millis(Some(server.lock_timeout))),
        ("idle_in_transaction_session_timeout", "0".into()),
        ("search_path", String::new()),
        ("client_encoding", "UTF8".into()),
        ("standard_conforming_strings", "on".into()),
        ("backslash_quote", "safe_encoding".into()),
        ("escape_string_warning", "off".into()),
        ("transform_null_equals", "off".into()),
        ("array_nulls", "on".into()),
        ("TimeZone", "UTC".into()),
        ("timezone_abbreviations", "Default".into()),
        ("DateStyle", "ISO, YMD".into()),
        ("IntervalStyle", "postgres".into()),
        ("extra_float_digits", "3".into()),
        ("bytea_output", "hex".into()),
        ("xmloption", "content".into()),
        ("xmlbinary", "base64".into()),
        // money is text by lc_monetary: one and the same for capture, restore and comparison
        ("lc_monetary", "C".into()),
        ("lc_numeric", "C".into()),
        ("lc_time", "C".into()),
        ("row_security", "off".into()),
        ("synchronize_seqscans", "off".into()),
        ("quote_all_identifiers", "off".into()),
        ("check_function_bodies", "off".into()),
        ("default_tablespace", String::new()),
        ("default_table_access_method", "heap".into()),
        ("default_transaction_isolation", "read committed".into()),
        ("default_transaction_deferrable", "off".into()),
        ("synchronous_commit", "on".into()),
        ("jit", "off".into()),
        ("client_min_messages", "warning".into()),
    ];
    let read_only = if purpose == Purpose::Restore { "off" } else { "on" };
    set.push(("default_transaction_read_only", read_only.into()));
    let name = if purpose == Purpose::Restore { APPLICATION_NAME_RESTORE } else { APPLICATION_NAME };
    set.push(("application_name", name.into()));
    if major >= 14 {
        set.push(("idle_session_timeout", "0".into()));
    }
    if major >= 17 {
        set.push(("transaction_timeout", "0".into()));
    }
    if superuser {
        set.push(("session_replication_role", "origin".into()));
        set.push(("lc_messages", "C".into()));
        set.push(("lo_compat_privileges", "off".into()));
    }
    let mut sql = String::new();
    for (name, value) in set {
        sql.push_str(&format!("SELECT pg_catalog.set_config('{name}', {}, false);\n", quote::literal(&value)));
    }
    sql
}

fn millis(limit: Option<std::time::Duration>) -> String {
    limit.map_or(0, |limit| limit.as_millis().clamp(1, i32::MAX as u128)).to_string()
}
