//! Who keeps what on a map, and what things cost: keepers, their shops, the items' worth.
//!
//! Comes from the content at load and never changes. Knows no inventory and no message.

use std::sync::Arc;

use mu_config::{ItemTemplate, Keeper, Service, Shop};

use super::inventory::Item;

/// The shops and items of the content, as maps share them.
#[derive(Debug, Clone, Default)]
pub struct Market {
    /// The shops, by ascending id.
    pub shops: Arc<[Shop]>,
    /// The items, by ascending id.
    pub items: Arc<[ItemTemplate]>,
}

impl Market {
    /// The shop with this id.
    #[must_use]
    pub fn shop(&self, id: u16) -> Option<&Shop> {
        self.shops.binary_search_by_key(&id, |shop| shop.id).ok().map(|at| &self.shops[at])
    }

    /// What a shop pays for an item, in zen; `None` for an item the content does not know.
    #[must_use]
    pub fn pays(&self, shop: &Shop, item: &Item) -> Option<u64> {
        let at = self.items.binary_search_by_key(&item.template, |template| template.id).ok()?;
        Some(shop.pays(&self.items[at], item.level))
    }
}

/// A keeper that stands on a map.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stand {
    /// The slot it stands in.
    pub slot: usize,
    /// How far away players may stand, in tiles.
    pub reach: u8,
    /// What it keeps.
    pub service: Service,
}

impl Stand {
    /// The stand of a keeper put into a slot.
    #[must_use]
    pub fn new(slot: usize, keeper: &Keeper) -> Self {
        Self { slot, reach: keeper.reach, service: keeper.service }
    }
}

#[cfg(test)]
mod tests {
    use mu_config::Content;

    use super::*;

    #[test]
    fn a_shop_pays_by_the_items_worth() {
        let content = Content::demo();
        let market = Market { shops: content.shops.clone().into(), items: content.items.clone().into() };
        let shop = market.shop(1).expect("the smithy");
        let sword = Item { uid: 1, template: 1, level: 2, version: 1 };
        assert_eq!(market.pays(shop, &sword), Some(240 * 40 / 100));
        assert_eq!(market.pays(shop, &Item { template: 999, ..sword }), None);
        assert_eq!(market.shop(99), None);
    }
}
