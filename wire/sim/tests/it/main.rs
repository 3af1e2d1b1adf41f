//! The simulator in the ordinary test run: two thousand seeds, and proof that it sees what it must see.

mod captures;
mod defects;
mod memory;
mod seeds;
