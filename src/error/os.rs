//! What the operating system says of files, in words that help.

use crate::base::{files, units};
use crate::error::{Error, code};
use rustix::io::Errno;
use std::io;
use std::path::Path;

/// The error of `doing` something with `path`; `bytes` were about to be written (0 when unknown).
pub fn error(said: &io::Error, doing: &str, path: &Path, bytes: u64) -> Error {
    let at = path.display();
    // what was to be written may not be there, or not any more
    let there = path.ancestors().find(|path| path.is_dir()).unwrap_or(Path::new(".")).display();
    let message = |problem: &str| format!("{doing} {at}: {problem}");
    let explained = match Errno::from_io_error(said) {
        Some(Errno::NOSPC | Errno::DQUOT) => {
            let error = Error::new(code::STORAGE_FULL, message("there is no space left"));
            let error = match files::space(path) {
                Ok((free, total)) => {
                    let wanted = if bytes > 0 { units::bytes(bytes) } else { "something".to_owned() };
                    let (free, total) = (units::bytes(free), units::bytes(total));
                    error.cause(format!("{wanted} was to be written, {free} of {total} are free"))
                }
                Err(_) => error,
            };
            error
                .fix(format!("Make room: `df -h {there}` shows the file system, `df -i {there}` its inodes."))
                .fix("Check the quota of the user, if there is one: `quota -s`.")
                .fix("Then run it again: what was done before is not done twice.")
        }
        Some(Errno::ACCESS | Errno::PERM) => Error::new(code::STORAGE_DENIED, message("access is denied"))
            .fix(format!("Look at owner and mode: `ls -ld {at}` and its parents."))
            .fix("Run dbb as the user who owns it, or give it to that user: `chown -R`."),
        Some(Errno::ROFS) => Error::new(code::STORAGE_READ_ONLY, message("the file system is read-only"))
            .fix(format!("See how it is mounted: `findmnt -T {at}`."))
            .fix("Look into `dmesg`: a disk with errors is remounted read-only; do not remount before checking it."),
        Some(Errno::MFILE | Errno::NFILE) => Error::new(code::STORAGE_IO, message("too many files are open"))
            .fix("Raise the limit with `ulimit -n 4096`, or use fewer jobs."),
        Some(Errno::NAMETOOLONG) => {
            Error::new(code::STORAGE_IO, message("the file system does not take names this long")).transient(false)
        }
        Some(Errno::NOTDIR | Errno::EXIST | Errno::ISDIR) => {
            Error::new(code::STORAGE_IO, message("something else is in the way"))
                .transient(false)
                .fix(format!("See what is there: `ls -l {at}`, and choose another path."))
        }
        _ => Error::new(code::STORAGE_IO, message("the file system failed"))
            .fix("Look into `dmesg` and at the disk or the network mount.")
            .fix("Then run it again."),
    };
    explained.cause(said.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_has_its_code() {
        for (errno, code) in [
            (Errno::NOSPC, code::STORAGE_FULL),
            (Errno::DQUOT, code::STORAGE_FULL),
            (Errno::ACCESS, code::STORAGE_DENIED),
            (Errno::PERM, code::STORAGE_DENIED),
            (Errno::ROFS, code::STORAGE_READ_ONLY),
            (Errno::IO, code::STORAGE_IO),
        ] {
            let found = error(&errno.into(), "writing", Path::new("/"), 5 << 20);
            assert_eq!(found.code(), code);
            assert!(!found.fixes().is_empty());
        }
        let full = error(&Errno::NOSPC.into(), "writing", Path::new("/"), 5 << 20);
        assert!(full.causes()[0].starts_with("5.0 MiB was to be written") && full.causes()[0].contains("free"));
    }
}
