//! Items, wares and offers as messages show them.

use super::list::{Element, List};
use super::shape::Shape;

/// An item as its owner, or a partner who is offered it, sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Item {
    /// The item's identity, never reused.
    pub uid: u64,
    /// Which kind of item, from the world's content.
    pub template: u16,
    /// Where it lies in its owner's inventory.
    pub slot: u8,
    /// Its level.
    pub level: u8,
}

impl Element for Item {
    const BYTES: usize = 12;

    fn shape() -> Shape {
        let number = |bytes| Shape::Number { bytes };
        Shape::Group(vec![("uid", number(8)), ("template", number(2)), ("slot", number(1)), ("level", number(1))])
    }

    fn store(self, into: &mut [u8]) {
        let [a, b] = self.template.to_le_bytes();
        let tail = [a, b, self.slot, self.level];
        for (to, from) in into.iter_mut().zip(self.uid.to_le_bytes().into_iter().chain(tail)) {
            *to = from;
        }
    }

    fn load(from: &[u8]) -> Self {
        let Some((uid, [a, b, slot, level])) = from.split_first_chunk::<8>() else {
            return Self::default();
        };
        Self { uid: u64::from_le_bytes(*uid), template: u16::from_le_bytes([*a, *b]), slot: *slot, level: *level }
    }
}

/// Something a shop sells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Ware {
    /// Which kind of item, from the world's content.
    pub template: u16,
    /// Its level.
    pub level: u8,
    /// What one costs.
    pub price: u64,
}

impl Element for Ware {
    const BYTES: usize = 11;

    fn shape() -> Shape {
        let number = |bytes| Shape::Number { bytes };
        Shape::Group(vec![("template", number(2)), ("level", number(1)), ("price", number(8))])
    }

    fn store(self, into: &mut [u8]) {
        let [a, b] = self.template.to_le_bytes();
        for (to, from) in into.iter_mut().zip([a, b, self.level].into_iter().chain(self.price.to_le_bytes())) {
            *to = from;
        }
    }

    fn load(from: &[u8]) -> Self {
        let Some((&[a, b, level], rest)) = from.split_first_chunk::<3>() else {
            return Self::default();
        };
        let price = rest.first_chunk().map_or(0, |bytes| u64::from_le_bytes(*bytes));
        Self { template: u16::from_le_bytes([a, b]), level, price }
    }
}

/// What one side of a trade puts on the table.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Offer<'a> {
    /// Money.
    pub zen: u64,
    /// Items.
    pub items: List<'a, Item>,
}
