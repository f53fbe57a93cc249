//! Names that are not UTF-8: possible in `SQL_ASCII` databases only.

use crate::engine::postgres::capture::field;
use crate::engine::postgres::capture::relations::USER_SCHEMA;
use crate::engine::postgres::connect::Connection;
use crate::error::{Error, Result, code};

/// Names that a message lists; the rest is a number.
const NAMED_MAX: usize = 10;

/// Refuses names that dbb itself has to speak of and that no UTF-8 session can be told.
///
/// # Errors
/// `DBB-PG-ENCODING` naming them
pub async fn check(holder: &Connection) -> Result<()> {
    let kinds = [
        ("schema", "select n.nspname from pg_catalog.pg_namespace n".to_owned()),
        ("relation", "select c.relname from pg_catalog.pg_class c".to_owned()),
        ("column", "select a.attname from pg_catalog.pg_attribute a where not a.attisdropped".to_owned()),
        (
            "constraint",
            format!(
                "select k.conname from pg_catalog.pg_constraint k
                 join pg_catalog.pg_namespace n on n.oid = k.connamespace where {USER_SCHEMA}"
            ),
        ),
        ("type", "select t.typname from pg_catalog.pg_type t".to_owned()),
        ("role", "select r.rolname from pg_catalog.pg_roles r".to_owned()),
    ];
    let mut found = Vec::new();
    for (kind, names) in kinds {
        // hex digits in pairs: one whose first is 8 to f is a byte outside of ASCII
        let sql = format!(
            "select distinct hex from (select pg_catalog.encode(pg_catalog.convert_to(v.name::text, 'SQL_ASCII'), 'hex')
               from ({names}) v(name)) h(hex) where hex ~ '^(..)*[89a-f]' order by 1"
        );
        for row in holder.rows(&sql, "looking for names that are not UTF-8").await? {
            let raw = decode(&field::text(&row, 0));
            if std::str::from_utf8(&raw).is_err() {
                found.push(format!("{kind} E'{}'", raw.escape_ascii()));
            }
        }
    }
    if found.is_empty() {
        return Ok(());
    }
    let count = found.len();
    let mut error =
        Error::new(code::PG_ENCODING, format!("{count} names in \"{}\" are not valid UTF-8", holder.database));
    for name in found.iter().take(NAMED_MAX) {
        error = error.cause(name.clone());
    }
    if count > NAMED_MAX {
        error = error.cause(format!("and {} more", count - NAMED_MAX));
    }
    Err(error.fix(
        "Rename them (ALTER ... RENAME TO ...) in psql with \\encoding SQL_ASCII: DBB-PG-ENCODING's page shows how",
    ))
}

fn decode(hex: &str) -> Vec<u8> {
    let digits: Vec<u8> =
        hex.chars().filter_map(|digit| digit.to_digit(16)).filter_map(|d| u8::try_from(d).ok()).collect();
    digits.chunks_exact(2).map(|pair| pair[0] << 4 | pair[1]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hex_is_read_in_pairs() {
        assert_eq!(decode("74ff"), b"t\xff");
    }
}
