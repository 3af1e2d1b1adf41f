//! Warehouse and shop, case by case; `deal_model` does the same at random.

use mu_core::map::{Rules, Verdict};
use mu_storage::event::{EventKind, Place, ValueEvent};
use mu_storage::ids::IdBlock;
use mu_storage::store::{LoadedCharacter, Reason};
use mu_wire::EntityId;
use mu_wire::messages::{ClientMessage, Deal, Input, ItemUids, Refusal, ServerMessage, TradeFailure, Walk};
use mu_wire::motion::{Direction, Steps, Tile};

use super::rig::{PORTAL, Rig, character, shop_keeper, town, warehouse_keeper};

const PLAYERS: u16 = 4;

/// One player beside both keepers: items 11 and 12 and 500 zen carried, item 13 and 70 zen stored.
fn shopper() -> (Rig, EntityId) {
    let mut loaded = character(1, Tile::new(6, 6), 500, &[(11, 0), (12, 5)]);
    loaded.warehouse = character(1, Tile::new(6, 6), 0, &[(13, 2)]).items;
    loaded.stored_zen = 70;
    enter(&loaded)
}

fn enter(loaded: &LoadedCharacter) -> (Rig, EntityId) {
    let mut rig = Rig::new(&town(), usize::from(PLAYERS), Rules::default(), 1);
    let who = rig.join(loaded);
    rig.step();
    rig.told.clear();
    (rig, who)
}

fn deposit(zen: u64, items: &[u64]) -> ClientMessage<'_> {
    ClientMessage::Deposit { keeper: warehouse_keeper(PLAYERS), zen, items: ItemUids::new(items) }
}

fn withdraw(zen: u64, items: &[u64]) -> ClientMessage<'_> {
    ClientMessage::Withdraw { keeper: warehouse_keeper(PLAYERS), zen, items: ItemUids::new(items) }
}

fn buy(count: u8, price: u64) -> ClientMessage<'static> {
    ClientMessage::Buy { keeper: shop_keeper(PLAYERS), ware: 0, count, price }
}

fn sell(items: &[u64]) -> ClientMessage<'_> {
    ClientMessage::Sell { keeper: shop_keeper(PLAYERS), items: ItemUids::new(items) }
}

/// Asks and runs a tick; gives the event if one was submitted.
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

/// What was refused since the last look, with the detail.
fn refused(rig: &mut Rig, who: EntityId) -> Vec<(Refusal, u32)> {
    let told = rig.heard(who, |message| match message {
        ServerMessage::Refused { what, detail } => Some((what, detail)),
        _ => None,
    });
    told.into_iter().flatten().collect()
}

type Goods = (i64, Vec<(i64, u8, i32)>);

/// Zen, and uid, place and version of each item: carried and stored.
fn goods(rig: &Rig, who: EntityId) -> [Goods; 2] {
    let player = rig.map.view_player(who).expect("is here");
    [&player.inventory, &player.warehouse].map(|bag| {
        let items = bag.items().map(|(place, item)| (item.uid, place, item.version)).collect();
        (bag.zen(), items)
    })
}

fn is_bound(rig: &Rig, who: EntityId) -> bool {
    let player = rig.map.view_player(who).expect("is here");
    player.inventory.is_bound() || player.warehouse.is_bound()
}

/// protocol.md 10.11, 10.13.
#[test]
fn a_deposit_is_told_and_usable_only_once_it_is_decided() {
    let (mut rig, who) = shopper();
    let before = goods(&rig, who);
    let event = ask(&mut rig, who, deposit(200, &[12])).expect("submitted");
    assert_eq!(
        (event.kind, event.moves[0].from, event.moves[0].to),
        (EventKind::WarehouseMove, Place::inventory(1, 5), Place::warehouse(1_001, 0))
    );
    let deltas: Vec<_> = event.balances.iter().map(|change| (change.account, change.delta)).collect();
    assert_eq!(deltas, [(1, -200), (1_001, 200)]);
    assert_eq!(rig.names(who), ["DealPending"]);
    rig.steps(20);
    assert!(rig.told.is_empty(), "nothing more is told while it is undecided");
    assert_eq!(goods(&rig, who), before, "nothing has moved");
    let player = rig.map.view_player(who).unwrap();
    assert_eq!((player.inventory.spendable(), player.inventory.is_held(5)), (300, true));
    assert_eq!(player.warehouse.free_places(), 62, "one taken, one reserved");
    decide(&mut rig, &event, Verdict::Applied);
    assert_eq!(goods(&rig, who), [(300, vec![(11, 0, 1)]), (270, vec![(12, 0, 2), (13, 2, 1)])]);
    assert_eq!(rig.names(who), ["DealDone", "Inventory", "Warehouse"]);
    assert!(!is_bound(&rig, who));
    assert_eq!(rig.map.undecided(), 0);
    assert!(!rig.map.settle(event.event_id, Verdict::Applied), "a second decision changes nothing");
}

#[test]
fn what_was_stored_comes_back() {
    let (mut rig, who) = shopper();
    let event = ask(&mut rig, who, withdraw(70, &[13])).expect("submitted");
    decide(&mut rig, &event, Verdict::Applied);
    assert_eq!(goods(&rig, who), [(570, vec![(11, 0, 1), (13, 1, 2), (12, 5, 1)]), (0, vec![])]);
}

/// protocol.md 10.11.
#[test]
fn a_deal_that_is_not_applied_leaves_everything_as_it_was() {
    for (verdict, reason) in [
        (Verdict::Rejected(Reason::BalanceTooLow), TradeFailure::Zen),
        (Verdict::Rejected(Reason::PlaceTaken), TradeFailure::NoRoom),
        (Verdict::NotTaken, TradeFailure::Refused),
    ] {
        for message in [deposit(10, &[11]), withdraw(70, &[13]), buy(2, 100), sell(&[11, 12])] {
            let (mut rig, who) = shopper();
            let before = goods(&rig, who);
            let event = ask(&mut rig, who, message).expect("submitted");
            assert!(is_bound(&rig, who));
            rig.told.clear();
            decide(&mut rig, &event, verdict);
            assert_eq!((goods(&rig, who), is_bound(&rig, who)), (before, false), "{message:?}");
            let told = rig.heard(who, |message| match message {
                ServerMessage::DealFailed { reason, .. } => Some(reason),
                _ => None,
            });
            assert_eq!(told[0], Some(reason));
        }
    }
}

#[test]
fn what_is_under_review_stays_locked_and_its_places_are_free() {
    let (mut rig, who) = shopper();
    let event = ask(&mut rig, who, deposit(200, &[12])).expect("submitted");
    decide(&mut rig, &event, Verdict::Quarantined(Reason::Frozen));
    let player = rig.map.view_player(who).unwrap();
    assert_eq!((player.inventory.spendable(), player.inventory.is_held(5)), (300, true));
    assert_eq!(player.warehouse.free_places(), 63);
    rig.map.detach(who);
    rig.step();
    assert_eq!(rig.departed.len(), 1, "its owner is free");
}

/// protocol.md 10.14.
#[test]
fn a_purchase_creates_items_for_the_price_that_was_seen() {
    let (mut rig, who) = shopper();
    let event = ask(&mut rig, who, buy(3, 100)).expect("submitted");
    let minted: Vec<_> = event.mints.iter().map(|mint| (mint.uid, mint.to.slot)).collect();
    assert_eq!(minted, [(1_000_000, 1), (1_000_001, 2), (1_000_002, 3)]);
    let deltas: Vec<_> = event.balances.iter().map(|change| (change.account, change.delta)).collect();
    assert_eq!(deltas, [(1, -300), (-3, 300)]);
    decide(&mut rig, &event, Verdict::Applied);
    assert_eq!(goods(&rig, who)[0].0, 200);
    assert_eq!(goods(&rig, who)[0].1.len(), 5);
    rig.told.clear();
    for (message, why) in [
        (buy(1, 99), (Refusal::Price, 0)),
        (buy(0, 100), (Refusal::Price, 0)),
        (buy(17, 100), (Refusal::Price, 0)),
        (buy(3, 100), (Refusal::Goods, 0)),
        (ClientMessage::Buy { keeper: shop_keeper(PLAYERS), ware: 1, count: 1, price: 100 }, (Refusal::Price, 1)),
    ] {
        assert_eq!(ask(&mut rig, who, message), None);
        assert_eq!(refused(&mut rig, who), [why], "{message:?}");
    }
}

#[test]
fn a_sale_destroys_items_for_what_the_shop_pays() {
    let (mut rig, who) = shopper();
    let event = ask(&mut rig, who, sell(&[12, 11])).expect("submitted");
    assert_eq!(event.burns.len(), 2);
    // Level 2 doubles the worth of 100; the shop pays 40 percent.
    assert_eq!(event.balances.iter().map(|change| change.delta).collect::<Vec<_>>(), [160, -160]);
    assert_eq!(goods(&rig, who)[0].0, 500, "not before it is decided");
    decide(&mut rig, &event, Verdict::Applied);
    assert_eq!(goods(&rig, who)[0], (660, vec![]));
}

#[test]
fn nobody_uses_what_it_does_not_have_or_what_is_held() {
    let (mut rig, who) = shopper();
    ask(&mut rig, who, deposit(400, &[11])).expect("submitted");
    rig.told.clear();
    for (message, why) in [
        (deposit(101, &[]), (Refusal::Goods, 0)),
        (deposit(u64::MAX, &[12]), (Refusal::Goods, 1)),
        (deposit(0, &[12, 11]), (Refusal::Goods, 1)),
        (deposit(0, &[12, 12]), (Refusal::Goods, 1)),
        (deposit(0, &[13]), (Refusal::Goods, 0)),
        (deposit(0, &[]), (Refusal::Goods, 0)),
        (withdraw(71, &[]), (Refusal::Goods, 0)),
        (withdraw(0, &[11]), (Refusal::Goods, 0)),
        (sell(&[11]), (Refusal::Goods, 0)),
        (sell(&[]), (Refusal::Goods, 0)),
        (buy(2, 100), (Refusal::Goods, 0)),
    ] {
        assert_eq!(ask(&mut rig, who, message), None, "{message:?}");
        assert_eq!(refused(&mut rig, who), [why], "{message:?}");
    }
}

/// protocol.md 10.11.
#[test]
fn several_deals_are_undecided_at_once_and_take_different_places() {
    let (mut rig, who) = shopper();
    let events: Vec<ValueEvent> = [buy(1, 100), buy(2, 100), withdraw(0, &[13]), deposit(5, &[11])]
        .map(|message| ask(&mut rig, who, message).expect("submitted"))
        .to_vec();
    let mut targets: Vec<Place> = events.iter().flat_map(|event| event.mints.iter().map(|mint| mint.to)).collect();
    targets.extend(events[2].moves.iter().map(|step| step.to));
    targets.sort_unstable();
    targets.dedup();
    assert_eq!(targets.len(), 4, "every place is reserved once");
    rig.told.clear();
    assert_eq!(ask(&mut rig, who, buy(1, 100)), None);
    assert_eq!(refused(&mut rig, who), [(Refusal::Busy, 0)]);
    for event in [&events[0], &events[1], &events[2], &events[3]] {
        decide(&mut rig, event, Verdict::Applied);
    }
    assert!(!is_bound(&rig, who));
    assert_eq!(goods(&rig, who)[0].0, 195);
}

/// protocol.md 10.12.
#[test]
fn a_keeper_serves_only_who_stands_near() {
    let (mut rig, who) = shopper();
    ask(&mut rig, who, ClientMessage::KeeperOpen { keeper: warehouse_keeper(PLAYERS) });
    ask(&mut rig, who, ClientMessage::KeeperOpen { keeper: shop_keeper(PLAYERS) });
    assert_eq!(rig.names(who), ["Warehouse", "Wares"]);
    let (warehouse, shop) = (warehouse_keeper(PLAYERS), shop_keeper(PLAYERS));
    let nothing = ItemUids::new(&[]);
    for message in [
        ClientMessage::KeeperOpen { keeper: who },
        ClientMessage::KeeperOpen { keeper: EntityId::new(shop.slot(), 2) },
        ClientMessage::Deposit { keeper: shop, zen: 1, items: nothing },
        ClientMessage::Sell { keeper: warehouse, items: ItemUids::new(&[11]) },
    ] {
        assert_eq!(ask(&mut rig, who, message), None);
        assert_eq!(refused(&mut rig, who)[0].0, Refusal::KeeperFar, "{message:?}");
    }
    let steps = Steps::new(&[Direction::South; 8]).unwrap();
    let from = rig.at(who);
    rig.map.input(who, 1, Input::Walk(Walk { from, steps }));
    rig.steps(60);
    rig.told.clear();
    for message in [ClientMessage::KeeperOpen { keeper: warehouse }, deposit(1, &[]), buy(1, 100), sell(&[11])] {
        assert_eq!(ask(&mut rig, who, message), None);
        assert_eq!(refused(&mut rig, who)[0].0, Refusal::KeeperFar, "{message:?}");
    }
}

#[test]
fn a_full_container_takes_nothing_and_a_full_purse_no_more() {
    let full: Vec<(i64, u8)> = (0..64).map(|place| (100 + i64::from(place), place)).collect();
    let mut loaded = character(1, Tile::new(6, 6), 500, &full);
    loaded.warehouse = character(1, Tile::new(6, 6), 0, &[(13, 2)]).items;
    loaded.stored_zen = Rules::default().zen_max - 10;
    let (mut rig, who) = enter(&loaded);
    for (message, why) in [
        (withdraw(0, &[13]), Refusal::NoRoom),
        (buy(1, 100), Refusal::NoRoom),
        (deposit(11, &[]), Refusal::NoRoom),
        (withdraw(u64::MAX / 2, &[]), Refusal::Goods),
    ] {
        assert_eq!(ask(&mut rig, who, message), None, "{message:?}");
        assert_eq!(refused(&mut rig, who)[0].0, why, "{message:?}");
    }
    ask(&mut rig, who, deposit(6, &[])).expect("there is room for six");
    rig.told.clear();
    assert_eq!(ask(&mut rig, who, deposit(6, &[])), None, "but not for twice six");
    assert_eq!(refused(&mut rig, who), [(Refusal::NoRoom, 0)]);
}

#[test]
fn while_value_cannot_move_nothing_is_held() {
    let (mut rig, who) = shopper();
    rig.map.set_value_open(false);
    for message in [deposit(1, &[]), withdraw(1, &[]), buy(1, 100), sell(&[11])] {
        assert_eq!(ask(&mut rig, who, message), None);
        assert_eq!(refused(&mut rig, who), [(Refusal::Unavailable, 0)], "{message:?}");
    }
    assert!(!is_bound(&rig, who));
}

#[test]
fn nobody_leaves_or_goes_through_a_portal_with_a_deal_undecided() {
    let (mut rig, who) = shopper();
    let steps = Steps::new(&[Direction::NorthWest; 5]).unwrap();
    let event = ask(&mut rig, who, deposit(1, &[11])).expect("submitted");
    let from = rig.at(who);
    rig.map.input(who, 1, Input::Walk(Walk { from, steps }));
    rig.steps(80);
    rig.told.clear();
    assert_eq!(ask(&mut rig, who, ClientMessage::UsePortal { portal: PORTAL }), None);
    assert_eq!(refused(&mut rig, who), [(Refusal::Unavailable, u32::from(PORTAL))], "it did walk, but it waits");
    rig.ask(who, ClientMessage::Leave);
    rig.steps(30);
    assert!(rig.departed.is_empty(), "it stays until the decision");
    decide(&mut rig, &event, Verdict::Applied);
    assert_eq!(rig.departed.len(), 1);
}

#[test]
fn a_map_without_item_ids_sells_nothing() {
    let (mut rig, who) = shopper();
    assert!(!rig.map.wants_uids(), "it has plenty");
    assert!(!rig.map.give_uids(&IdBlock::new(5, 5)), "and takes no more");
    let mut sold = 0;
    loop {
        match ask(&mut rig, who, buy(1, 100)) {
            Some(event) => {
                decide(&mut rig, &event, Verdict::Rejected(Reason::BalanceTooLow));
                sold += 1;
            }
            None => break,
        }
        if sold % 1_000 == 0 {
            rig.told.clear();
        }
    }
    assert_eq!((sold, rig.map.wants_uids()), (10_000, true));
    assert_eq!(refused(&mut rig, who).last(), Some(&(Refusal::Unavailable, 0)));
    assert!(rig.map.give_uids(&IdBlock::new(5, 5)));
    let event = ask(&mut rig, who, buy(1, 100)).expect("submitted");
    assert_eq!(event.mints[0].uid, 5);
}

#[test]
fn the_outcome_is_told_with_the_deals_own_name() {
    let (mut rig, who) = shopper();
    let event = ask(&mut rig, who, sell(&[11])).expect("submitted");
    decide(&mut rig, &event, Verdict::Applied);
    let told = rig.heard(who, |message| match message {
        ServerMessage::DealPending { event, deal } => Some(("pending", event, deal)),
        ServerMessage::DealDone { event, deal } => Some(("done", event, deal)),
        _ => None,
    });
    let told: Vec<_> = told.into_iter().flatten().collect();
    assert_eq!(told, [("pending", event.event_id, Deal::Sell), ("done", event.event_id, Deal::Sell)]);
}
