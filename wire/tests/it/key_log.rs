//! The key log: silent unless asked for, and its keys open what the two ends send.

use std::time::Duration;

use mu_wire::Lane;
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};

use crate::link::{Link, Weather};

fn connect(logs_keys: bool) -> Link {
    let mut link = Link::new(3, Weather { delay: Duration::from_millis(5), ..Weather::default() });
    link.capture = Some(Vec::new());
    if logs_keys {
        link.client.log_keys();
    }
    link.run(Duration::from_millis(100));
    let conn = link.conn();
    link.client.send(Lane::Control, b"to the server").unwrap();
    link.server.send(conn, Lane::Control, b"to the client").unwrap();
    link.run(Duration::from_millis(200));
    link
}

fn bytes(hex: &str) -> Vec<u8> {
    (0..hex.len() / 2).map(|at| u8::from_str_radix(&hex[2 * at..2 * at + 2], 16).unwrap()).collect()
}

/// The bodies of all data packets of one direction, opened with the keys of a line.
fn bodies(link: &Link, to_server: bool, key: &str, iv: &str) -> Vec<Vec<u8>> {
    let key = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, &bytes(key)).unwrap());
    let header = if to_server { 11 } else { 3 };
    let data =
        link.capture.iter().flatten().filter(|(_, direction, datagram)| *direction == to_server && datagram[0] == 0x40);
    data.map(|(_, _, datagram)| {
        let (head, sealed) = datagram.split_at(header);
        let mut nonce: [u8; 12] = bytes(iv).try_into().unwrap();
        nonce[11] ^= head[header - 2];
        nonce[10] ^= head[header - 1];
        let mut sealed = sealed.to_vec();
        let nonce = Nonce::assume_unique_for_key(nonce);
        key.open_in_place(nonce, Aad::from(head), &mut sealed).expect("the logged key opens it").to_vec()
    })
    .collect()
}

#[test]
fn a_client_tells_its_keys_only_when_asked() {
    assert_eq!(connect(false).player.keys, Vec::<String>::new());
    assert_eq!(connect(true).player.keys.len(), 1);
    let mut link = Link::new(3, Weather::default());
    link.run(Duration::from_millis(100));
    link.client.log_keys();
    link.run(Duration::from_millis(100));
    assert_eq!(link.player.keys, Vec::<String>::new(), "it is too late after ACCEPT");
}

#[test]
fn the_logged_keys_open_both_directions() {
    let link = connect(true);
    let words: Vec<_> = link.player.keys[0].split(' ').collect();
    let [name, connection, own, to_server, to_server_iv, to_client, to_client_iv] = words[..] else {
        panic!("{words:?}")
    };
    assert_eq!((name, own), ("MU_WIRE", "-"));
    let first = link.capture.iter().flatten().find(|(_, to_server, datagram)| *to_server && datagram[0] == 0x40);
    let id = u64::from_le_bytes(first.unwrap().2[1..9].try_into().unwrap());
    assert_eq!(connection, format!("{id:016x}"));
    let said = |bodies: Vec<Vec<u8>>, text: &[u8]| {
        assert!(bodies.iter().any(|body| body.windows(text.len()).any(|part| part == text)));
    };
    said(bodies(&link, true, to_server, to_server_iv), b"to the server");
    said(bodies(&link, false, to_client, to_client_iv), b"to the client");
}
