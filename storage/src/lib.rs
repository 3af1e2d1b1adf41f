//! Accounts, characters, ledger and hot state on the embedded store or PostgreSQL; applies the journal.
//!
//! One [`store::Store`] is one connection, owned by one thread; everything blocks and nothing here starts a thread, reads
//! a clock or knows a socket of the game. The journal's payload types live in [`event`], because the map that submits an
//! event and the applier that applies it must mean the same thing; the journal itself sees bytes and positions only.

mod accounts;
mod apply;
pub mod audit;
mod backend;
pub mod beside;
mod books;
mod characters;
pub mod copies;
pub mod error;
pub mod event;
pub mod failpoint;
mod hot;
pub mod ids;
#[cfg(feature = "sim")]
pub mod memory;
pub mod names;
pub mod planted;
mod post;
mod provenance;
mod review;
mod sql;
mod statements;
pub mod store;
#[cfg(feature = "testing")]
pub mod testing;
