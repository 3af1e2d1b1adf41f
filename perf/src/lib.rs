//! What is proven against whole running programs, and what benches are built from; they themselves are in the binaries.

pub mod crash;
pub mod floods;
pub mod host;
pub mod report;
pub mod rig;
pub mod timing;
