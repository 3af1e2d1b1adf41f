//! Both ends of the client protocol over a seeded network in virtual time, and what must hold there.
//!
//! A seed stands for a run: players, roads with their weather, what is said, and what goes wrong when. The real [`mu_wire::Server`]
//! and [`mu_wire::Client`]s live in it; the witness knows what was sent and says what must not be. The same seed is the same
//! run to the last bit, on every machine.
//!
//! | invariant | where |
//! |---|---|
//! | a message keeps its lane's promise, unaltered | `letters` |
//! | a block comes once, whole, and what its sender is told is true | `parcels` |
//! | inputs come once, in order | `ears` |
//! | a replica never shows what never was, and is right once the network is calm | `scene` |
//! | each snapshot has one fate, and "delivered" is true | `witness` |
//! | a connection ends for a reason that happened; nobody blames an honest peer | `witness` |
//! | nobody drops a good datagram, nobody falls silent | `world`, `step` |
//! | everything comes once the network is calm, everyone is gone after goodbye | `step` |
//! | memory stays below its ceiling | `step`, `meter` |
//!
//! Knows no socket, file or clock; the binary `mu-sim` does.

mod clock;
mod defect;
pub mod dice;
mod ears;
mod fleet;
mod flight;
mod letters;
mod marks;
pub mod meter;
mod parcels;
mod plan;
mod player;
mod scene;
mod session;
mod sink;
mod step;
pub mod tally;
mod tickets;
pub mod trace;
pub mod weather;
mod witness;
mod world;

pub use defect::Defect;
pub use fleet::{Failure, Report, run_all};
pub use tally::Tally;
pub use witness::Fault;
pub use world::{Captured, Captures, Options, Outcome, host_keys, run};
