//! What docs/format.md promises: its scripts run, with standard tools only.

use std::process::Command;
use std::time::Duration;

use crate::support::dbb::Dbb;
use crate::support::{Cluster, install, process};

const LIMIT: Duration = Duration::from_secs(180);
const DOCUMENT: &str = include_str!("../../docs/format.md");

/// The first fenced block that opens with `fence`, behind `heading`.
fn block(heading: &str, fence: &str) -> String {
    let section = DOCUMENT.split_once(heading).unwrap_or_else(|| panic!("no {heading:?} in the document")).1;
    let fence = format!("```{fence}\n");
    let begun = section.split_once(&fence).unwrap_or_else(|| panic!("no block {fence:?} behind {heading:?}")).1;
    begun.split_once("\n```").expect("a block ends").0.to_owned()
}

/// A shell in `dbb`'s folder; psql in it speaks to `cluster`.
fn shell(dbb: &Dbb, cluster: &Cluster) -> Command {
    let mut sh = Command::new("sh");
    let path = std::env::var("PATH").unwrap_or_default();
    let tools = install::bin(cluster.major, "psql");
    let tools = tools.parent().expect("a program has a folder").display().to_string();
    sh.current_dir(dbb.dir()).env("PATH", format!("{tools}:{path}"));
    sh.env("PGHOST", cluster.dir()).env("PGPORT", cluster.port().to_string()).env("PGUSER", "postgres");
    sh
}

/// Everything of a database and its roles as text, read by psql.
fn inventory(cluster: &Cluster, database: &str) -> String {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/quickstart/inventory.sql");
    let mut psql = cluster.client(cluster.major, "psql");
    psql.env("PGDATABASE", database).args(["-X", "-q", "-v", "ON_ERROR_STOP=1", "-f", path]);
    process::must(&mut psql, LIMIT).stdout
}

fn only_file(dir: &std::path::Path) -> std::path::PathBuf {
    let files: Vec<_> = std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert_eq!(files.len(), 1, "{files:?}");
    files.into_iter().next().unwrap()
}

/// The quickstart's shop, backed up.
fn backed_up(codec: &str) -> (Cluster, Dbb) {
    let source = Cluster::start(15);
    source.psql_file(
        "postgres",
        std::path::Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/examples/quickstart/shop.sql")),
    );
    let dbb = Dbb::with_config(&format!(
        "version: 1\nproject: format\ndefaults: {{repository: main, compression: {{codec: {codec}}}}}\n\
         repositories: {{main: {{type: local, path: backups}}}}\n\
         servers: {{live: {}}}\ndatabases: {{shop: {{server: live}}}}\n",
        Dbb::server(&source)
    ));
    dbb.run(&["apply", "--auto-approve"]).expect(0);
    (source, dbb)
}

#[test]
fn format_a_database_comes_back_without_dbb() {
    let (source, dbb) = backed_up("zstd");
    let target = Cluster::start(15);
    target.create_database("shop");
    dbb.write("recover.sh", &block("## Recovery without dbb", "sh recovery"));
    let manifest = only_file(&dbb.path("backups/snapshots/shop"));
    let mut recover = shell(&dbb, &target);
    recover.env("PGDATABASE", "shop").args(["recover.sh", "backups"]).arg(manifest);
    process::must(&mut recover, LIMIT);
    let (expected, found) = (inventory(&source, "shop"), inventory(&target, "shop"));
    assert!(expected.lines().count() > 50, "{expected}");
    assert_eq!(found, expected);
}

#[test]
fn format_the_repository_file_can_be_made_anew() {
    let (source, dbb) = backed_up("gzip");
    let file = dbb.path("backups/dbb-repository.json");
    std::fs::remove_file(&file).unwrap();
    dbb.run(&["snapshots"]).expect(1).says("DBB-REPO-DAMAGED");
    dbb.write("backups/again.sh", &block("### The repository file is lost", "sh"));
    let mut again = shell(&dbb, &source);
    again.current_dir(dbb.path("backups")).arg("again.sh");
    process::must(&mut again, LIMIT);
    assert!(file.exists());
    dbb.run(&["verify", "--level", "full"]).expect(0);
    // what is stored is shared again
    dbb.run(&["apply", "--now", "--auto-approve"]).expect(0).says("0 B stored");
}
