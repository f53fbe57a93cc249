//! The third pass: what the values mean, and what the names refer to.

pub mod databases;
pub mod places;
pub mod references;
pub mod secrets;
pub mod servers;
pub mod values;

use crate::config::document::{Document, Findings};
use crate::config::files::FileSource;
use crate::config::node::join;
use crate::error::{Code, Error};
use indexmap::IndexMap;
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::path::{Path, PathBuf};

/// What the checks share.
pub struct Context<'a> {
    /// Errors and warnings so far.
    pub findings: Findings,
    /// Where each resolved value came from, by JSON pointer.
    pub origins: IndexMap<String, String>,
    /// For what is known of files without reading them.
    pub files: &'a dyn FileSource,
}

/// A place in a document that a check looks at.
#[derive(Clone)]
pub struct At<'a> {
    /// The document.
    pub document: &'a Document,
    /// JSON pointer into it.
    pub pointer: String,
}

impl<'a> At<'a> {
    /// One key deeper.
    pub fn key(&self, key: &str) -> At<'a> {
        At { document: self.document, pointer: join(&self.pointer, key) }
    }

    /// An error pointing at the value.
    pub fn error(&self, code: &'static Code, message: impl Into<String>, label: &str) -> Error {
        self.document.error(code, &self.pointer, message, label)
    }

    /// An error pointing at the key.
    pub fn key_error(&self, code: &'static Code, message: impl Into<String>, label: &str) -> Error {
        self.document.key_error(code, &self.pointer, message, label)
    }

    /// The path as people write it.
    pub fn name(&self) -> String {
        crate::config::node::dotted(&self.pointer)
    }

    /// `file:line` of the key.
    pub fn line(&self) -> String {
        self.document.line(&self.pointer)
    }

    /// A path of the file, made absolute.
    pub fn path(&self, path: &Path) -> PathBuf {
        places::join(&self.document.dir, path)
    }
}

impl Context<'_> {
    /// Notes where the value at `pointer` of the resolved config came from.
    pub fn origin(&mut self, pointer: String, from: impl Into<String>) {
        self.origins.insert(pointer, from.into());
    }

    /// Notes that the value came from the file if the key is there, else from a default.
    pub fn origin_of(&mut self, pointer: &str, field: &str, at: &At<'_>) {
        let from = match at.document.root.find(&at.pointer) {
            Some(_) => at.line(),
            None => "default".to_owned(),
        };
        self.origin(join(pointer, field), from);
    }

    /// The typed form of a value that the second pass left standing.
    pub fn typed<T: DeserializeOwned>(&mut self, json: &Value, at: &At<'_>) -> Option<T> {
        let value = json.pointer(&at.pointer)?;
        match serde_json::from_value(value.clone()) {
            Ok(typed) => Some(typed),
            Err(error) => {
                let problem = at
                    .error(crate::error::code::CONFIG_SCHEMA, format!("{} is not as it should be", at.name()), "here")
                    .cause(error.to_string())
                    .fix("compare it with the examples of the documentation");
                self.findings.problem(problem);
                None
            }
        }
    }
}
