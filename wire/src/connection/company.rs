//! What leaves together, what leaves first and what still leaves at the end, with all lanes of a connection.

use std::time::Duration;

use super::pair::pair;
use super::{CloseCode, Connection, Events, Extra, KeyLimits, closing_text};
use crate::lanes::Lane;
use crate::packet::MAX_RELIABLE;
use crate::time::{Tick, Time};

const MESSAGE_LANES: [Lane; 6] =
    [Lane::Control, Lane::Value, Lane::Social, Lane::Unordered, Lane::Effects, Lane::Position];

/// What one end heard.
#[derive(Default)]
struct Heard {
    messages: Vec<(Lane, Vec<u8>)>,
    snapshots: usize,
    closed: Option<CloseCode>,
}

impl Events for Heard {
    fn message(&mut self, lane: Lane, bytes: &[u8]) {
        self.messages.push((lane, bytes.to_vec()));
    }

    fn snapshot(&mut self, _: Tick, _: &[u8]) {
        self.snapshots += 1;
    }
}

impl Heard {
    fn take(&mut self, to: &mut Connection, now: Time, datagram: &mut [u8]) {
        let opened = to.open(now, datagram).expect("authentic");
        let closed = to.process(now, &opened, self).expect("correct");
        self.closed = self.closed.or(closed.map(|(code, _)| code));
    }
}

fn at(ms: u64) -> Time {
    Time::from_micros(1_000_000) + Duration::from_millis(ms)
}

/// A datagram of one end for the other; false if there was none.
fn carry(from: &mut Connection, to: &mut Connection, now: Time, extra: Extra<'_>, heard: &mut Heard) -> bool {
    let mut buffer = [0; 1_452];
    let len = from.transmit(now, extra, &mut buffer);
    if len > 0 {
        heard.take(to, now, &mut buffer[..len]);
    }
    len > 0
}

#[test]
fn everything_of_a_tick_leaves_in_one_datagram() {
    let (mut client, mut server) = pair(at(0), 1, KeyLimits::default());
    for lane in MESSAGE_LANES.into_iter().rev() {
        server.send(at(0), lane, &[lane.number(); 80]).unwrap();
    }
    let mut heard = Heard::default();
    assert!(carry(&mut server, &mut client, at(0), Extra::Snapshot(Tick(1), &mut |_, _| 200), &mut heard));
    assert_eq!(heard.messages, MESSAGE_LANES.map(|lane| (lane, vec![lane.number(); 80])), "in the order of the lanes");
    assert_eq!(heard.snapshots, 1);
    assert!(!server.is_due(at(0)));
}

#[test]
fn long_messages_do_not_keep_snapshots_from_leaving() {
    let (mut client, mut server) = pair(at(0), 2, KeyLimits::default());
    let mut heard = Heard::default();
    for tick in 0..10_u32 {
        let now = at(50 * u64::from(tick));
        if tick == 0 {
            server.send(now, Lane::Value, &[7; MAX_RELIABLE]).unwrap();
        }
        carry(
            &mut server,
            &mut client,
            now,
            Extra::Snapshot(Tick(tick), &mut |_, space| space.len().min(150)),
            &mut heard,
        );
        // It rides with the first fragments and does not wait for the last; later ones wait for the budget only.
        assert!(tick > 0 || (heard.snapshots == 1 && heard.messages.is_empty()));
        while server.is_due(now) && carry(&mut server, &mut client, now, Extra::None, &mut heard) {}
        carry(&mut client, &mut server, now + Duration::from_millis(20), Extra::None, &mut Heard::default());
    }
    assert_eq!(heard.messages, [(Lane::Value, vec![7; MAX_RELIABLE])]);
    assert!(heard.snapshots >= 7, "{}", heard.snapshots);
}

#[test]
fn what_became_useless_wakes_nobody() {
    let (_, mut server) = pair(at(0), 3, KeyLimits::default());
    server.send(at(0), Lane::Effects, b"a flash").unwrap();
    assert!(server.is_due(at(0)));
    let mut buffer = [0; 1_452];
    assert_eq!(server.transmit(at(150), Extra::None, &mut buffer), 0, "too late");
    assert!(!server.is_due(at(150)), "it would be asked for ever");
    assert_eq!(server.take_dropped(), 1);
}

/// The first packets of the goodbye are lost: all of it is said again with the next CLOSE.
#[test]
fn last_words_on_every_lane_arrive_though_packets_are_lost() {
    let (mut client, mut server) = pair(at(0), 4, KeyLimits::default());
    for lane in [Lane::Control, Lane::Value, Lane::Social, Lane::Unordered] {
        for number in 0..3 {
            server.send(at(0), lane, &[number; 1_000]).unwrap();
        }
    }
    let (mut heard, text) = (Heard::default(), closing_text("so long"));
    let mut buffer = [0; 1_452];
    let mut rounds = 0;
    while !server.has_said_goodbye() {
        assert!(server.transmit(at(1), Extra::Close(CloseCode::KICKED, &text), &mut buffer) > 0);
        rounds += 1;
    }
    assert!((10..16).contains(&rounds), "{rounds} packets");
    assert!(carry(&mut server, &mut client, at(101), Extra::Close(CloseCode::KICKED, &text), &mut heard));
    while !server.has_said_goodbye() {
        assert_eq!(heard.closed, None, "not before the last word");
        assert!(carry(&mut server, &mut client, at(101), Extra::Close(CloseCode::KICKED, &text), &mut heard));
    }
    assert_eq!(heard.closed, Some(CloseCode::KICKED));
    assert_eq!(heard.messages.len(), 12);
}
