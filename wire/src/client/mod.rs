//! The client's end: one connection, from ticket to goodbye. Bots use it and so will bindings for other languages.
//!
//! After any call, drain `poll_transmit`, then wait for a datagram or for `next_timeout`, and call `handle_timeout` then.

mod accepted;
mod clock;
mod connect;
mod driver;
mod handler;
mod key_log;
mod link;
mod stats;

pub use accepted::Accepted;
pub use driver::{Client, ClientState};
pub use handler::ClientHandler;
pub use stats::ClientStats;
