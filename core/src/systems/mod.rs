//! The rules of the game, one file per system: functions over a map's columns, called by its tick in a fixed order.
//!
//! Systems are pure: no socket, thread, clock, file or database. What they want done outside goes into the outbox.

pub mod chat;
pub mod hot;
pub mod portal;
pub mod presence;
pub mod trade;
pub mod walk;
