//! What a key may look like: the same for every storage, so that a repository
//! can be copied from any to any.

use crate::base::limits::{KEY_BYTES_MAX, KEY_PART_BYTES_MAX};
use crate::error::{Error, Result};

/// The folder of unfinished uploads; no key lies in it.
pub const UNFINISHED: &str = "tmp";

/// Refuses keys that could leave the storage's root, or that some storage cannot hold.
///
/// # Errors
/// `DBB-BUG`: whoever makes keys encodes names first
pub fn check(key: &str) -> Result<()> {
    let part_ok = |part: &str| {
        !part.is_empty()
            && part != "."
            && part != ".."
            && part.len() <= KEY_PART_BYTES_MAX
            && part.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\')
    };
    let first = key.split('/').next();
    if key.len() <= KEY_BYTES_MAX && key.split('/').all(part_ok) && first != Some(UNFINISHED) {
        return Ok(());
    }
    Err(Error::bug(format!("{key:?} cannot be the key of anything in a storage")))
}

/// Refuses prefixes that no key could begin with.
///
/// # Errors
/// `DBB-BUG`, as `check`
pub fn check_prefix(prefix: &str) -> Result<()> {
    if prefix.is_empty() {
        return Ok(());
    }
    check(prefix.strip_suffix('/').unwrap_or(prefix))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_stay_inside() {
        for good in ["a", "objects/plain/ab/abcd", "snapshots/-rf/x", "snapshots/%2E%2E/x"] {
            check(good).unwrap();
        }
        let long = "a/".repeat(600) + "a";
        let part = "a".repeat(256);
        for bad in ["", "/a", "a/", "a//b", "../a", "a/..", "a/./b", "tmp/a", "tmp", "a b", "a\\b", "é", &long, &part]
        {
            assert!(check(bad).is_err(), "{bad}");
        }
        check_prefix("").unwrap();
        check_prefix("objects/").unwrap();
        assert!(check_prefix("../").is_err());
    }
}
