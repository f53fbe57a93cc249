//! A file of the config with its tree, and the one way to point into it.

use crate::config::node::{Node, Place};
use crate::error::{Code, Error, Spot};
use std::path::PathBuf;

/// A file that was read and parsed.
#[derive(Clone, Debug)]
pub struct Document {
    /// The file as the person named it.
    pub name: String,
    /// The directory that relative paths in it start from, absolute.
    pub dir: PathBuf,
    /// Its tree.
    pub root: Node,
}

impl Document {
    /// An error pointing at the value of a JSON pointer.
    pub fn error(&self, code: &'static Code, pointer: &str, message: impl Into<String>, label: &str) -> Error {
        Error::new(code, message).spot(spot(&self.name, &self.root.place(pointer), label))
    }

    /// An error pointing at the key of a JSON pointer.
    pub fn key_error(&self, code: &'static Code, pointer: &str, message: impl Into<String>, label: &str) -> Error {
        Error::new(code, message).spot(self.key_spot(pointer, label))
    }

    /// The spot of a key.
    pub fn key_spot(&self, pointer: &str, label: &str) -> Spot {
        spot(&self.name, &self.root.key_place(pointer), label)
    }

    /// `file:line` of a key.
    pub fn line(&self, pointer: &str) -> String {
        format!("{}:{}", self.name, self.root.key_place(pointer).line)
    }
}

/// A place in a file, as errors carry it.
pub fn spot(file: &str, place: &Place, label: &str) -> Spot {
    Spot {
        file: file.to_owned(),
        line: place.line,
        column: place.column,
        bytes: place.bytes.clone(),
        label: label.to_owned(),
    }
}

/// What is wrong, and what is only worth a look.
#[derive(Debug, Default)]
pub struct Findings {
    /// Errors: nothing runs while there is one.
    pub problems: Vec<Error>,
    /// Warnings.
    pub warnings: Vec<Error>,
}

impl Findings {
    /// Adds an error.
    pub fn problem(&mut self, error: Error) {
        self.problems.push(error);
    }

    /// Adds a warning.
    pub fn warning(&mut self, error: Error) {
        self.warnings.push(error);
    }

    /// Puts everything in the order of the text, file by file as `names` lists them.
    pub fn sort(&mut self, names: &[String]) {
        let order = |error: &Error| {
            error.spots().first().map(|spot| {
                (names.iter().position(|name| *name == spot.file), spot.bytes.start, spot.line, spot.column)
            })
        };
        self.problems.sort_by_key(order);
        self.warnings.sort_by_key(order);
    }
}
