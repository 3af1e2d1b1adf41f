//! What a seed makes of a world: its size, and the random subset of faults that it has.
//!
//! Each seed switches most faults off. A world in which everything goes wrong at once dies in the same few ways; worlds in
//! which two or three things go wrong find the others.

use std::time::Duration;

use mu_wal::disk::sim::Weather;

use crate::dice::Dice;

/// Damage to what the disk holds, which no journal survives: it must be noticed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Damage {
    /// One bit is flipped while the server is down.
    Flip,
    /// Frames land on another page.
    Misdirect,
    /// Syncs report success and do nothing.
    Lies,
}

/// A world before it begins.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    /// Maps of the server.
    pub(crate) maps: usize,
    /// Characters, one per account.
    pub(crate) players: usize,
    /// Crashes before the world ends in order.
    pub(crate) lives: usize,
    /// Steps of a life without an accident.
    pub(crate) steps: u64,
    /// Events that a map may have on their way to the journal.
    pub(crate) submitted_max: usize,
    /// Events that fit the queue to the applier.
    pub(crate) logged_max: usize,
    /// Decided segments kept.
    pub(crate) retain: usize,
    /// The disk while the server runs.
    pub(crate) weather: Weather,
    /// The disk during the first attempts of a recovery.
    pub(crate) recovery_weather: Weather,
    /// How many attempts have it.
    pub(crate) stormy_attempts: u64,
    /// Of a thousand calls to the store, how many go wrong.
    pub(crate) store_faults: u64,
    /// Of a thousand steps, how many restart the database.
    pub(crate) store_restarts: u64,
    /// Of a thousand steps, how many send the database away for a while.
    pub(crate) store_aways: u64,
    /// Commits do not wait for the database's disk.
    pub(crate) relaxed: bool,
    /// Crashes take the power with them.
    pub(crate) power: bool,
    /// Crashes take the database with them.
    pub(crate) both: bool,
    /// The applier of a crashed process lives on for a while.
    pub(crate) old_applier: bool,
    /// Players disconnect and change maps.
    pub(crate) moving: bool,
    /// The same event may be submitted twice.
    pub(crate) doubles: bool,
    /// Maps make mistakes that the store must refuse.
    pub(crate) reckless: bool,
    /// The database refuses rows.
    pub(crate) refusals: bool,
    /// Hot state is flushed late.
    pub(crate) late_flush: bool,
    /// Success is told at durability for some events.
    pub(crate) wal_ack: bool,
    /// Time passes in leaps.
    pub(crate) leaps: bool,
    /// The volume has no room for a while.
    pub(crate) full: bool,
    /// What happens to the disk at the end, beyond what anybody survives.
    pub(crate) damage: Option<Damage>,
}

impl Plan {
    /// The plan of a seed.
    pub(crate) fn of(dice: &mut Dice) -> Self {
        let storm = dice.one_in(3);
        let weather = weather(dice, storm);
        let stormy_attempts = if dice.one_in(2) { dice.below(3) } else { 0 };
        let recovery_weather = Weather {
            cut: if dice.one_in(2) { 2_000 } else { 0 },
            error: if dice.one_in(3) { 5_000 } else { 0 },
            read_error: if dice.one_in(4) { 5_000 } else { 0 },
            full: if dice.one_in(6) { 50_000 } else { 0 },
            ..Weather::default()
        };
        let store = dice.one_in(2);
        let mut some = |of: u64| dice.one_in(of);
        let (restarts, aways, relaxed) = (some(3), some(4), !some(4));
        let (power, both, old_applier, moving) = (some(2), some(4), some(3), !some(3));
        let (doubles, reckless, refusals, late_flush) = (some(3), some(2), some(6), some(3));
        let (wal_ack, leaps, full) = (some(3), !some(3), some(8));
        let damage = match dice.below(24) {
            0 => Some(Damage::Flip),
            1 => Some(Damage::Misdirect),
            2 => Some(Damage::Lies),
            _ => None,
        };
        Self {
            maps: dice.index(3) + 1,
            players: dice.index(9) + 2,
            lives: dice.index(12) + 3,
            steps: dice.between(40, 900),
            submitted_max: [2, 4, 16][dice.index(3)],
            logged_max: [1, 3, 64][dice.index(3)],
            retain: dice.index(3),
            weather,
            recovery_weather,
            stormy_attempts,
            store_faults: if store { dice.between(5, 200) } else { 0 },
            store_restarts: if restarts { dice.between(2, 30) } else { 0 },
            store_aways: if aways { dice.between(2, 20) } else { 0 },
            relaxed,
            power,
            both,
            old_applier,
            moving,
            doubles,
            reckless,
            refusals,
            late_flush,
            wal_ack,
            leaps,
            full,
            damage,
        }
    }
}

fn weather(dice: &mut Dice, storm: bool) -> Weather {
    let rate = |dice: &mut Dice, most: u64| u32::try_from(dice.below(most)).unwrap_or(0);
    if !storm {
        return Weather { cut: if dice.one_in(3) { 0 } else { rate(dice, 2_000) }, ..Weather::default() };
    }
    Weather {
        cut: rate(dice, 2_000),
        error: if dice.one_in(2) { rate(dice, 20_000) } else { 0 },
        stall: if dice.one_in(2) { rate(dice, 20_000) } else { 0 },
        stall_max: Duration::from_millis(dice.between(1, 60_000)),
        ..Weather::default()
    }
}
