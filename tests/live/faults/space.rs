//! Disks that are full or cannot be written.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::site::{APPLY, LIMIT, assert_nothing_unfinished, assert_whole, config, folder, server, snapshots};
use crate::support::{Cluster, process};

/// A file system in memory, of a given size. Needs root.
struct Disk {
    mounted: PathBuf,
    _dir: tempfile::TempDir,
}

impl Disk {
    fn new(options: &str) -> Self {
        let dir = tempfile::Builder::new().prefix("dbb-disk-").tempdir().expect("a temporary folder can be made");
        let mounted = dir.path().join("disk");
        std::fs::create_dir(&mounted).expect("a folder can be made");
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", options, "dbb-test"]).arg(&mounted);
        process::must(&mut mount, LIMIT);
        Self { mounted, _dir: dir }
    }

    fn remount(&self, options: &str) {
        let mut mount = Command::new("mount");
        mount.arg("-o").arg(format!("remount,{options}")).arg(&self.mounted);
        process::must(&mut mount, LIMIT);
    }

    fn repository(&self) -> PathBuf {
        self.mounted.join("repo")
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.mounted).status();
    }
}

/// About 24 MB that compress to no less than half.
fn incompressible(cluster: &Cluster, hint: &str) -> String {
    let name = cluster.new_database(hint);
    cluster.psql(
        &name,
        "CREATE TABLE noise AS SELECT n AS id, (SELECT string_agg(md5(n::text || m), '') FROM generate_series(1, 30) m) \
         AS noise FROM generate_series(1, 25000) n;",
    );
    name
}

fn text(path: &Path) -> &str {
    path.to_str().expect("a path is text")
}

#[test]
fn a_full_disk_fails_with_a_suggestion_and_leaves_nothing_half_written() {
    let cluster = Cluster::shared(15);
    let name = incompressible(cluster, "full");
    let disk = Disk::new("size=8m");
    let dbb = folder(&config(&server(cluster.port()), &[&name], text(&disk.repository())));
    dbb.run(APPLY).expect(69).says("DBB-STORAGE-FULL").says("df -h").says("dbb resume");
    assert_eq!(snapshots(&dbb), Vec::<String>::new());
    assert_nothing_unfinished(&disk.repository());
    disk.remount("size=128m");
    dbb.run(APPLY).expect(0);
    assert_whole(&dbb, &disk.repository(), &[&name]);
}

#[test]
fn a_full_disk_of_the_state_is_told_as_well() {
    let cluster = Cluster::shared(15);
    let name = cluster.new_database("state_full");
    let disk = Disk::new("size=64k");
    let filler = vec![0u8; 1 << 20];
    let _ = std::fs::write(disk.mounted.join("filler"), &filler);
    let dbb = folder(&config(&server(cluster.port()), &[&name], "repo"));
    let state = disk.mounted.join("state");
    dbb.run(&["apply", "--auto-approve", "--state-dir", text(&state)]).expect(69).says("DBB-STORAGE-FULL");
    std::fs::remove_file(disk.mounted.join("filler")).expect("a file can be removed");
    disk.remount("size=16m");
    dbb.run(&["apply", "--auto-approve", "--state-dir", text(&state)]).expect(0);
}

#[test]
fn a_disk_that_is_read_only_is_a_matter_of_permission() {
    let cluster = Cluster::shared(15);
    let name = cluster.new_database("read_only");
    let disk = Disk::new("size=64m");
    let dbb = folder(&config(&server(cluster.port()), &[&name], text(&disk.repository())));
    dbb.run(APPLY).expect(0);
    disk.remount("ro");
    dbb.run(&["apply", "--auto-approve", "--now"]).expect(77).says("DBB-STORAGE-READ-ONLY").says("findmnt");
    // reading goes on
    dbb.run(&["verify"]).expect(0);
    disk.remount("rw");
    dbb.run(&["apply", "--auto-approve", "--now"]).expect(0);

    // a place where no repository is yet
    let fresh = Disk::new("size=64m,ro");
    let dbb = folder(&config(&server(cluster.port()), &[&name], text(&fresh.repository())));
    dbb.run(APPLY).expect(77).says("DBB-STORAGE-READ-ONLY");
}

#[test]
fn a_folder_of_somebody_else_is_a_matter_of_permission() {
    let cluster = Cluster::shared(15);
    let name = cluster.new_database("not_mine");
    let disk = Disk::new("size=64m,mode=0555");
    let dbb = folder(&config(&server(cluster.port()), &[&name], text(&disk.repository())));
    // root may write everywhere: the run has to be somebody else's
    const NOBODY: u32 = 65534;
    for path in [dbb.dir().to_owned(), dbb.path("dbb.yaml")] {
        std::os::unix::fs::chown(&path, Some(NOBODY), Some(NOBODY)).expect("root may give files away");
    }
    let mut parent = disk.mounted.parent().expect("a mount point has a parent").metadata().unwrap().permissions();
    std::os::unix::fs::PermissionsExt::set_mode(&mut parent, 0o755);
    std::fs::set_permissions(disk.mounted.parent().unwrap(), parent).unwrap();
    // the program may lie where only root may look
    let program = dbb.path("dbb");
    std::fs::copy(env!("CARGO_BIN_EXE_dbb"), &program).expect("the program can be copied");
    let mut command = Command::new("setpriv");
    command.args(["--reuid=65534", "--regid=65534", "--clear-groups"]).arg(&program).args(APPLY);
    command.current_dir(dbb.dir()).env("HOME", dbb.dir());
    let outcome = process::run(&mut command, LIMIT).expect(77);
    outcome.says("DBB-STORAGE-DENIED").says("chown");
}
