//! The preconditions of deeds: growth, parcels, auctions. They read rows and change nothing.

use super::World;
use super::rows::{GrowthRow, ListingRow, ListingState, ParcelRow};
use crate::event::{Close, Currency, Deed, EventKind, Growth, Parcel, Place, ValueEvent};
use crate::ids::SystemAccount;
use crate::planted::{self, Bug};
use crate::store::Reason;

impl World {
    pub(super) fn check_deed(&self, event: &ValueEvent) -> Result<(), Reason> {
        match &event.deed {
            Some(Deed::Birth(birth)) => self.check_birth(birth),
            Some(Deed::Growth(growth)) => self.check_growth(event.kind, growth),
            Some(Deed::Claim { parcel }) => self.check_claim(event, *parcel),
            Some(Deed::Listing(listing)) => {
                let free = self.listings.get(&listing.id).is_none_or(|tracked| tracked.now.is_none());
                if free { Ok(()) } else { Err(Reason::ListingExists) }
            }
            Some(Deed::Bid { listing, version, bidder, amount }) => {
                let row = self.open_listing(*listing, *version)?;
                check_bid(event, row, *bidder, *amount)
            }
            Some(Deed::Close { listing, version, how }) => {
                let row = self.open_listing(*listing, *version)?;
                check_close(event, row, *how)
            }
            Some(Deed::Cash { .. } | Deed::Authority { .. } | Deed::Resolution { .. }) | None => Ok(()),
        }
    }

    /// That the ids of new parcels are free.
    pub(super) fn check_parcels(&self, event: &ValueEvent) -> Result<(), Reason> {
        let used = |id: i64| self.parcels.get(&id).is_some_and(|tracked| tracked.now.is_some());
        if event.parcels.iter().any(|parcel| used(parcel.id)) { Err(Reason::ParcelExists) } else { Ok(()) }
    }

    fn check_growth(&self, kind: EventKind, growth: &Growth) -> Result<(), Reason> {
        let row = self.characters.get(&growth.character).and_then(|tracked| tracked.now);
        let old = row.ok_or(Reason::CharacterUnknown)?.growth;
        if old.version != growth.version && !planted::is(Bug::GrowthVersionIgnored) {
            return Err(Reason::GrowthVersion);
        }
        let new = grown(growth);
        let fits = match kind {
            EventKind::LevelUp => {
                let kept = old.version == 0 || old.stats == new.stats;
                new.level > old.level && new.points >= old.points && kept
            }
            _ => {
                let grows = old.stats.iter().zip(&new.stats).all(|(old, new)| new >= old);
                let spent: i32 = new.stats.iter().sum::<i32>() - old.stats.iter().sum::<i32>();
                new.level == old.level && grows && spent > 0 && spent == old.points - new.points
            }
        };
        if fits { Ok(()) } else { Err(Reason::GrowthRule) }
    }

    fn check_claim(&self, event: &ValueEvent, parcel: i64) -> Result<(), Reason> {
        let row: ParcelRow = self.parcels.get(&parcel).and_then(|tracked| tracked.now).ok_or(Reason::ParcelUnknown)?;
        if row.claimed_by.is_some() && !planted::is(Bug::ClaimTwice) {
            return Err(Reason::ParcelClaimed);
        }
        if event.actors().any(|character| character != row.receiver) {
            return Err(Reason::ParcelOther);
        }
        let zen = event.delta(SystemAccount::Post.ledger_account(), Currency::Zen);
        let all = i32::try_from(event.moves.len()) == Ok(row.items) || planted::is(Bug::ClaimPartly);
        let whole = zen.checked_neg() == Some(row.zen) && all;
        if whole { Ok(()) } else { Err(Reason::ParcelContent) }
    }

    fn open_listing(&self, listing: i64, version: i32) -> Result<ListingRow, Reason> {
        let row = self.listings.get(&listing).and_then(|tracked| tracked.now).ok_or(Reason::ListingUnknown)?;
        if row.state != ListingState::Open {
            return Err(Reason::ListingClosed);
        }
        if row.version == version { Ok(row) } else { Err(Reason::ListingVersion) }
    }
}

/// The growth a deed leads to.
pub(super) fn grown(growth: &Growth) -> GrowthRow {
    GrowthRow {
        version: growth.version + 1,
        level: growth.level.into(),
        points: growth.points.into(),
        stats: growth.stats.map(i32::from),
    }
}

fn check_bid(event: &ValueEvent, row: ListingRow, bidder: i64, amount: i64) -> Result<(), Reason> {
    if bidder == row.seller || amount < row.min_bid || amount <= row.bid {
        return Err(Reason::BidRefused);
    }
    let buys_out = event.kind == EventKind::AuctionBuyOut;
    let priced = row.buy_out > 0 && amount >= row.buy_out;
    if buys_out != priced || (buys_out && amount != row.buy_out) {
        return Err(Reason::BidRefused);
    }
    let mut money = Vec::new();
    if row.bid > 0 && !planted::is(Bug::RefundForgotten) {
        money.push((row.bidder, row.bid));
    }
    if !buys_out {
        return settles(event, &money, amount.checked_sub(row.bid), None);
    }
    let tax = tax(event);
    if amount > tax {
        money.push((row.seller, amount - tax));
    }
    settles(event, &money, row.bid.checked_neg(), Some(bidder))
}

fn check_close(event: &ValueEvent, row: ListingRow, how: Close) -> Result<(), Reason> {
    let tax = tax(event);
    let (money, winner, allowed) = match how {
        Close::Sold => (vec![(row.seller, row.bid - tax)], row.bidder, row.bid > 0),
        Close::Expired => (Vec::new(), row.seller, row.bid == 0 && tax == 0),
        Close::Cancelled => (vec![(row.bidder, row.bid)], row.seller, tax == 0),
    };
    if !allowed {
        return Err(Reason::ListingRule);
    }
    let money: Vec<_> = money.into_iter().filter(|&(_, zen)| zen > 0).collect();
    settles(event, &money, row.bid.checked_neg(), Some(winner))
}

fn tax(event: &ValueEvent) -> i64 {
    event.delta(SystemAccount::Tax.ledger_account(), Currency::Zen)
}

/// Whether the event sends exactly these (receiver, zen) as parcels of money, changes the standing bids by `held`, and
/// sends the item, if it leaves, alone to `winner`.
fn settles(event: &ValueEvent, money: &[(i64, i64)], held: Option<i64>, winner: Option<i64>) -> Result<(), Reason> {
    let item_parcels: Vec<i64> =
        event.targets().filter(|place| place.container == Place::POST).map(|place| place.owner).collect();
    let (items, sent): (Vec<&Parcel>, Vec<&Parcel>) = event.parcels.iter().partition(|p| item_parcels.contains(&p.id));
    let item_right = match (winner, items.as_slice()) {
        (None, []) => true,
        (Some(winner), [parcel]) => parcel.to == winner && parcel.zen == 0,
        _ => false,
    };
    let mut sent: Vec<_> = sent.into_iter().map(|parcel| (parcel.to, parcel.zen)).collect();
    let mut owed = money.to_vec();
    sent.sort_unstable();
    owed.sort_unstable();
    let bids = event.delta(SystemAccount::Auction.ledger_account(), Currency::Zen);
    if item_right && sent == owed && held == Some(bids) { Ok(()) } else { Err(Reason::ListingContent) }
}
