//! The shops of the game: items for zen and zen for items, at the content's prices, near a keeper.

use mu_config::Service;
use mu_storage::event::EventKind;
use mu_storage::ids::SystemAccount;
use mu_wire::EntityId;
use mu_wire::messages::{Deal as Kind, Refusal};

use super::draft::{Draft, submit};
use super::{Bag, Refused, position, stand, tell_refused};
use crate::map::inbox::{DEAL_ITEMS, Order};
use crate::map::{Map, Outbox};

/// A player buys.
pub(crate) fn buy(map: &mut Map, out: &mut Outbox, slot: usize, keeper: EntityId, order: Order) {
    match draft_buy(map, out, slot, keeper, order) {
        Ok(draft) => submit(map, out, slot, draft),
        Err(why) => tell_refused(map, out, slot, why),
    }
}

/// A player sells.
pub(crate) fn sell(map: &mut Map, out: &mut Outbox, slot: usize, keeper: EntityId, items: &[i64]) {
    match draft_sell(map, out, slot, keeper, items) {
        Ok(draft) => submit(map, out, slot, draft),
        Err(why) => tell_refused(map, out, slot, why),
    }
}

/// The shop of a keeper near by, by its id.
fn shop(map: &Map, slot: usize, keeper: EntityId) -> Result<u16, Refused> {
    match stand(map, slot, keeper)?.service {
        Service::Shop(id) => Ok(id),
        Service::Warehouse => Err((Refusal::KeeperFar, keeper.0)),
    }
}

fn draft_buy(map: &mut Map, out: &Outbox, slot: usize, keeper: EntityId, order: Order) -> Result<Draft, Refused> {
    let wrong = (Refusal::Price, u32::from(order.ware));
    let shop = shop(map, slot, keeper)?;
    let wares = map.market.shop(shop).map_or(&[][..], |shop| &shop.wares);
    let ware = *wares.get(usize::from(order.ware)).filter(|ware| ware.price == order.price).ok_or(wrong)?;
    if order.count == 0 || usize::from(order.count) > DEAL_ITEMS {
        return Err(wrong);
    }
    if map.uids.left() < u64::from(order.count) {
        return Err((Refusal::Unavailable, 0));
    }
    let cost = i64::try_from(ware.price.saturating_mul(u64::from(order.count))).unwrap_or(i64::MAX);
    let mut draft = Draft::begin(map, out, slot, Kind::Buy, EventKind::ShopBuy)?;
    draft.pay(Bag::Carried, cost, 0)?;
    draft.against(SystemAccount::Shop, cost);
    if draft.bag(Bag::Carried).free_places() < usize::from(order.count) {
        return Err((Refusal::NoRoom, 0));
    }
    for _ in 0..order.count {
        let uid = map.uids.issue().ok_or((Refusal::Unavailable, 0))?;
        draft.make(uid, ware.template, ware.level)?;
    }
    Ok(draft)
}

fn draft_sell(map: &mut Map, out: &Outbox, slot: usize, keeper: EntityId, items: &[i64]) -> Result<Draft, Refused> {
    let shop = shop(map, slot, keeper)?;
    let mut draft = Draft::begin(map, out, slot, Kind::Sell, EventKind::ShopSell)?;
    let mut sum = 0_i64;
    for (at, &uid) in items.iter().enumerate() {
        let item = draft.destroy(uid, at)?;
        let pays = map.market.shop(shop).and_then(|shop| map.market.pays(shop, &item));
        let pays = pays.and_then(|pays| i64::try_from(pays).ok());
        sum = pays.and_then(|pays| sum.checked_add(pays)).ok_or((Refusal::Goods, position(at)))?;
    }
    if draft.is_empty() {
        return Err((Refusal::Goods, 0));
    }
    draft.earn(Bag::Carried, sum)?;
    draft.against(SystemAccount::Shop, -sum);
    Ok(draft)
}
