//! What reaches an end before anything is proven: INIT and its answers, tokens, datagrams of any kind.

use std::cell::RefCell;
use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::OnceLock;
use std::time::Duration;

use super::data::Data;
use crate::codec::{Reader, Writer};
use crate::handshake::{Cookie, InitPacket, read_accept, read_cookie, read_reject, write_init};
use crate::token::{self, ConnectTicket, TokenBinding};
use crate::{
    Admission, CloseReason, ConnId, CookieMode, DatagramSink, HostKeys, Lane, Random, Server, ServerConfig,
    ServerHandler, Tick, Time, TokenClaims,
};

const INIT_LEN: usize = 1200;
const UNIX: u64 = 1_800_000_000;

/// An INIT that is well formed is written back byte for byte.
pub(super) fn init(bytes: &[u8]) {
    let mut datagram = [0; INIT_LEN];
    for (to, from) in datagram.iter_mut().zip(bytes) {
        *to = *from;
    }
    datagram[0] = 0x91;
    let Some(packet) = InitPacket::parse(&datagram) else {
        return;
    };
    let ticket = ConnectTicket {
        routing_id: packet.header.binding.routing_id,
        key_id: packet.header.binding.key_id,
        expires_s: packet.header.binding.expires_s,
        sealed_token: *packet.sealed_token,
        psk: [0; 32],
        server_key: [0; 32],
    };
    let noise = packet.noise.first_chunk().expect("its length is fixed");
    let mut again = [0; INIT_LEN];
    assert_eq!(write_init(&packet.header, &ticket, noise, &mut again), Ok(INIT_LEN));
    assert_eq!(again, datagram);
    assert_eq!(packet.header.prologue(packet.sealed_token).len(), 67);
}

pub(super) fn answers(bytes: &[u8]) {
    if let Ok((_, cookie)) = read_cookie(&mut Reader::new(bytes)) {
        let (epoch, code) = Cookie::fields(Some(cookie));
        assert_ne!(epoch, 0, "0 says that there is none");
        assert!(matches!(Cookie::from_fields(epoch, code), Ok(Some(_))));
    }
    if let Ok((_, noise)) = read_accept(&mut Reader::new(bytes)) {
        assert_eq!(noise.len(), 112);
    }
    // Nobody can make this code without the key.
    assert!(read_reject(&mut Reader::new(bytes), &[0x5a; 32]).is_err());
}

/// A token that this host did not seal never opens.
pub(super) fn token(bytes: &[u8]) {
    let mut data = Data::new(bytes);
    let binding =
        TokenBinding { protocol_id: data.u32(), key_id: data.u8(), expires_s: data.u64(), routing_id: data.u64() };
    assert!(token::open(keys(), binding, &data.array()).is_none());
}

/// What stands in a token, as the login service could have written it.
pub(super) fn claims(bytes: &[u8]) {
    let mut reader = Reader::new(bytes);
    if let Ok(Some(claims)) = token::decode(&mut reader) {
        let mut again = [0; token::PLAIN_LEN];
        token::encode(&claims, &mut Writer::new(&mut again)).expect("the layout has this length");
        assert_eq!(Some(&again[..]), bytes.get(..bytes.len() - reader.remaining()));
    }
}

struct Nobody;

impl ServerHandler for Nobody {
    fn incoming(&mut self, _: &TokenClaims) -> Admission {
        unreachable!("nobody has a token")
    }
    fn connected(&mut self, _: ConnId, _: &TokenClaims) {
        unreachable!("nobody has a token")
    }
    fn message(&mut self, _: ConnId, _: Lane, _: &[u8]) {}
    fn input(&mut self, _: ConnId, _: u32, _: &[u8]) {}
    fn snapshot_delivered(&mut self, _: ConnId, _: u64) {}
    fn snapshot_lost(&mut self, _: ConnId, _: u64) {}
    fn closed(&mut self, _: ConnId, _: CloseReason) {}
}

/// Counts bytes.
#[derive(Default)]
struct Scale(usize);

impl DatagramSink for Scale {
    fn push(&mut self, _: SocketAddr, write: &mut dyn FnMut(&mut [u8]) -> usize) -> bool {
        let mut buffer = [0; 1452];
        self.0 += write(&mut buffer);
        true
    }
}

pub(super) fn keys() -> &'static HostKeys {
    static KEYS: OnceLock<HostKeys> = OnceLock::new();
    KEYS.get_or_init(|| HostKeys::from_master(&[0xa5; 32], 1))
}

thread_local! {
    /// One endpoint for each kind of its settings: making one costs as much as many datagrams. Its time goes on from
    /// input to input; nothing else of one is left to the next, because nobody gets in.
    static SERVERS: RefCell<HashMap<(u8, bool), (Server, Time)>> = RefCell::default();
}

/// Datagrams of strangers: no connection comes to be, and what leaves is at most a part of what came.
pub(super) fn server(bytes: &[u8]) {
    let mut data = Data::new(bytes);
    let (mode, exchanges) = (data.u8() % 3, data.u8() & 7 == 7);
    SERVERS.with_borrow_mut(|servers| {
        let (server, now) =
            servers.entry((mode, exchanges)).or_insert_with(|| (endpoint(mode, exchanges), Time::from_micros(1)));
        // A second later, so that no input finds the rates used up.
        *now += Duration::from_secs(1);
        annoy(server, now, &mut data);
    });
}

fn endpoint(mode: u8, exchanges: bool) -> Server {
    let cookie = [CookieMode::Never, CookieMode::UnderLoad, CookieMode::Always][usize::from(mode)];
    let mut config = ServerConfig { max_connections: 4, max_half_open: 2, cookie, ..ServerConfig::default() };
    config.limits.replay_log = 16;
    // A key exchange costs as much as a thousand other datagrams: one input in eight may cause two.
    config.limits.handshakes_per_s = if exchanges { 20 } else { 0 };
    Server::new(config, keys(), [1; 32])
}

fn annoy(server: &mut Server, now: &mut Time, data: &mut Data<'_>) {
    static GENUINE: OnceLock<[u8; INIT_LEN]> = OnceLock::new();
    let genuine = GENUINE.get_or_init(|| genuine(keys()));
    while !data.is_empty() {
        let kind = data.u8();
        *now += Duration::from_micros(data.u16().into());
        let from = SocketAddr::from(([10, 0, 0, kind >> 4], 1000));
        let mut datagram = if kind & 1 == 0 { data.part().to_vec() } else { genuine.to_vec() };
        if kind & 1 == 1 {
            // A real INIT with a part of it overwritten.
            let at = usize::from(data.u16()) % INIT_LEN;
            let patch = data.part();
            datagram.iter_mut().skip(at).zip(patch).for_each(|(to, from)| *to = *from);
        }
        let (came, init, mut scale) = (datagram.len(), datagram.first() == Some(&0x91), Scale::default());
        server.receive(*now, UNIX, from, &mut datagram, &mut Nobody, &mut scale);
        server.handle_timeouts(*now, &mut Nobody);
        server.transmit_due(*now, &mut scale);
        assert_eq!(server.connections(), 0);
        let most = if init { came * 11 / 100 } else { came.saturating_sub(1) };
        assert!(scale.0 <= most, "{} bytes answer {came}", scale.0);
    }
    let nobody = ConnId { slot: 0, generation: 0 };
    assert!(!server.transmit(*now, nobody, Tick(0), &mut |_, _| 0, &mut Scale::default()));
}

/// A well-formed INIT with a real token and a routing id, whose handshake message is none.
fn genuine(keys: &HostKeys) -> [u8; INIT_LEN] {
    let claims = TokenClaims { expires_s: UNIX + 20, ..TokenClaims::default() };
    let ticket = keys.sealer().seal(&claims, 0, &mut Random::from_seed([2; 32]));
    let mut init = [0; INIT_LEN];
    let mut writer = Writer::new(&mut init);
    let written = writer
        .u8(0x91)
        .and_then(|()| writer.u32(crate::protocol_id()))
        .and_then(|()| writer.u64(ticket.routing_id))
        .and_then(|()| writer.u64(7))
        .and_then(|()| writer.bytes(&[0; 17]))
        .and_then(|()| writer.u8(ticket.key_id))
        .and_then(|()| writer.u64(ticket.expires_s))
        .and_then(|()| writer.bytes(&ticket.sealed_token));
    assert!(written.is_ok());
    init
}
