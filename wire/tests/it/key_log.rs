//! The key log: silent unless asked for, and its keys open what the two ends send.

use std::time::Duration;

use mu_wire::{KeyLimits, Lane, Limits, ServerConfig};
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};

use crate::link::{Link, Weather};

fn connect(logs_keys: bool) -> Link {
    let keys = KeyLimits { packets: 5, ..KeyLimits::default() };
    let weather = Weather { delay: Duration::from_millis(5), ..Weather::default() };
    let limits = Limits { keys, ..Limits::default() };
    let mut link = Link::with(3, weather, ServerConfig { limits, ..ServerConfig::default() });
    link.client.set_key_limits(keys);
    link.capture = Some(Vec::new());
    if logs_keys {
        link.client.log_keys();
    }
    link.run(Duration::from_millis(100));
    for _ in 0..20 {
        let conn = link.conn();
        link.client.send(Lane::Control, b"to the server").unwrap();
        link.server.send(conn, Lane::Control, b"to the client").unwrap();
        link.run(Duration::from_millis(100));
    }
    link
}

fn bytes(hex: &str) -> Vec<u8> {
    (0..hex.len() / 2).map(|at| u8::from_str_radix(&hex[2 * at..2 * at + 2], 16).unwrap()).collect()
}

/// Key and IV of one direction as the log has them.
#[derive(Debug, Clone)]
pub(crate) struct Logged {
    key: Vec<u8>,
    iv: Vec<u8>,
}

impl Logged {
    fn new(key: &str, iv: &str) -> Self {
        Self { key: bytes(key), iv: bytes(iv) }
    }

    fn cipher(&self) -> LessSafeKey {
        LessSafeKey::new(UnboundKey::new(&AES_256_GCM, &self.key).unwrap())
    }

    /// The nonce for a header. In sessions of less than 256 packets the low byte of the number is all of it.
    fn nonce(&self, head: &[u8]) -> Nonce {
        let mut nonce: [u8; 12] = self.iv.clone().try_into().unwrap();
        nonce[11] ^= head[head.len() - 2];
        Nonce::assume_unique_for_key(nonce)
    }
}

const fn header_len(to_server: bool) -> usize {
    if to_server { 11 } else { 3 }
}

/// A data packet of a capture, and the key that opened it.
pub(crate) struct Opened {
    pub(crate) to_server: bool,
    pub(crate) datagram: Vec<u8>,
    pub(crate) body: Vec<u8>,
    pub(crate) key: Logged,
}

/// The logged keys of each direction, to the server and to the client.
fn logged(lines: &[String]) -> [Vec<Logged>; 2] {
    let first: Vec<_> = lines[0].split(' ').collect();
    let ["MU_WIRE", connection, "-", to_server, to_server_iv, to_client, to_client_iv] = first[..] else {
        panic!("{first:?}")
    };
    let mut keys = [vec![Logged::new(to_server, to_server_iv)], vec![Logged::new(to_client, to_client_iv)]];
    for line in &lines[1..] {
        let words: Vec<_> = line.split(' ').collect();
        let ["MU_WIRE_NEXT", id, direction, update, key, iv] = words[..] else { panic!("{words:?}") };
        let side = &mut keys[usize::from(direction == "client")];
        assert_eq!((id, update), (connection, &*side.len().to_string()), "{line}");
        side.push(Logged::new(key, iv));
    }
    keys
}

/// Every data packet of a link's capture; fails if one does not open with a logged key.
pub(crate) fn opened(link: &Link) -> Vec<Opened> {
    let keys = logged(&link.player.keys);
    let data = link.capture.iter().flatten().filter(|(_, _, datagram)| datagram[0] & 0xc0 == 0x40);
    data.map(|(_, to_server, datagram)| {
        let (head, sealed) = datagram.split_at(header_len(*to_server));
        let open = |logged: &Logged| {
            let mut sealed = sealed.to_vec();
            let body = logged.cipher().open_in_place(logged.nonce(head), Aad::from(head), &mut sealed).ok()?;
            Some((body.to_vec(), logged.clone()))
        };
        let found = keys[usize::from(!to_server)].iter().find_map(open);
        let (body, key) = found.expect("a logged key opens every packet");
        Opened { to_server: *to_server, datagram: datagram.clone(), body, key }
    })
    .collect()
}

/// The datagram with another body.
pub(crate) fn seal(key: &Logged, datagram: &[u8], to_server: bool, body: &[u8]) -> Vec<u8> {
    let head = &datagram[..header_len(to_server)];
    let mut sealed = body.to_vec();
    key.cipher().seal_in_place_append_tag(key.nonce(head), Aad::from(head), &mut sealed).unwrap();
    [head, &sealed].concat()
}

/// protocol.md 5.8.
#[test]
fn a_client_tells_its_keys_only_when_asked() {
    assert_eq!(connect(false).player.keys, Vec::<String>::new());
    assert!(!connect(true).player.keys.is_empty());
    let mut link = Link::new(3, Weather::default());
    link.run(Duration::from_millis(100));
    link.client.log_keys();
    link.run(Duration::from_millis(100));
    assert_eq!(link.player.keys, Vec::<String>::new(), "it is too late after ACCEPT");
}

#[test]
fn the_logged_keys_open_both_directions_also_after_renewals() {
    let link = connect(true);
    let [server, client] = logged(&link.player.keys);
    assert!(server.len() > 2 && client.len() > 2, "{:?}", link.player.keys);
    let opened = opened(&link);
    assert!(opened.len() < 200, "{} packets", opened.len());
    let id = u64::from_le_bytes(opened[0].datagram[1..9].try_into().unwrap());
    assert!(link.player.keys[0].starts_with(&format!("MU_WIRE {id:016x} ")));
    for (to_server, text) in [(true, &b"to the server"[..]), (false, b"to the client")] {
        let said =
            |packet: &&Opened| packet.to_server == to_server && packet.body.windows(text.len()).any(|at| at == text);
        let times = opened.iter().filter(said).count();
        assert!(times >= 20, "{times} packets say it");
    }
}
