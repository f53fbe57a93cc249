//! The config and runbooks: each folder of `tests/data/config` holds files and what comes of them.
//! `DBB_UPDATE=1` rewrites the expectations; read the difference before committing it.

use dbb::config::{FileSource, Loaded, Source, load, load_runbook, resolved, schema};
use dbb::error::{Error, Spot};
use dbb::secret::files::RealFiles;
use serde_json::Value;
use std::collections::BTreeMap;
use std::fmt::Write;
use std::io;
use std::path::{Path, PathBuf};

fn here(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// The files of a case, as if they stood in `/case`. A file whose name begins with `open` may be read by others.
struct Case(PathBuf);

impl FileSource for Case {
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        RealFiles.read(&self.0.join(path.strip_prefix("/case").unwrap_or(path)))
    }
    fn glob(&self, pattern: &str) -> io::Result<Vec<PathBuf>> {
        let inside = pattern.strip_prefix("/case/").unwrap_or(pattern);
        let found = RealFiles.glob(&self.0.join(inside).display().to_string())?;
        Ok(found
            .iter()
            .filter_map(|path| path.strip_prefix(&self.0).ok())
            .map(|p| Path::new("/case").join(p))
            .collect())
    }
    fn absolute(&self, path: &Path) -> PathBuf {
        Path::new("/case").join(path)
    }
    fn is_open_to_others(&self, path: &Path) -> io::Result<bool> {
        Ok(path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("open")))
    }
}

/// Files in memory.
#[derive(Default)]
struct Memory(BTreeMap<PathBuf, Vec<u8>>);

impl Memory {
    fn of(text: impl Into<Vec<u8>>) -> Self {
        Memory(BTreeMap::from([(PathBuf::from("dbb.yaml"), text.into())]))
    }
}

impl FileSource for Memory {
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        self.0.get(path).cloned().ok_or_else(|| io::ErrorKind::NotFound.into())
    }
    fn glob(&self, _: &str) -> io::Result<Vec<PathBuf>> {
        Ok(Vec::new())
    }
    fn absolute(&self, path: &Path) -> PathBuf {
        Path::new("/etc").join(path)
    }
    fn is_open_to_others(&self, _: &Path) -> io::Result<bool> {
        Ok(false)
    }
}

fn show_spot(case: &Path, spot: &Spot) -> String {
    let text = std::fs::read(case.join(&spot.file)).unwrap_or_default();
    let at = text.get(spot.bytes.clone()).map(String::from_utf8_lossy).unwrap_or_default();
    format!("{}:{}:{} `{}` <- {}", spot.file, spot.line, spot.column, at.lines().next().unwrap_or(""), spot.label)
}

fn show(case: &Path, word: &str, error: &Error, out: &mut String) {
    writeln!(out, "{word}[{}]: {}", error.code().name, error.message()).expect("a string");
    for spot in error.spots() {
        writeln!(out, "  at    {}", show_spot(case, spot)).expect("a string");
    }
    for cause in error.causes() {
        writeln!(out, "  cause {cause}").expect("a string");
    }
    for fix in error.fixes() {
        writeln!(out, "  fix   {fix}").expect("a string");
    }
}

/// Every value with where it came from, one a line.
fn show_resolved(pointer: &str, value: &Value, out: &mut String) {
    match (value.get("from"), value.get("value")) {
        (Some(from), Some(value)) => {
            writeln!(out, "{} = {value} <- {}", &pointer[1..], from.as_str().unwrap_or("?")).expect("a string");
        }
        _ => {
            for (key, value) in value.as_object().into_iter().flatten() {
                show_resolved(&format!("{pointer}.{key}"), value, out);
            }
        }
    }
}

fn check(case: &Path) -> String {
    let files = Case(case.to_owned());
    let mut out = String::new();
    let Loaded { desired, problems, warnings } = load(&files, Path::new("dbb.yaml"));
    problems.iter().for_each(|problem| show(case, "error", problem, &mut out));
    warnings.iter().for_each(|warning| show(case, "warning", warning, &mut out));
    for problem in &problems {
        assert!(!problem.fixes().is_empty(), "no fix: {problem}");
        assert!(problem.message().starts_with(|c: char| !c.is_uppercase() || c == 'M' || c == 'P'), "{problem}");
    }
    let runbook = case.join("restore.yaml");
    match (desired, runbook.exists()) {
        (None, _) => assert!(!problems.is_empty(), "{}: neither a config nor a problem", case.display()),
        (Some(desired), false) => show_resolved("", &resolved(&desired), &mut out),
        (Some(desired), true) => {
            let (runbook, problems) = load_runbook(&files, Source::File(Path::new("restore.yaml")), &desired);
            problems.iter().for_each(|problem| show(case, "error", problem, &mut out));
            assert_eq!(runbook.is_some(), problems.is_empty());
            if let Some(runbook) = runbook {
                let json = serde_json::to_string_pretty(&runbook).expect("plain data");
                writeln!(out, "{json}").expect("a string");
            }
        }
    }
    out
}

fn same_or_update(path: &Path, have: &str) -> bool {
    let want = std::fs::read_to_string(path).unwrap_or_default();
    if want == have {
        return true;
    }
    if std::env::var_os("DBB_UPDATE").is_some() {
        std::fs::write(path, have).expect("written");
        return true;
    }
    let name = path.display();
    println!("{}", similar::TextDiff::from_lines(&want, have).unified_diff().header(&name.to_string(), "now"));
    false
}

#[test]
fn each_case_says_what_it_should() {
    let mut cases: Vec<PathBuf> = std::fs::read_dir(here("tests/data/config"))
        .expect("cases")
        .map(|entry| entry.expect("a case").path())
        .collect();
    cases.sort();
    assert!(cases.len() >= 40, "{} cases", cases.len());
    let wrong: Vec<_> = cases.iter().filter(|case| !same_or_update(&case.join("expect.txt"), &check(case))).collect();
    assert!(wrong.is_empty(), "{wrong:?}: DBB_UPDATE=1 rewrites, then read the difference");
}

#[test]
fn no_message_and_no_quoted_line_holds_a_secret() {
    let case = here("tests/data/config/secret_literal");
    let said = check(&case);
    let shown = dbb::config::redact(&std::fs::read_to_string(case.join("dbb.yaml")).expect("a config"));
    for secret in ["hunter2", "12345"] {
        assert!(!shown.contains(secret), "{shown}");
        let messages: Vec<&str> = said.lines().filter(|line| !line.starts_with("  at ")).collect();
        assert!(!messages.iter().any(|line| line.contains(secret)), "{messages:?}");
    }
}

#[test]
fn the_schemas_on_disk_are_the_ones_in_the_code() {
    for (name, schema) in [("config", schema::config()), ("runbook", schema::runbook())] {
        let text = serde_json::to_string_pretty(&schema).expect("plain data") + "\n";
        assert!(same_or_update(&here(&format!("schemas/{name}.schema.json")), &text), "{name}: run with DBB_UPDATE=1");
    }
}

#[test]
fn every_example_is_right() {
    let mut configs = 0;
    let mut runbooks = 0;
    for entry in std::fs::read_dir(here("examples")).expect("examples") {
        let path = entry.expect("an example").path();
        if path.extension().is_none_or(|ending| ending != "yaml") {
            continue;
        }
        let text = std::fs::read_to_string(&path).expect("an example");
        let schema = if dbb::config::is_runbook(text.as_bytes()) { "runbook" } else { "config" };
        let line = format!("# yaml-language-server: $schema=../schemas/{schema}.schema.json\n");
        assert!(text.starts_with(&line), "{}: the first line names the schema", path.display());
        if schema == "config" {
            configs += 1;
            let loaded = load(&RealFiles, &path);
            assert!(loaded.problems.is_empty(), "{}: {:?}", path.display(), loaded.problems);
        } else {
            runbooks += 1;
            let loaded = load(&RealFiles, &here("examples/many-databases.yaml"));
            let desired = loaded.desired.expect("the config that the runbooks belong to");
            let (_, problems) = load_runbook(&RealFiles, Source::File(&path), &desired);
            assert!(problems.is_empty(), "{}: {problems:?}", path.display());
        }
    }
    assert!(configs >= 4 && runbooks >= 3, "{configs} configs, {runbooks} runbooks");
}

#[test]
fn the_digest_goes_by_meaning_not_by_looks() {
    let text = std::fs::read_to_string(here("examples/local.yaml")).expect("an example");
    let digest = |text: &str| load(&Memory::of(text), Path::new("dbb.yaml")).desired.expect("a config").digest;
    let moved = format!("# another line\n\n{text}");
    assert_eq!(digest(&text), digest(&moved));
    assert_ne!(digest(&text), digest(&text.replace("user: dbb", "user: other")));
}

fn laughs() -> String {
    let mut text = String::from("version: 1\na0: &a0 [x, x, x, x, x, x, x, x, x]\n");
    for level in 1..12 {
        let below = format!("*a{}", level - 1);
        writeln!(text, "a{level}: &a{level} [{}]", vec![below; 9].join(", ")).expect("a string");
    }
    text
}

#[test]
fn bombs_are_refused_with_one_problem() {
    let deep_flow = "[".repeat(100_000);
    let deep_block: String = (0..2000).map(|depth| format!("{}a:\n", " ".repeat(depth))).collect();
    let huge = format!("version: 1\nproject: {}\n", "x".repeat(5 << 20));
    let many = format!("x: [{}]", "a,".repeat(400_000));
    for (name, text) in
        [("laughs", laughs()), ("flow", deep_flow), ("block", deep_block), ("huge", huge), ("many", many)]
    {
        let loaded = load(&Memory::of(text), Path::new("dbb.yaml"));
        assert_eq!(loaded.problems.len(), 1, "{name}: {:?}", loaded.problems);
        assert_eq!(loaded.problems[0].code().name, "DBB-CONFIG-SYNTAX", "{name}");
    }
}

#[test]
fn a_config_of_ten_thousand_databases_loads() {
    let mut text = std::fs::read_to_string(here("examples/local.yaml")).expect("an example");
    text = text.replace("databases:\n", "databases:\n  first: {server: pg-main}\n");
    for number in 0..10_000 {
        writeln!(text, "  d{number}: {{server: pg-main}}").expect("a string");
    }
    let text = move_last_section(&text);
    let loaded = load(&Memory::of(text), Path::new("dbb.yaml"));
    assert!(loaded.problems.is_empty(), "{:?}", loaded.problems.first());
    assert!(loaded.desired.expect("a config").databases.len() > 10_000);
}

/// The entries that were appended belong to `databases:`, wherever that section stands.
fn move_last_section(text: &str) -> String {
    let (added, rest): (Vec<&str>, Vec<&str>) =
        text.lines().partition(|line| line.starts_with("  d") && line.contains("{server"));
    rest.join("\n").replace("databases:\n", &format!("databases:\n{}\n", added.join("\n")))
}

mod any_input {
    use super::*;
    use dbb::model::desired::Desired;
    use proptest::prelude::*;
    use std::sync::LazyLock;

    static DESIRED: LazyLock<Desired> = LazyLock::new(|| {
        let loaded = load(&RealFiles, &here("examples/many-databases.yaml"));
        loaded.desired.expect("the config that the runbooks belong to")
    });

    fn never_silent(bytes: Vec<u8>) {
        let files = Memory::of(bytes);
        let loaded = load(&files, Path::new("dbb.yaml"));
        assert_eq!(loaded.desired.is_none(), !loaded.problems.is_empty());
        let (runbook, problems) = load_runbook(&files, Source::File(Path::new("dbb.yaml")), &DESIRED);
        assert_eq!(runbook.is_none(), !problems.is_empty());
        for (_, bytes) in files.0 {
            let text = String::from_utf8_lossy(&bytes);
            assert_eq!(dbb::config::redact(&text).len(), text.len());
            for problem in loaded.problems.iter().chain(&problems) {
                for spot in problem.spots() {
                    assert!(spot.line > 0 && spot.bytes.start <= spot.bytes.end && spot.bytes.end <= bytes.len());
                }
            }
        }
    }

    /// An example with bytes taken out, put in, doubled.
    fn mutated() -> impl Strategy<Value = Vec<u8>> {
        let examples: Vec<Vec<u8>> =
            ["local", "many-databases", "tls", "secrets", "restore-one", "restore-set", "restore-partial"]
                .iter()
                .map(|name| std::fs::read(here(&format!("examples/{name}.yaml"))).expect("an example"))
                .collect();
        let edit = (any::<prop::sample::Index>(), 0usize..40, prop::sample::select(SNIPPETS.to_vec()));
        (prop::sample::select(examples), prop::collection::vec(edit, 1..6)).prop_map(|(mut bytes, edits)| {
            for (at, length, snippet) in edits {
                let at = at.index(bytes.len() + 1);
                let end = (at + length).min(bytes.len());
                bytes.splice(at..end, snippet.bytes());
            }
            bytes
        })
    }

    const SNIPPETS: [&str; 20] = [
        "", "\t", "\n", ": ", "- ", "[", "}", "*x", "&x ", "012", "~", "no", "3.10", "<<: ", "!!int ", "\"", "'",
        "\u{85}", "? ", "\n---\n",
    ];

    proptest! {
        #![proptest_config(ProptestConfig { cases: 150, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn bytes_give_a_config_or_a_problem(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            never_silent(bytes);
        }

        #[test]
        fn yaml_like_text_gives_a_config_or_a_problem(text in "([a-z]{1,3}: ?|[\\[\\]{},&*!|>%@`\"'#:?-]|\n {0,4}|~|[0-9.]{1,3}|\t){0,60}") {
            never_silent(text.into_bytes());
        }

        #[test]
        fn a_mutated_example_gives_a_config_or_a_problem(bytes in mutated()) {
            never_silent(bytes);
        }
    }
}
