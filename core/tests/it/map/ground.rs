//! Dropping, picking up, and what nobody picks up, case by case; `deal_model` does the same at random.

use mu_core::map::{Rules, Verdict};
use mu_storage::event::{EventKind, Place, ValueEvent};
use mu_storage::store::Reason;
use mu_wire::EntityId;
use mu_wire::messages::{ClientMessage, Refusal, ServerMessage};
use mu_wire::motion::Tile;

use super::rig::{Rig, character, town};

const PLAYERS: u16 = 4;
/// The two keepers stand in the two slots after the players'; what lies on the ground comes after them.
const FIRST_PILE: EntityId = EntityId::new(PLAYERS + 2, 1);

/// Two players beside each other; the first has items 11 and 12.
fn two() -> (Rig, EntityId, EntityId) {
    let rules = Rules { lies: 100, ..Rules::default() };
    let mut rig = Rig::new(&town(), usize::from(PLAYERS), rules, 1);
    let left = rig.join(&character(1, Tile::new(20, 20), 0, &[(11, 0), (12, 5)]));
    let right = rig.join(&character(2, Tile::new(21, 20), 0, &[]));
    rig.step();
    rig.told.clear();
    (rig, left, right)
}

fn ask(rig: &mut Rig, who: EntityId, message: ClientMessage<'_>) -> Option<ValueEvent> {
    let before = rig.events.len();
    rig.ask(who, message);
    rig.step();
    let event = rig.events.get(before).cloned();
    if let Some(event) = &event {
        event.check().expect("well formed");
    }
    event
}

fn decide(rig: &mut Rig, event: &ValueEvent, verdict: Verdict) {
    assert!(rig.map.settle(event.event_id, verdict), "the map waits for it");
    rig.step();
}

fn refused(rig: &mut Rig, who: EntityId) -> Vec<Refusal> {
    let told = rig.heard(who, |message| match message {
        ServerMessage::Refused { what, .. } => Some(what),
        _ => None,
    });
    told.into_iter().flatten().collect()
}

fn carried(rig: &Rig, who: EntityId) -> Vec<(i64, i32)> {
    let inventory = &rig.map.view_player(who).expect("is here").inventory;
    inventory.items().map(|(_, item)| (item.uid, item.version)).collect()
}

/// The first player has dropped item 11.
fn dropped() -> (Rig, EntityId, EntityId) {
    let (mut rig, left, right) = two();
    let event = ask(&mut rig, left, ClientMessage::Drop { item: 11 }).expect("submitted");
    assert_eq!((event.kind, event.moves[0].to), (EventKind::Drop, Place::ground(1, 0)));
    assert_eq!(rig.map.position(FIRST_PILE), None, "it does not lie there before it is decided");
    assert_eq!(carried(&rig, left), [(11, 1), (12, 1)]);
    decide(&mut rig, &event, Verdict::Applied);
    assert_eq!(carried(&rig, left), [(12, 1)]);
    assert!(rig.map.position(FIRST_PILE).is_some(), "now it does");
    assert_eq!(rig.names(left), ["DealPending", "DealDone", "Inventory"]);
    (rig, left, right)
}

/// protocol.md 10.15.
#[test]
fn who_comes_first_has_it() {
    let (mut rig, left, right) = dropped();
    rig.ask(right, ClientMessage::PickUp { target: FIRST_PILE });
    let second = ask(&mut rig, left, ClientMessage::PickUp { target: FIRST_PILE });
    let event = second.expect("the first one's");
    assert_eq!(rig.events.len(), 2, "one drop and one picking up");
    assert_eq!((event.kind, event.moves[0].from, event.moves[0].version), (EventKind::PickUp, Place::ground(1, 0), 2));
    assert_eq!(event.moves[0].to.owner, 2);
    assert_eq!(refused(&mut rig, left), [Refusal::GroundGone]);
    assert_eq!(carried(&rig, right), [], "not before it is decided");
    decide(&mut rig, &event, Verdict::Applied);
    assert_eq!(carried(&rig, right), [(11, 3)]);
    assert_eq!(rig.map.position(FIRST_PILE), None, "it lies there no more");
    assert_eq!(ask(&mut rig, left, ClientMessage::PickUp { target: FIRST_PILE }), None);
    assert_eq!(refused(&mut rig, left), [Refusal::GroundGone]);
}

#[test]
fn what_was_not_picked_up_after_all_lies_on_or_is_gone() {
    let (mut rig, left, right) = dropped();
    let event = ask(&mut rig, right, ClientMessage::PickUp { target: FIRST_PILE }).expect("submitted");
    decide(&mut rig, &event, Verdict::NotTaken);
    assert!(rig.map.position(FIRST_PILE).is_some());
    assert!(!rig.map.view_player(right).unwrap().inventory.is_bound());
    let event = ask(&mut rig, left, ClientMessage::PickUp { target: FIRST_PILE }).expect("and can be picked up");
    decide(&mut rig, &event, Verdict::Rejected(Reason::ItemElsewhere));
    assert_eq!(rig.map.position(FIRST_PILE), None, "the store says it is not there");
    assert_eq!(carried(&rig, left), [(12, 1)]);
}

/// protocol.md 10.15.
#[test]
fn only_what_is_near_and_there_is_picked_up_and_only_ones_own_is_dropped() {
    let (mut rig, _, _) = dropped();
    let far = rig.join(&character(3, Tile::new(30, 30), 0, &[(31, 0)]));
    rig.step();
    rig.told.clear();
    for (message, why) in [
        (ClientMessage::PickUp { target: FIRST_PILE }, Refusal::GroundGone),
        (ClientMessage::PickUp { target: far }, Refusal::GroundGone),
        (ClientMessage::PickUp { target: EntityId::new(PLAYERS, 1) }, Refusal::GroundGone),
        (ClientMessage::Drop { item: 11 }, Refusal::Goods),
        (ClientMessage::Drop { item: 999 }, Refusal::Goods),
    ] {
        assert_eq!(ask(&mut rig, far, message), None, "{message:?}");
        assert_eq!(refused(&mut rig, far), [why], "{message:?}");
    }
}

/// protocol.md 10.15.
#[test]
fn what_lies_too_long_ceases_to_be_once_that_is_decided() {
    let (mut rig, left, _) = dropped();
    rig.steps(99);
    assert_eq!(rig.events.len(), 1);
    rig.steps(2);
    let event = rig.events[1].clone();
    event.check().expect("well formed");
    assert_eq!((event.kind, event.burns[0].uid, event.burns[0].version), (EventKind::Despawn, 11, 2));
    assert_eq!(ask(&mut rig, left, ClientMessage::PickUp { target: FIRST_PILE }), None, "nobody's any more");
    assert!(rig.map.position(FIRST_PILE).is_some(), "but not gone before it is decided");
    decide(&mut rig, &event, Verdict::Applied);
    assert_eq!((rig.map.position(FIRST_PILE), rig.map.undecided()), (None, 0));
    assert_eq!(rig.events.len(), 2, "submitted once");
}

/// protocol.md 10.15.
#[test]
fn what_lay_there_comes_back_at_the_next_entry() {
    let (mut rig, left, _) = dropped();
    rig.ask(left, ClientMessage::Leave);
    rig.steps(2);
    assert_eq!(rig.departed.len(), 1);
    assert_eq!(rig.map.position(FIRST_PILE), None, "it is kept for its dropper");
    let mut loaded = character(1, Tile::new(20, 20), 0, &[(12, 5)]);
    loaded.ground = character(1, Tile::new(20, 20), 0, &[(11, 0)]).items;
    loaded.ground[0].version = 2;
    let back = rig.join(&loaded);
    rig.told.clear();
    rig.step();
    let event = rig.events[1].clone();
    event.check().expect("well formed");
    assert_eq!((event.kind, event.moves[0].from, event.moves[0].version), (EventKind::PickUp, Place::ground(1, 0), 2));
    assert_eq!(carried(&rig, back), [(12, 1)], "not before it is decided");
    decide(&mut rig, &event, Verdict::Applied);
    assert_eq!(carried(&rig, back), [(11, 3), (12, 1)]);
    let event = ask(&mut rig, back, ClientMessage::Drop { item: 12 }).expect("submitted");
    assert_eq!(event.moves[0].to.slot, 1, "another place than what lay there before");
    rig.steps(5);
    assert_eq!(rig.events.len(), 3, "given back once");
}

#[test]
fn a_drop_that_is_not_applied_leaves_the_item_where_it_was() {
    for verdict in [Verdict::Rejected(Reason::PlaceTaken), Verdict::NotTaken] {
        let (mut rig, left, _) = two();
        let event = ask(&mut rig, left, ClientMessage::Drop { item: 11 }).expect("submitted");
        decide(&mut rig, &event, verdict);
        assert_eq!((carried(&rig, left), rig.map.position(FIRST_PILE)), (vec![(11, 1), (12, 1)], None));
        assert!(!rig.map.view_player(left).unwrap().inventory.is_bound());
    }
}

#[test]
fn no_more_lies_on_a_map_than_there_is_room_for() {
    let mut rig = Rig::new(&town(), usize::from(PLAYERS), Rules { lies: 100_000, ..Rules::default() }, 1);
    let left = rig.join(&character(1, Tile::new(20, 20), 0, &[]));
    let mut lying = 0;
    for round in 0_i64.. {
        let more: Vec<(i64, u8)> = (0..4).map(|place| (1_000 + round * 4 + i64::from(place), place)).collect();
        rig.map.detach(left);
        let who = rig.join(&character(10 + round, Tile::new(20, 20), 0, &more));
        rig.step();
        for (uid, _) in &more {
            match ask(&mut rig, who, ClientMessage::Drop { item: uid.unsigned_abs() }) {
                Some(event) => {
                    decide(&mut rig, &event, Verdict::Applied);
                    lying += 1;
                }
                None => {
                    assert_eq!(refused(&mut rig, who).last(), Some(&Refusal::NoRoom));
                    assert_eq!(lying, 256, "as many as there is room for");
                    return;
                }
            }
        }
        if round >= 64 {
            panic!("{lying} items lie there and more are taken");
        }
        // Who leaves takes its own away; so everybody hands on and stays on the map as long as it can.
        rig.told.clear();
        rig.map.hand_over(who).expect("nothing is undecided");
    }
}
