//! What a character carries or stores: 64 places for items and a purse, with holds and reservations.
//!
//! An item or zen that is part of an undecided event is held: it is still here, but cannot be offered or spent. A
//! place an item will arrive at is reserved: it is empty, but nothing else may take it. Settling moves, releasing
//! undoes; neither can be done halfway. Knows nothing of trades, deals, journals or messages.

/// Places in an inventory; a set of them is a 64-bit mask.
pub const PLACES: usize = 64;

/// One item.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Item {
    /// Its identity, never reused.
    pub uid: i64,
    /// What kind of item it is.
    pub template: u16,
    /// Its level.
    pub level: u8,
    /// How often it moved, as the store counts.
    pub version: i32,
}

/// The inventory and purse of one character.
#[derive(Debug, Clone)]
pub struct Inventory {
    items: [Option<Item>; PLACES],
    held: u64,
    reserved: u64,
    zen: i64,
    zen_held: i64,
    zen_coming: i64,
}

impl Default for Inventory {
    fn default() -> Self {
        Self { items: [None; PLACES], held: 0, reserved: 0, zen: 0, zen_held: 0, zen_coming: 0 }
    }
}

impl Inventory {
    /// An empty inventory with this much zen.
    #[must_use]
    pub fn with_zen(zen: i64) -> Self {
        Self { zen, ..Self::default() }
    }

    /// Puts an item into an empty, unreserved place; false when it is neither.
    pub fn put(&mut self, place: u8, item: Item) -> bool {
        let Some(bit) = bit(place) else { return false };
        if self.items[usize::from(place)].is_some() || self.reserved & bit != 0 {
            return false;
        }
        self.items[usize::from(place)] = Some(item);
        true
    }

    /// All zen, held or not.
    #[must_use]
    pub fn zen(&self) -> i64 {
        self.zen
    }

    /// The zen that can be offered or spent.
    #[must_use]
    pub fn spendable(&self) -> i64 {
        self.zen - self.zen_held
    }

    /// The zen there will be if everything expected comes and nothing held goes.
    #[must_use]
    pub fn zen_at_most(&self) -> i64 {
        self.zen.saturating_add(self.zen_coming)
    }

    /// The item in a place.
    #[must_use]
    pub fn item(&self, place: u8) -> Option<&Item> {
        self.items.get(usize::from(place)).and_then(Option::as_ref)
    }

    /// Where an item is.
    #[must_use]
    pub fn place_of(&self, uid: i64) -> Option<u8> {
        self.items
            .iter()
            .position(|item| item.is_some_and(|item| item.uid == uid))
            .and_then(|place| u8::try_from(place).ok())
    }

    /// Every item with its place, in order of place.
    pub fn items(&self) -> impl Iterator<Item = (u8, &Item)> {
        (0u8..).zip(&self.items).filter_map(|(place, item)| item.as_ref().map(|item| (place, item)))
    }

    /// Whether the item in this place is part of an undecided event.
    #[must_use]
    pub fn is_held(&self, place: u8) -> bool {
        bit(place).is_some_and(|bit| self.held & bit != 0)
    }

    /// Whether anything is held or reserved.
    #[must_use]
    pub fn is_bound(&self) -> bool {
        self.held != 0 || self.reserved != 0 || self.zen_held != 0 || self.zen_coming != 0
    }

    /// Places that are empty and not reserved.
    #[must_use]
    pub fn free_places(&self) -> usize {
        self.free_mask().count_ones() as usize
    }

    /// The masks of what is held and reserved, the zen held and the zen expected, for the state hash.
    #[must_use]
    pub fn bindings(&self) -> (u64, u64, i64, i64) {
        (self.held, self.reserved, self.zen_held, self.zen_coming)
    }

    /// Holds an item; false when there is none or it is held already.
    pub fn hold(&mut self, place: u8) -> bool {
        let Some(bit) = bit(place) else { return false };
        if self.items[usize::from(place)].is_none() || self.held & bit != 0 {
            return false;
        }
        self.held |= bit;
        true
    }

    /// Holds zen; false when that much cannot be spent.
    pub fn hold_zen(&mut self, amount: i64) -> bool {
        if amount < 0 || amount > self.spendable() {
            return false;
        }
        self.zen_held += amount;
        true
    }

    /// Reserves the first free place, or, when there is none, the place of one of these items that leave in the same
    /// event.
    pub fn reserve(&mut self, leaving: &[u8]) -> Option<u8> {
        let vacated =
            leaving.iter().fold(0, |mask, &place| mask | bit(place).unwrap_or(0)) & self.held & !self.reserved;
        let free = match self.free_mask() {
            0 => vacated,
            free => free,
        };
        if free == 0 {
            return None;
        }
        self.reserved |= free & free.wrapping_neg();
        u8::try_from(free.trailing_zeros()).ok()
    }

    /// Ends a hold; the item can be offered again.
    pub fn release(&mut self, place: u8) {
        self.held &= !bit(place).unwrap_or(0);
    }

    /// Ends a hold on zen.
    pub fn release_zen(&mut self, amount: i64) {
        self.zen_held = (self.zen_held - amount).max(0);
    }

    /// Notes that zen will come, so that no second sum is let in for which there is no room.
    pub fn expect_zen(&mut self, amount: i64) {
        self.zen_coming = self.zen_coming.saturating_add(amount);
    }

    /// Expects zen no more: it came, or never will.
    pub fn forget_zen(&mut self, amount: i64) {
        self.zen_coming = (self.zen_coming - amount).max(0);
    }

    /// Gives up a reservation.
    pub fn unreserve(&mut self, place: u8) {
        self.reserved &= !bit(place).unwrap_or(0);
    }

    /// Takes a held item out for good.
    pub fn take_held(&mut self, place: u8) -> Option<Item> {
        if !self.is_held(place) {
            return None;
        }
        self.release(place);
        self.items[usize::from(place)].take()
    }

    /// Puts an item into the place reserved for it.
    pub fn put_reserved(&mut self, place: u8, item: Item) {
        self.unreserve(place);
        if let Some(entry) = self.items.get_mut(usize::from(place)) {
            *entry = Some(item);
        }
    }

    /// Changes the purse by what a decided event says; the held part that paid for it is released by the caller.
    pub fn change_zen(&mut self, delta: i64) {
        self.zen += delta;
    }

    fn free_mask(&self) -> u64 {
        let taken =
            self.items.iter().enumerate().fold(0u64, |mask, (place, item)| mask | (u64::from(item.is_some()) << place));
        !(taken | self.reserved)
    }
}

fn bit(place: u8) -> Option<u64> {
    (usize::from(place) < PLACES).then(|| 1 << place)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SWORD: Item = Item { uid: 7, template: 1, level: 0, version: 3 };

    #[test]
    fn held_things_stay_but_cannot_be_spent() {
        let mut inventory = Inventory::with_zen(100);
        assert!(inventory.put(5, SWORD));
        assert!(inventory.hold(5));
        assert!(!inventory.hold(5), "held once");
        assert!(inventory.hold_zen(60));
        assert!(!inventory.hold_zen(41));
        assert_eq!((inventory.zen(), inventory.spendable()), (100, 40));
        assert_eq!(inventory.item(5), Some(&SWORD));
        inventory.release(5);
        inventory.release_zen(60);
        assert!(!inventory.is_bound());
        assert_eq!(inventory.take_held(5), None, "only what is held can be taken");
    }

    #[test]
    fn a_reserved_place_is_nobody_elses() {
        let mut inventory = Inventory::default();
        assert!(inventory.put(0, SWORD));
        let place = inventory.reserve(&[]).unwrap();
        assert_eq!(place, 1);
        assert!(!inventory.put(1, SWORD));
        assert_eq!(inventory.free_places(), 62);
        inventory.put_reserved(1, Item { uid: 8, ..SWORD });
        assert_eq!(inventory.place_of(8), Some(1));
        assert!(!inventory.is_bound());
        assert!(!inventory.put(64, SWORD), "there is no place 64");
    }

    #[test]
    fn a_full_inventory_reserves_nothing() {
        let mut inventory = Inventory::default();
        for place in 0..64 {
            assert!(inventory.put(place, Item { uid: i64::from(place) + 1, ..SWORD }));
        }
        assert_eq!(inventory.reserve(&[]), None);
        assert_eq!(inventory.items().count(), 64);
        assert!(inventory.hold(9));
        assert_eq!(inventory.reserve(&[8, 9]), Some(9), "only the place of what leaves");
        assert_eq!(inventory.reserve(&[8, 9]), None, "and only once");
    }
}
