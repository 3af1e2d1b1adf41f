//! One connection of a bot: the client core, what it sees, and what it heard last.
//!
//! A bot has one line, and a second one for the moment in which its character goes to another shard.

use std::net::SocketAddr;
use std::sync::atomic::Ordering::Relaxed;

use mu_wire::messages::ServerMessage;
use mu_wire::snapshot::{EntityKind, Replica, ReplicaEvent};
use mu_wire::{Accepted, Client, ClientHandler, CloseReason, ConnectTicket, EntityId, Lane, Tick, Time};

use super::blocks;
use super::deal::Near as Thing;
use super::mind::{Effects, Mind, Moment, Surroundings};
use super::records::Records;
use super::stage::{Live, Phase};
use super::trade::{Ended, Told};
use super::wish::Wish;
use crate::figures::{Figures, Latency};

/// One connection.
pub(super) struct Line {
    pub(super) client: Client,
    /// Tells this line from the bot's other ones on the same socket.
    pub(super) turn: u16,
    pub(super) replica: Replica,
    last_snapshot: Option<Time>,
    newest_tick: Tick,
    /// Packets the server had sent, and those of them that had come: when counting began, and at the last look.
    counted: [(u64, u64); 2],
}

/// What a line brought that concerns the bot as a whole.
#[derive(Default)]
pub(super) struct News {
    /// The character stands on a map.
    pub(super) spawned: bool,
    /// It goes on elsewhere.
    pub(super) transfer: Option<Box<(SocketAddr, ConnectTicket)>>,
    /// The line is dead.
    pub(super) closed: Option<CloseReason>,
}

/// What a bot's thread lends to whoever reads a datagram.
pub(super) struct Lent<'a> {
    pub(super) bot: usize,
    pub(super) now: Time,
    pub(super) phase: Phase,
    pub(super) figures: &'a mut Figures,
    pub(super) ages: &'a mut Latency,
    pub(super) wishes: &'a mut Vec<Wish>,
    pub(super) records: &'a Records,
    pub(super) live: &'a Live,
}

impl Line {
    pub(super) fn new(client: Client, turn: u16) -> Self {
        Self { client, turn, replica: Replica::new(), last_snapshot: None, newest_tick: Tick(0), counted: [(0, 0); 2] }
    }

    /// The moment as this line knows it.
    pub(super) fn moment(&self, now: Time, phase: Phase) -> Moment {
        let tick = self.client.server_time(now).zip(self.client.accepted()).map(|(server, accepted)| {
            let passed = server.since(accepted.tick_origin).as_millis() / u128::from(accepted.tick_ms.max(1));
            Tick(u32::try_from(passed).unwrap_or(u32::MAX))
        });
        Moment { now, tick: tick.unwrap_or(self.newest_tick), phase }
    }

    /// Takes in a datagram, or runs the timers when there is none.
    pub(super) fn turn(&mut self, datagram: Option<&mut [u8]>, mind: &mut Mind, lent: &mut Lent<'_>) -> News {
        let mut ears = Ears {
            moment: self.moment(lent.now, lent.phase),
            server_now: self.client.server_time(lent.now),
            accepted: self.client.accepted().copied(),
            mind,
            replica: &mut self.replica,
            last_snapshot: &mut self.last_snapshot,
            newest_tick: &mut self.newest_tick,
            lent,
            news: News::default(),
            broken: false,
        };
        match datagram {
            Some(datagram) => self.client.receive(ears.lent.now, datagram, &mut ears),
            None => self.client.handle_timeout(ears.lent.now, &mut ears),
        }
        let (news, broken) = (ears.news, ears.broken);
        if broken {
            lent.figures.error("server_malformed");
            self.client.close(mu_wire::CloseCode::VIOLATION);
        }
        news
    }

    /// Begins to count lost packets from here.
    pub(super) fn count_from_here(&mut self) {
        let stats = self.client.stats();
        self.counted = [(stats.packets_sent_by_server, stats.packets_received_then); 2];
        self.last_snapshot = None;
    }

    /// Looks at the packet counters.
    pub(super) fn look(&mut self) {
        let stats = self.client.stats();
        self.counted[1] = (stats.packets_sent_by_server, stats.packets_received_then);
    }

    /// Adds what was counted since it began.
    pub(super) fn count_into(&mut self, figures: &mut Figures) {
        self.look();
        let [(sent, arrived), (sent_now, arrived_now)] = self.counted;
        let (sent, arrived) = (sent_now.saturating_sub(sent), arrived_now.saturating_sub(arrived));
        figures.packets_arrived += arrived;
        figures.packets_missing += sent.saturating_sub(arrived);
        self.counted[0] = self.counted[1];
    }
}

/// The players a line sees.
pub(super) struct Neighbours<'a> {
    pub(super) replica: &'a Replica,
    pub(super) me: EntityId,
    pub(super) tick: Tick,
}

impl Surroundings for Neighbours<'_> {
    fn players(&self, each: &mut dyn FnMut(EntityId, mu_wire::motion::Tile)) {
        for seen in self.replica.iter() {
            if seen.identity.kind == EntityKind::Player && seen.identity.entity != self.me {
                each(seen.identity.entity, seen.state.motion.tile_at(self.tick));
            }
        }
    }

    fn things(&self, each: &mut dyn FnMut(Thing, mu_wire::motion::Tile)) {
        for seen in self.replica.iter() {
            let (entity, template) = (seen.identity.entity, seen.identity.template);
            let thing = match seen.identity.kind {
                EntityKind::Npc if template == 0 => Thing::Warehouse(entity),
                EntityKind::Npc => Thing::Shop(entity),
                EntityKind::Item => Thing::Item(entity),
                EntityKind::Player | EntityKind::Monster => continue,
            };
            each(thing, seen.state.motion.tile_at(self.tick));
        }
    }
}

/// The line's handler while one datagram is read.
struct Ears<'a, 'l> {
    moment: Moment,
    server_now: Option<Time>,
    accepted: Option<Accepted>,
    mind: &'a mut Mind,
    replica: &'a mut Replica,
    last_snapshot: &'a mut Option<Time>,
    newest_tick: &'a mut Tick,
    lent: &'a mut Lent<'l>,
    news: News,
    broken: bool,
}

impl ClientHandler for Ears<'_, '_> {
    fn connected(&mut self, _info: &Accepted) {}

    fn message(&mut self, lane: Lane, bytes: &[u8]) {
        let Ok(message) = ServerMessage::decode_on(lane, bytes) else {
            self.broken = true;
            return;
        };
        match message {
            ServerMessage::Spawned { tick, .. } => {
                self.news.spawned = true;
                *self.newest_tick = tick.max(*self.newest_tick);
                *self.last_snapshot = None;
            }
            ServerMessage::Transfer { address, routing_id, key_id, expires_s, sealed_token, psk, server_key } => {
                let ticket = ConnectTicket {
                    routing_id,
                    key_id,
                    expires_s,
                    sealed_token: *sealed_token,
                    psk: *psk,
                    server_key: *server_key,
                };
                self.news.transfer = Some(Box::new((address, ticket)));
            }
            _ => {}
        }
        let mut effects = Effects { figures: self.lent.figures, wishes: self.lent.wishes };
        if let Some(ended) = self.mind.hear(&message, self.moment, &mut effects) {
            trade_ended(&ended, self.lent);
        }
    }

    fn snapshot(&mut self, tick: Tick, body: &[u8]) {
        let now = self.lent.now;
        self.lent.figures.snapshots += 1;
        self.lent.live.snapshots.fetch_add(1, Relaxed);
        if let Some(last) = self.last_snapshot.replace(now) {
            self.lent.figures.gap.record(now.since(last));
        }
        *self.newest_tick = tick.max(*self.newest_tick);
        let me = self.mind.place.map(|place| place.me);
        let mut seen_me = false;
        let (figures, ages) = (&mut *self.lent.figures, &mut *self.lent.ages);
        let (server_now, accepted) = (self.server_now, self.accepted);
        let result = self.replica.apply(tick, body, &mut |event| match event {
            ReplicaEvent::Changed { entity, changed_at } => {
                seen_me |= Some(entity) == me;
                if let (Some(server_now), Some(accepted)) = (server_now, accepted) {
                    let age = server_now.since(accepted.tick_time(changed_at));
                    figures.age.record(age);
                    ages.record(age);
                }
            }
            ReplicaEvent::Entered { entity, .. } => seen_me |= Some(entity) == me,
            ReplicaEvent::Left { .. } => {}
        });
        self.broken |= result.is_err();
        if let Some(seen) = me.filter(|_| seen_me).and_then(|me| self.replica.get(me)) {
            self.mind.shown(seen.state.motion);
        }
    }

    fn block(&mut self, kind: u16, bytes: &[u8]) {
        blocks::read(kind, bytes, self.mind.atlas(), self.lent.figures);
    }

    fn key_log(&mut self, line: &str) {
        self.lent.records.key_line(line);
    }

    fn closed(&mut self, why: CloseReason) {
        self.news.closed = Some(why);
    }
}

/// Counts the end of a submitted deal.
fn deal_ended(ended: &Ended, lent: &mut Lent<'_>) {
    match ended.told {
        Told::Success => {
            lent.figures.deals_succeeded += 1;
            if let Some(asked) = ended.table.confirmed {
                lent.figures.deal.record(lent.now.since(asked));
            }
        }
        Told::Failed => lent.figures.deals_failed += 1,
        Told::Unknown => lent.figures.deals_unknown += 1,
    }
}

/// Counts and records the end of a submitted trade. Both sides record it; of two bots the one with the lower number counts it,
/// because both may have asked.
pub(super) fn trade_ended(ended: &Ended, lent: &mut Lent<'_>) {
    lent.records.trade(lent.bot, ended);
    if ended.alone {
        deal_ended(ended, lent);
        return;
    }
    if ended.table.partner.is_some_and(|partner| partner < lent.bot) {
        return;
    }
    match ended.told {
        Told::Success => {
            lent.figures.trades_succeeded += 1;
            lent.live.trades.fetch_add(1, Relaxed);
            if let Some(confirmed) = ended.table.confirmed {
                lent.figures.trade.record(lent.now.since(confirmed));
            }
        }
        Told::Failed => lent.figures.trades_failed += 1,
        Told::Unknown => lent.figures.trades_unknown += 1,
    }
}
