//! Shops: what each sells at which price, what it pays for what players bring, and that nobody gets rich by walking
//! from one to the other.
//!
//! A price begins with the item's value: each level adds half of it. A shop asks a percentage of that and pays another.
//! Because items carry no memory of where they came from, no shop may pay more than any shop asks.

use std::ops::Range;

use super::tables::{Items, NAME_MAX, Once, id, unique_text};
use super::{ItemTemplate, Shop, Ware};
use crate::diagnostics::{Diagnostics, Source};
use crate::document::{At, Table};
use crate::settings::nearest;

/// Most wares of one shop: they are shown in one message.
pub const SHOP_WARES: usize = 32;

/// `shops.toml`.
pub(crate) struct Shops {
    pub(crate) source: Source,
    pub(crate) shops: Vec<DraftShop>,
}

/// One `[[shop]]`.
pub(crate) struct DraftShop {
    pub(crate) id: u16,
    pub(crate) key: String,
    pub(crate) name: String,
    pub(crate) sells_percent: u16,
    pub(crate) buys_percent: At<u16>,
    pub(crate) wares: Vec<(At<String>, At<u8>)>,
    pub(crate) span: Range<usize>,
}

impl ItemTemplate {
    /// What the item is worth at a level, in zen: its value, and half of it more for each level.
    #[must_use]
    pub fn worth(&self, level: u8) -> u64 {
        u64::from(self.value) * (2 + u64::from(level)) / 2
    }
}

impl Shop {
    /// What the shop asks for an item, in zen: at least 1.
    #[must_use]
    pub fn asks(&self, item: &ItemTemplate, level: u8) -> u64 {
        (item.worth(level) * u64::from(self.sells_percent)).div_ceil(100).max(1)
    }

    /// What the shop pays for an item, in zen: never more than any shop asks for it.
    #[must_use]
    pub fn pays(&self, item: &ItemTemplate, level: u8) -> u64 {
        item.worth(level) * u64::from(self.buys_percent) / 100
    }
}

/// Reads `shops.toml`.
pub(crate) fn read(mut file: Table<'_>, source: &Source, found: &mut Diagnostics) -> Shops {
    let (mut ids, mut keys, mut shops) = (Once::default(), Once::default(), Vec::new());
    for mut table in file.tables("shop", found) {
        let id = id(&mut table, "shop", &mut ids, source, found);
        let key = unique_text(&mut table, "key", "shop key", &mut keys, source, found);
        let name = table.text("name", NAME_MAX, found);
        let sells = table.integer("sells_percent", 1..=10_000, found);
        let buys = table.integer("buys_percent", 0..=10_000, found);
        let mut wares = Vec::new();
        for mut ware in table.tables("wares", found) {
            let name = ware.text("item", NAME_MAX, found);
            let level = ware.integer("level", 0..=255, found);
            ware.finish(found);
            wares.extend(name.zip(level));
        }
        let span = table.value_span("wares").unwrap_or_else(|| table.span());
        table.finish(found);
        if let (Some(id), Some(key), Some(name), Some(sells), Some(buys)) = (id, key, name, sells, buys) {
            let (name, sells_percent) = (name.value, sells.value);
            shops.push(DraftShop { id, key, name, sells_percent, buys_percent: buys, wares, span });
        }
    }
    file.finish(found);
    Shops { source: source.clone(), shops }
}

/// Follows the wares of all shops to their items and compares what shops pay with what shops ask.
pub(crate) fn join(drafts: &Shops, items: &Items, found: &mut Diagnostics) -> Vec<Shop> {
    let cheapest = drafts.shops.iter().min_by_key(|shop| shop.sells_percent);
    for shop in &drafts.shops {
        if let Some(other) = cheapest.filter(|other| other.sells_percent < shop.buys_percent.value) {
            let message = format!("shop {:?} pays {} percent", shop.key, shop.buys_percent.value);
            let help = format!("shop {:?} sells at {} percent: nobody may pay more", other.key, other.sells_percent);
            found.error(&drafts.source, &shop.buys_percent.span, message, help);
        }
    }
    let mut shops: Vec<Shop> = drafts.shops.iter().map(|draft| shop_of(draft, &drafts.source, items, found)).collect();
    shops.sort_by_key(|shop| shop.id);
    shops
}

fn shop_of(draft: &DraftShop, source: &Source, items: &Items, found: &mut Diagnostics) -> Shop {
    let mut shop = Shop {
        id: draft.id,
        key: draft.key.clone(),
        name: draft.name.clone(),
        sells_percent: draft.sells_percent,
        buys_percent: draft.buys_percent.value,
        wares: Vec::new(),
    };
    for (name, level) in &draft.wares {
        let Some(item) = items.items.iter().find(|item| item.name == name.value) else {
            let help = match nearest(&name.value, items.items.iter().map(|item| item.name.as_str())) {
                Some(near) => format!("did you mean {near:?}?"),
                None => "known from items.toml".to_owned(),
            };
            found.error(source, &name.span, format!("there is no item {:?}", name.value), help);
            continue;
        };
        if level.value > item.max_level {
            let message = format!("{:?} cannot have level {}", item.name, level.value);
            found.error(source, &level.span, message, format!("its max_level is {}", item.max_level));
        }
        let price = shop.asks(item, level.value);
        shop.wares.push(Ware { template: item.id, level: level.value, price });
    }
    if draft.wares.is_empty() || draft.wares.len() > SHOP_WARES {
        let message = format!("shop {:?} has {} wares", draft.key, draft.wares.len());
        found.error(source, &draft.span, message, format!("allowed: 1 to {SHOP_WARES}"));
    }
    shop
}
