//! How long reliable messages take on a road that loses, and what that costs in bytes.

use std::time::Duration;

use crate::dice::Dice;
use crate::narrow::{Narrow, percentile};

/// Slowest but one in a hundred of the messages to the client and to the server in milliseconds, and bytes both ways, of two
/// minutes with 20 messages a second each way beside a snapshot of 300 bytes in each tick.
fn talk(trip: u64, loss: u64) -> (u128, u128, u64) {
    let mut link = Narrow::new(11, Duration::from_millis(trip), 0);
    link.run(1_000, 0);
    (link.down.loss, link.up.loss) = (loss, loss);
    link.run(3_000, 300);
    let before = link.down.carried + link.up.carried;
    let mut dice = Dice(13);
    for _ in 0..120_000 {
        if (link.now.as_micros() + 1_000).is_multiple_of(50_000) {
            link.tell(&[1; 64]);
        }
        if dice.below(50) == 0 {
            link.ask(&[1; 64]);
        }
        link.step(300);
    }
    assert!(link.told_after.len() > 2_380 && link.asked_after.len() > 2_200, "everything comes");
    link.told_after.sort_unstable();
    link.asked_after.sort_unstable();
    let late = |after: &[Duration]| percentile(after, 99).as_millis();
    (late(&link.told_after), late(&link.asked_after), link.down.carried + link.up.carried - before)
}

/// A message that is lost once is there again after a round trip and a half and two ticks, and nearly none is lost twice: what
/// was lost leaves in two packets, and short ones do so from the start while the link loses. From one road to another the slowest but
/// one in a hundred differ by 40 ms; one road in ten is slower than this.
/// protocol.md 8.36.
#[test]
fn one_loss_of_ten_costs_a_message_one_repair_and_an_eighth_of_the_bytes() {
    for trip in [20, 60, 200] {
        let (.., calm) = talk(trip, 0);
        for loss in [20, 50, 100] {
            let (down, up, bytes) = talk(trip, loss);
            let bound = u128::from(trip * 3 / 2 + 120);
            assert!(
                down <= bound && up <= bound,
                "round trip {trip} ms, {loss} of 1,000 lost: {down} ms down, {up} ms up, not {bound} ms"
            );
            let (share, most) = (bytes * 100 / calm, 100 + loss / 10 + 13);
            assert!(share <= most, "round trip {trip} ms, {loss} of 1,000 lost: {share} % of the bytes, not {most} %");
        }
    }
}
