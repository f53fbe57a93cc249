//! Floor 3: YAML to [`crate::model::desired::Desired`], in three passes over all files at once:
//! syntax ([`yaml`]), shape ([`shape`], by the JSON Schema of [`raw`]), meaning ([`check`]).
//! Every problem of every file comes out of one run, each at its line and column.

pub mod check;
mod digest;
pub mod document;
mod files;
mod load;
pub mod node;
pub mod raw;
mod redact;
mod resolved;
mod runbook;
pub mod schema;
pub mod shape;
pub mod suggest;
pub mod unsupported;
pub mod yaml;

pub use files::FileSource;
pub use load::{Loaded, load};
pub use redact::redact;
pub use resolved::resolved;
pub use runbook::{Source, load_runbook};

/// True when the text is meant as a runbook: it has a `kind:` and no section of a config.
/// Text that is no YAML counts as a config, whose loading says what is wrong.
pub fn is_runbook(text: &[u8]) -> bool {
    let (root, _) = yaml::parse("-", text);
    root.is_some_and(|root| {
        load::is_runbook(&document::Document { name: String::new(), dir: std::path::PathBuf::new(), root })
    })
}
