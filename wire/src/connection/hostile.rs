//! What an authentic peer could send: the parsers behind the cipher, which no outsider reaches.
//!
//! Bodies of real packets are cut and changed, and frames are put together at random; then they are sealed as the peer would.

mod blocks;
mod lanes;

use std::time::Duration;

use proptest::prelude::*;

use super::pair::{DOWN, UP, down, forge, pair, up};
use super::{CloseCode, Connection, Events, Extra, KeyLimits, Violation, closing_text};
use crate::codec::low16;
use crate::crypto::Random;
use crate::lanes::Lane;
use crate::packet::Header;
use crate::time::{Tick, Time};

const CHANGES: u64 = 100_000;

const MESSAGE_LANES: [Lane; 6] =
    [Lane::Control, Lane::Value, Lane::Social, Lane::Unordered, Lane::Effects, Lane::Position];

struct Deaf;

impl Events for Deaf {
    fn message(&mut self, _: Lane, _: &[u8]) {}
}

fn at(ms: u64) -> Time {
    Time::from_micros(1_000_000) + Duration::from_millis(ms)
}

/// Takes in a datagram; true if it was authentic and correct.
fn take(to: &mut Connection, now: Time, datagram: &mut [u8]) -> Result<(), Violation> {
    let opened = to.open(now, datagram).expect("the packet is authentic");
    to.process(now, &opened, &mut Deaf).map(|_| ())
}

/// Two ends that have talked, and the body of a packet of each with every kind of frame its side may send.
fn talked(seed: u8) -> (Connection, Connection, Vec<u8>, Vec<u8>) {
    let (mut client, mut server) = pair(at(0), seed, KeyLimits::default());
    let mut buffer = [0; 1452];
    for round in 0..60 {
        let now = at(round * 10);
        client.input(now, &[1, 2, 3]).unwrap_or_default();
        for lane in MESSAGE_LANES {
            client.send(now, lane, b"up").unwrap();
            server.send(now, lane, b"down").unwrap();
        }
        let len = client.transmit(now, Extra::None, &mut buffer);
        // Every fourth is lost, so that acknowledgements have gaps.
        if round % 4 != 0 {
            take(&mut server, now, &mut buffer[..len]).unwrap();
        }
        let len = server.transmit(now, Extra::Snapshot(Tick(1), &mut |_, _| 9), &mut buffer);
        if round % 5 != 0 {
            take(&mut client, now, &mut buffer[..len]).unwrap();
        }
    }
    let now = at(600);
    client.request_time(now);
    let mut body = |from: &mut Connection, to: &mut Connection, extra: Extra<'_>| {
        let len = from.transmit(now, extra, &mut buffer);
        let opened = to.open(now, &mut buffer[..len]).expect("authentic");
        opened.body.to_vec()
    };
    for lane in MESSAGE_LANES {
        client.send(now, lane, &[5; 60]).unwrap();
        server.send(now, lane, &[6; 60]).unwrap();
    }
    client.send(now, Lane::Control, &[5; 1_200]).unwrap();
    let up = body(&mut client, &mut server, Extra::None);
    let down = body(&mut server, &mut client, Extra::Snapshot(Tick(9), &mut |_, _| 50));
    (client, server, up, down)
}

/// Numbers are ahead of all that was really sent.
const AHEAD: u64 = 200;

#[test]
fn cut_and_changed_bodies_never_panic() {
    let mut random = Random::from_seed([1; 32]);
    let (mut client, mut server, upward, downward) = talked(1);
    let (mut number, mut violations, mut correct) = (AHEAD, 0, 0);
    for round in 0..CHANGES {
        let mut verdict = |to: &mut Connection, header: &Header, key, original: &[u8]| {
            let mut body = original.to_vec();
            let cut = usize::try_from(round).expect("small");
            if cut < body.len() {
                body.truncate(cut.max(1));
            } else {
                for _ in 0..=random.u64() % 3 {
                    let index = usize::try_from(random.u64() % body.len() as u64).expect("small");
                    body[index] = random.array::<1>()[0];
                }
            }
            take(to, at(700 + round), &mut forge(header, key, number, &body))
        };
        let results = [verdict(&mut server, &up(), UP, &upward), verdict(&mut client, &down(), DOWN, &downward)];
        number += 1;
        correct += results.iter().filter(|result| result.is_ok()).count();
        if results.iter().any(Result::is_err) {
            violations += 1;
            (client, server, ..) = talked(1);
            number = AHEAD;
        }
    }
    assert!(violations > 10_000 && correct > 10_000, "{violations} violations, {correct} correct");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4_000))]
    #[test]
    fn random_frames_never_panic(
        frames in prop::collection::vec(
            (prop_oneof![0_u8..=0x12, 0x20_u8..=0x23, 0x34_u8..=0x35, Just(0x40), 0x50_u8..=0x53, any::<u8>()], prop::collection::vec(any::<u8>(), 0..40)), 0..12),
        control in prop_oneof![Just(0_u8), Just(1), any::<u8>()],
    ) {
        let (mut client, mut server, ..) = talked(2);
        let mut body = vec![control, 3, 0];
        for (id, bytes) in frames {
            body.push(id);
            body.extend(bytes);
        }
        let _ = take(&mut server, at(700), &mut forge(&up(), UP, AHEAD, &body));
        let _ = take(&mut client, at(700), &mut forge(&down(), DOWN, AHEAD, &body));
    }
}

/// What the server says to a client's body.
fn verdict(body: &[u8]) -> Result<(), Violation> {
    let (_, mut server, ..) = talked(3);
    take(&mut server, at(700), &mut forge(&up(), UP, AHEAD, body))
}

/// protocol.md 7.2, 7.4.
#[test]
fn each_violation_is_named() {
    assert_eq!(verdict(&[0]), Ok(()));
    assert_eq!(verdict(&[0, 2]), Ok(()), "PING");
    assert_eq!(verdict(&[0, 0, 0, 0]), Ok(()), "PAD");
    assert_eq!(verdict(&[0, 0, 0, 1]), Err(Violation::Malformed), "PAD that is not zero");
    assert_eq!(verdict(&[0x80]), Err(Violation::Malformed), "prelude");
    for reserved in [0x05, 0x06, 0x0a, 0x24, 0x26, 0x2f, 0x30, 0x36, 0x3f, 0x41, 0x54, 0xff] {
        assert_eq!(verdict(&[0, reserved]), Err(Violation::UnknownFrame), "{reserved:#x}");
    }
    assert_eq!(verdict(&[0, 0x11, 1, 0, 0, 0, 9]), Err(Violation::UnexpectedFrame), "SNAP from a client");
    let mut answer = vec![0, 0x09, 1];
    answer.extend([0; 24]);
    assert_eq!(verdict(&answer), Err(Violation::UnexpectedFrame), "an answer nobody may give to the server");
    assert_eq!(verdict(&[1, 0xff, 0x7f]), Err(Violation::AckOfUnsent));
    assert_eq!(verdict(&[0, 0x20, 0xff, 0x7f, 0]), Err(Violation::LaneOverrun), "far beyond the window");
    assert_eq!(verdict(&[0, 0x10, 0xff, 0, 0, 0, 1, 0]), Err(Violation::LaneOverrun), "inputs with a gap");
    assert_eq!(verdict(&[0, 0x10, 0, 0, 0, 0, 17]), Err(Violation::Malformed), "too many inputs");
    assert_eq!(verdict(&[0, 0x01, 1, 0, 1]), Err(Violation::Malformed), "ranges without an acknowledgement");
    assert_eq!(verdict(&[0, 0x07, 5, 0, 1, 0xff]), Err(Violation::Malformed), "a text that is none");
}

/// protocol.md 6.4.
#[test]
fn acknowledging_what_was_left_out_is_noticed() {
    let (mut client, mut server) = pair(at(0), 4, KeyLimits::default());
    let mut buffer = [0; 1452];
    for round in 0..70 {
        let len = server.transmit(at(round * 50), Extra::Snapshot(Tick(1), &mut |_, _| 9), &mut buffer);
        take(&mut client, at(round * 50), &mut buffer[..len]).unwrap();
        let len = client.transmit(at(round * 50), Extra::None, &mut buffer);
        if len > 0 {
            take(&mut server, at(round * 50), &mut buffer[..len]).unwrap();
        }
    }
    let next = server.recovery.next_number();
    assert!(next > 70, "at least one number in 64 is left out");
    // A peer that claims to have everything, whatever came.
    let body = [&[0b1][..], &low16(next - 1).to_le_bytes()].concat();
    let mut everything = body.clone();
    everything.extend([0x01, 1, 0, 37]);
    let result = take(&mut server, at(9_000), &mut forge(&up(), UP, AHEAD, &everything));
    assert_eq!(result, Err(Violation::AckOfSkipped));
}

/// protocol.md 8.29.
#[test]
fn a_goodbye_carries_the_last_messages() {
    let (mut client, mut server) = pair(at(0), 5, KeyLimits::default());
    server.send(at(0), Lane::Control, b"last words").unwrap();
    let mut buffer = [0; 1452];
    let text = closing_text("because");
    let len = server.transmit(at(0), Extra::Close(CloseCode::KICKED, &text), &mut buffer);
    let mut heard = Heard::default();
    let opened = client.open(at(1), &mut buffer[..len]).unwrap();
    let closed = client.process(at(1), &opened, &mut heard).unwrap();
    assert_eq!(heard.0, [b"last words"]);
    assert_eq!(closed, Some((CloseCode::KICKED, text)));
}

#[derive(Default)]
struct Heard(Vec<Vec<u8>>);

impl Events for Heard {
    fn message(&mut self, _: Lane, bytes: &[u8]) {
        self.0.push(bytes.to_vec());
    }
}
