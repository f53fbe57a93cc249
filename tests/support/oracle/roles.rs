//! The statements of `pg_dumpall --roles-only` that concern some roles.

use std::time::Duration;

use super::CLIENT_MAJOR;
use crate::support::cluster::Cluster;
use crate::support::process;
use crate::support::psql::quoted;

/// `crossing`: one side is older than 16, whose memberships have no options and no reliable grantor.
#[track_caller]
pub(super) fn text(cluster: &Cluster, names: &[&str], crossing: bool) -> String {
    let mut dump = cluster.client(CLIENT_MAJOR, "pg_dumpall");
    dump.env("PGDATABASE", "postgres").args(["--roles-only", "--encoding=UTF8"]);
    let dump = process::must(&mut dump, Duration::from_secs(120)).stdout;
    let mut kept: Vec<String> = statements(&dump)
        .filter(|statement| names.iter().any(|name| mentions(statement, name)))
        .map(|statement| if crossing { without_options(statement) } else { statement.to_owned() })
        .collect();
    for name in names {
        let create = [format!("CREATE ROLE {name};"), format!("CREATE ROLE {};", quoted(name))];
        if !kept.iter().any(|statement| create.contains(statement)) {
            kept.push(format!("-- no role {name}"));
        }
    }
    kept.sort();
    kept.iter().map(|statement| format!("{statement}\n")).collect()
}

fn statements(dump: &str) -> impl Iterator<Item = &str> {
    let comment = |line: &str| line.starts_with("--") || line.starts_with('\\') || line.trim().is_empty();
    dump.split_inclusive(";\n").map(move |chunk| {
        let skipped: usize = chunk.split_inclusive('\n').take_while(|line| comment(line)).map(str::len).sum();
        chunk[skipped..].trim_end()
    })
}

/// Whether the role is named outside of string literals.
fn mentions(statement: &str, role: &str) -> bool {
    let outside: String = statement.split('\'').step_by(2).collect::<Vec<_>>().join(" ");
    let word = |c: char| c.is_alphanumeric() || c == '_' || c == '$';
    outside.contains(&quoted(role)) || outside.split(|c| !word(c)).any(|found| found == role)
}

fn without_options(statement: &str) -> String {
    if !statement.starts_with("GRANT ") {
        return statement.to_owned();
    }
    let bare = statement.trim_end_matches(';');
    let bare = bare.split(" GRANTED BY ").next().unwrap_or(bare);
    let (grant, options) = bare.split_once(" WITH ").unwrap_or((bare, ""));
    if options.contains("ADMIN") { format!("{grant} WITH ADMIN OPTION;") } else { format!("{grant};") }
}
