//! Where a client is: the address its datagrams go to, and the one it may have moved to.
//!
//! ```text
//! a packet from elsewhere → opens, and is the newest? → challenge to it, three times ─┐
//!        │ the old address stays in use                                               │
//!        ◀──────────── the response comes from there: datagrams go there from now on ─┘
//! ```
//!
//! Packets from elsewhere have a rate of their own, so that nobody uses up the real client's; those that cannot be the
//! connection's next are dropped before they count. An address that has not answered gets challenges only, at most three
//! bytes for each that came from it.

use std::net::SocketAddr;
use std::time::Duration;

use super::limits::{Bucket, Rate};
use super::slots::Occupant;
use super::stats::ServerStats;
use crate::connection::PathData;
use crate::crypto::Random;
use crate::sink::DatagramSink;
use crate::time::Time;

/// Challenges to one address.
const TRIES: u8 = 3;
/// Bytes to an address that has not answered, for each that came from it.
const CREDIT: usize = 3;
/// Longest datagram with a challenge: own id, prelude, frame and tag.
const CHALLENGE_MAX: usize = 7 + 8 + 9 + 16;
/// Bounds of the time between two challenges.
const INTERVAL: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(1));

/// What a connection's address may become.
#[derive(Debug, Default)]
pub(super) struct Path {
    stale: Bucket,
    /// No move before.
    rests_until: Time,
    probing: Option<Probing>,
}

/// An address that has to prove itself.
#[derive(Debug)]
struct Probing {
    address: SocketAddr,
    data: PathData,
    bucket: Bucket,
    left: u8,
    next: Time,
    /// Bytes it may still be sent.
    credit: usize,
}

impl Path {
    /// Whether a datagram from elsewhere is looked at: at the connection's rate from the address that is being asked, at the
    /// `stale` one from all others together.
    pub(super) fn admits(&mut self, now: Time, from: SocketAddr, stale: Rate, own: Rate) -> bool {
        match &mut self.probing {
            Some(probing) if probing.address == from => probing.bucket.take(now, own),
            _ => self.stale.take(now, stale),
        }
    }

    /// An authentic packet of `len` bytes came from elsewhere.
    pub(super) fn seen_elsewhere(
        &mut self,
        now: Time,
        from: SocketAddr,
        newest: bool,
        len: usize,
        random: &mut Random,
    ) {
        match &mut self.probing {
            Some(probing) if probing.address == from => {
                probing.credit = probing.credit.saturating_add(len.saturating_mul(CREDIT));
            }
            _ if newest && self.rests_until <= now => {
                self.probing = Some(Probing {
                    address: from,
                    data: random.array(),
                    bucket: Bucket::default(),
                    left: TRIES,
                    next: now,
                    credit: len.saturating_mul(CREDIT),
                });
            }
            _ => {}
        }
    }

    /// The newest packet came from the address in use: the client is still there.
    pub(super) fn seen_here(&mut self) {
        self.probing = None;
    }

    /// Whether `from` answered as it was asked; the client is there now.
    pub(super) fn confirms(&mut self, now: Time, from: SocketAddr, data: PathData, rest: Duration) -> bool {
        let right = self.probing.as_ref().is_some_and(|probing| probing.address == from && probing.data == data);
        if right {
            self.probing = None;
            self.rests_until = now + rest;
        }
        right
    }

    /// When a challenge is due, or the last one's time is over.
    pub(super) fn deadline(&self) -> Option<Time> {
        self.probing.as_ref().map(|probing| probing.next)
    }

    /// Gives an address up that does not answer.
    pub(super) fn timeout(&mut self, now: Time) {
        if self.probing.as_ref().is_some_and(|probing| probing.left == 0 && probing.next <= now) {
            self.probing = None;
        }
    }

    pub(super) fn is_due(&self, now: Time) -> bool {
        self.probing.as_ref().is_some_and(|probing| probing.left > 0 && probing.next <= now)
    }
}

/// Sends the challenge that is due. False if the sink has no room.
pub(super) fn send_challenge(
    now: Time,
    occupant: &mut Occupant,
    stats: &mut ServerStats,
    out: &mut impl DatagramSink,
) -> bool {
    let (path, connection) = (&mut occupant.path, &mut occupant.connection);
    if !path.is_due(now) {
        return true;
    }
    let Some(probing) = &mut path.probing else {
        return true;
    };
    let mut written = 0;
    if probing.credit >= CHALLENGE_MAX {
        let pushed = out.push(probing.address, &mut |buffer| {
            written = connection.challenge(now, probing.data, buffer);
            written
        });
        if !pushed {
            return false;
        }
    }
    probing.credit = probing.credit.saturating_sub(written);
    probing.left -= 1;
    probing.next = now + connection.probe_timeout().clamp(INTERVAL.0, INTERVAL.1);
    stats.challenges += u64::from(written > 0);
    stats.wrote(written);
    true
}
