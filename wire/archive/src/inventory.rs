//! Kind 2, the inventory: everything the character carries as it enters a map. Changes come as messages.
//!
//! ```text
//! root   0 zen 8 │ 8 items: list of 16 bytes each                         16 bytes
//! item   0 uid 8 │ 8 template 2 │ 10 slot 1 │ 11 level 1 │ 12 zeros 4
//! ```

use rkyv::{Archive, Deserialize, Serialize};

use crate::payload::{HEADER_LEN, Payload};

/// Most items, and one more than the highest slot.
pub const MAX_ITEMS: usize = 64;

/// What a character carries.
#[derive(Debug, Clone, Default, PartialEq, Eq, Archive, Serialize, Deserialize)]
#[rkyv(derive(Debug))]
pub struct Inventory {
    /// Money.
    pub zen: u64,
    /// Items by slot.
    pub items: Vec<Carried>,
}

/// An item in its slot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Archive, Serialize, Deserialize)]
#[rkyv(derive(Debug))]
pub struct Carried {
    /// Its identity.
    pub uid: u64,
    /// What kind of item it is.
    pub template: u16,
    /// Where it lies, below 64.
    pub slot: u8,
    /// Its level.
    pub level: u8,
    zeros: u32,
}

impl Carried {
    /// An item.
    #[must_use]
    pub const fn new(uid: u64, template: u16, slot: u8, level: u8) -> Self {
        Self { uid, template, slot, level, zeros: 0 }
    }
}

impl Payload for Inventory {
    const KIND: u16 = 2;
    const VERSION: u16 = 1;
    const LAYOUT: &'static str = "0 zen u64, 8 items list; 16 bytes, align 8; \
        item: 0 uid u64, 8 template u16, 10 slot u8, 11 level u8, 12 zeros u32; 16 bytes, align 8";
    const MAX_LEN: usize = HEADER_LEN + size_of::<ArchivedInventory>() + MAX_ITEMS * size_of::<ArchivedCarried>();

    fn check(inventory: &ArchivedInventory) -> Result<(), &'static str> {
        let mut below = 0;
        for item in inventory.items.iter() {
            if item.slot < below || usize::from(item.slot) >= MAX_ITEMS {
                return Err("items are not in the order of their slots, one in each, below 64");
            }
            if item.zeros != 0 {
                return Err("the last four bytes of an item are zero");
            }
            below = item.slot + 1;
        }
        Ok(())
    }
}
