//! Portals and the way of a player from one map to another.

use mu_core::map::{Joining, NotNow, Rules};
use mu_wire::messages::{ClientMessage, Input, Refusal, ServerMessage};
use mu_wire::motion::Tile;

use super::rig::{PORTAL, Rig, character, open_map};

#[test]
fn only_who_stands_in_a_portal_goes_through_it() {
    let mut rig = Rig::new(&open_map(32), 2, Rules::default(), 1);
    let outside = rig.join(&character(1, Tile::new(2, 0), 0, &[]));
    let inside = rig.join(&character(2, Tile::new(1, 1), 0, &[]));
    rig.step();
    rig.told.clear();
    rig.ask(outside, ClientMessage::UsePortal { portal: PORTAL });
    rig.ask(inside, ClientMessage::UsePortal { portal: PORTAL + 1 });
    rig.step();
    for who in [outside, inside] {
        let refusals =
            rig.heard(who, |message| matches!(message, ServerMessage::Refused { what: Refusal::Portal, .. }));
        assert_eq!(refusals, [true]);
    }
    rig.ask(inside, ClientMessage::UsePortal { portal: PORTAL });
    rig.step();
    assert_eq!(rig.portals, [(inside, PORTAL)]);
}

#[test]
fn whoever_waits_to_be_handed_over_stands_still_until_it_stays() {
    let mut rig = Rig::new(&open_map(32), 1, Rules::default(), 1);
    let who = rig.join(&character(1, Tile::new(0, 0), 0, &[]));
    rig.step();
    rig.map.input(who, 1, Input::Step { dx: 1, dy: 0 });
    rig.steps(2);
    rig.ask(who, ClientMessage::UsePortal { portal: PORTAL });
    rig.step();
    let stopped = rig.at(who);
    rig.map.input(who, 2, Input::Step { dx: 1, dy: 1 });
    rig.ask(who, ClientMessage::UsePortal { portal: PORTAL });
    rig.steps(20);
    assert_eq!(rig.at(who), stopped);
    assert_eq!(rig.portals.len(), 1, "asking again changes nothing");
    assert!(rig.map.stay(who));
    rig.map.input(who, 3, Input::Step { dx: 1, dy: 1 });
    rig.steps(20);
    assert_ne!(rig.at(who), stopped);
}

#[test]
fn what_is_handed_over_arrives_whole_and_nothing_stays_behind() {
    let mut here = Rig::new(&open_map(32), 2, Rules::default(), 1);
    let mut there = Rig::new(&open_map(32), 2, Rules::default(), 2);
    let who = here.join(&character(1, Tile::new(0, 0), 500, &[(70, 3), (71, 63)]));
    let watcher = here.join(&character(2, Tile::new(5, 5), 0, &[]));
    here.steps(2);
    here.ask(who, ClientMessage::UsePortal { portal: PORTAL });
    here.step();
    let before = here.map.hot(who).unwrap();
    let copy = here.map.copy(who).unwrap();
    let transit = here.map.hand_over(who).unwrap();
    assert_eq!((copy.character(), copy.owner_epoch()), (transit.character(), transit.owner_epoch()));
    assert_eq!(here.map.hand_over(who).unwrap_err(), NotNow::Gone);
    assert_eq!(here.map.players(), 1);
    assert!(here.map.position(who).is_none() && !here.map.detach(who));
    here.step();
    assert!(here.departed.is_empty(), "a hand-over is not a departure");

    let arrived = there.map.join(Joining::Transit { transit, to: Tile::new(9, 9), heading: 64 }).unwrap();
    there.step();
    let told = there.heard(arrived, |message| match message {
        ServerMessage::Spawned { entity, x, character, .. } => format!("{} {} {character}", entity == arrived, x >> 8),
        ServerMessage::Inventory { zen, items } => {
            format!("{zen} {:?}", items.iter().map(|item| (item.uid, item.slot)).collect::<Vec<_>>())
        }
        other => panic!("{other:?}"),
    });
    assert_eq!(told, ["true 9 1", "500 [(70, 3), (71, 63)]"]);
    let after = there.map.hot(arrived).unwrap();
    assert!(after.version > before.version, "{} then {}", before.version, after.version);
    assert_eq!(after.heading, 64);
    assert!(here.map.position(watcher).is_some());
}

#[test]
fn a_full_map_gives_back_who_wanted_in() {
    let mut rig = Rig::new(&open_map(32), 1, Rules::default(), 1);
    let who = rig.join(&character(1, Tile::new(0, 0), 7, &[]));
    let transit = rig.map.copy(who).unwrap();
    let refused = rig.map.join(Joining::Transit { transit, to: Tile::new(1, 1), heading: 0 }).unwrap_err();
    assert_eq!(refused.0.map(|transit| transit.character().0), Some(1));
}
