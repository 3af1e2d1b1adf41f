//! What a client is told about the entities it sees, in as few bits as will do.
//!
//! A [`Replicator`] belongs to a map instance and knows the last versions of each entity; a [`View`] belongs to a client
//! and knows which version of which entity that client holds; a [`Replica`] is the client's own copy. A record brings an
//! entity from a version the client is known to hold to the newest one. The bits of a record depend on the two versions
//! alone, so they are made once and copied for every other client that needs the same step.
//!
//! Knows no map, no interest and no connection: which entities a client sees, and which packets arrived, is told to it.
//!
//! ```text
//! body    record … , zeros to the byte
//! record  8 alias · 4 step · …
//!   step 0      1 leave            nothing else if 1
//!               16 version · 32 changed at · identity · change from the default state
//!   step 1–15   1 late · [7 ticks since the change − 1] · 4 version, low bits · change from `step` versions before
//! identity  32 entity · 3 kind · 16 template · 4 length · 8 per byte of the name
//! change    1 motion · 1 others · [1 heading · 1 health · 1 flags] · motion · 8 heading · 7 health · 16 flags
//! motion    1 walking
//!   standing  place, near where the base is when the change is made
//!   walking   1 start (0 when the change is made, else 32 tick) · 1 speed (0 as the base walks, else 16)
//!             · place, near where the base is at the start · 4 steps − 1 · shape
//! place     2 class: 0 the same, 1 8 + 8 bits, 2 12 + 12 bits to be added, 3 16 + 16 bits as they are
//! shape     0  two neighbouring directions: 3 first · 1 the other is anticlockwise · 1 per later step
//!           10 straight: 3 direction
//!           11 any: 3 per step
//! ```

mod aliases;
mod change;
mod error;
mod packets;
mod record;
mod replica;
mod replicator;
mod state;
mod view;

pub use error::Malformed;
pub use replica::{Replica, ReplicaEvent, Seen};
pub use replicator::{Replicator, ReplicatorStats};
pub use state::{BadName, EntityKind, EntityState, Identity, Name};
pub use view::View;

/// A record names a baseline at most this many versions back; both ends keep as many versions, and the newest.
const MAX_STEP: u16 = 15;

/// Versions of an entity that the server keeps.
const VERSIONS: usize = 16;

/// A snapshot this many ticks older than the newest is ignored by the client, and counted as lost by the server.
const WINDOW_TICKS: u32 = 64;

/// A change this many ticks old or less can be dated in a record; an older one goes as a whole state.
const MAX_LATE_TICKS: u32 = 128;
