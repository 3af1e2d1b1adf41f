//! What the two players of a trade are told about it.

use arrayvec::ArrayVec;
use mu_wire::messages::{Item, List, MAX_TRADE_ITEMS, Offer, ServerMessage};

use super::{Side, tell};
use crate::map::{Map, Outbox};

/// Tells both what lies on the table.
pub(super) fn offers(map: &Map, out: &mut Outbox, row: u16) {
    let Some(trade) = map.trades.row(row) else {
        return;
    };
    let shown = [0, 1].map(|side| goods(map, &trade.sides[side]));
    for side in [0, 1] {
        let show = |side: usize| Offer { zen: trade.sides[side].zen.unsigned_abs(), items: List::new(&shown[side]) };
        let message = ServerMessage::TradeOffers { revision: trade.revision, mine: show(side), theirs: show(1 - side) };
        tell(map, out, &trade.sides[side], &message);
    }
}

/// Tells both who has confirmed.
pub(super) fn confirmations(map: &Map, out: &mut Outbox, row: u16) {
    let Some(trade) = map.trades.row(row) else {
        return;
    };
    for (mine, theirs) in [(0, 1), (1, 0)] {
        let message =
            ServerMessage::TradeConfirmed { mine: trade.sides[mine].confirmed, theirs: trade.sides[theirs].confirmed };
        tell(map, out, &trade.sides[mine], &message);
    }
}

/// The items of a side as its partner sees them.
fn goods(map: &Map, side: &Side) -> ArrayVec<Item, MAX_TRADE_ITEMS> {
    let Some(slot) = map.slots.find(side.who) else {
        return ArrayVec::new();
    };
    let inventory = &map.players[slot].inventory;
    let found = side
        .items
        .iter()
        .filter_map(|&uid| inventory.place_of(uid).and_then(|place| Some((place, inventory.item(place)?))));
    found
        .map(|(place, item)| Item {
            uid: item.uid.unsigned_abs(),
            template: item.template,
            slot: place,
            level: item.level,
        })
        .collect()
}
