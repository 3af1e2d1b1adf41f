//! The client core behind a C header: connect with a ticket, hand datagrams and the time in, take datagrams and events out.
//!
//! Everything of the protocol is `mu_wire`'s; here is only the border. `include/mu_client.h` and `../csharp/MuClient.cs` are
//! made from these files by the tests. The rules that every function relies on stand once, in `RULES.txt`, which is the
//! header's head.
//!
//! Owns no socket and no thread, calls nothing of the caller's, and never unwinds into it.

pub mod border;
pub mod client;
pub mod deals;
pub mod entities;
pub mod events;
pub mod inputs;
pub mod send;
pub mod server_messages;
pub mod state;
pub mod status;
pub mod ticket;
pub mod trades;
