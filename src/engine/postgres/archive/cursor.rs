//! Reads the archive's numbers and strings, each within bounds.

use super::damaged;
use crate::engine::postgres::bytes;
use crate::error::Result;

/// A place in the archive.
pub(super) struct Cursor<'a> {
    bytes: &'a [u8],
    at: usize,
    int_bytes: usize,
    texts: Texts,
}

/// What the archive's strings are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Texts {
    /// UTF-8.
    Utf8,
    /// Any bytes, of a `SQL_ASCII` database: read in their escaped form.
    Any,
}

impl<'a> Cursor<'a> {
    pub fn new(bytes: &'a [u8], texts: Texts) -> Self {
        Cursor { bytes, at: 0, int_bytes: 4, texts }
    }

    /// Bytes that are left.
    pub fn left(&self) -> usize {
        self.bytes.len() - self.at
    }

    /// Sets how many bytes a number has besides its sign.
    pub fn set_int_bytes(&mut self, int_bytes: usize) -> Result<()> {
        if !(1..=32).contains(&int_bytes) {
            return Err(damaged(format!("numbers are said to have {int_bytes} bytes")));
        }
        self.int_bytes = int_bytes;
        Ok(())
    }

    pub fn take(&mut self, count: usize) -> Result<&'a [u8]> {
        if count > self.left() {
            return Err(damaged(format!("it ends at byte {} where {count} more are due", self.bytes.len())));
        }
        let taken = &self.bytes[self.at..self.at + count];
        self.at += count;
        Ok(taken)
    }

    pub fn byte(&mut self) -> Result<u8> {
        Ok(self.take(1)?[0])
    }

    /// A sign byte, then the magnitude, least significant byte first.
    pub fn int(&mut self) -> Result<i64> {
        let at = self.at;
        let negative = match self.byte()? {
            0 => false,
            1 => true,
            other => return Err(damaged(format!("the sign at byte {at} is {other}"))),
        };
        let mut magnitude: u64 = 0;
        for (position, byte) in self.take(self.int_bytes)?.iter().enumerate() {
            if position < 4 {
                magnitude |= u64::from(*byte) << (8 * position);
            } else if *byte != 0 {
                return Err(damaged(format!("the number at byte {at} is too large")));
            }
        }
        // four bytes at the most: fits
        let magnitude = magnitude as i64;
        Ok(if negative { -magnitude } else { magnitude })
    }

    /// A string; `None` is C's null pointer.
    pub fn raw(&mut self) -> Result<Option<&'a [u8]>> {
        let length = self.int()?;
        match usize::try_from(length) {
            Ok(length) => Ok(Some(self.take(length)?)),
            Err(_) => Ok(None),
        }
    }

    /// A string; one that is not UTF-8 only where that may be.
    pub fn text(&mut self) -> Result<Option<String>> {
        let at = self.at;
        let Some(raw) = self.raw()? else { return Ok(None) };
        if self.texts == Texts::Any {
            return Ok(Some(bytes::escape(raw)));
        }
        match std::str::from_utf8(raw) {
            Ok(text) => Ok(Some(text.to_owned())),
            Err(_) => Err(damaged(format!("the text at byte {at} is not valid UTF-8: {}", quoted(raw)))),
        }
    }

    /// A number that is written as decimal text.
    pub fn decimal(&mut self) -> Result<u32> {
        let at = self.at;
        let raw = self.raw()?.unwrap_or(b"0");
        std::str::from_utf8(raw)
            .ok()
            .and_then(|text| text.parse().ok())
            .ok_or_else(|| damaged(format!("the text at byte {at} is not a number: {}", quoted(raw))))
    }
}

/// The beginning of some bytes, for people.
fn quoted(raw: &[u8]) -> String {
    let shown = &raw[..raw.len().min(120)];
    format!("\"{}\"{}", shown.escape_ascii(), if shown.len() < raw.len() { " ..." } else { "" })
}
