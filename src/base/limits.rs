//! Every limit in one place, with its unit in the name.

use std::time::Duration;

/// Plaintext bytes a table's chunk aims at; fixed, so that unchanged chunks hash the same next time.
pub const CHUNK_BYTES_TARGET: u64 = 32 << 20;
/// Tables up to this many bytes share an object with their neighbours.
pub const SMALL_TABLE_BYTES_MAX: u64 = 512 << 10;
/// A shared object holds at most this many plaintext bytes (by the server's sizes) ...
pub const BUNDLE_BYTES_MAX: u64 = 4 << 20;
/// ... and at most this many tables.
pub const BUNDLE_TABLES_MAX: usize = 100;
/// Large objects captured and loaded in one part: bounds the locks one transaction takes.
pub const LARGE_OBJECTS_PER_PART: usize = 1000;
/// Bytes of a large object read and written by one call.
pub const LARGE_OBJECT_SLICE_BYTES: i64 = 256 << 10;
/// Steps that one worker may take together (one transaction, one journal record).
pub const BATCH_STEPS_MAX: usize = 128;
/// Workers of one run.
pub const JOBS_MAX: usize = 64;
/// Bytes of a config or runbook file.
pub const CONFIG_BYTES_MAX: u64 = 4 << 20;
/// Bytes of pg_dump's schema archive.
pub const ARCHIVE_BYTES_MAX: u64 = 1 << 30;
/// Bytes of a manifest's body, unpacked.
pub const MANIFEST_BYTES_MAX: u64 = 2 << 30;
/// Bytes kept of what a child process says on stderr.
pub const CHILD_STDERR_BYTES_MAX: usize = 64 << 10;
/// Bytes of a secret from a file or command.
pub const SECRET_BYTES_MAX: u64 = 64 << 10;
/// How long a secret command may take.
pub const SECRET_COMMAND_WAIT: Duration = Duration::from_secs(30);
/// Time to open a connection, unless the config says otherwise.
pub const CONNECT_WAIT: Duration = Duration::from_secs(10);
/// Time to wait for a lock, unless the config says otherwise.
pub const LOCK_WAIT: Duration = Duration::from_secs(60);
/// Time between two looks whether a session still lives on which nobody waits for an answer.
pub const SESSION_LOOK_EVERY: Duration = Duration::from_secs(1);
/// Tries of a step that failed for a transient reason, the first included.
pub const STEP_TRIES_MAX: u32 = 4;
/// First pause between tries; doubles, with jitter.
pub const RETRY_PAUSE_FIRST: Duration = Duration::from_millis(500);
/// Longest pause between tries.
pub const RETRY_PAUSE_MAX: Duration = Duration::from_secs(30);
/// How long a saved plan may be applied.
pub const PLAN_VALID: Duration = Duration::from_secs(24 * 3600);
/// How long one waits for running steps after the first Ctrl+C.
pub const INTERRUPT_WAIT: Duration = Duration::from_secs(30);
/// Bytes of one piece on its way through the codec pipeline.
pub const PIECE_BYTES: usize = 256 << 10;
/// Below this size of a snapshot (stored bytes) `check: full` is the default of a restore.
pub const CHECK_FULL_BYTES_MAX: u64 = 1 << 30;
/// Objects up to this many plaintext bytes are read whole and kept for a while: many chunks share them.
pub const OBJECT_CACHED_BYTES_MAX: u64 = 8 << 20;
/// Plaintext bytes of objects kept by one opened snapshot.
pub const OBJECT_CACHE_BYTES_MAX: u64 = 64 << 20;
/// Pieces that a reader of an object may be ahead of whoever takes them.
pub const PIECES_AHEAD_MAX: usize = 4;
/// Bytes of the line that says what a manifest file holds.
pub const MANIFEST_ENVELOPE_BYTES_MAX: usize = 64 << 10;
/// Bytes of a manifest's header.
pub const MANIFEST_HEADER_BYTES_MAX: u64 = 256 << 20;
/// Bytes of the file that makes a place a repository.
pub const REPOSITORY_FILE_BYTES_MAX: u64 = 64 << 10;
/// Small reads of a storage that may be under way at once.
pub const STORAGE_READS_MAX: usize = 16;
/// Bytes of a storage's key.
pub const KEY_BYTES_MAX: usize = 1000;
/// Bytes of one part of a storage's key.
pub const KEY_PART_BYTES_MAX: usize = 255;
/// Published files that are synced one by one; from more on the whole file system is.
pub const SYNC_FILES_MAX: usize = 64;
