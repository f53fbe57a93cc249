//! Rows in a stream: found, counted and hashed whatever the pieces it comes in.

mod binary;
mod text;

pub use binary::BinaryRows;
pub use text::TextRows;

use crate::base::digest::RowSum;
use crate::error::Result;
use crate::model::catalog::RowFormat;

/// Rows of either format.
pub enum Rows {
    /// COPY text.
    Text(TextRows),
    /// COPY binary.
    Binary(BinaryRows),
}

impl Rows {
    /// A stream of that format, at its beginning.
    pub fn new(format: RowFormat) -> Self {
        match format {
            RowFormat::Text => Rows::Text(TextRows::default()),
            RowFormat::Binary => Rows::Binary(BinaryRows::default()),
        }
    }

    /// Takes the next piece of the stream.
    ///
    /// # Errors
    /// `DBB-SNAPSHOT-DAMAGED` when it is not of the format
    pub fn push(&mut self, piece: &[u8]) -> Result<()> {
        match self {
            Rows::Text(rows) => {
                rows.push(piece);
                Ok(())
            }
            Rows::Binary(rows) => rows.push(piece),
        }
    }

    /// Rows that ended so far.
    pub fn sum(&self) -> RowSum {
        match self {
            Rows::Text(rows) => rows.sum(),
            Rows::Binary(rows) => rows.sum(),
        }
    }

    /// The sum, once the stream has ended where it should.
    ///
    /// # Errors
    /// `DBB-SNAPSHOT-DAMAGED` when it ends in the middle
    pub fn finish(self) -> Result<RowSum> {
        match self {
            Rows::Text(rows) => rows.finish(),
            Rows::Binary(rows) => rows.finish(),
        }
    }
}
