//! Readers take any bytes: what is wrong is said, and nothing panics, even where the checksums are right.

use proptest::prelude::*;

use super::calls::kind;
use super::fields::Fields;
use super::tape::Tape;
use super::{CaptureFault, ClientReplay, End, RecordedClient, RecordedServer, ServerReplay};
use crate::capture::Moment;
use crate::client::{Accepted, ClientHandler};
use crate::connection::CloseReason;
use crate::crypto::{HostKeys, Random};
use crate::lanes::Lane;
use crate::server::ServerConfig;
use crate::sink::DatagramSink;
use crate::time::{Tick, Time};
use crate::token::TokenClaims;

struct Nowhere;

impl DatagramSink for Nowhere {
    fn push(&mut self, _: std::net::SocketAddr, write: &mut dyn FnMut(&mut [u8]) -> usize) -> bool {
        write(&mut [0; 1_472]);
        true
    }
}

impl ClientHandler for Nowhere {
    fn connected(&mut self, _: &Accepted) {}
    fn message(&mut self, _: Lane, _: &[u8]) {}
    fn snapshot(&mut self, _: Tick, _: &[u8]) {}
    fn closed(&mut self, _: CloseReason) {}
}

fn keys() -> HostKeys {
    HostKeys::from_master(&[3; 32], 1)
}

fn small() -> ServerConfig {
    ServerConfig { max_connections: 4, max_half_open: 4, ..ServerConfig::default() }
}

fn server_head() -> Vec<u8> {
    RecordedServer::recorded(small(), &keys(), [1; 32], usize::MAX).take_tape()
}

fn client(most: usize) -> RecordedClient {
    let ticket = keys().sealer().seal(&TokenClaims::default(), 0, &mut Random::from_seed([4; 32]));
    let server = "1.2.3.4:5".parse().unwrap();
    RecordedClient::recorded(ticket, server, &[7], [5; 32], Time::from_micros(1_000), most)
}

/// A record with a right checksum and any body.
fn record(kind: u8, body: &[u8]) -> Vec<u8> {
    let mut tape = Tape::new(End::Server, usize::MAX);
    tape.take();
    tape.record(kind, |out: &mut Fields| out.raw(body));
    tape.take()
}

/// Where the fields of the head begin: behind the file's own head 8, the length, the checksum 4 and the kind 1.
fn head_body(file: &[u8]) -> usize {
    8 + if file[8] < 0x80 { 1 } else { 2 } + 4 + 1
}

fn replay(file: &[u8]) -> Result<super::Summary, super::CaptureError> {
    ServerReplay::new(file, &keys())?.run(&mut |_| {})
}

proptest! {
    #[test]
    fn any_bytes_are_read_to_an_error(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        prop_assert!(replay(&bytes).is_err());
        let mut file = server_head();
        file.extend_from_slice(&bytes);
        let _any = replay(&file);
        let _any = ClientReplay::new(&bytes);
    }

    #[test]
    fn right_checksums_over_any_bodies_do_no_harm(
        calls in proptest::collection::vec((0_u8..17, proptest::collection::vec(any::<u8>(), 0..80)), 0..6),
    ) {
        let (mut server, mut player) = (server_head(), client(usize::MAX).take_tape());
        for (kind, body) in &calls {
            server.extend(record(*kind, body));
            player.extend(record(*kind, body));
        }
        for file in [&server, &player] {
            let result = replay(file).map(|_| ());
            if let Err(error) = result {
                prop_assert!(error.offset <= file.len() as u64);
            }
            if let Ok(mut replay) = ClientReplay::new(file) {
                let _any = replay.run(&mut |_| {});
            }
        }
    }

    #[test]
    fn a_head_with_any_fields_does_no_harm(at in 0_usize..150, value in any::<u8>()) {
        let head = server_head();
        let mut body = head[head_body(&head)..].to_vec();
        prop_assume!(at < body.len());
        body[at] = value;
        let mut file = head[..8].to_vec();
        file.extend(record(kind::HEAD, &body));
        let _any = ServerReplay::new(&file, &keys()).map(|mut replay| replay.run(&mut |_| {}));
    }
}

#[test]
fn a_tape_that_nobody_carries_away_ends_and_the_endpoint_goes_on() {
    let mut player = client(2_000);
    let mut now = Time::from_micros(2_000);
    for _ in 0..100 {
        player.receive(now, &mut [1; 100], &mut Nowhere);
        player.poll_transmit(now, &mut Nowhere);
        now = Time::from_micros(now.as_micros() + 50_000);
    }
    player.finish_tape();
    let file = player.take_tape();
    assert!(file.len() < 2_200 && player.stats().datagrams_in == 100);
    let summary = ClientReplay::new(&file).unwrap().run(&mut |_| {}).unwrap();
    assert!(summary.overrun && !summary.finished && summary.calls > 10, "{summary:?}");
}

#[test]
fn pieces_make_the_file_and_each_call_is_shown() {
    let mut player = client(usize::MAX);
    let mut file = player.take_tape();
    player.poll_transmit(Time::from_micros(3_000), &mut Nowhere);
    file.extend(player.take_tape());
    let _not_open = player.send(Lane::Social, b"hello");
    player.finish_tape();
    file.extend(player.take_tape());
    let mut seen = Vec::new();
    let summary = ClientReplay::new(&file).unwrap().run(&mut |moment| {
        seen.push(match moment {
            Moment::ClientCall(_, call) => format!("{call:?}"),
            Moment::Datagram(to, bytes) => format!("{to} {}", bytes.len()),
            Moment::Checkpoint(_) => "check".to_owned(),
            Moment::ServerCall(..) => "server".to_owned(),
        });
    });
    let poll = "PollTransmit { now: Time(3000), refused: [] }";
    let send = "Send { lane: Social, bytes: [104, 101, 108, 108, 111] }";
    assert_eq!(seen, [poll, "1.2.3.4:5 1200", send, "check"]);
    let summary = summary.unwrap();
    assert_eq!((summary.calls, summary.datagrams, summary.finished), (2, 1, true));
}

#[test]
fn heads_are_told_apart() {
    let file = server_head();
    let fault = |file: &[u8]| ServerReplay::new(file, &keys()).unwrap_err();
    let mut other = file.clone();
    other[5] = 9;
    assert_eq!(fault(&other).fault, CaptureFault::Format(9));
    assert_eq!(fault(&client(usize::MAX).take_tape()).fault, CaptureFault::OtherEnd);
    assert_eq!(fault(b"MUCAPX").fault, CaptureFault::NoCapture);
    assert_eq!(fault(&file[..8]).fault, CaptureFault::CutOff);
    let mut head = file[head_body(&file)..].to_vec();
    head[0] ^= 1;
    let mut other = file[..8].to_vec();
    other.extend(record(kind::HEAD, &head));
    assert!(matches!(fault(&other).fault, CaptureFault::OtherProtocol(_)));
    assert_eq!(fault(&file[..30]).to_string(), "capture, byte 8: the file ends inside the record");
}
