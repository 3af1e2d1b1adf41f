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
    /// Bytes sent and bytes lost after the first ten seconds.
    late: (u64, u64),
}

struct Road {
    bytes_per_s: u64,
    trip: Duration,
    /// One of so many is lost; 0 = none.
    lose: u64,
    /// What exceeds its rate for longer than a tenth of a second is thrown away and never waits.
    throws: bool,
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
            let mut begin = free_at.max(now);
            let thrown = road.throws && begin > now + Duration::from_millis(100);
            ran.waits.push(u64::try_from(begin.since(now).as_micros()).unwrap());
            let passage = Duration::from_micros(u64::from(size) * 1_000_000 / road.bytes_per_s);
            free_at = if thrown { free_at } else { begin + passage };
            if road.throws {
                begin = now;
            }
            count += 1;
            let lost = thrown || road.lose > 0 && ((count * 2_654_435_761) >> 16).is_multiple_of(road.lose);
            flying.push_back(Flying { sent_at: now, acked_at: begin + passage + road.trip, size, lost });
            if millis > 10_000 {
                ran.late.0 += u64::from(size);
                ran.late.1 += if lost { u64::from(size) } else { 0 };
            }
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
        let road = Road { bytes_per_s: 5_000_000, trip: Duration::from_millis(trip), lose: 0, throws: false };
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
        let road = Road { bytes_per_s: 60_000, trip: Duration::from_millis(trip), lose, throws: false };
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
    let road = Road { bytes_per_s: 5_000, trip: Duration::from_millis(100), lose: 50, throws: false };
    let ran = run(&road, 400, true);
    assert!(ran.bulk_bytes / 30 >= 400, "{} bytes of bulk a second", ran.bulk_bytes / 30);
    assert!(mean(&ran) > 60, "{} bytes a snapshot", mean(&ran));
}

/// protocol.md 8.30.
#[test]
fn a_game_alone_is_not_held_back() {
    let road = Road { bytes_per_s: 60_000, trip: Duration::from_millis(60), lose: 0, throws: false };
    assert!(run(&road, 1_100, false).snapshots.iter().all(|bytes| *bytes == 1_100));
}

/// protocol.md 8.32.
#[test]
fn random_loss_leaves_the_game_what_it_sends() {
    for trip in [20, 60, 200] {
        for (lose, game) in [(20, 400), (10, 400), (20, 1_100), (10, 1_100)] {
            let road = Road { bytes_per_s: 5_000_000, trip: Duration::from_millis(trip), lose, throws: false };
            let ran = run(&road, game, false);
            let (mean, least) = (mean(&ran), if game == 400 { 99 } else { 85 });
            assert!(
                mean * 100 >= game * least,
                "round trip {trip} ms, one in {lose} lost: {mean} bytes a snapshot of {game}"
            );
            assert_eq!(ran.snapshots, run(&road, game, false).snapshots, "the same twice");
        }
    }
}

/// A path that throws away what exceeds its rate shows no queue. What it carries is made use of, and little more is sent.
/// protocol.md 8.32.
#[test]
fn a_path_that_throws_away_what_exceeds_its_rate_is_respected() {
    for trip in [20, 60, 200] {
        for bytes_per_s in [6_000, 12_000, 18_000] {
            let road = Road { bytes_per_s, trip: Duration::from_millis(trip), lose: 0, throws: true };
            let ran = run(&road, 1_100, false);
            let (sent, lost) = ran.late;
            assert!(
                lost * 100 <= sent * 20,
                "round trip {trip} ms, {bytes_per_s} a second: {lost} of {sent} bytes lost"
            );
            let arrived = (sent - lost) / 20;
            assert!(
                arrived * 100 >= bytes_per_s * 80,
                "round trip {trip} ms: {arrived} of {bytes_per_s} a second arrive"
            );
        }
    }
}
