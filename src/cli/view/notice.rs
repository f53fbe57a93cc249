//! What a plan says beforehand.

use crate::cli::view::clean;
use crate::cli::view::error::reasons;
use crate::cli::view::style::{Paint, Style};
use crate::cli::view::text::some_of;
use crate::error::Failure;
use crate::model::plan::{Notice, NoticeLevel};

/// Names listed of what a notice is about.
const NAMES_SHOWN_MAX: usize = 6;

/// A notice that several things share is told once.
pub(crate) struct Told<'a> {
    /// How grave.
    pub level: NoticeLevel,
    /// Of what; may be empty.
    pub about: Vec<&'a str>,
    /// What.
    pub failure: &'a Failure,
}

/// Equal notices about several things as one, gravest first, else in their order.
pub(crate) fn told(notices: &[Notice]) -> Vec<Told<'_>> {
    let mut all: Vec<Told<'_>> = Vec::new();
    for notice in notices {
        let about = notice.about.as_ref().map(|address| address.0.as_str());
        match all.iter_mut().find(|told| told.level == notice.level && *told.failure == notice.failure) {
            Some(told) => told.about.extend(about),
            None => {
                all.push(Told { level: notice.level, about: about.into_iter().collect(), failure: &notice.failure })
            }
        }
    }
    all.sort_by_key(|told| match told.level {
        NoticeLevel::Error => 0,
        NoticeLevel::Warning => 1,
        NoticeLevel::Info => 2,
    });
    all
}

/// The word for the level.
pub(crate) fn word(level: NoticeLevel) -> &'static str {
    match level {
        NoticeLevel::Error => "error",
        NoticeLevel::Warning => "warning",
        NoticeLevel::Info => "note",
    }
}

impl Told<'_> {
    /// What it is about, in one line.
    pub fn names(&self) -> String {
        some_of(self.about.iter().copied(), NAMES_SHOWN_MAX)
    }
}

/// Adds the notice: code and message, of what, the causes and the first fix.
pub(crate) fn text(told: &Told<'_>, out: &mut String, style: &Style) {
    let paint = match told.level {
        NoticeLevel::Error => Paint::Alarm,
        NoticeLevel::Warning => Paint::Caution,
        NoticeLevel::Info => Paint::Bold,
    };
    let head = format!("{}[{}]", word(told.level), clean(&told.failure.code));
    out.push_str(&format!("  {}: {}\n", style.paint(paint, &head), clean(told.failure.message.trim_end())));
    if !told.about.is_empty() {
        let names = told.names();
        crate::cli::view::text::labelled(out, 4, "of", 6, &names, style);
    }
    let first_fix = &told.failure.fixes[..told.failure.fixes.len().min(1)];
    reasons(out, 4, &told.failure.causes, first_fix, style);
}
