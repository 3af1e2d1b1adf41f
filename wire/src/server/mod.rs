//! The server's end: one endpoint per shard, holding every connection of that shard in an array.
//!
//! The order of use is fixed: `receive` for each datagram, then `handle_timeouts`, then `transmit` for whoever has a snapshot
//! to get in this step, then `transmit_due`. A datagram finds its connection by index; timers by a wheel; whoever has
//! something to send stands in a list. Nothing walks over all connections.

mod admission;
mod config;
mod connection_id;
mod data;
mod endpoint;
mod handler;
mod limits;
mod links;
mod path;
mod replay_log;
mod reset;
mod slots;
mod stats;
mod wheel;

pub use config::{CookieMode, Limits, ServerConfig};
pub use endpoint::Server;
pub use handler::{Admission, ServerHandler};
pub use stats::{DropReason, ServerStats};
