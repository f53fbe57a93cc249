//! Lines of a journal: `<number> <chain> <json>`.
//!
//! The chain of a line is the first 32 hexadecimal digits of the BLAKE3 of the
//! chain before and the JSON: a line that was changed, moved, left out or
//! added does not fit. What a crash leaves behind is a last line without its
//! newline: that one is cut off. Any other damage is refused.

use crate::error::{Error, Result, code};
use crate::model::journal::Record;

/// The chain before the first line.
pub(crate) const START: &str = "00000000000000000000000000000000";

/// Where a journal stands: what the next line is chained to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Tip {
    /// Number of the next line, from 1.
    pub next: u64,
    /// Chain of the last line.
    pub chain: String,
}

impl Default for Tip {
    fn default() -> Self {
        Tip { next: 1, chain: START.to_owned() }
    }
}

fn chain(before: &str, json: &str) -> String {
    let mut hasher = blake3::Hasher::new();
    hasher.update(before.as_bytes());
    hasher.update(json.as_bytes());
    let mut text = hasher.finalize().to_hex().to_string();
    text.truncate(START.len());
    text
}

/// Writes a record as the next line.
pub(crate) fn encode(tip: &mut Tip, record: &Record, out: &mut Vec<u8>) -> Result<()> {
    let json = serde_json::to_string(record).map_err(|e| Error::bug(format!("a journal record: {e}")))?;
    tip.chain = chain(&tip.chain, &json);
    out.extend_from_slice(format!("{} {} {json}\n", tip.next, tip.chain).as_bytes());
    tip.next += 1;
    Ok(())
}

/// What a journal holds.
#[derive(Debug)]
pub struct Recovered {
    /// Its records.
    pub records: Vec<Record>,
    /// How many bytes of the file they are; what follows is a torn tail.
    pub bytes: usize,
    pub(crate) tip: Tip,
}

/// Reads a journal.
///
/// # Errors
/// `DBB-JOURNAL-DAMAGED` naming the line, also for a journal without any record.
pub fn recover(text: &[u8]) -> Result<Recovered> {
    let damaged = |line: u64, why: &str| {
        Err(Error::new(code::JOURNAL_DAMAGED, format!("line {line} of the journal is damaged"))
            .cause(why)
            .fix("put the file back from a copy of the state directory")
            .fix("or start a new run: dbb plan shows what is due; a restore's target tells what is already in"))
    };
    let mut tip = Tip::default();
    let mut records = Vec::new();
    let mut at = 0;
    while at < text.len() {
        let end = memchr::memchr(b'\n', &text[at..]).map(|n| at + n);
        let line = &text[at..end.unwrap_or(text.len())];
        match decode(&tip, line) {
            Ok((chain, record)) if end.is_some() => {
                records.push(record);
                tip = Tip { next: tip.next + 1, chain };
            }
            // without its newline it was not yet durable, so nobody relied on it
            _ if end.is_none() => break,
            Ok(_) => return damaged(tip.next, "it has no end"),
            Err(why) => return damaged(tip.next, &why),
        }
        at = end.map_or(text.len(), |end| end + 1);
    }
    if records.is_empty() {
        return damaged(1, if text.is_empty() { "the file is empty" } else { "there is no whole record in it" });
    }
    Ok(Recovered { records, bytes: at, tip })
}

fn decode(tip: &Tip, line: &[u8]) -> Result<(String, Record), String> {
    let text = std::str::from_utf8(line).map_err(|_| "it is not text")?;
    let (number, rest) = text.split_once(' ').ok_or("it is not a record")?;
    let (found, json) = rest.split_once(' ').ok_or("it is not a record")?;
    if number != tip.next.to_string() {
        return Err(format!("it is numbered {}", number.escape_debug()));
    }
    if found != chain(&tip.chain, json) {
        return Err("its check sum does not fit what it says and what stands before".into());
    }
    let record = serde_json::from_str(json).map_err(|e| format!("it cannot be understood: {e}"))?;
    Ok((found.to_owned(), record))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn journal(count: usize) -> (Vec<Record>, Vec<u8>) {
        let mut tip = Tip::default();
        let mut text = Vec::new();
        let records: Vec<Record> = (0..count)
            .map(|n| Record::StepsSkipped { steps: vec![format!("step \"{n}\"\n")], because: "x".into() })
            .collect();
        for record in &records {
            encode(&mut tip, record, &mut text).expect("encodes");
        }
        (records, text)
    }

    proptest! {
        #[test]
        fn any_cut_leaves_a_prefix(count in 1usize..8, cut in 0.0f64..1.0) {
            let (records, text) = journal(count);
            let cut = (text.len() as f64 * cut) as usize;
            match recover(&text[..cut]) {
                Ok(found) => {
                    prop_assert_eq!(&found.records[..], &records[..found.records.len()]);
                    prop_assert!(text[..cut].starts_with(&text[..found.bytes]));
                    prop_assert_eq!(found.records.len(), text[..cut].iter().filter(|b| **b == b'\n').count());
                }
                Err(error) => {
                    prop_assert_eq!(error.code(), code::JOURNAL_DAMAGED);
                    prop_assert!(!text[..cut].contains(&b'\n'));
                }
            }
        }

        #[test]
        fn a_flipped_bit_is_never_believed(count in 2usize..8, place in 0.0f64..=1.0, bit in 0u8..8) {
            let (records, mut text) = journal(count);
            let at = ((text.len() as f64 * place) as usize).min(text.len() - 1);
            text[at] ^= 1 << bit;
            if at == text.len() - 1 {
                // the newline of the last line: that line is a torn tail
                let found = recover(&text).expect("the others are whole");
                prop_assert_eq!(&found.records[..], &records[..count - 1]);
            } else {
                prop_assert_eq!(recover(&text).expect_err("refused").code(), code::JOURNAL_DAMAGED);
            }
        }

        #[test]
        fn nothing_makes_it_panic(text in proptest::collection::vec(any::<u8>(), 0..400)) {
            let _ = recover(&text);
        }
    }

    #[test]
    fn damage_in_the_middle_is_refused_and_named() {
        let (_, text) = journal(4);
        let lines: Vec<&[u8]> = text.split_inclusive(|b| *b == b'\n').collect();
        let without = [lines[0], lines[2], lines[3]].concat();
        let error = recover(&without).expect_err("refused");
        assert!(error.message().contains("line 2"), "{error}");
        assert!(recover(b"").is_err());
    }
}
