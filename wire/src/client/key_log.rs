//! The key log: lines with which whoever has a capture of a connection can decrypt it.
//!
//! ```text
//! MU_WIRE <connection id> <own id> <key to server> <IV> <key to client> <IV>
//! MU_WIRE_NEXT <connection id> server│client <which update of that direction, from 1> <key> <IV>
//! ```
//!
//! All in hexadecimal: the connection id as a number of 16 digits, the rest byte by byte; `-` stands for an own id of no
//! bytes. A line is wiped as soon as the handler has seen it. Nothing of this exists unless the application asks for it.

use std::fmt::Write as _;

use zeroize::Zeroizing;

use super::ClientHandler;
use crate::crypto::{DirectionKeys, PacketKeys};
use crate::handshake::ClientId;

/// A line and room for it, so that no part of it is left behind by growing.
type KeyLine = Zeroizing<String>;

/// Longest line: words, spaces, ids and both directions' keys.
const CAPACITY: usize = 8 + 17 + 9 + 2 * (65 + 25);

/// What a connection that tells its keys knows of them.
pub(super) struct KeyLog {
    connection_id: u64,
    own_id: ClientId,
    keys: PacketKeys,
    /// Updates told: of the client's own keys, and of the server's.
    told: (u32, u32),
}

impl KeyLog {
    /// The log of a connection that was just accepted.
    pub(super) const fn new(connection_id: u64, own_id: ClientId, keys: PacketKeys) -> Self {
        Self { connection_id, own_id, keys, told: (0, 0) }
    }

    /// Tells the first keys.
    pub(super) fn begin(&self, handler: &mut impl ClientHandler) {
        handler.key_log(&first_line(self.connection_id, self.own_id.as_bytes(), &self.keys));
    }

    /// Tells the keys of updates that have not been told: `renewals` of the client's own and of the server's so far.
    pub(super) fn follow(&mut self, renewals: (u32, u32), handler: &mut impl ClientHandler) {
        let PacketKeys { to_server, to_client } = &mut self.keys;
        let own = ("server", to_server, &mut self.told.0, renewals.0);
        let servers = ("client", to_client, &mut self.told.1, renewals.1);
        for (direction, keys, told, until) in [own, servers] {
            while *told < until {
                *told += 1;
                *keys = keys.next();
                handler.key_log(&next_line(self.connection_id, direction, *told, keys));
            }
        }
    }
}

fn first_line(connection_id: u64, own_id: &[u8], keys: &PacketKeys) -> KeyLine {
    let mut line = Zeroizing::new(String::with_capacity(CAPACITY));
    // Writing to a String cannot fail.
    let _ = write!(line, "MU_WIRE {connection_id:016x} ");
    if own_id.is_empty() {
        line.push('-');
    }
    hex(&mut line, own_id);
    for direction in [&keys.to_server, &keys.to_client] {
        key_and_iv(&mut line, direction);
    }
    line
}

fn next_line(connection_id: u64, direction: &str, update: u32, keys: &DirectionKeys) -> KeyLine {
    let mut line = Zeroizing::new(String::with_capacity(CAPACITY));
    // Writing to a String cannot fail.
    let _ = write!(line, "MU_WIRE_NEXT {connection_id:016x} {direction} {update}");
    key_and_iv(&mut line, keys);
    line
}

fn key_and_iv(line: &mut String, keys: &DirectionKeys) {
    for part in [&keys.key[..], &keys.iv[..]] {
        line.push(' ');
        hex(line, part);
    }
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

    fn keys() -> PacketKeys {
        PacketKeys {
            to_server: DirectionKeys::new([1; 32], Direction::ToServer, 7),
            to_client: DirectionKeys::new([2; 32], Direction::ToClient, 7),
        }
    }

    fn hexed(keys: &DirectionKeys) -> String {
        let mut line = String::new();
        key_and_iv(&mut line, keys);
        line
    }

    #[test]
    fn the_first_line_names_both_ids_and_both_directions_and_fits_its_room() {
        let line = first_line(0x0102_0304_0506_0708, &[9, 0xff, 0, 1], &keys());
        let (to_server, to_client) = (hexed(&keys().to_server), hexed(&keys().to_client));
        assert_eq!(*line, format!("MU_WIRE 0102030405060708 09ff0001{to_server}{to_client}"));
        assert_eq!((line.capacity(), line.len()), (CAPACITY, CAPACITY - 1));
        assert!(first_line(1, &[], &keys()).starts_with("MU_WIRE 0000000000000001 - "));
    }

    #[test]
    fn an_update_line_says_whose_and_which_and_fits_its_room() {
        let line = next_line(1, "client", u32::MAX, &keys().to_client);
        let wanted = format!("MU_WIRE_NEXT 0000000000000001 client 4294967295{}", hexed(&keys().to_client));
        assert_eq!((&*line, line.capacity()), (&wanted, CAPACITY));
    }
}
