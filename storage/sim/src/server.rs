//! One life of the server process: the production writer and applier, its maps, and its connections to the store.
//!
//! Everything in here is gone when the process dies. Each call is one small step; the world decides which comes next.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use mu_storage::error::{StoreError, TakeError};
use mu_storage::event::ValueEvent;
use mu_storage::ids::{AccountId, CharacterId, Lsn};
use mu_storage::memory::{MemoryDatabase, MemoryStore};
use mu_storage::store::{HotRow, Outcome, Store};
use mu_value::{Applier, ApplierStep, Recovered, Stop, ValueStatus, Writer, WriterStep};
use mu_wal::Idle;

use crate::LOG;
use crate::dice::Dice;
use crate::ends::{Ends, Word};
use crate::map::{MapSide, Mistake, Player, Tell};
use crate::marks::{Mark, Marks};
use crate::mistakes::{self, Bug};
use crate::plan::Plan;
use crate::truth::{Truth, Violation, hot_mark};

/// Why the process is gone.
#[derive(Debug)]
pub(crate) enum Death {
    /// The journal cannot be trusted any more.
    Journal,
    /// The applier must not decide any more.
    Stopped(Stop),
}

/// What a step needs of the world around the process.
pub(crate) struct Around<'a> {
    pub(crate) dice: &'a mut Dice,
    pub(crate) plan: &'a Plan,
    pub(crate) database: &'a MemoryDatabase,
    pub(crate) truth: &'a mut Truth,
    pub(crate) marks: &'a mut Marks,
    pub(crate) now: Duration,
}

/// The applier of a process, with its queues; may outlive the rest.
pub(crate) struct Deciding {
    pub(crate) applier: Applier<usize>,
    pub(crate) ends: Ends,
}

/// A running process.
pub(crate) struct Server {
    writer: Writer<usize>,
    pub(crate) deciding: Deciding,
    pub(crate) status: Arc<ValueStatus>,
    pub(crate) maps: Vec<MapSide>,
    gateway: MemoryStore,
    flusher: MemoryStore,
    /// Accounts in the world.
    online: BTreeMap<i64, i64>,
    /// Rows that wait to be flushed; of owners from before, too.
    hot: VecDeque<HotRow>,
}

impl Server {
    pub(crate) fn new(recovered: Recovered, applier: MemoryStore, database: &MemoryDatabase, plan: &Plan) -> Self {
        let status = Arc::new(ValueStatus::default());
        let boot = recovered.boot;
        Self {
            writer: Writer::new(recovered.journal, Arc::clone(&status)),
            deciding: Deciding {
                applier: Applier::new(Box::new(applier), recovered.safe, Arc::clone(&status)),
                ends: Ends::new(plan.maps, plan.submitted_max, plan.logged_max),
            },
            status,
            maps: (0..plan.maps).map(|number| MapSide::new(boot, number)).collect(),
            gateway: database.connect(),
            flusher: database.connect(),
            online: BTreeMap::new(),
            hot: VecDeque::new(),
        }
    }

    /// One step of the wal thread.
    pub(crate) fn write(&mut self, around: &mut Around<'_>) -> Result<bool, Death> {
        match self.writer.step(around.now, &mut self.deciding.ends) {
            Ok(WriterStep::Synced(synced)) => {
                let records = u64::from(synced.records);
                let first = synced.durable.0 + 1 - records;
                around.truth.group(Lsn(first));
                for lsn in first..=synced.durable.0 {
                    if let Some(id) = self.deciding.ends.taken.pop_front() {
                        around.truth.durable(id, Lsn(lsn));
                    }
                }
                Ok(true)
            }
            Ok(WriterStep::Idle(idle)) => {
                if idle == Idle::Sealed {
                    around.marks.hit(Mark::Sealed);
                }
                Ok(false)
            }
            Err(_poisoned) => Err(Death::Journal),
        }
    }

    /// One step of the applier thread.
    pub(crate) fn decide(&mut self, around: &mut Around<'_>) -> Result<bool, Death> {
        match self.deciding.applier.step(around.now, &mut self.deciding.ends) {
            Ok(ApplierStep::Redriven(_)) => {
                around.marks.hit(Mark::Redriven);
                Ok(true)
            }
            Ok(ApplierStep::Decided(_) | ApplierStep::Safe(_)) => Ok(true),
            Ok(ApplierStep::Again(_) | ApplierStep::Idle(_)) => Ok(false),
            Err(stop) => Err(Death::Stopped(stop)),
        }
    }

    /// A tick of one map: what was decided first, then what a player wants.
    pub(crate) fn tick(&mut self, map: usize, around: &mut Around<'_>) -> Result<bool, Violation> {
        let settled = self.settle(map, around)?;
        if !around.dice.one_in(3) {
            self.deal(map, around);
        }
        if around.plan.moving && around.dice.one_in(6) {
            self.wander(map, around);
        }
        self.sweep(map, around);
        Ok(settled)
    }

    /// Settles what came back and tells the players.
    fn settle(&mut self, map: usize, around: &mut Around<'_>) -> Result<bool, Violation> {
        let mut any = false;
        while let Some((event_id, word)) = self.deciding.ends.words[map].pop_front() {
            any = true;
            let tell = match word {
                Word::Durable => {
                    around.marks.hit(Mark::WalAck);
                    self.maps[map].settle_durable(event_id)
                }
                Word::Decided(outcome) => {
                    let told = self.maps[map].settle(event_id, outcome);
                    if told.is_none() {
                        self.confirm(event_id, outcome, around);
                    }
                    told
                }
            };
            if let Some(tell) = tell {
                tell_players(event_id, tell, around)?;
            }
        }
        Ok(any)
    }

    /// An outcome of an event that is settled: the second of two, or the one that follows durability.
    fn confirm(&mut self, event_id: u128, outcome: Outcome, around: &mut Around<'_>) {
        let waits = |map: &MapSide| map.players.values().any(|player| player.pending.contains(&event_id));
        if !self.maps.iter().any(waits) {
            around.marks.hit(Mark::DoubleConfirm);
            return;
        }
        if outcome != Outcome::Applied {
            around.marks.hit(Mark::ToldQuarantined);
        }
        for map in &mut self.maps {
            map.confirm(event_id, outcome);
        }
    }

    /// Settles what came back to a map and starts nothing; true if something came.
    pub(crate) fn settle_only(&mut self, map: usize, around: &mut Around<'_>) -> Result<bool, Violation> {
        let settled = self.settle(map, around)?;
        self.sweep(map, around);
        Ok(settled)
    }

    /// Whether an event that no player asked for could be submitted.
    pub(crate) fn has_room(&self) -> bool {
        self.deciding.ends.has_room(0, 1)
    }

    /// Submits an event that no player asked for.
    pub(crate) fn submit(&mut self, event: &ValueEvent, around: &mut Around<'_>) {
        around.truth.submitted(event);
        assert!(self.deciding.ends.submit(0, event, false, around.now), "there was room");
    }

    /// Two players exchange something, or one does something alone.
    fn deal(&mut self, map: usize, around: &mut Around<'_>) {
        let alone = around.dice.one_in(2);
        let sides = self.maps[map].pair(around.dice);
        let who = self.maps[map].one(around.dice);
        if !self.status.open(around.now) {
            let full = self.status.undecided_us(around.now) < 2_000_000;
            around.marks.hit(if full { Mark::JournalFull } else { Mark::BreakerOpen });
            return;
        }
        let mistakes = [Mistake::Overdraft, Mistake::Version, Mistake::Unbalanced];
        let reckless = around.plan.reckless && around.dice.one_in(8);
        // A malformed event freezes its players: seldom, or nobody is left.
        let mistake = reckless.then(|| mistakes[if around.dice.one_in(12) { 2 } else { around.dice.index(2) }]);
        let twice = around.plan.doubles && around.dice.one_in(10);
        let room = self.deciding.ends.has_room(map, 2);
        let side = &mut self.maps[map];
        let event = match (alone, sides, who) {
            (false, Some(sides), _) => side.trade(around.dice, sides, mistake),
            (_, _, Some(who)) => side.errand(around.dice, who, mistake),
            _ => None,
        };
        let Some(event) = event else { return };
        if !room {
            around.marks.hit(Mark::Busy);
            self.maps[map].withdraw(event.event_id);
            return;
        }
        if around.plan.refusals && around.dice.one_in(30) {
            around.database.refuse(event.event_id);
        }
        around.truth.submitted(&event);
        let early = around.plan.wal_ack && event.kind.may_be_told();
        if early {
            around.truth.told_early(event.event_id);
        }
        for _ in 0..=usize::from(twice) {
            assert!(self.deciding.ends.submit(map, &event, early, around.now), "there was room");
        }
        if twice {
            around.marks.hit(Mark::DoubleSubmit);
        }
        if mistakes::is(Bug::UnlockBeforeOutcome) {
            self.maps[map].settle(event.event_id, Outcome::Applied);
        }
    }

    /// A player disconnects, or goes to another map if nothing of it is under way.
    fn wander(&mut self, map: usize, around: &mut Around<'_>) {
        let ids: Vec<i64> = self.maps[map].players.keys().copied().collect();
        let Some(&id) = around.dice.pick(&ids) else { return };
        let player = self.maps[map].players.get_mut(&id).expect("just listed");
        if around.dice.one_in(2) {
            player.leaving = true;
            if player.lock.is_some() {
                around.marks.hit(Mark::LeftInFlight);
            }
            return;
        }
        if player.lock.is_some() && !mistakes::is(Bug::ChangeInFlight) {
            around.marks.hit(Mark::MoveRefused);
            return;
        }
        let to = around.dice.index(self.maps.len());
        if to != map
            && let Some(player) = self.maps[map].players.remove(&id)
        {
            self.maps[to].players.insert(id, player);
            around.marks.hit(Mark::MovedMap);
        }
    }

    /// Players that leave are gone once nothing of theirs is undecided; their last state is flushed.
    fn sweep(&mut self, map: usize, around: &mut Around<'_>) {
        let gone: Vec<i64> = self.maps[map]
            .players
            .values()
            .filter(|p| p.leaving && (p.is_decided() || mistakes::is(Bug::LeaveInFlight)))
            .map(|p| p.character)
            .collect();
        for id in gone {
            if let Some(mut player) = self.maps[map].players.remove(&id) {
                self.hot.push_back(hot_row(&mut player));
                if around.plan.late_flush && around.dice.one_in(2) {
                    // Left behind in some queue: it comes after the next owner's.
                    let late = hot_row(&mut player);
                    self.hot.push_back(late);
                }
                self.online.remove(&player.account);
            }
        }
    }

    /// Flushes hot state: what waits, and what one map's players are.
    pub(crate) fn flush(&mut self, map: usize, around: &mut Around<'_>) {
        let mut rows: Vec<HotRow> = self.maps[map].players.values_mut().map(hot_row).collect();
        let waits = around.plan.late_flush && around.dice.one_in(2);
        if !waits {
            rows.extend(self.hot.drain(..));
        }
        match self.flusher.flush_hot(&rows) {
            Ok(report) if !report.stale.is_empty() => around.marks.hit(Mark::LateFlush),
            Ok(_) => {}
            Err(_) => self.hot.extend(rows),
        }
    }

    /// One account that is not in the world comes in.
    pub(crate) fn login(&mut self, around: &mut Around<'_>) -> Result<bool, Violation> {
        let away: Vec<i64> =
            (1..=i64::try_from(around.plan.players).unwrap_or(0)).filter(|id| !self.online.contains_key(id)).collect();
        let Some(&account) = around.dice.pick(&away) else { return Ok(false) };
        let loaded = match self.load(account, around) {
            Ok(Some(loaded)) => loaded,
            Ok(None) | Err(TakeError::Store(_)) => return Ok(false),
            Err(TakeError::Frozen) => {
                around.marks.hit(Mark::FrozenAtLogin);
                return Ok(false);
            }
            Err(TakeError::NotFound) => return Err(Violation(format!("character {account} is not found"))),
        };
        around.truth.taken(account, loaded.epoch)?;
        let map = around.dice.index(self.maps.len());
        self.online.insert(account, account);
        self.maps[map].players.insert(account, loaded);
        Ok(true)
    }

    /// Takes a character over and reads it; `None` if what was read is older than what was decided.
    fn load(&mut self, account: i64, around: &mut Around<'_>) -> Result<Option<Player>, TakeError> {
        self.gateway.session_open(AccountId(account))?;
        let loaded = self.gateway.character_take(CharacterId(account), AccountId(account))?;
        let applied = self.gateway.applied(LOG.0)?;
        let decided = self.status.applied_lsn.load(std::sync::atomic::Ordering::Relaxed);
        if applied.0 < decided && !mistakes::is(Bug::StaleLoad) {
            around.marks.hit(Mark::LoadThrownAway);
            return Ok(None);
        }
        Ok(Some(Player::new(&loaded, &around.database.holdings())))
    }

    /// Whether nothing is under way any more.
    pub(crate) fn is_quiet(&self) -> bool {
        self.deciding.ends.is_empty() && self.writer.is_drained() && self.deciding.applier.is_settled()
    }

    /// Whether a crash now meets something under way.
    pub(crate) fn is_busy(&self) -> bool {
        !self.deciding.ends.is_empty() || !self.writer.is_drained()
    }

    /// I12: a character nothing of which is under way is in memory what it is in the store.
    pub(crate) fn compare(&mut self, database: &MemoryDatabase) -> Result<(), Violation> {
        let mut store = database.connect();
        let applied = self.deciding.applier.applied();
        if store.applied(LOG.0).map_err(unexpected)? < applied {
            return Ok(());
        }
        let holdings = database.holdings();
        for player in self.maps.iter().flat_map(|map| map.players.values()).filter(|p| p.is_decided() && !p.leaving) {
            let stored = store.character(CharacterId(player.character)).map_err(unexpected)?;
            let stored = stored.map(|loaded| Player::new(&loaded, &holdings));
            let all = |player: &Player| (player.zen, player.stored, player.items.clone());
            let same = stored.as_ref().is_some_and(|row| all(row) == all(player));
            if !same {
                return Err(Violation(format!("I12: in memory {player:?}, in the store {stored:?}")));
            }
        }
        Ok(())
    }

    /// Ends in order.
    pub(crate) fn close(self) -> Result<Deciding, Death> {
        self.writer.close().map_err(|_poisoned| Death::Journal)?;
        Ok(self.deciding)
    }
}

pub(crate) fn unexpected(error: StoreError) -> Violation {
    Violation(format!("the store refuses to be read: {error}"))
}

/// Tells the players of an event and remembers it.
pub(crate) fn tell_players(event_id: u128, tell: Tell, around: &mut Around<'_>) -> Result<(), Violation> {
    match tell {
        Tell::Done => around.truth.told(event_id, true),
        Tell::Failed => {
            around.marks.hit(Mark::Rejected);
            around.truth.told(event_id, false)
        }
        Tell::Locked => {
            around.marks.hit(Mark::Quarantined);
            around.truth.told(event_id, false)
        }
    }
}

/// A character's state as its owner writes it.
fn hot_row(player: &mut Player) -> HotRow {
    player.version += 1;
    HotRow {
        character: CharacterId(player.character),
        owner_epoch: player.epoch,
        version: player.version,
        map: 1,
        entry: 1,
        x: hot_mark(player.epoch, player.version),
        y: 0,
        heading: 0,
        hp: i32::try_from(player.epoch).unwrap_or(i32::MAX),
        mp: 1,
    }
}
