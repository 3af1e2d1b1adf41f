//! A shard: one thread that owns a UDP socket, its clients' connections and its map instances.

pub mod command;
