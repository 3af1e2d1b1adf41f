//! What one thread of bots counts. Threads count apart and are added up at the end.

use std::collections::BTreeMap;
use std::time::Duration;

use super::histogram::Latency;

/// Errors by kind; kinds are fixed words.
pub type ErrorKinds = BTreeMap<&'static str, u64>;

/// The counts and latencies of a thread of bots inside the measured window.
#[derive(Debug, Clone, Default)]
pub struct Figures {
    /// Snapshots that arrived.
    pub snapshots: u64,
    /// Bytes of datagrams that arrived.
    pub bytes_in: u64,
    /// Packets of the server that arrived.
    pub packets_arrived: u64,
    /// Packets of the server that did not.
    pub packets_missing: u64,
    /// From the tick of a change to its arrival.
    pub age: Latency,
    /// Between two snapshots of one bot.
    pub gap: Latency,
    /// Round trips, one reading a second for each bot.
    pub rtt: Latency,
    /// From the login to the world.
    pub login: Latency,
    /// From the intended use of a portal to the other map.
    pub map_change: Latency,
    /// From the intended line of chat to its arrival.
    pub chat: Latency,
    /// From the confirmation to the told success.
    pub trade: Latency,
    /// From the request of a deal to the told success.
    pub deal: Latency,
    /// How late steps of this thread were.
    pub lag: Latency,
    /// Blocks that came whole and were valid, since the bots began.
    pub blocks: u64,
    /// Of these, maps that are as the bots' content has them.
    pub maps: u64,
    /// Trade requests sent.
    pub trades_requested: u64,
    /// Trades told to have succeeded, each counted once.
    pub trades_succeeded: u64,
    /// Trades told to have failed.
    pub trades_failed: u64,
    /// Trades whose end was never told.
    pub trades_unknown: u64,
    /// Deals asked for.
    pub deals_requested: u64,
    /// Deals told to have succeeded.
    pub deals_succeeded: u64,
    /// Deals told to have failed.
    pub deals_failed: u64,
    /// Deals whose end was never told.
    pub deals_unknown: u64,
    /// Connections that ended unasked.
    pub disconnected: u64,
    /// Bots that came back after one.
    pub reconnected: u64,
    /// Errors by kind.
    pub errors: ErrorKinds,
    /// Requests the server did not grant, by kind; the game goes on.
    pub refusals: ErrorKinds,
    /// Time this thread's bots spent in the world, summed.
    pub bot_time: Duration,
}

impl Figures {
    /// Counts one error of a kind.
    pub fn error(&mut self, kind: &'static str) {
        *self.errors.entry(kind).or_insert(0) += 1;
    }

    /// Adds another thread's figures.
    pub fn add(&mut self, other: &Self) {
        self.snapshots += other.snapshots;
        self.bytes_in += other.bytes_in;
        self.packets_arrived += other.packets_arrived;
        self.packets_missing += other.packets_missing;
        self.blocks += other.blocks;
        self.maps += other.maps;
        self.trades_requested += other.trades_requested;
        self.trades_succeeded += other.trades_succeeded;
        self.trades_failed += other.trades_failed;
        self.trades_unknown += other.trades_unknown;
        self.deals_requested += other.deals_requested;
        self.deals_succeeded += other.deals_succeeded;
        self.deals_failed += other.deals_failed;
        self.deals_unknown += other.deals_unknown;
        self.disconnected += other.disconnected;
        self.reconnected += other.reconnected;
        self.bot_time += other.bot_time;
        for (kind, count) in &other.errors {
            *self.errors.entry(kind).or_insert(0) += count;
        }
        for (kind, count) in &other.refusals {
            *self.refusals.entry(kind).or_insert(0) += count;
        }
        for (mine, theirs) in self.latencies_mut().into_iter().zip(other.latencies()) {
            mine.add(theirs);
        }
    }

    fn latencies(&self) -> [&Latency; 9] {
        [&self.age, &self.gap, &self.rtt, &self.login, &self.map_change, &self.chat, &self.trade, &self.deal, &self.lag]
    }

    fn latencies_mut(&mut self) -> [&mut Latency; 9] {
        [
            &mut self.age,
            &mut self.gap,
            &mut self.rtt,
            &mut self.login,
            &mut self.map_change,
            &mut self.chat,
            &mut self.trade,
            &mut self.deal,
            &mut self.lag,
        ]
    }

    /// Begins the measured window: forgets everything but logins, blocks and errors, which happen before it.
    pub fn begin_window(&mut self) {
        let (login, errors) = (std::mem::take(&mut self.login), std::mem::take(&mut self.errors));
        *self = Self { login, errors, blocks: self.blocks, maps: self.maps, ..Self::default() };
    }
}
