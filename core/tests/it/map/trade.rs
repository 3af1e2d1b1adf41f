//! Trading, case by case; `trade_model` does the same at random.

use mu_core::map::{Rules, Verdict};
use mu_storage::store::Reason;
use mu_wire::EntityId;
use mu_wire::messages::{ClientMessage, Input, ItemUids, Refusal, ServerMessage, TradeClose, TradeFailure, Walk};
use mu_wire::motion::{Direction, Steps, Tile};

use super::rig::{PORTAL, Rig, character, open_map};

/// Two players who opened a trade; the first has items 11 and 12 and 100 zen, the second item 21 and 50 zen.
fn open() -> (Rig, EntityId, EntityId) {
    let mut rig = Rig::new(&open_map(64), 4, Rules::default(), 1);
    let left = rig.join(&character(1, Tile::new(1, 1), 100, &[(11, 0), (12, 5)]));
    let right = rig.join(&character(2, Tile::new(3, 1), 50, &[(21, 0)]));
    rig.step();
    rig.told.clear();
    rig.ask(left, ClientMessage::TradeRequest { target: right });
    rig.step();
    assert_eq!(rig.names(right), ["TradeRequested"]);
    rig.ask(right, ClientMessage::TradeAnswer { accept: true });
    rig.step();
    assert_eq!((rig.names(left), rig.names(right)), (vec!["TradeOpened"], vec!["TradeOpened"]));
    (rig, left, right)
}

fn offer(rig: &mut Rig, who: EntityId, revision: u32, zen: u64, items: &[u64]) {
    rig.ask(who, ClientMessage::TradeOffer { revision, zen, items: ItemUids::new(items) });
    rig.step();
}

fn confirm(rig: &mut Rig, who: EntityId, revision: u32) {
    rig.ask(who, ClientMessage::TradeConfirm { revision });
    rig.step();
}

/// Both offered and confirmed: item 11 and 30 zen against item 21.
fn pending() -> (Rig, EntityId, EntityId) {
    let (mut rig, left, right) = open();
    offer(&mut rig, left, 0, 30, &[11]);
    offer(&mut rig, right, 1, 0, &[21]);
    confirm(&mut rig, left, 2);
    confirm(&mut rig, right, 2);
    (rig, left, right)
}

fn refusals(rig: &mut Rig, who: EntityId) -> Vec<Refusal> {
    let told = rig.heard(who, |message| match message {
        ServerMessage::Refused { what, .. } => Some(what),
        _ => None,
    });
    told.into_iter().flatten().collect()
}

fn goods(rig: &Rig, who: EntityId) -> (i64, Vec<(i64, i32)>, bool) {
    let inventory = &rig.map.view_player(who).expect("is here").inventory;
    let mut items: Vec<(i64, i32)> = inventory.items().map(|(_, item)| (item.uid, item.version)).collect();
    items.sort_unstable();
    (inventory.zen(), items, inventory.is_bound())
}

#[test]
fn a_trade_changes_hands_only_after_it_was_applied() {
    let (mut rig, left, right) = pending();
    assert_eq!(rig.events.len(), 1);
    let event = rig.events[0].clone();
    event.check().expect("balanced and complete");
    assert_eq!(event.moves.len(), 2);
    assert_eq!(goods(&rig, left), (100, vec![(11, 1), (12, 1)], true), "held, not gone");
    assert_eq!(rig.names(left).last(), Some(&"TradePending"));
    rig.told.clear();
    rig.steps(50);
    assert!(rig.told.is_empty(), "nobody is told anything while it is undecided");
    assert!(rig.map.settle(event.event_id, Verdict::Applied));
    assert!(!rig.map.settle(event.event_id, Verdict::Applied), "a second decision changes nothing");
    rig.step();
    assert_eq!(goods(&rig, left), (70, vec![(12, 1), (21, 2)], false));
    assert_eq!(goods(&rig, right), (80, vec![(11, 2)], false));
    assert_eq!(rig.names(left), ["TradeDone", "Inventory"]);
    assert_eq!(rig.names(right), ["TradeDone", "Inventory"]);
    assert_eq!(rig.map.undecided(), 0);
}

#[test]
fn a_trade_that_is_not_applied_leaves_everything_as_it_was() {
    for (verdict, reason) in [
        (Verdict::Rejected(Reason::BalanceTooLow), TradeFailure::Zen),
        (Verdict::Rejected(Reason::ItemVersion), TradeFailure::ItemMoved),
        (Verdict::NotTaken, TradeFailure::Refused),
    ] {
        let (mut rig, left, right) = pending();
        rig.told.clear();
        rig.map.settle(rig.events[0].event_id, verdict);
        rig.step();
        assert_eq!(goods(&rig, left), (100, vec![(11, 1), (12, 1)], false));
        assert_eq!(goods(&rig, right), (50, vec![(21, 1)], false));
        let told = rig.heard(left, |message| match message {
            ServerMessage::TradeFailed { reason, .. } => Some(reason),
            _ => None,
        });
        assert_eq!(told, [Some(reason), None]);
    }
}

#[test]
fn what_is_under_review_stays_frozen_but_its_owner_is_free() {
    let (mut rig, left, _) = pending();
    rig.map.settle(rig.events[0].event_id, Verdict::Quarantined(Reason::Frozen));
    rig.step();
    let inventory = &rig.map.view_player(left).unwrap().inventory;
    assert_eq!((inventory.spendable(), inventory.is_held(0), inventory.is_held(5)), (70, true, false));
    assert_eq!(inventory.free_places(), 62, "the reserved place is free again");
    rig.map.detach(left);
    rig.step();
    assert_eq!(rig.departed.len(), 1);
}

#[test]
fn a_changed_table_needs_both_confirmations_again() {
    let (mut rig, left, right) = open();
    offer(&mut rig, left, 0, 10, &[]);
    confirm(&mut rig, right, 1);
    offer(&mut rig, left, 1, 1, &[]);
    rig.told.clear();
    confirm(&mut rig, right, 1);
    assert_eq!(refusals(&mut rig, right), [Refusal::TradeStale]);
    confirm(&mut rig, left, 2);
    rig.steps(3);
    assert!(rig.events.is_empty(), "the right one confirmed revision 1 only");
    offer(&mut rig, left, 0, 99, &[]);
    assert_eq!(refusals(&mut rig, left), [Refusal::TradeStale], "an offer on a table that is no longer so");
}

#[test]
fn nobody_offers_what_it_does_not_have() {
    let (mut rig, left, _) = open();
    for (zen, items) in [(101, vec![]), (u64::MAX, vec![]), (0, vec![21]), (0, vec![11, 11]), (0, vec![u64::MAX / 2])] {
        rig.told.clear();
        offer(&mut rig, left, 0, zen, &items);
        assert_eq!(refusals(&mut rig, left), [Refusal::TradeGoods], "{zen} {items:?}");
    }
    assert!(
        !rig.map.request(left, &ClientMessage::TradeOffer { revision: 0, zen: 0, items: ItemUids::new(&[u64::MAX]) }),
        "no item has that number"
    );
}

#[test]
fn an_exchange_of_nothing_is_not_submitted() {
    let (mut rig, left, right) = open();
    offer(&mut rig, left, 0, 5, &[]);
    offer(&mut rig, right, 1, 5, &[]);
    confirm(&mut rig, left, 2);
    confirm(&mut rig, right, 2);
    assert!(rig.events.is_empty());
    assert!(refusals(&mut rig, left).contains(&Refusal::TradeGoods));
}

#[test]
fn full_inventories_swap_but_take_nothing_more() {
    for (from_left, fits) in [(1, true), (2, false)] {
        let mut rig = Rig::new(&open_map(32), 2, Rules::default(), 1);
        let full = |first: i64| (0..64).map(|place| (first + i64::from(place), place)).collect::<Vec<(i64, u8)>>();
        let left = rig.join(&character(1, Tile::new(1, 1), 0, &full(1_000)));
        let right = rig.join(&character(2, Tile::new(1, 1), 0, &full(2_000)));
        rig.step();
        rig.ask(left, ClientMessage::TradeRequest { target: right });
        rig.ask(right, ClientMessage::TradeAnswer { accept: true });
        rig.step();
        offer(&mut rig, left, 0, 0, &[1_000, 1_001][..from_left]);
        offer(&mut rig, right, 1, 0, &[2_063]);
        rig.told.clear();
        confirm(&mut rig, left, 2);
        confirm(&mut rig, right, 2);
        if fits {
            rig.events[0].check().expect("each place once");
            rig.map.settle(rig.events[0].event_id, Verdict::Applied);
            rig.step();
            assert_eq!(rig.map.view_player(left).unwrap().inventory.place_of(2_063), Some(0));
            assert_eq!(rig.map.view_player(right).unwrap().inventory.place_of(1_000), Some(63));
        } else {
            assert!(rig.events.is_empty());
            let told = rig.heard(right, |message| {
                matches!(message, ServerMessage::TradeFailed { reason: TradeFailure::NoRoom, .. })
            });
            assert!(told.contains(&true));
        }
        assert!(!goods(&rig, left).2 && !goods(&rig, right).2);
    }
}

#[test]
fn nothing_is_held_while_the_way_to_the_journal_is_closed() {
    let (mut rig, left, right) = open();
    offer(&mut rig, left, 0, 30, &[11]);
    rig.map.set_value_open(false);
    rig.told.clear();
    confirm(&mut rig, left, 1);
    confirm(&mut rig, right, 1);
    assert_eq!(
        (refusals(&mut rig, left), refusals(&mut rig, right)),
        (vec![Refusal::Unavailable], vec![Refusal::Unavailable])
    );
    assert!(rig.events.is_empty() && !goods(&rig, left).2);
    rig.map.set_value_open(true);
    confirm(&mut rig, left, 1);
    confirm(&mut rig, right, 1);
    assert_eq!(rig.events.len(), 1, "the table is still open");
}

#[test]
fn an_open_trade_ends_when_the_two_part() {
    let away = Walk { from: Tile::new(1, 1).centre(), steps: Steps::new(&[Direction::South; 9]).unwrap() };
    type Parting = fn(&mut Rig, EntityId, Walk);
    let partings: [(Parting, TradeClose); 5] = [
        (|rig, left, _| rig.ask(left, ClientMessage::TradeCancel), TradeClose::PartnerCancelled),
        (|rig, left, away| assert!(rig.map.input(left, 1, Input::Walk(away))), TradeClose::TooFar),
        (|rig, left, _| assert!(rig.map.detach(left)), TradeClose::PartnerLeft),
        (|rig, left, _| rig.ask(left, ClientMessage::Leave), TradeClose::PartnerLeft),
        (|rig, left, _| drop(rig.map.hand_over(left).unwrap()), TradeClose::PartnerLeft),
    ];
    for (part, expected) in partings {
        let (mut rig, left, right) = open();
        offer(&mut rig, left, 0, 30, &[11]);
        confirm(&mut rig, left, 1);
        rig.told.clear();
        part(&mut rig, left, away);
        rig.steps(60);
        let closed = rig.heard(right, |message| match message {
            ServerMessage::TradeClosed { reason } => reason,
            other => panic!("{other:?}"),
        });
        assert_eq!(closed, [expected]);
        confirm(&mut rig, right, 1);
        assert!(rig.events.is_empty());
        assert_eq!(refusals(&mut rig, right), [Refusal::TradeNone]);
    }
}

#[test]
fn nothing_but_the_decision_ends_a_submitted_trade() {
    let (mut rig, left, right) = pending();
    rig.ask(left, ClientMessage::TradeCancel);
    confirm(&mut rig, right, 2);
    rig.told.clear();
    rig.ask(left, ClientMessage::UsePortal { portal: PORTAL });
    rig.ask(right, ClientMessage::TradeRequest { target: left });
    rig.step();
    assert_eq!(refusals(&mut rig, left), [Refusal::Unavailable]);
    assert_eq!(refusals(&mut rig, right), [Refusal::TradeBusy]);
    assert!(rig.map.hand_over(left).is_err());
    rig.map.detach(left);
    rig.steps(100);
    assert!(rig.departed.is_empty() && rig.portals.is_empty());
    assert_eq!((rig.events.len(), rig.map.undecided()), (1, 1));
    rig.map.settle(rig.events[0].event_id, Verdict::Applied);
    rig.step();
    assert_eq!(rig.departed.len(), 1, "decided, settled, gone in the same tick");
    assert_eq!(goods(&rig, right).0, 80);
}

#[test]
fn a_question_is_answered_once_and_only_while_it_stands() {
    let mut rig = Rig::new(&open_map(64), 3, Rules::default(), 1);
    let [first, second, third] = [1, 2, 3].map(|id| rig.join(&character(id, Tile::new(5, 5), 0, &[])));
    rig.step();
    rig.told.clear();
    rig.ask(second, ClientMessage::TradeAnswer { accept: true });
    rig.ask(first, ClientMessage::TradeRequest { target: first });
    rig.step();
    assert_eq!(refusals(&mut rig, second), [Refusal::TradeNone], "nobody asked");
    assert_eq!(refusals(&mut rig, first), [Refusal::TradeUnavailable], "not with oneself");
    rig.ask(first, ClientMessage::TradeRequest { target: second });
    rig.ask(third, ClientMessage::TradeRequest { target: second });
    rig.step();
    assert_eq!(refusals(&mut rig, third), [Refusal::TradeBusy]);
    rig.ask(second, ClientMessage::TradeAnswer { accept: false });
    rig.step();
    let declined =
        rig.heard(first, |message| matches!(message, ServerMessage::TradeClosed { reason: TradeClose::Declined }));
    assert_eq!(declined, [true]);
    rig.steps(20);
    rig.ask(first, ClientMessage::TradeRequest { target: second });
    rig.ask(first, ClientMessage::TradeCancel);
    rig.step();
    rig.told.clear();
    rig.ask(second, ClientMessage::TradeAnswer { accept: true });
    rig.step();
    assert_eq!(refusals(&mut rig, second), [Refusal::TradeNone], "taken back");
    rig.steps(20);
    rig.ask(first, ClientMessage::TradeRequest { target: second });
    rig.steps(402);
    rig.told.clear();
    rig.ask(second, ClientMessage::TradeAnswer { accept: true });
    rig.step();
    assert_eq!(refusals(&mut rig, second), [Refusal::TradeNone], "lapsed");
}

#[test]
fn more_than_the_outbox_holds_waits_and_is_not_lost() {
    const PAIRS: usize = 40;
    let mut rig = Rig::new(&open_map(32), PAIRS * 2, Rules::default(), 1);
    let mut pairs = Vec::new();
    for pair in 0..i64::try_from(PAIRS).unwrap() {
        let items: Vec<(i64, u8)> = (0..32).map(|place| (pair * 64 + i64::from(place) + 1, place)).collect();
        let left = rig.join(&character(pair * 2 + 1, Tile::new(5, 5), 100, &items));
        let right = rig.join(&character(pair * 2 + 2, Tile::new(5, 5), 100, &[]));
        pairs.push((left, right, items.iter().map(|&(uid, _)| uid.unsigned_abs()).collect::<Vec<u64>>()));
    }
    rig.steps(5);
    for &(left, right, _) in &pairs {
        rig.ask(left, ClientMessage::TradeRequest { target: right });
        rig.ask(right, ClientMessage::TradeAnswer { accept: true });
    }
    rig.steps(2);
    rig.told.clear();
    for (left, _, items) in &pairs {
        for revision in 0..8 {
            rig.ask(*left, ClientMessage::TradeOffer { revision, zen: 0, items: ItemUids::new(items) });
        }
    }
    rig.step();
    let at_once: usize = rig.told.values().map(Vec::len).sum();
    assert!(at_once < PAIRS * 16, "the first tick cannot hold all: {at_once}");
    rig.steps(20);
    for (left, right, _) in pairs {
        for who in [left, right] {
            let revisions = rig.heard(who, |message| match message {
                ServerMessage::TradeOffers { revision, .. } => revision,
                other => panic!("{other:?}"),
            });
            assert_eq!(revisions, [1, 2, 3, 4, 5, 6, 7, 8]);
        }
    }
}
