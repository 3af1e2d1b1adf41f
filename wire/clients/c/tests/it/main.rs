//! The client from outside: what is generated from it, what its libraries need, and C programs that play with it.

mod generated;
mod libraries;
mod live;
mod programs;
mod shard;
mod smoke;
