//! Real archives, whole and broken.

use super::entries::{Natives, convert};
use super::*;
use crate::model::catalog::{EntryKind, Section};
use proptest::prelude::*;

fn read(bytes: &[u8]) -> Result<Archive> {
    parse(bytes, Texts::Utf8)
}

const PG15: &[u8] = include_bytes!("testdata/pg15.dump");
const PG16: &[u8] = include_bytes!("testdata/pg16.dump");
const PG18: &[u8] = include_bytes!("testdata/pg18.dump");

#[test]
fn every_supported_version_is_read() {
    for (bytes, version, server) in [(PG15, (1, 14, 0), "15."), (PG16, (1, 15, 0), "16."), (PG18, (1, 16, 0), "18.")] {
        let archive = read(bytes).unwrap();
        assert_eq!(archive.version, version);
        assert_eq!(archive.database, "rich");
        assert!(archive.server_version.starts_with(server), "{}", archive.server_version);
        let table = archive.entries.iter().find(|entry| entry.desc == "TABLE" && entry.tag == "parent").unwrap();
        assert!(table.definition.starts_with("CREATE TABLE app.parent ("), "{}", table.definition);
        assert_eq!(
            (table.namespace.as_str(), table.owner.as_str(), table.table_am.as_str()),
            ("app", "owner1", "heap")
        );
        assert_eq!(table.drop, "DROP TABLE app.parent;\n");
        assert_eq!(table.relkind, if version.1 >= 16 { b'r' } else { 0 });
    }
}

#[test]
fn entries_know_their_kind_section_and_table() {
    for bytes in [PG15, PG16, PG18] {
        let archive = read(bytes).unwrap();
        let converted = convert(&archive.entries, &Natives::default());
        assert_eq!(converted.warnings, Vec::<String>::new());
        let find = |what: &str, name: &str| {
            converted
                .entries
                .iter()
                .find(|entry| entry.what == what && entry.name == name)
                .unwrap_or_else(|| panic!("no {what} {name}"))
        };
        let parent = find("TABLE", "parent").id;
        for (what, name, kind, section) in [
            ("COMMENT", "TABLE parent", EntryKind::Comment, Section::PreData),
            ("ACL", "TABLE parent", EntryKind::Acl, Section::Final),
        ] {
            let entry = find(what, name);
            assert_eq!((entry.kind, entry.section, entry.table), (kind, section, Some(parent)), "{what} {name}");
        }
        assert_eq!(find("COMMENT", "CONSTRAINT parent_pkey ON parent").section, Section::PostData);
        assert_eq!(find("EVENT TRIGGER", "et1").section, Section::Final);
        assert_eq!(find("USER MAPPING", "USER MAPPING reader1 SERVER srv1").depends, [find("SERVER", "srv1").id]);
        assert_eq!(find("TABLE ATTACH", "part1").table, Some(find("TABLE", "part1").id));
        for native in ["DATABASE", "DATABASE PROPERTIES", "ENCODING", "SEARCHPATH", "TABLE DATA", "SEQUENCE SET"] {
            assert!(converted.entries.iter().all(|entry| entry.what != native), "{native}");
        }
        assert!(converted.entries.iter().all(|entry| !entry.name.starts_with("DATABASE ")));
        // an order in which they can be created
        let mut seen = std::collections::HashSet::new();
        for entry in &converted.entries {
            assert!(entry.depends.iter().all(|id| seen.contains(id)), "{} {}", entry.what, entry.name);
            seen.insert(entry.id);
        }
    }
}

#[test]
fn what_needs_an_excluded_table_goes_with_it() {
    let archive = read(PG15).unwrap();
    let parent = archive.entries.iter().find(|entry| entry.desc == "TABLE" && entry.tag == "parent").unwrap();
    let natives = Natives { excluded: [parent.oid].into(), ..Natives::default() };
    let converted = convert(&archive.entries, &natives);
    for (what, name) in [("TABLE", "parent"), ("VIEW", "v"), ("MATERIALIZED VIEW", "mv"), ("TRIGGER", "parent t1")] {
        assert!(!converted.entries.iter().any(|entry| entry.what == what && entry.name == name), "{what} {name}");
    }
    assert!(converted.entries.iter().any(|entry| entry.what == "TABLE" && entry.name == "child"));
    assert!(converted.entries.iter().all(|entry| entry.kind != EntryKind::ForeignKey));
    assert!(converted.warnings.iter().any(|warning| warning.contains("\"child child_pid_fkey\"")));
}

#[test]
fn other_versions_are_refused() {
    for version in [[1, 13, 0], [1, 17, 0], [2, 0, 0]] {
        let mut bytes = PG15.to_vec();
        bytes[5..8].copy_from_slice(&version);
        let error = read(&bytes).unwrap_err();
        assert_eq!(error.code(), code::PG_ARCHIVE);
        assert!(error.message().contains("does not know"), "{error}");
    }
}

#[test]
fn every_truncation_of_the_contents_is_refused() {
    let whole = read(PG15).unwrap();
    // behind the last entry there is nothing that the contents need
    let end = (0..PG15.len()).rev().find(|end| read(&PG15[..*end]).is_err()).unwrap();
    for end in (0..=end).step_by(97) {
        assert!(read(&PG15[..end]).is_err(), "cut at {end}");
    }
    assert_eq!(read(&PG15[..end + 1]).unwrap(), whole);
}

proptest! {
    #[test]
    fn mutated_archives_never_panic(at in 0..PG18.len(), byte: u8, cut in 0..PG18.len()) {
        let mut bytes = PG18.to_vec();
        bytes[at] = byte;
        if let Ok(archive) = read(&bytes) {
            convert(&archive.entries, &Natives::default());
        }
        bytes.truncate(cut);
        let _ = read(&bytes);
    }

    #[test]
    fn arbitrary_bytes_never_panic(tail in proptest::collection::vec(any::<u8>(), 0..400), minor in 14u8..17) {
        let mut bytes = b"PGDMP\x01".to_vec();
        bytes.extend([minor, 0, 4, 8, 1]);
        bytes.extend(tail);
        let _ = read(&bytes);
    }
}
