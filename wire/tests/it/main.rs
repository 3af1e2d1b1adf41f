//! The protocol from outside: both ends over a link in memory, in virtual time; what a peer may send, what a network may
//! do, what it costs.

#![expect(clippy::unwrap_used, reason = "a helper that cannot go on fails the test that called it")]

mod allocations;
mod blocks;
mod budget;
mod dice;
mod dissector;
mod exchange;
mod handshake;
mod hostile;
mod key_log;
mod limits;
mod link;
mod lossy;
mod messages;
mod mtu;
mod narrow;
mod paths;
mod python;
mod reset;
mod snapshot_golden;
mod snapshot_malformed;
mod snapshot_model;
mod snapshot_size;
mod steady;
mod walkers;
mod weather;
