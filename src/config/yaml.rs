//! YAML text to a tree with places: the only file that knows the YAML library.
//!
//! What people trip over in YAML is refused with the way out instead of being
//! guessed: `012`, tabs, duplicate keys, merge keys, tags. `yes`, `no`, `on` and
//! `off` are text, as in YAML 1.2. Bombs of aliases, depth or size are refused.

use crate::base::limits;
use crate::config::document::spot;
use crate::config::node::{Entry, Node, Place, Value, join};
use crate::error::{Error, code};
use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::Number;
use serde_saphyr::budget::BudgetBreach;
use serde_saphyr::options::{DuplicateKeyPolicy, MergeKeyPolicy, NonFiniteFloatPolicy};
use serde_saphyr::{Location, Spanned};
use std::fmt;

/// Depth of nested mappings and sequences: the config's own depth is 6.
const DEPTH_MAX: usize = 32;
/// Nodes that all aliases of a file may stand for together.
const ALIASED_NODES_MAX: usize = 20_000;
/// Nodes of a file: 10,000 databases with all their keys.
const NODES_MAX: usize = 250_000;

/// Parses one document. Problems that leave a tree standing (a duplicate key, an octal number)
/// come together with it, so that the rest is checked in the same run.
pub fn parse(file: &str, bytes: &[u8]) -> (Option<Node>, Vec<Error>) {
    let text = match text(file, bytes) {
        Ok(text) => text,
        Err(error) => return (None, vec![error]),
    };
    let parsed: Spanned<Tree> = match serde_saphyr::from_str_with_options(text, options(DuplicateKeyPolicy::LastWins)) {
        Ok(parsed) => parsed,
        Err(error) => return (None, vec![syntax(file, text, &error)]),
    };
    let node = node(parsed, text);
    let mut problems = Vec::new();
    duplicates(file, "", &node, &mut problems);
    octals(file, &node, &mut problems);
    if problems.is_empty() {
        // integer keys are compared by value, which only the library does
        let strict: Result<Spanned<Tree>, _> =
            serde_saphyr::from_str_with_options(text, options(DuplicateKeyPolicy::Error));
        if let Err(error) = strict {
            problems.push(syntax(file, text, &error));
        }
    }
    if matches!(node.value, Value::Null) {
        let at = Place { line: 1, column: 1, bytes: 0..0 };
        problems.push(
            Error::new(code::CONFIG_SYNTAX, format!("{file} is empty"))
                .spot(spot(file, &at, "nothing is here"))
                .fix("start from a file in examples/ or let \"dbb init\" write one"),
        );
        return (None, problems);
    }
    (Some(node), problems)
}

fn text<'b>(file: &str, bytes: &'b [u8]) -> Result<&'b str, Error> {
    if bytes.len() as u64 > limits::CONFIG_BYTES_MAX {
        let limit = crate::base::units::bytes(limits::CONFIG_BYTES_MAX);
        return Err(Error::new(code::CONFIG_SYNTAX, format!("{file} is larger than {limit}"))
            .fix("check that it is the right file")
            .fix("split it into several and name them under \"include\""));
    }
    std::str::from_utf8(bytes).map_err(|error| {
        let good = error.valid_up_to();
        let before = String::from_utf8_lossy(&bytes[..good]);
        let line = before.lines().count().max(1) as u32 + u32::from(before.ends_with('\n'));
        let column = before.rsplit('\n').next().map_or(0, |last| last.chars().count()) as u32 + 1;
        let at = Place { line, column, bytes: good..good };
        Error::new(code::CONFIG_SYNTAX, format!("{file} is not UTF-8 text"))
            .spot(spot(file, &at, "this byte is not UTF-8"))
            .fix("save the file as UTF-8")
    })
}

fn options(duplicates: DuplicateKeyPolicy) -> serde_saphyr::Options {
    serde_saphyr::options! {
        budget: serde_saphyr::budget! {
            max_depth: DEPTH_MAX,
            max_nodes: NODES_MAX,
            max_documents: 1,
            max_recorded_anchor_events: ALIASED_NODES_MAX,
            flow_nesting_limit: DEPTH_MAX + 1,
            max_aliases: ALIASED_NODES_MAX,
            enforce_alias_anchor_ratio: false,
        },
        alias_limits: serde_saphyr::alias_limits! {
            max_total_replayed_events: ALIASED_NODES_MAX,
            max_replay_stack_depth: 8,
        },
        duplicate_keys: duplicates,
        merge_keys: MergeKeyPolicy::Error,
        strict_booleans: true,
        reject_unsupported_tags: true,
        non_finite_float_policy: NonFiniteFloatPolicy::AsString,
        with_snippet: false,
    }
}

fn syntax(file: &str, text: &str, error: &serde_saphyr::Error) -> Error {
    use serde_saphyr::Error as E;
    let plain = error.without_snippet();
    let at = plain.location().map(|location| place(&location)).unwrap_or_default();
    let base = |message: String, label: &str| {
        let problem = Error::new(code::CONFIG_SYNTAX, message);
        if at.line == 0 { problem } else { problem.spot(spot(file, &at, label)) }
    };
    match plain {
        E::DuplicateMappingKey { key, .. } => {
            let key = key.clone().unwrap_or_default();
            base(format!("key \"{key}\" is given twice"), "given before").fix("keep one of them")
        }
        E::MergeKeyNotAllowed { .. } => base("merge keys (<<) are not understood".to_owned(), "merge key")
            .fix("write the keys out, or put what is common under \"defaults\""),
        E::Budget { breach: BudgetBreach::Documents { .. }, .. } => {
            base("the file holds more than one YAML document".to_owned(), "the second one starts here")
                .fix("put each document into a file of its own and name the files under \"include\"")
        }
        E::Budget { breach: BudgetBreach::Depth { .. }, .. } => {
            base(format!("the file nests deeper than {DEPTH_MAX} levels"), "too deep")
                .fix("check the indentation and the brackets: no config nests that deep")
        }
        E::Budget { .. }
        | E::AliasReplayLimitExceeded { .. }
        | E::AliasExpansionLimitExceeded { .. }
        | E::AliasReplayStackDepthExceeded { .. } => {
            base("the file is too large, or grows too large when its aliases are expanded".to_owned(), "here")
                .fix("write the values out instead of using anchors (&) and aliases (*)")
                .fix("split the file into several and name them under \"include\"")
        }
        E::UnsupportedTag { .. } => base("tags (!name) are not understood".to_owned(), "the value of a tag")
            .cause(sentence(plain))
            .fix("remove the tag"),
        E::UnknownAnchor { .. } => base("an alias (*name) refers to nothing".to_owned(), "no such anchor")
            .fix("define the anchor (&name) above, or write the value out"),
        E::RecursiveReferencesRequireWeakTypes { .. } => {
            base("an alias (*name) stands inside what it refers to".to_owned(), "refers to itself")
                .fix("write the value out")
        }
        _ => {
            let problem = base("this is not valid YAML".to_owned(), "here").cause(sentence(plain));
            let line = text.lines().nth(at.line.saturating_sub(1) as usize).unwrap_or("");
            if line.trim_start_matches(' ').starts_with('\t') {
                problem.fix("indent with spaces: YAML does not allow tabs there")
            } else {
                problem.fix("check the indentation, the quotes and the brackets up to this line")
            }
        }
    }
}

/// The library's words without its own idea of a place.
fn sentence(error: &serde_saphyr::Error) -> String {
    let text = error.to_string();
    let first = text.lines().next().unwrap_or_default();
    let first = first.split_once(" at line ").map_or(first, |(start, _)| start);
    let first = match first.strip_prefix("error: line ").and_then(|rest| rest.split_once(": ")) {
        Some((_, rest)) => rest,
        None => first,
    };
    first.trim_end_matches(['.', ':']).to_owned()
}

fn duplicates(file: &str, pointer: &str, node: &Node, problems: &mut Vec<Error>) {
    let mut seen = std::collections::HashMap::new();
    for entry in node.entries() {
        if let Some(first) = seen.insert(entry.key.as_str(), entry) {
            let first = &first.key_at;
            problems.push(
                Error::new(code::CONFIG_SYNTAX, format!("key \"{}\" is given twice", entry.key))
                    .spot(spot(file, &entry.key_at, "given twice"))
                    .spot(spot(file, first, "first given here"))
                    .fix(format!("keep one of them: the other is in line {}", first.line)),
            );
        }
        duplicates(file, &join(pointer, &entry.key), &entry.node, problems);
    }
    if let Value::List(items) = &node.value {
        for item in items {
            duplicates(file, pointer, item, problems);
        }
    }
}

fn octals(file: &str, root: &Node, problems: &mut Vec<Error>) {
    root.visit("", &mut |_, node| {
        if let Some(plain) = node.plain.as_ref().filter(|_| node.has_leading_zero()) {
            let decimal = plain.trim_start_matches(['+', '-', '0', '_']);
            let decimal = if decimal.is_empty() { "0" } else { decimal };
            problems.push(
                Error::new(
                    code::CONFIG_VALUE,
                    format!("{plain} means one number to some YAML readers and another to others"),
                )
                .spot(spot(file, &node.at, "a leading zero"))
                .fix(format!("write {decimal} for the number"))
                .fix(format!("write \"{plain}\" in quotes for the text")),
            );
        }
    });
}

fn place(location: &Location) -> Place {
    let span = location.span();
    let start = span.byte_offset().unwrap_or(0) as usize;
    let len = span.byte_len().unwrap_or(0) as usize;
    Place { line: location.line() as u32, column: location.column() as u32, bytes: start..start + len }
}

fn node(spanned: Spanned<Tree>, text: &str) -> Node {
    let at = place(&spanned.referenced);
    let written = text.get(place(&spanned.defined).bytes).unwrap_or("").trim();
    let is_plain = !written.is_empty() && !written.starts_with(['"', '\'', '|', '>', '[', '{']);
    let plain = is_plain.then(|| written.to_owned());
    let value = match spanned.value {
        Tree::Null => Value::Null,
        Tree::Bool(value) => Value::Bool(value),
        Tree::Number(value) => Value::Number(value),
        Tree::Text(value) => Value::Text(value),
        Tree::List(items) => Value::List(items.into_iter().map(|item| node(item, text)).collect()),
        Tree::Map(entries) => Value::Map(
            entries
                .into_iter()
                .map(|(key, value)| Entry { key: key.value, key_at: place(&key.referenced), node: node(value, text) })
                .collect(),
        ),
    };
    let plain = if matches!(value, Value::List(_) | Value::Map(_)) { None } else { plain };
    Node { at, value, plain }
}

/// What the library hands over.
enum Tree {
    Null,
    Bool(bool),
    Number(Number),
    Text(String),
    List(Vec<Spanned<Tree>>),
    Map(Vec<(Spanned<String>, Spanned<Tree>)>),
}

impl<'de> Deserialize<'de> for Tree {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(TreeVisitor)
    }
}

struct TreeVisitor;

impl<'de> Visitor<'de> for TreeVisitor {
    type Value = Tree;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }
    fn visit_unit<E>(self) -> Result<Tree, E> {
        Ok(Tree::Null)
    }
    fn visit_bool<E>(self, value: bool) -> Result<Tree, E> {
        Ok(Tree::Bool(value))
    }
    fn visit_i64<E>(self, value: i64) -> Result<Tree, E> {
        Ok(Tree::Number(value.into()))
    }
    fn visit_u64<E>(self, value: u64) -> Result<Tree, E> {
        Ok(Tree::Number(value.into()))
    }
    fn visit_f64<E>(self, value: f64) -> Result<Tree, E> {
        Ok(Number::from_f64(value).map_or_else(|| Tree::Text(value.to_string()), Tree::Number))
    }
    fn visit_str<E>(self, value: &str) -> Result<Tree, E> {
        Ok(Tree::Text(value.to_owned()))
    }
    fn visit_string<E>(self, value: String) -> Result<Tree, E> {
        Ok(Tree::Text(value))
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Tree, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = seq.next_element()? {
            items.push(item);
        }
        Ok(Tree::List(items))
    }
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Tree, A::Error> {
        let mut entries = Vec::new();
        while let Some(entry) = map.next_entry()? {
            entries.push(entry);
        }
        Ok(Tree::Map(entries))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(text: &str) -> Node {
        let (node, problems) = parse("t.yaml", text.as_bytes());
        assert!(problems.is_empty(), "{problems:?}");
        node.expect("a tree")
    }

    #[test]
    fn places_are_exact_in_lines_columns_and_bytes() {
        let text = "a: 1\nbä: {c: \"x y\", d: [5, plain]}\n";
        let root = tree(text);
        let quoted = root.place("/bä/c");
        assert_eq!((quoted.line, quoted.column), (2, 9));
        assert_eq!(&text[quoted.bytes], "\"x y\"");
        assert_eq!(&text[root.place("/bä/d/1").bytes], "plain");
        assert_eq!(&text[root.place("/bä").bytes], "bä");
        assert_eq!(&text[root.key_place("/bä/c").bytes], "c");
        assert_eq!(&text[root.place("/bä/d/7").bytes], "d", "nearest parent");
    }

    #[test]
    fn words_of_yaml_1_1_stay_text_and_quoted_numbers_too() {
        let root = tree("a: no\nb: on\nc: \"3\"\nd: 3.10\ne: true\nf: ~\n");
        let json = root.json();
        assert_eq!(json, serde_json::json!({"a": "no", "b": "on", "c": "3", "d": 3.1, "e": true, "f": null}));
        assert_eq!(root.find("/d").and_then(|node| node.plain.as_deref()), Some("3.10"));
        assert_eq!(root.find("/c").and_then(|node| node.plain.as_deref()), None);
    }

    #[test]
    fn an_alias_stands_where_it_is_used() {
        let root = tree("a: &x {k: v}\nb: *x\n");
        assert_eq!(root.find("/b").map(|node| node.at.line), Some(2));
        assert_eq!(root.find("/b/k").and_then(Node::text), Some("v"));
    }

    #[test]
    fn every_duplicate_key_is_found() {
        let (node, problems) = parse("t.yaml", b"a: 1\na: 2\nb: {c: 1, c: 2}\n");
        assert!(node.is_some());
        assert_eq!(problems.len(), 2, "{problems:?}");
        let (_, problems) = parse("t.yaml", b"1: a\n0x1: b\n");
        assert_eq!(problems.len(), 1, "{problems:?}");
    }
}
