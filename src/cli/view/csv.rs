//! COPY text to CSV (RFC 4180), piece by piece.

/// Decoded bytes of a field that wait for the decision whether it is quoted; a longer field is.
const FIELD_WAITS_MAX: usize = 64 << 10;

/// Turns COPY text into CSV: lines end with CR LF, a null is an empty field, an empty
/// text is `""`, and a field is quoted only where it must be. Pieces may be cut anywhere.
#[derive(Debug, Default)]
pub struct Csv {
    field: Vec<u8>,
    state: State,
    /// The field's opening quote is written, and all of it so far.
    open: bool,
    /// A field of this line is written.
    in_line: bool,
    no_columns: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    #[default]
    Plain,
    /// Behind a backslash.
    Escape,
    /// The field began with `\N`: a null, if it ends here.
    Null,
}

impl Csv {
    /// Writes the line with the columns' names.
    pub fn header(&mut self, columns: &[String], out: &mut Vec<u8>) {
        self.no_columns = columns.is_empty();
        for (number, name) in columns.iter().enumerate() {
            if number > 0 {
                out.push(b',');
            }
            quote_if_needed(name.as_bytes(), out);
        }
        out.extend_from_slice(b"\r\n");
    }

    /// Converts a piece; what is complete goes to `out`.
    pub fn push(&mut self, piece: &[u8], out: &mut Vec<u8>) {
        let mut rest = piece;
        while let Some(&byte) = rest.first() {
            if self.state == State::Plain {
                let run = memchr::memchr3(b'\t', b'\n', b'\\', rest).unwrap_or(rest.len());
                self.field.extend_from_slice(&rest[..run]);
                rest = &rest[run..];
                let Some(&byte) = rest.first() else { break };
                match byte {
                    b'\\' => self.state = State::Escape,
                    end => self.end_field(end == b'\n', out),
                }
                rest = &rest[1..];
            } else {
                rest = &rest[self.special(byte, out)..];
            }
        }
        if self.field.len() > FIELD_WAITS_MAX {
            self.spill(out);
        }
    }

    /// Deals with a byte behind a backslash or a possible null; says how many bytes it took.
    fn special(&mut self, byte: u8, out: &mut Vec<u8>) -> usize {
        if self.state == State::Null {
            if byte == b'\t' || byte == b'\n' {
                self.state = State::Plain;
                self.separate(out);
                self.in_line = byte == b'\t';
                if byte == b'\n' {
                    out.extend_from_slice(b"\r\n");
                }
                return 1;
            }
            self.field.push(b'N');
            self.state = State::Plain;
            return 0;
        }
        if byte == b'N' && self.field.is_empty() && !self.open {
            self.state = State::Null;
            return 1;
        }
        self.field.push(match byte {
            b'b' => 0x08,
            b'f' => 0x0c,
            b'n' => b'\n',
            b'r' => b'\r',
            b't' => b'\t',
            b'v' => 0x0b,
            other => other,
        });
        self.state = State::Plain;
        1
    }

    fn separate(&mut self, out: &mut Vec<u8>) {
        if self.in_line {
            out.push(b',');
        }
    }

    /// Writes what waits of a long field, quoted.
    fn spill(&mut self, out: &mut Vec<u8>) {
        if !self.open {
            self.separate(out);
            out.push(b'"');
            self.open = true;
        }
        quoted(&self.field, out);
        self.field.clear();
    }

    fn end_field(&mut self, ends_line: bool, out: &mut Vec<u8>) {
        if self.open {
            quoted(&self.field, out);
            out.push(b'"');
        } else if !self.no_columns {
            self.separate(out);
            quote_if_needed(&self.field, out);
        }
        self.field.clear();
        self.open = false;
        self.in_line = !ends_line;
        if ends_line {
            out.extend_from_slice(b"\r\n");
        }
    }
}

fn quote_if_needed(field: &[u8], out: &mut Vec<u8>) {
    // a lone \. ends the data for readers that know COPY
    let must = field.is_empty() || field == b"\\." || field.iter().any(|b| matches!(b, b',' | b'"' | b'\n' | b'\r'));
    if !must {
        out.extend_from_slice(field);
        return;
    }
    out.push(b'"');
    quoted(field, out);
    out.push(b'"');
}

fn quoted(field: &[u8], out: &mut Vec<u8>) {
    let mut rest = field;
    while let Some(at) = memchr::memchr(b'"', rest) {
        out.extend_from_slice(&rest[..=at]);
        out.push(b'"');
        rest = &rest[at + 1..];
    }
    out.extend_from_slice(rest);
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn convert(text: &[u8], cut: usize) -> Vec<u8> {
        let mut csv = Csv::default();
        let mut out = Vec::new();
        for piece in text.chunks(cut.max(1)) {
            csv.push(piece, &mut out);
        }
        out
    }

    #[test]
    fn nulls_empty_texts_and_escapes() {
        let text = b"1\t\\N\t\ta,b\tsay \"hi\"\n\\N\tx\\ty\tl1\\nl2\\r\t\\\\N\t\\\\.\n";
        assert_eq!(
            String::from_utf8(convert(text, 3)).unwrap(),
            "1,,\"\",\"a,b\",\"say \"\"hi\"\"\"\r\n,x\ty,\"l1\nl2\r\",\\N,\"\\.\"\r\n"
        );
    }

    #[test]
    fn a_header_names_the_columns_and_a_table_may_have_none() {
        let (mut csv, mut out) = (Csv::default(), Vec::new());
        csv.header(&["id".into(), "a \"b\"".into()], &mut out);
        assert_eq!(out, b"id,\"a \"\"b\"\"\"\r\n");
        let (mut csv, mut out) = (Csv::default(), Vec::new());
        csv.header(&[], &mut out);
        csv.push(b"\n\n", &mut out);
        assert_eq!(out, b"\r\n\r\n\r\n");
    }

    #[test]
    fn a_field_longer_than_what_waits_is_quoted() {
        let long = "x\"".repeat(FIELD_WAITS_MAX);
        let text = format!("1\t{long}\t2\n");
        let expected = format!("1,\"{}\",2\r\n", long.replace('"', "\"\""));
        assert!(convert(text.as_bytes(), 50_000) == expected.as_bytes());
        // all at once it waits as a whole
        assert!(convert(text.as_bytes(), usize::MAX) == expected.as_bytes());
    }

    type Field = Option<Vec<u8>>;

    fn copy_text(rows: &[Vec<Field>]) -> Vec<u8> {
        let mut out = Vec::new();
        for row in rows {
            for (number, field) in row.iter().enumerate() {
                if number > 0 {
                    out.push(b'\t');
                }
                let Some(field) = field else {
                    out.extend_from_slice(b"\\N");
                    continue;
                };
                for &byte in field {
                    match b"\x08b\x0cf\nn\rr\tt\x0bv\\\\".chunks(2).find(|pair| pair[0] == byte) {
                        Some(pair) => out.extend_from_slice(&[b'\\', pair[1]]),
                        None => out.push(byte),
                    }
                }
            }
            out.push(b'\n');
        }
        out
    }

    /// A plain reader of RFC 4180 that tells a null (nothing) from an empty text (`""`).
    fn read_csv(text: &[u8]) -> Vec<Vec<Field>> {
        let (mut rows, mut row, mut at) = (Vec::new(), Vec::new(), 0);
        while at < text.len() {
            let mut field = Vec::new();
            let quoted = text[at] == b'"';
            if quoted {
                at += 1;
                while text[at] != b'"' || text[at + 1] == b'"' {
                    field.push(text[at]);
                    at += if text[at] == b'"' { 2 } else { 1 };
                }
                at += 1;
            } else {
                while text[at] != b',' && text[at] != b'\r' {
                    field.push(text[at]);
                    at += 1;
                }
            }
            row.push((quoted || !field.is_empty()).then_some(field));
            if text[at] == b',' {
                at += 1;
            } else {
                assert_eq!(&text[at..at + 2], b"\r\n");
                at += 2;
                rows.push(std::mem::take(&mut row));
            }
        }
        rows
    }

    proptest! {
        #[test]
        fn what_is_written_reads_back_however_it_is_cut(
            width in 1usize..4,
            fields in prop::collection::vec(
                prop::option::of(prop::collection::vec(
                    prop::sample::select(b"\\N.,\"\n\r\t\x08\x0b\x0cxn \xc3\xa9".to_vec()), 0..6)),
                3..30),
            cut in 1usize..9,
        ) {
            let rows: Vec<Vec<Field>> = fields.chunks_exact(width).map(<[Field]>::to_vec).collect();
            let csv = convert(&copy_text(&rows), cut);
            prop_assert_eq!(read_csv(&csv), rows);
        }
    }
}
