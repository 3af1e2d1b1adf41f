//! The header of a data packet: the part in the clear, all of it authenticated.
//!
//! ```text
//! to the server                        to the client
//! 0     0b01P0_0000                    0       0b01P0_0000
//! 1–8   connection id                  1–n     the client's own id, n = 0–4
//! 9–10  packet number, low 16 bits     n+1–2   packet number, low 16 bits
//! then  ciphertext and 16-byte tag     then    ciphertext and 16-byte tag
//! ```
//!
//! P is the phase of the sender's key: 0 at first, flipped with each renewal. Bits 4–0 are zero.

use crate::codec::{NoRoom, Reader, Truncated, Writer};
use crate::crypto::TAG_LEN;

/// First byte of a data packet.
pub(crate) const SHORT_BYTE: u8 = 0x40;
/// The bits of the first byte that tell a data packet of any key phase.
pub(crate) const SHORT_MASK: u8 = 0b1101_1111;
/// The key phase in the first byte.
const PHASE: u8 = 0x20;
/// A data packet's shortest body: a prelude of one byte and the tag.
pub(crate) const SHORT_MIN_BODY: usize = 1 + TAG_LEN;

/// What stands between the first byte and the packet number: the receiver's name for the connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Header {
    name: [u8; 8],
    len: u8,
}

impl Header {
    /// To the server: its connection id.
    pub(crate) const fn to_server(connection_id: u64) -> Self {
        Self { name: connection_id.to_le_bytes(), len: 8 }
    }

    /// To the client: its own id, at most eight bytes of it.
    pub(crate) fn to_client(client_id: &[u8]) -> Self {
        let mut name = [0; 8];
        let mut len = 0;
        for (to, from) in name.iter_mut().zip(client_id) {
            *to = *from;
            len += 1;
        }
        Self { name, len }
    }

    /// Length of the whole header.
    pub(crate) fn len(&self) -> usize {
        1 + usize::from(self.len) + 2
    }

    /// Writes the header of a packet sealed in this phase.
    pub(crate) fn write(&self, phase: bool, number: u16, out: &mut Writer<'_>) -> Result<(), NoRoom> {
        out.u8(if phase { SHORT_BYTE | PHASE } else { SHORT_BYTE })?;
        out.bytes(self.name.get(..usize::from(self.len)).unwrap_or(&[]))?;
        out.u16(number)
    }

    /// The phase and the low 16 bits of the number, if this header begins the datagram and a body can follow.
    pub(crate) fn read(&self, datagram: &[u8]) -> Result<(bool, u16), Truncated> {
        let mut reader = Reader::new(datagram);
        let first = reader.u8()?;
        let name = reader.bytes(usize::from(self.len))?;
        let number = reader.u16()?;
        let ours = match name.first_chunk() {
            Some(whole) => self.name == *whole,
            None => self.name.get(..usize::from(self.len)) == Some(name),
        };
        if first & SHORT_MASK == SHORT_BYTE && ours && reader.remaining() >= SHORT_MIN_BODY {
            Ok((first & PHASE != 0, number))
        } else {
            Err(Truncated)
        }
    }
}
