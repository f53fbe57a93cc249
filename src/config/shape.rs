//! The second pass: the tree against its JSON Schema, every violation in plain words at its place.

use crate::config::document::{Document, Findings};
use crate::config::node::{Node, Value as Tree, dotted, join, parts};
use crate::config::suggest::{closest, listed};
use crate::config::unsupported::{Unsupported, find_key, find_value, matches};
use crate::error::{Error, code};
use jsonschema::error::{TypeKind, ValidationErrorKind as Kind};
use jsonschema::{JsonType, Validator};
use serde_json::Value;

/// A schema with its validator and what is known but not supported.
pub struct Shape {
    /// The schema.
    pub schema: Value,
    /// Its validator.
    pub validator: Validator,
    /// What is recognised and refused.
    pub unsupported: &'static [Unsupported],
}

/// Checks a document. The JSON that comes back has no value that broke a rule, so that the third
/// pass can look at all the others.
pub fn check(shape: &Shape, document: &Document, findings: &mut Findings) -> Value {
    let mut json = document.root.json();
    let whole = json.clone();
    let foreign = foreign_entries(shape, document, findings);
    let refused = ambiguous(document);
    for violation in shape.validator.iter_errors(&whole) {
        let pointer = violation.instance_path().as_str();
        if foreign.iter().any(|entry| pointer == entry || pointer.starts_with(&format!("{entry}/"))) {
            continue;
        }
        if refused.iter().any(|known| known == pointer) {
            continue;
        }
        let place = Violation { shape, document, pointer, rule: violation.schema_path().as_str() };
        if let Kind::AdditionalProperties { unexpected } = violation.kind() {
            for name in unexpected {
                findings.problem(place.unknown_key(name));
                remove(&mut json, &join(pointer, name));
            }
            continue;
        }
        if !matches!(violation.kind(), Kind::Required { .. }) {
            remove(&mut json, pointer);
        }
        if let Some(problem) = place.problem(violation.kind(), &violation.masked().to_string()) {
            findings.problem(problem);
        }
    }
    for entry in foreign.iter().chain(&refused) {
        remove(&mut json, entry);
    }
    json
}

/// Entries whose `type` or `engine` this version does not have: said once, not looked into.
fn foreign_entries(shape: &Shape, document: &Document, findings: &mut Findings) -> Vec<String> {
    let mut entries = Vec::new();
    document.root.visit("", &mut |pointer, node| {
        if let Some(text) = node.text()
            && let Some(row) = find_value(shape.unsupported, pointer, text)
        {
            findings.problem(
                document
                    .error(
                        code::CONFIG_UNSUPPORTED,
                        pointer,
                        format!("not yet supported: {}", row.what),
                        "not yet supported",
                    )
                    .fix(row.instead),
            );
            entries.push(match pointer.rsplit_once('/') {
                Some((entry, _)) if !entry.is_empty() => entry.to_owned(),
                _ => pointer.to_owned(),
            });
        }
    });
    entries
}

/// Numbers that the first pass refused already.
fn ambiguous(document: &Document) -> Vec<String> {
    let mut found = Vec::new();
    document.root.visit("", &mut |pointer, node| {
        if node.has_leading_zero() {
            found.push(pointer.to_owned());
        }
    });
    found
}

/// Takes a value out; out of a list, the whole list goes (indexes would shift).
fn remove(json: &mut Value, pointer: &str) {
    let mut at = json;
    let mut parts = parts(pointer).into_iter().peekable();
    while let Some(part) = parts.next() {
        let Some(object) = at.as_object_mut() else { return };
        let into_list = object.get(&part).is_some_and(Value::is_array);
        if parts.peek().is_none() || into_list && parts.len() == 1 {
            object.shift_remove(&part);
            return;
        }
        match object.get_mut(&part) {
            Some(next) => at = next,
            None => return,
        }
    }
    *at = Value::Null;
}

struct Violation<'a> {
    shape: &'a Shape,
    document: &'a Document,
    pointer: &'a str,
    rule: &'a str,
}

impl Violation<'_> {
    /// The schema that the broken rule is part of.
    fn schema(&self) -> &Value {
        let parent = self.rule.rsplit_once('/').map_or("", |(parent, _)| parent);
        self.shape.schema.pointer(parent).unwrap_or(&Value::Null)
    }

    fn name(&self) -> String {
        if self.pointer.is_empty() { "the file".to_owned() } else { dotted(self.pointer) }
    }

    fn error(&self, message: String, label: &str) -> Error {
        self.document.error(code::CONFIG_SCHEMA, self.pointer, message, label)
    }

    fn unknown_key(&self, name: &str) -> Error {
        let pointer = join(self.pointer, name);
        if let Some(row) = find_key(self.shape.unsupported, &pointer) {
            return self
                .document
                .key_error(
                    code::CONFIG_UNSUPPORTED,
                    &pointer,
                    format!("not yet supported: {}", row.what),
                    "not yet supported",
                )
                .fix(row.instead);
        }
        let is_bare = self.document.root.find(&pointer).is_some_and(|node| matches!(node.value, Tree::Null));
        let message = match self.pointer {
            // {hunter2}: what stands there may be the secret itself
            _ if is_bare && matches("servers/*/password", self.pointer) => {
                format!("{} names no source", self.name())
            }
            "" => format!("unknown key \"{name}\""),
            _ => format!("unknown key \"{name}\" in {}", self.name()),
        };
        let error = self.document.key_error(code::CONFIG_SCHEMA, &pointer, message, "unknown key");
        let known: Vec<&str> = match &self.schema()["properties"] {
            Value::Object(keys) => keys.keys().map(String::as_str).collect(),
            _ => Vec::new(),
        };
        let error = match closest(name, known.iter().copied()) {
            Some(meant) => error.fix(format!("did you mean \"{meant}\"?")),
            None => error,
        };
        error.fix(format!("use one of the keys that belong here: {}", listed(known)))
    }

    fn problem(&self, kind: &Kind, otherwise: &str) -> Option<Error> {
        let node = self.document.root.find(self.pointer)?;
        Some(match kind {
            Kind::Required { property } => self.missing(property.as_str().unwrap_or_default()),
            Kind::Type { kind } => self.wrong_type(node, kind),
            Kind::OneOfNotValid { .. } | Kind::Enum { .. } | Kind::AnyOf { .. } => self.no_choice(node),
            Kind::Constant { expected_value } => self
                .error(format!("{} must be {expected_value}", self.name()), "another value")
                .fix(format!("write {}: {expected_value}", self.last())),
            Kind::MinProperties { .. } | Kind::MaxProperties { .. } => {
                let known = match &self.schema()["properties"] {
                    Value::Object(keys) => listed(keys.keys().map(String::as_str)),
                    _ => String::new(),
                };
                self.error(format!("{} must have exactly one source", self.name()), "one source, not more or less")
                    .fix(format!("keep one of: {known}"))
            }
            Kind::MinItems { .. } => self
                .error(format!("{} must name at least one", self.name()), "an empty list")
                .fix("give the list an entry or remove the key"),
            Kind::MinLength { .. } => self
                .error(format!("{} must not be empty", self.name()), "empty")
                .fix("give it a value or remove the key"),
            Kind::Minimum { .. } | Kind::Maximum { .. } => {
                let schema = self.schema();
                let range = match (&schema["minimum"], &schema["maximum"]) {
                    (least, Value::Null) => format!("{least} or more"),
                    (Value::Null, most) => format!("{most} or less"),
                    (least, most) => format!("from {least} to {most}"),
                };
                self.error(format!("{} must be {range}, not {}", self.name(), written(node)), "out of range")
                    .fix(format!("give a number {range}"))
            }
            _ => self.error(format!("{} is not as it should be: {otherwise}", self.name()), "here"),
        })
    }

    fn last(&self) -> String {
        parts(self.pointer).pop().unwrap_or_default()
    }

    /// What a mapping here looks like: `{cron: ...}`.
    fn sketch(&self) -> String {
        let schema = self.schema();
        let required: Vec<&str> =
            schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        let keys = match (&schema["properties"], required.is_empty()) {
            (_, false) => required,
            (Value::Object(keys), true) => keys.keys().map(String::as_str).take(1).collect(),
            _ => vec!["NAME"],
        };
        let keys: Vec<String> = keys.iter().map(|key| format!("{key}: ...")).collect();
        format!("{{{}}}", keys.join(", "))
    }

    fn missing(&self, key: &str) -> Error {
        let label = format!("\"{key}\" is missing");
        let message = match self.pointer {
            "" => format!("the file has no \"{key}\""),
            _ => format!("{} has no \"{key}\"", self.name()),
        };
        self.document.key_error(code::CONFIG_SCHEMA, self.pointer, message, &label).fix(match key {
            "version" => "add the line: version: 1".to_owned(),
            _ => format!("add \"{key}:\""),
        })
    }

    fn no_choice(&self, node: &Node) -> Error {
        let schema = self.schema();
        let mut choices = Vec::new();
        for one in schema["oneOf"].as_array().into_iter().chain(schema["anyOf"].as_array()).flatten() {
            choices.extend(one["const"].as_str());
            choices.extend(one["enum"].as_array().into_iter().flatten().filter_map(Value::as_str));
        }
        choices.extend(schema["enum"].as_array().into_iter().flatten().filter_map(Value::as_str));
        let error = match &node.value {
            Tree::Null => self.error(format!("{} has no value", self.name()), "empty"),
            Tree::List(_) | Tree::Map(_) => self.error(format!("{} must be one word", self.name()), "not one word"),
            _ => self.error(format!("{} cannot be {}", self.name(), written(node)), "not one of the choices"),
        };
        let meant = node.text().and_then(|text| closest(text, choices.iter().copied()));
        let error = match meant {
            Some(meant) => error.fix(format!("did you mean \"{meant}\"?")),
            None => error,
        };
        if meant.is_some() && choices.len() == 1 {
            return error;
        }
        error.fix(format!("use one of: {}", listed(choices)))
    }

    fn wrong_type(&self, node: &Node, kind: &TypeKind) -> Error {
        let name = self.name();
        let wanted = match kind {
            TypeKind::Single(one) => *one,
            TypeKind::Multiple(several) => several.iter().next().unwrap_or(JsonType::String),
        };
        let is_secret = matches("servers/*/password", self.pointer);
        if is_secret && matches!(node.value, Tree::Text(_) | Tree::Number(_) | Tree::Bool(_)) {
            return self
                .document
                .key_error(code::CONFIG_SECRET, self.pointer, format!("{name} is written in the file"), "a secret in the file")
                .fix("say where it comes from instead: {env: NAME}, {file: PATH}, {command: [PROGRAM, ARGUMENT]} or {prompt: TEXT}")
                .fix("change the password if the file was ever shared or committed");
        }
        let want = match wanted {
            JsonType::String => "text",
            JsonType::Integer => "a whole number",
            JsonType::Number => "a number",
            JsonType::Boolean => "true or false",
            JsonType::Array => "a list",
            JsonType::Object => "a mapping of keys to values",
            JsonType::Null => "nothing",
        };
        if matches!(node.value, Tree::Null) {
            return self
                .error(format!("{name} has no value"), "empty")
                .fix(format!("give it {want} or remove the key"));
        }
        let have = written(node);
        match (&node.value, wanted) {
            (Tree::Number(_), JsonType::String) if self.last().ends_with("_timeout") => self
                .error(format!("{name} must be a duration, but {have} has no unit"), "no unit")
                .fix(format!("add the unit: {have}s for seconds, {have}m for minutes")),
            (Tree::Number(_) | Tree::Bool(_), JsonType::String) => {
                let read_as = if matches!(node.value, Tree::Bool(_)) { "a truth value" } else { "a number" };
                self.error(format!("{name} must be text, but YAML reads {have} as {read_as}"), read_as)
                    .fix(format!("put it in quotes: \"{have}\""))
            }
            (Tree::Text(text), JsonType::Boolean) => {
                let error = self.error(format!("{name} must be true or false, not {have}"), "text");
                match text.to_ascii_lowercase().as_str() {
                    "yes" | "on" | "y" => error.fix("write true: YAML 1.2 reads this word as text"),
                    "no" | "off" | "n" => error.fix("write false: YAML 1.2 reads this word as text"),
                    _ => error.fix("write true or false"),
                }
            }
            (Tree::Text(text), JsonType::Integer | JsonType::Number) if text.parse::<f64>().is_ok() => self
                .error(format!("{name} must be {want}, but it is text"), "text")
                .fix(format!("take the quotes away: {text}")),
            (Tree::Text(text), JsonType::Array) if self.last() == "command" => self
                .error(format!("{name} must be a list: no shell takes it apart"), "not a list")
                .fix(format!("write it as a list: [{}]", text.split_whitespace().collect::<Vec<_>>().join(", "))),
            (Tree::Text(_) | Tree::Number(_) | Tree::Bool(_), JsonType::Array) => self
                .error(format!("{name} must be a list, not {have}"), "not a list")
                .fix(format!("write it as a list: [{have}]")),
            (_, JsonType::Object) => self
                .error(format!("{name} must be {want}, not {have}"), &format!("not {want}"))
                .fix(format!("write it as a mapping: {}", self.sketch())),
            _ => self
                .error(format!("{name} must be {want}, not {have}"), &format!("not {want}"))
                .fix(format!("give it {want}")),
        }
    }
}

/// A value as the person wrote it, or what kind of thing it is.
fn written(node: &Node) -> String {
    match (&node.value, &node.plain) {
        (Tree::List(_), _) => "a list".to_owned(),
        (Tree::Map(_), _) => "a mapping".to_owned(),
        (Tree::Null, _) => "nothing".to_owned(),
        (Tree::Text(text), _) => format!("\"{}\"", short(text)),
        (_, Some(plain)) => short(plain),
        (Tree::Number(number), None) => number.to_string(),
        (Tree::Bool(value), None) => value.to_string(),
    }
}

/// Enough of a value to recognise it.
pub fn short(text: &str) -> String {
    let one_line: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    match one_line.char_indices().nth(60) {
        Some((end, _)) => format!("{}...", &one_line[..end]),
        None => one_line,
    }
}
