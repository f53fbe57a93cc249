//! What the documentation shows is run as it stands.

use crate::support::{Cluster, Dbb, Oracle, Outcome, process};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

const LIMIT: Duration = Duration::from_secs(300);

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// A fenced block: what stands behind its fence, and its text.
struct Block {
    info: String,
    text: String,
}

fn blocks(document: &str) -> Vec<Block> {
    let text = std::fs::read_to_string(root().join(document)).expect("the document is there");
    let mut found = Vec::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        if let Some(info) = line.strip_prefix("```") {
            let text: String =
                lines.by_ref().take_while(|line| *line != "```").map(|line| format!("{line}\n")).collect();
            found.push(Block { info: info.to_owned(), text });
        }
    }
    found
}

/// The block of the README with this behind its fence.
fn block(info: &str) -> String {
    let found = blocks("README.md").into_iter().find(|block| block.info == info);
    found.unwrap_or_else(|| panic!("README.md has a block \"{info}\"")).text
}

/// Runs commands as typed into a shell in the folder of `dbb`, with the built binary on the path.
fn shell(dbb: &Dbb, text: &str) -> Outcome {
    let typed = dbb.command(&[]);
    let folder = Path::new(env!("CARGO_BIN_EXE_dbb")).parent().expect("the binary is in a folder");
    let mut command = Command::new("bash");
    command.args(["-euo", "pipefail", "-c", text]).current_dir(dbb.dir()).env_clear();
    command.envs(typed.get_envs().filter_map(|(name, value)| Some((name, value?))));
    let path = typed.get_envs().find(|(name, _)| *name == "PATH").and_then(|(_, value)| value).unwrap_or_default();
    let path = std::env::join_paths(std::iter::once(folder.to_owned()).chain(std::env::split_paths(path)));
    command.env("PATH", path.expect("no colon in a folder's name"));
    process::run(&mut command, LIMIT)
}

fn shop() -> Cluster {
    let cluster = Cluster::start(15);
    cluster.psql_file("postgres", &root().join("examples/quickstart/shop.sql"));
    cluster
}

#[test]
fn the_tutorial_of_the_readme_runs_as_it_stands() {
    let cluster = shop();
    let dbb = Dbb::new().env("SHOP_PASSWORD", "the server trusts anyone from here");
    let config = block("yaml dbb.yaml");
    assert!(config.contains("port: 5432\n"));
    dbb.write("dbb.yaml", &config.replace("port: 5432\n", &format!("port: {}\n", cluster.port())));
    dbb.write("restore.yaml", &block("yaml restore.yaml"));

    let typed: Vec<String> =
        blocks("README.md").into_iter().filter(|block| block.info == "sh").map(|block| block.text).collect();
    assert!(typed.len() >= 4, "the tutorial has its commands in blocks marked sh");
    for text in typed {
        shell(&dbb, &text).expect(0);
    }
    dbb.run(&["plan", "--detailed-exitcode"]).expect(0);
    Oracle::new().assert_same((&cluster, "shop"), (&cluster, "shop_copy"));
}

#[test]
fn the_init_of_the_readme_gives_a_config_that_works() {
    let cluster = shop();
    let dbb = Dbb::new();
    let shown = "dbb init postgres://postgres@localhost:5432";
    let readme = std::fs::read_to_string(root().join("README.md")).expect("there is a README");
    assert!(readme.contains(&format!("`{shown}`")), "the README shows \"{shown}\"");
    shell(&dbb, &shown.replace("5432", &cluster.port().to_string())).expect(0);
    dbb.run(&["validate"]).expect(0);
    dbb.run(&["apply", "--auto-approve"]).expect(0);
    dbb.run(&["snapshots"]).expect(0).says("shop");
}

#[test]
fn the_runbook_that_is_printed_is_valid() {
    let cluster = shop();
    let dbb = Dbb::new().env("SHOP_PASSWORD", "the server trusts anyone from here");
    let config = block("yaml dbb.yaml");
    dbb.write("dbb.yaml", &config.replace("port: 5432\n", &format!("port: {}\n", cluster.port())));
    dbb.run(&["apply", "--auto-approve"]).expect(0);
    let shown = "dbb runbook shop --to copies";
    let readme = std::fs::read_to_string(root().join("README.md")).expect("there is a README");
    assert!(readme.contains(&format!("`{shown}`")), "the README shows \"{shown}\"");
    shell(&dbb, &format!("{shown} > printed.yaml")).expect(0);
    dbb.run(&["validate", "printed.yaml"]).expect(0);
    let printed = dbb.read("printed.yaml").replace("  # rename: ", "  rename: ");
    dbb.write("renamed.yaml", &printed);
    dbb.run(&["plan", "renamed.yaml"]).expect(0).says("another_name");
}

#[test]
fn the_quickstart_ends_well_and_leaves_nothing() {
    let temp = tempfile::tempdir().expect("a temporary folder can be made");
    std::fs::set_permissions(temp.path(), std::os::unix::fs::PermissionsExt::from_mode(0o755)).expect("it is ours");
    let mut command = Command::new(root().join("examples/quickstart/run.sh"));
    command.env("DBB_BIN", env!("CARGO_BIN_EXE_dbb")).env("TMPDIR", temp.path());
    process::run(&mut command, LIMIT).expect(0).says("the copy equals the source");
    let left: Vec<_> = std::fs::read_dir(temp.path()).expect("it is there").collect();
    assert!(left.is_empty(), "left behind: {left:?}");
}

#[test]
fn scripts_and_files_that_the_readme_names_are_there() {
    for command in blocks("README.md").into_iter().filter(|block| block.info == "sh checkout") {
        for line in command.text.lines() {
            let program = line.split_whitespace().next().expect("a command");
            process::run(Command::new("bash").arg("-n").arg(root().join(program)), LIMIT).expect(0);
        }
    }
    let readme = std::fs::read_to_string(root().join("README.md")).expect("there is a README");
    for link in readme.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
        assert!(
            link.starts_with("http") || root().join(link).exists(),
            "README.md points at {link}, which is not there"
        );
    }
}
