//! What a bot decides: the agenda and what the server says go in, wishes come out.
//!
//! Knows no socket and no connection; time and the server's tick are handed in. What is decided depends on the seed, the bot's number
//! and what the server said, never on how often it is asked.

use std::sync::Arc;
use std::time::Duration;

use mu_wire::messages::{Input, Refusal, ServerMessage, Walk};
use mu_wire::motion::{Motion, Path, Position, Steps, Tile};
use mu_wire::{EntityId, Tick, Time};

use super::chat;
use super::deal::{Deals, Near, thing_near};
use super::errand::Errand;
use super::ground::Atlas;
use super::stage::Phase;
use super::trade::{Ended, Told, Trade};
use super::wish::Wish;
use crate::dice::Dice;
use crate::figures::Figures;
use crate::scenario::{Act, Agenda, Intent, Role};

/// Partners are sought within this many tiles; the server allows a little more.
pub(super) const REACH: u8 = 5;
/// An intention this much later than intended, because the bot was not in the world, is dropped.
const TOO_LATE: Duration = Duration::from_secs(2);

/// What all minds of a run share.
#[derive(Clone)]
pub(super) struct Minds {
    /// The terrain.
    pub(super) atlas: Arc<Atlas>,
    /// Tells this run's chat from any other.
    pub(super) run: u64,
    /// Seed of all decisions.
    pub(super) seed: u64,
    /// What all bots' names begin with; a number follows.
    pub(super) prefix: Arc<str>,
}

/// A moment: this process's time, the server's tick, the run's phase.
#[derive(Debug, Clone, Copy)]
pub(super) struct Moment {
    pub(super) now: Time,
    pub(super) tick: Tick,
    pub(super) phase: Phase,
}

/// What a mind changes beside itself.
pub(super) struct Effects<'a> {
    pub(super) figures: &'a mut Figures,
    pub(super) wishes: &'a mut Vec<Wish>,
}

/// What is in view.
pub(super) trait Surroundings {
    /// Calls `each` with every player but the bot itself.
    fn players(&self, each: &mut dyn FnMut(EntityId, Tile));
    /// Calls `each` with every keeper and every item on the ground.
    fn things(&self, each: &mut dyn FnMut(Near, Tile));
}

/// Where the bot stands.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    /// Its own entity.
    pub(super) me: EntityId,
    /// The map.
    pub(super) map: u16,
    /// How it moves as the server showed it.
    pub(super) shown: Motion,
    /// How it moves: as the server showed it, or as the bot asked since.
    motion: Motion,
}

/// One bot's mind.
pub(super) struct Mind {
    minds: Minds,
    trades: bool,
    walk_tiles: u8,
    agenda: Agenda,
    /// The agenda's zero.
    begun: Option<Time>,
    dice: Dice,
    pub(super) place: Option<Place>,
    errand: Errand,
    pub(super) trade: Trade,
    pub(super) deals: Deals,
    /// The server said that it closes.
    pub(super) closing: bool,
    /// The server said that the session ends.
    pub(super) kicked: bool,
}

impl Mind {
    /// The maps it knows.
    pub(super) fn atlas(&self) -> &Atlas {
        &self.minds.atlas
    }

    pub(super) fn new(minds: &Minds, role: &Role, bot: usize) -> Self {
        Self {
            minds: minds.clone(),
            trades: !role.trade.is_zero(),
            walk_tiles: role.walk_tiles,
            agenda: Agenda::new(role, minds.seed, bot),
            begun: None,
            dice: Dice::new(minds.seed, 0x33_0000_0000 ^ bot as u64),
            place: None,
            errand: Errand::None,
            trade: Trade::default(),
            deals: Deals::default(),
            closing: false,
            kicked: false,
        }
    }

    /// Does what is due.
    pub(super) fn act(&mut self, moment: Moment, around: &impl Surroundings, effects: &mut Effects<'_>) {
        self.trade.watch(moment.now, effects.wishes);
        if self.deals.watch(moment.now) {
            effects.figures.error("deal_timeout");
        }
        let (Some(_), Some(begun)) = (self.place, self.begun) else { return };
        let begins = moment.phase <= Phase::Measure && !self.closing;
        let passed = moment.now.since(begun);
        while let Some(intent) = self.agenda.take(passed) {
            if begins && passed.saturating_sub(intent.at) < TOO_LATE {
                self.intend(intent, begun + intent.at, moment, around, effects);
            }
        }
        if self.errand.is_stuck(moment.now) {
            effects.figures.error("portal_timeout");
            self.errand = Errand::None;
        }
        if begins {
            self.go_on(moment, effects.wishes);
        }
    }

    fn intend(
        &mut self,
        intent: Intent,
        intended: Time,
        moment: Moment,
        around: &impl Surroundings,
        effects: &mut Effects<'_>,
    ) {
        let Some(place) = self.place else { return };
        let here = place.motion.tile_at(moment.tick);
        let free = self.errand == Errand::None;
        match intent.act {
            Act::Chat => effects.wishes.push(Wish::Chat(intended)),
            Act::Walk if free && !self.trade.holds_still() => {
                let ground = self.minds.atlas.map(place.map);
                let steps = ground.and_then(|ground| ground.wander(here, self.walk_tiles, intent.pick));
                self.walk(steps, moment, effects.wishes);
            }
            Act::Portal if free && !self.trade.is_busy() && !self.deals.is_busy() => {
                let exits = self.minds.atlas.map(place.map).map_or(0, |ground| ground.exits().len());
                if exits > 0 {
                    self.errand = Errand::Going(Dice::new(intent.pick, 1).index(exits));
                }
            }
            // Nothing of value moves before the books are read.
            Act::Trade if free && moment.phase == Phase::Measure && !self.deals.is_busy() => {
                let partner = pick_near(here, intent.pick, around);
                if partner.is_some_and(|partner| self.trade.ask(partner, moment.now, effects.wishes)) {
                    effects.figures.trades_requested += 1;
                }
            }
            Act::Deal if free && moment.phase == Phase::Measure && !self.trade.is_busy() => {
                let near = thing_near(here, intent.pick, around);
                let asked = self.deals.turn_to(near, &self.trade.bag, &mut self.dice, moment.now, effects.wishes);
                effects.figures.deals_requested += u64::from(asked);
            }
            Act::Walk | Act::Portal | Act::Trade | Act::Deal => {}
        }
    }

    /// The next leg to a portal, or the request to pass it.
    fn go_on(&mut self, moment: Moment, wishes: &mut Vec<Wish>) {
        let (Errand::Going(index), Some(place)) = (self.errand, self.place) else { return };
        if place.motion.is_moving_at(moment.tick) || self.trade.holds_still() {
            return;
        }
        let here = place.motion.tile_at(moment.tick);
        let atlas = Arc::clone(&self.minds.atlas);
        let exit = atlas.map(place.map).and_then(|ground| Some((ground, ground.exits().get(index)?)));
        match exit {
            Some((_, exit)) if exit.holds(here) => {
                wishes.push(Wish::UsePortal(exit.portal));
                self.errand = Errand::Passing { since: moment.now };
            }
            Some((ground, exit)) => match ground.towards(exit, here) {
                Some(steps) => self.walk(Some(steps), moment, wishes),
                None => self.errand = Errand::None,
            },
            None => self.errand = Errand::None,
        }
    }

    fn walk(&mut self, steps: Option<Steps>, moment: Moment, wishes: &mut Vec<Wish>) {
        let (Some(place), Some(steps)) = (&mut self.place, steps) else { return };
        let from = place.motion.position_at(moment.tick);
        let speed = match place.shown {
            Motion::Walking(path) => path.speed(),
            Motion::Standing(_) => self.minds.atlas.speed(),
        };
        if let Ok(path) = Path::new(moment.tick, from, speed, steps) {
            place.motion = Motion::Walking(path);
            wishes.push(Wish::Input(Input::Walk(Walk { from, steps })));
        }
    }

    /// The server showed the bot's own entity.
    pub(super) fn shown(&mut self, motion: Motion) {
        if let Some(place) = &mut self.place {
            place.motion = motion;
            place.shown = motion;
        }
    }

    /// The server said something. Returns a submitted trade that ended by it.
    pub(super) fn hear(
        &mut self,
        message: &ServerMessage<'_>,
        moment: Moment,
        effects: &mut Effects<'_>,
    ) -> Option<Ended> {
        let now = moment.now;
        match *message {
            ServerMessage::Spawned { entity, map, x, y, .. } => {
                return self.spawned(entity, map, Position::new(x, y), now, effects.figures);
            }
            ServerMessage::Correction { x, y, .. } => self.shown(Motion::Standing(Position::new(x, y))),
            ServerMessage::Inventory { zen, items } => {
                self.trade.bag.zen = zen;
                self.trade.bag.items.clear();
                self.trade.bag.items.extend(items.iter().map(|item| item.uid));
            }
            ServerMessage::Chat { text, .. } => {
                if let Some(intended) = chat::intended(self.minds.run, text) {
                    effects.figures.chat.record(now.since(intended));
                }
            }
            ServerMessage::Refused { what, .. } => self.refused(what, effects),
            ServerMessage::TradeRequested { .. } => {
                let willing =
                    self.trades && !self.closing && self.errand == Errand::None && moment.phase == Phase::Measure;
                let willing = willing && !self.deals.is_busy();
                self.trade.asked(willing, effects.wishes);
            }
            ServerMessage::TradeOpened { with, name } => {
                let partner = name.strip_prefix(&*self.minds.prefix).and_then(|number| number.parse().ok());
                self.trade.opened(with, partner, &mut self.dice, now, effects.wishes);
            }
            ServerMessage::TradeOffers { revision, mine, theirs } => {
                self.trade.offers(revision, &mine, &theirs, now, effects.wishes);
            }
            ServerMessage::TradePending { event } => self.trade.pending(event),
            ServerMessage::TradeDone { event } => return self.trade.decided(event, Told::Success),
            ServerMessage::TradeFailed { event, .. } => return self.trade.decided(event, Told::Failed),
            ServerMessage::TradeClosed { reason } => self.trade.closed(reason),
            ServerMessage::Kicked { .. } => self.kicked = true,
            ServerMessage::ServerClosing { .. } => {
                self.closing = true;
                self.errand = Errand::None;
                effects.wishes.push(Wish::Input(Input::Stop));
            }
            ServerMessage::TradeConfirmed { .. } | ServerMessage::Notice { .. } | ServerMessage::Transfer { .. } => {}
            ServerMessage::Warehouse { zen, items } => self.deals.stored(zen, items),
            ServerMessage::Wares { keeper, wares, .. } => self.deals.wares(keeper, wares),
            ServerMessage::DealPending { event, .. } => self.deals.pending(event),
            ServerMessage::DealDone { event, .. } => return self.deals.decided(event, Told::Success),
            ServerMessage::DealFailed { event, .. } => return self.deals.decided(event, Told::Failed),
        }
        None
    }

    fn spawned(&mut self, me: EntityId, map: u16, at: Position, now: Time, figures: &mut Figures) -> Option<Ended> {
        if let Errand::Passing { since } = self.errand {
            figures.map_change.record(now.since(since));
        }
        let standing = Motion::Standing(at);
        self.place = Some(Place { me, map, shown: standing, motion: standing });
        self.errand = Errand::None;
        self.closing = false;
        self.kicked = false;
        self.begun.get_or_insert(now);
        self.end_dealings()
    }

    fn refused(&mut self, what: Refusal, effects: &mut Effects<'_>) {
        *effects.figures.refusals.entry(refusal_word(what)).or_insert(0) += 1;
        if let (Refusal::Portal | Refusal::PortalFull | Refusal::Unavailable, Errand::Passing { .. }) =
            (what, self.errand)
        {
            self.errand = Errand::None;
            return;
        }
        self.deals.refused(what);
        self.trade.refused(what, effects.wishes);
    }

    /// Ends what is under way with others and by itself, of which at most one was submitted.
    fn end_dealings(&mut self) -> Option<Ended> {
        let (trade, deal) = (self.trade.cut_off(), self.deals.cut_off());
        trade.or(deal)
    }

    /// The connection is gone. Returns a submitted trade whose end is not known.
    pub(super) fn cut_off(&mut self) -> Option<Ended> {
        self.place = None;
        self.errand = Errand::None;
        self.end_dealings()
    }
}

/// One of the players within reach.
fn pick_near(here: Tile, pick: u64, around: &impl Surroundings) -> Option<EntityId> {
    let within = |tile: Tile| tile.x.abs_diff(here.x).max(tile.y.abs_diff(here.y)) <= REACH;
    let mut count = 0;
    around.players(&mut |_, tile| count += usize::from(within(tile)));
    let mut left = Dice::new(pick, 2).index(count);
    let mut chosen = None;
    around.players(&mut |entity, tile| {
        if chosen.is_none() && within(tile) {
            if left == 0 {
                chosen = Some(entity);
            }
            left = left.wrapping_sub(1);
        }
    });
    chosen
}

fn refusal_word(what: Refusal) -> &'static str {
    match what {
        Refusal::ChatRate => "chat_rate",
        Refusal::ChatEmpty => "chat_empty",
        Refusal::ChatChannel => "chat_channel",
        Refusal::Portal => "portal",
        Refusal::PortalFull => "portal_full",
        Refusal::TradeUnavailable => "trade_unavailable",
        Refusal::TradeFar => "trade_far",
        Refusal::TradeBusy => "trade_busy",
        Refusal::TradeNone => "trade_none",
        Refusal::TradeStale => "trade_stale",
        Refusal::TradeGoods => "trade_goods",
        Refusal::Rate => "rate",
        Refusal::Walk => "walk",
        Refusal::Unavailable => "unavailable",
        Refusal::KeeperFar => "keeper_far",
        Refusal::Busy => "busy",
        Refusal::Goods => "goods",
        Refusal::NoRoom => "no_room",
        Refusal::Price => "price",
        Refusal::GroundGone => "ground_gone",
    }
}

#[cfg(test)]
mod tests {
    use mu_config::Content;
    use mu_wire::motion::Direction;

    use super::*;
    use crate::scenario::Scenario;

    struct Crowd(Vec<(EntityId, Tile)>);

    impl Surroundings for Crowd {
        fn players(&self, each: &mut dyn FnMut(EntityId, Tile)) {
            self.0.iter().for_each(|(entity, tile)| each(*entity, *tile));
        }

        fn things(&self, each: &mut dyn FnMut(Near, Tile)) {
            each(Near::Warehouse(EntityId::new(90, 1)), Tile::new(52, 44));
        }
    }

    fn minds(seed: u64) -> Minds {
        Minds { atlas: Arc::new(Atlas::new(&Content::demo())), run: 1, seed, prefix: Arc::from("bot") }
    }

    fn moment(ms: u64) -> Moment {
        let tick = Tick(u32::try_from(ms / 50).expect("short runs"));
        Moment { now: Time(ms * 1000), tick, phase: Phase::Measure }
    }

    fn spawn(mind: &mut Mind, map: u16, at: Tile, effects: &mut Effects<'_>) {
        let Position { x, y } = at.centre();
        let message = ServerMessage::Spawned {
            entity: EntityId::new(5, 1),
            character: 9,
            world: 1,
            entry: 1,
            map,
            instance: 1,
            x,
            y,
            tick: Tick(0),
            hp: 1,
            hp_max: 1,
            mp: 1,
            mp_max: 1,
            name: "bot00000",
        };
        assert_eq!(mind.hear(&message, moment(0), effects), None);
    }

    /// What a bot of a scenario wishes in its first minutes, asked every `step` milliseconds.
    fn wishes(scenario: &str, seed: u64, step: u64) -> Vec<Wish> {
        let scenario = Scenario::builtin(scenario).expect("a built-in scenario");
        let mut mind = Mind::new(&minds(seed), scenario.role(seed, 0), 0);
        let (mut figures, mut wishes) = (Figures::default(), Vec::new());
        let mut effects = Effects { figures: &mut figures, wishes: &mut wishes };
        spawn(&mut mind, 1, Tile::new(50, 44), &mut effects);
        let crowd = Crowd(vec![(EntityId::new(6, 1), Tile::new(51, 44)), (EntityId::new(7, 1), Tile::new(90, 70))]);
        for ms in (0..120_000).step_by(usize::try_from(step).expect("small")) {
            mind.act(moment(ms), &crowd, &mut effects);
        }
        wishes
    }

    #[test]
    fn the_same_seed_wishes_the_same() {
        for scenario in Scenario::builtin_names() {
            assert_eq!(wishes(scenario, 11, 10), wishes(scenario, 11, 10), "{scenario}");
            assert_ne!(wishes(scenario, 11, 10), wishes(scenario, 12, 10), "{scenario}");
        }
    }

    #[test]
    fn only_a_neighbour_within_reach_is_asked_to_trade() {
        let asked = wishes("trade", 3, 10);
        let requests: Vec<_> = asked.iter().filter(|wish| matches!(wish, Wish::TradeRequest(_))).collect();
        assert!(!requests.is_empty());
        assert!(requests.iter().all(|wish| **wish == Wish::TradeRequest(EntityId::new(6, 1))), "{requests:?}");
    }

    #[test]
    fn a_townsman_gets_to_a_portal_and_asks_for_it() {
        let townsman = wishes("town", 5, 10);
        assert!(townsman.contains(&Wish::UsePortal(1)), "no portal in two minutes");
        assert!(townsman.iter().any(|wish| matches!(wish, Wish::Chat(_))));
    }

    #[test]
    fn a_closing_server_is_walked_on_no_more() {
        let scenario = Scenario::builtin("walk").expect("a built-in scenario");
        let mut mind = Mind::new(&minds(1), &scenario.roles[0], 0);
        let (mut figures, mut wishes) = (Figures::default(), Vec::new());
        let mut effects = Effects { figures: &mut figures, wishes: &mut wishes };
        spawn(&mut mind, 1, Tile::new(50, 44), &mut effects);
        mind.hear(&ServerMessage::ServerClosing { seconds: 3 }, moment(10), &mut effects);
        for ms in (10..60_000).step_by(10) {
            mind.act(moment(ms), &Crowd(Vec::new()), &mut effects);
        }
        assert_eq!(wishes, [Wish::Input(Input::Stop)]);
    }

    #[test]
    fn a_walk_starts_where_the_server_showed_the_bot() {
        let mut mind = Mind::new(&minds(1), &Scenario::builtin("walk").expect("built in").roles[0], 0);
        let (mut figures, mut wishes) = (Figures::default(), Vec::new());
        let mut effects = Effects { figures: &mut figures, wishes: &mut wishes };
        spawn(&mut mind, 1, Tile::new(50, 44), &mut effects);
        let steps = Steps::new(&[Direction::East; 4]).expect("four steps");
        let path = Path::new(Tick(0), Tile::new(44, 45).centre(), 64, steps).expect("on the map");
        mind.shown(Motion::Walking(path));
        for ms in (800..5_000).step_by(10) {
            mind.act(moment(ms), &Crowd(Vec::new()), &mut effects);
        }
        let Some(Wish::Input(Input::Walk(walk))) = wishes.first() else { panic!("a walk was expected: {wishes:?}") };
        assert_eq!(walk.from, Tile::new(48, 45).centre());
    }
}
