//! The engine: shards, maps, systems, gateway, directory, journal hand-off, operations.
//!
//! Each room is one folder. Nothing in [`shard::command`] knows how a command travels; nothing in the map and the
//! systems knows sockets, threads, clocks, SQL or files.

pub mod directory;
pub mod gateway;
pub mod map;
pub mod runtime;
pub mod shard;
pub mod systems;
