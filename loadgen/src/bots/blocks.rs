//! What a bot makes of the blocks it is sent: each is validated, and the map is compared with the content it knows.

use mu_archive::{CharacterSheet, Checked, Inventory, MapData, Payload};

use super::ground::Atlas;
use crate::figures::Figures;

/// Counts a block, or what is wrong with it.
pub(super) fn read(kind: u16, payload: &[u8], atlas: &Atlas, figures: &mut Figures) {
    let valid = match kind {
        CharacterSheet::KIND => Checked::<CharacterSheet>::new(payload).is_ok(),
        Inventory::KIND => Checked::<Inventory>::new(payload).is_ok(),
        MapData::KIND => match Checked::<MapData>::new(payload) {
            Ok(map) => {
                if atlas.map(map.id.to_native()).is_some_and(|ground| ground.is(&map)) {
                    figures.maps += 1;
                } else {
                    figures.error("map_differs");
                }
                true
            }
            Err(_) => false,
        },
        // Of a newer server; nothing is known about it.
        _ => true,
    };
    if valid {
        figures.blocks += 1;
    } else {
        figures.error("block_malformed");
    }
}

#[cfg(test)]
mod tests {
    use mu_archive::encode;
    use mu_config::Content;

    use super::*;

    #[test]
    fn a_map_is_compared_tile_by_tile_and_bad_bytes_are_told() {
        let content = Content::demo();
        let (atlas, map) = (Atlas::new(&content), &content.maps[0]);
        let mut data = MapData::new(map.id, (map.width, map.height), &map.key, &map.name);
        map.walk.tiles().for_each(|(x, y)| data.open(x, y));
        let after = |data: &MapData| {
            let mut figures = Figures::default();
            read(3, &encode(data).expect("a valid map"), &atlas, &mut figures);
            (figures.blocks, figures.maps, figures.errors.get("map_differs").copied())
        };
        assert_eq!(after(&data), (1, 0, Some(1)), "its portals are missing");
        data.portals = map.portals.iter().map(super::super::ground::told).collect();
        assert_eq!(after(&data), (1, 1, None));
        data.walk[map.walk.count() / 16] ^= 1;
        assert_eq!(after(&data), (1, 0, Some(1)));

        let mut figures = Figures::default();
        read(1, b"nothing", &atlas, &mut figures);
        read(2, &encode(&data).expect("a valid map"), &atlas, &mut figures);
        read(9, b"of a newer server", &atlas, &mut figures);
        assert_eq!((figures.blocks, figures.errors["block_malformed"]), (1, 2));
    }
}
