//! Text of a config that may be shown: an error quotes lines, and a line may hold a password that
//! should not be there.

/// The text with everything that stands as a literal behind `password:` replaced by `*`, byte for byte.
/// It works on text that is no valid YAML as well.
pub fn redact(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for line in text.split_inclusive('\n') {
        out.push_str(&redact_line(line));
    }
    out
}

fn redact_line(line: &str) -> String {
    const KEY: &str = "password";
    let lower = line.to_ascii_lowercase();
    let mut hide = vec![false; line.len()];
    for (found, _) in lower.match_indices(KEY) {
        let after = found + KEY.len();
        let rest = line[after..].trim_start_matches(['"', '\'']);
        let start = line.len() - rest.len();
        let Some(value) = rest.trim_start().strip_prefix([':', '=']) else { continue };
        let blank = value.len() - value.trim_start().len();
        let start = start.max(line.len() - value.len() + blank);
        if line[start..].starts_with(['{', '#', '*', '&']) || line[start..].trim().is_empty() {
            continue;
        }
        let end = match line[start..].chars().next() {
            Some(quote @ ('"' | '\'')) => line[start + 1..].find(quote).map(|at| start + at + 2),
            _ => line[start..].find([',', '}', '\n', '\r']).map(|at| start + at),
        };
        let end = end.unwrap_or(line.trim_end().len()).max(start);
        hide[start..end].fill(true);
    }
    // a hidden character becomes as many stars as it has bytes: places stay right
    line.char_indices().map(|(at, c)| if hide[at] { "*".repeat(c.len_utf8()) } else { c.to_string() }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn literal_passwords_are_starred_and_references_stay() {
        assert_eq!(redact("  password: hunter2\n  port: 5\n"), "  password: *******\n  port: 5\n");
        assert_eq!(redact("a: {password: 'a, b', port: 5}"), "a: {password: ******, port: 5}");
        assert_eq!(redact("a: {\"password\": x, port: 5}"), "a: {\"password\": *, port: 5}");
        assert_eq!(redact("password: {env: PW}\n"), "password: {env: PW}\n");
        assert_eq!(redact("password: ä\n"), "password: **\n");
        assert_eq!(redact("password:\n"), "password:\n");
    }
}
