//! The engine: shards, maps, systems, gateway, directory, journal hand-off, operations.
//!
//! Each room is one folder; ARCHITECTURE.md says what each may know. Nothing in [`map`] and [`systems`] knows sockets,
//! threads, clocks, SQL or files.

pub mod backup;
pub mod boot;
pub mod capture;
pub mod directory;
pub mod gateway;
pub mod journal;
pub mod map;
pub mod net;
pub mod ops;
pub mod persist;
pub mod planted;
pub mod runtime;
pub mod shard;
pub mod systems;
