//! Trading at random, beside a ledger that plays the store.
//!
//! Two to six characters join, leave, lose their clients, walk apart, ask, offer, confirm at the wrong moment and go
//! through the portal, while the ledger decides submitted events late, in order, and now and then against them. After
//! every tick: each event is complete and balanced and what it says of versions, places and purses is true; nobody
//! has two events in flight; whoever has none has exactly what the ledger says, with nothing held or reserved; nobody
//! was told of success or failure before the decision, and of the right one after it; nobody left in between.

use std::collections::{BTreeMap, BTreeSet};

use mu_core::map::{Joining, Map, Rules, Verdict};
use mu_storage::event::ValueEvent;
use mu_storage::store::{Item, LoadedCharacter, Reason};
use mu_wire::EntityId;
use mu_wire::messages::{ClientMessage, Input, ItemUids, ServerMessage, Walk};
use mu_wire::motion::{Direction, Steps, Tile};
use proptest::prelude::*;
use proptest::strategy::ValueTree;

use super::rig::{PORTAL, Rig, character, open_map};

const CHARACTERS: usize = 6;
/// Everybody begins on the portal.
const HOME: Tile = Tile::new(1, 1);

#[derive(Debug, Clone)]
enum Act {
    Join { who: usize, connected: bool },
    Detach { who: usize },
    Attach { who: usize },
    Leave { who: usize },
    Ask { who: usize, whom: usize },
    Answer { who: usize, accept: bool },
    Offer { who: usize, zen: u64, items: u8, stale: bool },
    Confirm { who: usize, stale: bool },
    Cancel { who: usize },
    Walk { who: usize, south: bool },
    Portal { who: usize },
    Open { open: bool },
    Decide { verdict: Verdict, again: bool },
    Tick,
}

fn act(characters: usize) -> impl Strategy<Value = Act> {
    let who = || 0..characters;
    let verdict = prop_oneof![
        6 => Just(Verdict::Applied),
        1 => Just(Verdict::Rejected(Reason::ItemVersion)),
        1 => Just(Verdict::NotTaken),
    ];
    prop_oneof![
        3 => (who(), prop::bool::weighted(0.9)).prop_map(|(who, connected)| Act::Join { who, connected }),
        1 => who().prop_map(|who| Act::Detach { who }),
        1 => who().prop_map(|who| Act::Attach { who }),
        1 => who().prop_map(|who| Act::Leave { who }),
        8 => (who(), who()).prop_map(|(who, whom)| Act::Ask { who, whom }),
        8 => (who(), prop::bool::weighted(0.9)).prop_map(|(who, accept)| Act::Answer { who, accept }),
        10 => (who(), 0..40u64, any::<u8>(), prop::bool::weighted(0.1))
            .prop_map(|(who, zen, items, stale)| Act::Offer { who, zen, items, stale }),
        20 => (who(), prop::bool::weighted(0.1)).prop_map(|(who, stale)| Act::Confirm { who, stale }),
        1 => who().prop_map(|who| Act::Cancel { who }),
        1 => (who(), any::<bool>()).prop_map(|(who, south)| Act::Walk { who, south }),
        1 => who().prop_map(|who| Act::Portal { who }),
        1 => prop::bool::weighted(0.8).prop_map(|open| Act::Open { open }),
        6 => (verdict, prop::bool::weighted(0.2)).prop_map(|(verdict, again)| Act::Decide { verdict, again }),
        25 => Just(Act::Tick),
    ]
}

fn acts() -> impl Strategy<Value = (usize, Vec<Act>)> {
    (2..=CHARACTERS).prop_flat_map(|characters| (Just(characters), prop::collection::vec(act(characters), 100..500)))
}

/// What the store holds.
#[derive(Debug, Clone, Default, PartialEq)]
struct Ledger {
    zen: BTreeMap<i64, i64>,
    /// Owner, place and version of each item.
    items: BTreeMap<i64, (i64, u16, i32)>,
}

impl Ledger {
    fn new(characters: usize) -> Self {
        let mut ledger = Self::default();
        for owner in (1..).take(characters) {
            ledger.zen.insert(owner, 100);
            for place in 0..3u16 {
                ledger.items.insert(owner * 10 + i64::from(place), (owner, place, 1));
            }
        }
        ledger
    }

    /// Applies an event; every precondition must hold, because nothing but these events changes anything.
    fn apply(&mut self, event: &ValueEvent) {
        for step in &event.moves {
            let expected = (step.from.owner, step.from.slot, step.version);
            assert_eq!(self.items.remove(&step.uid), Some(expected), "item {} is where the event says", step.uid);
        }
        for step in &event.moves {
            let taken = self.items.values().any(|&(owner, place, _)| (owner, place) == (step.to.owner, step.to.slot));
            assert!(!taken, "{:?} is free", step.to);
            self.items.insert(step.uid, (step.to.owner, step.to.slot, step.version + 1));
        }
        for change in &event.balances {
            let purse = self.zen.get_mut(&change.account).expect("a character's purse");
            *purse += change.delta;
            assert!(*purse >= 0, "character {} owes {purse}", change.account);
        }
    }

    fn of(&self, owner: i64) -> (i64, BTreeMap<i64, (u16, i32)>) {
        let own = self.items.iter().filter(|(_, at)| at.0 == owner);
        (self.zen[&owner], own.map(|(&uid, &(_, place, version))| (uid, (place, version))).collect())
    }

    fn load(&self, owner: i64) -> LoadedCharacter {
        let (zen, items) = self.of(owner);
        let mut loaded = character(owner, HOME, zen, &[]);
        let stored = |(uid, (place, version)): (i64, (u16, i32))| Item {
            uid: mu_storage::ids::ItemUid(uid),
            version,
            template: 7,
            level: 2,
            container: 0,
            slot: i32::from(place),
        };
        loaded.items = items.into_iter().map(stored).collect();
        loaded
    }
}

fn memory_of(map: &Map, who: EntityId) -> (i64, BTreeMap<i64, (u16, i32)>) {
    let inventory = &map.view_player(who).expect("is here").inventory;
    (inventory.zen(), inventory.items().map(|(place, item)| (item.uid, (u16::from(place), item.version))).collect())
}

/// A submitted event and the two it is about.
struct InFlight {
    event: ValueEvent,
    players: Vec<EntityId>,
}

struct World {
    rig: Rig,
    ledger: Ledger,
    here: BTreeMap<usize, EntityId>,
    undecided: Vec<InFlight>,
    decided: BTreeMap<u128, Verdict>,
    /// Decided and not settled: until the next tick the map may still hold.
    unsettled: BTreeSet<EntityId>,
    submitted: BTreeSet<u128>,
    revision: BTreeMap<EntityId, u32>,
    done: usize,
}

fn id_of(who: usize) -> i64 {
    i64::try_from(who).expect("a few") + 1
}

impl World {
    fn new(characters: usize) -> Self {
        Self {
            rig: Rig::new(&open_map(48), CHARACTERS, Rules::default(), 1),
            ledger: Ledger::new(characters),
            here: BTreeMap::new(),
            undecided: Vec::new(),
            decided: BTreeMap::new(),
            unsettled: BTreeSet::new(),
            submitted: BTreeSet::new(),
            revision: BTreeMap::new(),
            done: 0,
        }
    }

    fn is_bound(&self, who: EntityId) -> bool {
        self.unsettled.contains(&who) || self.undecided.iter().any(|event| event.players.contains(&who))
    }

    fn request(&mut self, who: usize, message: &ClientMessage<'_>) {
        if let Some(&who) = self.here.get(&who) {
            self.rig.map.request(who, message);
        }
    }

    fn act(&mut self, act: &Act) {
        match *act {
            Act::Join { who, connected } => self.join(who, connected),
            Act::Detach { who } => drop(self.here.get(&who).map(|&who| self.rig.map.detach(who))),
            Act::Attach { who } => drop(self.here.get(&who).map(|&who| self.rig.map.attach(who))),
            Act::Leave { who } => self.request(who, &ClientMessage::Leave),
            Act::Ask { who, whom } => {
                if let Some(&target) = self.here.get(&whom) {
                    self.request(who, &ClientMessage::TradeRequest { target });
                }
            }
            Act::Answer { who, accept } => self.request(who, &ClientMessage::TradeAnswer { accept }),
            Act::Offer { who, zen, items, stale } => {
                let revision = self.revision(who, stale);
                let own = self.ledger.items.iter().filter(|(_, at)| at.0 == id_of(who) || items == 255);
                let wanted = own.zip(0..8).filter(|(_, bit)| items >> bit & 1 == 1);
                let uids: Vec<u64> = wanted.map(|((&uid, _), _)| uid.unsigned_abs()).collect();
                self.request(who, &ClientMessage::TradeOffer { revision, zen, items: ItemUids::new(&uids) });
            }
            Act::Confirm { who, stale } => {
                let revision = self.revision(who, stale);
                self.request(who, &ClientMessage::TradeConfirm { revision });
            }
            Act::Cancel { who } => self.request(who, &ClientMessage::TradeCancel),
            Act::Walk { who, south } => {
                if let Some(&who) = self.here.get(&who) {
                    let direction = if south { Direction::South } else { Direction::North };
                    let steps = Steps::new(&[direction; 12]).expect("twelve steps");
                    let from = self.rig.at(who);
                    self.rig.map.input(who, 1, Input::Walk(Walk { from, steps }));
                }
            }
            Act::Portal { who } => self.request(who, &ClientMessage::UsePortal { portal: PORTAL }),
            Act::Open { open } => self.rig.map.set_value_open(open),
            Act::Decide { verdict, again } => self.decide(verdict, again),
            Act::Tick => self.tick(),
        }
    }

    fn revision(&self, who: usize, stale: bool) -> u32 {
        let seen = self.here.get(&who).and_then(|who| self.revision.get(who)).copied().unwrap_or(0);
        if stale { seen.wrapping_sub(1) } else { seen }
    }

    fn join(&mut self, who: usize, connected: bool) {
        if self.here.contains_key(&who) {
            return;
        }
        let loaded = self.ledger.load(id_of(who));
        let joined = self.rig.map.join(Joining::Fresh { character: &loaded, connected }).expect("room for all");
        self.here.insert(who, joined);
    }

    fn decide(&mut self, verdict: Verdict, again: bool) {
        if self.undecided.is_empty() {
            return;
        }
        let InFlight { event, players } = self.undecided.remove(0);
        if verdict == Verdict::Applied {
            self.ledger.apply(&event);
        }
        self.decided.insert(event.event_id, verdict);
        self.unsettled.extend(players);
        assert!(self.rig.map.settle(event.event_id, verdict), "the map waits for it");
        if again {
            assert!(!self.rig.map.settle(event.event_id, Verdict::Applied), "decided once");
        }
    }

    fn tick(&mut self) {
        let bound_before: Vec<EntityId> = self
            .here
            .values()
            .copied()
            .filter(|&who| self.undecided.iter().any(|event| event.players.contains(&who)))
            .collect();
        self.rig.step();
        self.unsettled.clear();
        self.take_events();
        self.take_messages();
        for (who, _) in std::mem::take(&mut self.rig.portals) {
            assert!(!self.is_bound(who), "nobody goes through a portal with an event in flight");
            self.through_the_portal(who);
        }
        for departure in std::mem::take(&mut self.rig.departed) {
            assert!(!bound_before.contains(&departure.player), "nobody leaves with an event in flight");
            self.here.retain(|_, who| *who != departure.player);
        }
        self.compare();
    }

    fn take_events(&mut self) {
        for event in std::mem::take(&mut self.rig.events) {
            event.check().expect("complete and balanced");
            assert!(self.submitted.insert(event.event_id), "submitted once");
            let named = event.moves.iter().flat_map(|step| [step.from.owner, step.to.owner]);
            let named: BTreeSet<i64> = named.chain(event.balances.iter().map(|change| change.account)).collect();
            assert_eq!(named.len(), 2, "whoever gives, another receives");
            let players: Vec<EntityId> =
                self.here.iter().filter(|&(&who, _)| named.contains(&id_of(who))).map(|(_, &who)| who).collect();
            assert_eq!(players.len(), 2, "both are here");
            assert!(players.iter().all(|&who| !self.is_bound(who)), "one event at a time");
            self.undecided.push(InFlight { event, players });
        }
    }

    fn take_messages(&mut self) {
        for (who, told) in std::mem::take(&mut self.rig.told) {
            for bytes in told {
                match ServerMessage::decode(&bytes).expect("the map's own message") {
                    ServerMessage::TradeOpened { .. } => drop(self.revision.insert(who, 0)),
                    ServerMessage::TradeOffers { revision, .. } => drop(self.revision.insert(who, revision)),
                    ServerMessage::TradeDone { event } => {
                        assert_eq!(
                            self.decided.get(&event),
                            Some(&Verdict::Applied),
                            "success only after it was applied"
                        );
                        self.done += 1;
                    }
                    ServerMessage::TradeFailed { event, .. } => {
                        let verdict = self.decided.get(&event);
                        assert!(
                            verdict.is_some_and(|&verdict| verdict != Verdict::Applied)
                                || !self.submitted.contains(&event)
                        );
                    }
                    _ => {}
                }
            }
        }
    }

    /// Out and in again, as through the map behind the portal.
    fn through_the_portal(&mut self, who: EntityId) {
        let transit = self.rig.map.hand_over(who).expect("nothing is in flight");
        let back = self.rig.map.join(Joining::Transit { transit, to: HOME, heading: 0 }).expect("its own slot is free");
        if let Some(entry) = self.here.values_mut().find(|entry| **entry == who) {
            *entry = back;
        }
    }

    fn compare(&self) {
        for (&character, &who) in &self.here {
            let bound = self.rig.map.view_player(who).expect("is here").inventory.is_bound();
            assert!(!bound || self.is_bound(who), "character {character} holds nothing without an event in flight");
            assert!(bound || !self.must_hold(character, who), "character {character} holds what it gives");
            let (memory, stored) = (memory_of(&self.rig.map, who), self.ledger.of(id_of(character)));
            assert_eq!(memory, stored, "character {character} has what the ledger says");
        }
    }

    /// Whether an undecided event takes something from this character or puts an item into its inventory.
    fn must_hold(&self, character: usize, who: EntityId) -> bool {
        let event = self.undecided.iter().find(|event| event.players.contains(&who)).map(|in_flight| &in_flight.event);
        let pays = |event: &ValueEvent| event.balances.iter().any(|it| it.account == id_of(character) && it.delta < 0);
        event.is_some_and(|event| !event.moves.is_empty() || pays(event))
    }

    /// Decides what is left and looks at everything once more.
    fn finish(mut self, before: &Ledger) -> usize {
        // What was still queued may be one more confirmation.
        self.tick();
        while !self.undecided.is_empty() {
            self.decide(Verdict::Applied, true);
        }
        self.tick();
        assert_eq!(self.rig.map.undecided(), 0);
        assert_eq!(self.ledger.zen.values().sum::<i64>(), before.zen.values().sum::<i64>(), "zen is conserved");
        assert!(self.ledger.items.keys().eq(before.items.keys()), "items are conserved");
        self.done
    }
}

fn run(characters: usize, acts: &[Act]) -> usize {
    let mut world = World::new(characters);
    let before = world.ledger.clone();
    (0..characters).for_each(|who| world.join(who, true));
    world.tick();
    acts.iter().for_each(|act| world.act(act));
    world.finish(&before)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, max_shrink_iters: 4_000, ..ProptestConfig::default() })]

    #[test]
    fn value_is_conserved_whatever_the_players_and_the_store_do((characters, acts) in acts()) {
        run(characters, &acts);
    }
}

#[test]
fn the_random_players_do_trade() {
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let done: usize = (0..100)
        .map(|_| {
            let (characters, acts) = acts().new_tree(&mut runner).expect("a list of acts").current();
            run(characters, &acts)
        })
        .sum();
    assert!(done > 50, "{done} successes were told in a hundred runs");
}
