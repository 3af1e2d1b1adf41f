//! What only players have: who they are, what they carry, how much they may say, whom they trade with.
//!
//! One cold row per player, by slot. Rows are made when a slot is used for the first time and overwritten afterwards,
//! so a map with room for thousands costs what its busiest moment needed. Positions, health and everything looked at
//! in each tick is in `entities`.

use arrayvec::{ArrayString, ArrayVec};
use mu_storage::event::MAX_SLOTS;
use mu_storage::ids::{AccountId, CharacterId};
use mu_storage::store::LoadedCharacter;
use mu_wire::{EntityId, Tick};

use super::inventory::{Inventory, Item};

/// A player's name, inline.
pub type PlayerName = ArrayString<10>;

/// Most items given back at one entry: one deal holds as many.
const RETURNING: usize = super::inbox::DEAL_ITEMS;

/// The cold row of a player.
#[derive(Debug, Clone)]
pub struct Player {
    /// Which character.
    pub character: CharacterId,
    /// Whose it is.
    pub account: AccountId,
    /// Its name.
    pub name: PlayerName,
    /// Its class, as numbered by the content.
    pub class: u16,
    /// Its level.
    pub level: u16,
    /// The owner epoch it is held under.
    pub owner_epoch: i64,
    /// The version of its hot state; grows with each row given out.
    pub version: i64,
    /// Mana.
    pub mp: u16,
    /// Most mana.
    pub mp_max: u16,
    /// What it carries.
    pub inventory: Inventory,
    /// Its account's warehouse: nobody else has it while this character is in the world.
    pub warehouse: Inventory,
    /// What it dropped before it left and nobody picked up, with its places on the ground; given back in time.
    pub returning: ArrayVec<(Item, u16), RETURNING>,
    /// The place on the ground of what it drops next.
    pub next_ground: u16,
    /// What it may still say.
    pub chat: Bucket,
    /// How often it may still ask others to trade.
    pub asking: Bucket,
    /// What it has under way with others and by itself.
    pub dealings: Dealings,
}

/// Whom a player deals with, and how much is undecided.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Dealings {
    /// Its row in the trade table, while one is open or undecided.
    pub trade: Option<u16>,
    /// Whom it asked to trade.
    pub asked: Option<EntityId>,
    /// Who asked it to trade.
    pub asked_by: Option<EntityId>,
    /// When the question it was asked lapses.
    pub lapses: Tick,
    /// How many of its deals are undecided.
    pub deals: u8,
    /// The portal it stepped into, until it is handed over or stays.
    pub portal: Option<u16>,
}

impl Player {
    /// The row of a character as the store knows it.
    #[must_use]
    pub fn new(loaded: &LoadedCharacter, mp_max: u16) -> Self {
        let narrow = |value: i32| u16::try_from(value).unwrap_or(0);
        let mut name = PlayerName::new();
        for letter in loaded.character.name.chars() {
            if name.try_push(letter).is_err() {
                break;
            }
        }
        Self {
            character: loaded.character.id,
            account: loaded.character.account,
            name,
            class: narrow(loaded.character.class),
            level: narrow(loaded.character.level),
            owner_epoch: loaded.hot.owner_epoch,
            version: loaded.hot.version,
            mp: narrow(loaded.hot.mp),
            mp_max,
            inventory: filled(loaded.zen, &loaded.items),
            warehouse: filled(loaded.stored_zen, &loaded.warehouse),
            returning: loaded.ground.iter().take(RETURNING).map(lying).collect(),
            next_ground: loaded.ground.iter().map(|item| lying(item).1 + 1).max().unwrap_or(0) % MAX_SLOTS,
            chat: Bucket::default(),
            asking: Bucket::default(),
            dealings: Dealings::default(),
        }
    }
}

/// A container as the store knows it.
fn filled(zen: i64, items: &[mu_storage::store::Item]) -> Inventory {
    let mut inventory = Inventory::with_zen(zen);
    for item in items {
        inventory.put(u8::try_from(item.slot).unwrap_or(u8::MAX), held(item));
    }
    inventory
}

/// An item on the ground as the store knows it, and its place there.
fn lying(item: &mu_storage::store::Item) -> (Item, u16) {
    (held(item), u16::try_from(item.slot).unwrap_or(0))
}

fn held(item: &mu_storage::store::Item) -> Item {
    let (template, level) = (u16::try_from(item.template), u8::try_from(item.level));
    let (template, level) = (template.unwrap_or(0), level.unwrap_or(u8::MAX));
    Item { uid: item.uid.0, template, level, version: item.version }
}

/// A token bucket on ticks: `burst` at once, one more every `every` ticks.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Bucket {
    spent: u32,
    since: Tick,
}

impl Bucket {
    /// Takes one token; false when there is none.
    pub fn take(&mut self, tick: Tick, burst: u32, every: u32) -> bool {
        let refilled = tick.since(self.since) / every.max(1);
        self.spent = self.spent.saturating_sub(refilled);
        self.since = if self.spent == 0 { tick } else { self.since + refilled * every };
        if self.spent >= burst {
            return false;
        }
        self.spent += 1;
        true
    }

    /// Milliseconds until there is a token again.
    #[must_use]
    pub fn wait_ms(&self, tick: Tick, every: u32) -> u32 {
        every.saturating_sub(tick.since(self.since)).saturating_mul(u32::from(Tick::MILLIS))
    }

    /// What the state hash takes in.
    #[must_use]
    pub fn state(&self) -> u64 {
        u64::from(self.spent) << 32 | u64::from(self.since.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_gives_its_burst_and_then_its_rate() {
        let mut bucket = Bucket::default();
        let taken: Vec<bool> = (0..5).map(|_| bucket.take(Tick(100), 3, 30)).collect();
        assert_eq!(taken, [true, true, true, false, false]);
        assert!(!bucket.take(Tick(129), 3, 30));
        assert!(bucket.take(Tick(130), 3, 30));
        assert!(!bucket.take(Tick(131), 3, 30));
        let later: Vec<bool> = (0..5).map(|_| bucket.take(Tick(1_000), 3, 30)).collect();
        assert_eq!(later, [true, true, true, false, false], "a long silence refills the burst and no more");
    }

    #[test]
    fn over_a_long_time_never_more_than_burst_plus_rate() {
        for step in [1, 7, 13, 29, 31] {
            let mut bucket = Bucket::default();
            let taken = (0..3_000).step_by(step).filter(|&tick| bucket.take(Tick(tick), 3, 30)).count();
            assert!(taken <= 3 + 3_000 / 30, "step {step}: {taken}");
        }
    }
}
