//! The steps on a simulated disk and a store in memory that forgets, loses replies and goes away.

#![expect(clippy::unwrap_used, reason = "a helper that cannot go on fails the test that called it")]

mod ends;
mod postgres;
mod steps;
mod store;
