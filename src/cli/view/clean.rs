//! Text of unknown origin, made safe to print.

/// The text as one line that only shows: control characters (those that drive a
/// terminal among them), line separators and characters that turn the direction
/// of reading or are invisible are written out, e.g. `\n`, `\u{1b}`.
pub fn clean(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if is_unsafe(c) => out.extend(c.escape_unicode()),
            c => out.push(c),
        }
    }
    out
}

fn is_unsafe(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{61c}' | '\u{180e}'
            | '\u{200b}' | '\u{200e}' | '\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{feff}' | '\u{fff9}'..='\u{fffb}'
            | '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn escapes_show_and_letters_stay() {
        assert_eq!(clean("a\u{1b}[31mb\r\n\tc"), "a\\u{1b}[31mb\\r\\n\\tc");
        assert_eq!(clean("\u{9b}2J \u{202e}txt.exe \u{feff}"), "\\u{9b}2J \\u{202e}txt.exe \\u{feff}");
        assert_eq!(clean("Größe 数据 می‌خواهم é"), "Größe 数据 می‌خواهم é");
    }

    proptest! {
        #[test]
        fn nothing_that_drives_a_terminal_comes_out(text in any::<String>()) {
            prop_assert!(!clean(&text).chars().any(is_unsafe));
        }
    }
}
