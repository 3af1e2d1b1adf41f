//! What is proven against whole running programs; the benches are in the `mu-perf` binary.

pub mod crash;
pub mod floods;
