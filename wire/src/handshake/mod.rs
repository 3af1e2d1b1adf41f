//! The handshake packets: their bytes, and nothing of when they are sent.
//!
//! ```text
//! INIT    client → server  1,200 bytes   may be dropped for many reasons, always silently
//! COOKIE  server → client     30 bytes   "show me that you receive at this address"
//! ACCEPT  server → client    121 bytes   the connection exists
//! REJECT  server → client     32 bytes   only to the holder of a genuine token
//! ```
//!
//! Answers repeat the client's own id (0–4 bytes) right after their first byte and grow by its length.

mod accept;
mod client_id;
mod cookie;
mod init;
mod reject;

pub(crate) use accept::{ACCEPT_LEN, AcceptParams, accept_noise, read_accept, write_accept};
pub use client_id::{ClientId, MAX_CLIENT_ID, client_id_of};
pub(crate) use cookie::{Cookie, CookieJar, read_cookie, write_cookie};
pub(crate) use init::{ClientParams, InitHeader, InitPacket, NOISE_INIT_LEN, write_init};
pub use reject::RejectCode;
pub(crate) use reject::{read_reject, write_reject};

use crate::protocol::PROTOCOL_VERSION;

/// First byte of a long packet: form bit, version, type.
pub(crate) const fn long_byte(kind: Kind) -> u8 {
    0x80 | PROTOCOL_VERSION << 4 | kind as u8
}

/// The type in the low four bits of a long packet's first byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Kind {
    Init = 1,
    Cookie = 2,
    Accept = 3,
    Reject = 4,
}

/// The type of a long packet of this version.
pub(crate) fn kind_of(first: u8) -> Option<Kind> {
    [Kind::Init, Kind::Cookie, Kind::Accept, Kind::Reject].into_iter().find(|kind| long_byte(*kind) == first)
}
