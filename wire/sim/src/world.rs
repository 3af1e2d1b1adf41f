//! One run: a server, its players and the roads between them, event by event in virtual time.

use std::net::SocketAddr;

use mu_wire::capture::RecordedServer;
use mu_wire::{ClientState, CloseCode, DropReason, HostKeys, ServerConfig, Tick};

use crate::clock::Clock;
use crate::defect::Defect;
use crate::dice::Dice;
use crate::ears::ServerEars;
use crate::flight::{Datagram, Due, Flight};
use crate::meter;
use crate::plan::{Happening, Plan, Whose};
use crate::player::{NEVER, Player};
use crate::scene::Scene;
use crate::session::{Hearing, Session, Stage};
use crate::sink::Outbox;
use crate::tally::Tally;
use crate::tickets;
use crate::trace::Trace;
use crate::weather::{Road, Weather};
use crate::witness::{Fault, Witness};

/// Length of a tick in µs.
pub(crate) const TICK_US: u64 = 50_000;
/// Wall clock of all runs, in seconds.
pub(crate) const UNIX_S: u64 = 1_800_000_000;
/// So long after a newer datagram came one under the key before must still open, in µs of the listener's time: that key is kept
/// for three probe timeouts, each at least a millisecond, and may be the last but one after a round trip of the shortest roads.
const KEY_KEPT_US: u64 = 1_000;
/// More events than any run that comes to rest has.
const EVENTS_MAX: u64 = 3_000_000;

/// How far the run is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase {
    /// Things happen.
    Busy,
    /// Nothing new happens: what is on its way must come. Since when.
    Calm(u64),
    /// Everyone says goodbye. Since when.
    Parting(u64),
    /// Over.
    Done,
}

/// What became of a run.
#[derive(Debug)]
pub struct Outcome {
    /// The first invariant that did not hold.
    pub fault: Option<Fault>,
    /// The number of the story.
    pub hash: u64,
    /// What happened.
    pub tally: Tally,
    /// The story in words, if it was wanted.
    pub lines: Vec<String>,
    /// The endpoints, if they were recorded.
    pub captures: Captures,
}

/// A run in progress.
pub(crate) struct World {
    pub(crate) plan: Plan,
    pub(crate) witness: Witness,
    pub(crate) server: RecordedServer,
    pub(crate) server_clock: Clock,
    pub(crate) players: Vec<Player>,
    pub(crate) out: Outbox,
    pub(crate) phase: Phase,
    pub(crate) tick: Tick,
    pub(crate) next_tick_us: u64,
    pub(crate) dice: Dice,
    pub(crate) letter: Vec<u8>,
    pub(crate) memory_base: isize,
    /// How long everything may take once the network is calm, in µs.
    pub(crate) patience_us: u64,
    captures: Captures,
    pub(crate) record: bool,
    keys: HostKeys,
    flight: Flight,
    hoard: Vec<Vec<u8>>,
    ports: usize,
}

/// How a seed is run; nothing of it changes the run, but for a defect.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Options {
    /// A planted fault.
    pub defect: Option<Defect>,
    /// Whether the story is kept in words.
    pub in_words: bool,
    /// Whether every endpoint is recorded.
    pub record: bool,
}

/// What one endpoint of a run was told and what it put out.
#[derive(Debug, Default)]
pub struct Captured {
    /// The capture.
    pub file: Vec<u8>,
    /// Its datagrams with their destination, in order.
    pub datagrams: Vec<(SocketAddr, Vec<u8>)>,
}

/// The endpoints of a run that was recorded.
#[derive(Debug, Default)]
pub struct Captures {
    /// Servers; there are several if they were restarted.
    pub servers: Vec<Captured>,
    /// Clients, by session.
    pub clients: Vec<Captured>,
}

/// Runs a seed to its end.
#[must_use]
pub fn run(seed: u64, options: Options) -> Outcome {
    meter::reset();
    let mut dice = Dice::new(seed);
    let plan = Plan::draw(&mut dice);
    World::new(plan, dice, options).run()
}

/// The host's keys in all runs.
#[must_use]
pub fn host_keys() -> HostKeys {
    tickets::keys()
}

fn new_server(config: ServerConfig, keys: &HostKeys, seed: [u8; 32], record: bool) -> RecordedServer {
    let _inside = meter::inside();
    if record {
        RecordedServer::recorded(config, keys, seed, usize::MAX)
    } else {
        RecordedServer::new(config, keys, seed)
    }
}

impl World {
    fn new(plan: Plan, mut dice: Dice, options: Options) -> Self {
        let keys = tickets::keys();
        let server = new_server(plan.config.clone(), &keys, dice.seed(), options.record);
        let players: Vec<_> = plan.players.iter().map(|player| Player::new(player.clone(), &mut dice)).collect();
        let mut flight = Flight::default();
        flight.put(0, Due::Step);
        for (index, player) in players.iter().enumerate() {
            flight.put(player.connects_us, Due::Wake(index));
        }
        for (index, (at, _)) in plan.happenings.iter().enumerate() {
            flight.put(*at, Due::Happening(index));
        }
        let witness = Witness {
            sessions: Vec::new(),
            scene: Scene::new(plan.entities, dice.split()),
            trace: if options.in_words { Trace::in_words() } else { Trace::default() },
            tally: Tally::default(),
            fault: None,
            now_us: 0,
            own_us: 0,
            idle_us: u64::try_from(plan.config.idle.as_micros()).unwrap_or(u64::MAX),
            defect: options.defect,
            held: None,
        };
        Self {
            server_clock: Clock::new(plan.server_clock_us),
            out: Outbox::new(plan.sink_full_ppm, dice.split()),
            phase: Phase::Busy,
            tick: Tick(0),
            next_tick_us: 0,
            letter: Vec::new(),
            memory_base: meter::held(),
            captures: Captures { servers: vec![Captured::default()], clients: Vec::new() },
            record: options.record,
            patience_us: 0,
            hoard: Vec::new(),
            ports: 0,
            players,
            plan,
            witness,
            server,
            dice,
            keys,
            flight,
        }
    }

    fn run(mut self) -> Outcome {
        let mut events = 0;
        while self.phase != Phase::Done && self.witness.fault.is_none() {
            let Some((at_us, due)) = self.flight.take() else {
                break;
            };
            self.witness.now_us = at_us;
            match due {
                Due::Step => self.step(),
                Due::Wake(player) => self.wake(player),
                Due::ToServer(datagram) => self.arrive_at_server(datagram),
                Due::ToClient(datagram) => self.arrive_at_client(datagram),
                Due::Happening(index) => self.happen(index),
            }
            events += 1;
            if events > EVENTS_MAX {
                self.witness.blame(0, format!("{events} events and no rest"));
            }
        }
        self.finish_captures();
        self.witness.tally.virtual_us = self.witness.now_us;
        self.witness.tally.sink_full = self.out.refused;
        self.witness.tally.cookies += self.server.stats().cookies;
        let Witness { fault, tally, trace, .. } = self.witness;
        Outcome { fault, hash: trace.hash(), tally, lines: trace.into_lines(), captures: self.captures }
    }

    /// The server's step puts itself on the list again.
    pub(crate) fn step_again(&mut self) {
        self.flight.put(self.witness.now_us + self.plan.step_us, Due::Step);
    }

    /// A player is called when it wants to be.
    pub(crate) fn wake_later(&mut self, index: usize) {
        let player = &mut self.players[index];
        let at_us = player.wakes_at();
        if at_us == NEVER {
            player.wake_us = NEVER;
            return;
        }
        // A full sink is asked again a little later.
        let at_us = at_us.max(self.witness.now_us + 100);
        if player.wake_us != at_us {
            player.wake_us = at_us;
            self.flight.put(at_us, Due::Wake(index));
        }
    }

    fn wake(&mut self, index: usize) {
        let now_us = self.witness.now_us;
        let player = &mut self.players[index];
        if player.client.is_none() {
            if player.connects_us <= now_us && self.phase == Phase::Busy {
                self.connect(index);
            } else {
                return;
            }
        } else if player.wake_us != now_us {
            return;
        }
        self.players[index].wake_us = NEVER;
        if self.witness.defect == Some(Defect::ClientSleeps) && now_us > 1_000_000 {
            return;
        }
        self.let_play(index);
    }

    /// Calls a player and sends what it has to say.
    fn let_play(&mut self, index: usize) {
        let (busy, session) = (self.phase == Phase::Busy, self.players[index].session());
        self.players[index].wake(&mut self.witness, &mut self.out, busy);
        self.post(session);
        self.watch_client(index);
        self.leave_if_done(index);
        self.wake_later(index);
    }

    fn connect(&mut self, index: usize) {
        let session = self.witness.sessions.len();
        let address = Player::address(index, self.ports);
        self.ports += 1;
        let mut known = Session::new(index, self.dice.next(), address, self.players[index].plan.visible);
        known.restarts = self.witness.tally.restarts;
        self.witness.sessions.push(known);
        self.witness.tally.attempts += 1;
        let player = &mut self.players[index];
        let first = !std::mem::replace(&mut player.has_tried, true);
        if first && player.plan.refused {
            self.witness.sessions[session].refused = Some(mu_wire::RejectCode::RealmClosed);
        }
        let seed = self.dice.seed();
        let now = player.clock.begin(self.witness.now_us);
        self.witness.own_us = now.as_micros();
        self.witness.sessions[session].started_us = now.as_micros();
        let ticket = tickets::ticket(&self.keys, session as u64, &mut self.dice);
        let _inside = meter::inside();
        player.connect(ticket, session, seed, now, self.record);
        self.captures.clients.push(Captured::default());
    }

    /// A player whose client is at its end may come back with another.
    fn leave_if_done(&mut self, index: usize) {
        let player = &mut self.players[index];
        if !player.is_done() {
            return;
        }
        if let Some((mut client, session)) = player.client.take() {
            client.finish_tape();
            self.captures.clients[session].file = client.take_tape();
            self.witness.tally.renewals += u64::from(std::mem::take(&mut player.renewals));
            let _inside = meter::inside();
            drop(client);
        }
        let again = player.plan.returns && self.phase == Phase::Busy;
        player.connects_us = if again { self.witness.now_us + self.dice.between(10_000, 800_000) } else { NEVER };
    }

    fn happen(&mut self, index: usize) {
        let Some((_, what)) = self.plan.happenings.get(index).copied() else {
            return;
        };
        let now_us = self.witness.now_us;
        self.witness.trace.note(now_us, b"happens", || format!("{what:?}"));
        match what {
            Happening::Weather(player, up, down) if self.phase == Phase::Busy => {
                self.players[player].up.weather = up;
                self.players[player].down.weather = down;
            }
            Happening::Weather(..) => {}
            Happening::Forward(whose, by_us) => {
                self.witness.tally.jumps_forward += 1;
                self.clock_of(whose).forward(by_us);
            }
            Happening::Back(whose, by_us) => {
                self.witness.tally.jumps_back += 1;
                self.clock_of(whose).back(by_us);
            }
            Happening::ClientCloses(player) => self.players[player].close(&mut self.witness, code(&mut self.dice)),
            Happening::Restart => self.restart(),
            Happening::Rebind(player, port_only) => self.rebind(player, port_only),
            Happening::ServerCloses(player) => {
                let code = code(&mut self.dice);
                if let Some(session) = self.players[player].session() {
                    self.server_closes(session, code);
                }
            }
        }
        for index in 0..self.players.len() {
            if self.players[index].client.is_some() {
                self.let_play(index);
            }
        }
    }

    /// A player's router forgets what it knew, or the player changes the network.
    fn rebind(&mut self, player: usize, port_only: bool) {
        let Some(session) = self.players[player].session() else {
            return;
        };
        self.witness.tally.rebinds += 1;
        let fresh = Player::address(if port_only { player } else { 100 + self.ports }, self.ports);
        self.ports += 1;
        let known = &mut self.witness.sessions[session];
        known.former.push(std::mem::replace(&mut known.address, fresh));
    }

    /// The server loses all state; its keys are the same.
    fn restart(&mut self) {
        self.witness.tally.restarts += 1;
        self.witness.tally.cookies += self.server.stats().cookies;
        for known in self.witness.sessions.iter_mut().filter(|known| known.server == Stage::Open) {
            known.server = Stage::Over;
            known.conn = None;
        }
        self.finish_server_capture();
        let seed = self.dice.seed();
        let fresh = new_server(self.plan.config.clone(), &self.keys, seed, self.record);
        {
            let _inside = meter::inside();
            self.server = fresh;
        }
        self.captures.servers.push(Captured::default());
    }

    fn finish_server_capture(&mut self) {
        self.server.finish_tape();
        if let Some(captured) = self.captures.servers.last_mut() {
            captured.file = self.server.take_tape();
        }
    }

    fn finish_captures(&mut self) {
        self.finish_server_capture();
        for player in &mut self.players {
            if let Some((client, session)) = &mut player.client {
                client.finish_tape();
                self.captures.clients[*session].file = client.take_tape();
            }
        }
    }

    fn clock_of(&mut self, whose: Whose) -> &mut Clock {
        match whose {
            Whose::Server => &mut self.server_clock,
            Whose::Player(index) => &mut self.players[index].clock,
        }
    }

    pub(crate) fn server_closes(&mut self, session: usize, code: CloseCode) {
        let known = &mut self.witness.sessions[session];
        let (Some(conn), Stage::Open, None) = (known.conn, known.server, known.server_closes) else {
            return;
        };
        known.server_closes = Some(code);
        self.witness.note(session, b"server closes", || format!("the server closes with {code:?}"));
        let _inside = meter::inside();
        self.server.close(conn, code, "farewell");
    }

    /// The roads become calm.
    pub(crate) fn calm_down(&mut self) {
        for player in &mut self.players {
            for road in [&mut player.up, &mut player.down] {
                road.weather = Weather::CALM;
                road.dark.clear();
            }
        }
    }

    /// Sends what is in the outbox on its way: a client's datagrams, or (`None`) the server's.
    pub(crate) fn post(&mut self, from: Option<usize>) {
        let mut datagrams = std::mem::take(&mut self.out.datagrams);
        for (to, bytes) in datagrams.drain(..) {
            let known = match from {
                Some(session) => (to == tickets::server_address()).then_some(session),
                None => self.witness.sessions.iter().rposition(|known| known.has_lived_at(to)),
            };
            if self.record {
                let captured = match from {
                    Some(session) => self.captures.clients.get_mut(session),
                    None => self.captures.servers.last_mut(),
                };
                captured.into_iter().for_each(|captured| captured.datagrams.push((to, bytes.clone())));
            }
            match known {
                Some(session) => self.send(session, from.is_none().then_some(to), bytes),
                None => self.witness.blame(0, format!("a datagram to nobody: {to}")),
            }
        }
        self.out.datagrams = datagrams;
        if self.witness.defect == Some(Defect::Hoards) {
            let _inside = meter::inside();
            self.hoard.push(vec![1; 2_000]);
        }
    }

    fn send(&mut self, session: usize, to_client: Option<SocketAddr>, bytes: Vec<u8>) {
        let to_server = to_client.is_none();
        let now_us = self.witness.now_us;
        let way = if to_server { "to the server" } else { "to the client" };
        self.witness.note(session, &bytes, || format!("{} bytes set out {way}", bytes.len()));
        self.witness.tally.datagrams += 1;
        self.witness.tally.bytes += bytes.len() as u64;
        self.witness.tally.long += u64::from(bytes.len() > mu_wire::MAX_DATAGRAM);
        let data = bytes.first().is_some_and(|first| first & 0x80 == 0);
        let own_us = if to_server { self.witness.own_us } else { self.server_clock.taken(now_us) };
        let known = &mut self.witness.sessions[session];
        let (hearing, address) = (
            if to_server { &mut known.hearing_up } else { &mut known.hearing_down },
            to_client.unwrap_or(known.address),
        );
        let serial = data.then(|| hearing.speak(own_us));
        let player = &mut self.players[known.player];
        let road: &mut Road = if to_server { &mut player.up } else { &mut player.down };
        let arrivals = road.carry(now_us, bytes.len(), &mut self.witness.tally);
        for arrival in arrivals.into_iter().flatten() {
            let mut bytes = self.out.copy(&bytes);
            if arrival.corrupt {
                let at = self.dice.place(bytes.len());
                bytes[at] ^= 1 << self.dice.below(8);
            }
            let datagram = Datagram { session, address, serial, corrupt: arrival.corrupt, bytes };
            let due = if to_server { Due::ToServer(datagram) } else { Due::ToClient(datagram) };
            self.flight.put(arrival.at_us, due);
        }
        self.out.give_back(bytes);
    }

    fn arrive_at_server(&mut self, mut datagram: Datagram) {
        let now = self.server_clock.show(self.witness.now_us);
        self.witness.own_us = self.server_clock.taken(self.witness.now_us);
        let (before, accepts) = (self.drops(), self.server.stats().accepts);
        let known = &self.witness.sessions[datagram.session];
        if known.server == Stage::Open && !datagram.corrupt && self.witness.strikes(Defect::Deaf) {
            datagram.bytes[0] = 0xff;
        }
        {
            let _inside = meter::inside();
            let (from, bytes) = (datagram.address, &mut datagram.bytes);
            self.server.receive(now, UNIX_S, from, bytes, &mut ServerEars(&mut self.witness), &mut self.out);
        }
        let after = self.drops();
        let reason = DropReason::ALL.into_iter().zip(before.iter().zip(after)).find(|(_, (old, new))| **old < *new);
        let dropped = reason.is_some();
        if self.server.stats().accepts > accepts {
            self.witness.sessions[datagram.session].server_address = datagram.address;
        }
        let own_us = self.witness.own_us;
        let known = &mut self.witness.sessions[datagram.session];
        // From another address only a few are looked at.
        let settled = known.server_address == datagram.address;
        let open = known.server == Stage::Open && known.server_closes.is_none() && settled;
        let heard = hear(&mut known.hearing_up, &datagram, dropped, own_us);
        let why = reason.map_or("", |(reason, _)| reason.name());
        self.judge_drop(datagram.session, open, heard, why);
        self.out.give_back(datagram.bytes);
        self.post(None);
    }

    fn arrive_at_client(&mut self, mut datagram: Datagram) {
        let session = datagram.session;
        let index = self.witness.sessions[session].player;
        if self.witness.sessions[session].address != datagram.address {
            self.witness.tally.stray += 1;
            return;
        }
        if datagram.bytes.first().is_some_and(|first| first & 0x0f == 3 && first & 0x80 != 0) && !datagram.corrupt {
            self.witness.sessions[session].answered = true;
        }
        let dropped = self.players[index].receive(&mut self.witness, &mut datagram.bytes, session);
        let own_us = self.witness.own_us;
        let known = &mut self.witness.sessions[session];
        let open = known.client == Stage::Open && known.client_closes.is_none();
        let heard = hear(&mut known.hearing_down, &datagram, dropped, own_us);
        self.judge_drop(session, open, heard, "the client");
        self.out.give_back(datagram.bytes);
        if self.players[index].session() == Some(session) {
            self.let_play(index);
        }
    }

    /// An open end drops no good datagram, but for late ones: their key may be forgotten.
    fn judge_drop(&mut self, session: usize, open: bool, heard: Heard, why: &str) {
        let renews = self.plan.players[self.witness.sessions[session].player].renews > 0
            || self.plan.config.limits.keys.packets < 1_000;
        match heard {
            Heard::DroppedLate if renews => self.witness.tally.late += 1,
            Heard::DroppedEarly if open && renews => {
                self.witness.blame(session, format!("a good datagram was dropped: its key was not kept ({why})"));
            }
            Heard::Dropped | Heard::DroppedEarly | Heard::DroppedLate if open => {
                self.witness.blame(session, format!("a good datagram was dropped: {why}"));
            }
            _ => {}
        }
    }

    fn drops(&self) -> [u64; DropReason::ALL.len()] {
        DropReason::ALL.map(|reason| self.server.stats().dropped(reason))
    }

    /// A client that is connected must not fall silent.
    fn watch_client(&mut self, index: usize) {
        let Some((client, session)) = &self.players[index].client else {
            return;
        };
        let session = *session;
        if client.state() == ClientState::Connected {
            self.watch(session, true);
        }
    }
}

/// How a datagram was heard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Heard {
    /// Taken in, or nothing that has to be.
    Well,
    /// Dropped although nothing newer had come.
    Dropped,
    /// Dropped, and newer ones had come before, so lately that the key before must be there still.
    DroppedEarly,
    /// Dropped, and newer ones had come long enough before.
    DroppedLate,
}

/// The listener was given a datagram.
fn hear(hearing: &mut Hearing, datagram: &Datagram, dropped: bool, own_us: u64) -> Heard {
    let Some(serial) = datagram.serial.filter(|_| !datagram.corrupt) else {
        return Heard::Well;
    };
    if !hearing.heard.set(serial) {
        return Heard::Well;
    }
    if !dropped {
        hearing.heard_at(serial, own_us);
        return Heard::Well;
    }
    match hearing.overtaken_us(serial) {
        Some(since) if own_us.saturating_sub(since) >= KEY_KEPT_US => Heard::DroppedLate,
        Some(_) => Heard::DroppedEarly,
        None => Heard::Dropped,
    }
}

/// A code that an end may close with.
pub(crate) fn code(dice: &mut Dice) -> CloseCode {
    [CloseCode::DONE, CloseCode::KICKED, CloseCode::SHUTDOWN, CloseCode(0x1234)][dice.place(4)]
}
