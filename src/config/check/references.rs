//! Names: how they may look, where each is defined, and whether a reference finds one.

use super::{At, Context};
use crate::config::document::Document;
use crate::config::node::join;
use crate::config::suggest::{closest, listed};
use crate::error::code;
use indexmap::IndexMap;

/// Longest name of an entry: it becomes part of file names.
pub const NAME_BYTES_MAX: usize = 100;

/// Sections whose entries have names.
pub const SECTIONS: [&str; 4] = ["repositories", "servers", "databases", "targets"];

/// Where each name of a section is defined, in the order of the files.
pub type Names = IndexMap<String, usize>;

/// Collects the names of a section over all documents. A name defined twice counts once.
pub fn collect(section: &str, documents: &[&Document], context: &mut Context<'_>) -> Names {
    let mut names = Names::new();
    for (index, document) in documents.iter().enumerate() {
        let pointer = format!("/{section}");
        for entry in document.root.find(&pointer).map(|node| node.entries()).unwrap_or_default() {
            let at = At { document, pointer: join(&pointer, &entry.key) };
            match names.get(&entry.key).copied() {
                Some(first) if first != index => {
                    let problem = at
                        .key_error(
                            code::CONFIG_VALUE,
                            format!("{} is defined in two files", at.name()),
                            "defined again",
                        )
                        .spot(documents[first].key_spot(&at.pointer, "first defined here"))
                        .fix(format!("keep one of them: the other is at {}", documents[first].line(&at.pointer)));
                    context.findings.problem(problem);
                }
                Some(_) => {}
                None => {
                    well_formed(&entry.key, section, &at, context);
                    names.insert(entry.key.clone(), index);
                }
            }
        }
    }
    names
}

fn well_formed(name: &str, section: &str, at: &At<'_>, context: &mut Context<'_>) {
    let is_good = name.len() <= NAME_BYTES_MAX
        && name.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || "_-.".contains(c));
    if is_good {
        return;
    }
    let shown = crate::config::shape::short(name);
    let problem = at
        .key_error(code::CONFIG_VALUE, format!("\"{shown}\" cannot be the name of an entry"), "not a name")
        .fix("use letters, digits, _, - and ., beginning with a letter, a digit or _, at most 100");
    context.findings.problem(match section {
        "databases" => problem.fix("give the real name of the database under \"name:\" if it is an unusual one"),
        _ => problem,
    });
}

/// True when `name` is one of `names`; else says so at `at`.
pub fn exists(name: &str, kind: &str, names: &Names, at: &At<'_>, context: &mut Context<'_>) -> bool {
    if names.contains_key(name) {
        return true;
    }
    let shown = crate::config::shape::short(name);
    let problem =
        at.error(code::CONFIG_REFERENCE, format!("there is no {kind} named \"{shown}\""), &format!("no such {kind}"));
    let known: Vec<&str> = names.keys().map(String::as_str).collect();
    let problem = match closest(name, known.iter().copied()) {
        Some(meant) => problem.fix(format!("did you mean \"{meant}\"?")),
        None => problem,
    };
    context.findings.problem(match known.as_slice() {
        [] => problem.fix(format!("define it: the config has no {kind} yet")),
        _ => problem.fix(format!("use one that is defined: {}", listed(known.iter().copied()))),
    });
    false
}
