//! Text of `SQL_ASCII` databases: any bytes, carried losslessly in strings.
//!
//! A byte that is no part of valid UTF-8 becomes a character at the very end of the private use planes,
//! and so does each byte of such a character itself: every text has exactly one escaped form.

use std::fmt::Write;

/// The character for byte 0; only bytes from 0x80 on are escaped.
const BASE: u32 = 0x0010_FF00;

/// The escaped form.
pub fn escape(raw: &[u8]) -> String {
    let mut out = String::with_capacity(raw.len());
    for chunk in raw.utf8_chunks() {
        for character in chunk.valid().chars() {
            if byte(character).is_some() {
                let mut buffer = [0; 4];
                out.extend(character.encode_utf8(&mut buffer).bytes().filter_map(character_of));
            } else {
                out.push(character);
            }
        }
        out.extend(chunk.invalid().iter().copied().filter_map(character_of));
    }
    out
}

/// The bytes of an escaped form.
pub fn unescape(text: &str) -> Vec<u8> {
    let mut raw = Vec::with_capacity(text.len());
    for character in text.chars() {
        match byte(character) {
            Some(byte) => raw.push(byte),
            None => raw.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
    raw
}

/// Statements that can be sent as UTF-8 and run as the bytes that they stand for.
pub fn statements(sql: String) -> String {
    if !sql.chars().any(|character| byte(character).is_some()) {
        return sql;
    }
    let raw = unescape(&sql);
    let mut hex = String::with_capacity(raw.len() * 2);
    for byte in raw {
        // writing to a string cannot fail
        let _ = write!(hex, "{byte:02x}");
    }
    format!(
        "DO $dbb$ BEGIN EXECUTE pg_catalog.convert_from(pg_catalog.decode('{hex}', 'hex'), 'SQL_ASCII'); END $dbb$;\n"
    )
}

fn character_of(byte: u8) -> Option<char> {
    char::from_u32(BASE + u32::from(byte))
}

fn byte(character: char) -> Option<u8> {
    let byte = u8::try_from(u32::from(character).checked_sub(BASE)?).ok()?;
    (byte >= 0x80).then_some(byte)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn all_bytes_come_back(raw: Vec<u8>) {
            prop_assert_eq!(unescape(&escape(&raw)), raw);
        }

        #[test]
        fn characters_that_look_escaped_come_back(text in "[a\u{10ff7f}-\u{10ffff}]*") {
            prop_assert_eq!(unescape(&escape(text.as_bytes())), text.as_bytes());
        }
    }

    #[test]
    fn valid_text_stays_as_it_is() {
        assert_eq!(escape("漢字 'ä'".as_bytes()), "漢字 'ä'");
        assert_eq!(statements("SELECT 'ä';".into()), "SELECT 'ä';");
        let sent = statements(escape(b"SELECT '\xe4'"));
        assert!(sent.is_ascii() && sent.contains("'53454c4543542027e427'"), "{sent}");
    }
}
