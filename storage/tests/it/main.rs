//! The store against both databases. Each test of [`on_both`] runs once on SQLite in a temporary folder and once on a
//! private PostgreSQL server.

#![expect(clippy::unwrap_used, reason = "a helper that cannot go on fails the test that called it")]

mod accounts;
mod applying;
mod auditing;
mod copying;
mod fencing;
mod histories;
mod hot;
mod kinds;
mod knowing;
mod lost_replies;
mod memory;
mod migrating;
mod model;
#[cfg(feature = "planted")]
mod planted;
mod reviewing;
mod stores;
