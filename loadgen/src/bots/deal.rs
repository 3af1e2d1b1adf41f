//! What one bot does with its goods by itself: warehouse, shop and ground, one deal at a time, as far as the server has
//! told.
//!
//! ```text
//! Idle ── asks ──▶ Asked ── pending ──▶ Pending ── done | failed ──▶ Idle
//!                    └── refused, or nothing for too long ──▶ Idle
//! ```
//! A keeper that the bot does not know yet is asked first what it keeps.

use std::time::Duration;

use mu_wire::messages::{Item, List, Refusal, Ware};
use mu_wire::motion::Tile;
use mu_wire::{EntityId, Time};

use super::mind::{REACH, Surroundings};
use super::trade::{Bag, Ended, Table, Told};
use super::wish::{Goods, Wish};
use crate::dice::Dice;

/// A request that nobody answers is forgotten after this long.
const ANSWER: Duration = Duration::from_secs(10);
/// Items are picked up within this many tiles; the server allows a little more.
const ARM: u8 = 1;
/// Most zen moved at once.
const ZEN_MAX: u64 = 20;

/// How far the deal has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Stage {
    /// No deal.
    #[default]
    Idle,
    /// A request was sent.
    Asked { since: Time },
    /// Submitted; the store decides.
    Pending { event: u128, since: Time },
}

/// What a bot can turn to from where it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Near {
    /// The keeper of the warehouse.
    Warehouse(EntityId),
    /// The keeper of a shop.
    Shop(EntityId),
    /// An item on the ground.
    Item(EntityId),
}

/// A bot's deals.
#[derive(Debug, Clone, Default)]
pub(super) struct Deals {
    stage: Stage,
    /// What lies in the warehouse; `None` until the server told.
    stored: Option<Bag>,
    /// The shop asked last, with the position and price of its cheapest ware.
    shop: Option<(EntityId, u8, u64)>,
}

impl Deals {
    /// Whether anything is under way.
    pub(super) fn is_busy(&self) -> bool {
        self.stage != Stage::Idle
    }

    /// Does something with what is near; false while something else is under way.
    pub(super) fn turn_to(
        &mut self,
        near: Option<Near>,
        bag: &Bag,
        dice: &mut Dice,
        now: Time,
        wishes: &mut Vec<Wish>,
    ) -> bool {
        if self.is_busy() {
            return false;
        }
        let wish = match near {
            Some(Near::Item(target)) => Some(Wish::PickUp(target)),
            Some(Near::Warehouse(keeper)) => Some(self.warehouse(keeper, bag, dice)),
            Some(Near::Shop(keeper)) => self.trade(keeper, bag, dice),
            None => bag.items.first().map(|item| Wish::Drop(*item)),
        };
        match wish {
            Some(Wish::KeeperOpen(keeper)) => wishes.push(Wish::KeeperOpen(keeper)),
            Some(wish) => {
                self.stage = Stage::Asked { since: now };
                wishes.push(wish);
                return true;
            }
            None => {}
        }
        false
    }

    fn warehouse(&self, keeper: EntityId, bag: &Bag, dice: &mut Dice) -> Wish {
        let Some(stored) = &self.stored else { return Wish::KeeperOpen(keeper) };
        let out = dice.below(2) == 0 && (stored.zen > 0 || !stored.items.is_empty());
        let from = if out { stored } else { bag };
        let mut goods = Goods::of_zen((1 + dice.below(ZEN_MAX)).min(from.zen));
        // Always keep something to trade with.
        if from.items.len() > usize::from(!out) {
            goods.push(from.items[dice.index(from.items.len())]);
        }
        if out { Wish::Withdraw { keeper, goods } } else { Wish::Deposit { keeper, goods } }
    }

    fn trade(&self, keeper: EntityId, bag: &Bag, dice: &mut Dice) -> Option<Wish> {
        match self.shop.filter(|(known, ..)| *known == keeper) {
            None => Some(Wish::KeeperOpen(keeper)),
            Some((_, ware, price)) if bag.zen >= price && (dice.below(2) == 0 || bag.items.len() < 2) => {
                Some(Wish::Buy { keeper, ware, price })
            }
            Some(_) if bag.items.len() > 1 => Some(Wish::Sell { keeper, item: bag.items[dice.index(bag.items.len())] }),
            Some(_) => None,
        }
    }

    /// What lies in the warehouse.
    pub(super) fn stored(&mut self, zen: u64, items: List<'_, Item>) {
        self.stored = Some(Bag { zen, items: items.iter().map(|item| item.uid).collect() });
    }

    /// What a shop sells.
    pub(super) fn wares(&mut self, keeper: EntityId, wares: List<'_, Ware>) {
        let cheapest = (0u8..).zip(wares.iter()).min_by_key(|(_, ware)| ware.price);
        self.shop = cheapest.map(|(at, ware)| (keeper, at, ware.price));
    }

    /// A deal was submitted; the server may do so by itself.
    pub(super) fn pending(&mut self, event: u128) {
        if let Stage::Asked { since } = self.stage {
            self.stage = Stage::Pending { event, since };
        }
    }

    /// The server told the end of a deal. `None` when it is not one the bot asked for.
    pub(super) fn decided(&mut self, event: u128, told: Told) -> Option<Ended> {
        let Stage::Pending { event: mine, since } = self.stage else { return None };
        (mine == event).then(|| {
            self.stage = Stage::Idle;
            ended(event, since, told)
        })
    }

    /// A request was refused.
    pub(super) fn refused(&mut self, what: Refusal) {
        let of_deals = matches!(
            what,
            Refusal::KeeperFar
                | Refusal::Busy
                | Refusal::Goods
                | Refusal::NoRoom
                | Refusal::Price
                | Refusal::GroundGone
                | Refusal::Unavailable
        );
        if of_deals && matches!(self.stage, Stage::Asked { .. }) {
            self.stage = Stage::Idle;
        }
    }

    /// Forgets a request that nobody answers; true if there was one.
    pub(super) fn watch(&mut self, now: Time) -> bool {
        let silent = matches!(self.stage, Stage::Asked { since } if now.since(since) > ANSWER);
        if silent {
            self.stage = Stage::Idle;
        }
        silent
    }

    /// The connection is gone, or the bot stands somewhere else. A submitted deal goes on without this bot.
    pub(super) fn cut_off(&mut self) -> Option<Ended> {
        self.shop = None;
        match std::mem::take(&mut self.stage) {
            Stage::Pending { event, since } => Some(ended(event, since, Told::Unknown)),
            _ => None,
        }
    }
}

/// A keeper within reach or an item beside the bot; now and then none, although there is one.
pub(super) fn thing_near(here: Tile, pick: u64, around: &impl Surroundings) -> Option<Near> {
    let mut dice = Dice::new(pick, 3);
    let within = |thing: Near, tile: Tile| {
        let reach = if matches!(thing, Near::Item(_)) { ARM } else { REACH };
        tile.x.abs_diff(here.x).max(tile.y.abs_diff(here.y)) <= reach
    };
    let mut count = 0;
    around.things(&mut |thing, tile| count += usize::from(within(thing, tile)));
    let none = usize::from(dice.below(8) == 0);
    let mut left = dice.index(count + none);
    let mut chosen = None;
    around.things(&mut |thing, tile| {
        if chosen.is_none() && within(thing, tile) {
            if left == 0 {
                chosen = Some(thing);
            }
            left = left.wrapping_sub(1);
        }
    });
    chosen
}

fn ended(event: u128, since: Time, told: Told) -> Ended {
    let table = Table { partner: None, given: Goods::default(), taken: Goods::default(), confirmed: Some(since) };
    Ended { table, event, told, alone: true }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Time = Time(1_000_000);
    const KEEPER: EntityId = EntityId(7);

    fn bag() -> Bag {
        Bag { zen: 500, items: vec![1, 2, 3] }
    }

    fn turn(deals: &mut Deals, near: Option<Near>, wishes: &mut Vec<Wish>) -> bool {
        deals.turn_to(near, &bag(), &mut Dice::new(1, 1), NOW, wishes)
    }

    #[test]
    fn a_keeper_is_asked_before_it_is_used_and_one_deal_runs_at_a_time() {
        let (mut deals, mut wishes) = (Deals::default(), Vec::new());
        assert!(!turn(&mut deals, Some(Near::Warehouse(KEEPER)), &mut wishes));
        assert_eq!(wishes, [Wish::KeeperOpen(KEEPER)]);
        deals.stored(0, List::new(&[]));
        assert!(turn(&mut deals, Some(Near::Warehouse(KEEPER)), &mut wishes));
        assert!(matches!(wishes.last(), Some(Wish::Deposit { goods, .. }) if goods.zen > 0), "{wishes:?}");
        assert!(deals.is_busy() && !turn(&mut deals, None, &mut wishes));
        deals.pending(9);
        assert_eq!(deals.decided(8, Told::Success), None, "another deal");
        let ended = deals.decided(9, Told::Success).expect("it was pending");
        assert!(ended.alone && !deals.is_busy());
    }

    #[test]
    fn the_cheapest_ware_is_bought_or_something_sold() {
        let (mut deals, mut wishes) = (Deals::default(), Vec::new());
        let wares = [900, 30, 40].map(|price| Ware { template: 1, level: 0, price });
        deals.wares(KEEPER, List::new(&wares));
        for seed in 0..20 {
            let mut one = deals.clone();
            assert!(one.turn_to(Some(Near::Shop(KEEPER)), &bag(), &mut Dice::new(seed, 1), NOW, &mut wishes));
        }
        assert!(wishes.contains(&Wish::Buy { keeper: KEEPER, ware: 1, price: 30 }), "{wishes:?}");
        assert!(wishes.iter().any(|wish| matches!(wish, Wish::Sell { .. })), "{wishes:?}");
    }

    #[test]
    fn a_silent_or_refusing_server_is_not_waited_for_but_a_decision_is() {
        let (mut deals, mut wishes) = (Deals::default(), Vec::new());
        assert!(turn(&mut deals, None, &mut wishes));
        deals.refused(Refusal::ChatRate);
        assert!(deals.is_busy());
        deals.refused(Refusal::Busy);
        assert!(!deals.is_busy());
        assert!(turn(&mut deals, Some(Near::Item(KEEPER)), &mut wishes));
        assert!(!deals.watch(NOW + ANSWER) && deals.watch(NOW + ANSWER + Duration::from_millis(1)));
        assert!(turn(&mut deals, None, &mut wishes));
        deals.pending(3);
        assert!(!deals.watch(NOW + Duration::from_secs(3600)));
        assert_eq!(deals.cut_off().map(|ended| (ended.event, ended.told)), Some((3, Told::Unknown)));
    }
}
