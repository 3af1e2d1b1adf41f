//! A bot: a mind, its connections, and its way back after losing one.

use std::time::Duration;

use mu_wire::messages::{ChatChannel, ClientMessage, List, MAX_INPUT_BYTES, MAX_MESSAGE_BYTES};
use mu_wire::{Client, CloseCode, CloseReason, DatagramSink, Time};

use super::chat;
use super::line::{Lent, News};
use super::line::{Line, Neighbours, trade_ended};
use super::mind::{Effects, Mind};
use super::stage::Phase;
use super::wish::Wish;
use crate::dice::Dice;
use crate::gateway::{Bell, Selected, Way};

use std::sync::atomic::Ordering::Relaxed;

/// Turns a client id can have; a line that is being left keeps its own while two others come.
const TURNS: u16 = 4;
/// First and longest wait before a bot that lost its connection asks for a new place.
const BACK_OFF: (Duration, Duration) = (Duration::from_millis(250), Duration::from_secs(8));
/// Between two readings of the round trip and of the packet counters.
const LOOK: Duration = Duration::from_secs(1);
/// A server that does not end the session after `Leave` is left this long after.
const FAREWELL: Duration = Duration::from_millis(1500);

/// Where the bots of a thread report what concerns the run.
pub(super) struct Office<'a> {
    pub(super) bell: &'a Bell,
    /// Tells this run's chat from any other.
    pub(super) run: u64,
}

/// One bot.
pub(super) struct Bot {
    number: usize,
    /// Its place among the bots of its socket.
    slot: u16,
    mind: Mind,
    line: Option<Line>,
    /// The line to the shard the character goes to.
    moving: Option<Line>,
    /// The line to the shard it came from, until its farewell is sent.
    leaving: Option<Line>,
    turn: u16,
    dice: Dice,
    /// When the login behind the current place was begun; taken when the bot first stands in the world with it.
    login_begun: Option<Time>,
    /// It lost a connection and has not come back yet.
    missing: bool,
    tries: u32,
    in_world: bool,
    ever: bool,
    busy: bool,
    last_visit: Time,
    next_look: Time,
    farewell: Option<Time>,
    phase: Phase,
    /// Its connections tell their keys.
    logs_keys: bool,
    /// Something may have to be sent.
    pub(super) touched: bool,
}

/// The client id of a bot's line: its slot on the socket and the line's turn.
pub(super) fn client_id(slot: u16, turn: u16) -> [u8; 2] {
    (slot * TURNS + turn).to_le_bytes()
}

/// The bot's slot and the line's turn in a client id.
pub(super) fn slot_and_turn(id: [u8; 2]) -> (u16, u16) {
    let id = u16::from_le_bytes(id);
    (id / TURNS, id % TURNS)
}

impl Bot {
    pub(super) fn new(number: usize, slot: u16, mind: Mind, run: u64, logs_keys: bool) -> Self {
        Self {
            number,
            slot,
            mind,
            line: None,
            moving: None,
            leaving: None,
            turn: 0,
            dice: Dice::new(run, 0xb07_0000_0000 ^ number as u64),
            login_begun: None,
            missing: false,
            tries: 0,
            in_world: false,
            ever: false,
            busy: false,
            last_visit: Time::ZERO,
            next_look: Time::ZERO,
            farewell: None,
            phase: Phase::Enter,
            logs_keys,
            touched: false,
        }
    }

    /// A place in the world was given.
    pub(super) fn place_given(&mut self, selected: Selected, begun: Time, now: Time) {
        let line = self.connect(selected.endpoint, selected.ticket, now);
        self.line = Some(line);
        self.moving = None;
        self.login_begun = Some(begun);
        self.touched = true;
    }

    fn connect(&mut self, endpoint: std::net::SocketAddr, ticket: mu_wire::ConnectTicket, now: Time) -> Line {
        self.turn = (self.turn + 1) % TURNS;
        let id = client_id(self.slot, self.turn);
        let mut client = Client::new(ticket, endpoint, &id, self.dice.seed(), now);
        if self.logs_keys {
            client.log_keys();
        }
        Line::new(client, self.turn)
    }

    /// A datagram for the line with this turn; false if it was nothing of that line.
    pub(super) fn receive(&mut self, turn: u16, datagram: &mut [u8], lent: &mut Lent<'_>, office: &Office<'_>) -> bool {
        lent.figures.bytes_in += datagram.len() as u64;
        self.touched = true;
        for moving in [false, true] {
            let line = if moving { &mut self.moving } else { &mut self.line };
            if let Some(line) = line.as_mut().filter(|line| line.turn == turn) {
                let dropped = line.client.stats().datagrams_dropped;
                let news = line.turn(Some(datagram), &mut self.mind, lent);
                let taken = line.client.stats().datagrams_dropped == dropped;
                self.news(news, moving, lent, office);
                return taken;
            }
        }
        false
    }

    /// The turn of the line that this datagram is the RESET of.
    pub(super) fn turn_reset_by(&self, datagram: &[u8]) -> Option<u16> {
        let mut lines = [&self.line, &self.moving].into_iter().flatten();
        lines.find(|line| line.client.is_reset(datagram)).map(|line| line.turn)
    }

    /// Looks after everything that is due: timers, intentions, counts.
    pub(super) fn visit(&mut self, lent: &mut Lent<'_>, office: &Office<'_>) {
        if lent.phase != self.phase {
            self.enter_phase(lent);
        }
        for moving in [false, true] {
            let line = if moving { &mut self.moving } else { &mut self.line };
            let due = line.as_ref().and_then(|line| line.client.next_timeout()).is_some_and(|due| due <= lent.now);
            if let Some(line) = line.as_mut().filter(|_| due) {
                let news = line.turn(None, &mut self.mind, lent);
                self.touched = true;
                self.news(news, moving, lent, office);
            }
        }
        if self.leaving.as_ref().is_some_and(|line| line.client.next_timeout().is_none()) {
            self.leaving = None;
        }
        self.touched |= self.leaving.is_some();
        if let (Some(line), Some(place)) = (&self.line, self.mind.place) {
            let moment = line.moment(lent.now, lent.phase);
            let around = Neighbours { replica: &line.replica, me: place.me, tick: moment.tick };
            self.mind.act(moment, &around, &mut Effects { figures: lent.figures, wishes: lent.wishes });
            let walking = place.shown.is_moving_at(moment.tick) && lent.phase >= Phase::Quiet;
            self.set_busy(walking || self.mind.trade.is_busy() || self.mind.deals.is_busy(), lent);
        } else {
            self.set_busy(false, lent);
        }
        self.carry_out(lent, office.run);
        self.count(lent);
    }

    fn enter_phase(&mut self, lent: &mut Lent<'_>) {
        self.phase = lent.phase;
        match self.phase {
            Phase::Measure => {
                self.last_visit = lent.now;
                self.line.iter_mut().for_each(Line::count_from_here);
            }
            Phase::Quiet => self.line.iter_mut().for_each(|line| line.count_into(lent.figures)),
            Phase::Leave => {
                self.stood(lent);
                lent.wishes.push(Wish::Leave);
                self.farewell = Some(lent.now + FAREWELL);
            }
            Phase::Enter | Phase::Done => {}
        }
    }

    fn set_busy(&mut self, busy: bool, lent: &Lent<'_>) {
        if busy != self.busy {
            self.busy = busy;
            let counter = &lent.live.busy;
            if busy {
                counter.fetch_add(1, Relaxed)
            } else {
                counter.fetch_sub(1, Relaxed)
            };
        }
    }

    fn count(&mut self, lent: &mut Lent<'_>) {
        if lent.phase == Phase::Measure && self.in_world {
            lent.figures.bot_time += lent.now.since(self.last_visit);
        }
        self.last_visit = lent.now;
        if lent.now >= self.next_look {
            self.next_look = lent.now + LOOK;
            if let Some(line) = &mut self.line {
                line.look();
                line.client.rtt().into_iter().for_each(|rtt| lent.figures.rtt.record(rtt));
            }
        }
        if self.farewell.is_some_and(|at| at <= lent.now) {
            self.farewell = None;
            self.line.iter_mut().for_each(|line| line.client.close(CloseCode::DONE));
            self.touched = true;
        }
    }

    fn news(&mut self, news: News, moving: bool, lent: &mut Lent<'_>, office: &Office<'_>) {
        if news.spawned {
            if moving {
                self.arrived_elsewhere(lent);
            }
            self.stands(lent);
        }
        if let Some(transfer) = news.transfer {
            let (endpoint, ticket) = *transfer;
            self.moving = Some(self.connect(endpoint, ticket, lent.now));
        }
        if let Some(why) = news.closed {
            if moving && !news.spawned {
                self.moving = None;
                lent.figures.error("transfer_failed");
            } else {
                self.line_lost(why, lent, office);
            }
        }
        self.carry_out(lent, office.run);
    }

    /// The new shard has the character: the old one is left.
    fn arrived_elsewhere(&mut self, lent: &mut Lent<'_>) {
        if let Some(mut old) = std::mem::replace(&mut self.line, self.moving.take()) {
            if lent.phase == Phase::Measure {
                old.count_into(lent.figures);
            }
            old.client.close(CloseCode::DONE);
            self.leaving = Some(old);
        }
    }

    fn stands(&mut self, lent: &mut Lent<'_>) {
        if let Some(begun) = self.login_begun.take() {
            lent.figures.login.record(lent.now.since(begun));
        }
        if std::mem::take(&mut self.missing) {
            lent.figures.reconnected += 1;
        }
        self.tries = 0;
        if !std::mem::replace(&mut self.in_world, true) {
            lent.live.in_world.fetch_add(1, Relaxed);
        }
        if !std::mem::replace(&mut self.ever, true) {
            lent.live.ever.fetch_add(1, Relaxed);
        }
    }

    /// The connection is gone: what is not told stays unknown, and a new place is asked for.
    fn line_lost(&mut self, why: CloseReason, lent: &mut Lent<'_>, office: &Office<'_>) {
        // The character may be on its way to another shard; that line goes on alone.
        if self.moving.is_some() && matches!(why, CloseReason::Peer(CloseCode::MOVED, _)) {
            return;
        }
        if lent.phase < Phase::Leave {
            self.stood(lent);
        }
        if let Some(mut line) = self.line.take()
            && lent.phase == Phase::Measure
        {
            line.count_into(lent.figures);
        }
        if let Some(ended) = self.mind.cut_off() {
            trade_ended(&ended, lent);
        }
        let was_in_world = std::mem::replace(&mut self.in_world, false);
        if was_in_world {
            lent.live.in_world.fetch_sub(1, Relaxed);
        }
        if lent.phase >= Phase::Leave {
            return;
        }
        let kind = if self.mind.closing { "server_closing" } else { reason_word(&why) };
        lent.figures.error(kind);
        if was_in_world && !self.mind.closing {
            lent.figures.disconnected += 1;
            lent.live.disconnected.fetch_add(1, Relaxed);
        }
        self.missing |= was_in_world;
        self.ask_again(lent.now, office);
    }

    fn ask_again(&mut self, now: Time, office: &Office<'_>) {
        let wait = BACK_OFF.0.saturating_mul(1 << self.tries.min(8)).min(BACK_OFF.1);
        self.tries += 1;
        let half = u64::try_from(wait.as_micros()).unwrap_or(0) / 2;
        office.bell.ask(self.number, Way::Select, now + wait / 2 + Duration::from_micros(self.dice.below(half)));
    }

    /// Records where the bot's own entity stands.
    fn stood(&self, lent: &Lent<'_>) {
        if let (Some(place), Some(line)) = (self.mind.place, &self.line) {
            let at = place.shown.position_at(line.moment(lent.now, lent.phase).tick);
            lent.records.standing(self.number, place.map, at.x, at.y);
        }
    }

    /// Does what the mind wished.
    fn carry_out(&mut self, lent: &mut Lent<'_>, run: u64) {
        let Some(line) = &mut self.line else {
            lent.wishes.clear();
            return;
        };
        for wish in lent.wishes.drain(..) {
            self.touched = true;
            if let Err(kind) = carry_out(&mut line.client, wish, run) {
                lent.figures.error(kind);
            }
        }
    }

    /// Writes what is due on all lines.
    pub(super) fn transmit(&mut self, now: Time, out: &mut impl DatagramSink) {
        for line in [&mut self.line, &mut self.moving, &mut self.leaving].into_iter().flatten() {
            line.client.poll_transmit(now, out);
        }
    }

    /// Its number in the run.
    pub(super) fn number(&self) -> usize {
        self.number
    }
}

fn carry_out(client: &mut Client, wish: Wish, run: u64) -> Result<(), &'static str> {
    let send = |client: &mut Client, message: &ClientMessage<'_>| {
        let mut bytes = [0; MAX_MESSAGE_BYTES];
        let len = message.encode(&mut bytes).map_err(|_| "message_not_encoded")?;
        client.send(message.lane(), &bytes[..len]).map_err(|_| "send_refused")
    };
    match wish {
        Wish::Input(input) => {
            let mut bytes = [0; MAX_INPUT_BYTES];
            let len = input.encode(&mut bytes).map_err(|_| "input_not_encoded")?;
            client.input(&bytes[..len]).map(drop).map_err(|_| "input_refused")
        }
        Wish::Chat(at) => {
            let line = chat::Line::new(run, at);
            send(client, &ClientMessage::Chat { channel: ChatChannel::Local, text: line.text() })
        }
        Wish::UsePortal(portal) => send(client, &ClientMessage::UsePortal { portal }),
        Wish::TradeRequest(target) => send(client, &ClientMessage::TradeRequest { target }),
        Wish::TradeAnswer(accept) => send(client, &ClientMessage::TradeAnswer { accept }),
        Wish::TradeOffer { revision, goods } => {
            let items = List::new(goods.items());
            send(client, &ClientMessage::TradeOffer { revision, zen: goods.zen, items })
        }
        Wish::TradeConfirm(revision) => send(client, &ClientMessage::TradeConfirm { revision }),
        Wish::TradeCancel => send(client, &ClientMessage::TradeCancel),
        Wish::KeeperOpen(keeper) => send(client, &ClientMessage::KeeperOpen { keeper }),
        Wish::Deposit { keeper, goods } => {
            let items = List::new(goods.items());
            send(client, &ClientMessage::Deposit { keeper, zen: goods.zen, items })
        }
        Wish::Withdraw { keeper, goods } => {
            let items = List::new(goods.items());
            send(client, &ClientMessage::Withdraw { keeper, zen: goods.zen, items })
        }
        Wish::Buy { keeper, ware, price } => send(client, &ClientMessage::Buy { keeper, ware, count: 1, price }),
        Wish::Sell { keeper, item } => send(client, &ClientMessage::Sell { keeper, items: List::new(&[item]) }),
        Wish::Drop(item) => send(client, &ClientMessage::Drop { item }),
        Wish::PickUp(target) => send(client, &ClientMessage::PickUp { target }),
        Wish::Leave => send(client, &ClientMessage::Leave),
    }
}

/// The kind of an end, as counted in the report.
fn reason_word(why: &CloseReason) -> &'static str {
    match why {
        CloseReason::Local(_) => "closed_by_bot",
        CloseReason::Peer(CloseCode::SHUTDOWN, _) => "server_closing",
        CloseReason::Peer(CloseCode::KICKED, _) => "kicked",
        CloseReason::Peer(CloseCode::REPLACED, _) => "replaced",
        CloseReason::Peer(CloseCode::MOVED, _) => "moved_away",
        CloseReason::Peer(CloseCode::VIOLATION, _) => "server_saw_violation",
        CloseReason::Peer(CloseCode::OVERLOADED, _) => "too_slow",
        CloseReason::Peer(..) => "closed_by_server",
        CloseReason::Reset => "server_reset",
        CloseReason::Idle => "server_silent",
        CloseReason::Violation(_) => "server_violation",
        CloseReason::NoAnswer => "connect_no_answer",
        CloseReason::Rejected(_) => "connect_rejected",
        CloseReason::BadTicket => "ticket_unusable",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_id_leads_back_to_its_bot_and_line() {
        for slot in [0, 1, 63, 1000] {
            for turn in 0..TURNS {
                assert_eq!(slot_and_turn(client_id(slot, turn)), (slot, turn));
            }
        }
    }
}
