//! The floors of the house: a file imports only from floors below its own,
//! neighbours on the floor of adapters do not know each other, and what a
//! driver or a framework offers is used in one room only.

use std::path::{Path, PathBuf};

/// Folders of `src/` by floor, lowest first.
const FLOORS: &[&[&str]] = &[
    &["base", "error"],
    &["model"],
    &["port"],
    &["config", "plan", "codec"],
    &["repository", "journal", "engine", "storage", "secret"],
    &["apply"],
    &["app"],
    &["cli"],
];

/// Crates and the only folders that may name them.
const ROOMS: &[(&str, &[&str])] = &[
    ("tokio_postgres", &["engine/postgres"]),
    ("tokio_postgres_rustls", &["engine/postgres"]),
    ("rustls", &["engine/postgres"]),
    ("clap", &["cli"]),
    ("clap_complete", &["cli"]),
    ("indicatif", &["cli"]),
    ("annotate_snippets", &["cli"]),
    ("anstyle", &["cli"]),
    ("petgraph", &["plan/graph"]),
    ("serde_saphyr", &["config"]),
    ("jsonschema", &["config"]),
    ("zstd", &["codec"]),
    ("flate2", &["codec"]),
    ("liblzma", &["codec"]),
    ("lz4_flex", &["codec"]),
    ("rpassword", &["secret"]),
];

/// Floors without network, clock or files.
const QUIET: &[&str] = &["model", "plan", "codec", "config", "port"];

fn floor(folder: &str) -> Option<usize> {
    FLOORS.iter().position(|floor| floor.contains(&folder))
}

fn sources(folder: &Path, into: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).expect("src can be read").flatten() {
        let path = entry.path();
        if path.is_dir() {
            sources(&path, into);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            into.push(path);
        }
    }
}

/// Names behind every `needle` in the code of a file; comments do not count.
fn after<'a>(text: &'a str, needle: &str) -> Vec<&'a str> {
    let code = text.lines().filter(|line| !line.trim_start().starts_with("//"));
    let mut names = Vec::new();
    for line in code {
        let mut rest = line;
        while let Some(at) = rest.find(needle) {
            rest = &rest[at + needle.len()..];
            names.push(rest.split(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap_or_default());
        }
    }
    names
}

/// Folders that `crate::{a, b}` and `crate::a` name.
fn imports(text: &str) -> Vec<String> {
    let mut all: Vec<String> = after(text, "crate::").into_iter().map(str::to_owned).collect();
    for part in text.split("crate::{").skip(1) {
        let inner = part.split('}').next().unwrap_or_default();
        all.extend(inner.split(',').map(|name| name.trim().split("::").next().unwrap_or_default().to_owned()));
    }
    all
}

#[test]
fn a_file_imports_only_from_floors_below() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    sources(&root, &mut files);
    let mut wrong = Vec::new();
    let mut seen = 0;
    for file in files {
        let place = file.strip_prefix(&root).expect("below src").display().to_string();
        let own = place.split('/').next().unwrap_or_default().to_owned();
        let Some(own_floor) = floor(&own) else { continue };
        let text = std::fs::read_to_string(&file).expect("readable");
        for name in imports(&text) {
            let Some(other) = floor(&name) else { continue };
            seen += 1;
            if other > own_floor {
                wrong.push(format!("{place} imports {name}, which is above it"));
            }
            let neighbours = own_floor == 4 && other == 4 && own != name;
            if neighbours {
                wrong.push(format!("{place} imports its neighbour {name}"));
            }
        }
        for (library, rooms) in ROOMS {
            let named = text.lines().any(|line| {
                let line = line.trim_start();
                !line.starts_with("//")
                    && (line.contains(&format!("{library}::")) || line.contains(&format!("use {library};")))
            });
            if named && !rooms.iter().any(|room| place.starts_with(room)) {
                wrong.push(format!("{place} names {library}, which belongs in {}", rooms.join(", ")));
            }
        }
        if QUIET.contains(&own.as_str()) {
            for forbidden in ["std::fs::", "std::env::", "std::net::", "SystemTime", "Timestamp::now", "tokio::"] {
                if text.lines().any(|line| !line.trim_start().starts_with("//") && line.contains(forbidden)) {
                    wrong.push(format!("{place} uses {forbidden}, which its floor does without"));
                }
            }
        }
    }
    assert!(seen > 500, "only {seen} imports were found: the check looks in the wrong place");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn only_the_views_write_to_a_stream() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    sources(&root, &mut files);
    for file in files {
        let place = file.strip_prefix(&root).expect("below src").display().to_string();
        let text = std::fs::read_to_string(&file).expect("readable");
        let prints = ["println!", "eprintln!", "print!(", "io::stdout()", "io::stderr()"]
            .iter()
            .any(|word| text.lines().any(|line| !line.trim_start().starts_with("//") && line.contains(word)));
        assert!(!prints || place.starts_with("cli/"), "{place} writes to a stream");
    }
}

#[test]
fn every_code_has_a_page_that_helps() {
    for code in dbb::error::code::ALL {
        let page = code.page;
        assert!(page.starts_with(&format!("# {}: ", code.name)), "{} has another heading", code.name);
        for part in ["## What happened", "## What to do"] {
            assert!(page.contains(part), "docs/errors/{}.md lacks \"{part}\"", code.name);
        }
    }
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/errors");
    for entry in std::fs::read_dir(folder).expect("readable").flatten() {
        let name = entry.path().file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
        assert!(dbb::error::code::find(&name).is_some(), "docs/errors/{name}.md belongs to no code");
    }
}
