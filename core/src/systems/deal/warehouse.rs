//! The warehouse of an account: money and items in and out, near a keeper.

use mu_config::Service;
use mu_storage::event::EventKind;
use mu_wire::EntityId;
use mu_wire::messages::{Deal as Kind, Refusal};

use super::draft::{Draft, submit};
use super::{Bag, Refused, stand, tell_refused};
use crate::map::{Map, Outbox};

/// A player puts money and items into the warehouse.
pub(crate) fn deposit(map: &mut Map, out: &mut Outbox, slot: usize, keeper: EntityId, zen: u64, items: &[i64]) {
    carry(map, out, slot, keeper, (zen, items), (Kind::Deposit, Bag::Carried, Bag::Stored));
}

/// A player takes money and items out of the warehouse.
pub(crate) fn withdraw(map: &mut Map, out: &mut Outbox, slot: usize, keeper: EntityId, zen: u64, items: &[i64]) {
    carry(map, out, slot, keeper, (zen, items), (Kind::Withdraw, Bag::Stored, Bag::Carried));
}

type Way = (Kind, Bag, Bag);

fn carry(map: &mut Map, out: &mut Outbox, slot: usize, keeper: EntityId, goods: (u64, &[i64]), way: Way) {
    match draft(map, out, slot, keeper, goods, way) {
        Ok(draft) => submit(map, out, slot, draft),
        Err(why) => tell_refused(map, out, slot, why),
    }
}

fn draft(
    map: &mut Map,
    out: &Outbox,
    slot: usize,
    keeper: EntityId,
    (zen, items): (u64, &[i64]),
    (kind, from, to): Way,
) -> Result<Draft, Refused> {
    if stand(map, slot, keeper)?.service != Service::Warehouse {
        return Err((Refusal::KeeperFar, keeper.0));
    }
    let mut draft = Draft::begin(map, out, slot, kind, EventKind::WarehouseMove)?;
    let money = (Refusal::Goods, super::position(items.len()));
    let zen = i64::try_from(zen).map_err(|_too_much| money)?;
    draft.pay(from, zen, items.len())?;
    draft.earn(to, zen)?;
    for (at, &uid) in items.iter().enumerate() {
        draft.carry(from, to, uid, at)?;
    }
    if draft.is_empty() { Err(money) } else { Ok(draft) }
}
