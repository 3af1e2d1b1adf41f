//! The budget against a road of its own, in virtual time: bulk beside a game of 400 bytes in each tick.

use std::collections::VecDeque;
use std::time::Duration;

use super::{Budget, Fate};
use crate::time::Time;

/// What one run came to.
#[derive(Debug, Default)]
struct Ran {
    bulk_bytes: u64,
    /// Bytes of each snapshot.
    snapshots: Vec<usize>,
    /// How long each datagram waited in front of the road, in microseconds.
    waits: Vec<u64>,
}

struct Road {
    bytes_per_s: u64,
    trip: Duration,
    /// One of so many is lost; 0 = none.
    lose: u64,
}

struct Flying {
    sent_at: Time,
    acked_at: Time,
    size: u16,
    lost: bool,
}

/// Half a minute of it; what is wanted is sent as soon as it may.
fn run(road: &Road, game: usize, bulk: bool) -> Ran {
    let mut budget = Budget::new(Time::ZERO, 0, Duration::from_millis(50), 1);
    let (mut ran, mut flying) = (Ran::default(), VecDeque::<Flying>::new());
    let (mut free_at, mut flying_bytes, mut count) = (Time::ZERO, 0_u64, 0_u64);
    let mut smoothed = road.trip;
    for millis in 1..30_000_u64 {
        let now = Time::from_micros(millis * 1_000);
        while flying.front().is_some_and(|sent| sent.acked_at <= now) {
            let sent = flying.pop_front().unwrap();
            flying_bytes -= u64::from(sent.size);
            let fate = if sent.lost { Fate::Lost } else { Fate::Delivered };
            budget.fate(now, sent.sent_at, sent.size, fate, flying_bytes);
            if !sent.lost {
                let latest = now.since(sent.sent_at);
                smoothed = (smoothed * 7 + latest) / 8;
                budget.sample(now, sent.sent_at, latest, smoothed);
            }
        }
        let mut send = |size: usize, is_bulk: bool, budget: &mut Budget, flying_bytes: &mut u64| {
            let size = u16::try_from(size).unwrap();
            let begin = free_at.max(now);
            ran.waits.push(u64::try_from(begin.since(now).as_micros()).unwrap());
            free_at = begin + Duration::from_micros(u64::from(size) * 1_000_000 / road.bytes_per_s);
            count += 1;
            let lost = road.lose > 0 && ((count * 2_654_435_761) >> 16).is_multiple_of(road.lose);
            flying.push_back(Flying { sent_at: now, acked_at: free_at + road.trip, size, lost });
            *flying_bytes += u64::from(size);
            budget.sent(now, size, is_bulk);
            ran.bulk_bytes += if is_bulk && !lost { u64::from(size) } else { 0 };
        };
        if millis.is_multiple_of(50) {
            let room = budget.snapshot_room(now, flying_bytes).min(game);
            if room < game {
                budget.limits(now);
            }
            ran.snapshots.push(room);
            if room > 0 {
                send(room, false, &mut budget, &mut flying_bytes);
            }
        }
        while bulk && budget.bulk_allowance(now, flying_bytes) >= 1_080 {
            send(1_080, true, &mut budget, &mut flying_bytes);
        }
        if bulk && let Some(at) = budget.next_bulk_at(flying_bytes) {
            assert!(at > now, "it is not polled in vain");
            assert!(at <= now + Duration::from_secs(4), "it comes to its end");
        }
    }
    ran.waits.sort_unstable();
    ran
}

fn mean(ran: &Ran) -> usize {
    ran.snapshots.iter().sum::<usize>() / ran.snapshots.len()
}

/// protocol.md 8.34.
#[test]
fn bulk_fills_a_wide_road_up_to_the_ceiling() {
    for trip in [20, 60, 200] {
        let road = Road { bytes_per_s: 5_000_000, trip: Duration::from_millis(trip), lose: 0 };
        let ran = run(&road, 400, true);
        let per_s = ran.bulk_bytes / 30;
        assert!((190_000..250_000).contains(&per_s), "round trip {trip} ms: {per_s} bytes of bulk a second");
        assert_eq!(mean(&ran), 400);
    }
}

/// protocol.md 8.34.
#[test]
fn bulk_takes_what_the_game_leaves_of_a_narrow_road() {
    for (trip, lose) in [(20, 0), (60, 0), (200, 0), (60, 100)] {
        let road = Road { bytes_per_s: 60_000, trip: Duration::from_millis(trip), lose };
        let ran = run(&road, 400, true);
        let per_s = ran.bulk_bytes / 30;
        let late = ran.waits[ran.waits.len() * 99 / 100];
        assert!((24_000..56_000).contains(&per_s), "round trip {trip} ms: {per_s} bytes of bulk a second");
        assert!(mean(&ran) >= 380, "round trip {trip} ms: {} bytes a snapshot", mean(&ran));
        assert!(late < 250_000 + trip * 1_000, "round trip {trip} ms: {late} µs in the queue");
    }
}

#[test]
fn bulk_comes_to_its_end_on_the_worst_road() {
    let road = Road { bytes_per_s: 5_000, trip: Duration::from_millis(100), lose: 50 };
    let ran = run(&road, 400, true);
    assert!(ran.bulk_bytes / 30 >= 400, "{} bytes of bulk a second", ran.bulk_bytes / 30);
    assert!(mean(&ran) > 60, "{} bytes a snapshot", mean(&ran));
}

/// protocol.md 8.30.
#[test]
fn a_game_alone_is_not_held_back() {
    let road = Road { bytes_per_s: 60_000, trip: Duration::from_millis(60), lose: 0 };
    assert!(run(&road, 1_100, false).snapshots.iter().all(|bytes| *bytes == 1_100));
}
