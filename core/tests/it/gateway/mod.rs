//! The gateway over real HTTP on loopback: a real store in a temporary folder, shards and journal played by threads.

#![allow(clippy::unwrap_used, reason = "helpers of tests are tests: a panic is the finding")]

mod accounts;
mod api;
mod away;
mod characters;
mod operations;
mod raw;
mod select;
mod shard;
mod store;
mod town;
