//! The last packet of a sender is lost, and nothing follows that would show it: a probe brings its content again, and sooner than
//! the packets that keep a quiet connection alive.

use std::time::Duration;

use super::pair::pair;
use super::{Connection, Events, Extra, KEEP_ALIVE, KeyLimits};
use crate::lanes::Lane;
use crate::time::Time;

#[derive(Default)]
struct Heard(Vec<Vec<u8>>);

impl Events for Heard {
    fn message(&mut self, _: Lane, bytes: &[u8]) {
        self.0.push(bytes.to_vec());
    }
}

fn at(ms: u64) -> Time {
    Time::from_micros(1_000_000) + Duration::from_millis(ms)
}

fn transmit(from: &mut Connection, now: Time) -> Option<Vec<u8>> {
    let mut buffer = [0; 1_452];
    let len = from.transmit(now, Extra::None, &mut buffer);
    (len > 0).then(|| buffer[..len].to_vec())
}

fn take(to: &mut Connection, now: Time, mut datagram: Vec<u8>, heard: &mut Heard) {
    let opened = to.open(now, &mut datagram).expect("authentic");
    to.process(now, &opened, heard).expect("correct");
}

/// A client and a server whose round trip is known to be 10 ms, with nothing on its way.
fn acquainted() -> (Connection, Connection, u64) {
    let (mut client, mut server) = pair(at(0), 1, KeyLimits::default());
    let mut heard = Heard::default();
    let mut ms = 0;
    for _ in 0..60 {
        client.send(at(ms), Lane::Control, b"hello").unwrap();
        let up = transmit(&mut client, at(ms)).expect("a message waits");
        take(&mut server, at(ms + 5), up, &mut heard);
        // A control message is answered at once.
        let down = transmit(&mut server, at(ms + 5)).expect("an acknowledgement waits");
        take(&mut client, at(ms + 10), down, &mut heard);
        ms += 20;
    }
    assert_eq!(heard.0.len(), 60);
    (client, server, ms)
}

/// Moves on from timer to timer and loses what leaves before `until`; when each datagram left.
fn lose(client: &mut Connection, from: u64, until: u64) -> Vec<u64> {
    let mut left = Vec::new();
    for ms in from..until {
        client.timeout(at(ms), &mut Heard::default());
        while client.is_due(at(ms)) && transmit(client, at(ms)).is_some() {
            left.push(ms);
        }
    }
    left
}

/// protocol.md 8.9.
#[test]
fn a_lost_tail_comes_again_after_a_probe_timeout() {
    let (mut client, mut server, sent) = acquainted();
    let timeout = client.probe_timeout();
    assert!(timeout < KEEP_ALIVE / 4, "{timeout:?}: the round trip is known");
    client.send(at(sent), Lane::Control, b"the last").unwrap();
    assert!(transmit(&mut client, at(sent)).is_some(), "it leaves, and is lost");
    let mut now = sent;
    let probe = loop {
        now += 1;
        assert!(at(now) <= at(sent) + timeout + Duration::from_millis(2), "nothing left within {timeout:?}");
        client.timeout(at(now), &mut Heard::default());
        if client.is_due(at(now))
            && let Some(datagram) = transmit(&mut client, at(now))
        {
            break datagram;
        }
    };
    let mut heard = Heard::default();
    take(&mut server, at(now + 5), probe, &mut heard);
    assert_eq!(heard.0, [b"the last".to_vec()]);
}

/// protocol.md 8.9.
#[test]
fn probes_that_are_not_answered_slow_down() {
    let (mut client, _, sent) = acquainted();
    client.send(at(sent), Lane::Control, b"the last").unwrap();
    assert!(transmit(&mut client, at(sent)).is_some());
    let left = lose(&mut client, sent + 1, sent + 900);
    assert!(left.len() >= 4, "{left:?}");
    let gaps: Vec<u64> = left.windows(2).map(|pair| pair[1] - pair[0]).collect();
    for pair in gaps.windows(2) {
        assert!(pair[1] * 2 >= pair[0] * 3 - 4, "each waits half as long again: {gaps:?}");
    }
}
