//! A deal in the making: copies of the character's containers with its holds, its list of steps, and its event.
//!
//! Every method checks and holds in one go. Only [`submit`] changes the map, and it cannot fail: a draft that was
//! refused halfway is dropped and nothing has happened.

use mu_storage::event::{BalanceChange, Currency, EventKind, ItemBurn, ItemMint, ItemMove, Place, ValueEvent};
use mu_wire::EntityId;
use mu_wire::messages::{Deal as Kind, Refusal, ServerMessage};

use super::{Bag, DEALS_PER_PLAYER, Deal, Refused, Step, position};
use crate::map::inventory::{Inventory, Item};
use crate::map::{Map, Outbox};
use crate::planted::{self, Bug};
use crate::systems::is_connected;

/// A deal in the making.
pub(super) struct Draft {
    deal: Deal,
    event: ValueEvent,
    carried: Inventory,
    stored: Inventory,
    character: i64,
    account: i64,
    zen_max: i64,
}

impl Draft {
    /// Begins a deal, if the character may have one more and the journal is open.
    pub(super) fn begin(
        map: &mut Map,
        out: &Outbox,
        slot: usize,
        kind: Kind,
        event: EventKind,
    ) -> Result<Self, Refused> {
        let who = map.slots.id(slot).ok_or((Refusal::Unavailable, 0))?;
        if !map.value_open || !out.has_critical_room() || !map.deals.has_room() {
            return Err((Refusal::Unavailable, 0));
        }
        if map.trade_in_flight(slot) || map.players[slot].dealings.deals >= DEALS_PER_PLAYER {
            return Err((Refusal::Busy, 0));
        }
        let player = &map.players[slot];
        let event_id = map.events.issue();
        Ok(Self {
            deal: Deal::new(event_id, who, kind),
            event: ValueEvent::new(event_id, event),
            carried: player.inventory.clone(),
            stored: player.warehouse.clone(),
            character: player.character.0,
            account: player.account.0,
            zen_max: map.rules.zen_max,
        })
    }

    /// The containers as they will be while the deal is undecided.
    pub(super) fn bag(&self, bag: Bag) -> &Inventory {
        match bag {
            Bag::Carried => &self.carried,
            Bag::Stored => &self.stored,
        }
    }

    fn bag_mut(&mut self, bag: Bag) -> &mut Inventory {
        match bag {
            Bag::Carried => &mut self.carried,
            Bag::Stored => &mut self.stored,
        }
    }

    fn place(&self, (bag, slot): (Bag, u8)) -> Place {
        match bag {
            Bag::Carried => Place::inventory(self.character, u16::from(slot)),
            Bag::Stored => Place::warehouse(self.account, u16::from(slot)),
        }
    }

    /// Holds the item that is `at` in the request.
    fn hold(&mut self, bag: Bag, uid: i64, at: usize) -> Result<(u8, Item), Refused> {
        let inventory = self.bag_mut(bag);
        let found = inventory.place_of(uid).and_then(|place| Some((place, *inventory.item(place)?)));
        let (place, item) = found.ok_or((Refusal::Goods, position(at)))?;
        if !inventory.hold(place) && !planted::is(Bug::HeldItemAgain) {
            return Err((Refusal::Goods, position(at)));
        }
        Ok((place, item))
    }

    fn reserve(&mut self, bag: Bag) -> Result<u8, Refused> {
        let place = self.bag_mut(bag).reserve(&[]).ok_or((Refusal::NoRoom, 0))?;
        if planted::is(Bug::DealPlaceNotReserved) {
            self.bag_mut(bag).unreserve(place);
        }
        Ok(place)
    }

    /// An item goes from one container to the other.
    pub(super) fn carry(&mut self, from: Bag, to: Bag, uid: i64, at: usize) -> Result<(), Refused> {
        let (place, item) = self.hold(from, uid, at)?;
        let target = self.reserve(to)?;
        let (from, to) = ((from, place), (to, target));
        self.event.moves.push(ItemMove { uid, version: item.version, from: self.place(from), to: self.place(to) });
        self.deal.steps.push(Step::Move { from, to });
        Ok(())
    }

    /// An item comes to be in what the character carries.
    pub(super) fn make(&mut self, uid: i64, template: u16, level: u8) -> Result<(), Refused> {
        let to = (Bag::Carried, self.reserve(Bag::Carried)?);
        self.event.mints.push(ItemMint { uid, template, level, to: self.place(to) });
        self.deal.steps.push(Step::Come { to, item: Item { uid, template, level, version: 1 } });
        Ok(())
    }

    /// An item the character carries comes to lie on the ground.
    pub(super) fn put_down(&mut self, uid: i64, place: u16) -> Result<(), Refused> {
        let (from, item) = self.hold(Bag::Carried, uid, 0)?;
        let to = Place::ground(self.character, place);
        self.event.moves.push(ItemMove { uid, version: item.version, from: self.place((Bag::Carried, from)), to });
        self.deal.steps.push(Step::Drop { from, place });
        Ok(())
    }

    /// An item comes from the ground into what the character carries; `pile` is what is seen of it there.
    pub(super) fn lift(&mut self, item: Item, from: Place, pile: Option<EntityId>) -> Result<(), Refused> {
        let steps = 1 + usize::from(pile.is_some());
        if self.deal.steps.remaining_capacity() < steps {
            return Err((Refusal::NoRoom, 0));
        }
        let to = (Bag::Carried, self.reserve(Bag::Carried)?);
        self.event.moves.push(ItemMove { uid: item.uid, version: item.version, from, to: self.place(to) });
        self.deal.steps.push(Step::Come { to, item: Item { version: item.version + 1, ..item } });
        self.deal.steps.extend(pile.map(|pile| Step::Despawn { pile }));
        Ok(())
    }

    /// An item the character carries ceases to be; gives what it was.
    pub(super) fn destroy(&mut self, uid: i64, at: usize) -> Result<Item, Refused> {
        let (place, item) = self.hold(Bag::Carried, uid, at)?;
        let from = (Bag::Carried, place);
        self.event.burns.push(ItemBurn { uid, version: item.version, from: self.place(from) });
        self.deal.steps.push(Step::Go { from });
        Ok(item)
    }

    /// Zen leaves a container: it is held. `detail` goes with a refusal.
    pub(super) fn pay(&mut self, from: Bag, amount: i64, detail: usize) -> Result<(), Refused> {
        if amount == 0 {
            return Ok(());
        }
        if !self.bag_mut(from).hold_zen(amount) {
            return Err((Refusal::Goods, position(detail)));
        }
        let purse = self.purse(from);
        purse.held += amount;
        self.balance(from, -amount);
        Ok(())
    }

    /// Zen will come into a container, if it can hold that much.
    pub(super) fn earn(&mut self, to: Bag, amount: i64) -> Result<(), Refused> {
        if amount == 0 {
            return Ok(());
        }
        let after = self.bag(to).zen_at_most().checked_add(amount);
        if amount < 0 || after.is_none_or(|zen| zen > self.zen_max) {
            return Err((Refusal::NoRoom, 0));
        }
        self.bag_mut(to).expect_zen(amount);
        self.balance(to, amount);
        Ok(())
    }

    /// The other side of what is paid or earned.
    pub(super) fn against(&mut self, account: mu_storage::ids::SystemAccount, delta: i64) {
        if delta != 0 {
            let account = account.ledger_account();
            self.event.balances.push(BalanceChange { account, currency: Currency::Zen, delta });
        }
    }

    fn purse(&mut self, bag: Bag) -> &mut super::Purse {
        match bag {
            Bag::Carried => &mut self.deal.carried,
            Bag::Stored => &mut self.deal.stored,
        }
    }

    fn balance(&mut self, bag: Bag, delta: i64) {
        self.purse(bag).delta += delta;
        let (account, currency) = match bag {
            Bag::Carried => (self.character, Currency::Zen),
            Bag::Stored => (self.account, Currency::ZenStored),
        };
        self.event.balances.push(BalanceChange { account, currency, delta });
    }

    /// Whether nothing would happen.
    pub(super) fn is_empty(&self) -> bool {
        self.deal.steps.is_empty() && self.deal.carried.delta == 0 && self.deal.stored.delta == 0
    }
}

/// Submits a draft: from here on only the decision ends it.
pub(super) fn submit(map: &mut Map, out: &mut Outbox, slot: usize, draft: Draft) {
    let Draft { deal, event, carried, stored, .. } = draft;
    let player = &mut map.players[slot];
    if !planted::is(Bug::DealReleasedAtOnce) {
        player.inventory = carried;
        player.warehouse = stored;
    }
    player.dealings.deals += 1;
    if is_connected(map, slot) {
        out.send(deal.who, &ServerMessage::DealPending { event: deal.event_id, deal: deal.kind });
        if planted::is(Bug::DealToldAtOnce) {
            out.send(deal.who, &ServerMessage::DealDone { event: deal.event_id, deal: deal.kind });
        }
    }
    out.critical(event);
    let taken = map.deals.submitted(deal);
    assert!(taken, "a draft is begun only while the table has room");
    map.stats.deals_submitted += 1;
}
