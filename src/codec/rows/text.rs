//! Rows of COPY's text format: one line each. A newline within a value is
//! written as `\n` (two characters), so every raw newline ends a row.

use crate::base::digest::RowSum;
use crate::error::{Error, Result, code};
use xxhash_rust::xxh3::Xxh3Default;

/// Sums the rows of a COPY text stream. A row's canonical bytes are its line without the newline.
#[derive(Default)]
pub struct TextRows {
    sum: RowSum,
    /// Bytes of a row that began in an earlier piece; 0 when none is open.
    open_bytes: u64,
    open: Option<Box<Xxh3Default>>,
}

impl TextRows {
    /// Takes the next piece of the stream, cut anywhere.
    pub fn push(&mut self, piece: &[u8]) {
        let mut rest = piece;
        if self.open_bytes > 0 {
            match memchr::memchr(b'\n', rest) {
                Some(end) => {
                    self.extend(&rest[..end]);
                    self.close();
                    rest = &rest[end + 1..];
                }
                None => return self.extend(rest),
            }
        }
        let mut start = 0;
        for end in memchr::memchr_iter(b'\n', rest) {
            self.sum.add_row(&rest[start..end]);
            start = end + 1;
        }
        self.extend(&rest[start..]);
    }

    fn extend(&mut self, bytes: &[u8]) {
        if !bytes.is_empty() {
            self.open_bytes += bytes.len() as u64;
            self.open.get_or_insert_with(|| Box::new(Xxh3Default::new())).update(bytes);
        }
    }

    fn close(&mut self) {
        if let Some(hasher) = &mut self.open {
            self.sum.add_hashed(self.open_bytes, hasher.digest128());
            hasher.reset();
        }
        self.open_bytes = 0;
    }

    /// Rows that ended so far.
    pub fn sum(&self) -> RowSum {
        self.sum
    }

    /// The sum of all rows.
    ///
    /// # Errors
    /// `DBB-SNAPSHOT-DAMAGED` when the last line has no newline: the stream was cut
    pub fn finish(self) -> Result<RowSum> {
        if self.open_bytes > 0 {
            return Err(Error::new(code::SNAPSHOT_DAMAGED, "the rows end in the middle of a line")
                .cause(format!("{} bytes follow the last newline, after {} rows", self.open_bytes, self.sum.rows)));
        }
        Ok(self.sum)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn summed<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> RowSum {
        let mut rows = TextRows::default();
        pieces.into_iter().for_each(|piece| rows.push(piece));
        rows.finish().unwrap()
    }

    #[test]
    fn rows_are_lines() {
        let mut expected = RowSum::default();
        for row in [&b"1\tann"[..], b"", b"2\t\\N"] {
            expected.add_row(row);
        }
        assert_eq!(summed([&b"1\tann\n\n2\t\\N\n"[..]]), expected);
        assert_eq!((expected.rows, expected.bytes), (3, 9));
        assert_eq!(summed([]), RowSum::default());
    }

    #[test]
    fn a_cut_last_line_is_an_error() {
        let mut rows = TextRows::default();
        rows.push(b"1\n2");
        assert_eq!(rows.sum().rows, 1);
        assert_eq!(rows.finish().unwrap_err().code(), code::SNAPSHOT_DAMAGED);
    }

    proptest! {
        #[test]
        fn any_cutting_and_any_order_sum_alike(
            lines in proptest::collection::vec("[a-z\t]{0,300}", 0..30),
            cuts in proptest::collection::vec(any::<prop::sample::Index>(), 0..20),
        ) {
            let whole: Vec<u8> = lines.iter().flat_map(|line| format!("{line}\n").into_bytes()).collect();
            let backwards: Vec<u8> = lines.iter().rev().flat_map(|line| format!("{line}\n").into_bytes()).collect();
            let mut at: Vec<usize> = cuts.iter().map(|cut| cut.index(whole.len() + 1)).chain([0, whole.len()]).collect();
            at.sort_unstable();
            let expected = summed([&whole[..]]);
            prop_assert_eq!(summed(at.windows(2).map(|pair| &whole[pair[0]..pair[1]])), expected);
            prop_assert_eq!(summed([&backwards[..]]), expected);
            prop_assert_eq!(expected.rows, lines.len() as u64);
        }
    }
}
