//! Deals: what one character does with its money and items by itself, completely or not at all.
//!
//! ```text
//! request ─▶ checked, held, reserved, submitted ─▶ Pending ── decided ─▶ settled, told
//!              └ refused: nothing changed              └ nothing ends it but the decision
//! ```
//! A deal is made on copies of the character's containers (`draft`), so that a refusal leaves no trace. From the tick
//! in which its event goes out its items and money are held and its target places are reserved; only the decision of
//! the store ends that, and nobody is told of success before. Holds are disjoint, so a character may have several deals
//! undecided at once; what a deal brings can be used only once it is settled.

mod draft;
mod ground;
mod settle;
mod shop;
mod table;
mod warehouse;

pub(crate) use ground::{clear, despawn, drop_item, give_back, pick_up};
pub(crate) use settle::settle;
pub(crate) use shop::{buy, sell};
pub use table::{Bag, DEALS_PER_PLAYER, Deal, Deals, Purse, Stage, Step};
pub(crate) use warehouse::{deposit, withdraw};

use arrayvec::ArrayVec;
use mu_config::Service;
use mu_wire::EntityId;
use mu_wire::messages::{List, MAX_WARES, Refusal, ServerMessage, Ware};

use crate::map::interest::apart;
use crate::map::market::Stand;
use crate::map::{Map, Outbox};
use crate::systems::{is_connected, presence, refuse};

/// A request that is not granted: why, and the detail of the message.
type Refused = (Refusal, u32);

/// A player asks a keeper what it keeps.
pub(crate) fn open(map: &Map, out: &mut Outbox, slot: usize, keeper: EntityId) {
    match stand(map, slot, keeper).map(|stand| stand.service) {
        Ok(Service::Warehouse) => presence::warehouse(map, out, slot),
        Ok(Service::Shop(id)) => {
            let (Some(shop), Some(to)) = (map.market.shop(id), map.slots.id(slot)) else {
                return;
            };
            let wares: ArrayVec<Ware, MAX_WARES> = shop
                .wares
                .iter()
                .take(MAX_WARES)
                .map(|ware| Ware { template: ware.template, level: ware.level, price: ware.price })
                .collect();
            let wares = List::new(&wares);
            if is_connected(map, slot) {
                out.send(to, &ServerMessage::Wares { keeper, pays_percent: shop.buys_percent, wares });
            }
        }
        Err(why) => tell_refused(map, out, slot, why),
    }
}

/// The stand of a keeper that the player can reach.
fn stand(map: &Map, slot: usize, keeper: EntityId) -> Result<Stand, Refused> {
    let far = (Refusal::KeeperFar, keeper.0);
    let at = map.slots.find(keeper).ok_or(far)?;
    let stand = map.stands.iter().find(|stand| stand.slot == at).ok_or(far)?;
    if stand_within(map, slot, at, stand.reach) { Ok(*stand) } else { Err(far) }
}

/// Whether two slots are at most this many tiles apart.
fn stand_within(map: &Map, slot: usize, other: usize, tiles: u8) -> bool {
    apart(map.entities.positions[slot], map.entities.positions[other]) <= u16::from(tiles) << 8
}

fn tell_refused(map: &Map, out: &mut Outbox, slot: usize, (what, detail): Refused) {
    refuse(map, out, slot, what, detail);
}

/// The position of an item in a request, as the detail of a refusal.
fn position(at: usize) -> u32 {
    u32::try_from(at).unwrap_or(u32::MAX)
}
