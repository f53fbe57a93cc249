//! Repositories that are foreign, newer, damaged: refused before anything is touched.

use super::{backed_up, config, files, runbook};
use crate::support::{Cluster, Dbb};
use std::path::PathBuf;

fn objects(dbb: &Dbb) -> Vec<PathBuf> {
    let mut all: Vec<PathBuf> = files(&dbb.path("repo/objects")).into_keys().map(PathBuf::from).collect();
    all.sort();
    all
}

#[test]
fn a_damaged_object_stops_a_restore_before_it_touches_anything() {
    let cluster = Cluster::shared(15);
    let (dbb, database) = backed_up(cluster, cluster);
    let object = objects(&dbb).pop().expect("an object");
    let mut bytes = std::fs::read(&object).expect("readable");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 0x40;
    std::fs::write(&object, &bytes).expect("writable");
    dbb.run(&["verify", "--level", "quick"]).expect(0);
    dbb.run(&["verify"]).expect(1).says("DBB-SNAPSHOT-DAMAGED").says("public.t");
    let target = cluster.unused_name("damaged");
    dbb.write("back.yaml", &runbook(&target, &database, "check: full"));
    dbb.run(&["apply", "back.yaml", "--auto-approve"])
        .expect(1)
        .says("DBB-SNAPSHOT-DAMAGED")
        .says("nothing was touched");
    assert!(!cluster.has_database(&target));
    bytes.truncate(middle);
    std::fs::write(&object, &bytes).expect("writable");
    dbb.run(&["verify", "--level", "quick"]).expect(1).says("DBB-SNAPSHOT-DAMAGED");
    std::fs::remove_file(&object).expect("removable");
    dbb.write("back.yaml", &runbook(&target, &database, "check: quick"));
    dbb.run(&["apply", "back.yaml", "--auto-approve"]).expect(1).says("DBB-SNAPSHOT-DAMAGED");
    assert!(!cluster.has_database(&target));
}

#[test]
fn a_place_with_other_things_is_left_alone() {
    let cluster = Cluster::shared(15);
    let dbb = Dbb::with_config(&config(&Dbb::server(cluster), &Dbb::server(cluster), "postgres"));
    dbb.write("repo/dbb-repository.json", "{\"format\": \"somebody else's\"}");
    let before = files(&dbb.path("repo"));
    dbb.run(&["plan"]).expect(64).says("DBB-REPO-FOREIGN");
    dbb.run(&["apply", "--auto-approve"]).expect(64).says("DBB-REPO-FOREIGN");
    assert_eq!(before, files(&dbb.path("repo")));
}

#[test]
fn a_newer_format_is_refused() {
    let cluster = Cluster::shared(15);
    let (dbb, _) = backed_up(cluster, cluster);
    let path = dbb.path("repo/dbb-repository.json");
    let text = std::fs::read_to_string(&path).expect("readable");
    let mut info: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    info["version"] = 99.into();
    std::fs::write(&path, info.to_string()).expect("writable");
    dbb.run(&["snapshots"]).expect(64).says("DBB-REPO-NEWER");
    dbb.run(&["apply", "--now", "--auto-approve"]).expect(64).says("DBB-REPO-NEWER");
}

#[test]
fn files_are_private_whatever_the_umask() {
    use std::os::unix::fs::PermissionsExt;
    let cluster = Cluster::shared(15);
    let database = cluster.new_database("private");
    cluster.psql(&database, "CREATE TABLE t AS SELECT n FROM generate_series(1, 100) n");
    let dbb = Dbb::with_config(&config(&Dbb::server(cluster), &Dbb::server(cluster), &database));
    let program = dbb.command(&["apply", "--auto-approve"]).get_program().to_owned();
    let mut command = std::process::Command::new("sh");
    command.args(["-c", "umask 000; exec \"$0\" apply --auto-approve"]).arg(program).current_dir(dbb.dir());
    crate::support::process::must(&mut command, std::time::Duration::from_secs(60));
    let mut folders = vec![dbb.path("repo"), dbb.path(".dbb")];
    let mut seen = 0;
    while let Some(folder) = folders.pop() {
        assert_eq!(
            std::fs::metadata(&folder).expect("there").permissions().mode() & 0o777,
            0o700,
            "{}",
            folder.display()
        );
        for entry in std::fs::read_dir(&folder).expect("readable").flatten() {
            if entry.path().is_dir() {
                folders.push(entry.path());
            } else {
                let mode = entry.metadata().expect("there").permissions().mode() & 0o777;
                assert_eq!(mode, 0o600, "{}", entry.path().display());
                seen += 1;
            }
        }
    }
    assert!(seen > 4);
}

#[test]
fn every_codec_can_be_chosen_and_read_back() {
    let cluster = Cluster::shared(15);
    let (dbb, database) = backed_up(cluster, cluster);
    for codec in ["gzip:6", "lz4", "xz:2", "none", "zstd:9"] {
        cluster.psql(&database, "UPDATE t SET v = v || '!'");
        dbb.run(&["apply", "--now", "--auto-approve", "--compression", codec]).expect(0);
        dbb.run(&["verify", "one"]).expect(0);
        let rows = dbb.run(&["cat", "one", "public.t"]).expect(0).stdout;
        let mut rows: Vec<&str> = rows.lines().collect();
        rows.sort_unstable();
        let expected = cluster.query(&database, "SELECT id || E'\\t' || v FROM t");
        let mut expected: Vec<&str> = expected.lines().collect();
        expected.sort_unstable();
        assert_eq!(rows, expected, "{codec}");
    }
    let csv = dbb.run(&["cat", "one", "t", "--format", "csv"]).expect(0).stdout;
    assert!(csv.starts_with("id,v\r\n") && csv.lines().count() == 501, "{}", &csv[..40]);
}
