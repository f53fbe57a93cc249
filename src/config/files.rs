//! The door through which the config reads files: the real one is [`crate::secret::files`], tests bring a map.

use std::io;
use std::path::{Path, PathBuf};

/// Where config files come from.
pub trait FileSource {
    /// Reads a file of at most `limits::CONFIG_BYTES_MAX` bytes.
    ///
    /// # Errors
    /// Whatever the operating system says; `FileTooLarge` past the limit.
    fn read(&self, path: &Path) -> io::Result<Vec<u8>>;

    /// The files that an absolute glob matches, sorted; none is no error.
    ///
    /// # Errors
    /// Whatever the operating system says; `InvalidInput` for a glob that is none.
    fn glob(&self, pattern: &str) -> io::Result<Vec<PathBuf>>;

    /// The path from the root, without looking whether it exists.
    fn absolute(&self, path: &Path) -> PathBuf;

    /// True when others than the owner may read or write the file.
    ///
    /// # Errors
    /// Whatever the operating system says.
    fn is_open_to_others(&self, path: &Path) -> io::Result<bool>;
}
