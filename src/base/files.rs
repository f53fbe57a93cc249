//! The door to the file system for dbb's own small files: private by mode
//! whatever the umask, written to a neighbour, synced, then renamed.

use rustix::fs::{Mode, OFlags};
use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::AsFd;
use std::path::Path;

/// Creates `path` and its missing parents with mode 0700.
///
/// # Errors
/// Whatever the operating system says.
pub fn create_dir(path: &Path) -> io::Result<()> {
    // a bare file name has an empty parent: the directory one is in
    if path.as_os_str().is_empty() || path.is_dir() {
        return Ok(());
    }
    if let Some(parent) = path.parent()
        && !parent.as_os_str().is_empty()
    {
        create_dir(parent)?;
    }
    match rustix::fs::mkdir(path, Mode::RWXU) {
        Ok(()) => {
            // the umask may have taken bits that we need
            rustix::fs::chmod(path, Mode::RWXU)?;
            if let Some(parent) = path.parent() {
                sync_dir(parent)?;
            }
            Ok(())
        }
        Err(rustix::io::Errno::EXIST) if path.is_dir() => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// Creates a new file with mode 0600; fails if it exists.
///
/// # Errors
/// Whatever the operating system says.
pub fn create_new(path: &Path) -> io::Result<File> {
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
    let fd = rustix::fs::open(path, flags, Mode::RUSR | Mode::WUSR)?;
    rustix::fs::fchmod(&fd, Mode::RUSR | Mode::WUSR)?;
    Ok(File::from(fd))
}

/// Makes a rename or a new file in `path` survive a power cut.
///
/// # Errors
/// Whatever the operating system says.
pub fn sync_dir(path: &Path) -> io::Result<()> {
    let path = if path.as_os_str().is_empty() { Path::new(".") } else { path };
    File::open(path)?.sync_all()
}

/// Replaces `path` with `bytes`: whole or not at all, durable on return.
///
/// # Errors
/// Whatever the operating system says; nothing half-written stays.
pub fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let parent = path.parent().unwrap_or(Path::new("."));
    create_dir(parent)?;
    let mut random = [0u8; 8];
    getrandom::fill(&mut random).map_err(io::Error::other)?;
    let beside = parent.join(format!(".{}.tmp", hex::encode(random)));
    let result = (|| {
        let mut file = create_new(&beside)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        std::fs::rename(&beside, path)?;
        sync_dir(parent)
    })();
    if result.is_err() {
        let _ = std::fs::remove_file(&beside);
    }
    result
}

/// Gives the file `from` the name `to` unless something has it; of two who come at once, one is told.
/// False when something has it: then `from` stays. Not durable before the folder is synced.
///
/// # Errors
/// Whatever the operating system says.
pub fn rename_new(from: &Path, to: &Path) -> io::Result<bool> {
    use rustix::fs::{AtFlags, CWD, RenameFlags};
    use rustix::io::Errno;
    match rustix::fs::renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE) {
        Ok(()) => return Ok(true),
        Err(Errno::EXIST) => return Ok(false),
        // network file systems know links, but not this kind of rename
        Err(Errno::INVAL | Errno::NOSYS | Errno::NOTSUP) => {}
        Err(error) => return Err(error.into()),
    }
    match rustix::fs::linkat(CWD, from, CWD, to, AtFlags::empty()) {
        Ok(()) => std::fs::remove_file(from).map(|()| true),
        Err(Errno::EXIST) => Ok(false),
        // neither is known: a race is possible, but only there
        Err(Errno::PERM | Errno::NOTSUP | Errno::NOSYS | Errno::MLINK) if !to.try_exists()? => {
            std::fs::rename(from, to).map(|()| true)
        }
        Err(Errno::PERM | Errno::NOTSUP | Errno::NOSYS | Errno::MLINK) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// Reads a file that may hold at most `bytes_max` bytes.
///
/// # Errors
/// Whatever the operating system says; `FileTooLarge` past the limit.
pub fn read(path: &Path, bytes_max: u64) -> io::Result<Vec<u8>> {
    let file = File::open(path)?;
    if file.metadata()?.is_dir() {
        return Err(io::ErrorKind::IsADirectory.into());
    }
    let mut bytes = Vec::new();
    file.take(bytes_max + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > bytes_max {
        return Err(io::ErrorKind::FileTooLarge.into());
    }
    Ok(bytes)
}

/// True when others than the owner may read or write the file.
///
/// # Errors
/// Whatever the operating system says.
pub fn is_open_to_others(path: &Path) -> io::Result<bool> {
    use std::os::unix::fs::PermissionsExt;
    Ok(std::fs::metadata(path)?.permissions().mode() & 0o077 != 0)
}

/// Free and total bytes of the file system that holds `path` (its nearest existing parent).
///
/// # Errors
/// Whatever the operating system says.
pub fn space(path: &Path) -> io::Result<(u64, u64)> {
    let mut existing = path;
    while !existing.exists() {
        match existing.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => existing = parent,
            _ => {
                existing = Path::new(".");
                break;
            }
        }
    }
    let stat = rustix::fs::fstatvfs(File::open(existing)?.as_fd())?;
    Ok((stat.f_bavail * stat.f_frsize, stat.f_blocks * stat.f_frsize))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bare_file_name_needs_no_directory() {
        let parent = Path::new("plan.json").parent().unwrap();
        create_dir(parent).unwrap();
        sync_dir(parent).unwrap();
    }
}
