//! SQL cut into tokens, so that a role's name can be replaced where a role is
//! named and nowhere else: never in strings, never in other names.
//!
//! Lexical rules: PostgreSQL documentation, "SQL Syntax - Lexical Structure".

use crate::engine::postgres::quote;
use std::ops::Range;

/// What a token is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// White space or a comment.
    Space,
    /// A word: keyword, unquoted name, number.
    Word,
    /// A name in double quotes.
    Quoted,
    /// A string of any kind.
    String,
    /// One character of anything else.
    Mark,
}

/// A token and where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    /// What it is.
    pub kind: Kind,
    /// Bytes of the text.
    pub at: Range<usize>,
}

impl Token {
    /// Its text.
    pub fn text<'a>(&self, sql: &'a str) -> &'a str {
        &sql[self.at.clone()]
    }

    /// True when it is this keyword.
    pub fn is(&self, sql: &str, keyword: &str) -> bool {
        matches!(self.kind, Kind::Word | Kind::Mark) && self.text(sql).eq_ignore_ascii_case(keyword)
    }

    /// The name that it stands for, when it can be one.
    pub fn name(&self, sql: &str) -> Option<String> {
        match self.kind {
            Kind::Word => Some(self.text(sql).to_ascii_lowercase()),
            Kind::Quoted => {
                let text = self.text(sql);
                let inner = text.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(text);
                Some(inner.replace("\"\"", "\""))
            }
            _ => None,
        }
    }
}

/// All tokens; together they are the whole text.
pub fn tokens(sql: &str) -> Vec<Token> {
    let bytes = sql.as_bytes();
    let mut found = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        let (kind, end) = next(bytes, at);
        found.push(Token { kind, at: at..end });
        at = end;
    }
    found
}

/// The tokens that are neither space nor comment.
pub fn significant(sql: &str) -> Vec<Token> {
    tokens(sql).into_iter().filter(|token| token.kind != Kind::Space).collect()
}

fn next(bytes: &[u8], at: usize) -> (Kind, usize) {
    let follows = |offset: usize, what: u8| bytes.get(at + offset) == Some(&what);
    match bytes[at] {
        byte if byte.is_ascii_whitespace() => (Kind::Space, scan(bytes, at, |byte| byte.is_ascii_whitespace())),
        b'-' if follows(1, b'-') => (Kind::Space, scan(bytes, at, |byte| byte != b'\n')),
        b'/' if follows(1, b'*') => (Kind::Space, comment(bytes, at)),
        b'\'' => (Kind::String, quoted(bytes, at, b'\'', false)),
        b'"' => (Kind::Quoted, quoted(bytes, at, b'"', false)),
        b'e' | b'E' if follows(1, b'\'') => (Kind::String, quoted(bytes, at + 1, b'\'', true)),
        b'b' | b'B' | b'x' | b'X' | b'n' | b'N' if follows(1, b'\'') => {
            (Kind::String, quoted(bytes, at + 1, b'\'', false))
        }
        b'$' => match dollar(bytes, at) {
            Some(end) => (Kind::String, end),
            None => (Kind::Mark, at + 1),
        },
        byte if is_word(byte) => (Kind::Word, scan(bytes, at, |byte| is_word(byte) || byte == b'$')),
        _ => (Kind::Mark, at + 1),
    }
}

/// Bytes above 127 belong to names; all marks are ASCII, so no character is cut.
fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte >= 0x80
}

fn scan(bytes: &[u8], at: usize, mut goes_on: impl FnMut(u8) -> bool) -> usize {
    bytes[at..].iter().position(|byte| !goes_on(*byte)).map_or(bytes.len(), |length| at + length)
}

fn comment(bytes: &[u8], at: usize) -> usize {
    let mut depth = 0usize;
    let mut here = at;
    while here < bytes.len() {
        match (bytes[here], bytes.get(here + 1)) {
            (b'/', Some(b'*')) => {
                depth += 1;
                here += 2;
            }
            (b'*', Some(b'/')) => {
                depth -= 1;
                here += 2;
                if depth == 0 {
                    return here;
                }
            }
            _ => here += 1,
        }
    }
    bytes.len()
}

fn quoted(bytes: &[u8], at: usize, quote: u8, escapes: bool) -> usize {
    let mut here = at + 1;
    while here < bytes.len() {
        match bytes[here] {
            b'\\' if escapes => here += 2,
            byte if byte == quote && bytes.get(here + 1) == Some(&quote) => here += 2,
            byte if byte == quote => return here + 1,
            _ => here += 1,
        }
    }
    bytes.len()
}

fn dollar(bytes: &[u8], at: usize) -> Option<usize> {
    let tag_end = scan(bytes, at + 1, is_word);
    if bytes.get(tag_end) != Some(&b'$') || bytes.get(at + 1).is_some_and(u8::is_ascii_digit) {
        return None;
    }
    let tag = &bytes[at..=tag_end];
    let found = memchr::memmem::find(&bytes[tag_end + 1..], tag)?;
    Some(tag_end + 1 + found + tag.len())
}

/// Replaces the names of roles in privileges, policies, user mappings: names after `TO`, `FROM`, `FOR ROLE`,
/// `MAPPING FOR`, `AUTHORIZATION`, `GRANTED BY`, outside of parentheses. `SET SESSION AUTHORIZATION`, which only a
/// superuser may, becomes `SET ROLE`.
pub fn map_roles(sql: &str, map: impl Fn(&str) -> Option<String>) -> String {
    let all = tokens(sql);
    let solid: Vec<&Token> = all.iter().filter(|token| token.kind != Kind::Space).collect();
    let mut edits: Vec<(Range<usize>, String)> = Vec::new();
    let mut depth = 0usize;
    let mut position = 0;
    let is = |position: usize, keyword: &str| solid.get(position).is_some_and(|token| token.is(sql, keyword));
    while position < solid.len() {
        let start = position;
        position += 1;
        if is(start, "(") {
            depth += 1;
        } else if is(start, ")") {
            depth = depth.saturating_sub(1);
        }
        if depth > 0 {
            continue;
        }
        if is(start, "SESSION") && is(start + 1, "AUTHORIZATION") {
            let range = solid[start].at.start..solid[start + 1].at.end;
            if start > 0 && is(start - 1, "RESET") {
                edits.push((solid[start - 1].at.start..range.end, "SET ROLE NONE".to_owned()));
            } else {
                edits.push((range, "ROLE".to_owned()));
            }
            position = start + 2;
        } else if is(start, "TO") || is(start, "FROM") || is(start, "AUTHORIZATION") {
            if is(position, "GROUP") {
                position += 1;
            }
        } else if (is(start, "FOR") && (is(position, "ROLE") || is(position, "USER")))
            || (is(start, "MAPPING") && is(position, "FOR"))
            || (is(start, "GRANTED") && is(position, "BY"))
        {
            position += 1;
        } else {
            continue;
        }
        // a list of names
        while let Some(token) = solid.get(position) {
            let Some(name) = token.name(sql) else { break };
            if let Some(mapped) = map(&name) {
                edits.push((token.at.clone(), quote::identifier(&mapped)));
            }
            position += 1;
            if !is(position, ",") {
                break;
            }
            position += 1;
        }
    }
    let mut out = String::with_capacity(sql.len());
    let mut done = 0;
    for (range, text) in edits {
        out.push_str(&sql[done..range.start]);
        out.push_str(&text);
        done = range.end;
    }
    out.push_str(&sql[done..]);
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn mapped(sql: &str) -> String {
        map_roles(sql, |name| (name == "app" || name == "A b").then(|| "new\"app".to_owned()))
    }

    #[test]
    fn roles_are_mapped_and_nothing_else() {
        for (sql, expected) in [
            ("GRANT SELECT ON TABLE app.app TO app;", "GRANT SELECT ON TABLE app.app TO \"new\"\"app\";"),
            ("GRANT ALL ON TABLE t TO PUBLIC;", "GRANT ALL ON TABLE t TO PUBLIC;"),
            ("REVOKE ALL ON TABLE t FROM \"A b\", app;", "REVOKE ALL ON TABLE t FROM \"new\"\"app\", \"new\"\"app\";"),
            (
                "ALTER DEFAULT PRIVILEGES FOR ROLE app IN SCHEMA app GRANT SELECT ON TABLES TO app;",
                "ALTER DEFAULT PRIVILEGES FOR ROLE \"new\"\"app\" IN SCHEMA app GRANT SELECT ON TABLES TO \"new\"\"app\";",
            ),
            (
                "CREATE POLICY app ON app FOR SELECT TO app USING ((x IN (SELECT y FROM app)));",
                "CREATE POLICY app ON app FOR SELECT TO \"new\"\"app\" USING ((x IN (SELECT y FROM app)));",
            ),
            (
                "CREATE USER MAPPING FOR app SERVER app OPTIONS (\"user\" 'TO app');",
                "CREATE USER MAPPING FOR \"new\"\"app\" SERVER app OPTIONS (\"user\" 'TO app');",
            ),
            (
                "SET SESSION AUTHORIZATION app;\nGRANT SELECT ON t TO x;\nRESET SESSION AUTHORIZATION;",
                "SET ROLE \"new\"\"app\";\nGRANT SELECT ON t TO x;\nSET ROLE NONE;",
            ),
            ("-- TO app\nSELECT $x$ TO app $x$, E'\\' TO app'", "-- TO app\nSELECT $x$ TO app $x$, E'\\' TO app'"),
        ] {
            assert_eq!(mapped(sql), expected);
        }
    }

    proptest! {
        #[test]
        fn tokens_are_the_whole_text(sql in "\\PC*") {
            let joined: String = tokens(&sql).iter().map(|token| token.text(&sql)).collect();
            prop_assert_eq!(joined, sql);
        }

        #[test]
        fn a_quoted_name_reads_back(name in "\\PC+") {
            let sql = quote::identifier(&name);
            let all = tokens(&sql);
            prop_assert_eq!(all.len(), 1);
            prop_assert_eq!(all[0].name(&sql), Some(name));
        }

        #[test]
        fn a_string_is_one_token(value in "\\PC*") {
            let sql = quote::literal(&value);
            let all = significant(&sql);
            prop_assert_eq!(all.len(), 1);
            prop_assert_eq!(all[0].kind, Kind::String);
        }
    }
}
