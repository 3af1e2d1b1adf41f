//! A character comes to life: one value event with its starter items and zen, decided by the journal like any other.
//!
//! Half a character cannot exist: the row, the items and the zen are one event, and a taken name rejects all of it. The
//! event's id is given by the journal's side; a lost answer is "undecided", never "failed".

use mu_config::{Class, Content};
use mu_storage::event::{Birth, CharacterName, ValueEvent};
use mu_storage::ids::{AccountId, Lsn};
use mu_storage::store::Outcome;
use tokio::sync::oneshot;

/// The way from the gateway to the journal. Called on the control thread; must not block.
pub trait JournalClient: Send + Sync {
    /// An event id that was never used and never will be.
    fn next_event_id(&self) -> u128;

    /// Queues the event. The receiver gets the outcome once the outcome row exists; a sender dropped without one means
    /// "undecided": the event may still be applied later.
    ///
    /// # Errors
    /// [`JournalBusy`] when the event was not taken: nothing has happened and nothing will.
    fn submit(&self, event: &ValueEvent) -> Result<oneshot::Receiver<Outcome>, JournalBusy>;

    /// How far the journal is at this moment; `None` if nobody can say.
    fn positions(&self) -> Option<JournalPositions> {
        None
    }
}

/// How far a journal is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct JournalPositions {
    /// Its name.
    pub log_id: u128,
    /// Everything up to here is durable: somebody may have been told of it.
    pub durable: Lsn,
    /// Everything up to here is decided.
    pub applied: Lsn,
}

/// The journal takes no events now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct JournalBusy;

/// Who is born.
pub(crate) struct NewCharacter<'a> {
    pub(crate) account: AccountId,
    pub(crate) id: i64,
    pub(crate) name: CharacterName,
    pub(crate) class: &'a Class,
}

/// The event that brings the character to life on the content's start area with its class's kit, `item_ids` in order.
///
/// # Panics
/// When there are fewer ids than the kit has items.
pub(crate) fn birth_event(content: &Content, event_id: u128, new: &NewCharacter<'_>, item_ids: &[i64]) -> ValueEvent {
    let kit = &new.class.kit;
    assert_eq!(item_ids.len(), kit.items.len(), "one id for each item of the kit");
    let (map, x, y) = start_position(content, new.id);
    let birth = Birth {
        character: new.id,
        account: new.account.0,
        name: new.name,
        class: new.class.id,
        entry: first_entry_with(content, map),
        map,
        x,
        y,
        heading: 0,
        hp: new.class.hp,
        mp: new.class.mp,
    };
    let items = item_ids.iter().zip(&kit.items).zip(0u16..);
    let items = items.map(|((uid, item), slot)| (*uid, item.template, item.level, slot));
    let zen = i64::try_from(kit.zen).unwrap_or(i64::MAX);
    ValueEvent::character_birth(event_id, birth, zen, items)
}

/// Where a character starts: its map and a tile's centre in 8.8 fixed point. Characters are spread over the tiles of
/// the start area by their number.
pub(crate) fn start_position(content: &Content, character: i64) -> (u16, u16, u16) {
    let (map, area) = content.start;
    let tiles = usize::from(area.width) * usize::from(area.height);
    let nth = usize::try_from(character).unwrap_or(0) % tiles.max(1);
    let (x, y) = area.tiles().nth(nth).unwrap_or((area.x, area.y));
    (map, centre(x), centre(y))
}

/// The centre of a tile in 8.8 fixed point; tiles beyond 255 cannot be written in it.
fn centre(tile: u16) -> u16 {
    (tile.min(255) << 8) | 0x80
}

fn first_entry_with(content: &Content, map: u16) -> u16 {
    let entries = content.worlds.iter().flat_map(|world| &world.entries);
    entries.filter(|entry| entry.maps.contains(&map)).map(|entry| entry.id).next().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_birth_is_a_valid_event_with_the_whole_kit() {
        let content = Content::demo();
        for class in &content.classes {
            let new =
                NewCharacter { account: AccountId(3), id: 77, name: CharacterName::new("Kundun").unwrap(), class };
            let ids: Vec<i64> = (500..).take(class.kit.items.len()).collect();
            let event = birth_event(&content, 9, &new, &ids);
            assert_eq!(event.check(), Ok(()), "{}", class.key);
            assert_eq!(event.mints.len(), class.kit.items.len());
            let zen: i64 = event.balances.iter().map(|b| b.delta).filter(|d| *d > 0).sum();
            assert_eq!(zen, i64::try_from(class.kit.zen).unwrap());
        }
    }

    #[test]
    fn starting_places_are_walkable_and_differ() {
        let content = Content::demo();
        let map = content.map(content.start.0).unwrap();
        let mut places: Vec<_> = (1..20).map(|id| start_position(&content, id)).collect();
        for (_, x, y) in &places {
            assert!(map.walk.get(x >> 8, y >> 8), "{} {}", x >> 8, y >> 8);
        }
        places.dedup();
        assert!(places.len() > 1, "everybody starts on one tile");
    }
}
