//! How long an acknowledgement may wait: what is kept until then asks for it soon, a snapshot alone does not.

use std::time::Duration;

use super::pair::{opened, pair};
use super::{Connection, Events, Extra, KeyLimits};
use crate::lanes::Lane;
use crate::time::{Tick, Time};

struct Deaf;

impl Events for Deaf {
    fn message(&mut self, _: Lane, _: &[u8]) {}
}

fn at(ms: u64) -> Time {
    Time::from_micros(1_000_000) + Duration::from_millis(ms)
}

/// A datagram of one end, which the other takes if there is another.
fn carry(from: &mut Connection, to: Option<&mut Connection>, now: Time, extra: Extra<'_>) {
    let mut buffer = [0; 1_452];
    let len = from.transmit(now, extra, &mut buffer);
    assert!(len > 0, "there is something to send");
    if let Some(to) = to {
        let opened = to.open(now, &mut buffer[..len]).expect("authentic");
        to.process(now, &opened, &mut Deaf).expect("correct");
    }
}

fn snapshot(server: &mut Connection, client: Option<&mut Connection>, ms: u64) {
    carry(server, client, at(ms), Extra::Snapshot(Tick(1), &mut |_, _| 100));
}

fn due(connection: &Connection) -> Duration {
    connection.waits().send.since(at(0))
}

/// protocol.md 8.5.
#[test]
fn a_snapshot_waits_four_times_as_long_unless_something_with_it_asks() {
    const SNAP: [u8; 6] = [0x11, 1, 0, 0, 0, 9];
    let alone = Duration::from_millis(200);
    let cases: [(&[u8], Duration); 6] = [
        (&[], alone),
        (&[0x34, 1, 7], alone),
        (&[0x35, 0, 0, 1, 7], alone),
        (&[0x08, 0, 0, 1, 0, 0, 0, 0, 0], alone),
        (&[0x02], Duration::from_millis(50)),
        (&[0x21, 0, 0, 1, 7], Duration::from_millis(50)),
    ];
    for (before, wait) in cases {
        let (mut client, _) = pair(at(0), 1, KeyLimits::default());
        let body = [&[0], before, &SNAP].concat();
        client.process(at(0), &opened(0, &body), &mut Deaf).expect("correct");
        assert_eq!(due(&client), wait, "behind {before:02x?}");
    }
    let (mut client, _) = pair(at(0), 1, KeyLimits::default());
    client.process(at(0), &opened(0, &[0, 0x34, 1, 7]), &mut Deaf).expect("correct");
    assert_eq!(due(&client), Duration::from_millis(50), "no snapshot, so no next one soon");
}

/// protocol.md 8.5, 8.7.
#[test]
fn a_server_asks_for_it_soon_until_it_knows_the_round_trip_and_when_packets_are_lost() {
    let (mut client, mut server) = pair(at(0), 2, KeyLimits::default());
    let answer =
        |client: &mut Connection, server: &mut Connection, ms| carry(client, Some(server), at(ms), Extra::None);
    snapshot(&mut server, Some(&mut client), 0);
    assert_eq!(due(&client), Duration::from_millis(50), "no sample yet");
    answer(&mut client, &mut server, 50);
    snapshot(&mut server, Some(&mut client), 100);
    assert_eq!(due(&client), Duration::from_millis(300));
    snapshot(&mut server, None, 150);
    snapshot(&mut server, Some(&mut client), 200);
    assert_eq!(due(&client), Duration::from_millis(200), "a gap is told at once");
    answer(&mut client, &mut server, 210);
    server.timeout(at(240), &mut Deaf);
    snapshot(&mut server, Some(&mut client), 250);
    assert_eq!(due(&client), Duration::from_millis(300), "one was lost a moment ago");
}

/// protocol.md 8.8.
#[test]
fn a_delay_that_cannot_be_said_gives_no_sample() {
    for (delay, trip) in [(255, None), (254, Some(Duration::from_micros(300_000 - 254 * 250)))] {
        let (_, mut server) = pair(at(0), 3, KeyLimits::default());
        snapshot(&mut server, None, 0);
        server.process(at(300), &opened(0, &[0b11, 0, 0, delay]), &mut Deaf).expect("correct");
        assert_eq!(server.rtt(), trip, "{delay}");
        assert_eq!(server.waits().wake, at(300) + super::KEEP_ALIVE.saturating_sub(Duration::from_millis(300)));
    }
}

/// protocol.md 8.9.
#[test]
fn a_probe_waits_for_the_acknowledgement_that_may_wait() {
    let probe = |message: bool| {
        let (_, mut server) = pair(at(0), 4, KeyLimits::default());
        if message {
            server.send(at(0), Lane::Value, b"kept").expect("there is room");
        }
        snapshot(&mut server, None, 0);
        server.recovery.deadline().expect("one is on its way").since(at(0))
    };
    assert_eq!(probe(false) - probe(true), Duration::from_millis(150));
}
