//! Longer datagrams where the road carries them, and none where it does not.

use std::time::Duration;

use crate::narrow::{Narrow, percentile};

const fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// A snapshot of this length needs a datagram above 1,200 bytes.
const LARGE: usize = 1_400;

fn link(mtu: usize) -> Narrow {
    let mut link = Narrow::new(1, ms(40), 0);
    link.down.mtu = mtu;
    link.run(1_000, 0);
    link
}

/// protocol.md 3.1, 8.60.
#[test]
fn large_snapshots_get_longer_datagrams_step_by_step() {
    for (mtu, longest) in [(1_199 + 1, 1_200), (1_279, 1_200), (1_280, 1_280), (1_400, 1_350), (1_472, 1_452)] {
        let mut link = link(mtu);
        link.run(10_000, LARGE);
        assert_eq!(link.down.longest, longest, "a road of {mtu}");
        // Probes of what does not come through are lost, snapshots are not.
        let before = link.ages.len();
        link.run(5_000, LARGE);
        assert_eq!(link.ages.len() - before, 100, "a road of {mtu}");
        assert!(link.shard.lost.is_empty(), "a road of {mtu}: {:?}", link.shard.lost);
    }
}

/// protocol.md 8.60.
#[test]
fn small_snapshots_are_no_reason_to_probe() {
    let mut link = link(1_472);
    link.run(20_000, 900);
    assert!(link.down.longest <= 1_200, "{}", link.down.longest);
}

/// protocol.md 8.61.
#[test]
fn a_hole_that_opens_is_noticed() {
    let mut link = link(1_472);
    link.run(10_000, LARGE);
    assert_eq!(link.down.longest, 1_452);
    link.down.mtu = 1_300;
    link.run(2_000, LARGE);
    let from = link.now;
    let before = link.ages.len();
    link.run(10_000, LARGE);
    assert!(link.ages.len() - before >= 199, "{} of 200 snapshots came", link.ages.len() - before);
    let (ages, bytes) = link.ages_from(from);
    assert!(percentile(&ages, 99) < ms(40) && bytes > 1_000, "{:?}, {bytes} bytes", percentile(&ages, 99));
    // After a rest it is tried again: 1,280 bytes pass.
    link.run(310_000, 900);
    link.down.longest = 0;
    link.run(5_000, LARGE);
    assert_eq!(link.down.longest, 1_280);
}
