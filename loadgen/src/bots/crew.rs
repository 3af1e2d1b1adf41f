//! A crew: one thread with its sockets and its bots.
//!
//! A grid of steps, 2 ms each. A step takes what the door brought, reads the sockets that are ready until they are empty, visits a fifth
//! of the bots, and sends. A bot that received something is served in the same step; every bot is visited at least each 10 ms. How late
//! steps are is measured from the grid and reported: a generator that is late measures itself.
//!
//! Many bots share a socket; the client id at the head of each datagram says whose it is. All memory of the data path is taken at the
//! start.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::mpsc::Receiver;
use std::time::Duration;

use mio::{Events, Interest, Poll, Token};
use mu_wire::{DatagramSink, Time, client_id_of};
use mu_wire_io::{RecvBatch, SendBatch, Socket, SocketOptions};

use super::Atlas;
use super::bot::{Bot, Office, slot_and_turn};
use super::line::Lent;
use super::mind::{Mind, Minds};
use super::records::Records;
use super::stage::{Phase, Stage};
use super::wish::Wish;
use crate::clock::Clock;
use crate::figures::{Figures, Latency};
use crate::gateway::{Arrival, Bell};
use crate::scenario::Scenario;

/// Length of a step.
const STEP: Duration = Duration::from_millis(2);
/// Steps until every bot was visited.
const ROUND: usize = 5;
/// Bots of one socket, unless each has its own.
const BOTS_PER_SOCKET: usize = 64;
/// Datagrams read in one call.
const RECEIVE_BATCH: usize = 64;
/// Longest RESET (docs/protocol.md, 8.19).
const LONGEST_RESET: usize = 40;
/// Between two additions to the live figures.
const PUBLISH: Duration = Duration::from_secs(1);

/// What a crew is made of.
pub struct CrewPlan {
    /// Its number; bot `n` belongs to crew `n % crews`.
    pub number: usize,
    /// How many crews there are.
    pub crews: usize,
    /// Bots of the whole run.
    pub bots: usize,
    /// Whether each bot has a socket of its own.
    pub socket_per_bot: bool,
    /// Local address of the sockets; its family is the server's.
    pub bind: IpAddr,
    /// What they do.
    pub scenario: Arc<Scenario>,
    /// The terrain.
    pub atlas: Arc<Atlas>,
    /// Seed of all decisions.
    pub seed: u64,
    /// Tells this run's chat from any other.
    pub run: u64,
    /// What all names begin with.
    pub prefix: Arc<str>,
    /// The clock of the run.
    pub clock: Clock,
    /// The phase and the live figures.
    pub stage: Arc<Stage>,
    /// Files for those who check the server.
    pub records: Records,
    /// Asks for places.
    pub bell: Bell,
    /// Brings them.
    pub desk: Receiver<Arrival>,
}

/// One thread of bots.
pub struct Crew {
    plan: CrewPlan,
    poll: Poll,
    events: Events,
    ready: Vec<usize>,
    berths: Vec<Berth>,
    bots: Vec<Bot>,
    receive: RecvBatch,
    wishes: Vec<Wish>,
    figures: Figures,
    ages: Latency,
    phase: Phase,
    next_visit: usize,
    next_publish: Time,
    published: u64,
}

/// A socket and the bots on it.
struct Berth {
    socket: Socket,
    send: SendBatch,
    bots: std::ops::Range<usize>,
    sent: u64,
    touched: bool,
}

impl Crew {
    /// Binds the sockets and makes the bots.
    ///
    /// # Errors
    /// When the kernel refuses a socket.
    pub fn new(plan: CrewPlan) -> io::Result<Self> {
        let minds =
            Minds { atlas: Arc::clone(&plan.atlas), run: plan.run, seed: plan.seed, prefix: Arc::clone(&plan.prefix) };
        let per_socket = if plan.socket_per_bot { 1 } else { BOTS_PER_SOCKET };
        let numbers: Vec<usize> = (plan.number..plan.bots).step_by(plan.crews).collect();
        let bot = |(index, number): (usize, &usize)| {
            let mind = Mind::new(&minds, plan.scenario.role(plan.seed, *number), *number);
            let slot = u16::try_from(index % per_socket).unwrap_or(0);
            Bot::new(*number, slot, mind, plan.run, plan.records.wants_keys())
        };
        let bots: Vec<Bot> = numbers.iter().enumerate().map(bot).collect();
        let poll = Poll::new()?;
        let mut berths = Vec::new();
        for first in (0..bots.len()).step_by(per_socket) {
            let range = first..(first + per_socket).min(bots.len());
            let mut berth = Berth::bind(plan.bind, range)?;
            poll.registry().register(&mut berth.socket, Token(berths.len()), Interest::READABLE)?;
            berths.push(berth);
        }
        let phase = plan.stage.phase();
        Ok(Self {
            poll,
            events: Events::with_capacity(1024),
            ready: Vec::with_capacity(1024),
            berths,
            bots,
            receive: RecvBatch::new(RECEIVE_BATCH),
            wishes: Vec::with_capacity(64),
            figures: Figures::default(),
            ages: Latency::default(),
            phase,
            next_visit: 0,
            next_publish: Time::ZERO,
            published: 0,
            plan,
        })
    }

    /// Runs until the run is over. Returns the figures and the datagrams its sockets dropped.
    ///
    /// # Errors
    /// When a socket is unusable.
    pub fn run(mut self) -> io::Result<(Figures, u64)> {
        let mut scheduled = self.plan.clock.now();
        while self.phase != Phase::Done {
            scheduled += STEP;
            let now = self.wait_until(scheduled);
            self.change_phase();
            if self.phase == Phase::Measure {
                self.figures.lag.record(now.since(scheduled));
            }
            if now.since(scheduled) > STEP {
                // The steps that are over are done as one.
                scheduled = now;
            }
            self.step()?;
        }
        let drops = |berth: &Berth| berth.socket.memory().map_or(0, |memory| u64::from(memory.drops));
        let drops = self.berths.iter().map(drops).sum::<u64>() + self.receive.dropped();
        Ok((self.figures, drops))
    }

    fn wait_until(&self, scheduled: Time) -> Time {
        loop {
            let now = self.plan.clock.now();
            if now >= scheduled {
                return now;
            }
            std::thread::park_timeout(scheduled.since(now));
        }
    }

    fn change_phase(&mut self) {
        let phase = self.plan.stage.phase();
        if phase == self.phase {
            return;
        }
        self.phase = phase;
        if phase == Phase::Measure {
            self.figures.begin_window();
        }
        // Every bot enters the phase at once, so that the window has one beginning and one end.
        for index in 0..self.bots.len() {
            self.visit(index);
        }
    }

    fn step(&mut self) -> io::Result<()> {
        while let Ok(arrival) = self.plan.desk.try_recv() {
            self.arrival(arrival);
        }
        self.poll.poll(&mut self.events, Some(Duration::ZERO)).or_else(ignore_interrupt)?;
        self.ready.clear();
        self.ready.extend(self.events.iter().map(|event| event.token().0));
        while let Some(berth) = self.ready.pop() {
            self.drain(berth)?;
        }
        let share = self.bots.len().div_ceil(ROUND);
        for _ in 0..share {
            self.visit(self.next_visit);
            self.next_visit = (self.next_visit + 1) % self.bots.len().max(1);
        }
        for berth in 0..self.berths.len() {
            self.flush(berth)?;
        }
        self.publish();
        Ok(())
    }

    fn arrival(&mut self, arrival: Arrival) {
        for kind in &arrival.refusals {
            self.figures.error(kind);
        }
        let now = self.plan.clock.now();
        let index = arrival.bot / self.plan.crews;
        match arrival.place {
            Ok(selected) => {
                self.plan.records.character_known(arrival.bot, arrival.character);
                self.bots[index].place_given(selected, arrival.begun, now);
                self.touch(index);
            }
            Err(failure) => {
                log::warn!("bot {} stays outside: {}", arrival.bot, failure.error);
                self.figures.error(failure.kind);
                self.plan.stage.live.failed.fetch_add(1, Relaxed);
            }
        }
    }

    fn drain(&mut self, at: usize) -> io::Result<()> {
        loop {
            let berth = &mut self.berths[at];
            let received = berth.socket.recv(&mut self.receive)?;
            let now = self.plan.clock.now();
            self.plan.stage.live.datagrams_in.fetch_add(received as u64, Relaxed);
            for (_, datagram) in self.receive.iter_mut() {
                let mut lent = Lent {
                    bot: 0,
                    now,
                    phase: self.phase,
                    figures: &mut self.figures,
                    ages: &mut self.ages,
                    wishes: &mut self.wishes,
                    records: &self.plan.records,
                    live: &self.plan.stage.live,
                };
                let office = Office { bell: &self.plan.bell, run: self.plan.run };
                let taken = hand_out(&mut self.bots[berth.bots.clone()], datagram, &mut lent, &office);
                berth.touched |= taken;
                if !taken {
                    self.figures.error("stray_datagram");
                }
            }
            if received < RECEIVE_BATCH {
                return Ok(());
            }
        }
    }

    fn visit(&mut self, index: usize) {
        let Some(bot) = self.bots.get_mut(index) else { return };
        let mut lent = Lent {
            bot: bot.number(),
            now: self.plan.clock.now(),
            phase: self.phase,
            figures: &mut self.figures,
            ages: &mut self.ages,
            wishes: &mut self.wishes,
            records: &self.plan.records,
            live: &self.plan.stage.live,
        };
        let office = Office { bell: &self.plan.bell, run: self.plan.run };
        bot.visit(&mut lent, &office);
        if bot.touched {
            self.touch(index);
        }
    }

    fn touch(&mut self, index: usize) {
        let per_socket = if self.plan.socket_per_bot { 1 } else { BOTS_PER_SOCKET };
        self.berths[index / per_socket].touched = true;
    }

    fn flush(&mut self, at: usize) -> io::Result<()> {
        let berth = &mut self.berths[at];
        if !berth.touched && berth.send.is_empty() {
            return Ok(());
        }
        berth.touched = false;
        let now = self.plan.clock.now();
        let mut out = Out { socket: &berth.socket, batch: &mut berth.send, sent: &mut berth.sent, failed: None };
        for bot in &mut self.bots[berth.bots.clone()] {
            if std::mem::take(&mut bot.touched) {
                bot.transmit(now, &mut out);
            }
        }
        out.flush();
        match out.failed.take() {
            Some(error) => Err(error),
            None => Ok(()),
        }
    }

    fn publish(&mut self) {
        let now = self.plan.clock.now();
        if now < self.next_publish {
            return;
        }
        self.next_publish = now + PUBLISH;
        let live = &self.plan.stage.live;
        live.add_ages(&self.ages);
        self.ages.clear();
        let sent: u64 = self.berths.iter().map(|berth| berth.sent).sum();
        live.datagrams_out.fetch_add(sent - self.published, Relaxed);
        self.published = sent;
    }
}

impl Berth {
    fn bind(local: IpAddr, bots: std::ops::Range<usize>) -> io::Result<Self> {
        // A bot receives at most some 20 datagrams of 1,200 bytes a second; half a second of them fits.
        let room = (bots.len() * 16 * 1024).max(128 * 1024);
        let options = SocketOptions { recv_bytes: room, send_bytes: room };
        let socket = Socket::bind(SocketAddr::new(local, 0), &options)?;
        let send = SendBatch::new(bots.len().clamp(4, 64));
        Ok(Self { socket, send, bots, sent: 0, touched: false })
    }
}

/// Gives a datagram to the bot that its client id names; a RESET carries no id and goes to whoever knows its token. False if
/// it is nobody's.
fn hand_out(bots: &mut [Bot], datagram: &mut [u8], lent: &mut Lent<'_>, office: &Office<'_>) -> bool {
    let mut kept = [0; LONGEST_RESET];
    let kept = match kept.get_mut(..datagram.len()) {
        Some(kept) => {
            kept.copy_from_slice(datagram);
            kept
        }
        None => &mut [],
    };
    let named = client_id_of(datagram, 2).and_then(|id| <[u8; 2]>::try_from(id).ok()).map(slot_and_turn);
    let named = named.and_then(|(slot, turn)| Some((bots.get_mut(usize::from(slot))?, turn)));
    let known = named.is_some();
    if let Some((bot, turn)) = named {
        lent.bot = bot.number();
        if bot.receive(turn, datagram, lent, office) {
            return true;
        }
    }
    for bot in bots {
        if let Some(turn) = bot.turn_reset_by(kept) {
            lent.bot = bot.number();
            return bot.receive(turn, kept, lent, office);
        }
    }
    // What comes late for a line that is gone is no stray.
    known
}

/// A socket's batch as a sink that empties itself when it is full.
struct Out<'a> {
    socket: &'a Socket,
    batch: &'a mut SendBatch,
    sent: &'a mut u64,
    failed: Option<io::Error>,
}

impl Out<'_> {
    fn flush(&mut self) {
        match self.socket.send(self.batch) {
            Ok(report) => *self.sent += report.sent as u64,
            Err(error) => self.failed = Some(error),
        }
    }
}

impl DatagramSink for Out<'_> {
    fn push(&mut self, to: SocketAddr, write: &mut dyn FnMut(&mut [u8]) -> usize) -> bool {
        if self.batch.is_full() {
            self.flush();
        }
        self.batch.push(to, write)
    }
}

fn ignore_interrupt(error: io::Error) -> io::Result<()> {
    if error.kind() == io::ErrorKind::Interrupted { Ok(()) } else { Err(error) }
}
