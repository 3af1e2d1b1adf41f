//! Bytes in, bytes out: the only places where offsets are computed.
//!
//! A [`Reader`] and a [`Writer`] check every step, so parsers above them cannot index past an end. Little endian
//! throughout. Knows no packet.

mod cut;
mod reader;
mod varint;
mod writer;

pub(crate) use cut::{low8, low16, low32};
pub use reader::{Reader, Truncated};
pub use varint::varint_len;
pub use writer::{NoRoom, Writer};
