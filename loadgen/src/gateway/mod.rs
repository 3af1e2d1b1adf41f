//! The gateway as a client sees it: HTTP requests, and the threads that log bots in.

mod door;
mod http;
mod ops;

pub use door::{Arrival, Bell, Door, Failure, Guest, Way};
pub use http::{Character, Gateway, HttpError, Selected, Session};
pub use ops::{Economy, ShardStatus, Status};
