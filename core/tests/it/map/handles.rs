//! Handles, departures, and coming back.

use mu_core::map::Rules;
use mu_wire::messages::{ClientMessage, Input};
use mu_wire::motion::Tile;

use super::rig::{Rig, character, open_map};

#[test]
fn a_handle_of_somebody_who_left_reaches_nobody() {
    let mut rig = Rig::new(&open_map(32), 1, Rules::default(), 1);
    let old = rig.join(&character(1, Tile::new(3, 3), 0, &[]));
    rig.step();
    assert!(rig.map.detach(old));
    rig.step();
    assert_eq!(rig.departed.len(), 1);
    assert!(!rig.departed[0].connected);
    let new = rig.join(&character(2, Tile::new(3, 3), 0, &[]));
    assert_eq!(new.slot(), old.slot());
    assert_ne!(new, old);
    assert!(!rig.map.input(old, 1, Input::Stop));
    assert!(!rig.map.request(old, &ClientMessage::Leave));
    assert!(!rig.map.detach(old) && !rig.map.attach(old) && rig.map.hot(old).is_none());
    assert_eq!(rig.map.write_snapshot(old, 1, &mut [0; 1_200]), 0);
    rig.steps(2);
    assert_eq!(rig.map.handles().collect::<Vec<_>>(), [new]);
}

#[test]
fn what_was_queued_by_somebody_who_left_is_not_done_by_its_successor() {
    let mut rig = Rig::new(&open_map(32), 1, Rules::default(), 1);
    let old = rig.join(&character(1, Tile::new(3, 3), 0, &[]));
    rig.step();
    rig.map.input(old, 1, Input::Step { dx: 1, dy: 0 });
    rig.map.hand_over(old).unwrap();
    let new = rig.join(&character(2, Tile::new(3, 3), 0, &[]));
    rig.steps(20);
    assert_eq!(rig.at(new), Tile::new(3, 3).centre());
}

#[test]
fn asking_to_leave_ends_with_a_departure_that_carries_the_last_state() {
    let mut rig = Rig::new(&open_map(32), 1, Rules::default(), 1);
    let who = rig.join(&character(1, Tile::new(3, 3), 0, &[]));
    rig.step();
    rig.map.input(who, 1, Input::Step { dx: 1, dy: 0 });
    rig.steps(20);
    rig.ask(who, ClientMessage::Leave);
    rig.step();
    let departure = rig.departed[0];
    assert!(departure.connected, "the connection is still to be closed");
    assert_eq!((departure.character().0, departure.account.0), (1, 1_001));
    assert_eq!(departure.hot.x, i32::from(Tile::new(4, 3).centre().x));
    assert_eq!(rig.map.players(), 0);
}

#[test]
fn a_client_that_comes_back_in_time_is_told_everything_again() {
    let mut rig = Rig::new(&open_map(32), 1, Rules::default(), 1);
    let who = rig.join(&character(1, Tile::new(3, 3), 5, &[]));
    rig.step();
    rig.told.clear();
    rig.map.detach(who);
    rig.map.attach(who);
    rig.steps(2);
    assert!(rig.departed.is_empty());
    assert_eq!(rig.names(who), ["Spawned", "Inventory"]);
}

#[test]
fn the_map_is_full_when_its_slots_are_and_not_before() {
    let mut rig = Rig::new(&open_map(32), 3, Rules::default(), 1);
    for round in 0..50 {
        let handles = [1, 2, 3].map(|id| rig.join(&character(id + round, Tile::new(3, 3), 0, &[])));
        let one_more = character(99, Tile::new(3, 3), 0, &[]);
        assert!(rig.map.join(mu_core::map::Joining::Fresh { character: &one_more, connected: true }).is_err());
        rig.step();
        handles.iter().for_each(|&who| assert!(rig.map.detach(who)));
        rig.step();
        assert_eq!(rig.map.players(), 0);
    }
    assert_eq!(rig.departed.len(), 150);
}
