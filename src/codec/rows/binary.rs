//! Rows of PostgreSQL's binary COPY format (its documentation of COPY, "Binary Format"):
//! an 11-byte signature, 4 bytes of flags, a header extension with its length, then per
//! tuple an int16 count of fields and each field as an int32 length (-1 is null) and that
//! many bytes; -1 in place of a count ends the stream. All integers big-endian.

use crate::base::digest::RowSum;
use crate::error::{Error, Result, code};
use xxhash_rust::xxh3::Xxh3Default;

const SIGNATURE: &[u8; 11] = b"PGCOPY\n\xff\r\n\0";
const HEADER_BYTES: usize = 19;

/// Sums the tuples of a binary COPY stream. A row's canonical bytes are its tuple,
/// the count of fields included.
pub struct BinaryRows {
    sum: RowSum,
    state: State,
    /// An integer (or the header) that a cut runs through.
    partial: [u8; HEADER_BYTES],
    partial_bytes: usize,
    hasher: Box<Xxh3Default>,
    row_bytes: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Header,
    Extension { left: u64 },
    Count,
    Length { fields: u16 },
    Field { fields: u16, left: u64 },
    Ended,
}

impl Default for BinaryRows {
    fn default() -> Self {
        BinaryRows {
            sum: RowSum::default(),
            state: State::Header,
            partial: [0; HEADER_BYTES],
            partial_bytes: 0,
            hasher: Box::new(Xxh3Default::new()),
            row_bytes: 0,
        }
    }
}

impl BinaryRows {
    /// Takes the next piece of the stream, cut anywhere.
    ///
    /// # Errors
    /// `DBB-SNAPSHOT-DAMAGED` when it is not binary COPY
    pub fn push(&mut self, piece: &[u8]) -> Result<()> {
        let mut rest = piece;
        while !rest.is_empty() {
            rest = match self.state {
                State::Header => match self.collect(rest, HEADER_BYTES) {
                    (rest, true) => {
                        self.header()?;
                        rest
                    }
                    (rest, false) => rest,
                },
                State::Extension { left } => {
                    let (skipped, rest) = cut(rest, left);
                    self.state = match left - skipped.len() as u64 {
                        0 => State::Count,
                        left => State::Extension { left },
                    };
                    rest
                }
                State::Count if self.partial_bytes == 0 => match whole_tuple(rest)? {
                    Some(bytes) => {
                        self.sum.add_row(&rest[..bytes]);
                        &rest[bytes..]
                    }
                    None => self.count(rest)?,
                },
                State::Count => self.count(rest)?,
                State::Length { fields } => self.length(rest, fields)?,
                State::Field { fields, left } => {
                    let (bytes, rest) = cut(rest, left);
                    self.hash(bytes);
                    match left - bytes.len() as u64 {
                        0 => self.next_field(fields),
                        left => self.state = State::Field { fields, left },
                    }
                    rest
                }
                State::Ended => {
                    return Err(malformed(&self.sum, format!("{} bytes follow the end mark", rest.len())));
                }
            };
        }
        Ok(())
    }

    /// Rows that ended so far.
    pub fn sum(&self) -> RowSum {
        self.sum
    }

    /// The sum of all rows.
    ///
    /// # Errors
    /// `DBB-SNAPSHOT-DAMAGED` when the end mark is missing: the stream was cut
    pub fn finish(self) -> Result<RowSum> {
        if self.state != State::Ended {
            return Err(malformed(&self.sum, "it ends before its end mark".to_owned()));
        }
        Ok(self.sum)
    }

    /// Fills `partial` up to `wanted`; says whether it is full.
    fn collect<'a>(&mut self, rest: &'a [u8], wanted: usize) -> (&'a [u8], bool) {
        let take = rest.len().min(wanted - self.partial_bytes);
        self.partial[self.partial_bytes..self.partial_bytes + take].copy_from_slice(&rest[..take]);
        self.partial_bytes += take;
        let full = self.partial_bytes == wanted;
        if full {
            self.partial_bytes = 0;
        }
        (&rest[take..], full)
    }

    fn header(&mut self) -> Result<()> {
        if !self.partial.starts_with(SIGNATURE) {
            return Err(malformed(&self.sum, "it does not begin with the signature".to_owned()));
        }
        let [.., f0, f1, f2, f3, e0, e1, e2, e3] = self.partial;
        let flags = u32::from_be_bytes([f0, f1, f2, f3]);
        if flags >> 16 != 0 {
            return Err(malformed(&self.sum, format!("it has unknown critical flags {flags:#010x}")));
        }
        let left = u64::from(u32::from_be_bytes([e0, e1, e2, e3]));
        self.state = if left == 0 { State::Count } else { State::Extension { left } };
        Ok(())
    }

    fn count<'a>(&mut self, rest: &'a [u8]) -> Result<&'a [u8]> {
        let (rest, full) = self.collect(rest, 2);
        if full {
            let bytes = [self.partial[0], self.partial[1]];
            match i16::from_be_bytes(bytes) {
                -1 => self.state = State::Ended,
                fields if fields >= 0 => {
                    self.hasher.reset();
                    self.row_bytes = 0;
                    self.hash(&bytes);
                    self.next_field(fields.unsigned_abs());
                }
                other => return Err(malformed(&self.sum, format!("a tuple claims {other} fields"))),
            }
        }
        Ok(rest)
    }

    fn length<'a>(&mut self, rest: &'a [u8], fields: u16) -> Result<&'a [u8]> {
        let (rest, full) = self.collect(rest, 4);
        if full {
            let bytes = [self.partial[0], self.partial[1], self.partial[2], self.partial[3]];
            self.hash(&bytes);
            let fields = fields - 1;
            match i32::from_be_bytes(bytes) {
                -1 | 0 => self.next_field(fields),
                left if left > 0 => self.state = State::Field { fields, left: u64::from(left.unsigned_abs()) },
                other => return Err(malformed(&self.sum, format!("a field claims {other} bytes"))),
            }
        }
        Ok(rest)
    }

    /// `fields` are left of the tuple.
    fn next_field(&mut self, fields: u16) {
        if fields > 0 {
            self.state = State::Length { fields };
        } else {
            self.sum.add_hashed(self.row_bytes, self.hasher.digest128());
            self.state = State::Count;
        }
    }

    fn hash(&mut self, bytes: &[u8]) {
        self.row_bytes += bytes.len() as u64;
        self.hasher.update(bytes);
    }
}

fn cut(rest: &[u8], at_most: u64) -> (&[u8], &[u8]) {
    rest.split_at(rest.len().min(usize::try_from(at_most).unwrap_or(usize::MAX)))
}

/// Bytes of the tuple that `rest` begins with, when all of it is there.
/// The end mark and broken tuples are left to the slow path.
fn whole_tuple(rest: &[u8]) -> Result<Option<usize>> {
    let Some(([c0, c1], _)) = rest.split_first_chunk::<2>() else { return Ok(None) };
    let Ok(fields) = u16::try_from(i16::from_be_bytes([*c0, *c1])) else { return Ok(None) };
    let mut at = 2usize;
    for _ in 0..fields {
        let Some(length) = rest.get(at..).and_then(|rest| rest.first_chunk::<4>()) else { return Ok(None) };
        at += 4;
        match i32::from_be_bytes(*length) {
            -1 => {}
            length if length >= 0 => at = at.saturating_add(length.unsigned_abs() as usize),
            _ => return Ok(None),
        }
    }
    Ok((at <= rest.len()).then_some(at))
}

fn malformed(sum: &RowSum, cause: String) -> Error {
    Error::new(code::SNAPSHOT_DAMAGED, format!("the binary rows are not well-formed after {} rows", sum.rows))
        .cause(cause)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    type Tuple = Vec<Option<Vec<u8>>>;

    fn tuple(fields: &Tuple) -> Vec<u8> {
        let mut out = (fields.len() as i16).to_be_bytes().to_vec();
        for field in fields {
            match field {
                None => out.extend((-1i32).to_be_bytes()),
                Some(bytes) => {
                    out.extend((bytes.len() as i32).to_be_bytes());
                    out.extend(bytes);
                }
            }
        }
        out
    }

    fn stream(tuples: &[Tuple], extension: &[u8]) -> Vec<u8> {
        let mut out = SIGNATURE.to_vec();
        out.extend(0u32.to_be_bytes());
        out.extend((extension.len() as u32).to_be_bytes());
        out.extend(extension);
        tuples.iter().for_each(|fields| out.extend(tuple(fields)));
        out.extend((-1i16).to_be_bytes());
        out
    }

    fn summed<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> Result<RowSum> {
        let mut rows = BinaryRows::default();
        for piece in pieces {
            rows.push(piece)?;
        }
        rows.finish()
    }

    #[test]
    fn rows_are_tuples() {
        let tuples = [vec![Some(b"ann".to_vec()), None], vec![], vec![Some(vec![])]];
        let mut expected = RowSum::default();
        tuples.iter().for_each(|fields| expected.add_row(&tuple(fields)));
        assert_eq!(summed([&stream(&tuples, b"")[..]]).unwrap(), expected);
        assert_eq!(summed([&stream(&tuples, b"future")[..]]).unwrap(), expected);
        assert_eq!(summed([&stream(&[], b"")[..]]).unwrap(), RowSum::default());
    }

    #[test]
    fn what_is_not_binary_copy_is_refused() {
        let good = stream(&[vec![Some(b"ann".to_vec())]], b"");
        for keep in 0..good.len() {
            assert!(summed([&good[..keep]]).is_err(), "cut at {keep}");
        }
        let mut flags = good.clone();
        flags[12] = 1;
        let mut length = good.clone();
        length[21..25].copy_from_slice(&(-2i32).to_be_bytes());
        let mut count = good.clone();
        count[19..21].copy_from_slice(&(-7i16).to_be_bytes());
        let longer = [&good[..], b"x"].concat();
        for bad in [&flags[..], &length, &count, &longer, b"1\tann\n", b"12345678901234567890"] {
            assert_eq!(summed([bad]).unwrap_err().code(), code::SNAPSHOT_DAMAGED);
        }
    }

    proptest! {
        #[test]
        fn any_cutting_and_any_order_sum_alike(
            tuples in proptest::collection::vec(
                proptest::collection::vec(proptest::option::of(proptest::collection::vec(any::<u8>(), 0..300)), 0..5),
                0..12,
            ),
            cuts in proptest::collection::vec(any::<prop::sample::Index>(), 0..20),
        ) {
            let whole = stream(&tuples, b"");
            let mut at: Vec<usize> = cuts.iter().map(|cut| cut.index(whole.len() + 1)).chain([0, whole.len()]).collect();
            at.sort_unstable();
            let expected = summed([&whole[..]]).unwrap();
            prop_assert_eq!(summed(at.windows(2).map(|pair| &whole[pair[0]..pair[1]])).unwrap(), expected);
            prop_assert_eq!(summed(whole.chunks(1)).unwrap(), expected);
            let backwards: Vec<Tuple> = tuples.iter().rev().cloned().collect();
            prop_assert_eq!(summed([&stream(&backwards, b"")[..]]).unwrap(), expected);
            prop_assert_eq!(expected.rows, tuples.len() as u64);
        }
    }
}
