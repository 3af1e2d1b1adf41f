//! The calls between two ticks: joining and leaving, inputs and requests, decisions, snapshots.

use arrayvec::{ArrayString, ArrayVec};
use mu_storage::ids::IdBlock;
use mu_storage::store::{HotRow, LoadedCharacter};
use mu_wire::messages::{ClientMessage, Input, ItemUids};
use mu_wire::motion::Position;
use mu_wire::snapshot::{EntityKind, Identity, Name, View};
use mu_wire::{EntityId, Tick};

use super::entities::{Duties, Row};
use super::inbox::{Order, Request};
use super::player::{Dealings, Player};
use super::slots::Part;
use super::{Joining, Map, MapFull, MapStats, NotNow, Transit, Verdict};
use crate::systems::{hot, presence};

impl Map {
    /// Puts a player into the map. It is seen from the next tick on, and its client is then told where it is and what
    /// it carries.
    ///
    /// # Errors
    /// [`MapFull`] when all player slots are taken; it gives back what came.
    pub fn join(&mut self, joining: Joining<'_>) -> Result<EntityId, MapFull> {
        let Some(id) = self.slots.take(Part::Player) else {
            return Err(MapFull(match joining {
                Joining::Fresh { .. } => None,
                Joining::Transit { transit, .. } => Some(transit),
            }));
        };
        let (player, row, connected, view) = match joining {
            Joining::Fresh { character, connected } => {
                let (player, row) = self.fresh(character);
                (player, row, connected, None)
            }
            Joining::Transit { transit, to, heading } => {
                let Transit { player, row, connected, view, .. } = *transit;
                let position = self.ground.arrival(to, &mut self.rng).centre();
                (player, Row { position, heading, ..row }, connected, view)
            }
        };
        let name = Name::new(player.name.as_bytes()).unwrap_or_default();
        let identity = Identity { entity: id, kind: EntityKind::Player, template: player.class, name };
        self.seat(usize::from(id.slot()), player, view);
        self.appear(id, row, identity);
        let duties = &mut self.entities.duties[usize::from(id.slot())];
        duties.set(Duties::NEW.and(Duties::DIRTY));
        if !self.players[usize::from(id.slot())].returning.is_empty() {
            duties.set(Duties::OWED);
        }
        if connected {
            duties.set(Duties::CONNECTED);
        }
        Ok(id)
    }

    /// The row of a character from the store: where it last stood if that was here.
    fn fresh(&mut self, loaded: &LoadedCharacter) -> (Player, Row) {
        let narrow = |value: i32| u16::try_from(value).unwrap_or(0);
        let class =
            self.classes.iter().find(|class| i32::from(class.id) == loaded.character.class).or(self.classes.first());
        let (hp_max, mp_max, speed) = class.map_or((1, 0, 1), |class| (class.hp, class.mp, class.speed));
        let (hp, mp) = (narrow(loaded.hot.hp), narrow(loaded.hot.mp));
        let last = Position::new(narrow(loaded.hot.x), narrow(loaded.hot.y));
        let here = loaded.hot.map == i32::from(self.place.map) && self.ground.is_open(last.tile());
        let position = if here { last } else { self.ground.spawn(&mut self.rng).centre() };
        let heading = u8::try_from(loaded.hot.heading).unwrap_or(0);
        let row = Row { position, heading, speed, hp, hp_max: hp_max.max(hp), flags: 0 };
        (Player::new(loaded, mp_max.max(mp)), row)
    }

    /// Fills the cold row and the view of a slot; a view is made only when none is left over.
    fn seat(&mut self, slot: usize, player: Player, brought: Option<View>) {
        if slot < self.players.len() {
            self.players[slot] = player;
        } else {
            assert_eq!(slot, self.players.len(), "slots are taken lowest first");
            self.players.push(player);
            self.views.push(None);
        }
        let idle = self.views[slot].take().or_else(|| self.spare_views.pop());
        let view = match (brought, idle) {
            (Some(brought), idle) => {
                self.spare_views.extend(idle);
                brought
            }
            (None, Some(mut idle)) => {
                idle.reset();
                idle
            }
            (None, None) => View::new(self.rules.visible),
        };
        self.views[slot] = Some(view);
    }

    /// Says that a client is connected to this player (again): it is told everything anew. False for a dead handle.
    pub fn attach(&mut self, handle: EntityId) -> bool {
        let Some(slot) = self.player_slot(handle) else {
            return false;
        };
        self.interest.forget(slot);
        if let Some(view) = self.views[slot].as_mut() {
            view.reset();
        }
        let duties = &mut self.entities.duties[slot];
        duties.clear(Duties::LEAVING);
        duties.set(Duties::CONNECTED.and(Duties::NEW));
        true
    }

    /// Says that no client is connected any more: the player leaves as soon as nothing of it is undecided. False for
    /// a dead handle.
    pub fn detach(&mut self, handle: EntityId) -> bool {
        let Some(slot) = self.player_slot(handle) else {
            return false;
        };
        let duties = &mut self.entities.duties[slot];
        duties.clear(Duties::CONNECTED);
        duties.set(Duties::LEAVING);
        true
    }

    /// Queues an input; false when it was dropped.
    pub fn input(&mut self, handle: EntityId, seq: u32, input: Input) -> bool {
        self.player_slot(handle).is_some() && self.inbox.input(handle, seq, input)
    }

    /// Queues a request; false when it was dropped.
    pub fn request(&mut self, handle: EntityId, message: &ClientMessage<'_>) -> bool {
        let request = owned(message);
        self.player_slot(handle).is_some() && request.is_some_and(|request| self.inbox.request(handle, request))
    }

    /// Takes in the decision about a submitted event; it is settled in the next tick. Decisions come in journal
    /// order. False, and counted, when no undecided event of this map has that id: a decision that comes twice is
    /// settled once.
    pub fn settle(&mut self, event_id: u128, verdict: Verdict) -> bool {
        let known = self.trades.decide(event_id, verdict) || self.deals.decide(event_id, verdict);
        self.stats.decisions_unknown += u64::from(!known);
        known
    }

    /// Opens or closes the way to the journal. While it is closed, no trade can be confirmed, no deal made, and nothing
    /// is held for one.
    pub fn set_value_open(&mut self, open: bool) {
        self.value_open = open;
    }

    /// Whether the map wants another block of item ids.
    #[must_use]
    pub fn wants_uids(&self) -> bool {
        self.uids.wants()
    }

    /// Gives the map ids for items that come to be on it; false when it wants none, then they are still the caller's.
    pub fn give_uids(&mut self, block: &IdBlock) -> bool {
        self.uids.give(block)
    }

    /// A copy of everything a player has but its view, for another shard. The player must have stepped through a
    /// portal, so that it cannot change any more.
    ///
    /// # Errors
    /// [`NotNow`].
    pub fn copy(&self, handle: EntityId) -> Result<Box<Transit>, NotNow> {
        let slot = self.player_slot(handle).ok_or(NotNow::Gone)?;
        if self.in_flight(slot) {
            return Err(NotNow::InFlight);
        }
        let player = Player { dealings: Dealings::default(), ..self.players[slot].clone() };
        Ok(Box::new(Transit {
            player,
            row: self.entities.row(slot),
            connected: self.entities.duties[slot].any(Duties::CONNECTED),
            from: (self.place.map, self.place.entry),
            view: None,
        }))
    }

    /// Takes a player out with everything it has, its view included: the client keeps its connection and is told on
    /// the next map that everything it saw is gone. The handle is dead afterwards; an open trade is closed in the
    /// next tick.
    ///
    /// # Errors
    /// [`NotNow`]; then nothing changed.
    pub fn hand_over(&mut self, handle: EntityId) -> Result<Box<Transit>, NotNow> {
        let mut transit = self.copy(handle)?;
        self.vanish(handle);
        transit.view = self.views[usize::from(handle.slot())].take();
        if let Some(view) = transit.view.as_mut() {
            view.leave_all();
        }
        Ok(transit)
    }

    /// Ends the waiting of a player that stepped through a portal but cannot be handed over. False for a dead handle.
    pub fn stay(&mut self, handle: EntityId) -> bool {
        let Some(slot) = self.player_slot(handle) else {
            return false;
        };
        self.players[slot].dealings.portal = None;
        self.entities.duties[slot].clear(Duties::MOVING);
        true
    }

    /// Takes a slot out of everything.
    pub(crate) fn vanish(&mut self, handle: EntityId) {
        let slot = usize::from(handle.slot());
        let views = &mut self.views;
        self.interest.vanish(slot, |player| {
            if let Some(view) = views[player].as_mut() {
                view.leave(handle.slot());
            }
        });
        if slot < self.slots.player_capacity() {
            self.interest.forget(slot);
        }
        self.grid.remove(slot);
        self.replicator.remove(handle.slot());
        self.entities.duties[slot] = Duties::default();
        self.slots.free(handle);
    }

    /// Writes what a player's client is to be told next; returns the length, 0 for nothing.
    pub fn write_snapshot(&mut self, handle: EntityId, packet: u64, out: &mut [u8]) -> usize {
        let Some(slot) = self.player_slot(handle) else {
            return 0;
        };
        let (positions, players) = (&self.entities.positions, self.slots.player_capacity());
        let here = positions[slot];
        let weight = |other: u16| {
            let other = usize::from(other);
            presence::weight(here, positions[other], other < players)
        };
        let view = self.views[slot].as_mut();
        view.map_or(0, |view| view.write_weighed(packet, self.tick, &mut self.replicator, weight, out))
    }

    /// A packet that carried a snapshot arrived.
    pub fn snapshot_delivered(&mut self, handle: EntityId, packet: u64) {
        let slot = self.player_slot(handle);
        if let Some(view) = slot.and_then(|slot| self.views[slot].as_mut()) {
            view.delivered(packet);
        }
    }

    /// A packet that carried a snapshot was lost.
    pub fn snapshot_lost(&mut self, handle: EntityId, packet: u64) {
        let slot = self.player_slot(handle);
        if let Some(view) = slot.and_then(|slot| self.views[slot].as_mut()) {
            view.lost(packet);
        }
    }

    /// The player's hot state as of the last tick, with a version of its own if anything changed since the last row
    /// given out.
    pub fn hot(&mut self, handle: EntityId) -> Option<HotRow> {
        self.player_slot(handle).map(|slot| hot::row(self, slot))
    }

    /// Every player's handle, in slot order.
    pub fn handles(&self) -> impl Iterator<Item = EntityId> + '_ {
        self.slots.live_players().filter_map(|slot| self.slots.id(slot))
    }

    /// How many players stand here.
    #[must_use]
    pub fn players(&self) -> usize {
        self.slots.players()
    }

    /// How many can.
    #[must_use]
    pub fn player_capacity(&self) -> usize {
        self.slots.player_capacity()
    }

    /// How many submitted events wait for a decision or for being settled.
    #[must_use]
    pub fn undecided(&self) -> usize {
        self.trades.in_flight() + self.deals.in_flight()
    }

    /// What a player has, read-only.
    #[must_use]
    pub fn view_player(&self, handle: EntityId) -> Option<&Player> {
        self.player_slot(handle).map(|slot| &self.players[slot])
    }

    /// Where an entity is at the current tick.
    #[must_use]
    pub fn position(&self, handle: EntityId) -> Option<Position> {
        self.slots.find(handle).map(|slot| self.entities.positions[slot])
    }

    /// The last tick.
    #[must_use]
    pub fn tick_number(&self) -> Tick {
        self.tick
    }

    /// The counters.
    #[must_use]
    pub fn stats(&self) -> MapStats {
        MapStats { dropped: self.inbox.dropped(), ..self.stats }
    }
}

/// A request as the queue keeps it; `None` when it is longer than the wire allows.
fn owned(message: &ClientMessage<'_>) -> Option<Request> {
    Some(match message {
        ClientMessage::Chat { channel, text } => {
            Request::Chat { channel: *channel, text: ArrayString::from(text).ok()? }
        }
        ClientMessage::UsePortal { portal } => Request::UsePortal(*portal),
        ClientMessage::TradeRequest { target } => Request::TradeRequest(*target),
        ClientMessage::TradeAnswer { accept } => Request::TradeAnswer(*accept),
        ClientMessage::TradeOffer { revision, zen, items } => {
            Request::TradeOffer { revision: *revision, zen: *zen, items: uids(items)? }
        }
        ClientMessage::TradeConfirm { revision } => Request::TradeConfirm(*revision),
        ClientMessage::TradeCancel => Request::TradeCancel,
        ClientMessage::Leave => Request::Leave,
        ClientMessage::KeeperOpen { keeper } => Request::KeeperOpen(*keeper),
        ClientMessage::Deposit { keeper, zen, items } => {
            Request::Deposit { keeper: *keeper, zen: *zen, items: uids(items)? }
        }
        ClientMessage::Withdraw { keeper, zen, items } => {
            Request::Withdraw { keeper: *keeper, zen: *zen, items: uids(items)? }
        }
        ClientMessage::Buy { keeper, ware, count, price } => {
            Request::Buy { keeper: *keeper, order: Order { ware: *ware, count: *count, price: *price } }
        }
        ClientMessage::Drop { item } => Request::Drop(i64::try_from(*item).ok()?),
        ClientMessage::PickUp { target } => Request::PickUp(*target),
        ClientMessage::Sell { keeper, items } => Request::Sell { keeper: *keeper, items: uids(items)? },
    })
}

/// Items named by a message; `None` when one cannot exist or there are too many.
fn uids<const MOST: usize>(items: &ItemUids<'_>) -> Option<ArrayVec<i64, MOST>> {
    let mut uids = ArrayVec::new();
    for uid in items.iter() {
        uids.try_push(i64::try_from(uid).ok()?).ok()?;
    }
    Some(uids)
}
