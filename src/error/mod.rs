//! Errors: a table of codes, and one type that carries a code, what happened
//! in the reader's words, the cause and the steps that help.
//!
//! Rules: an error without a code does not exist; a message is lower case
//! with no full stop; a fix is an imperative sentence; a wrapped tool's or
//! server's message is quoted as a cause, never shown alone; nothing secret
//! is ever put into one.

pub mod code;
mod exit;
pub mod os;

pub use code::Code;
pub use exit::Exit;

use serde::{Deserialize, Serialize};
use std::fmt;

/// The result of everything that can fail.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// A failure that a person can read and act on.
#[derive(Clone)]
pub struct Error(Box<Parts>);

#[derive(Clone)]
struct Parts {
    code: &'static Code,
    message: String,
    causes: Vec<String>,
    fixes: Vec<String>,
    transient: bool,
    spots: Vec<Spot>,
}

/// A place in a file that the error points at.
/// Whoever quotes the file's lines passes them through `config::redact` first: a line may hold a
/// password that should not be there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Spot {
    /// The file as the person named it.
    pub file: String,
    /// Line, from 1.
    pub line: u32,
    /// Column in characters, from 1.
    pub column: u32,
    /// Half-open byte range in the file's text.
    pub bytes: std::ops::Range<usize>,
    /// What stands at the caret.
    pub label: String,
}

/// An error as it is kept in journals and reports: plain data.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Failure {
    /// The code's name.
    pub code: String,
    /// What happened.
    pub message: String,
    /// Why, outermost first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub causes: Vec<String>,
    /// What to do about it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fixes: Vec<String>,
}

impl Error {
    /// An error of `code` saying `message`: what happened, to what, where.
    pub fn new(code: &'static Code, message: impl Into<String>) -> Self {
        Error(Box::new(Parts {
            code,
            message: message.into(),
            causes: Vec::new(),
            fixes: Vec::new(),
            transient: code.transient,
            spots: Vec::new(),
        }))
    }

    /// A bug in dbb: a state that should not be possible.
    pub fn bug(message: impl Into<String>) -> Self {
        Error::new(code::BUG, message)
    }

    /// Adds why it happened, e.g. the quoted message of a server.
    pub fn cause(mut self, cause: impl Into<String>) -> Self {
        self.0.causes.push(cause.into());
        self
    }

    /// Adds a step that helps: an imperative sentence.
    pub fn fix(mut self, fix: impl Into<String>) -> Self {
        self.0.fixes.push(fix.into());
        self
    }

    /// Adds a place in a file.
    pub fn spot(mut self, spot: Spot) -> Self {
        self.0.spots.push(spot);
        self
    }

    /// Overrides the table's word on whether a retry can help.
    pub fn transient(mut self, transient: bool) -> Self {
        self.0.transient = transient;
        self
    }

    /// Puts what was being done in front of the message.
    pub fn context(mut self, doing: impl fmt::Display) -> Self {
        let message = std::mem::take(&mut self.0.message);
        self.0.message = format!("{doing}: {message}");
        self
    }

    /// The table row.
    pub fn code(&self) -> &'static Code {
        self.0.code
    }

    /// What happened.
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// Why, outermost first.
    pub fn causes(&self) -> &[String] {
        &self.0.causes
    }

    /// What to do about it.
    pub fn fixes(&self) -> &[String] {
        &self.0.fixes
    }

    /// Places in files.
    pub fn spots(&self) -> &[Spot] {
        &self.0.spots
    }

    /// True when the same call may go well later.
    pub fn is_transient(&self) -> bool {
        self.0.transient
    }

    /// The error as plain data.
    pub fn failure(&self) -> Failure {
        Failure {
            code: self.0.code.name.to_owned(),
            message: self.0.message.clone(),
            causes: self.0.causes.clone(),
            fixes: self.0.fixes.clone(),
        }
    }
}

impl From<Failure> for Error {
    fn from(failure: Failure) -> Self {
        let code = code::find(&failure.code).unwrap_or(code::BUG);
        let mut error = Error::new(code, failure.message);
        error.0.causes = failure.causes;
        error.0.fixes = failure.fixes;
        error
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.0.code.name, self.0.message)?;
        for cause in &self.0.causes {
            write!(f, ": {cause}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::error::Error for Error {}
