//! The two streams: results on stdout, everything else on stderr.

use crate::cli::arguments::ColorWish;
use crate::cli::view::{self, Style};
use crate::error::Error;
use std::io::{IsTerminal, Write};

/// Where results and messages go, and how they look there.
#[derive(Clone)]
pub(crate) struct Output {
    /// How results look.
    pub out: Style,
    /// How messages look.
    pub err: Style,
    /// Whether stderr is a terminal: progress is drawn there.
    pub err_is_terminal: bool,
    /// Whether a person can be asked.
    pub can_ask: bool,
}

impl Output {
    /// Looks at the streams and at what the person wants.
    #[allow(clippy::disallowed_methods)] // NO_COLOR and TERM are the terminal's own conventions
    pub fn new(wish: ColorWish) -> Self {
        let plain =
            std::env::var("NO_COLOR").is_ok_and(|v| !v.is_empty()) || std::env::var("TERM").is_ok_and(|t| t == "dumb");
        let color = |terminal: bool| match wish {
            ColorWish::Always => true,
            ColorWish::Never => false,
            ColorWish::Auto => terminal && !plain,
        };
        let out = std::io::stdout().is_terminal();
        let err = std::io::stderr().is_terminal();
        Output {
            out: Style { color: color(out), width: width(out, std::io::stdout()) },
            err: Style { color: color(err), width: width(err, std::io::stderr()) },
            err_is_terminal: err,
            can_ask: std::io::stdin().is_terminal() && err,
        }
    }

    /// Prints a result. A reader that went away is not an error.
    pub fn result(&self, text: &str) {
        let mut out = std::io::stdout().lock();
        let _ = out.write_all(text.as_bytes());
        if !text.is_empty() && !text.ends_with('\n') {
            let _ = out.write_all(b"\n");
        }
        let _ = out.flush();
    }

    /// Prints a message.
    pub fn message(&self, text: &str) {
        let mut err = std::io::stderr().lock();
        let _ = err.write_all(text.as_bytes());
        if !text.is_empty() && !text.ends_with('\n') {
            let _ = err.write_all(b"\n");
        }
    }

    /// Prints errors, a blank line between two.
    pub fn errors(&self, errors: &[Error]) {
        for (number, error) in errors.iter().enumerate() {
            if number > 0 {
                self.message("\n");
            }
            self.message(&view::error::text(error, &view::error::DiskSources, &self.err));
        }
    }

    /// Prints warnings.
    pub fn warnings(&self, warnings: &[Error]) {
        for warning in warnings {
            self.message(&view::error::warning(warning, &self.err));
        }
    }

    /// Asks a yes-or-no question; anything but `yes` is no.
    pub fn ask(&self, question: &str) -> bool {
        let mut err = std::io::stderr().lock();
        let _ = write!(err, "{question} ");
        let _ = err.flush();
        let mut answer = String::new();
        std::io::stdin().read_line(&mut answer).is_ok() && matches!(answer.trim(), "yes" | "y")
    }
}

fn width(terminal: bool, stream: impl std::os::fd::AsFd) -> usize {
    const PIPE_WIDTH: usize = 100;
    if !terminal {
        return PIPE_WIDTH;
    }
    match rustix::termios::tcgetwinsize(stream) {
        Ok(size) if size.ws_col >= 40 => usize::from(size.ws_col).min(160),
        _ => PIPE_WIDTH,
    }
}
