//! One bot's trade, from the question to the decision, as far as the server has told.
//!
//! ```text
//! Idle ── asks ──▶ Asking ── opened ──▶ Open ── pending ──▶ Pending ── done | failed ──▶ Idle
//!   └──────────── asked, accepted ────────┘└── closed ──▶ Idle
//! ```
//! Who asked offers first; who finds its own side empty offers; who sees both sides filled confirms. The one who asked gives an odd
//! sum and the other an even one, so that no trade changes nothing.

use std::time::Duration;

use mu_wire::messages::{Offer, Refusal, TradeClose};
use mu_wire::{EntityId, Time};

use super::wish::{Goods, OFFER_ITEMS, Wish};
use crate::dice::Dice;

/// A question that nobody answers is taken back after this long.
const QUESTION: Duration = Duration::from_secs(3);
/// A table that comes to nothing is left after this long.
const TABLE: Duration = Duration::from_secs(10);
/// Most zen given at once.
const ZEN_MAX: u64 = 20;

/// What the bot owns, as the server told last.
#[derive(Debug, Clone, Default)]
pub(super) struct Bag {
    pub(super) zen: u64,
    pub(super) items: Vec<u64>,
}

/// How far the trade has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Stage {
    /// No trade.
    #[default]
    Idle,
    /// A question was sent.
    Asking { of: EntityId, since: Time },
    /// At the table.
    Open { table: Table, since: Time },
    /// Both confirmed; the store decides.
    Pending { table: Table, event: u128 },
}

/// A table with a partner.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Table {
    /// The partner's bot number; `None` for somebody who is not of this run.
    pub(super) partner: Option<usize>,
    /// What this bot gives.
    pub(super) given: Goods,
    /// What the partner gives.
    pub(super) taken: Goods,
    /// When this bot last confirmed.
    pub(super) confirmed: Option<Time>,
}

/// How a submitted trade or deal ended for this bot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Ended {
    pub(super) table: Table,
    pub(super) event: u128,
    pub(super) told: Told,
    /// Whether it was no trade but a deal of this bot alone.
    pub(super) alone: bool,
}

/// What the server told about a submitted trade.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Told {
    Success,
    Failed,
    Unknown,
}

/// A bot's trade.
#[derive(Debug, Clone, Default)]
pub(super) struct Trade {
    stage: Stage,
    pub(super) bag: Bag,
}

impl Trade {
    /// Whether the bot has to stay where it is.
    pub(super) fn holds_still(&self) -> bool {
        matches!(self.stage, Stage::Open { .. } | Stage::Pending { .. })
    }

    /// Whether anything is under way.
    pub(super) fn is_busy(&self) -> bool {
        self.stage != Stage::Idle
    }

    /// Asks somebody; false while something else is under way.
    pub(super) fn ask(&mut self, of: EntityId, now: Time, wishes: &mut Vec<Wish>) -> bool {
        if self.is_busy() {
            return false;
        }
        self.stage = Stage::Asking { of, since: now };
        wishes.push(Wish::TradeRequest(of));
        true
    }

    /// Somebody asks.
    pub(super) fn asked(&mut self, willing: bool, wishes: &mut Vec<Wish>) {
        wishes.push(Wish::TradeAnswer(willing && !self.holds_still()));
    }

    /// The table is there.
    pub(super) fn opened(
        &mut self,
        with: EntityId,
        partner: Option<usize>,
        dice: &mut Dice,
        now: Time,
        wishes: &mut Vec<Wish>,
    ) {
        let asked = matches!(self.stage, Stage::Asking { of, .. } if of == with);
        let given = self.goods(asked, dice);
        let table = Table { partner, given, taken: Goods::default(), confirmed: None };
        self.stage = Stage::Open { table, since: now };
        if given.is_empty() {
            wishes.push(Wish::TradeCancel);
        } else if asked {
            wishes.push(Wish::TradeOffer { revision: 0, goods: given });
        }
    }

    /// The table changed.
    pub(super) fn offers(
        &mut self,
        revision: u32,
        mine: &Offer<'_>,
        theirs: &Offer<'_>,
        now: Time,
        wishes: &mut Vec<Wish>,
    ) {
        let Stage::Open { table, .. } = &mut self.stage else { return };
        table.taken = shown(theirs);
        if shown(mine).is_empty() {
            wishes.push(Wish::TradeOffer { revision, goods: table.given });
        } else if !table.taken.is_empty() {
            table.confirmed = Some(now);
            wishes.push(Wish::TradeConfirm(revision));
        }
    }

    /// Both confirmed.
    pub(super) fn pending(&mut self, event: u128) {
        if let Stage::Open { table, .. } = self.stage {
            self.stage = Stage::Pending { table, event };
        }
    }

    /// The server told the end of a trade. `None` when it is not this bot's any more.
    pub(super) fn decided(&mut self, event: u128, told: Told) -> Option<Ended> {
        let table = match self.stage {
            Stage::Pending { table, event: mine } if mine == event => table,
            // Refused while the goods were gathered: it never was pending.
            Stage::Open { table, .. } if told == Told::Failed => table,
            _ => return None,
        };
        self.stage = Stage::Idle;
        Some(Ended { table, event, told, alone: false })
    }

    /// The table was closed without an exchange, or a question declined. Declined is a question: at a table it is an old one.
    pub(super) fn closed(&mut self, reason: TradeClose) {
        match self.stage {
            Stage::Open { .. } if reason == TradeClose::Declined => {}
            Stage::Asking { .. } | Stage::Open { .. } => self.stage = Stage::Idle,
            Stage::Idle | Stage::Pending { .. } => {}
        }
    }

    /// A request of this trade was refused.
    pub(super) fn refused(&mut self, what: Refusal, wishes: &mut Vec<Wish>) {
        match (what, self.stage) {
            (
                Refusal::TradeUnavailable | Refusal::TradeFar | Refusal::TradeBusy | Refusal::Rate,
                Stage::Asking { .. },
            )
            | (Refusal::TradeNone, Stage::Open { .. }) => self.stage = Stage::Idle,
            (Refusal::TradeGoods | Refusal::Unavailable, Stage::Open { .. }) => wishes.push(Wish::TradeCancel),
            _ => {}
        }
    }

    /// Gives up what takes too long.
    pub(super) fn watch(&mut self, now: Time, wishes: &mut Vec<Wish>) {
        match &mut self.stage {
            Stage::Asking { since, .. } if now.since(*since) > QUESTION => {
                self.stage = Stage::Idle;
                wishes.push(Wish::TradeCancel);
            }
            Stage::Open { since, .. } if now.since(*since) > TABLE => {
                // The server's word ends it; it is asked again if that does not come.
                *since = now;
                wishes.push(Wish::TradeCancel);
            }
            _ => {}
        }
    }

    /// The connection is gone, or the bot stands somewhere else. A submitted trade goes on without this bot.
    pub(super) fn cut_off(&mut self) -> Option<Ended> {
        match std::mem::take(&mut self.stage) {
            Stage::Pending { table, event } => Some(Ended { table, event, told: Told::Unknown, alone: false }),
            _ => None,
        }
    }

    /// Something of what the bot has: a little zen and up to two items.
    fn goods(&self, asked: bool, dice: &mut Dice) -> Goods {
        let items = &self.bag.items;
        let sum = 2 * (1 + dice.below(ZEN_MAX / 2)) - u64::from(asked);
        let mut goods = Goods::of_zen(if sum <= self.bag.zen { sum } else { 0 });
        let (wanted, first) = (dice.index(OFFER_ITEMS + 1), dice.index(items.len()));
        items.iter().cycle().skip(first).take(wanted.min(items.len())).for_each(|item| goods.push(*item));
        if goods.is_empty() {
            items.first().into_iter().for_each(|item| goods.push(*item));
        }
        goods
    }
}

fn shown(offer: &Offer<'_>) -> Goods {
    let mut goods = Goods::of_zen(offer.zen);
    offer.items.iter().for_each(|item| goods.push(item.uid));
    goods
}

#[cfg(test)]
mod tests {
    use mu_wire::messages::{Item, List};

    use super::*;

    const NOW: Time = Time(1_000_000);
    const OTHER: EntityId = EntityId(0x0001_0007);

    fn trader(items: &[u64]) -> Trade {
        Trade { stage: Stage::Idle, bag: Bag { zen: 1000, items: items.to_vec() } }
    }

    /// The table as the server would show it to one side.
    fn show(trade: &mut Trade, revision: u32, mine: &Goods, theirs: &Goods, wishes: &mut Vec<Wish>) {
        let items =
            |goods: &Goods| goods.items().iter().map(|uid| Item { uid: *uid, ..Item::default() }).collect::<Vec<_>>();
        let (mine_items, their_items) = (items(mine), items(theirs));
        let mine = Offer { zen: mine.zen, items: List::new(&mine_items) };
        let theirs = Offer { zen: theirs.zen, items: List::new(&their_items) };
        trade.offers(revision, &mine, &theirs, NOW, wishes);
    }

    #[test]
    fn two_bots_come_to_a_trade_that_changes_something() {
        for seed in 0..50 {
            let mut dice = Dice::new(seed, 1);
            let (mut asker, mut other, mut wishes) = (trader(&[1, 2, 3]), trader(&[7]), Vec::new());
            assert!(asker.ask(OTHER, NOW, &mut wishes));
            other.asked(true, &mut wishes);
            asker.opened(OTHER, Some(3), &mut dice, NOW, &mut wishes);
            other.opened(EntityId(9), Some(2), &mut dice, NOW, &mut wishes);
            let Some(Wish::TradeOffer { revision: 0, goods: first }) = wishes.last().copied() else {
                panic!("the asker offers first: {wishes:?}")
            };
            let nothing = Goods::default();
            show(&mut asker, 1, &first, &nothing, &mut wishes);
            show(&mut other, 1, &nothing, &first, &mut wishes);
            let Some(Wish::TradeOffer { revision: 1, goods: second }) = wishes.last().copied() else {
                panic!("the other offers next: {wishes:?}")
            };
            show(&mut asker, 2, &first, &second, &mut wishes);
            show(&mut other, 2, &second, &first, &mut wishes);
            assert_eq!(wishes[wishes.len() - 2..], [Wish::TradeConfirm(2), Wish::TradeConfirm(2)]);
            assert_ne!(first.zen, second.zen, "an exchange of equal sums changes nothing");
            asker.pending(5);
            let ended = asker.decided(5, Told::Success).expect("it was pending");
            assert_eq!((ended.table.partner, ended.table.taken), (Some(3), second));
            assert!(!asker.is_busy());
        }
    }

    #[test]
    fn what_takes_too_long_is_given_up() {
        let (mut trade, mut wishes) = (trader(&[]), Vec::new());
        trade.ask(OTHER, NOW, &mut wishes);
        trade.watch(NOW + QUESTION, &mut wishes);
        assert!(trade.is_busy(), "three seconds are not over yet");
        trade.watch(NOW + QUESTION + Duration::from_millis(1), &mut wishes);
        assert!(!trade.is_busy());
        assert_eq!(wishes.last(), Some(&Wish::TradeCancel));
    }

    #[test]
    fn a_submitted_trade_ends_by_the_servers_word_alone() {
        let (mut trade, mut wishes) = (trader(&[1]), Vec::new());
        trade.opened(OTHER, None, &mut Dice::new(1, 1), NOW, &mut wishes);
        trade.pending(8);
        trade.watch(NOW + Duration::from_secs(3600), &mut wishes);
        trade.closed(TradeClose::TooFar);
        assert_eq!(trade.decided(9, Told::Success), None, "another trade");
        assert!(trade.holds_still());
        assert_eq!(trade.cut_off().map(|ended| (ended.event, ended.told)), Some((8, Told::Unknown)));
    }

    #[test]
    fn an_old_question_that_is_declined_does_not_end_the_table() {
        let (mut trade, mut wishes) = (trader(&[1]), Vec::new());
        trade.ask(OTHER, NOW, &mut wishes);
        trade.opened(EntityId(9), None, &mut Dice::new(1, 1), NOW, &mut wishes);
        trade.closed(TradeClose::Declined);
        assert!(trade.holds_still());
        trade.closed(TradeClose::PartnerCancelled);
        assert!(!trade.is_busy());
    }

    #[test]
    fn a_bot_with_nothing_leaves_the_table() {
        let (mut trade, mut wishes) = (Trade::default(), Vec::new());
        trade.opened(OTHER, None, &mut Dice::new(1, 1), NOW, &mut wishes);
        assert_eq!(wishes, [Wish::TradeCancel]);
    }
}
