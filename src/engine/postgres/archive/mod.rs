//! pg_dump's custom-format archive: header and table of contents.
//!
//! The format is `WriteHead` and `WriteToc` of PostgreSQL's
//! `src/bin/pg_dump/pg_backup_archiver.c`: versions 1.14 (PostgreSQL 12 to
//! 15), 1.15 (16) and 1.16 (17 and 18). Everything in it is length-prefixed,
//! so no SQL text is ever cut by lines. Nothing here trusts a length.

pub mod classify;
mod cursor;
pub mod entries;
mod toc;

use crate::error::{Error, Result, code};
use cursor::Cursor;
pub use cursor::Texts;
pub use toc::TocEntry;

/// A parsed archive without data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Archive {
    /// Version of the format, e.g. `(1, 14, 0)`.
    pub version: (u8, u8, u8),
    /// Database that was dumped.
    pub database: String,
    /// Version of the server that was dumped, as it says.
    pub server_version: String,
    /// Version of the pg_dump that wrote it, as it says.
    pub dump_version: String,
    /// Entries, in an order in which they can be created.
    pub entries: Vec<TocEntry>,
}

/// Facts of the header that later parts of the format depend on.
#[derive(Clone, Copy, Debug)]
struct Format {
    version: (u8, u8, u8),
    offset_bytes: usize,
}

/// Format code of `pg_dump --format=custom`.
const FORMAT_CUSTOM: u8 = 1;
/// PostgreSQL 16: the compression algorithm is one byte.
const V1_15: (u8, u8, u8) = (1, 15, 0);
/// PostgreSQL 17: entries tell their relkind.
const V1_16: (u8, u8, u8) = (1, 16, 0);
const V_OLDEST: (u8, u8, u8) = (1, 14, 0);

/// Parses an archive.
///
/// # Errors
/// `DBB-PG-ARCHIVE` for anything that is not a whole archive of a known version,
/// or that holds text which is not as `texts` says.
pub fn parse(bytes: &[u8], texts: Texts) -> Result<Archive> {
    let mut cursor = Cursor::new(bytes, texts);
    if cursor.take(5).ok() != Some(b"PGDMP") {
        return Err(damaged("it does not begin with \"PGDMP\""));
    }
    let version = (cursor.byte()?, cursor.byte()?, cursor.byte()?);
    if version < V_OLDEST || (version.0, version.1) > (V1_16.0, V1_16.1) {
        return Err(Error::new(
            code::PG_ARCHIVE,
            format!("pg_dump's archive has version {}.{}.{}, which dbb does not know", version.0, version.1, version.2),
        )
        .cause("dbb reads versions 1.14 (PostgreSQL 12 to 15), 1.15 (16) and 1.16 (17 and 18)")
        .fix("Point `client_bin` of the server at a pg_dump of PostgreSQL 12 to 18"));
    }
    let int_bytes = cursor.byte()?;
    cursor.set_int_bytes(usize::from(int_bytes))?;
    let offset_bytes = usize::from(cursor.byte()?);
    if !(1..=32).contains(&offset_bytes) {
        return Err(damaged(format!("offsets are said to have {offset_bytes} bytes")));
    }
    let format = cursor.byte()?;
    if format != FORMAT_CUSTOM {
        return Err(damaged(format!("its format is {format}, not 1 (custom)")));
    }
    if version >= V1_15 {
        cursor.byte()?;
    } else {
        cursor.int()?;
    }
    // seconds, minutes, hours, day, month, year and daylight saving of the dump
    for _ in 0..7 {
        cursor.int()?;
    }
    let database = cursor.text()?.unwrap_or_default();
    let server_version = cursor.text()?.unwrap_or_default();
    let dump_version = cursor.text()?.unwrap_or_default();
    let entries = toc::read(&mut cursor, Format { version, offset_bytes })?;
    Ok(Archive { version, database, server_version, dump_version, entries })
}

/// The archive is not what it should be, because of `why`.
fn damaged(why: impl Into<String>) -> Error {
    Error::new(code::PG_ARCHIVE, "pg_dump's archive could not be read")
        .cause(why)
        .fix("Run the backup again; when it fails again, run `dbb doctor` and check the pg_dump it names")
}

#[cfg(test)]
mod tests;
