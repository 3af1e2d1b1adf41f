//! What the control thread asks of a shard, and what a shard reports back.
//!
//! Commands travel over a bounded queue per shard and are drained at each step (5 ms); reports travel over one bounded
//! queue to the directory. Neither side waits for the other. Knows no queue type, no socket and no HTTP.

use mu_storage::ids::{AccountId, CharacterId};
use mu_storage::store::LoadedCharacter;

/// A shard's number: its map core, its UDP port (`udp.port + shard`) and the first byte of its connection ids.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ShardId(pub u8);

/// One running copy of a map, unique in this process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct InstanceId(pub u32);

/// A request to a shard.
#[derive(Debug)]
pub enum Command {
    /// Keep a place for a character whose player holds the token with this id. Answered at the next step.
    Reserve {
        /// Who, where and until when.
        reservation: Box<Reservation>,
        /// The answer; dropped unanswered only when the shard is gone.
        reply: tokio::sync::oneshot::Sender<Result<(), ReserveRefusal>>,
    },
    /// The character must leave this shard: its client is told `why`, its critical event is decided, its final state
    /// is stored, and then [`Report::Left`] says so.
    Evict {
        /// Who must leave.
        character: CharacterId,
        /// What its player is told.
        why: EvictReason,
    },
    /// UC-14: tell every player that the server closes in this many seconds and refuse new reservations.
    Close {
        /// Seconds until connections end.
        seconds: u16,
    },
}

/// A place held for a character until its player connects.
#[derive(Debug)]
pub struct Reservation {
    /// The id inside the sealed route token; only a client that presents it takes the place.
    pub token_id: [u8; 16],
    /// The session's generation, so that a later login can end this session.
    pub generation: u64,
    /// The character as taken from the store, with its new owner epoch.
    pub character: LoadedCharacter,
    /// The instance it enters.
    pub instance: InstanceId,
    /// The place is given up after this many seconds without a connection.
    pub ttl_s: u16,
}

/// Why a shard did not keep a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReserveRefusal {
    /// The instance has no free slot.
    Full,
    /// The shard is closing.
    Closing,
    /// The instance is not on this shard.
    UnknownInstance,
    /// The character is already in this shard; evict it first.
    AlreadyHere,
}

/// Why a character is sent away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EvictReason {
    /// The account logged in again elsewhere (UC-02).
    Replaced,
    /// The player logged out over HTTP (UC-13).
    Logout,
    /// The server stops (UC-14).
    ServerClosing,
}

/// What a shard, or the persist thread on its behalf, tells the directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Report {
    /// The player connected and stands in the instance.
    Entered {
        /// Whose character.
        account: AccountId,
        /// Which character.
        character: CharacterId,
        /// Where.
        instance: InstanceId,
    },
    /// The character moved to another instance, on this shard or another one.
    Moved {
        /// Which character.
        character: CharacterId,
        /// Its new instance.
        instance: InstanceId,
    },
    /// The character is gone and its final state is stored: it may be loaded again.
    Left {
        /// Which character.
        character: CharacterId,
        /// The owner epoch it was held under.
        owner_epoch: i64,
    },
}
