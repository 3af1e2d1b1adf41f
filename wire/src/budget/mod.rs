//! How much one end of a connection sends: a byte budget for all of it, and within that a window and a pace for bulk.
//!
//! The game lanes spend first and are never held back, but for snapshots: those are given what is left of the budget in this
//! tick, so a bad link costs detail and not delay. Bulk takes what the game leaves, under a NewReno window, at 1.25 windows
//! in a round trip.
//!
//! Knows no frame but its own and no lane; it hears what left, what became of it and how long it took. It says how much may
//! leave, and takes no memory of its own.

mod bucket;
mod history;
mod least;
mod rate;
mod report;
#[cfg(test)]
mod road;
mod window;

use std::time::Duration;

pub use report::LinkBudget;

use crate::codec::{Writer, low16, low32};
use crate::packet::MAX_DATAGRAM;
use crate::recovery::Fate;
use crate::time::{Time, micros};
use bucket::Bucket;
use rate::{CEILING, RateControl};
use report::Reports;
use window::Window;

/// A datagram of bulk is worth sending from this size on.
const DATAGRAM: u64 = MAX_DATAGRAM as u64;
/// Snapshots wait while more is on its way than the budget brings in a least round trip, the longest wait of an
/// acknowledgement and this.
const STANDING_US: u64 = 100_000;
/// Assumed until there is a sample of the round trip.
const TRIP_US: u64 = 250_000;
/// The rate of the game lanes is taken over about so long.
const GAME_SPAN: Duration = Duration::from_millis(250);

/// After a snapshot was held back, acknowledgements are asked for so long without delay.
const UNEASY: Duration = Duration::from_secs(2);

/// The budget of one direction.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Budget {
    control: RateControl,
    window: Window,
    /// What everything spends.
    all: Bucket,
    /// What bulk spends: the pace of its window.
    pace: Bucket,
    /// An eighth of the budget is bulk's whatever the game spends, so that a block comes to its end on any link.
    share: Bucket,
    smoothed_us: u64,
    ack_delay_us: u64,
    /// So many times that may pass until the peer acknowledges a snapshot that nobody asks about.
    snapshot_waits: u32,
    sent_at: Time,
    /// Bytes the game lanes spent since `game_at`, and bytes a second before that.
    game_bytes: u64,
    game_at: Time,
    game_per_s: u64,
    /// When a snapshot was last held back.
    held_at: Option<Time>,
    /// Smoothed share of lost packets, in 1/65,536 of 1/256.
    loss: u32,
    reports: Reports,
}

impl Budget {
    /// A budget of at most `ceiling` bytes a second; 0 = nothing was said about it.
    pub(crate) fn new(now: Time, ceiling: u32, ack_delay: Duration, snapshot_waits: u32) -> Self {
        let ceiling = if ceiling == 0 { CEILING } else { u64::from(ceiling) };
        let control = RateControl::new(now, ceiling);
        let start = LinkBudget { bytes_per_s: narrow(control.bytes_per_s()), ..LinkBudget::default() };
        Self {
            control,
            window: Window::new(),
            all: Bucket::new(now, DATAGRAM),
            pace: Bucket::new(now, DATAGRAM),
            share: Bucket::new(now, 0),
            smoothed_us: TRIP_US,
            ack_delay_us: micros(ack_delay),
            snapshot_waits,
            sent_at: now,
            game_bytes: 0,
            game_at: now,
            game_per_s: rate::START,
            held_at: None,
            loss: 0,
            reports: Reports::new(now, start),
        }
    }

    /// Another path: nothing that was learnt holds, but what the peer said.
    pub(crate) fn reset(&mut self, now: Time, ceiling: u32) {
        let mut fresh = Self::new(now, ceiling, Duration::from_micros(self.ack_delay_us), self.snapshot_waits);
        fresh.reports = self.reports;
        *self = fresh;
    }

    /// A datagram left.
    pub(crate) fn sent(&mut self, now: Time, size: u16, bulk: bool) {
        let size = u64::from(size);
        self.sent_at = now;
        let rate = self.control.bytes_per_s();
        self.all.earn(now, rate, self.most());
        self.all.spend(size, rate / 10);
        if bulk {
            self.pace.earn(now, self.pace_per_s(), self.most_pace());
            self.pace.spend(size, DATAGRAM);
            self.share.earn(now, rate / 8, DATAGRAM);
            self.share.spend(size, DATAGRAM);
            if self.all.holds(now, rate, self.most()) < self.reserve() + DATAGRAM {
                self.control.limits();
            }
        } else {
            self.game_bytes += size;
            let passed = now.since(self.game_at);
            if passed >= GAME_SPAN {
                let per_s = self.game_bytes.saturating_mul(1_000_000) / micros(passed);
                self.game_per_s = (self.game_per_s + per_s) / 2;
                self.game_bytes = 0;
                self.game_at = now;
            }
        }
    }

    /// The fate of a datagram, `flying` bytes being on their way after it.
    pub(crate) fn fate(&mut self, now: Time, sent_at: Time, size: u16, fate: Fate, flying: u64) {
        let size = u64::from(size);
        match fate {
            Fate::Delivered => {
                self.control.delivered(now, size);
                self.window.delivered(sent_at, size, flying);
                self.loss -= self.loss / 64;
            }
            Fate::Lost => {
                self.control.lost(now, sent_at);
                self.window.lost(now, sent_at);
                self.loss += (0xff_ff00_u32.saturating_sub(self.loss)) / 64;
            }
            Fate::Late => self.control.found(),
        }
    }

    /// A round trip of a packet sent at `sent_at`.
    pub(crate) fn sample(&mut self, now: Time, sent_at: Time, latest: Duration, smoothed: Duration) {
        self.smoothed_us = micros(smoothed).max(1);
        self.control.sample(now, sent_at, micros(latest), self.smoothed_us);
    }

    /// Bytes that a datagram with a snapshot may have now; 0 while too much is on its way.
    pub(crate) fn snapshot_room(&mut self, now: Time, flying: u64) -> usize {
        let rate = self.control.bytes_per_s();
        if flying > self.most_flying() {
            self.limits(now);
            return 0;
        }
        let room = self.all.holds(now, rate, self.most()).min((rate / 10).max(1));
        usize::try_from(room).unwrap_or(usize::MAX)
    }

    /// A snapshot would have been larger if there had been more to spend.
    pub(crate) const fn limits(&mut self, now: Time) {
        self.held_at = Some(now);
        self.control.limits();
    }

    /// Bytes of datagrams with bulk that may leave now: 0, or enough for a full one.
    pub(crate) fn bulk_allowance(&self, now: Time, flying: u64) -> usize {
        let rate = self.control.bytes_per_s();
        let held = self.held_at.is_some_and(|at| now.since(at) < GAME_SPAN) || flying > self.most_flying();
        let left = if held { 0 } else { self.all.holds(now, rate, self.most()).saturating_sub(self.reserve()) };
        let left = left.max(self.share.holds(now, rate / 8, DATAGRAM));
        let paced = self.pace.holds(now, self.pace_per_s(), self.most_pace());
        let allowed = left.min(paced).min(self.window.bytes().saturating_sub(flying));
        if allowed < DATAGRAM { 0 } else { usize::try_from(allowed).unwrap_or(usize::MAX) }
    }

    /// When [`Budget::bulk_allowance`] will be more than 0; `None` if only an acknowledgement or a loss can make it so.
    pub(crate) fn next_bulk_at(&self, flying: u64) -> Option<Time> {
        if self.window.bytes() < flying + DATAGRAM {
            return None;
        }
        let rate = self.control.bytes_per_s();
        let share = self.share.holds_at(DATAGRAM, rate / 8);
        let at = if flying > self.most_flying() {
            share
        } else {
            let left = self.all.holds_at(self.reserve() + DATAGRAM, rate);
            share.min(self.held_at.map_or(left, |at| left.max(at + GAME_SPAN)))
        };
        Some(at.max(self.pace.holds_at(DATAGRAM, self.pace_per_s())))
    }

    /// Whether the round trip should be known as soon as it can be: more is wanted than there is, or packets were lost or
    /// queued a moment ago.
    pub(crate) fn needs_samples(&self, now: Time) -> bool {
        self.held_at.is_some_and(|at| now.since(at) < UNEASY) || self.control.is_uneasy()
    }

    /// Smoothed share of lost packets, in 1/65,536.
    pub(crate) fn loss(&self) -> u16 {
        low16(u64::from(self.loss >> 8))
    }

    /// What it is now.
    pub(crate) fn report(&self, round_trip: Option<Duration>) -> LinkBudget {
        LinkBudget {
            bytes_per_s: narrow(self.control.bytes_per_s()),
            loss: self.loss(),
            queue_delay: Duration::from_micros(self.control.queue_us()),
            round_trip,
        }
    }

    /// What the peer said of its own.
    pub(crate) const fn peer(&self) -> Option<LinkBudget> {
        self.reports.peer
    }

    pub(crate) const fn peer_said(&mut self, budget: LinkBudget) {
        self.reports.peer = Some(budget);
    }

    /// Writes BUDGET if the peer should hear of a change; true if it was written.
    pub(crate) fn write(&mut self, now: Time, out: &mut Writer<'_>) -> bool {
        let own = self.report(None);
        self.reports.write(now, own, out)
    }

    /// The packet with the last BUDGET is lost.
    pub(crate) const fn report_lost(&mut self) {
        self.reports.lost();
    }

    /// The bucket holds two ticks, and the reserve and two datagrams in any case: else bulk could never leave.
    fn most(&self) -> u64 {
        (self.control.bytes_per_s() / 10).max(self.reserve() + 2 * DATAGRAM)
    }

    /// More than this on its way stands in a queue.
    fn most_flying(&self) -> u64 {
        let trip = self.control.least_us().unwrap_or(TRIP_US);
        let waits = if self.needs_samples(self.sent_at) { 1 } else { u64::from(self.snapshot_waits) };
        let time = trip + self.ack_delay_us * waits + STANDING_US;
        (self.control.bytes_per_s().saturating_mul(time) / 1_000_000).max(DATAGRAM)
    }

    /// What the game lanes are likely to spend in the next two ticks.
    const fn reserve(&self) -> u64 {
        self.game_per_s / 10
    }

    /// 1.25 windows in a round trip.
    fn pace_per_s(&self) -> u64 {
        (self.window.bytes() * 5 / 4).saturating_mul(1_000_000) / self.smoothed_us.max(1)
    }

    /// A tick's worth, at least two datagrams.
    fn most_pace(&self) -> u64 {
        (self.pace_per_s() / 20).max(2 * DATAGRAM)
    }
}

fn narrow(bytes_per_s: u64) -> u32 {
    low32(bytes_per_s.min(u64::from(u32::MAX)))
}
