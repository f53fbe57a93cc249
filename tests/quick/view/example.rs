//! What the views show in the tests.

pub mod catalog;
pub mod doctor;
pub mod plan;
pub mod report;
pub mod runs;
pub mod spot;

use dbb::error::Failure;
use jiff::Timestamp;

pub fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

pub fn failure(code: &str, message: &str, causes: &[&str], fixes: &[&str]) -> Failure {
    let own = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
    Failure { code: code.into(), message: message.into(), causes: own(causes), fixes: own(fixes) }
}
