//! The seam to the cryptography: everything else in the crate names these types and no library.
//!
//! `ring` seals packets and tokens and hashes; `snow` runs the two handshake messages and is then dropped; the curve is
//! `graviola`'s or `curve25519-dalek`'s. All randomness
//! comes from a [`Random`] that the caller seeded.

mod aead;
mod checked_id;
mod host_keys;
mod kdf;
mod noise;
mod random;
mod schedule;
mod short_hash;
pub(crate) mod x25519;

pub(crate) use aead::{OpeningKey, SealingKey, TAG_LEN, Unsealed, open_once, seal_once};
pub(crate) use checked_id::CheckedIds;
pub use host_keys::HostKeys;
pub(crate) use kdf::{MacKey, hkdf, sha256};
pub(crate) use noise::{Initiator, PacketKeys, PublicKey, Responder, StaticKey};
pub use random::Random;
pub(crate) use schedule::{Direction, DirectionKeys};
pub(crate) use short_hash::ShortHash;
