//! The seeds of every commit, and the rows of the crash-point table one by one.

mod rig;
mod rows;
mod seeds;
