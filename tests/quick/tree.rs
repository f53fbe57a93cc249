//! Rules that every committed file keeps.

use std::path::{Path, PathBuf};
use std::process::Command;

const LINES_MAX: usize = 500;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Files that git knows or would take, so that a new file is judged before its first commit.
fn files(ending: &str) -> Vec<PathBuf> {
    let mut git = Command::new("git");
    git.args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"]).current_dir(root());
    let listed = git.output().expect("git is installed");
    assert!(listed.status.success(), "git ls-files: {}", String::from_utf8_lossy(&listed.stderr));
    let names = String::from_utf8(listed.stdout).expect("file names are UTF-8");
    let files: Vec<PathBuf> =
        names.split_terminator('\0').filter(|name| name.ends_with(ending)).map(|name| root().join(name)).collect();
    files.into_iter().filter(|path| path.is_file()).collect()
}

/// Places where a line of a file fits, as `path:line: text`.
fn places(ending: &str, fits: impl Fn(&str) -> bool) -> Vec<String> {
    let mut found = Vec::new();
    for path in files(ending) {
        let text = String::from_utf8_lossy(&std::fs::read(&path).unwrap()).into_owned();
        for (number, line) in text.lines().enumerate().filter(|(_, line)| fits(line)) {
            let name = path.strip_prefix(root()).unwrap().display();
            found.push(format!("{name}:{}: {}", number + 1, line.trim()));
        }
    }
    found
}

#[test]
fn a_file_of_code_is_short() {
    let long = |path: &PathBuf| std::fs::read_to_string(path).unwrap().lines().count() > LINES_MAX;
    let found: Vec<PathBuf> = files(".rs").into_iter().filter(long).collect();
    assert!(found.is_empty(), "over {LINES_MAX} lines: {found:#?}");
}

#[test]
fn no_test_is_passed_over() {
    let mark = concat!("#[", "ignore");
    let found = places(".rs", |line| line.contains(mark));
    assert!(found.is_empty(), "a test that cannot run fails: {found:#?}");
}

#[test]
fn no_work_is_put_off_in_the_code() {
    let marks = [concat!("TO", "DO"), concat!("FIX", "ME"), concat!("to", "do!("), concat!("un", "implemented!(")];
    let found = places(".rs", |line| marks.iter().any(|mark| line.contains(mark)));
    assert!(found.is_empty(), "do it or file it: {found:#?}");
}

#[test]
fn no_file_names_a_machine() {
    let home = |line: &str| {
        let after = line.split("/home/").skip(1).filter_map(|rest| rest.chars().next());
        after.into_iter().any(|first| first.is_ascii_lowercase())
    };
    let paths = [concat!("/ro", "ot/"), concat!("/wo", "rk/"), concat!("/tmp/", "bash_")];
    let hosts =
        [concat!("deb.deb", "ian.org"), concat!("py", "pi.org"), concat!("pythonh", "osted"), concat!("npm", "js.org")];
    let named = |line: &str| paths.iter().chain(&hosts).any(|name| line.contains(name));
    let found = places("", |line| home(line) || named(line));
    assert!(found.is_empty(), "folders of one machine, or hosts: {found:#?}");
}
