//! What pg_dump's descriptions mean. The list is complete for pg_dump 12 to
//! 18: every `.description` given to `ArchiveEntry` in `pg_dump.c`.

use super::TocEntry;
use super::toc::TocSection;
use crate::model::catalog::{EntryKind, Section};

/// What becomes of an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Meaning {
    /// It is an object of this kind.
    Object(EntryKind),
    /// dbb captures it natively, or it only sets up pg_restore's session.
    Native,
    /// pg_dump 12 to 18 do not write it: kept by its section, with a warning.
    Unknown,
}

/// The meaning of an entry's description.
pub fn meaning(desc: &str) -> Meaning {
    use EntryKind::*;
    Meaning::Object(match desc {
        "ENCODING" | "STDSTRINGS" | "SEARCHPATH" => return Meaning::Native,
        "DATABASE" | "DATABASE PROPERTIES" => return Meaning::Native,
        "TABLE DATA" | "SEQUENCE SET" | "MATERIALIZED VIEW DATA" | "STATISTICS DATA" => return Meaning::Native,
        "BLOB" | "BLOBS" | "BLOB METADATA" | "BLOB COMMENTS" => return Meaning::Native,
        "SCHEMA"
        | "TYPE"
        | "SHELL TYPE"
        | "DOMAIN"
        | "PROCEDURAL LANGUAGE"
        | "FUNCTION"
        | "PROCEDURE"
        | "AGGREGATE"
        | "OPERATOR"
        | "OPERATOR CLASS"
        | "OPERATOR FAMILY"
        | "ACCESS METHOD"
        | "CAST"
        | "TRANSFORM"
        | "COLLATION"
        | "CONVERSION"
        | "TEXT SEARCH PARSER"
        | "TEXT SEARCH DICTIONARY"
        | "TEXT SEARCH TEMPLATE"
        | "TEXT SEARCH CONFIGURATION"
        | "FOREIGN DATA WRAPPER"
        | "SERVER"
        | "FOREIGN SERVER"
        | "USER MAPPING" => Definition,
        "EXTENSION" => Extension,
        "TABLE" | "FOREIGN TABLE" => Table,
        "TABLE ATTACH" => TableAttach,
        "VIEW" => View,
        "MATERIALIZED VIEW" => MaterializedView,
        "SEQUENCE" | "SEQUENCE OWNED BY" => Sequence,
        "DEFAULT" => Default,
        "INDEX" => Index,
        "INDEX ATTACH" => IndexAttach,
        "CONSTRAINT" => Constraint,
        "CHECK CONSTRAINT" => CheckConstraint,
        "FK CONSTRAINT" => ForeignKey,
        "TRIGGER" => Trigger,
        "RULE" => Rule,
        "POLICY" | "ROW SECURITY" => Policy,
        "STATISTICS" => Statistics,
        "PUBLICATION" | "PUBLICATION TABLE" | "PUBLICATION TABLES IN SCHEMA" => Publication,
        "SUBSCRIPTION" | "SUBSCRIPTION TABLE" => Subscription,
        "ACL" | "ACL LANGUAGE" => Acl,
        "DEFAULT ACL" => DefaultAcl,
        "COMMENT" => Comment,
        "SECURITY LABEL" => SecurityLabel,
        "EVENT TRIGGER" => EventTrigger,
        _ => return Meaning::Unknown,
    })
}

/// The kind of an entry that is kept.
pub fn kind(entry: &TocEntry) -> EntryKind {
    match meaning(&entry.desc) {
        Meaning::Object(kind) => kind,
        _ if entry.section == TocSection::PostData => EntryKind::PostData,
        _ => EntryKind::Definition,
    }
}

/// When an entry is due by itself; `None` when it follows its object.
pub fn section(kind: EntryKind, toc: TocSection) -> Option<Section> {
    match kind {
        EntryKind::Acl | EntryKind::DefaultAcl | EntryKind::EventTrigger => Some(Section::Final),
        EntryKind::Comment | EntryKind::SecurityLabel => None,
        _ if toc == TocSection::PostData => Some(Section::PostData),
        _ => Some(Section::PreData),
    }
}

/// True for what is said about another object, without an identity of its own.
pub fn is_about_another(kind: EntryKind) -> bool {
    matches!(kind, EntryKind::Acl | EntryKind::Comment | EntryKind::SecurityLabel)
}
