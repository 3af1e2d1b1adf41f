//! A player as its own client is told when it enters: the sheet and what it carries, as they are at this tick.

use mu_archive::{Carried, CharacterSheet};
use mu_wire::EntityId;

use super::Map;

impl Map {
    /// The character sheet of a player, without the name of its class, which the map does not know.
    #[must_use]
    pub fn sheet(&self, handle: EntityId) -> Option<CharacterSheet> {
        let slot = self.player_slot(handle)?;
        let (player, row) = (&self.players[slot], self.entities.row(slot));
        let mut sheet = CharacterSheet::named(&player.name, "");
        sheet.character = player.character.0.unsigned_abs();
        sheet.entity = handle.0;
        sheet.tick = self.tick.0;
        (sheet.class, sheet.level, sheet.speed) = (player.class, player.level, row.speed);
        (sheet.hp, sheet.hp_max, sheet.mp, sheet.mp_max) = (row.hp, row.hp_max, player.mp, player.mp_max);
        Some(sheet)
    }

    /// All that a player carries.
    #[must_use]
    pub fn carried(&self, handle: EntityId) -> Option<mu_archive::Inventory> {
        let inventory = &self.view_player(handle)?.inventory;
        let items = inventory
            .items()
            .map(|(place, item)| Carried::new(item.uid.unsigned_abs(), item.template, place, item.level));
        Some(mu_archive::Inventory { zen: inventory.zen().unsigned_abs(), items: items.collect() })
    }
}
