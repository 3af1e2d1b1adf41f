//! The key log: lines with which whoever has a capture of a connection can decrypt it.
//!
//! ```text
//! MU_WIRE <connection id> <own id> <key to server> <IV> <key to client> <IV>
//! ```
//!
//! All in hexadecimal: the connection id as a number of 16 digits, the rest byte by byte; `-` stands for an own id of no
//! bytes. A line is wiped as soon as the handler has seen it; nothing keeps one, and none is made unless the application
//! asks for it.

use std::fmt::Write as _;

use zeroize::Zeroizing;

use crate::crypto::{DirectionKeys, PacketKeys};
use crate::handshake::ClientId;

/// A line and room for it, so that no part of it is left behind by growing.
pub(super) type KeyLine = Zeroizing<String>;

/// Longest line: words, spaces, ids and both directions' keys.
const CAPACITY: usize = 8 + 17 + 9 + 2 * (65 + 25);

/// The line of a connection that was just accepted.
pub(super) fn key_line(connection_id: u64, own_id: &ClientId, keys: &PacketKeys) -> KeyLine {
    let mut line = Zeroizing::new(String::with_capacity(CAPACITY));
    // Writing to a String cannot fail.
    let _ = write!(line, "MU_WIRE {connection_id:016x} ");
    if own_id.as_bytes().is_empty() {
        line.push('-');
    }
    hex(&mut line, own_id.as_bytes());
    for DirectionKeys { key, iv, .. } in [&keys.to_server, &keys.to_client] {
        for part in [&key[..], &iv[..]] {
            line.push(' ');
            hex(&mut line, part);
        }
    }
    line
}

fn hex(line: &mut String, bytes: &[u8]) {
    for byte in bytes {
        // Writing to a String cannot fail.
        let _ = write!(line, "{byte:02x}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::Direction;

    fn keys(first: u8) -> DirectionKeys {
        let mut keys = DirectionKeys::new([0; 32], Direction::ToServer, 1);
        (keys.key, keys.iv) = ([first; 32], [first + 1; 12]);
        keys
    }

    #[test]
    fn a_line_names_both_ids_and_both_directions_and_fits_its_room() {
        let keys = PacketKeys { to_server: keys(0x0a), to_client: keys(0xc0) };
        let line = key_line(0x0102_0304_0506_0708, &ClientId::new(&[9, 0xff, 0, 1]).unwrap(), &keys);
        let wanted = format!(
            "MU_WIRE 0102030405060708 09ff0001 {} {} {} {}",
            "0a".repeat(32),
            "0b".repeat(12),
            "c0".repeat(32),
            "c1".repeat(12)
        );
        assert_eq!(*line, wanted);
        assert_eq!(line.capacity(), CAPACITY);
        assert_eq!(line.len(), CAPACITY - 1);
        assert!(key_line(1, &ClientId::default(), &keys).starts_with("MU_WIRE 0000000000000001 - 0a0a"));
    }
}
