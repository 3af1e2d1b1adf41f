//! The load generator against a stand-in server: real HTTP, real UDP, the real protocol on both ends, and no game beside it.

mod report;
mod runs;
mod stand_in;
