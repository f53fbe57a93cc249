//! Keys of things. Names that come from people are encoded, so that `../`, spaces
//! and letters of any script are safe in every storage and shell.

use crate::base::digest::Digest;
use std::fmt::Write;

/// Encoded names are at most this long, so that they fit a file name.
const NAME_BYTES_MAX: usize = 200;

/// All manifests are below.
pub(super) const SNAPSHOTS: &str = "snapshots/";

/// Where a manifest lies.
pub(super) fn manifest(database: &str, id: &str) -> String {
    format!("{}{}", of_database(database), encode(id))
}

/// Below it lie the manifests of a database.
pub(super) fn of_database(database: &str) -> String {
    format!("{SNAPSHOTS}{}/", encode(database))
}

/// Where an object of the tenant `plain` lies.
pub(super) fn object(id: &Digest) -> String {
    let id = id.to_string();
    format!("objects/plain/{}/{id}", &id[..2])
}

/// `[A-Za-z0-9._-]` stay, all other bytes become `%XX`, a dot at the beginning too.
/// A name too long for a file is cut and gets its digest.
fn encode(name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    for (position, byte) in name.bytes().enumerate() {
        let plain = byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-') || (byte == b'.' && position > 0);
        if plain {
            out.push(char::from(byte));
        } else {
            // writing to a string does not fail
            let _ = write!(out, "%{byte:02X}");
        }
    }
    if out.is_empty() {
        out.push('%');
    }
    if out.len() > NAME_BYTES_MAX {
        out.truncate(NAME_BYTES_MAX - 40);
        let _ = write!(out, "%{}", &Digest::of(name.as_bytes()).to_string()[..32]);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_name_makes_a_safe_key() {
        for (name, encoded) in [
            ("orders", "orders"),
            ("../etc", "%2E.%2Fetc"),
            ("..", "%2E."),
            ("a b", "a%20b"),
            ("-rf", "-rf"),
            ("käse", "k%C3%A4se"),
            ("%41", "%2541"),
            ("v1.2", "v1.2"),
        ] {
            assert_eq!(encode(name), encoded);
        }
        let (a, b) = (encode(&"x".repeat(400)), encode(&"x".repeat(401)));
        assert!(a != b && a.len() <= NAME_BYTES_MAX);
        assert_eq!(manifest("orders", "20261120T020000Z-5f3a9c01"), "snapshots/orders/20261120T020000Z-5f3a9c01");
    }
}
