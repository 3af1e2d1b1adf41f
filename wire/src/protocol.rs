//! Which protocol this is: the version in the first byte of a handshake packet and the id that changes with any message.
//!
//! Two builds that would misread each other have different ids, and the id is part of every key: they cannot connect
//! by accident.

use std::sync::OnceLock;

use crate::messages;

/// Version of the packet formats, in the first byte of long packets.
pub const PROTOCOL_VERSION: u8 = 1;

/// The formats below the messages, named so that a change of any of them can be made visible in the id.
const FORMATS: &str = "mu-wire 1: NKpsk0_25519_ChaChaPoly_SHA256, AES-256-GCM, token 1, prelude 1, frames 1, inputs 1, snapshots 1, blocks 1";

/// The protocol id: CRC-32 of what both ends must agree on, the table of messages among it.
#[must_use]
pub fn protocol_id() -> u32 {
    static ID: OnceLock<u32> = OnceLock::new();
    *ID.get_or_init(|| {
        let mut hasher = crc32fast::Hasher::new();
        hasher.update(&[PROTOCOL_VERSION]);
        hasher.update(FORMATS.as_bytes());
        hasher.update(messages::schema().as_bytes());
        hasher.finalize()
    })
}
