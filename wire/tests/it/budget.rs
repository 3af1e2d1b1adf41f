//! A bad link costs detail and not delay: what a budget does in front of a narrow road, and on one that loses at random.

use std::time::Duration;

use mu_wire::Time;

use crate::narrow::{Narrow, Pipe, percentile};

const fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// What the game would say in each tick, in bytes: 18,000 a second.
const WANTED: usize = 900;
/// What the road carries, in bytes a second, and keeps waiting: more than six seconds of it.
const ROAD: u64 = 10_000;
const QUEUE: u64 = 64_000;

/// Ages over half a minute on the narrow road, once the budget has found it, and the mean size of a snapshot.
fn narrow(seed: u64, trip: u64, loss: u64) -> (Vec<Duration>, usize, Narrow) {
    let mut link = Narrow::new(seed, ms(trip), 0);
    link.run(500, 0);
    link.down.bytes_per_s = ROAD;
    link.down.queue = QUEUE;
    (link.down.loss, link.up.loss) = (loss, loss);
    link.run(3_000, WANTED);
    let settled = link.now;
    link.run(30_000, WANTED);
    let (ages, bytes) = link.ages_from(settled);
    (ages, bytes, link)
}

/// protocol.md 8.31.
#[test]
fn a_narrow_road_costs_detail_and_not_delay() {
    for (seed, trip) in [(1, 20), (2, 60), (3, 200)] {
        for loss in [0, 30] {
            let (ages, bytes, mut link) = narrow(seed, trip, loss);
            let (last, bound) = (percentile(&ages, 99), ms(trip / 2 + 300));
            assert!(last <= bound, "round trip {trip} ms: 99 in 100 are younger than {last:?}, not {bound:?}");
            assert!((120..600).contains(&bytes), "round trip {trip} ms: {bytes} bytes a snapshot of {WANTED}");
            assert!(ages.len() > 330, "round trip {trip} ms: {} snapshots came of 600", ages.len());
            let conn = link.conn();
            let own = link.server.budget(conn).unwrap();
            assert!((4_000..18_000).contains(&own.bytes_per_s), "{own:?} on a road of {ROAD}");
            let told = link.client.server_budget().expect("the client was told");
            assert!(told.bytes_per_s < 18_000, "{told:?}");
        }
    }
}

/// The same demand on the same road, sent as it comes.
#[test]
fn without_a_budget_the_same_road_fills_its_queue() {
    let mut road = Pipe::wide(1, ms(10));
    (road.bytes_per_s, road.queue) = (ROAD, QUEUE);
    let mut oldest = Duration::ZERO;
    for millis in 0..30_000 {
        let now = Time::from_micros(millis * 1_000);
        if millis % 50 == 0 {
            road.put(now, millis.to_le_bytes().repeat(WANTED / 8));
        }
        while let Some(datagram) = road.take(now) {
            let written = u64::from_le_bytes(*datagram.first_chunk().unwrap());
            oldest = oldest.max(now.since(Time::from_micros(written * 1_000)));
        }
    }
    assert!(oldest > ms(5_000), "{oldest:?}");
}

/// protocol.md 8.33.
#[test]
fn a_road_that_becomes_narrow_and_wide_again_is_followed() {
    let mut link = Narrow::new(4, ms(60), 0);
    link.run(5_000, WANTED);
    let conn = link.conn();
    assert_eq!(link.server.budget(conn).unwrap().bytes_per_s, 24_000);
    (link.down.bytes_per_s, link.down.queue) = (ROAD, QUEUE);
    link.run(5_000, WANTED);
    let narrow = link.now;
    link.run(5_000, WANTED);
    let (ages, bytes) = link.ages_from(narrow);
    assert!(percentile(&ages, 99) < ms(280) && bytes < 600, "{:?}, {bytes} bytes", percentile(&ages, 99));
    link.down.bytes_per_s = 1_000_000;
    link.run(5_000, WANTED);
    let wide = link.now;
    link.run(5_000, WANTED);
    let (ages, bytes) = link.ages_from(wide);
    assert!(percentile(&ages, 99) < ms(60) && bytes > 850, "{:?}, {bytes} bytes", percentile(&ages, 99));
}

/// protocol.md 8.32.
#[test]
fn a_road_that_becomes_longer_is_not_taken_for_a_queue() {
    for longer in [30, 150] {
        let mut link = Narrow::new(4, ms(2), 0);
        link.run(3_000, WANTED);
        (link.down.delay, link.up.delay) = (ms(longer / 2), ms(longer / 2));
        link.run(6_000, WANTED);
        let from = link.now;
        link.run(5_000, WANTED);
        let (_, bytes) = link.ages_from(from);
        assert!(bytes > 800, "{longer} ms: {bytes} bytes a snapshot of {WANTED}");
    }
}

#[test]
fn loss_without_a_queue_costs_little_detail() {
    for trip in [20, 200] {
        for loss in [10, 50] {
            let mut link = Narrow::new(5, ms(trip), 0);
            link.run(500, 0);
            (link.down.loss, link.up.loss) = (loss, loss);
            let from = link.now;
            link.run(30_000, 400);
            let (_, bytes) = link.ages_from(from);
            assert!(bytes > 370, "round trip {trip} ms, {loss} in 1,000 lost: {bytes} bytes a snapshot of 400");
            let conn = link.conn();
            let told = u64::from(link.server.budget(conn).unwrap().loss) * 1_000 / 65_536;
            assert!(told.abs_diff(loss) <= 60, "{told} in 1,000 told, {loss} lost");
        }
    }
}

/// protocol.md 8.32.
#[test]
fn jitter_is_not_taken_for_a_queue() {
    let mut link = Narrow::new(6, ms(40), 0);
    (link.down.jitter_us, link.up.jitter_us) = (30_000, 30_000);
    link.run(30_000, WANTED);
    let from = link.now;
    link.run(10_000, WANTED);
    let (_, bytes) = link.ages_from(from);
    assert!(bytes > 700, "{bytes} bytes a snapshot of {WANTED}");
}

/// protocol.md 8.30.
#[test]
fn the_token_names_the_ceiling_and_control_is_not_held_back() {
    let mut link = Narrow::new(7, ms(40), 5_000);
    link.run(500, 0);
    let before = link.down.carried;
    link.run(10_000, WANTED);
    let carried = (link.down.carried - before) / 10 - 20 * 28;
    assert!((3_500..=5_400).contains(&carried), "{carried} bytes a second");
    // A message of a fifth of a second's budget leaves at once, whatever the snapshots have spent.
    for _ in 0..20 {
        link.tell(&[7; 1_000]);
        link.run(500, WANTED);
    }
    assert_eq!(link.told_after.len(), 20);
    let slowest = link.told_after.iter().max().unwrap();
    assert!(*slowest <= ms(20 + 50 + 5), "{slowest:?}");
}
