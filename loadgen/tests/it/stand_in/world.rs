//! The stand-in's two shards: map 1 on the first endpoint, map 2 on the second. Everybody sees everybody.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::thread::JoinHandle;
use std::time::Duration;

use mu_config::Content;
use mu_loadgen::clock::{Clock, unix_micros};
use mu_wire::messages::{ClientMessage, Input, Item, List, MAX_MESSAGE_BYTES, Offer, ServerMessage};
use mu_wire::motion::{Motion, Path, Tile};
use mu_wire::snapshot::{EntityKind, EntityState, Identity, Name, Replicator, View};
use mu_wire::{
    Admission, CloseCode, CloseReason, ConnId, DatagramSink, EntityId, HostKeys, Lane, Server, ServerConfig,
    ServerHandler, Tick, TokenClaims,
};
use mu_wire_io::{RecvBatch, SendBatch, Socket, SocketOptions};

use super::{Shared, lock};

const CAPACITY: usize = 256;

/// Binds both endpoints.
pub(super) fn bind() -> (Vec<Socket>, [SocketAddr; 2]) {
    let bind =
        |_| Socket::bind("127.0.0.1:0".parse().expect("an address"), &SocketOptions::default()).expect("a free port");
    let sockets: Vec<Socket> = (0..2).map(bind).collect();
    let endpoints = [sockets[0].local_addr(), sockets[1].local_addr()];
    (sockets, endpoints)
}

/// Runs both shards on one thread.
pub(super) fn serve(sockets: Vec<Socket>, keys: &HostKeys, shared: &Arc<Shared>) -> JoinHandle<()> {
    let (keys, shared) = (keys.clone(), Arc::clone(shared));
    std::thread::spawn(move || {
        let clock = Clock::start();
        let origin = clock.now();
        let shard = |(number, socket): (u8, Socket)| {
            let config = ServerConfig {
                shard: number,
                max_connections: CAPACITY,
                tick_origin: origin,
                ..ServerConfig::default()
            };
            let server = Server::new(config.clone(), &keys, [number; 32]);
            let map = Map::new(number, Arc::clone(&shared));
            Shard { number, socket, server, again: (config, keys.clone()), map, out: Out(SendBatch::new(256)) }
        };
        let mut shards: Vec<Shard> = (0..).zip(sockets).map(shard).collect();
        let mut batch = RecvBatch::new(64);
        while !shared.stop.load(Relaxed) {
            let now = clock.now();
            let tick = Tick(u32::try_from(now.since(origin).as_millis() / 50).expect("short tests"));
            for shard in &mut shards {
                shard.step(now, tick, &mut batch);
            }
            std::thread::park_timeout(Duration::from_millis(1));
        }
    })
}

struct Shard {
    number: u8,
    socket: Socket,
    server: Server,
    again: (ServerConfig, HostKeys),
    map: Map,
    out: Out,
}

struct Out(SendBatch);

impl DatagramSink for Out {
    fn push(&mut self, to: SocketAddr, write: &mut dyn FnMut(&mut [u8]) -> usize) -> bool {
        self.0.push(to, write)
    }
}

impl Shard {
    fn step(&mut self, now: mu_wire::Time, tick: Tick, batch: &mut RecvBatch) {
        let new_tick = tick > self.map.tick;
        self.map.tick = tick;
        while self.socket.recv(batch).expect("a socket") > 0 {
            for (from, datagram) in batch.iter_mut() {
                self.server.receive(now, unix_micros() / 1_000_000, from, datagram, &mut self.map, &mut self.out);
            }
        }
        for (conn, lane, message) in self.map.sends.drain(..) {
            let _full_or_gone = self.server.send(conn, lane, &message);
        }
        for conn in self.map.closes.drain(..) {
            self.server.close(conn, CloseCode::DONE, "");
        }
        if new_tick {
            if self.number == 0 {
                self.map.shared.ticks.fetch_add(1, Relaxed);
            }
            if self.map.shared.faults.drop_all_at == Some(tick.0) {
                self.map
                    .players
                    .iter()
                    .flatten()
                    .for_each(|player| self.server.close(player.conn, CloseCode::DONE, ""));
            }
            if self.map.shared.faults.restart_at == Some(tick.0) {
                self.server = Server::new(self.again.0.clone(), &self.again.1, [99; 32]);
                (0..CAPACITY).for_each(|me| self.map.leave(me));
            }
            self.snapshots(now, tick);
        }
        self.server.handle_timeouts(now, &mut self.map);
        self.server.transmit_due(now, &mut self.out);
        self.socket.send(&mut self.out.0).expect("a socket");
    }

    fn snapshots(&mut self, now: mu_wire::Time, tick: Tick) {
        let Map { players, replicator, .. } = &mut self.map;
        let slots: Vec<u16> = players.iter().flatten().map(|player| player.entity.slot()).collect();
        for player in players.iter_mut().flatten() {
            for slot in &slots {
                if !player.view.contains(*slot) {
                    player.view.enter(*slot);
                }
            }
            let view = &mut player.view;
            self.server.transmit(
                now,
                player.conn,
                tick,
                &mut |packet, space| view.write(packet, tick, replicator, space),
                &mut self.out,
            );
            self.socket.send(&mut self.out.0).expect("a socket");
        }
    }
}

struct Player {
    conn: ConnId,
    entity: EntityId,
    character: u64,
    name: String,
    view: View,
    trade: Option<Trade>,
}

/// One side of a table.
#[derive(Clone, Default)]
struct Trade {
    with: usize,
    zen: u64,
    items: Vec<u64>,
    confirmed: bool,
}

struct Map {
    id: u16,
    shared: Arc<Shared>,
    tick: Tick,
    players: Vec<Option<Player>>,
    generation: u16,
    replicator: Replicator,
    revision: u32,
    start: Tile,
    sends: Vec<(ConnId, Lane, Vec<u8>)>,
    closes: Vec<ConnId>,
}

impl Map {
    fn new(shard: u8, shared: Arc<Shared>) -> Self {
        let content = Content::demo();
        let def = content.map(u16::from(shard) + 1).expect("the demo has three maps");
        // Players start on the first portal, so that a portal is a few steps away.
        let (x, y) = def.portals[0].area.centre();
        let start = Tile::new(u8::try_from(x).expect("small"), u8::try_from(y).expect("small"));
        Self {
            id: def.id,
            shared,
            tick: Tick(0),
            players: (0..CAPACITY).map(|_| None).collect(),
            generation: 0,
            replicator: Replicator::new(CAPACITY),
            revision: 0,
            start,
            sends: Vec::new(),
            closes: Vec::new(),
        }
    }

    fn find(&self, conn: ConnId) -> Option<usize> {
        self.players.iter().position(|player| player.as_ref().is_some_and(|player| player.conn == conn))
    }

    fn say(&mut self, to: usize, message: &ServerMessage<'_>) {
        let mut bytes = vec![0; MAX_MESSAGE_BYTES];
        let len = message.encode(&mut bytes).expect("a message of a test fits");
        bytes.truncate(len);
        if let Some(player) = &self.players[to] {
            self.sends.push((player.conn, message.lane(), bytes));
        }
    }

    fn inventory(&mut self, to: usize) {
        let Some(character) = self.players[to].as_ref().map(|player| player.character) else { return };
        let (zen, items) = lock(&self.shared.purses).get(&character).cloned().unwrap_or_default();
        let items: Vec<Item> = items.iter().map(|uid| Item { uid: *uid, ..Item::default() }).collect();
        self.say(to, &ServerMessage::Inventory { zen, items: List::new(&items) });
    }

    fn asked(&mut self, from: usize, target: EntityId) {
        let other =
            self.players.iter().position(|player| player.as_ref().is_some_and(|player| player.entity == target));
        let (Some(other), Some(me)) = (other, &self.players[from]) else { return };
        let (entity, name) = (me.entity, me.name.clone());
        let busy =
            [from, other].iter().any(|one| self.players[*one].as_ref().is_some_and(|player| player.trade.is_some()));
        if busy {
            let what = mu_wire::messages::Refusal::TradeBusy;
            return self.say(from, &ServerMessage::Refused { what, detail: target.0 });
        }
        // No question is kept: the answer opens the table at once.
        if let Some(player) = &mut self.players[other] {
            player.trade = Some(Trade { with: from, ..Trade::default() });
        }
        self.say(other, &ServerMessage::TradeRequested { from: entity, name: &name });
    }

    fn answered(&mut self, me: usize, accept: bool) {
        let Some(other) = self.players[me].as_ref().and_then(|player| player.trade.as_ref()).map(|trade| trade.with)
        else {
            return;
        };
        let free = self.players[other].as_ref().is_some_and(|player| player.trade.is_none());
        if !accept || !free {
            self.players[me].iter_mut().for_each(|player| player.trade = None);
            let reason = mu_wire::messages::TradeClose::Declined;
            return self.say(other, &ServerMessage::TradeClosed { reason });
        }
        self.players[other].iter_mut().for_each(|player| player.trade = Some(Trade { with: me, ..Trade::default() }));
        self.revision = 0;
        for (to, with) in [(me, other), (other, me)] {
            let Some(partner) = &self.players[with] else { continue };
            let (entity, name) = (partner.entity, partner.name.clone());
            self.say(to, &ServerMessage::TradeOpened { with: entity, name: &name });
        }
    }

    fn trade_of(&mut self, me: usize) -> Option<&mut Trade> {
        self.players[me].as_mut()?.trade.as_mut()
    }

    fn offered(&mut self, me: usize, zen: u64, items: Vec<u64>) {
        let Some(trade) = self.trade_of(me) else { return };
        let other = trade.with;
        (trade.zen, trade.items, trade.confirmed) = (zen, items, false);
        let Some(theirs) = self.trade_of(other) else { return };
        theirs.confirmed = false;
        self.revision += 1;
        let revision = self.revision;
        for (to, with) in [(me, other), (other, me)] {
            let (Some(mine), Some(theirs)) = (self.trade_of(to).cloned(), self.trade_of(with).cloned()) else {
                continue;
            };
            let list =
                |trade: &Trade| trade.items.iter().map(|uid| Item { uid: *uid, ..Item::default() }).collect::<Vec<_>>();
            let (mine_items, their_items) = (list(&mine), list(&theirs));
            let mine = Offer { zen: mine.zen, items: List::new(&mine_items) };
            let theirs = Offer { zen: theirs.zen, items: List::new(&their_items) };
            self.say(to, &ServerMessage::TradeOffers { revision, mine, theirs });
        }
    }

    fn confirmed(&mut self, me: usize) {
        let Some(trade) = self.trade_of(me) else { return };
        trade.confirmed = true;
        let other = trade.with;
        if !self.trade_of(other).is_some_and(|trade| trade.confirmed) {
            return;
        }
        let event = u128::from(self.shared.tokens.fetch_add(1, Relaxed));
        let sides = [me, other].map(|one| {
            let character = self.players[one].as_ref().map_or(0, |player| player.character);
            (character, self.players[one].as_mut().and_then(|player| player.trade.take()).unwrap_or_default())
        });
        self.exchange(&sides);
        for one in [me, other] {
            self.say(one, &ServerMessage::TradePending { event });
            self.say(one, &ServerMessage::TradeDone { event });
            self.inventory(one);
        }
    }

    fn exchange(&self, sides: &[(u64, Trade); 2]) {
        let mut purses = lock(&self.shared.purses);
        for (from, to) in [(0, 1), (1, 0)] {
            let (giver, given) = &sides[from];
            if let Some(purse) = purses.get_mut(giver) {
                purse.0 -= given.zen;
                purse.1.retain(|item| !given.items.contains(item));
            }
            if let Some(purse) = purses.get_mut(&sides[to].0).filter(|_| !self.shared.faults.trades_lose) {
                purse.0 += given.zen;
                purse.1.extend(&given.items);
            }
        }
    }

    /// A portal leads to the other endpoint.
    fn transfer(&mut self, me: usize) {
        let Some(character) = self.players[me].as_ref().map(|player| player.character) else { return };
        let shard = if self.id == 1 { 1 } else { 0 };
        let ticket = self.shared.ticket(character, shard);
        let address = self.shared.endpoints[usize::from(shard)];
        let message = ServerMessage::Transfer {
            address,
            routing_id: ticket.routing_id,
            key_id: ticket.key_id,
            expires_s: ticket.expires_s,
            sealed_token: &ticket.sealed_token,
            psk: &ticket.psk,
            server_key: &ticket.server_key,
        };
        self.say(me, &message);
    }

    fn leave(&mut self, me: usize) {
        let Some(player) = self.players[me].take() else { return };
        self.replicator.remove(player.entity.slot());
        if let Some(trade) = player.trade {
            self.players[trade.with].iter_mut().for_each(|other| other.trade = None);
            self.say(trade.with, &ServerMessage::TradeClosed { reason: mu_wire::messages::TradeClose::PartnerLeft });
        }
    }
}

impl ServerHandler for Map {
    fn incoming(&mut self, _claims: &TokenClaims) -> Admission {
        Admission::Accept
    }

    fn connected(&mut self, conn: ConnId, claims: &TokenClaims) {
        let free = self.players.iter().position(Option::is_none).expect("fewer bots than slots");
        self.generation += 1;
        let entity = EntityId::new(u16::try_from(free).expect("few slots"), self.generation);
        let names = lock(&self.shared.accounts);
        let name =
            names.iter().find(|(_, account)| account.0 == claims.character).map_or("?", |(name, _)| name).to_owned();
        drop(names);
        let at = self.start.centre();
        let identity = Identity {
            entity,
            kind: EntityKind::Player,
            template: 1,
            name: Name::new(name.as_bytes()).expect("short names"),
        };
        let state = EntityState { motion: Motion::Standing(at), ..EntityState::default() };
        self.replicator.insert(entity.slot(), identity, state, self.tick);
        let character = claims.character;
        let player = Player { conn, entity, character, name: name.clone(), view: View::new(192), trade: None };
        self.players[free] = Some(player);
        let spawned = ServerMessage::Spawned {
            entity,
            character,
            world: 1,
            entry: 1,
            map: self.id,
            instance: 1,
            x: at.x,
            y: at.y,
            tick: self.tick,
            hp: 1,
            hp_max: 1,
            mp: 1,
            mp_max: 1,
            name: &name,
        };
        self.say(free, &spawned);
        self.inventory(free);
    }

    fn message(&mut self, conn: ConnId, lane: Lane, bytes: &[u8]) {
        let Some(me) = self.find(conn) else { return };
        match ClientMessage::decode_on(lane, bytes).expect("bots speak the protocol") {
            ClientMessage::Chat { channel, text } => {
                let from = self.players[me].as_ref().map(|player| player.entity).unwrap_or_default();
                for to in 0..self.players.len() {
                    self.say(to, &ServerMessage::Chat { channel, from, name: "x", text });
                }
            }
            ClientMessage::UsePortal { .. } => self.transfer(me),
            ClientMessage::TradeRequest { target } => self.asked(me, target),
            ClientMessage::TradeAnswer { accept } => self.answered(me, accept),
            ClientMessage::TradeOffer { zen, items, .. } => self.offered(me, zen, items.iter().collect()),
            ClientMessage::TradeConfirm { .. } => self.confirmed(me),
            ClientMessage::TradeCancel => {
                if let Some(with) =
                    self.players[me].as_mut().and_then(|player| player.trade.take()).map(|trade| trade.with)
                {
                    self.players[with].iter_mut().for_each(|player| player.trade = None);
                    self.say(
                        with,
                        &ServerMessage::TradeClosed { reason: mu_wire::messages::TradeClose::PartnerCancelled },
                    );
                }
            }
            ClientMessage::KeeperOpen { .. }
            | ClientMessage::Deposit { .. }
            | ClientMessage::Withdraw { .. }
            | ClientMessage::Buy { .. }
            | ClientMessage::Sell { .. }
            | ClientMessage::Drop { .. }
            | ClientMessage::PickUp { .. } => {}
            ClientMessage::Leave => {
                self.leave(me);
                self.closes.push(conn);
            }
        }
    }

    fn input(&mut self, conn: ConnId, _sequence: u32, bytes: &[u8]) {
        let Some(slot) = self.find(conn).and_then(|me| self.players[me].as_ref()).map(|player| player.entity.slot())
        else {
            return;
        };
        let (Ok(Input::Walk(walk)), Some(state)) = (Input::decode(bytes), self.replicator.state(slot).copied()) else {
            return;
        };
        let path = Path::new(self.tick, walk.from, 64, walk.steps).expect("bots stay on the map");
        self.replicator.update(slot, EntityState { motion: Motion::Walking(path), ..state }, self.tick);
    }

    fn snapshot_delivered(&mut self, conn: ConnId, packet: u64) {
        if let Some(me) = self.find(conn) {
            self.players[me].iter_mut().for_each(|player| player.view.delivered(packet));
        }
    }

    fn snapshot_lost(&mut self, conn: ConnId, packet: u64) {
        if let Some(me) = self.find(conn) {
            self.players[me].iter_mut().for_each(|player| player.view.lost(packet));
        }
    }

    fn closed(&mut self, conn: ConnId, _why: CloseReason) {
        if let Some(me) = self.find(conn) {
            self.leave(me);
        }
    }
}
