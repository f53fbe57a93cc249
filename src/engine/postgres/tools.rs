//! Finds the pg_dump that fits a server.

use crate::engine::postgres::Postgres;
use crate::error::{Error, Result, code};
use crate::model::desired::ServerSpec;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

/// A pg_dump.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tool {
    /// Where it is.
    pub path: PathBuf,
    /// Its version, e.g. `15.18`.
    pub version: String,
    /// Its major version.
    pub major: u32,
}

/// The newest pg_dump whose archives dbb reads.
const MAJOR_MAX: u32 = 18;
/// Time for `pg_dump --version`.
const VERSION_WAIT: Duration = Duration::from_secs(10);
/// Directories of Debian's and of PGDG's RPM packages.
const PACKAGED: [(&str, &str); 2] = [("/usr/lib/postgresql", ""), ("/usr", "pgsql-")];

/// Finds the pg_dump for a server of `major`: the one of `client_bin` when the config names a
/// directory; else the same major, for a newer one may print what its own server alone understands
/// or refuses; else the lowest newer one.
///
/// # Errors
/// `DBB-PG-TOOL-MISSING`, `DBB-PG-TOOL-OLD`
pub async fn find(engine: &Postgres, server: &ServerSpec, major: u32) -> Result<Tool> {
    if let Some(dir) = &server.client_bin {
        let path = dir.join("pg_dump");
        let Some(tool) = probe(&path).await else {
            return Err(Error::new(code::PG_TOOL_MISSING, format!("there is no working pg_dump in {}", dir.display()))
                .cause(format!("client_bin of servers.{} ({}) names that directory", server.name, server.place))
                .fix("Point client_bin at the directory that holds pg_dump, or leave it out")
                .fix(install(major)));
        };
        return if tool.major < major { Err(old(server, major, &[tool])) } else { Ok(tool) };
    }
    let mut found = Vec::new();
    for path in candidates(engine) {
        if let Some(tool) = probe(&path).await {
            if tool.major == major {
                return Ok(tool);
            }
            found.push(tool);
        }
    }
    choose(found, major).map_err(|older| match older.is_empty() {
        true => Error::new(code::PG_TOOL_MISSING, format!("no pg_dump for PostgreSQL {major} was found"))
            .cause("looked into /usr/lib/postgresql/*/bin, /usr/pgsql-*/bin and the search path")
            .fix(install(major))
            .fix(format!("Or set client_bin of servers.{} to the directory that holds pg_dump", server.name)),
        false => old(server, major, &older),
    })
}

/// The lowest that is not older, or all there are.
fn choose(mut found: Vec<Tool>, major: u32) -> std::result::Result<Tool, Vec<Tool>> {
    found.sort_by_key(|tool| tool.major);
    match found.iter().position(|tool| (major..=MAJOR_MAX).contains(&tool.major)) {
        Some(position) => Ok(found.swap_remove(position)),
        None => Err(found),
    }
}

fn old(server: &ServerSpec, major: u32, found: &[Tool]) -> Error {
    let listed: Vec<String> = found.iter().map(|tool| format!("{} ({})", tool.path.display(), tool.version)).collect();
    Error::new(
        code::PG_TOOL_OLD,
        format!("servers.{} runs PostgreSQL {major}; every pg_dump here is older or unknown", server.name),
    )
    .cause(format!("found {}; an older pg_dump cannot read a newer server", listed.join(", ")))
    .fix(install(major))
    .fix(format!("Or set client_bin of servers.{} to the directory that holds a pg_dump {major}", server.name))
}

fn install(major: u32) -> String {
    format!(
        "Install the client: apt install postgresql-client-{major} (Debian, Ubuntu; from PGDG's repository if the \
         distribution has it not), or dnf install postgresql{major} (RPM)"
    )
}

/// Every place where a pg_dump may be, packaged ones first.
fn candidates(engine: &Postgres) -> Vec<PathBuf> {
    let mut paths = Vec::new();
    for (parent, prefix) in PACKAGED {
        let mut here: Vec<PathBuf> = std::fs::read_dir(parent)
            .into_iter()
            .flatten()
            .flatten()
            .filter(|entry| entry.file_name().to_string_lossy().strip_prefix(prefix).is_some_and(is_version))
            .map(|entry| entry.path().join("bin").join("pg_dump"))
            .filter(|path| path.is_file())
            .collect();
        here.sort();
        paths.extend(here);
    }
    for dir in &engine.tools_path {
        let path = dir.join("pg_dump");
        if path.is_file() && !paths.contains(&path) {
            paths.push(path);
        }
    }
    paths
}

fn is_version(name: &str) -> bool {
    name.starts_with(|first: char| first.is_ascii_digit())
}

/// Asks a pg_dump for its version; `None` when there is no working one.
async fn probe(path: &Path) -> Option<Tool> {
    let child = tokio::process::Command::new(path)
        .arg("--version")
        .env_clear()
        .env("LC_ALL", "C")
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .output();
    let output = tokio::time::timeout(VERSION_WAIT, child).await.ok()?.ok()?;
    if !output.status.success() {
        return None;
    }
    let (version, major) = version(std::str::from_utf8(&output.stdout).ok()?)?;
    Some(Tool { path: path.to_owned(), version, major })
}

/// From `pg_dump (PostgreSQL) 15.18 (Debian 15.18-1)`: `15.18` and 15.
fn version(text: &str) -> Option<(String, u32)> {
    let rest = text.split_once(") ")?.1;
    let version: String = rest.chars().take_while(|c| c.is_ascii_digit() || *c == '.').collect();
    let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
    Some((version, digits.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tool(major: u32) -> Tool {
        Tool { path: PathBuf::from(format!("/pg{major}")), version: major.to_string(), major }
    }

    #[test]
    fn versions_are_read() {
        assert_eq!(version("pg_dump (PostgreSQL) 15.18 (Debian 15.18-1)\n"), Some(("15.18".into(), 15)));
        assert_eq!(version("pg_dump (PostgreSQL) 18beta1\n"), Some(("18".into(), 18)));
        assert_eq!(version("bash: not found"), None);
    }

    #[test]
    fn the_lowest_newer_one_is_taken_and_never_an_older_one() {
        assert_eq!(choose(vec![tool(18), tool(13), tool(16)], 14).map(|tool| tool.major), Ok(16));
        assert_eq!(choose(vec![tool(13), tool(12)], 14).map_err(|older| older.len()), Err(2));
        assert_eq!(choose(vec![tool(19)], 14).map_err(|older| older.len()), Err(1));
    }
}
