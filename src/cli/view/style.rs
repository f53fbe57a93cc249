//! How a stream wants its text.

use anstyle::{AnsiColor, Effects};

/// How text looks on one stream.
#[derive(Clone, Debug)]
pub struct Style {
    /// Whether escape sequences for colours may be used.
    pub color: bool,
    /// Columns.
    pub width: usize,
}

/// What a colour means; a sign or a word always says the same.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Paint {
    /// No colour.
    #[default]
    Plain,
    /// Created, well.
    Good,
    /// Changed, worth a look.
    Change,
    /// Removed, lost, failed.
    Bad,
    /// Named or going on elsewhere.
    Move,
    /// Of first rank.
    Bold,
    /// Of second rank.
    Dim,
    /// Begins an error.
    Alarm,
    /// Begins a warning.
    Caution,
}

impl Style {
    /// Text without colours, as wide as a page.
    pub(crate) const fn plain(width: usize) -> Style {
        Style { color: false, width }
    }

    /// The text in its colour. The text must be clean already.
    pub(crate) fn paint(&self, paint: Paint, text: &str) -> String {
        let bold = anstyle::Style::new().effects(Effects::BOLD);
        let style = match paint {
            Paint::Plain => return text.to_owned(),
            Paint::Good => AnsiColor::Green.on_default(),
            Paint::Change => AnsiColor::Yellow.on_default(),
            Paint::Bad => AnsiColor::Red.on_default(),
            Paint::Move => AnsiColor::Cyan.on_default(),
            Paint::Bold => bold,
            Paint::Dim => anstyle::Style::new().effects(Effects::DIMMED),
            Paint::Alarm => AnsiColor::Red.on_default().effects(Effects::BOLD),
            Paint::Caution => AnsiColor::Yellow.on_default().effects(Effects::BOLD),
        };
        if !self.color || text.trim().is_empty() {
            return text.to_owned();
        }
        format!("{style}{text}{style:#}")
    }
}
