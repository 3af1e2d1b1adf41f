//! The world by the rules, for the histories: what an event does, and whether it can. Written over plain maps; shares no
//! code with the store but the rules of a well-formed event, which have tests of their own.

use std::collections::{BTreeMap, BTreeSet};

use mu_storage::event::{Close, Currency, Deed, EventKind, Place, Resolve, ValueEvent};

#[derive(Default, Clone)]
pub(super) struct Auction {
    pub(super) version: i32,
    pub(super) seller: i64,
    pub(super) min_bid: i64,
    pub(super) buy_out: i64,
    pub(super) bidder: i64,
    pub(super) bid: i64,
    pub(super) open: bool,
    pub(super) item: i64,
}

#[derive(Clone)]
pub(super) struct Waiting {
    pub(super) event: ValueEvent,
    pub(super) names: BTreeSet<(u8, i64)>,
}

#[derive(Default)]
pub(super) struct Model {
    pub(super) money: BTreeMap<(i64, i32), i64>,
    pub(super) items: BTreeMap<i64, (Place, i32)>,
    pub(super) used: BTreeSet<i64>,
    /// Receiver, zen, number of items, and whether it waits.
    pub(super) parcels: BTreeMap<i64, (i64, i64, usize, bool)>,
    pub(super) auctions: BTreeMap<i64, Auction>,
    pub(super) growth: BTreeMap<i64, (i32, u16, u16, [u16; 4])>,
    pub(super) waiting: Vec<Waiting>,
    pub(super) resolved: BTreeSet<u128>,
    pub(super) next: i64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Class {
    Applied,
    Rejected,
    Quarantined,
}

/// What an event's outcome depends on.
pub(super) fn names(event: &ValueEvent) -> BTreeSet<(u8, i64)> {
    let mut names = BTreeSet::new();
    let before = event.moves.iter().map(|m| m.from).chain(event.burns.iter().map(|b| b.from));
    let after: Vec<Place> = event.moves.iter().map(|m| m.to).chain(event.mints.iter().map(|m| m.to)).collect();
    for place in before.chain(after.iter().copied()) {
        match place.container {
            Place::INVENTORY => _ = names.insert((0, place.owner)),
            Place::WAREHOUSE => _ = names.insert((2, place.owner)),
            _ => {}
        }
    }
    names.extend(after.iter().filter(|place| place.container == Place::GROUND).map(|place| (0, place.owner)));
    for change in event.balances.iter().filter(|change| change.account > 0) {
        names.insert((if change.currency == Currency::Zen { 0 } else { 2 }, change.account));
    }
    names.extend(event.mints.iter().map(|m| (1, m.uid)));
    names.extend(event.moves.iter().map(|m| (1, m.uid)));
    names.extend(event.burns.iter().map(|b| (1, b.uid)));
    names.extend(event.parcels.iter().map(|p| (3, p.id)));
    match &event.deed {
        Some(Deed::Growth(growth)) => _ = names.insert((0, growth.character)),
        Some(Deed::Claim { parcel }) => _ = names.insert((3, *parcel)),
        Some(Deed::Listing(listing)) => names.extend([(4, listing.id), (0, listing.seller)]),
        Some(Deed::Bid { listing, bidder, .. }) => names.extend([(4, *listing), (0, *bidder)]),
        Some(Deed::Close { listing, .. }) => _ = names.insert((4, *listing)),
        Some(Deed::Cash { account, .. }) => _ = names.insert((2, *account)),
        _ => {}
    }
    names
}

impl Model {
    pub(super) fn fresh(&mut self) -> i64 {
        self.next += 1;
        self.next
    }

    pub(super) fn has(&self, account: i64, currency: Currency) -> i64 {
        self.money.get(&(account, currency.code())).copied().unwrap_or(0)
    }

    /// The items in a kind of container, of one owner or of all.
    pub(super) fn lying(&self, owner: Option<i64>, container: u8) -> Vec<(i64, i32, Place)> {
        let here = |place: &Place| place.container == container && owner.is_none_or(|owner| owner == place.owner);
        self.items.iter().filter(|(_, (place, _))| here(place)).map(|(&uid, &(place, v))| (uid, v, place)).collect()
    }

    pub(super) fn free(&self, make: impl Fn(u16) -> Place) -> Place {
        let taken = |place: &Place| self.items.values().any(|(at, _)| at == place);
        (0..1000).map(make).find(|place| !taken(place)).expect("containers are large")
    }

    pub(super) fn decide(&mut self, event: &ValueEvent, told: bool) -> Class {
        if event.check().is_err() {
            self.waiting.push(Waiting { names: names(event), event: event.clone() });
            return Class::Quarantined;
        }
        let frozen = names(event).iter().any(|name| self.waiting.iter().any(|w| w.names.contains(name)));
        if event.kind != EventKind::Resolution && frozen {
            self.waiting.push(Waiting { names: names(event), event: event.clone() });
            return Class::Quarantined;
        }
        if self.fits(event) {
            self.change(event);
            return Class::Applied;
        }
        if told {
            self.waiting.push(Waiting { names: names(event), event: event.clone() });
            return Class::Quarantined;
        }
        Class::Rejected
    }

    pub(super) fn fits(&self, event: &ValueEvent) -> bool {
        let there = |uid, version, place| self.items.get(&uid) == Some(&(place, version));
        let items = event.moves.iter().all(|m| there(m.uid, m.version, m.from))
            && event.burns.iter().all(|b| there(b.uid, b.version, b.from))
            && event.mints.iter().all(|m| !self.used.contains(&m.uid));
        let leaving: BTreeSet<i64> =
            event.moves.iter().map(|m| m.uid).chain(event.burns.iter().map(|b| b.uid)).collect();
        let targets = event.moves.iter().map(|m| m.to).chain(event.mints.iter().map(|m| m.to));
        let mut taken = targets.filter(|t| self.items.iter().any(|(uid, (at, _))| at == t && !leaving.contains(uid)));
        let rich = event.balances.iter().all(|c| c.account < 0 || self.has(c.account, c.currency) + c.delta >= 0);
        items && taken.next().is_none() && rich && self.deed_fits(event)
    }

    pub(super) fn deed_fits(&self, event: &ValueEvent) -> bool {
        let people: BTreeSet<i64> = names(event).iter().filter(|n| n.0 == 0).map(|n| n.1).collect();
        let purses: BTreeSet<i64> = names(event).iter().filter(|n| n.0 == 2).map(|n| n.1).collect();
        match &event.deed {
            None => {
                event.kind != EventKind::WarehouseMove || people.iter().chain(&purses).all(|id| people.contains(id))
            }
            Some(Deed::Claim { parcel }) => {
                let (to, zen, items, open) = self.parcels[parcel];
                let claimed: i64 = event.balances.iter().filter(|c| c.account > 0).map(|c| c.delta).sum();
                open && people.iter().all(|id| *id == to) && claimed == zen && event.moves.len() == items
            }
            Some(Deed::Bid { listing, version, bidder, amount }) => {
                let row = &self.auctions[listing];
                let price = row.buy_out > 0 && *amount >= row.buy_out;
                let right = if event.kind == EventKind::AuctionBid { !price } else { *amount == row.buy_out };
                row.open
                    && row.version == *version
                    && *bidder != row.seller
                    && right
                    && *amount > row.bid
                    && *amount >= row.min_bid
            }
            Some(Deed::Close { listing, version, how }) => {
                let row = &self.auctions[listing];
                let right = match how {
                    Close::Sold => row.bid > 0,
                    Close::Expired => row.bid == 0,
                    Close::Cancelled => true,
                };
                row.open && row.version == *version && right
            }
            Some(Deed::Growth(new)) => {
                let old = self.growth[&new.character];
                let up = event.kind == EventKind::LevelUp;
                new.version == old.0 && (up || old.2 >= 2)
            }
            Some(Deed::Resolution { event_id, action, second, .. }) => {
                let Some(at) = self.waiting.iter().position(|w| w.event.event_id == *event_id) else { return false };
                let target = &self.waiting[at];
                let cash = target.event.balances.iter().any(|c| c.currency == Currency::Cash);
                let first = self.waiting[..at].iter().all(|w| w.names.is_disjoint(&target.names));
                let possible = target.event.check().is_ok() && first && self.fits(&target.event);
                (!cash || !second.is_empty()) && (*action != Resolve::Apply || possible)
            }
            Some(_) => true,
        }
    }

    pub(super) fn change(&mut self, event: &ValueEvent) {
        for burn in &event.burns {
            self.items.remove(&burn.uid);
        }
        for m in &event.moves {
            self.items.insert(m.uid, (m.to, m.version + 1));
        }
        for mint in &event.mints {
            self.used.insert(mint.uid);
            self.items.insert(mint.uid, (mint.to, 1));
        }
        for change in &event.balances {
            *self.money.entry((change.account, change.currency.code())).or_default() += change.delta;
        }
        for parcel in &event.parcels {
            let items = self.lying(Some(parcel.id), Place::POST).len();
            self.parcels.insert(parcel.id, (parcel.to, parcel.zen, items, true));
        }
        match &event.deed {
            Some(Deed::Claim { parcel }) => self.parcels.get_mut(parcel).unwrap().3 = false,
            Some(Deed::Listing(new)) => {
                let (seller, min_bid, buy_out, item) = (new.seller, new.min_bid, new.buy_out, event.moves[0].uid);
                let row = Auction { version: 1, seller, min_bid, buy_out, open: true, item, ..Auction::default() };
                self.auctions.insert(new.id, row);
            }
            Some(Deed::Bid { listing, bidder, amount, .. }) => {
                let row = self.auctions.get_mut(listing).unwrap();
                (row.version, row.bidder, row.bid) = (row.version + 1, *bidder, *amount);
                row.open = event.kind == EventKind::AuctionBid;
            }
            Some(Deed::Close { listing, .. }) => {
                let row = self.auctions.get_mut(listing).unwrap();
                (row.version, row.open) = (row.version + 1, false);
            }
            Some(Deed::Growth(new)) => {
                self.growth.insert(new.character, (new.version + 1, new.level, new.points, new.stats));
            }
            Some(Deed::Resolution { event_id, action, .. }) => {
                let at = self.waiting.iter().position(|w| w.event.event_id == *event_id).unwrap();
                let target = self.waiting.remove(at).event;
                if *action == Resolve::Apply {
                    self.change(&target);
                }
                self.resolved.insert(*event_id);
            }
            _ => {}
        }
    }
}
