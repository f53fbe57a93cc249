//! What a plan says beforehand.

use crate::error::{Error, Failure};
use crate::model::address::Address;
use crate::model::plan::{Notice, NoticeLevel};

/// A notice that this part of the plan cannot be made or would fail.
pub fn error(about: Address, failure: impl Into<Said>) -> Notice {
    notice(NoticeLevel::Error, Some(about), failure)
}

/// A notice of something to look at.
pub fn warning(about: Address, failure: impl Into<Said>) -> Notice {
    notice(NoticeLevel::Warning, Some(about), failure)
}

/// A notice that is good to know.
pub fn info(about: Address, failure: impl Into<Said>) -> Notice {
    notice(NoticeLevel::Info, Some(about), failure)
}

fn notice(level: NoticeLevel, about: Option<Address>, failure: impl Into<Said>) -> Notice {
    Notice { level, about, failure: failure.into().0 }
}

/// What is said: an error or its plain data.
pub struct Said(Failure);

impl From<Error> for Said {
    fn from(error: Error) -> Self {
        Said(error.failure())
    }
}

impl From<Failure> for Said {
    fn from(failure: Failure) -> Self {
        Said(failure)
    }
}

/// Sorts notices: errors first, then by what they are about; equal ones stay once.
pub fn sort(notices: &mut Vec<Notice>) {
    let rank = |level: NoticeLevel| match level {
        NoticeLevel::Error => 0,
        NoticeLevel::Warning => 1,
        NoticeLevel::Info => 2,
    };
    notices.sort_by(|a, b| {
        (rank(a.level), &a.about, &a.failure.code, &a.failure.message).cmp(&(
            rank(b.level),
            &b.about,
            &b.failure.code,
            &b.failure.message,
        ))
    });
    notices.dedup();
}
