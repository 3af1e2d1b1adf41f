//! A shard's figures: plain counters it owns, published once a second as one immutable value.
//!
//! Readers (metrics, status, the live line) take the last published value; nothing is shared while a tick runs.
//! Histograms hold microseconds since boot, so that a reader gets any window by subtracting two of them.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use hdrhistogram::Histogram;
use mu_wire::ServerStats;

use super::command::{InstanceId, ShardId};

/// Longest time a histogram tells apart, in microseconds; longer counts as this.
const LONGEST_US: u64 = 60_000_000;

/// Players and entities of one map instance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InstanceFigures {
    /// Which instance.
    pub instance: InstanceId,
    /// Players in it, connected or leaving.
    pub players: u32,
}

/// Everything a shard tells about itself.
#[derive(Debug, Clone)]
pub struct ShardFigures {
    /// Which shard.
    pub shard: ShardId,
    /// The CPU the kernel says its thread runs on; `None` when it is not pinned.
    pub cpu: Option<usize>,
    /// Where its clients connect.
    pub endpoint: SocketAddr,
    /// Its instances.
    pub instances: Vec<InstanceFigures>,
    /// The last tick that ran.
    pub tick: u32,
    /// Ticks run since boot.
    pub ticks: u64,
    /// Ticks left out because the shard was late.
    pub ticks_skipped: u64,
    /// Duration of each tick in microseconds.
    pub tick_us: Histogram<u64>,
    /// How late each step began against the grid, in microseconds.
    pub lateness_us: Histogram<u64>,
    /// Datagrams taken from the socket.
    pub datagrams_in: u64,
    /// Datagrams given to the socket.
    pub datagrams_out: u64,
    /// Bytes of them.
    pub bytes_in: u64,
    /// Bytes of them.
    pub bytes_out: u64,
    /// Datagrams the kernel dropped because the socket's buffer was full.
    pub socket_drops: u64,
    /// What the protocol's endpoint counted.
    pub wire: ServerStats,
    /// Datagrams the protocol refused (malformed, forged, replayed, too many).
    pub refused_datagrams: u64,
    /// Messages and inputs of players that could not be read.
    pub messages_malformed: u64,
    /// Connections closed because of too many of them.
    pub malformed_closed: u64,
    /// Trades settled as applied in its maps.
    pub trades: u64,
    /// Players that went to another shard.
    pub transfers: u64,
    /// Events submitted to the journal.
    pub events: u64,
    /// Events refused because too many were undecided.
    pub events_refused: u64,
    /// Hot rows not handed over because the ring was full.
    pub rows_dropped: u64,
    /// Blocks that clients have taken.
    pub blocks_sent: u64,
    /// Blocks that found no room or that clients did not take.
    pub blocks_unsent: u64,
    /// Events undecided now.
    pub events_in_flight: usize,
    /// Bytes of the protocol's recording.
    pub capture_bytes: u64,
    /// Recordings that ended before the shard: 1 or 0.
    pub captures_ended: u64,
}

impl ShardFigures {
    /// All zero.
    #[must_use]
    pub fn new(shard: ShardId, endpoint: SocketAddr) -> Self {
        Self {
            shard,
            cpu: None,
            endpoint,
            instances: Vec::new(),
            tick: 0,
            ticks: 0,
            ticks_skipped: 0,
            tick_us: times(),
            lateness_us: times(),
            datagrams_in: 0,
            datagrams_out: 0,
            bytes_in: 0,
            bytes_out: 0,
            socket_drops: 0,
            wire: ServerStats::default(),
            refused_datagrams: 0,
            messages_malformed: 0,
            malformed_closed: 0,
            trades: 0,
            transfers: 0,
            events: 0,
            events_refused: 0,
            rows_dropped: 0,
            blocks_sent: 0,
            blocks_unsent: 0,
            events_in_flight: 0,
            capture_bytes: 0,
            captures_ended: 0,
        }
    }

    /// Players in all its instances.
    #[must_use]
    pub fn players(&self) -> u32 {
        self.instances.iter().map(|instance| instance.players).sum()
    }
}

/// Where a shard publishes and everyone reads.
pub type Published = Arc<ArcSwap<ShardFigures>>;

/// An empty histogram of microseconds with two significant digits (24 KiB).
#[must_use]
pub fn times() -> Histogram<u64> {
    Histogram::new_with_bounds(1, LONGEST_US, 2).expect("constant bounds are valid")
}

/// Records a duration; anything longer than the bounds counts as the bound.
pub fn record(histogram: &mut Histogram<u64>, time: Duration) {
    histogram.saturating_record(u64::try_from(time.as_micros()).unwrap_or(LONGEST_US).max(1));
}
