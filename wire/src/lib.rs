//! The client protocol, without sockets or clocks: both ends, all message layouts, snapshot codec.
//!
//! Bytes, a time and a seed go in; bytes and calls to a handler come out. [`Server`] is the end of one shard with all its
//! connections, [`Client`] the end of one player. `docs/protocol.md` is the normative description of what travels.

#![forbid(unsafe_code)]

pub mod bits;
mod blocks;
mod budget;
pub mod capture;
mod client;
pub mod codec;
mod connection;
mod crypto;
#[cfg(any(test, feature = "fuzzing"))]
#[doc(hidden)]
pub mod fuzzing;
#[cfg(test)]
mod generated;
mod handshake;
pub mod ids;
mod lanes;
#[cfg(feature = "measure")]
pub mod measure;
pub mod messages;
pub mod motion;
mod mtu;
mod packet;
mod protocol;
mod recovery;
mod server;
mod sink;
pub mod snapshot;
pub mod time;
mod token;

pub use blocks::{BlockEnd, MAX_BLOCK_DOWN, MAX_BLOCK_UP, MAX_BLOCKS_QUEUED};
pub use budget::LinkBudget;
pub use client::{Accepted, Client, ClientHandler, ClientState, ClientStats};
pub use connection::{CloseCode, CloseReason, KeyLimits, Violation};
pub use crypto::{HostKeys, Random};
pub use handshake::{ClientId, MAX_CLIENT_ID, RejectCode, client_id_of};
pub use ids::{ConnId, EntityId};
pub use lanes::{Lane, SendError};
pub use packet::{
    LONGEST_DATAGRAM, MAX_CLOSE_TEXT, MAX_DATAGRAM, MAX_INPUT, MAX_INPUTS_PER_PACKET, MAX_RELIABLE, MAX_UNFRAGMENTED,
};
pub use protocol::{PROTOCOL_VERSION, protocol_id};
pub use server::{Admission, CookieMode, DropReason, Limits, Server, ServerConfig, ServerHandler, ServerStats};
pub use sink::DatagramSink;
pub use time::{Tick, Time};
pub use token::{ConnectTicket, SEALED_TOKEN_LEN, TokenClaims, TokenSealer, USER_DATA_LEN};
