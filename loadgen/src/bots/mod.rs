//! The bots: ordinary clients with an agenda.
//!
//! `mind` decides and knows no socket; `bot` joins a mind to its connection; `crew` is one thread with its sockets and bots; `ground`
//! is the world's terrain as all bots share it; `stage` is where the conductor's phases and the crews' counts meet.

mod blocks;
mod bot;
mod chat;
mod crew;
mod deal;
mod errand;
mod ground;
mod line;
mod mind;
mod records;
mod stage;
mod trade;
mod wish;

pub use crew::{Crew, CrewPlan};
pub use ground::Atlas;
pub use records::Records;
pub use stage::{Live, Phase, Stage};
