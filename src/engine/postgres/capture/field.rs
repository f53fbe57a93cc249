//! Values of rows that come as text.

use crate::error::{Error, Result};
use tokio_postgres::SimpleQueryRow;

/// The text in a column; empty for NULL.
pub fn text(row: &SimpleQueryRow, column: usize) -> String {
    row.get(column).unwrap_or_default().to_owned()
}

/// The text in a column, `None` for NULL.
pub fn optional(row: &SimpleQueryRow, column: usize) -> Option<String> {
    row.get(column).map(str::to_owned)
}

/// Whether a column is true.
pub fn flag(row: &SimpleQueryRow, column: usize) -> bool {
    row.get(column) == Some("t")
}

/// A number in a column; NULL counts as the type's zero.
///
/// # Errors
/// `DBB-BUG` when the server sent something else
pub fn number<T: std::str::FromStr + Default>(row: &SimpleQueryRow, column: usize) -> Result<T> {
    match row.get(column) {
        None => Ok(T::default()),
        Some(text) => text
            .parse()
            .map_err(|_| Error::bug(format!("\"{text}\" in column {column} of a catalog query is no number"))),
    }
}

/// The elements of an array that the query gave as JSON.
///
/// # Errors
/// `DBB-BUG` when the server sent something else
pub fn json<T: serde::de::DeserializeOwned + Default>(row: &SimpleQueryRow, column: usize) -> Result<T> {
    match row.get(column) {
        None => Ok(T::default()),
        Some(text) => serde_json::from_str(text)
            .map_err(|error| Error::bug(format!("column {column} of a catalog query is not as expected: {error}"))),
    }
}

/// A WHERE-ready list of oids: `(1,2,3)`, `(0)` when there are none.
pub fn oids(oids: impl IntoIterator<Item = u32>) -> String {
    let listed: Vec<String> = oids.into_iter().map(|oid| oid.to_string()).collect();
    if listed.is_empty() { "(0)".to_owned() } else { format!("({})", listed.join(",")) }
}
