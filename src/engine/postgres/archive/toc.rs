//! The table of contents.

use super::cursor::Cursor;
use super::{Format, V1_16, damaged};
use crate::error::Result;

/// One entry of the table of contents, as the archive has it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TocEntry {
    /// Unique in the archive; dependencies name it.
    pub dump_id: u32,
    /// Oid of the system catalog that the object is in, 0 when it has no identity.
    pub catalog_oid: u32,
    /// Oid of the object, 0 when it has no identity.
    pub oid: u32,
    /// Name, as pg_dump tags it.
    pub tag: String,
    /// What it is, e.g. `TABLE`, `FK CONSTRAINT`.
    pub desc: String,
    /// When it is due.
    pub section: TocSection,
    /// Statements that make it.
    pub definition: String,
    /// Statements that drop it.
    pub drop: String,
    /// COPY statement of its data.
    pub copy: String,
    /// Schema.
    pub namespace: String,
    /// Tablespace.
    pub tablespace: String,
    /// Table access method.
    pub table_am: String,
    /// `relkind` as the catalog has it, 0 when the archive does not tell.
    pub relkind: u8,
    /// Owner.
    pub owner: String,
    /// Dump ids of what it depends on; not all of them are in the archive.
    pub depends: Vec<u32>,
}

/// `teSection` of `pg_backup.h`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TocSection {
    /// Comments, privileges: they follow their object.
    #[default]
    None,
    /// Before data.
    PreData,
    /// Data.
    Data,
    /// After data.
    PostData,
}

/// The smallest entry has a dozen numbers of one byte and their signs.
const ENTRY_BYTES_MIN: usize = 24;

/// Reads all entries.
pub(super) fn read(cursor: &mut Cursor<'_>, format: Format) -> Result<Vec<TocEntry>> {
    let count = cursor.int()?;
    let count = usize::try_from(count)
        .ok()
        .filter(|count| *count <= cursor.left() / ENTRY_BYTES_MIN + 1)
        .ok_or_else(|| damaged(format!("it is said to have {count} entries")))?;
    let mut entries = Vec::with_capacity(count);
    for _ in 0..count {
        entries.push(entry(cursor, format)?);
    }
    Ok(entries)
}

fn entry(cursor: &mut Cursor<'_>, format: Format) -> Result<TocEntry> {
    let dump_id = cursor.int()?;
    let dump_id = u32::try_from(dump_id)
        .ok()
        .filter(|id| *id > 0)
        .ok_or_else(|| damaged(format!("an entry has the id {dump_id}")))?;
    let in_entry = |error: crate::error::Error| error.cause(format!("in entry {dump_id}"));
    // whether there is data: told again by the section
    cursor.int()?;
    let catalog_oid = cursor.decimal().map_err(in_entry)?;
    let oid = cursor.decimal().map_err(in_entry)?;
    let tag = cursor.text().map_err(in_entry)?.unwrap_or_default();
    let desc = cursor.text().map_err(in_entry)?.unwrap_or_default();
    let in_entry = |error: crate::error::Error| error.cause(format!("in entry {dump_id}, {desc} {tag}"));
    let section = match cursor.int().map_err(in_entry)? {
        1 => TocSection::None,
        2 => TocSection::PreData,
        3 => TocSection::Data,
        4 => TocSection::PostData,
        other => return Err(in_entry(damaged(format!("its section is {other}")))),
    };
    let definition = cursor.text().map_err(in_entry)?.unwrap_or_default();
    let drop = cursor.text().map_err(in_entry)?.unwrap_or_default();
    let copy = cursor.text().map_err(in_entry)?.unwrap_or_default();
    let namespace = cursor.text().map_err(in_entry)?.unwrap_or_default();
    let tablespace = cursor.text().map_err(in_entry)?.unwrap_or_default();
    let table_am = cursor.text().map_err(in_entry)?.unwrap_or_default();
    let relkind = match format.version >= V1_16 {
        true => {
            u8::try_from(cursor.int().map_err(in_entry)?).map_err(|_| in_entry(damaged("its relkind is no letter")))?
        }
        false => 0,
    };
    let owner = cursor.text().map_err(in_entry)?.unwrap_or_default();
    // "true" for tables WITH OIDS, which servers since 12 do not have
    cursor.text().map_err(in_entry)?;
    let mut depends = Vec::new();
    while let Some(raw) = cursor.raw().map_err(in_entry)? {
        let id = std::str::from_utf8(raw).ok().and_then(|text| text.parse().ok());
        depends.push(id.ok_or_else(|| in_entry(damaged("a dependency is not a number")))?);
    }
    // custom format only: a flag and where the data lies in the file
    cursor.byte().map_err(in_entry)?;
    cursor.take(format.offset_bytes).map_err(in_entry)?;
    Ok(TocEntry {
        dump_id,
        catalog_oid,
        oid,
        tag,
        desc,
        section,
        definition,
        drop,
        copy,
        namespace,
        tablespace,
        table_am,
        relkind,
        owner,
        depends,
    })
}
