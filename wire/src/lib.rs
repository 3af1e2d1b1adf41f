//! The client protocol, without sockets or clocks: both ends, all message layouts, snapshot codec.

pub mod bits;
pub mod ids;
pub mod messages;
pub mod motion;
pub mod snapshot;
pub mod time;

pub use ids::EntityId;
pub use time::{Tick, Time};
