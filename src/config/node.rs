//! A YAML document as a tree that remembers where everything stands.

use serde_json::Number;

/// Where something stands in its file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Place {
    /// Line, from 1.
    pub line: u32,
    /// Column in characters, from 1.
    pub column: u32,
    /// Half-open byte range in the file's text.
    pub bytes: std::ops::Range<usize>,
}

/// A value and where it stands.
#[derive(Clone, Debug)]
pub struct Node {
    /// Where it is used (an alias stands where it is named, not where its anchor is).
    pub at: Place,
    /// The value.
    pub value: Value,
    /// The text of a plain scalar, as it is written.
    pub plain: Option<String>,
}

/// A YAML value.
#[derive(Clone, Debug)]
pub enum Value {
    /// Nothing, `~` or `null`.
    Null,
    /// `true` or `false`; `yes`, `no`, `on`, `off` are text.
    Bool(bool),
    /// An integer or a float.
    Number(Number),
    /// Text.
    Text(String),
    /// A sequence.
    List(Vec<Node>),
    /// A mapping, in the order of the file.
    Map(Vec<Entry>),
}

/// One key of a mapping and its value.
#[derive(Clone, Debug)]
pub struct Entry {
    /// The key.
    pub key: String,
    /// Where the key stands.
    pub key_at: Place,
    /// The value.
    pub node: Node,
}

impl Node {
    /// The tree as JSON.
    pub fn json(&self) -> serde_json::Value {
        match &self.value {
            Value::Null => serde_json::Value::Null,
            Value::Bool(value) => (*value).into(),
            Value::Number(value) => value.clone().into(),
            Value::Text(value) => value.clone().into(),
            Value::List(items) => items.iter().map(Node::json).collect(),
            Value::Map(entries) => entries.iter().map(|entry| (entry.key.clone(), entry.node.json())).collect(),
        }
    }

    /// The entries of a mapping; none of anything else.
    pub fn entries(&self) -> &[Entry] {
        match &self.value {
            Value::Map(entries) => entries,
            _ => &[],
        }
    }

    /// The entry of that key.
    pub fn entry(&self, key: &str) -> Option<&Entry> {
        self.entries().iter().find(|entry| entry.key == key)
    }

    /// True for a plain number like `012`, which YAML 1.1 reads as octal and YAML 1.2 does not.
    pub fn has_leading_zero(&self) -> bool {
        let Some(plain) = &self.plain else { return false };
        let digits = plain.trim_start_matches(['+', '-']);
        digits.len() > 1 && digits.starts_with('0') && digits.bytes().all(|b| b.is_ascii_digit() || b == b'_')
    }

    /// The text of a string.
    pub fn text(&self) -> Option<&str> {
        match &self.value {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The node that a JSON pointer names.
    pub fn find(&self, pointer: &str) -> Option<&Node> {
        self.walk(pointer).map(|(_, node)| node)
    }

    /// The best place to show for a JSON pointer: of a scalar the value, of a mapping or
    /// sequence the key in front of it (the whole would be a screenful). A pointer that leads
    /// nowhere gives the place of its nearest parent that exists.
    pub fn place(&self, pointer: &str) -> Place {
        let mut pointer = pointer;
        loop {
            if let Some((key, node)) = self.walk(pointer) {
                return match (&node.value, key) {
                    (Value::List(_) | Value::Map(_) | Value::Null, Some(entry)) => entry.key_at.clone(),
                    _ => node.at.clone(),
                };
            }
            pointer = pointer.rsplit_once('/').map_or("", |(parent, _)| parent);
        }
    }

    /// The place of the key that a JSON pointer ends with, or of the value where there is no key.
    pub fn key_place(&self, pointer: &str) -> Place {
        match self.walk(pointer) {
            Some((Some(entry), _)) => entry.key_at.clone(),
            Some((None, node)) => node.at.clone(),
            None => self.place(pointer),
        }
    }

    fn walk(&self, pointer: &str) -> Option<(Option<&Entry>, &Node)> {
        let mut found = (None, self);
        for part in pointer.split('/').skip(1) {
            found = match &found.1.value {
                Value::Map(_) => {
                    let entry = found.1.entry(&unescape(part))?;
                    (Some(entry), &entry.node)
                }
                Value::List(items) => (None, items.get(part.parse::<usize>().ok()?)?),
                _ => return None,
            };
        }
        Some(found)
    }

    /// Calls `visit` with every node and its JSON pointer, parents first.
    pub fn visit<'n>(&'n self, pointer: &str, visit: &mut dyn FnMut(&str, &'n Node)) {
        visit(pointer, self);
        match &self.value {
            Value::List(items) => {
                for (index, item) in items.iter().enumerate() {
                    item.visit(&format!("{pointer}/{index}"), visit);
                }
            }
            Value::Map(entries) => {
                for entry in entries {
                    entry.node.visit(&join(pointer, &entry.key), visit);
                }
            }
            _ => {}
        }
    }
}

/// A JSON pointer one key deeper.
pub fn join(pointer: &str, key: &str) -> String {
    format!("{pointer}/{}", key.replace('~', "~0").replace('/', "~1"))
}

/// The parts of a JSON pointer, unescaped.
pub fn parts(pointer: &str) -> Vec<String> {
    pointer.split('/').skip(1).map(unescape).collect()
}

/// A JSON pointer as people write it: `servers.pg-main.port`.
pub fn dotted(pointer: &str) -> String {
    parts(pointer).join(".")
}

fn unescape(part: &str) -> String {
    part.replace("~1", "/").replace("~0", "~")
}
