//! Recording the protocol of a live server (docs/capture.md): shards hand pieces of their tapes to one thread, which writes
//! one file for each.
//!
//! Off unless `net.capture` names a folder. A shard never waits and touches no file: what the thread has not written yet is
//! bounded by [`WAITING_MAX`], what a file may hold by `net.capture_mib`, and past either the recording ends, is counted and
//! logged, and the shard goes on. Knows nothing of what the pieces say.

mod outlet;
mod writer;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64};
use std::sync::mpsc::Sender;

pub use outlet::Outlet;
pub use writer::{CaptureError, CaptureFiles, open};

/// Bytes of one shard that wait to be written, on its tape and on their way together at most about twice as many. A slow
/// disk has a second and more at the rate of a full shard.
pub const WAITING_MAX: usize = 16 << 20;
/// A piece is handed on when it is this long, or a second old.
const PIECE: usize = 64 << 10;

/// Why a recording ended before its shard did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// The file is as long as `net.capture_mib` allows.
    Full,
    /// More waited than [`WAITING_MAX`]: the disk is slower than the shard.
    Slow,
    /// The file could not be written.
    Failed,
}

/// What a shard and the writer tell each other about one file.
#[derive(Debug, Default)]
struct Shared {
    /// Bytes handed on and not written.
    waiting: AtomicU64,
    /// The file could not be written; nothing more is wanted.
    failed: AtomicBool,
}

/// From a shard to the writer: the how manyth file, and what goes behind it.
#[derive(Debug)]
enum Piece {
    Bytes(usize, Vec<u8>),
    /// The recording is over before the shard.
    End(usize, Ended),
}

/// One end of what a shard hands on.
#[derive(Debug)]
struct Link {
    file: usize,
    pieces: Sender<Piece>,
    shared: Arc<Shared>,
}
