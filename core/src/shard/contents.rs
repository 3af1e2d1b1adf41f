//! What a client is told in blocks when its character enters a map: its sheet, what it carries, and the map itself.
//!
//! The map's bytes are made once at the start and shared by all who enter; the other two are made for each entry. A
//! client that still has sixteen blocks to come is not told: it changes maps faster than its line can carry them.

use std::sync::Arc;

use mu_archive::{Area, BadArchive, CharacterSheet, MapData, Payload, Portal, encode};
use mu_config::{MapDef, Rect};
use mu_wire::EntityId;
use mu_wire::capture::RecordedServer;

use super::house::House;

/// The map block of a map.
///
/// # Errors
/// The rule of the block that the content breaks.
pub(super) fn map_block(map: &MapDef) -> Result<Arc<[u8]>, BadArchive> {
    let mut data = MapData::new(map.id, (map.width, map.height), &map.key, &map.name);
    for (x, y) in map.walk.tiles() {
        data.open(x, y);
    }
    for (x, y) in map.safe.tiles() {
        data.protect(x, y);
    }
    data.portals.extend(map.portals.iter().map(|portal| Portal {
        id: portal.id,
        area: area(portal.area),
        to_map: portal.to_map,
        to_x: portal.to.0,
        to_y: portal.to.1,
        heading: portal.heading.into(),
    }));
    data.spawns.extend(map.spawns.iter().map(|spawn| area(spawn.area)));
    encode(&data)
}

fn area(rect: Rect) -> Area {
    Area { x: rect.x, y: rect.y, width: rect.width, height: rect.height }
}

/// Sends the blocks of a player that has just entered a room.
pub(super) fn tell(server: &mut RecordedServer, house: &mut House, room: usize, player: EntityId) {
    let House { rooms, counts, .. } = house;
    let room = &rooms[room];
    let (Some(conn), Some(mut sheet), Some(carried)) =
        (room.conn(player), room.map.sheet(player), room.map.carried(player))
    else {
        return;
    };
    let class = room.classes.iter().find(|class| class.id == sheet.class).map_or("", |class| &class.name);
    sheet.set_class_name(class);
    let blocks = [
        (CharacterSheet::KIND, encode(&sheet).ok()),
        (mu_archive::Inventory::KIND, encode(&carried).ok()),
        (MapData::KIND, Some(Arc::clone(&room.block))),
    ];
    for (kind, block) in blocks {
        let sent = block.is_some_and(|block| server.send_block(conn, kind, block).is_ok());
        counts.blocks_unsent += u64::from(!sent);
    }
}

#[cfg(test)]
mod tests {
    use mu_archive::Checked;
    use mu_config::Content;

    use super::*;

    #[test]
    fn every_map_of_the_content_is_told_as_it_is() {
        for map in &Content::demo().maps {
            let data = Checked::<MapData>::new(&map_block(map).unwrap()).unwrap();
            assert_eq!((data.id, data.width, data.height), (map.id.into(), map.width.into(), map.height.into()));
            assert_eq!((data.key(), data.name()), (&map.key[..], &map.name[..]));
            for (x, y) in (0..=map.width).flat_map(|x| (0..=map.height).map(move |y| (x, y))) {
                assert_eq!(data.is_open(x, y), map.walk.get(x, y), "{x} {y} of {}", map.key);
                assert_eq!(data.is_safe(x, y), map.safe.get(x, y), "{x} {y} of {}", map.key);
            }
            assert_eq!((data.portals.len(), data.spawns.len()), (map.portals.len(), map.spawns.len()));
            for (told, portal) in data.portals.iter().zip(&map.portals) {
                assert_eq!((told.id, told.to_map), (portal.id.into(), portal.to_map.into()));
                assert_eq!(
                    (told.to_x, told.to_y, told.heading),
                    (portal.to.0.into(), portal.to.1.into(), u16::from(portal.heading).into())
                );
                assert_eq!((told.area.x, told.area.width), (portal.area.x.into(), portal.area.width.into()));
            }
        }
    }
}
