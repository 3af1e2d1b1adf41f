//! Handles, departures, and coming back.

use mu_core::map::Rules;
use mu_core::map::rng::Rng;
use mu_wire::EntityId;
use mu_wire::messages::{ChatChannel, ClientMessage, Input, ItemUids, Walk};
use mu_wire::motion::{Direction, Position, Steps, Tile};

use super::rig::{PORTAL, Rig, character, open_map, pick};

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

/// A number that is often at an edge.
fn odd(rng: &mut Rng) -> u64 {
    let random = rng.draw();
    pick(rng, &[0, 1, 2, 255, 65_535, u64::from(u32::MAX), i64::MAX.unsigned_abs(), u64::MAX, random])
}

#[test]
fn no_request_however_odd_stops_the_map() {
    let mut rng = Rng::new(11);
    let mut rig = Rig::new(&open_map(24), 6, Rules::default(), 1);
    let mut next = 0;
    for _ in 0..4_000 {
        while rig.map.players() < 6 {
            next += 1;
            let items: Vec<(i64, u8)> = (0..64).map(|place| (next * 64 + i64::from(place), place)).collect();
            rig.join(&character(next, Tile::new(1, 1), i64::MAX / 2, &items));
        }
        let here: Vec<EntityId> = rig.map.handles().collect();
        for _ in 0..6 {
            let who = pick(&mut rng, &here);
            let narrow = u32::try_from(odd(&mut rng)).unwrap_or(u32::MAX);
            let target = if rng.below(3) == 0 { EntityId(narrow) } else { pick(&mut rng, &here) };
            let uids = [odd(&mut rng), odd(&mut rng)];
            let byte = i8::try_from(rng.below(128)).unwrap() - 64;
            let direction = Direction::from_bits(rng.draw());
            let from = Position::new(rng.below(u16::MAX), rng.below(u16::MAX));
            match rng.below(12) {
                0 => rig.map.request(who, &ClientMessage::Chat { channel: ChatChannel::Local, text: "\u{202E}x" }),
                1 => rig.map.request(who, &ClientMessage::UsePortal { portal: pick(&mut rng, &[PORTAL, 0, u16::MAX]) }),
                2..5 => rig.map.request(who, &ClientMessage::TradeRequest { target }),
                5 => rig.map.request(who, &ClientMessage::TradeAnswer { accept: true }),
                6 => {
                    let items = ItemUids::new(&uids);
                    rig.map.request(who, &ClientMessage::TradeOffer { revision: narrow, zen: odd(&mut rng), items })
                }
                7 => rig.map.request(who, &ClientMessage::TradeConfirm { revision: narrow }),
                8 => rig.map.request(who, &ClientMessage::TradeCancel),
                9 => rig.map.request(who, &ClientMessage::Leave),
                10 => rig.map.input(who, narrow, Input::Step { dx: byte, dy: byte }),
                _ => {
                    rig.map.input(who, narrow, Input::Walk(Walk { from, steps: Steps::new(&[direction; 16]).unwrap() }))
                }
            };
        }
        rig.step();
        for (player, _) in std::mem::take(&mut rig.portals) {
            assert!(rig.map.stay(player));
        }
        assert!(rig.map.handles().all(|who| { rig.at(who).x >> 8 < 24 && rig.at(who).y >> 8 < 24 }), "on the map");
    }
    assert!(rig.departed.len() > 100 && rig.map.stats().walks_refused > 100);
}
