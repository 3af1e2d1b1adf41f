//! Both ends of one connection with keys that anyone knows, for tests and fuzzing.

use std::sync::OnceLock;
use std::time::Duration;

use super::{Connection, KeyLimits, Opened, Role, Terms};
use crate::crypto::{Direction, DirectionKeys, OpeningKey, Random, SealingKey};
use crate::lanes::{InputIn, InputOut};
use crate::packet::Header;
use crate::time::Time;

/// What the client sends under this key, the server under [`DOWN`].
pub(crate) const UP: u8 = 1;
/// The number of the server's key.
pub(crate) const DOWN: u8 = 2;

/// The keys with this number. Those of the two ends are derived once: an end that lives for microseconds would spend a
/// good part of them on it.
fn keys(number: u8) -> DirectionKeys {
    static BOTH: OnceLock<[DirectionKeys; 2]> = OnceLock::new();
    let derive = |number| DirectionKeys::new([number; 32], Direction::ToServer, 1);
    let [up, down] = BOTH.get_or_init(|| [derive(UP), derive(DOWN)]);
    match number {
        UP => up.clone(),
        DOWN => down.clone(),
        other => derive(other),
    }
}

fn sealing(number: u8) -> SealingKey {
    SealingKey::new(&keys(number))
}

fn opening(number: u8) -> OpeningKey {
    OpeningKey::new(&keys(number))
}

/// The header of what goes to the server.
pub(crate) const fn up() -> Header {
    Header::to_server(7)
}

/// The header of what goes to the client.
pub(crate) fn down() -> Header {
    Header::to_client(&[9])
}

/// A client's end and a server's end of the same connection, made at `now`.
pub(crate) fn pair(now: Time, seed: u8, limits: KeyLimits) -> (Connection, Connection) {
    let mut random = Random::from_seed([seed; 32]);
    (client_end(now, &mut random, limits), server_end(now, &mut random, limits))
}

/// A client's end alone.
pub(crate) fn client_end(now: Time, random: &mut Random, limits: KeyLimits) -> Connection {
    let role = Role::Client(InputOut::new());
    Connection::new(now, (sealing(UP), opening(DOWN)), (up(), down()), role, terms(limits), random)
}

/// A server's end alone.
pub(crate) fn server_end(now: Time, random: &mut Random, limits: KeyLimits) -> Connection {
    let role = Role::Server(InputIn::default());
    Connection::new(now, (sealing(DOWN), opening(UP)), (down(), up()), role, terms(limits), random)
}

fn terms(keys: KeyLimits) -> Terms {
    Terms {
        ack_delay: Duration::from_millis(50),
        ack_control_at_once: true,
        idle: Duration::from_secs(10),
        coalesce: Duration::ZERO,
        keys,
        ceiling: 0,
        max_datagram: 1_200,
    }
}

/// A packet with this body, as the peer whose sealing key has this number would send it.
#[cfg(test)]
pub(crate) fn forge(header: &Header, key: u8, number: u64, body: &[u8]) -> Vec<u8> {
    let mut buffer = vec![0; header.len() + body.len() + 16];
    header.write(false, crate::codec::low16(number), &mut crate::codec::Writer::new(&mut buffer)).unwrap();
    let (head, rest) = buffer.split_at_mut(header.len());
    rest[..body.len()].copy_from_slice(body);
    let tag = SealingKey::new(&keys(key)).seal(number, head, &mut rest[..body.len()]);
    rest[body.len()..].copy_from_slice(&tag);
    buffer
}

/// An authentic packet without the trouble of sealing and opening it.
pub(crate) const fn opened(number: u64, body: &[u8]) -> Opened<'_> {
    Opened { number, newest: true, body }
}
