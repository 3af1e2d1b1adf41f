//! Applying an event whose preconditions hold: the world changes, and the rows that say so are added.

use super::World;
use super::deeds::grown;
use super::effects::{
    AuthorityRow, CashRow, Effects, GrowthStep, HistoryRow, LedgerRow, ListingAct, ListingStep, Step,
};
use super::rows::{Balance, CharacterRow, GrowthRow, ItemRow, ListingRow, ListingState, ParcelRow, Tracked};
use crate::event::{Birth, Close, Currency, Deed, EventKind, Place, ValueEvent};
use crate::names;

/// The place of an item that does not exist.
const NOWHERE: Place = Place { owner: 0, container: 0, slot: 0 };

impl World {
    /// Makes an event's changes. Everything was checked before.
    pub(super) fn change(&mut self, event: &ValueEvent, effects: &mut Effects) {
        self.change_deed(event, effects);
        self.change_parcels(event, effects);
        self.change_items(event, effects);
        self.change_balances(event, effects);
    }

    fn change_deed(&mut self, event: &ValueEvent, effects: &mut Effects) {
        let event_id = event.event_id;
        match &event.deed {
            Some(Deed::Birth(birth)) => self.bear(*birth, event_id, effects),
            Some(Deed::Growth(deed)) => {
                let growth = grown(deed);
                let tracked = self.characters.entry(deed.character).or_default();
                let row = tracked.now.as_mut().expect("checked above");
                row.growth = growth;
                effects.growth.push(GrowthStep { character: deed.character, event_id, growth });
            }
            Some(Deed::Claim { parcel }) => {
                let tracked = self.parcels.entry(*parcel).or_default();
                tracked.now.as_mut().expect("checked above").claimed_by = Some(event_id);
                effects.parcel_acts += 1;
            }
            Some(Deed::Listing(_) | Deed::Bid { .. } | Deed::Close { .. }) => self.change_listing(event, effects),
            Some(Deed::Cash { account, reference }) => {
                let (account, reference) = (*account, reference.as_str().to_owned());
                effects.cash.push(CashRow { event_id, account, reference });
            }
            Some(Deed::Authority { operator, reason }) => {
                let (operator, reason) = (operator.as_str().to_owned(), reason.as_str().to_owned());
                effects.authority.push(AuthorityRow {
                    event_id,
                    operator,
                    reason,
                    second: String::new(),
                    resolves: None,
                });
            }
            Some(Deed::Resolution { event_id: resolved, operator, reason, second, .. }) => {
                let (operator, reason) = (operator.as_str().to_owned(), reason.as_str().to_owned());
                let second = second.as_str().to_owned();
                let resolves = Some(*resolved);
                effects.authority.push(AuthorityRow { event_id, operator, reason, second, resolves });
            }
            None => {}
        }
    }

    fn bear(&mut self, birth: Birth, event_id: u128, effects: &mut Effects) {
        let row = CharacterRow { account: birth.account, growth: GrowthRow::BORN };
        self.characters.insert(birth.character, Tracked { before: None, now: Some(row) });
        *self.accounts.entry(birth.account).or_default() += 1;
        self.names.insert(names::key(birth.name.as_str()));
        let zen = (birth.character, Currency::Zen.code());
        self.balances.insert(zen, Balance { before: None, now: 0 });
        effects.births.push((birth, event_id));
    }

    fn change_listing(&mut self, event: &ValueEvent, effects: &mut Effects) {
        let event_id = event.event_id;
        let (listing, act, bidder, amount) = match &event.deed {
            Some(Deed::Listing(new)) => {
                let row = ListingRow {
                    version: 0,
                    seller: new.seller,
                    min_bid: new.min_bid,
                    buy_out: new.buy_out,
                    ends_s: new.ends_s,
                    bidder: 0,
                    bid: 0,
                    state: ListingState::Open,
                    made_by: event_id,
                };
                self.listings.entry(new.id).or_default().now = Some(row);
                (new.id, ListingAct::Listed, 0, 0)
            }
            Some(Deed::Bid { listing, bidder, amount, .. }) => {
                let buys_out = event.kind == EventKind::AuctionBuyOut;
                let act = if buys_out { ListingAct::BoughtOut } else { ListingAct::Bid };
                (*listing, act, *bidder, *amount)
            }
            Some(Deed::Close { listing, how, .. }) => {
                let act = match how {
                    Close::Sold => ListingAct::Sold,
                    Close::Expired => ListingAct::Expired,
                    Close::Cancelled => ListingAct::Cancelled,
                };
                (*listing, act, 0, 0)
            }
            _ => return,
        };
        let row = self.listings.entry(listing).or_default().now.as_mut().expect("checked above");
        row.version += 1;
        row.state = match act {
            ListingAct::Listed | ListingAct::Bid => ListingState::Open,
            ListingAct::BoughtOut => ListingState::BoughtOut,
            ListingAct::Sold => ListingState::Sold,
            ListingAct::Expired => ListingState::Expired,
            ListingAct::Cancelled => ListingState::Cancelled,
        };
        if bidder > 0 {
            (row.bidder, row.bid) = (bidder, amount);
        }
        let (version, bidder, amount) = (row.version, row.bidder, row.bid);
        effects.listing_steps.push(ListingStep { listing, version, event_id, act, bidder, amount });
    }

    fn change_parcels(&mut self, event: &ValueEvent, effects: &mut Effects) {
        for parcel in &event.parcels {
            let row = ParcelRow {
                sender: parcel.from,
                receiver: parcel.to,
                zen: parcel.zen,
                items: i32::try_from(event.items_in(parcel)).expect("an event has few items"),
                made_by: event.event_id,
                claimed_by: None,
            };
            self.parcels.entry(parcel.id).or_default().now = Some(row);
            effects.parcel_acts += 1;
        }
    }

    fn change_items(&mut self, event: &ValueEvent, effects: &mut Effects) {
        for place in event.sources() {
            self.places.remove(&place);
        }
        let event_id = event.event_id;
        for mint in &event.mints {
            let (template, level) = (mint.template.into(), mint.level.into());
            self.minted.insert(mint.uid);
            self.put(mint.uid, ItemRow { version: 1, template, level, place: mint.to });
            let step = Step::Minted;
            effects.history.push(HistoryRow { uid: mint.uid, seq: 1, event_id, step, from: NOWHERE, to: mint.to });
        }
        for change in &event.moves {
            let old = self.items[&change.uid].now.expect("checked above");
            let seq = change.version + 1;
            self.put(change.uid, ItemRow { version: seq, place: change.to, ..old });
            let (from, to, step) = (change.from, change.to, Step::Moved);
            effects.history.push(HistoryRow { uid: change.uid, seq, event_id, step, from, to });
        }
        for burn in &event.burns {
            self.items.entry(burn.uid).or_default().now = None;
            let (uid, seq, step) = (burn.uid, burn.version + 1, Step::Burned);
            effects.history.push(HistoryRow { uid, seq, event_id, step, from: burn.from, to: NOWHERE });
        }
    }

    fn put(&mut self, uid: i64, item: ItemRow) {
        self.items.entry(uid).or_default().now = Some(item);
        let before = self.places.insert(item.place, uid);
        assert_eq!(before, None, "the place {:?} was checked to be free", item.place);
    }

    fn change_balances(&mut self, event: &ValueEvent, effects: &mut Effects) {
        for change in &event.balances {
            let (account, currency, delta) = (change.account, change.currency.code(), change.delta);
            let balance = self.balances.entry((account, currency)).or_insert(Balance { before: None, now: 0 });
            balance.now += delta;
            effects.ledger.push(LedgerRow { event_id: event.event_id, account, currency, delta });
        }
    }
}
