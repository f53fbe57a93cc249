//! A fixture's folder, as `fixtures/README.md` explains it.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::support::Oracle;
use crate::support::cluster::Cluster;
use crate::support::psql::quoted;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fixture {
    #[serde(skip)]
    pub name: String,
    pub trap: u32,
    #[serde(rename = "title")]
    _title: String,
    #[serde(rename = "kind")]
    _kind: String,
    #[serde(rename = "scenario")]
    _scenario: Option<String>,
    min_version: u32,
    max_version: Option<u32>,
    #[serde(default)]
    heavy: bool,
    #[serde(default)]
    database: Database,
    #[serde(default)]
    more: Vec<Database>,
    #[serde(default)]
    pub roles: Vec<String>,
    #[serde(rename = "extensions", default)]
    _extensions: Vec<String>,
    extension_files: Option<PathBuf>,
    #[serde(default)]
    oracle: Leniency,
    #[serde(default)]
    oracle_across: Leniency,
    #[serde(default)]
    pub secrets: Vec<String>,
    pub canary_file: Option<String>,
    #[serde(rename = "no_digests", default)]
    pub rows_by_checks_only: bool,
    #[serde(default)]
    checks: Vec<Check>,
    #[serde(rename = "pg_restore")]
    _pg_restore: Option<serde_json::Value>,
    pub notes: String,
}

/// One database of a fixture.
#[derive(Deserialize, Default, Clone)]
#[serde(deny_unknown_fields, default)]
pub struct Database {
    pub name: String,
    encoding: Option<String>,
    locale: Option<String>,
    provider: Option<String>,
    icu_locale: Option<String>,
    builtin_locale: Option<String>,
    requires: Option<String>,
    min_version: u32,
    sql: Option<String>,
    pub refused: Option<Refusal>,
    pub checks: Vec<Check>,
}

/// A database that is not captured: the error's code, and what it says.
#[derive(Deserialize, Clone)]
#[serde(deny_unknown_fields)]
pub struct Refusal {
    pub code: String,
    pub says: Vec<String>,
}

#[derive(Deserialize, Clone)]
#[serde(deny_unknown_fields)]
pub struct Check {
    pub sql: String,
    pub expect: String,
    #[serde(default)]
    pub sorted: bool,
    #[serde(default)]
    min_version: u32,
    max_version: Option<u32>,
    #[serde(rename = "own_database", default)]
    _own_database: bool,
    #[serde(rename = "target", default)]
    _target: bool,
}

/// What the oracle does not compare.
#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
struct Leniency {
    by_root: bool,
    by_reference: bool,
    without_tablespaces: bool,
    skip_data: Vec<String>,
    ignoring: Vec<String>,
    replacing: Vec<(String, String)>,
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/live/fixtures")
}

/// Names of the folders.
pub fn folders() -> BTreeSet<String> {
    let entries = std::fs::read_dir(root()).expect("tests/live/fixtures is readable");
    let entries = entries.map(|entry| entry.expect("an entry is readable"));
    entries.filter(|entry| entry.path().is_dir()).map(|entry| entry.file_name().into_string().unwrap()).collect()
}

impl Fixture {
    pub fn read(name: &str) -> Self {
        let path = root().join(name).join("fixture.json");
        let text = std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let mut fixture: Self =
            serde_json::from_slice(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        fixture.name = name.to_owned();
        fixture
    }

    /// Whether this pair of majors is tried.
    pub fn runs(&self, source: u32, target: u32) -> bool {
        let fits = source >= self.min_version && self.max_version.is_none_or(|max| source <= max);
        fits && (!self.heavy || (source, target) == (15, 15))
    }

    /// Its databases on a server of `major`: the main one first, with its name and checks filled in.
    pub fn databases(&self, major: u32) -> Vec<Database> {
        let mut main = self.database.clone();
        if main.name.is_empty() {
            main.name.clone_from(&self.name);
        }
        main.checks.clone_from(&self.checks);
        let more = self.more.iter().filter(|database| database.min_version <= major).cloned();
        std::iter::once(main).chain(more).collect()
    }

    /// The files that build a database; `same_major`: it goes to no server of another major.
    pub fn scripts(&self, database: &Database, major: u32, same_major: bool) -> Vec<PathBuf> {
        let folder = root().join(&self.name);
        if let Some(sql) = &database.sql {
            return vec![folder.join(sql)];
        }
        let newer = folder.join("source.18.sql");
        let same = folder.join("source.same_major.sql");
        let mut scripts = vec![folder.join("source.sql")];
        scripts.extend((major >= 18 && newer.exists()).then_some(newer));
        scripts.extend((same_major && same.exists()).then_some(same));
        scripts
    }

    /// Whether what goes to the same major is more than what goes to others.
    pub fn differs_by_target(&self) -> bool {
        root().join(&self.name).join("source.same_major.sql").exists()
    }

    /// Puts the files of its test extensions where servers of this major look for them.
    pub fn install_extensions(&self, cluster: &Cluster) {
        let Some(folder) = &self.extension_files else { return };
        let shared = std::process::Command::new(cluster.bin("pg_config")).arg("--sharedir").output();
        let shared = String::from_utf8(shared.expect("pg_config runs").stdout).expect("a path in UTF-8");
        let to = Path::new(shared.trim()).join("extension");
        for entry in std::fs::read_dir(root().join(&self.name).join(folder)).expect("extension_files exists") {
            let from = entry.expect("an entry is readable").path();
            let to = to.join(from.file_name().expect("a file has a name"));
            // Written beside and renamed: another test's server may read it right now.
            let beside = to.with_extension(format!("new-{}", std::process::id()));
            let copied = std::fs::copy(&from, &beside).and_then(|_| std::fs::rename(&beside, &to));
            copied.unwrap_or_else(|error| panic!("test extension {}: {error}", to.display()));
        }
    }

    /// The judge of a restore from one major to another, or to the same.
    pub fn oracle(&self, from: u32, to: u32) -> Oracle {
        let oracle = self.oracle.of(Oracle::new());
        if from == to { oracle } else { self.oracle_across.of(oracle) }
    }
}

impl Leniency {
    fn of(&self, mut oracle: Oracle) -> Oracle {
        if self.by_root {
            oracle = oracle.by_root();
        }
        if self.by_reference {
            oracle = oracle.by_reference();
        }
        if self.without_tablespaces {
            oracle = oracle.without_tablespaces();
        }
        let oracle = self.skip_data.iter().fold(oracle, |oracle, table| oracle.skip_data(table));
        let oracle = self.ignoring.iter().fold(oracle, |oracle, text| oracle.ignoring(text));
        self.replacing.iter().fold(oracle, |oracle, (from, to)| oracle.replacing(from, to))
    }
}

impl Database {
    /// Whether this server can hold it.
    pub fn fits_on(&self, cluster: &Cluster) -> bool {
        self.requires.as_deref() != Some("icu") || has_icu(cluster)
    }

    pub fn create(&self, cluster: &Cluster) {
        let literal = |text: &str| format!("'{}'", text.replace('\'', "''"));
        let encoding = literal(self.encoding.as_deref().unwrap_or("UTF8"));
        let locale = literal(self.locale.as_deref().unwrap_or("C.UTF-8"));
        let provider = match (self.provider.as_deref(), &self.icu_locale, &self.builtin_locale) {
            (Some("icu"), Some(icu), _) => format!("LOCALE_PROVIDER icu ICU_LOCALE {}", literal(icu)),
            (Some("builtin"), _, Some(own)) => format!("LOCALE_PROVIDER builtin BUILTIN_LOCALE {}", literal(own)),
            _ => String::new(),
        };
        let name = quoted(&self.name);
        let sql = format!("CREATE DATABASE {name} TEMPLATE template0 ENCODING {encoding} LOCALE {locale} {provider};");
        cluster.psql("postgres", &sql);
    }
}

impl Check {
    pub fn applies(&self, source: u32) -> bool {
        source >= self.min_version && self.max_version.is_none_or(|max| source <= max)
    }
}

fn has_icu(cluster: &Cluster) -> bool {
    // One collation of that provider is there in any build.
    cluster.query("postgres", "SELECT count(*) > 9 FROM pg_collation WHERE collprovider = 'i'") == "t"
}
