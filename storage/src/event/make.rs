//! Events made from their parts. Pure functions: ids come from the caller, and nothing here is checked against the store.
//!
//! # Panics
//!
//! A list longer than its bound (the `MAX_` constants of the room) is a defect of the caller and panics.

use super::{
    BalanceChange, Birth, Close, Currency, Deed, EventKind, Growth, ItemBurn, ItemMint, ItemMove, Listing, Parcel,
    Place, Text, ValueEvent,
};
use crate::ids::SystemAccount;

/// A parcel to be sent and what is put into it.
#[derive(Debug, Clone, Copy)]
pub struct Letter<'a> {
    /// From [`crate::ids::Sequence::Parcel`].
    pub id: i64,
    /// The character it is for.
    pub to: i64,
    /// How much zen.
    pub zen: i64,
    /// Items that move into it: uid, version, and where they lie.
    pub items: &'a [(i64, i32, Place)],
    /// Items created in it: uid, template, level.
    pub goods: &'a [(i64, u16, u8)],
}

/// What an auction's row says: needed to bid on it and to end it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// Which auction.
    pub listing: i64,
    /// Its version.
    pub version: i32,
    /// The character that sells.
    pub seller: i64,
    /// The character that bid most so far; 0 if nobody bid.
    pub bidder: i64,
    /// How much it bid; 0 if nobody bid.
    pub bid: i64,
    /// The item: uid.
    pub item: i64,
    /// The item's version.
    pub item_version: i32,
}

impl ValueEvent {
    /// Adds `delta` to what the event does to a ledger account; a change of nothing leaves no trace.
    pub fn pay(&mut self, account: i64, currency: Currency, delta: i64) {
        let same = |c: &BalanceChange| c.account == account && c.currency == currency;
        match self.balances.iter().position(same) {
            Some(at) => self.balances[at].delta += delta,
            None => self.balances.push(BalanceChange { account, currency, delta }),
        }
        self.balances.retain(|change| change.delta != 0);
    }

    fn system(&mut self, account: SystemAccount, currency: Currency, delta: i64) {
        self.pay(account.ledger_account(), currency, delta);
    }

    fn carry(&mut self, moves: impl IntoIterator<Item = ItemMove>) {
        for change in moves {
            self.moves.push(change);
        }
    }

    fn mint_into(&mut self, character: i64, items: impl IntoIterator<Item = (i64, u16, u8, u16)>) {
        for (uid, template, level, slot) in items {
            self.mints.push(ItemMint { uid, template, level, to: Place::inventory(character, slot) });
        }
    }

    /// Puts a parcel and its content into the event and its zen into the post; who pays is up to the caller.
    fn send(&mut self, from: i64, letter: &Letter<'_>) {
        self.parcels.push(Parcel { id: letter.id, from, to: letter.to, zen: letter.zen });
        let mut slots = 0..;
        let mut place = || Place::post(letter.id, slots.next().expect("a parcel has fewer items than slots"));
        for &(uid, version, from) in letter.items {
            self.moves.push(ItemMove { uid, version, from, to: place() });
        }
        for &(uid, template, level) in letter.goods {
            self.mints.push(ItemMint { uid, template, level, to: place() });
        }
        self.system(SystemAccount::Post, Currency::Zen, letter.zen);
    }

    /// A character comes to life with `zen` and `items`: (uid, template, level, inventory slot).
    ///
    /// # Panics
    ///
    /// If there are more than [`super::MAX_MINTS`] items or `zen` is negative; both come from checked content.
    #[must_use]
    pub fn character_birth(
        event_id: u128,
        birth: Birth,
        zen: i64,
        items: impl IntoIterator<Item = (i64, u16, u8, u16)>,
    ) -> Self {
        assert!(zen >= 0, "a character cannot start with {zen} zen");
        let mut event = Self::new(event_id, EventKind::CharacterBirth);
        event.deed = Some(Deed::Birth(birth));
        event.mint_into(birth.character, items);
        event.system(SystemAccount::Starter, Currency::Zen, -zen);
        event.pay(birth.character, Currency::Zen, zen);
        event
    }

    /// A character moves items between its inventory and its account's warehouse, or within one of them, and stores `zen`
    /// (negative: takes it out).
    #[must_use]
    pub fn warehouse_move(
        event_id: u128,
        character: i64,
        account: i64,
        zen: i64,
        moves: impl IntoIterator<Item = ItemMove>,
    ) -> Self {
        let mut event = Self::new(event_id, EventKind::WarehouseMove);
        event.carry(moves);
        event.pay(character, Currency::Zen, -zen);
        event.pay(account, Currency::ZenStored, zen);
        event
    }

    /// A character drops items from its inventory to [`Place::ground`] places of its own.
    #[must_use]
    pub fn drop_items(event_id: u128, moves: impl IntoIterator<Item = ItemMove>) -> Self {
        let mut event = Self::new(event_id, EventKind::Drop);
        event.carry(moves);
        event
    }

    /// A character picks up `zen` and new `items` (uid, template, level, inventory slot) that it looted, and `moves` what
    /// lies on the ground into its inventory.
    #[must_use]
    pub fn pick_up(
        event_id: u128,
        character: i64,
        zen: i64,
        items: impl IntoIterator<Item = (i64, u16, u8, u16)>,
        moves: impl IntoIterator<Item = ItemMove>,
    ) -> Self {
        let mut event = Self::new(event_id, EventKind::PickUp);
        event.mint_into(character, items);
        event.carry(moves);
        event.system(SystemAccount::Loot, Currency::Zen, -zen);
        event.pay(character, Currency::Zen, zen);
        event
    }

    /// Items on the ground cease to exist.
    #[must_use]
    pub fn despawn(event_id: u128, burns: impl IntoIterator<Item = ItemBurn>) -> Self {
        let mut event = Self::new(event_id, EventKind::Despawn);
        event.burns.extend(burns);
        event
    }

    /// A character buys `items` (uid, template, level, inventory slot) for `price`, of which `tax` goes to the tax.
    #[must_use]
    pub fn shop_buy(
        event_id: u128,
        character: i64,
        price: i64,
        tax: i64,
        items: impl IntoIterator<Item = (i64, u16, u8, u16)>,
    ) -> Self {
        let mut event = Self::new(event_id, EventKind::ShopBuy);
        event.mint_into(character, items);
        event.pay(character, Currency::Zen, -price);
        event.system(SystemAccount::Shop, Currency::Zen, price - tax);
        event.system(SystemAccount::Tax, Currency::Zen, tax);
        event
    }

    /// A character sells what it carries for `price`.
    #[must_use]
    pub fn shop_sell(event_id: u128, character: i64, price: i64, burns: impl IntoIterator<Item = ItemBurn>) -> Self {
        let mut event = Self::new(event_id, EventKind::ShopSell);
        event.burns.extend(burns);
        event.pay(character, Currency::Zen, price);
        event.system(SystemAccount::Shop, Currency::Zen, -price);
        event
    }

    /// A character sends parcels and pays `fee` to the tax.
    #[must_use]
    pub fn mail_send(event_id: u128, sender: i64, fee: i64, letters: &[Letter<'_>]) -> Self {
        let mut event = Self::new(event_id, EventKind::MailSend);
        for letter in letters {
            event.send(sender, letter);
            event.pay(sender, Currency::Zen, -letter.zen);
        }
        event.pay(sender, Currency::Zen, -fee);
        event.system(SystemAccount::Tax, Currency::Zen, fee);
        event
    }

    /// A character takes everything in a parcel: its `zen`, and all items by `moves` from [`Place::post`].
    #[must_use]
    pub fn mail_claim(
        event_id: u128,
        character: i64,
        parcel: i64,
        zen: i64,
        moves: impl IntoIterator<Item = ItemMove>,
    ) -> Self {
        let mut event = Self::new(event_id, EventKind::MailClaim);
        event.deed = Some(Deed::Claim { parcel });
        event.carry(moves);
        event.system(SystemAccount::Post, Currency::Zen, -zen);
        event.pay(character, Currency::Zen, zen);
        event
    }

    /// A character puts an item (uid, version, where it lies) up for auction and pays `fee` to the tax.
    #[must_use]
    pub fn auction_list(event_id: u128, listing: Listing, fee: i64, item: (i64, i32, Place)) -> Self {
        let mut event = Self::new(event_id, EventKind::AuctionList);
        let (uid, version, from) = item;
        event.deed = Some(Deed::Listing(listing));
        event.moves.push(ItemMove { uid, version, from, to: Place::auction(listing.id) });
        event.pay(listing.seller, Currency::Zen, -fee);
        event.system(SystemAccount::Tax, Currency::Zen, fee);
        event
    }

    /// A character bids `amount`. Whoever bid before gets his bid back in the parcel `refund`, an id of
    /// [`crate::ids::Sequence::Parcel`] that is used only if somebody bid.
    #[must_use]
    pub fn auction_bid(event_id: u128, standing: &Standing, bidder: i64, amount: i64, refund: i64) -> Self {
        let mut event = Self::new(event_id, EventKind::AuctionBid);
        event.bid(standing, bidder, amount);
        event.refund(standing, refund);
        event
    }

    /// A character pays the full price `amount`, of which `tax` goes to the tax. `parcels` are three ids: for the item, for
    /// the seller's proceeds, for the refund of a standing bid; those not needed are left unused.
    #[must_use]
    pub fn auction_buy_out(
        event_id: u128,
        standing: &Standing,
        bidder: i64,
        amount: i64,
        tax: i64,
        parcels: [i64; 3],
    ) -> Self {
        let [item, proceeds, refund] = parcels;
        let mut event = Self::new(event_id, EventKind::AuctionBuyOut);
        event.bid(standing, bidder, amount);
        event.hand_over(standing, bidder, item);
        event.proceeds(standing, amount, tax, proceeds);
        event.refund(standing, refund);
        event
    }

    /// An auction ends. Sold: the item goes to the bidder, his bid less `tax` to the seller. Otherwise the item goes back to
    /// the seller and a standing bid back to the bidder. `parcels` are two ids: for the item and for the zen.
    #[must_use]
    pub fn auction_close(event_id: u128, standing: &Standing, how: Close, tax: i64, parcels: [i64; 2]) -> Self {
        let [item, zen] = parcels;
        let mut event = Self::new(event_id, EventKind::AuctionClose);
        event.deed = Some(Deed::Close { listing: standing.listing, version: standing.version, how });
        match how {
            Close::Sold => {
                event.hand_over(standing, standing.bidder, item);
                event.proceeds(standing, standing.bid, tax, zen);
                event.system(SystemAccount::Auction, Currency::Zen, -standing.bid);
            }
            Close::Expired | Close::Cancelled => {
                event.hand_over(standing, standing.seller, item);
                event.refund(standing, zen);
            }
        }
        event
    }

    fn bid(&mut self, standing: &Standing, bidder: i64, amount: i64) {
        let (listing, version) = (standing.listing, standing.version);
        self.deed = Some(Deed::Bid { listing, version, bidder, amount });
        self.pay(bidder, Currency::Zen, -amount);
        if self.kind == EventKind::AuctionBid {
            self.system(SystemAccount::Auction, Currency::Zen, amount);
        }
    }

    /// The item of an auction to a character.
    fn hand_over(&mut self, standing: &Standing, to: i64, parcel: i64) {
        let item = (standing.item, standing.item_version, Place::auction(standing.listing));
        self.send(0, &Letter { id: parcel, to, zen: 0, items: &[item], goods: &[] });
    }

    /// The price less the tax to the seller.
    fn proceeds(&mut self, standing: &Standing, price: i64, tax: i64, parcel: i64) {
        if price > tax {
            self.send(0, &Letter { id: parcel, to: standing.seller, zen: price - tax, items: &[], goods: &[] });
        }
        self.system(SystemAccount::Tax, Currency::Zen, tax);
    }

    /// A standing bid back to whom it came from.
    fn refund(&mut self, standing: &Standing, parcel: i64) {
        if standing.bid > 0 {
            self.send(0, &Letter { id: parcel, to: standing.bidder, zen: standing.bid, items: &[], goods: &[] });
            self.system(SystemAccount::Auction, Currency::Zen, -standing.bid);
        }
    }

    /// A provider of payments credits an account. The event id is made from the provider's reference, so that the same
    /// payment is credited once.
    #[must_use]
    pub fn cash_credit(event_id: u128, account: i64, amount: i64, reference: &str) -> Self {
        let mut event = Self::new(event_id, EventKind::CashCredit);
        event.deed = Some(Deed::Cash { account, reference: Text::new(reference) });
        event.system(SystemAccount::CashProvider, Currency::Cash, -amount);
        event.pay(account, Currency::Cash, amount);
        event
    }

    /// An account spends cash; the goods come in parcels. `reference` says what was bought.
    #[must_use]
    pub fn cash_spend(event_id: u128, account: i64, amount: i64, reference: &str, letters: &[Letter<'_>]) -> Self {
        let mut event = Self::new(event_id, EventKind::CashSpend);
        event.deed = Some(Deed::Cash { account, reference: Text::new(reference) });
        for letter in letters {
            event.send(0, letter);
        }
        event.pay(account, Currency::Cash, -amount);
        event.system(SystemAccount::CashShop, Currency::Cash, amount);
        event
    }

    /// A character reaches a level.
    #[must_use]
    pub fn level_up(event_id: u128, growth: Growth) -> Self {
        let mut event = Self::new(event_id, EventKind::LevelUp);
        event.deed = Some(Deed::Growth(growth));
        event
    }

    /// A character spends points on its stats.
    #[must_use]
    pub fn points_spend(event_id: u128, growth: Growth) -> Self {
        let mut event = Self::new(event_id, EventKind::PointsSpend);
        event.deed = Some(Deed::Growth(growth));
        event
    }

    /// An operator gives goods and zen, in parcels.
    #[must_use]
    pub fn gm_grant(event_id: u128, operator: &str, reason: &str, letters: &[Letter<'_>]) -> Self {
        let mut event = Self::new(event_id, EventKind::GmGrant);
        event.give(SystemAccount::Gm, operator, reason, letters);
        event
    }

    /// The house makes a loss good, with parcels.
    #[must_use]
    pub fn compensation(event_id: u128, operator: &str, reason: &str, letters: &[Letter<'_>]) -> Self {
        let mut event = Self::new(event_id, EventKind::Compensation);
        event.give(SystemAccount::Compensation, operator, reason, letters);
        event
    }

    fn give(&mut self, payer: SystemAccount, operator: &str, reason: &str, letters: &[Letter<'_>]) {
        self.deed = Some(Deed::Authority { operator: Text::new(operator), reason: Text::new(reason) });
        self.enclose(payer, letters);
    }

    /// Parcels of the house, paid by a system account.
    fn enclose(&mut self, payer: SystemAccount, letters: &[Letter<'_>]) {
        for letter in letters {
            self.send(0, letter);
            self.system(payer, Currency::Zen, -letter.zen);
        }
    }

    /// An operator takes items, and money: (ledger account, currency, amount).
    #[must_use]
    pub fn gm_take(
        event_id: u128,
        operator: &str,
        reason: &str,
        burns: impl IntoIterator<Item = ItemBurn>,
        money: &[(i64, Currency, i64)],
    ) -> Self {
        let mut event = Self::new(event_id, EventKind::GmTake);
        event.deed = Some(Deed::Authority { operator: Text::new(operator), reason: Text::new(reason) });
        event.burns.extend(burns);
        for &(account, currency, amount) in money {
            event.pay(account, currency, -amount);
            event.system(SystemAccount::Gm, Currency::Zen, amount);
        }
        event
    }

    /// An operator decides a quarantined event. `deed` is a [`Deed::Resolution`]; the letters and the `cash` (account,
    /// amount) make the loss good and are for [`super::Resolve::Compensate`] only.
    #[must_use]
    pub fn resolution(event_id: u128, deed: Deed, letters: &[Letter<'_>], cash: Option<(i64, i64)>) -> Self {
        let mut event = Self::new(event_id, EventKind::Resolution);
        event.deed = Some(deed);
        event.enclose(SystemAccount::Compensation, letters);
        if let Some((account, amount)) = cash {
            event.system(SystemAccount::Compensation, Currency::Cash, -amount);
            event.pay(account, Currency::Cash, amount);
        }
        event
    }
}
