//! Who owns an object: `ALTER ... OWNER TO`, made as pg_dump's
//! `_getObjectDescription` (pg_backup_archiver.c) makes it.

use crate::engine::postgres::quote;
use crate::model::catalog::SchemaEntry;

/// The statement that gives `entry` to `owner`; `None` for what has no owner of its own.
pub fn statement(entry: &SchemaEntry, owner: &str) -> Option<String> {
    if entry.drop.trim().is_empty() {
        return None;
    }
    let object = match entry.what.as_str() {
        "COLLATION"
        | "CONVERSION"
        | "DOMAIN"
        | "FOREIGN TABLE"
        | "MATERIALIZED VIEW"
        | "SEQUENCE"
        | "STATISTICS"
        | "TABLE"
        | "TEXT SEARCH DICTIONARY"
        | "TEXT SEARCH CONFIGURATION"
        | "TYPE"
        | "VIEW"
        | "PROCEDURAL LANGUAGE"
        | "SCHEMA"
        | "EVENT TRIGGER"
        | "FOREIGN DATA WRAPPER"
        | "SERVER"
        | "PUBLICATION"
        | "SUBSCRIPTION" => {
            format!("{} {}", entry.what, quote::qualified(&entry.schema, &entry.name))
        }
        // the drop statement names them with their arguments
        "AGGREGATE" | "FUNCTION" | "OPERATOR" | "OPERATOR CLASS" | "OPERATOR FAMILY" | "PROCEDURE" => {
            entry.drop.trim().strip_prefix("DROP ")?.trim_end_matches([';', '\n']).to_owned()
        }
        _ => return None,
    };
    Some(format!("ALTER {object} OWNER TO {};", quote::identifier(owner)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::catalog::{EntryKind, Section};

    fn entry(what: &str, schema: &str, name: &str, drop: &str) -> SchemaEntry {
        SchemaEntry {
            id: 1,
            kind: EntryKind::Definition,
            section: Section::PreData,
            what: what.into(),
            schema: schema.into(),
            name: name.into(),
            owner: None,
            depends: Vec::new(),
            table: None,
            definition: String::new(),
            drop: drop.into(),
            tablespace: String::new(),
            access_method: String::new(),
            index_definition: None,
            populated: false,
        }
    }

    #[test]
    fn owners_are_given_as_pg_dump_does() {
        let table = entry("TABLE", "s", "a\"b", "DROP TABLE s.\"a\"\"b\";\n");
        assert_eq!(statement(&table, "me").as_deref(), Some("ALTER TABLE \"s\".\"a\"\"b\" OWNER TO \"me\";"));
        let function = entry("FUNCTION", "s", "f(integer)", "DROP FUNCTION s.f(i integer);\n");
        assert_eq!(statement(&function, "me").as_deref(), Some("ALTER FUNCTION s.f(i integer) OWNER TO \"me\";"));
        assert_eq!(statement(&entry("INDEX", "s", "i", "DROP INDEX s.i;"), "me"), None);
        assert_eq!(statement(&entry("SEQUENCE", "s", "identity", ""), "me"), None);
    }
}
