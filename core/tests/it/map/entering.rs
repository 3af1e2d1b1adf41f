//! What a newcomer is told beside messages.

use mu_archive::{CharacterSheet, Checked, encode};
use mu_core::map::Rules;
use mu_wire::motion::Tile;

use super::rig::{Rig, SPEED, character, open_map};

#[test]
fn a_newcomer_enters_once_with_what_the_store_had() {
    let mut rig = Rig::new(&open_map(20), 2, Rules::default(), 1);
    let mut loaded = character(7, Tile::new(5, 5), 300, &[(70, 0), (71, 9)]);
    loaded.character.level = 12;
    let who = rig.join(&loaded);
    rig.steps(3);
    assert_eq!(rig.entered, [who]);
    assert_eq!(rig.names(who)[..2], ["Spawned", "Inventory"]);

    let mut sheet = rig.map.sheet(who).expect("is here");
    assert_eq!((sheet.character, sheet.entity, sheet.class, sheet.level), (7, who.0, 1, 12));
    assert_eq!((sheet.hp, sheet.mp, sheet.speed), (60, 20, SPEED));
    sheet.set_class_name("Dark Knight");
    let payload = encode(&sheet).expect("a valid sheet");
    let read = Checked::<CharacterSheet>::new(&payload).expect("a valid sheet");
    assert_eq!((read.name(), read.class_name()), ("Hero7", "Dark Knight"));

    let carried = rig.map.carried(who).expect("is here");
    assert_eq!(carried.zen, 300);
    assert_eq!(carried.items.iter().map(|item| (item.uid, item.slot)).collect::<Vec<_>>(), [(70, 0), (71, 9)]);

    rig.map.detach(who);
    assert!(rig.map.attach(who));
    rig.step();
    assert_eq!(rig.entered, [who, who], "another client is told again");
    assert!(rig.map.sheet(mu_wire::EntityId::new(1, 9)).is_none());
}
