//! Text of a config that may be shown: an error quotes lines, and a line may hold a password that
//! should not be there.

use std::ops::Range;

/// Keys that may follow `password:` on lines of their own.
const SOURCES: [&str; 5] = ["env", "file", "command", "prompt", "vault"];

/// The text with everything that stands as a literal behind `password:`, and passwords in URLs,
/// replaced by `*`, byte for byte, so that places stay right. It works on text that is no valid YAML as well.
pub fn redact(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    // indentation of a `password:` whose value is on the lines below it
    let mut below: Option<usize> = None;
    for line in text.split_inclusive('\n') {
        let content = line.trim();
        let indent = line.len() - line.trim_start().len();
        if below.is_some_and(|key| indent <= key && !content.is_empty()) {
            below = None;
        }
        let is_value = below.is_some() && !is_source(content);
        let mut hide = secrets(line);
        if is_value {
            hide.push(indent..indent + content.len());
        }
        if is_bare_key(content) {
            below = Some(indent);
        }
        // a hidden character becomes as many stars as it has bytes
        for (at, c) in line.char_indices() {
            match hide.iter().any(|range| range.contains(&at)) {
                true => out.push_str(&"*".repeat(c.len_utf8())),
                false => out.push(c),
            }
        }
    }
    out
}

/// A line that says where the secret comes from, and is none.
fn is_source(content: &str) -> bool {
    let key = content.trim_start_matches(['{', '"', '\'', ' ']);
    content.is_empty()
        || content.starts_with(['-', '#', '*', '&'])
        || SOURCES.iter().any(|source| {
            key.strip_prefix(source).is_some_and(|rest| rest.trim_start_matches(['"', '\'', ' ']).starts_with(':'))
        })
}

/// `password:` with its value on the next lines, be it plain, `|` or `>`.
fn is_bare_key(content: &str) -> bool {
    let lower = content.to_ascii_lowercase();
    lower
        .trim_start_matches(['-', ' ', '"', '\''])
        .strip_prefix("password")
        .map(|rest| rest.trim_start_matches(['"', '\'', ' ']))
        .and_then(|rest| rest.strip_prefix(':'))
        .is_some_and(|rest| rest.trim().is_empty() || rest.trim().starts_with(['|', '>', '#']))
}

/// What to hide of one line.
fn secrets(line: &str) -> Vec<Range<usize>> {
    const KEY: &str = "password";
    let lower = line.to_ascii_lowercase();
    let mut hide = Vec::new();
    for (found, _) in lower.match_indices(KEY) {
        let rest = line[found + KEY.len()..].trim_start_matches(['"', '\'']).trim_start();
        let Some(value) = rest.strip_prefix([':', '=']) else { continue };
        let value = value.trim_start();
        let start = line.len() - value.len();
        if let Some(inside) = value.strip_prefix('{') {
            let inside = inside.split('}').next().unwrap_or(inside);
            if !is_reference(inside) {
                hide.push(start + 1..start + 1 + inside.len());
            }
        } else if !value.trim().is_empty() && !value.starts_with(['#', '*', '&', '|', '>']) {
            let end = match value.chars().next() {
                Some(quote @ ('"' | '\'')) => value[1..].find(quote).map(|at| at + 2),
                _ => value.find([',', '}', '\n', '\r']),
            };
            hide.push(start..start + end.unwrap_or(value.trim_end().len()));
        }
    }
    for (found, mark) in line.match_indices("://") {
        let start = found + mark.len();
        let login = line[start..].split(['@', ' ', '"', '\'', '\n']).next().unwrap_or_default();
        let is_login = line[start + login.len()..].starts_with('@');
        if let (true, Some(colon)) = (is_login, login.find(':')) {
            hide.push(start + colon + 1..start + login.len());
        }
    }
    hide
}

/// True when what stands in the braces is a reference, not a secret that was put there by mistake.
fn is_reference(inside: &str) -> bool {
    let Some((key, value)) = inside.split_once(':') else { return inside.trim().is_empty() };
    let value = value.trim().trim_matches(['"', '\'']);
    key.trim().trim_matches(['"', '\'']) != "env"
        || value.chars().all(|c| c.is_ascii_alphanumeric() || "_, :".contains(c))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn literal_passwords_are_starred_and_references_stay() {
        assert_eq!(redact("  password: hunter2\n  port: 5\n"), "  password: *******\n  port: 5\n");
        assert_eq!(redact("a: {password: 'a, b', port: 5}"), "a: {password: ******, port: 5}");
        assert_eq!(redact("a: {\"password\": x, port: 5}"), "a: {\"password\": *, port: 5}");
        assert_eq!(redact("password: ä\n"), "password: **\n");
        assert_eq!(redact("password: {hunter2}\n"), "password: {*******}\n");
        assert_eq!(redact("password: {env: \"p@ss\"}\n"), "password: {***********}\n");
        assert_eq!(redact("host: postgres://dbb:hunter2@db01/x\n"), "host: postgres://dbb:*******@db01/x\n");
        assert_eq!(redact("password:\n  hunter2\nport: 5\n"), "password:\n  *******\nport: 5\n");
        assert_eq!(redact("password: |\n  hunter2\n"), "password: |\n  *******\n");
        for text in [
            "password: {env: PW}\n",
            "password: {file: /run/x}\n",
            "password:\n",
            "password:\n  env: PW\nuser: x\n",
            "password:\n  command:\n    - pass\n",
        ] {
            assert_eq!(redact(text), text);
        }
    }
}
