//! The protocol from outside: both ends over a link in memory, in virtual time.

mod exchange;
mod link;
