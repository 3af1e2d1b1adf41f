//! Bots that are ordinary clients, scenarios, honest figures, reports.
//!
//! A run logs bots in over HTTP (`gateway`), lets them play over UDP (`bots`) what a `scenario` intends, counts from the intended
//! time (`figures`), and judges itself before the server: a generator that was late or lost datagrams of its own makes the run invalid.

pub mod bots;
pub mod cli;
pub mod clock;
pub mod dice;
pub mod figures;
pub mod gateway;
pub mod run;
pub mod scenario;
pub mod stop;
