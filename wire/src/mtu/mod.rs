//! How long datagrams may be: 1,200 bytes at first, more once a probe of that length has arrived.
//!
//! A probe is a datagram of its own, PING and padding, so its loss costs nothing else. It is sent only after a snapshot would
//! have been longer; messages, fragments and slices fit into 1,200 bytes as they are. Paths change: when three long datagrams
//! in a row are lost and a short one of the same time arrives, the length falls back to 1,200.

use std::time::Duration;

use crate::packet::{LONGEST_DATAGRAM, MAX_DATAGRAM};
use crate::recovery::Fate;
use crate::time::Time;

const LEAST: u16 = 1_200;
/// What is probed: IPv6's least MTU, common tunnels, Ethernet.
const STEPS: [u16; 3] = [1_280, 1_350, 1_452];
const _: () = assert!(LEAST as usize == MAX_DATAGRAM && STEPS[2] as usize == LONGEST_DATAGRAM);
/// So many losses say that a length does not come through.
const LOSSES: u8 = 3;
/// And then nothing is tried for so long.
const REST: Duration = Duration::from_secs(300);

/// The length of this end's datagrams.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Mtu {
    size: u16,
    /// What the peer takes.
    limit: u16,
    /// A snapshot would have been longer since the last probe.
    wanted: bool,
    /// The number and length of the probe on its way.
    probe: Option<(u64, u16)>,
    /// Probes of the next length lost in a row.
    failed: u8,
    /// Datagrams above 1,200 bytes lost in a row, and when the first of them was sent.
    lost: u8,
    lost_since: Time,
    /// A shorter one sent since then has arrived.
    short_arrives: bool,
    rest_until: Time,
}

impl Mtu {
    /// `limit` is the longest datagram that the peer takes.
    pub(crate) fn new(limit: u16) -> Self {
        Self {
            size: LEAST,
            limit,
            wanted: false,
            probe: None,
            failed: 0,
            lost: 0,
            lost_since: Time::ZERO,
            short_arrives: false,
            rest_until: Time::ZERO,
        }
    }

    /// Another path: nothing is known of it.
    pub(crate) fn reset(&mut self) {
        *self = Self::new(self.limit);
    }

    /// The longest datagram that may be sent.
    pub(crate) const fn size(&self) -> u16 {
        self.size
    }

    /// A snapshot would have been longer if the datagram had been.
    pub(crate) fn wants(&mut self) {
        self.wanted = self.next().is_some();
    }

    /// When a probe should leave; `None` while none is wanted.
    pub(crate) fn probe_at(&self) -> Option<Time> {
        (self.wanted && self.probe.is_none()).then_some(self.rest_until)
    }

    /// The length of a probe that should leave now.
    pub(crate) fn probe(&self, now: Time) -> Option<u16> {
        self.probe_at().filter(|at| *at <= now).and_then(|_| self.next())
    }

    /// A probe of `size` bytes left as packet `number`.
    pub(crate) const fn probed(&mut self, number: u64, size: u16) {
        self.probe = Some((number, size));
        self.wanted = false;
    }

    /// The fate of a datagram; true if it was a probe, whose loss says nothing of congestion.
    pub(crate) fn fate(&mut self, now: Time, number: u64, (sent_at, size): (Time, u16), fate: Fate) -> bool {
        let arrived = fate != Fate::Lost;
        if let Some((_, probed)) = self.probe.take_if(|(probe, _)| *probe == number) {
            if arrived {
                self.size = self.size.max(probed);
                self.failed = 0;
            } else {
                self.failed += 1;
                if self.failed >= LOSSES {
                    self.failed = 0;
                    self.rest_until = now + REST;
                }
            }
            return true;
        }
        if size <= LEAST {
            self.short_arrives |= arrived && self.lost > 0 && sent_at >= self.lost_since;
        } else if arrived {
            self.lost = 0;
            self.short_arrives = false;
        } else {
            if self.lost == 0 {
                self.lost_since = sent_at;
            }
            self.lost = self.lost.saturating_add(1);
        }
        if self.lost >= LOSSES && self.short_arrives {
            self.reset();
            self.rest_until = now + REST;
        }
        false
    }

    /// The next longer length.
    fn next(&self) -> Option<u16> {
        STEPS.into_iter().find(|step| *step > self.size && *step <= self.limit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn s(s: u64) -> Time {
        Time::from_micros(s * 1_000_000)
    }

    fn probe(mtu: &mut Mtu, now: Time, number: u64, fate: Fate) -> u16 {
        mtu.wants();
        let size = mtu.probe(now).expect("a probe is due");
        mtu.probed(number, size);
        assert_eq!(mtu.probe(now), None, "one at a time");
        assert!(mtu.fate(now, number, (now, size), fate));
        size
    }

    /// protocol.md 8.60.
    #[test]
    fn it_climbs_by_probes_that_arrive_and_only_when_wanted() {
        let mut mtu = Mtu::new(1_452);
        assert_eq!((mtu.size(), mtu.probe(s(1))), (1_200, None));
        for (number, size) in (1..).zip(STEPS) {
            assert_eq!(probe(&mut mtu, s(1), number, Fate::Delivered), size);
            assert_eq!((mtu.size(), mtu.probe_at()), (size, None));
        }
        mtu.wants();
        assert_eq!(mtu.probe(s(2)), None, "there is nothing longer");
        let mut short = Mtu::new(1_300);
        probe(&mut short, s(1), 1, Fate::Delivered);
        short.wants();
        assert_eq!((short.size(), short.probe(s(1))), (1_280, None), "the peer takes no more");
        assert_eq!(Mtu::new(1_200).next(), None);
    }

    /// protocol.md 8.60.
    #[test]
    fn a_length_that_fails_three_times_is_left_alone_for_minutes() {
        let mut mtu = Mtu::new(1_452);
        probe(&mut mtu, s(1), 1, Fate::Delivered);
        for number in 2..5 {
            assert_eq!(probe(&mut mtu, s(1), number, Fate::Lost), 1_350);
        }
        mtu.wants();
        assert_eq!((mtu.size(), mtu.probe(s(300))), (1_280, None));
        assert_eq!(mtu.probe_at(), Some(s(301)));
        assert_eq!(mtu.probe(s(301)), Some(1_350));
    }

    /// protocol.md 8.61.
    #[test]
    fn a_hole_is_what_long_ones_do_not_pass_and_short_ones_do() {
        let mut mtu = Mtu::new(1_452);
        for number in 1..4 {
            probe(&mut mtu, s(1), number, Fate::Delivered);
        }
        for number in 4..9 {
            assert!(!mtu.fate(s(2), number, (s(2), 1_400), Fate::Lost));
        }
        mtu.fate(s(2), 9, (s(1), 100), Fate::Delivered);
        assert_eq!(mtu.size(), 1_452, "that one was sent before");
        mtu.fate(s(2), 10, (s(2), 1_400), Fate::Delivered);
        mtu.fate(s(2), 11, (s(2), 100), Fate::Delivered);
        mtu.fate(s(2), 12, (s(2), 1_400), Fate::Lost);
        mtu.fate(s(3), 13, (s(3), 1_400), Fate::Lost);
        mtu.fate(s(3), 14, (s(3), 100), Fate::Delivered);
        assert_eq!(mtu.size(), 1_452, "two in a row happen");
        mtu.fate(s(3), 15, (s(3), 1_400), Fate::Lost);
        assert_eq!(mtu.size(), 1_200);
        mtu.wants();
        assert_eq!(mtu.probe_at(), Some(s(303)));
    }
}
