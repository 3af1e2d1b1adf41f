//! What the network does to datagrams of one direction. Times are microseconds of the simulation.
//!
//! A datagram meets, in this order: a dark road (nothing passes), a hole for large ones, loss (single and in bursts), the queue
//! in front of a slow link (what does not fit is dropped), the way itself (delay, jitter, sometimes a detour), and now and
//! then a copy or changed bits. Knows no endpoint and no address.

use crate::dice::Dice;
use crate::tally::Tally;

/// Two states, good and bad, with their own loss; the chances are per datagram.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Burst {
    /// Good to bad, in millionths.
    pub enter_ppm: u32,
    /// Bad to good, in millionths.
    pub leave_ppm: u32,
    /// Loss while bad, in millionths.
    pub loss_ppm: u32,
}

/// The conditions of one direction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Weather {
    /// Loss of single datagrams, in millionths.
    pub loss_ppm: u32,
    /// Loss in bursts.
    pub burst: Option<Burst>,
    /// Datagrams that come twice, in millionths.
    pub duplicate_ppm: u32,
    /// Datagrams with changed bits, in millionths.
    pub corrupt_ppm: u32,
    /// Shortest way in µs.
    pub delay_us: u64,
    /// Each datagram takes up to this much longer.
    pub jitter_us: u64,
    /// Datagrams that take a detour, in millionths.
    pub detour_ppm: u32,
    /// Longest detour in µs.
    pub detour_us: u64,
    /// Whether jitter leaves the order alone; detours never do.
    pub in_order: bool,
    /// Bytes a second; 0 is no limit.
    pub bytes_per_s: u64,
    /// Bytes that wait in front of a slow link at most.
    pub queue_bytes: u64,
    /// Longer datagrams vanish.
    pub longest: usize,
}

impl Weather {
    /// Nothing happens but 15 ms.
    pub const CALM: Self = Self {
        loss_ppm: 0,
        burst: None,
        duplicate_ppm: 0,
        corrupt_ppm: 0,
        delay_us: 15_000,
        jitter_us: 0,
        detour_ppm: 0,
        detour_us: 0,
        in_order: true,
        bytes_per_s: 0,
        queue_bytes: 0,
        longest: usize::MAX,
    };

    /// Some weather: each trouble is there or not, so that pure and mixed kinds both occur.
    pub fn draw(dice: &mut Dice) -> Self {
        let mut weather = Self { delay_us: dice.between(500, 120_000), ..Self::CALM };
        if dice.percent(50) {
            weather.loss_ppm = if dice.percent(70) { dice.u32(1_000, 80_000) } else { dice.u32(80_000, 250_000) };
        }
        if dice.percent(25) {
            weather.burst = Some(Burst {
                enter_ppm: dice.u32(2_000, 30_000),
                leave_ppm: dice.u32(40_000, 400_000),
                loss_ppm: dice.u32(400_000, 1_000_000),
            });
        }
        if dice.percent(25) {
            weather.duplicate_ppm = dice.u32(1_000, 100_000);
        }
        if dice.percent(20) {
            weather.corrupt_ppm = dice.u32(1_000, 50_000);
        }
        if dice.percent(50) {
            weather.jitter_us = dice.between(1_000, 90_000);
            weather.in_order = dice.percent(50);
        }
        if dice.percent(25) {
            (weather.detour_ppm, weather.detour_us) = (dice.u32(1_000, 100_000), dice.between(10_000, 900_000));
        }
        if dice.percent(25) {
            weather.bytes_per_s = dice.between(1_500, 40_000);
            weather.queue_bytes = dice.between(1_500, 20_000);
        }
        if dice.percent(20) {
            weather.longest = usize::try_from(dice.between(1_200, 1_452)).unwrap_or(1_200);
        }
        weather
    }
}

/// One arrival of a datagram.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Arrival {
    /// When, in µs of the simulation.
    pub at_us: u64,
    /// Whether some of its bits changed on the way.
    pub corrupt: bool,
}

/// One direction between a player and the server.
#[derive(Debug)]
pub struct Road {
    /// How it is now.
    pub weather: Weather,
    /// From when to when nothing passes; later ones behind.
    pub dark: Vec<(u64, u64)>,
    in_burst: bool,
    link_free_us: u64,
    last_us: u64,
    dice: Dice,
}

impl Road {
    /// A road in some weather, with its own luck.
    #[must_use]
    pub const fn new(weather: Weather, dark: Vec<(u64, u64)>, dice: Dice) -> Self {
        Self { weather, dark, in_burst: false, link_free_us: 0, last_us: 0, dice }
    }

    /// What becomes of a datagram of `len` bytes that sets out at `now_us`: none, one or two arrivals.
    pub fn carry(&mut self, now_us: u64, len: usize, tally: &mut Tally) -> [Option<Arrival>; 2] {
        let weather = self.weather;
        if self.dark.iter().any(|(from, until)| (*from..*until).contains(&now_us)) {
            tally.dark += 1;
            return [None; 2];
        }
        if len > weather.longest {
            tally.too_long += 1;
            return [None; 2];
        }
        if self.is_lost(tally) {
            return [None; 2];
        }
        let Some(out_us) = self.queue(now_us, len) else {
            tally.queue_full += 1;
            return [None; 2];
        };
        let first = Some(self.arrive(out_us, tally));
        let second = self.dice.ppm(weather.duplicate_ppm).then(|| {
            tally.duplicated += 1;
            self.arrive(out_us, tally)
        });
        [first, second]
    }

    fn is_lost(&mut self, tally: &mut Tally) -> bool {
        if let Some(burst) = self.weather.burst {
            let turn = if self.in_burst { burst.leave_ppm } else { burst.enter_ppm };
            self.in_burst ^= self.dice.ppm(turn);
            if self.in_burst && self.dice.ppm(burst.loss_ppm) {
                tally.lost_in_bursts += 1;
                return true;
            }
        }
        let lost = self.dice.ppm(self.weather.loss_ppm);
        tally.lost += u64::from(lost);
        lost
    }

    /// When the datagram has left the slow link, if its queue has room.
    fn queue(&mut self, now_us: u64, len: usize) -> Option<u64> {
        let Weather { bytes_per_s, queue_bytes, .. } = self.weather;
        if bytes_per_s == 0 {
            return Some(now_us);
        }
        let starts = self.link_free_us.max(now_us);
        if (starts - now_us) * bytes_per_s / 1_000_000 + len as u64 > queue_bytes {
            return None;
        }
        self.link_free_us = starts + len as u64 * 1_000_000 / bytes_per_s;
        Some(self.link_free_us)
    }

    fn arrive(&mut self, out_us: u64, tally: &mut Tally) -> Arrival {
        let weather = self.weather;
        let mut at_us = out_us + weather.delay_us + self.dice.below(weather.jitter_us + 1);
        if weather.in_order {
            at_us = at_us.max(self.last_us);
        }
        if self.dice.ppm(weather.detour_ppm) {
            tally.detours += 1;
            at_us += self.dice.below(weather.detour_us);
        } else {
            tally.reordered += u64::from(at_us < self.last_us);
            self.last_us = self.last_us.max(at_us);
        }
        let corrupt = self.dice.ppm(weather.corrupt_ppm);
        tally.corrupted += u64::from(corrupt);
        Arrival { at_us, corrupt }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn road(weather: Weather) -> Road {
        Road::new(weather, vec![(5_000_000, 6_000_000)], Dice::new(1))
    }

    #[test]
    fn calm_weather_only_delays() {
        let (mut road, mut tally) = (road(Weather::CALM), Tally::default());
        for at in 0..1_000 {
            let arrival = Arrival { at_us: at + 15_000, corrupt: false };
            assert_eq!(road.carry(at, 1_400, &mut tally), [Some(arrival), None]);
        }
        assert_eq!(road.carry(5_500_000, 10, &mut tally), [None; 2], "a dark road");
        assert_eq!((tally.dark, tally.lost), (1, 0));
    }

    #[test]
    fn loss_is_as_frequent_as_said_and_bursts_come_in_runs() {
        let (mut plain, mut tally) = (road(Weather { loss_ppm: 100_000, ..Weather::CALM }), Tally::default());
        let lost = (0..50_000).filter(|_| plain.carry(0, 100, &mut tally)[0].is_none()).count();
        assert!((4_500..5_500).contains(&lost), "{lost} of 50,000");
        let burst = Burst { enter_ppm: 10_000, leave_ppm: 200_000, loss_ppm: 1_000_000 };
        let mut gusty = road(Weather { burst: Some(burst), ..Weather::CALM });
        let fates: Vec<bool> = (0..50_000).map(|_| gusty.carry(0, 100, &mut tally)[0].is_none()).collect();
        let lost = fates.iter().filter(|lost| **lost).count();
        let runs = fates.windows(2).filter(|pair| !pair[0] && pair[1]).count();
        assert!(lost > 1_000 && lost > 3 * runs, "{lost} lost in {runs} runs");
    }

    #[test]
    fn a_slow_link_queues_and_then_drops() {
        let slow = Weather { bytes_per_s: 10_000, queue_bytes: 3_000, ..Weather::CALM };
        let (mut road, mut tally) = (road(slow), Tally::default());
        let arrivals: Vec<_> = (0..4).map(|_| road.carry(0, 1_000, &mut tally)[0].map(|a| a.at_us)).collect();
        assert_eq!(arrivals, [Some(115_000), Some(215_000), Some(315_000), None]);
        assert!(road.carry(150_000, 1_000, &mut tally)[0].is_some(), "the queue empties");
        assert_eq!(tally.queue_full, 1);
    }

    #[test]
    fn order_is_kept_where_it_is_promised_and_lost_where_not() {
        for in_order in [true, false] {
            let jumpy = Weather { jitter_us: 50_000, in_order, ..Weather::CALM };
            let (mut road, mut tally) = (road(jumpy), Tally::default());
            for at in 0..500 {
                road.carry(at * 1_000, 100, &mut tally);
            }
            assert_eq!(tally.reordered > 0, !in_order);
        }
        let hole = Weather { longest: 1_200, ..Weather::CALM };
        let (mut road, mut tally) = (road(hole), Tally::default());
        assert!(road.carry(0, 1_200, &mut tally)[0].is_some() && road.carry(0, 1_201, &mut tally)[0].is_none());
    }
}
