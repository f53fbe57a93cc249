//! Floor 3: what happens to bytes on their way: compressed, decompressed
//! within limits, cut into rows and hashed. No network, no files, no clock.

mod compress;
mod decompress;
pub mod rows;

pub use compress::{Encoder, level_range};
pub use decompress::decoder;
