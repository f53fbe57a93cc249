//! Names and values as SQL text.

/// An identifier, always in double quotes: reads back unchanged whatever it holds.
pub fn identifier(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// A string literal. With a backslash in it the `E''` form is taken, which reads
/// the same whether `standard_conforming_strings` is on or off.
pub fn literal(value: &str) -> String {
    let quoted = value.replace('\'', "''");
    if quoted.contains('\\') { format!(" E'{}'", quoted.replace('\\', "\\\\")) } else { format!("'{quoted}'") }
}

/// `"schema"."name"`, or only the name when the schema is empty.
pub fn qualified(schema: &str, name: &str) -> String {
    if schema.is_empty() { identifier(name) } else { format!("{}.{}", identifier(schema), identifier(name)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_are_doubled() {
        assert_eq!(identifier("a\"b"), "\"a\"\"b\"");
        assert_eq!(literal("it's"), "'it''s'");
        assert_eq!(literal("c:\\dir'"), " E'c:\\\\dir'''");
        assert_eq!(qualified("s.x", "t"), "\"s.x\".\"t\"");
        assert_eq!(qualified("", "t"), "\"t\"");
    }
}
