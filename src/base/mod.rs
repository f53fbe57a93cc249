//! Floor 0: small validated types, secrets, limits and the doors to the file
//! system, that know nothing of backups.

pub mod digest;
pub mod files;
pub mod limits;
pub mod secret;
pub mod units;
