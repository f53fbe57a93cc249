//! What a database looks like at one moment.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use serde_json::Value;

use super::{CLIENT_MAJOR, Oracle, Side};
use crate::support::process;
use crate::support::psql::quoted;

pub(super) const LOOK_LIMIT: Duration = Duration::from_secs(600);
const ROWS_SHOWN_MAX: u64 = 20_000;

#[derive(Clone, Debug, PartialEq)]
pub struct Portrait {
    /// The server's major version.
    pub major: u32,
    /// Normalised text of `pg_dump --schema-only`.
    pub schema: String,
    /// Lines of `facts.sql` but the rows, sorted.
    pub facts: Vec<String>,
    /// By quoted `"schema"."table"`.
    pub tables: BTreeMap<String, Digest>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Digest {
    pub rows: u64,
    pub sums: (String, String),
}

impl Portrait {
    #[track_caller]
    pub(super) fn take(oracle: &Oracle, side: Side<'_>) -> Self {
        let (major, schema) = (side.0.major, schema(oracle, side));
        let mut portrait = Self { major, schema, facts: Vec::new(), tables: BTreeMap::new() };
        for line in facts(oracle, side).lines() {
            let Ok(Value::Array(fact)) = serde_json::from_str(line) else { panic!("facts.sql said {line:?}") };
            portrait.add(oracle, line, &fact);
        }
        portrait.facts.sort();
        portrait
    }

    fn add(&mut self, oracle: &Oracle, line: &str, fact: &[Value]) {
        let text = |i: usize| fact.get(i).and_then(Value::as_str).unwrap_or_default();
        let (kind, schema, name) = (text(0), text(1), text(2));
        if oracle.leaves_out(kind, schema) {
            return;
        }
        if kind != "rows" {
            self.facts.push(line.to_owned());
        } else if !oracle.skips_data(schema, name) {
            let rows = fact.get(3).and_then(Value::as_u64).expect("a number of rows");
            let digest = Digest { rows, sums: (text(4).to_owned(), text(5).to_owned()) };
            self.tables.insert(format!("{}.{}", quoted(schema), quoted(name)), digest);
        }
    }
}

impl Oracle {
    fn leaves_out(&self, kind: &str, schema: &str) -> bool {
        let skipped = self.skip_schemas.iter().any(|skipped| skipped == schema);
        let outside = !self.only_schemas.is_empty() && !self.only_schemas.iter().any(|only| only == schema);
        skipped || outside || (kind == "property" && self.without_properties)
    }

    fn skips_data(&self, schema: &str, name: &str) -> bool {
        self.skip_data.iter().any(|skipped| *skipped == format!("{schema}.{name}") || *skipped == format!("{schema}.*"))
    }
}

#[track_caller]
pub(super) fn schema(oracle: &Oracle, (cluster, database): Side<'_>) -> String {
    let mut dump = cluster.client(CLIENT_MAJOR, "pg_dump");
    dump.env("PGDATABASE", database).arg("--schema-only").arg(format!("--encoding={}", encoding((cluster, database))));
    dump.args(oracle.without_tablespaces.then_some("--no-tablespaces"));
    dump.args(oracle.only_schemas.iter().map(|name| format!("--schema={}", quoted(name))));
    dump.args(oracle.skip_schemas.iter().map(|name| format!("--exclude-schema={}", quoted(name))));
    normalised(&process::must(&mut dump, LOOK_LIMIT).stdout)
}

/// What text is asked for in: of a database whose bytes may be anything, none but these bytes can be had.
#[track_caller]
fn encoding((cluster, database): Side<'_>) -> &'static str {
    let own = cluster.query(database, "SELECT pg_catalog.getdatabaseencoding()");
    if own == "SQL_ASCII" { "SQL_ASCII" } else { "UTF8" }
}

/// Takes away what differs between two dumps of the same schema.
fn normalised(dump: &str) -> String {
    let noise = |line: &str| {
        // A random key guards each dump against injected meta-commands.
        line.starts_with("\\restrict ")
            || line.starts_with("\\unrestrict ")
            || line.starts_with("-- Dumped from database version ")
            || line.starts_with("-- Dumped by pg_dump version ")
            // of the session that replays a dump, and written only where some table needs it
            || line == "SET default_tablespace = '';"
            // Internal to some 15 servers; see the 51st trap.
            || (line.starts_with("ALTER TABLE ") && line.contains(" SET (pg_attver="))
    };
    let mut lines: Vec<String> = dump.lines().filter(|line| !noise(line)).map(with_policy_roles_sorted).collect();
    // the empty lines around what was taken away
    lines.dedup_by(|line, before| line.is_empty() && before.is_empty());
    lines.into_iter().map(|line| line + "\n").collect()
}

/// pg_dump lists the roles of a policy in whatever order the catalog has them.
fn with_policy_roles_sorted(line: &str) -> String {
    let end = [" USING (", " WITH CHECK (", ";"].iter().filter_map(|mark| line.find(mark)).min();
    let start = end.and_then(|end| line[..end].rfind(" TO ")).map(|start| start + " TO ".len());
    let (Some(start), Some(end), true) = (start, end, line.starts_with("CREATE POLICY ")) else {
        return line.to_owned();
    };
    let mut roles: Vec<&str> = line[start..end].split(", ").collect();
    roles.sort_unstable();
    format!("{}{}{}", &line[..start], roles.join(", "), &line[end..])
}

#[track_caller]
fn facts(oracle: &Oracle, (cluster, database): Side<'_>) -> String {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/support/oracle/facts.sql");
    let mut psql = cluster.client(CLIENT_MAJOR, "psql");
    psql.env("PGDATABASE", database).env("PGCLIENTENCODING", encoding((cluster, database)));
    psql.args(["-X", "-q", "-At", "-v", "ON_ERROR_STOP=1"]);
    psql.arg("-v").arg(format!("by_root={}", if oracle.by_root { "on" } else { "off" }));
    process::must(psql.arg("-f").arg(script), LOOK_LIMIT).stdout
}

/// All rows of a table in a fixed order, unless they are too many to show.
pub(super) fn rows((cluster, database): Side<'_>, table: &str) -> Option<String> {
    let count: u64 = cluster.query(database, &format!("SELECT count(*) FROM {table}")).parse().ok()?;
    let query = format!("SELECT ROW(d.*)::text FROM {table} AS d ORDER BY ROW(d.*)::text COLLATE \"C\"");
    (count <= ROWS_SHOWN_MAX).then(|| cluster.query(database, &query) + "\n")
}
