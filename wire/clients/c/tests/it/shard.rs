//! A shard on a real loopback socket that answers whatever the C program asks, so that each of its functions has a use.

use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use mu_wire::messages::{
    ClientMessage, Input, Item, KickReason, List, MAX_MESSAGE_BYTES, Offer, Refusal, ServerMessage, TradeClose,
    TradeFailure,
};
use mu_wire::motion::{Motion, Path, Tile};
use mu_wire::snapshot::{EntityKind, EntityState, Identity, Name, Replicator, View};
use mu_wire::{
    Admission, CloseCode, CloseReason, ConnId, DatagramSink, EntityId, HostKeys, Lane, Random, Server, ServerConfig,
    ServerHandler, Tick, Time, TokenClaims,
};

const UNIX: u64 = 1_800_000_000;
const ITEMS: [Item; 2] =
    [Item { uid: 77, template: 0x1234, slot: 5, level: 9 }, Item { uid: 78, template: 2, slot: 6, level: 0 }];
const PLAYER: EntityId = EntityId::new(1, 1);
const HILD: EntityId = EntityId::new(2, 1);
const PLACE: Tile = Tile::new(10, 20);

/// A running shard; it stops when dropped.
pub(crate) struct Shard {
    address: SocketAddr,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<Heard>>,
}

/// What the shard heard that it did not answer.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Heard {
    pub(crate) inputs: Vec<&'static str>,
    pub(crate) lanes: Vec<Lane>,
    pub(crate) closed: usize,
}

fn keys() -> HostKeys {
    HostKeys::from_master(&[7; 32], 1)
}

impl Shard {
    pub(crate) fn start() -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").expect("a free port");
        socket.set_read_timeout(Some(Duration::from_millis(2))).expect("a timeout");
        let address = socket.local_addr().expect("it is bound");
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        Self { address, stop, thread: Some(std::thread::spawn(move || serve(&socket, &stopped))) }
    }

    /// What a gateway would answer for a new ticket.
    pub(crate) fn ticket(&self, number: u8) -> String {
        let claims = TokenClaims {
            token_id: [number; 16],
            account: 1,
            character: 42,
            issued_s: UNIX,
            expires_s: UNIX + 30,
            psk: [number; 32],
            ..TokenClaims::default()
        };
        let ticket = keys().sealer().seal(&claims, 0, &mut Random::from_seed([number; 32]));
        let base64 = |bytes: &[u8]| STANDARD.encode(bytes);
        format!(
            r#"{{"endpoint":"{}","routing_id":"{:016x}","key_id":{},"expires_s":{},"token":"{}","psk":"{}","server_key":"{}","protocol":"{:08x}","world":1}}"#,
            self.address,
            ticket.routing_id,
            ticket.key_id,
            ticket.expires_s,
            base64(&ticket.sealed_token),
            base64(&ticket.psk),
            base64(&ticket.server_key),
            mu_wire::protocol_id()
        )
    }

    /// Ends the shard.
    pub(crate) fn stop(mut self) -> Heard {
        self.stop.store(true, Relaxed);
        self.thread.take().expect("it runs").join().expect("the shard does not panic")
    }
}

impl Drop for Shard {
    fn drop(&mut self) {
        self.stop.store(true, Relaxed);
    }
}

struct Out<'a>(&'a UdpSocket);

impl DatagramSink for Out<'_> {
    fn push(&mut self, to: SocketAddr, write: &mut dyn FnMut(&mut [u8]) -> usize) -> bool {
        let mut buffer = [0; 1452];
        let length = write(&mut buffer);
        if length > 0 {
            self.0.send_to(&buffer[..length], to).expect("loopback takes it");
        }
        true
    }
}

#[expect(clippy::disallowed_methods, reason = "a test against a real socket needs the real time")]
fn serve(socket: &UdpSocket, stop: &AtomicBool) -> Heard {
    let start = Instant::now();
    let mut server = Server::new(ServerConfig::default(), &keys(), [3; 32]);
    let mut game = Game::new();
    let mut buffer = [0; 2048];
    while !stop.load(Relaxed) {
        let received = socket.recv_from(&mut buffer);
        let now = Time::from_micros(1_000_000 + u64::try_from(start.elapsed().as_micros()).expect("a short test"));
        if let Ok((length, from)) = received {
            server.receive(now, UNIX, from, &mut buffer[..length], &mut game, &mut Out(socket));
        }
        let tick = Tick(u32::try_from(now.as_micros() / 50_000).expect("a short test"));
        let fresh = tick > game.tick;
        game.tick = tick;
        server.handle_timeouts(now, &mut game);
        for (conn, lane, bytes) in game.sends.drain(..) {
            // The second client is gone before it is greeted.
            let _gone = server.send(conn, lane, &bytes);
        }
        for (conn, kind, block) in game.blocks.drain(..) {
            server.send_block(conn, kind, block).expect("the lane has room");
        }
        let Game { conn, view, replicator, closing, .. } = &mut game;
        if let Some(conn) = conn.filter(|_| fresh) {
            let mut write = |packet: u64, space: &mut [u8]| view.write(packet, tick, replicator, space);
            server.transmit(now, conn, tick, &mut write, &mut Out(socket));
        }
        server.transmit_due(now, &mut Out(socket));
        if let Some((conn, text)) = closing.take() {
            server.close(conn, CloseCode::KICKED, text);
        }
    }
    game.heard
}

struct Game {
    conn: Option<ConnId>,
    tick: Tick,
    view: View,
    replicator: Replicator,
    sends: Vec<(ConnId, Lane, Vec<u8>)>,
    blocks: Vec<(ConnId, u16, Arc<[u8]>)>,
    closing: Option<(ConnId, &'static str)>,
    heard: Heard,
}

impl Game {
    fn new() -> Self {
        let mut replicator = Replicator::new(8);
        let standing = EntityState { motion: Motion::Standing(PLACE.centre()), ..EntityState::default() };
        for (entity, kind, name) in [(PLAYER, EntityKind::Player, "Skuld"), (HILD, EntityKind::Npc, "Hild")] {
            let name = Name::new(name.as_bytes()).expect("a short name");
            let identity = Identity { entity, kind, template: 2, name };
            replicator.insert(entity.slot(), identity, standing, Tick(0));
        }
        let mut view = View::new(8);
        view.enter(PLAYER.slot());
        view.enter(HILD.slot());
        Self {
            conn: None,
            tick: Tick(0),
            view,
            replicator,
            sends: Vec::new(),
            blocks: Vec::new(),
            closing: None,
            heard: Heard::default(),
        }
    }

    fn say(&mut self, conn: ConnId, messages: &[ServerMessage<'_>]) {
        for message in messages {
            let mut bytes = vec![0; MAX_MESSAGE_BYTES];
            let length = message.encode(&mut bytes).expect("a message of a test fits");
            bytes.truncate(length);
            self.sends.push((conn, message.lane(), bytes));
        }
    }

    fn answer(&mut self, conn: ConnId, message: &ClientMessage<'_>) {
        match *message {
            ClientMessage::Chat { channel, text } => {
                self.say(conn, &[ServerMessage::Chat { channel, from: PLAYER, name: "Skuld", text }]);
            }
            ClientMessage::UsePortal { .. } => self.transfer(conn),
            ClientMessage::TradeRequest { target } => self.say(
                conn,
                &[
                    ServerMessage::TradeRequested { from: target, name: "Hild" },
                    ServerMessage::TradeOpened { with: target, name: "Hild" },
                ],
            ),
            ClientMessage::TradeAnswer { accept } => {
                let what = if accept { Refusal::TradeNone } else { Refusal::Rate };
                self.say(conn, &[ServerMessage::Refused { what, detail: 7 }]);
            }
            ClientMessage::TradeOffer { revision, zen, items } => {
                let mine: Vec<Item> = items.iter().map(|uid| Item { uid, ..Item::default() }).collect();
                let mine = Offer { zen, items: List::new(&mine) };
                let theirs = Offer { zen: 6, items: List::new(&ITEMS) };
                self.say(conn, &[ServerMessage::TradeOffers { revision: revision + 1, mine, theirs }]);
            }
            ClientMessage::TradeConfirm { .. } => self.say(
                conn,
                &[
                    ServerMessage::TradeConfirmed { mine: true, theirs: false },
                    ServerMessage::TradePending { event: 0x0102 },
                    ServerMessage::TradeDone { event: 0x0102 },
                ],
            ),
            ClientMessage::TradeCancel => self.say(
                conn,
                &[
                    ServerMessage::TradeFailed { event: 3, reason: TradeFailure::NoRoom },
                    ServerMessage::TradeClosed { reason: TradeClose::TooFar },
                ],
            ),
            // The program does not deal with keepers or the ground.
            ClientMessage::KeeperOpen { .. }
            | ClientMessage::Deposit { .. }
            | ClientMessage::Withdraw { .. }
            | ClientMessage::Buy { .. }
            | ClientMessage::Sell { .. }
            | ClientMessage::Drop { .. }
            | ClientMessage::PickUp { .. } => {}
            ClientMessage::Leave => {
                let kicked = ServerMessage::Kicked { reason: KickReason::Operator };
                self.say(conn, &[ServerMessage::ServerClosing { seconds: 10 }, kicked]);
                self.closing = Some((conn, "That was all for today."));
            }
        }
    }

    fn transfer(&mut self, conn: ConnId) {
        let address = "[fe80::1]:4500".parse().expect("an address");
        let message = ServerMessage::Transfer {
            address,
            routing_id: 11,
            key_id: 1,
            expires_s: UNIX,
            sealed_token: &[7; 392],
            psk: &[8; 32],
            server_key: &[9; 32],
        };
        self.say(conn, &[message]);
    }
}

impl ServerHandler for Game {
    fn incoming(&mut self, _: &TokenClaims) -> Admission {
        Admission::Accept
    }

    fn connected(&mut self, conn: ConnId, claims: &TokenClaims) {
        self.conn = Some(conn);
        let place = PLACE.centre();
        let spawned = ServerMessage::Spawned {
            entity: PLAYER,
            character: claims.character,
            world: 1,
            entry: 2,
            map: 3,
            instance: 4,
            x: place.x,
            y: place.y,
            tick: self.tick,
            hp: 80,
            hp_max: 100,
            mp: 20,
            mp_max: 30,
            name: "Skuld",
        };
        let tick = self.tick;
        let inventory = ServerMessage::Inventory { zen: 5, items: List::new(&ITEMS) };
        let correction = ServerMessage::Correction { tick, x: place.x, y: place.y };
        self.say(conn, &[spawned, inventory, ServerMessage::Notice { text: "Willkommen, grüß dich." }, correction]);
    }

    fn message(&mut self, conn: ConnId, lane: Lane, bytes: &[u8]) {
        self.heard.lanes.push(lane);
        let message = ClientMessage::decode(bytes).expect("the program speaks the protocol");
        assert_eq!(message.lane(), lane, "{message:?}");
        self.answer(conn, &message);
    }

    fn input(&mut self, _: ConnId, _: u32, bytes: &[u8]) {
        let input = Input::decode(bytes).expect("the program speaks the protocol");
        self.heard.inputs.push(match input {
            Input::Walk(_) => "walk",
            Input::Turn { .. } => "turn",
            Input::Stop => "stop",
            Input::Step { .. } => "step",
        });
        if let Input::Walk(walk) = input {
            let path = Path::new(self.tick, walk.from, 64, walk.steps).expect("the program stays on the map");
            let state = *self.replicator.state(PLAYER.slot()).expect("it was inserted");
            self.replicator.update(PLAYER.slot(), EntityState { motion: Motion::Walking(path), ..state }, self.tick);
            self.view.leave(HILD.slot());
        }
    }

    fn block(&mut self, conn: ConnId, kind: u16, bytes: &[u8]) {
        self.blocks.push((conn, kind, Arc::from(bytes)));
    }

    fn snapshot_delivered(&mut self, _: ConnId, packet: u64) {
        self.view.delivered(packet);
    }

    fn snapshot_lost(&mut self, _: ConnId, packet: u64) {
        self.view.lost(packet);
    }

    fn closed(&mut self, _: ConnId, _: CloseReason) {
        self.conn = None;
        self.heard.closed += 1;
    }
}
