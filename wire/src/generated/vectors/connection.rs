//! A whole connection from fixed secrets: token, handshake, keys and the first packets of each direction.
//!
//! Another implementation can follow it line by line. A difference means that the format has changed: then the version or
//! the format names in `protocol` and the document change too.

use std::time::Duration;

use super::terms;
use crate::connection::{Connection, Events, Extra, KeyLimits, Role, Terms};
use crate::crypto::{DirectionKeys, HostKeys, Initiator, MacKey, OpeningKey, PublicKey, Random, Responder, SealingKey};
use crate::generated::json::Json;
use crate::generated::values::hex;
use crate::handshake::{
    AcceptParams, ClientId, ClientParams, CookieJar, InitHeader, InitPacket, NOISE_INIT_LEN, RejectCode, accept_noise,
    read_accept, write_accept, write_cookie, write_init, write_reject,
};
use crate::lanes::{InputIn, InputOut, Lane};
use crate::packet::Header;
use crate::time::{Tick, Time};
use crate::token::{self, ConnectTicket, TokenBinding, TokenClaims};

/// Fixed, so that a new message does not change the packets.
const PROTOCOL: u32 = 0x0403_0201;
const NONCE: u64 = 0x1122_3344_5566_7788;
const CONNECTION: u64 = 0x8877_6655_4433_2211;

/// Named bytes in the order in which they come to be.
#[derive(Default)]
struct Listing(Vec<Json>);

impl Listing {
    fn line(&mut self, name: &str, bytes: &[u8]) {
        self.0.push(Json::object([("name", name.into()), ("hex", hex(bytes).into())]));
    }
}

struct Deaf;

impl Events for Deaf {
    fn message(&mut self, _: Lane, _: &[u8]) {}
}

fn claims() -> TokenClaims {
    let mut user_data = [0; 248];
    user_data[..4].copy_from_slice(b"user");
    TokenClaims {
        token_id: [0x10; 16],
        account: 2,
        character: 3,
        issued_s: 1_000,
        expires_s: 1_030,
        realm: 4,
        home_shard: 5,
        flags: 6,
        psk: [0x20; 32],
        max_down: 7,
        max_pps: 8,
        max_up: 9,
        user_data,
    }
}

fn ticket(keys: &HostKeys, list: &mut Listing) -> ConnectTicket {
    let ticket = keys.sealer().seal_for(PROTOCOL, &claims(), 5, &mut Random::from_seed([2; 32]));
    list.line("master secret", &[1; 32]);
    list.line("server static public key", &ticket.server_key);
    list.line("token key, id 0", &*keys.token_key(0).unwrap());
    list.line("routing id", &ticket.routing_id.to_le_bytes());
    list.line("token secret (psk)", &ticket.psk);
    list.line("sealed token", &ticket.sealed_token);
    ticket
}

fn header(ticket: &ConnectTicket) -> InitHeader {
    InitHeader {
        binding: TokenBinding {
            protocol_id: PROTOCOL,
            key_id: ticket.key_id,
            expires_s: ticket.expires_s,
            routing_id: ticket.routing_id,
        },
        client_nonce: NONCE,
        cookie: None,
        client_id: ClientId::new(&[0xc1, 0xc2]).unwrap(),
    }
}

fn accept_params(list: &mut Listing) -> [u8; 64] {
    let params = AcceptParams {
        connection_id: CONNECTION,
        server_time: Time::from_micros(1_000_000),
        tick_origin: Time::from_micros(500_000),
        tick_ms: 50,
        max_datagram: 1_452,
        idle_100ms: 100,
        ack_delay_ms: 50,
        cipher: 1,
        max_down: 7,
        max_up: 9,
        capabilities: 0,
        lane_map: Lane::MAP,
        reset_token: [0x30; 16],
    };
    let bytes = params.encode();
    assert_eq!(AcceptParams::decode(&bytes), Ok(params));
    list.line("accept parameters", &bytes);
    bytes
}

/// The ephemeral key that a handshake draws from this seed.
fn ephemeral(seed: u8) -> [u8; 32] {
    Random::from_seed(Random::from_seed([seed; 32]).array()).array()
}

/// INIT to ACCEPT; the keys of both directions.
fn handshake(keys: &HostKeys, list: &mut Listing) -> (DirectionKeys, DirectionKeys) {
    let ticket = ticket(keys, list);
    let header = header(&ticket);
    let prologue = header.prologue(&ticket.sealed_token);
    list.line("prologue", &prologue);
    let server = PublicKey(ticket.server_key);
    let mut client = Initiator::new(&server, &ticket.psk, &prologue, &mut Random::from_seed([3; 32])).unwrap();
    list.line("client ephemeral secret", &ephemeral(3));
    let params = ClientParams { ciphers: 1, max_datagram: 1_452, capabilities: 0 };
    list.line("client parameters", &params.encode());
    let mut noise = [0; NOISE_INIT_LEN];
    client.write(&params.encode(), &mut noise).unwrap();
    let mut buffer = [0; 1_452];
    let len = write_init(&header, &ticket, &noise, &mut buffer).unwrap();
    list.line("INIT", &buffer[..len]);

    let init = InitPacket::parse(&buffer[..len]).unwrap();
    assert_eq!(init.header, header);
    assert_eq!(token::open(keys, init.header.binding, init.sealed_token), Some(claims()));
    let mut reply = [0; 200];
    let mut jar = CookieJar::new(MacKey::new(&[4; 32]));
    let at = Time::from_micros(70_000_000);
    let cookie = jar.bake(at, "192.0.2.1:1000".parse().unwrap(), NONCE, &ticket.sealed_token[376..]);
    let len = write_cookie(&header.client_id, NONCE, cookie, at, &mut reply).unwrap();
    list.line("COOKIE", &reply[..len]);
    let again = InitHeader { cookie: Some(cookie), ..header };
    let len = write_init(&again, &ticket, &noise, &mut buffer).unwrap();
    list.line("INIT with the cookie", &buffer[..len]);
    let init = InitPacket::parse(&buffer[..len]).unwrap();
    let len = write_reject(&header.client_id, NONCE, RejectCode::Full, &ticket.psk, &mut reply).unwrap();
    list.line("REJECT full", &reply[..len]);

    list.line("server ephemeral secret", &ephemeral(5));
    let mut random = Random::from_seed([5; 32]);
    let mut server = Responder::new(keys.identity(), &ticket.psk, &prologue, &mut random).unwrap();
    let mut payload = [0; 64];
    let read = server.read(init.noise, &mut payload).unwrap();
    assert_eq!(ClientParams::decode(&payload[..read]), Ok(params));
    let terms = accept_params(list);
    let len = write_accept(&header.client_id, NONCE, |space| server.write(&terms, space), &mut reply).unwrap();
    list.line("ACCEPT", &reply[..len]);
    let (nonce, noise) = read_accept(&mut crate::codec::Reader::new(&reply[3..len])).unwrap();
    assert_eq!(nonce, NONCE);
    let mut read = accept_noise();
    client.read(noise, &mut read).unwrap();
    assert_eq!(read, terms);
    let (keys, same) = (client.packet_keys(PROTOCOL), server.packet_keys(PROTOCOL));
    assert_eq!(keys.to_server.key, same.to_server.key);
    list_keys("", [&keys.to_server, &keys.to_client], list);
    (keys.to_server, keys.to_client)
}

fn list_keys(which: &str, keys: [&DirectionKeys; 2], list: &mut Listing) {
    for (name, direction) in ["to server", "to client"].into_iter().zip(keys) {
        list.line(&format!("{which}key {name}"), &direction.key);
        list.line(&format!("{which}iv {name}"), &direction.iv);
    }
}

fn ends(up: &DirectionKeys, down: &DirectionKeys) -> (Connection, Connection) {
    let terms = Terms { keys: KeyLimits { packets: 1, ..KeyLimits::default() }, ..terms() };
    let (to_server, to_client) = (Header::to_server(CONNECTION), Header::to_client(&[0xc1, 0xc2]));
    let make = |keys, headers, role| {
        let start = Time::from_micros(1_000_000);
        Connection::new(start, keys, headers, role, terms, &mut Random::from_seed([6; 32]))
    };
    (
        make((SealingKey::new(up), OpeningKey::new(down)), (to_server, to_client), Role::Client(InputOut::new())),
        make((SealingKey::new(down), OpeningKey::new(up)), (to_client, to_server), Role::Server(InputIn::default())),
    )
}

/// Opens the datagram and lists it, sealed and open.
fn carry(to: &mut Connection, now: Time, datagram: &mut [u8], name: &str, list: &mut Listing) {
    list.line(&format!("datagram {name}"), datagram);
    let opened = to.open(now, datagram).unwrap();
    list.line(&format!("body {name}"), opened.body);
    to.process(now, &opened, &mut Deaf).unwrap();
}

/// Rows `{name, hex}`.
pub(super) fn vectors() -> Json {
    let mut list = Listing::default();
    let (up, down) = handshake(&HostKeys::from_master(&[1; 32], 7), &mut list);
    let (mut client, mut server) = ends(&up, &down);
    let mut buffer = [0; 1_452];
    let now = Time::from_micros(2_000_000);
    client.request_time(now);
    client.input(now, &[0xa1, 0xa2]).unwrap();
    client.input(now, &[0xb1]).unwrap();
    client.send(now, Lane::Control, b"hello").unwrap();
    let len = client.transmit(now, Extra::None, &mut buffer);
    carry(&mut server, now, &mut buffer[..len], "to server", &mut list);
    let now = now + Duration::from_millis(10);
    server.send(now, Lane::Control, b"welcome").unwrap();
    let mut body = |_, space: &mut [u8]| {
        space[..4].copy_from_slice(b"snap");
        4
    };
    let len = server.transmit(now, Extra::Snapshot(Tick(0x0a0b_0c0d), &mut body), &mut buffer);
    carry(&mut client, now, &mut buffer[..len], "to client", &mut list);
    // The client's key seals one packet only, and the server has acknowledged it: the next one is of the other phase.
    list_keys("second ", [&up.next(), &down.next()], &mut list);
    let now = now + Duration::from_millis(10);
    client.send(now, Lane::Control, b"renewed").unwrap();
    let len = client.transmit(now, Extra::None, &mut buffer);
    assert_eq!(buffer[0], 0x60);
    carry(&mut server, now, &mut buffer[..len], "to server, second key", &mut list);
    list.0.into()
}
