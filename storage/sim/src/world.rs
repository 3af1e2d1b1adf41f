//! A world from its first start to its last check: lives of the server, ended by crashes, each followed by a recovery.
//!
//! One thread, one virtual clock, one seed. The world owns what a crash does not take: the disk, the database, the
//! observer's knowledge.

use std::sync::Arc;
use std::time::Duration;

use mu_storage::event::{Birth, CharacterName, ValueEvent};
use mu_storage::ids::{AccountId, CharacterId, Lsn};
use mu_storage::memory::{Fault, MemoryDatabase};
use mu_storage::store::{NewAccount, Store};
use mu_wal::disk::sim::{SimDisk, Weather};

use crate::Report;
use crate::dice::Dice;
use crate::marks::{Mark, Marks};
use crate::mistakes::{self, Bug};
use crate::plan::Plan;
use crate::recover::Old;
use crate::server::{Around, Death, Server, unexpected};
use crate::truth::{Truth, Violation, hold};

/// Steps after which a world that does not come to rest is wrong.
const REST_STEPS: usize = 20_000;

/// Everything.
pub(crate) struct World {
    pub(crate) seed: u64,
    pub(crate) dice: Dice,
    pub(crate) plan: Plan,
    pub(crate) disk: Arc<SimDisk>,
    pub(crate) database: MemoryDatabase,
    pub(crate) truth: Truth,
    pub(crate) marks: Marks,
    pub(crate) old: Option<Old>,
    pub(crate) recoveries: u64,
    /// The database is away until then.
    away_until: Option<Duration>,
    pub(crate) hash: u64,
    pub(crate) trace: Option<Vec<String>>,
}

/// How a life ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// The power went at an operation of the disk.
    Cut,
    /// The process ended itself.
    Aborted,
    /// It was killed between two steps.
    Killed,
}

impl World {
    /// The world of a seed; `trace` keeps a line per happening.
    pub(crate) fn new(seed: u64, trace: bool) -> Self {
        let mut dice = Dice::new(seed);
        let plan = Plan::of(&mut dice);
        let disk = Arc::new(SimDisk::new(dice.bits()));
        Self {
            seed,
            dice,
            plan,
            disk,
            database: MemoryDatabase::new(),
            truth: Truth::default(),
            marks: Marks::default(),
            old: None,
            recoveries: 0,
            away_until: None,
            hash: seed,
            trace: trace.then(Vec::new),
        }
    }

    /// Runs it to its end.
    pub(crate) fn run(&mut self) -> Result<(), Violation> {
        self.note(|world| format!("plan {:?}", world.plan));
        self.settle_people()?;
        let mut server = self.recover()?;
        self.births(&mut server)?;
        for life in 0..self.plan.lives {
            let last = life + 1 == self.plan.lives;
            if last && let Some(damage) = self.plan.damage {
                return self.exam(server, damage);
            }
            let end = self.live(&mut server)?;
            self.note(|_| format!("life {life} ended: {end:?}"));
            self.crash(server, end)?;
            server = self.recover()?;
        }
        self.rest(&mut server)?;
        self.check_all(&mut server)?;
        let deciding = server.close().map_err(|death| Violation(format!("closing in order failed: {death:?}")))?;
        drop(deciding);
        self.disk.restart();
        let mut server = self.recover()?;
        self.check_all(&mut server)
    }

    /// What came of it.
    pub(crate) fn report(self) -> Report {
        Report {
            seed: self.seed,
            recoveries: self.recoveries,
            events: self.truth.events(),
            virtual_time: mu_wal::disk::Disk::now(&*self.disk),
            hash: self.hash,
            marks: self.marks,
            trace: self.trace.unwrap_or_default(),
        }
    }

    /// Accounts and characters, before anything can go wrong.
    fn settle_people(&mut self) -> Result<(), Violation> {
        let mut store = self.database.connect();
        let players = i64::try_from(self.plan.players).unwrap_or(0);
        for id in 1..=players {
            let name = format!("account_{id}");
            let account = NewAccount { id: AccountId(id), name: &name, password: "none", created_us: 0 };
            store.account_create(&account).map_err(|error| Violation(error.to_string()))?;
        }
        self.database.set_relaxed(self.plan.relaxed);
        Ok(())
    }

    /// Brings the characters to life, through the journal of the first start.
    fn births(&mut self, server: &mut Server) -> Result<(), Violation> {
        let players = i64::try_from(self.plan.players).unwrap_or(0);
        for id in 1..=players {
            let Ok(name) = CharacterName::new(&format!("hero{id}")) else { continue };
            let birth = Birth {
                character: id,
                account: id,
                name,
                class: 1,
                entry: 1,
                map: 1,
                x: 0,
                y: 0,
                heading: 0,
                hp: 100,
                mp: 50,
            };
            let items = (0..self.dice.below(4)).map(|slot| (id * 100 + i64::try_from(slot).unwrap_or(0), slot));
            let items: Vec<_> = items.map(|(uid, slot)| (uid, 1, 0, u16::try_from(slot).unwrap_or(0))).collect();
            let zen = i64::try_from(self.dice.below(10_000)).unwrap_or(0);
            if !server.has_room() {
                self.rest(server)?;
            }
            let event = ValueEvent::character_birth(id.unsigned_abs().into(), birth, zen, items);
            let now = mu_wal::disk::Disk::now(&*self.disk);
            let mut around = Around {
                dice: &mut self.dice,
                plan: &self.plan,
                database: &self.database,
                truth: &mut self.truth,
                marks: &mut self.marks,
                now,
            };
            server.submit(&event, &mut around);
        }
        self.rest(server)
    }

    /// A life until it ends.
    fn live(&mut self, server: &mut Server) -> Result<End, Violation> {
        self.disk.set_weather(self.plan.weather);
        let steps = self.dice.between(1, self.plan.steps);
        let mut step = 0;
        while step < steps {
            step += 1;
            match self.step(server)? {
                Some(_) if self.disk.is_off() => return Ok(End::Cut),
                Some(Death::Journal) => return Ok(End::Aborted),
                Some(Death::Stopped(stop)) => return Err(Violation(format!("the applier stopped: {stop}"))),
                None => {}
            }
            // Ten times as likely to die while something is under way.
            step += if server.is_busy() { 0 } else { self.dice.below(2) };
            if self.disk.is_off() {
                return Ok(End::Cut);
            }
        }
        for _ in 0..10 {
            if server.is_busy() {
                break;
            }
            if self.step(server)?.is_some() {
                return Ok(if self.disk.is_off() { End::Cut } else { End::Aborted });
            }
        }
        Ok(if self.disk.is_off() { End::Cut } else { End::Killed })
    }

    /// One step of something; what ended the process, if it ended.
    pub(crate) fn step(&mut self, server: &mut Server) -> Result<Option<Death>, Violation> {
        self.pass_time(server);
        self.trouble_the_store();
        let choice = self.dice.below(100);
        let map = self.dice.index(self.plan.maps);
        let now = mu_wal::disk::Disk::now(&*self.disk);
        let mut around = Around {
            dice: &mut self.dice,
            plan: &self.plan,
            database: &self.database,
            truth: &mut self.truth,
            marks: &mut self.marks,
            now,
        };
        let done = match choice {
            0..40 => Ok(server.tick(map, &mut around)?),
            40..60 => {
                let written = server.write(&mut around);
                if mu_wal::disk::Disk::now(&*self.disk).saturating_sub(now) > Duration::from_secs(5) {
                    self.marks.hit(Mark::Stalled);
                }
                written
            }
            60..80 => server.decide(&mut around),
            80..94 => Ok(server.login(&mut around)?),
            94..98 => {
                server.flush(map, &mut around);
                Ok(true)
            }
            _ => {
                if self.away_until.is_none() && !self.database.is_planned() {
                    server.compare(&self.database)?;
                }
                Ok(true)
            }
        };
        let progress = (server.status.durable_lsn.load(std::sync::atomic::Ordering::Relaxed) << 20)
            ^ server.status.applied_lsn.load(std::sync::atomic::Ordering::Relaxed);
        self.fold(&[choice, map as u64, progress, u64::from(matches!(done, Ok(true)))]);
        self.note(|_| format!("{now:?} step {choice} on {map}: {done:?}, progress {progress:x}"));
        Ok(done.err())
    }

    /// A little time, or a lot when nothing is under way.
    fn pass_time(&mut self, server: &Server) {
        let mut passed = Duration::from_micros(self.dice.below(5_000));
        if self.plan.leaps && !server.is_busy() && self.dice.one_in(4) {
            passed = Duration::from_secs(self.dice.below(600));
            if self.dice.one_in(50) {
                passed *= 100;
                self.marks.hit(Mark::ClockJump);
            }
        }
        self.disk.advance(passed);
    }

    fn trouble_the_store(&mut self) {
        let now = mu_wal::disk::Disk::now(&*self.disk);
        if self.away_until.is_some_and(|until| now >= until) {
            self.database.set_away(false);
            self.away_until = None;
        }
        if self.dice.permille(self.plan.store_aways) {
            let longest = if self.dice.one_in(4) { 600_000 } else { 5_000 };
            let away = Duration::from_millis(self.dice.below(longest));
            self.marks.hit(Mark::StoreAway);
            self.database.set_away(true);
            self.away_until = Some(now + away);
        }
        if self.dice.permille(self.plan.store_faults) {
            let fault = Fault::ALL[self.dice.index(Fault::ALL.len())];
            self.marks.hit(mark_of(fault));
            self.database.plan(fault);
        }
        if self.dice.permille(self.plan.store_restarts) {
            self.restart_store();
        }
        if self.dice.permille(50) {
            self.database.flush();
        }
        if self.plan.full && self.dice.permille(20) {
            let room = self.dice.below(3) * (64 << 10);
            self.disk.set_room(if self.dice.one_in(2) { None } else { Some(room) });
        }
    }

    /// The database is away until somebody brings it back.
    pub(crate) fn send_store_away(&mut self) {
        self.database.set_away(true);
        self.away_until = Some(Duration::MAX);
    }

    /// The database crashes and comes back with a part of what was not on its disk.
    pub(crate) fn restart_store(&mut self) {
        let unflushed = self.database.unflushed();
        let keep = self.dice.index(unflushed + 1);
        self.marks.hit(Mark::StoreRestarted);
        if keep < unflushed {
            self.marks.hit(Mark::SuffixLost);
        }
        self.away_until = None;
        self.note(|_| format!("the database restarts with {keep} of {unflushed}"));
        self.database.restart(keep);
    }

    /// The process is gone, and perhaps power and database with it.
    pub(crate) fn crash(&mut self, server: Server, end: End) -> Result<(), Violation> {
        let incidents = self.disk.incidents();
        let unsynced = self.disk.unsynced();
        match end {
            End::Cut => self.marks.hit(Mark::CutInFlight),
            End::Aborted => self.marks.hit(Mark::JournalFailed),
            End::Killed => self.marks.hit(Mark::Killed),
        }
        if server.is_busy() && self.away_until.is_some() {
            self.marks.hit(Mark::SecondCommitInFlight);
        }
        if mistakes::is(Bug::FailedOnDoubt) {
            for event_id in server.maps.iter().flat_map(|map| map.deals.keys()) {
                self.truth.told(*event_id, false)?;
            }
        }
        let Server { deciding, .. } = server;
        if self.plan.old_applier && self.dice.one_in(2) {
            self.old = Some(Old::new(deciding));
        }
        self.disk.set_weather(Weather::default());
        let power = end == End::Cut || (self.plan.power && self.dice.one_in(2));
        if power {
            if unsynced {
                self.marks.hit(Mark::CutWithUnsynced);
            }
            if end == End::Killed {
                self.marks.hit(Mark::PowerCut);
            }
            self.disk.power_cut();
        } else {
            self.disk.restart();
        }
        if self.plan.both && self.dice.one_in(2) {
            self.marks.hit(Mark::BothCrashed);
            self.restart_store();
        }
        self.fold(&[end as u64, incidents.cuts, incidents.errors, u64::from(power)]);
        Ok(())
    }

    /// Good weather until nothing is under way; everything must come to rest.
    pub(crate) fn rest(&mut self, server: &mut Server) -> Result<(), Violation> {
        self.disk.set_weather(Weather::default());
        self.disk.set_room(None);
        self.database.set_away(false);
        self.away_until = None;
        let (faults, restarts, aways) = (self.plan.store_faults, self.plan.store_restarts, self.plan.store_aways);
        (self.plan.store_faults, self.plan.store_restarts, self.plan.store_aways) = (0, 0, 0);
        let mut now = mu_wal::disk::Disk::now(&*self.disk);
        for _ in 0..REST_STEPS {
            now += Duration::from_millis(20);
            self.disk.advance(Duration::from_millis(20));
            let mut around = Around {
                dice: &mut self.dice,
                plan: &self.plan,
                database: &self.database,
                truth: &mut self.truth,
                marks: &mut self.marks,
                now,
            };
            let wrote = server.write(&mut around).map_err(|death| Violation(format!("at rest: {death:?}")))?;
            let decided = server.decide(&mut around).map_err(|death| Violation(format!("at rest: {death:?}")))?;
            let mut settled = false;
            for map in 0..self.plan.maps {
                settled |= server.settle_only(map, &mut around)?;
            }
            if !wrote && !decided && !settled && server.is_quiet() {
                (self.plan.store_faults, self.plan.store_restarts, self.plan.store_aways) = (faults, restarts, aways);
                return Ok(());
            }
        }
        Err(Violation("the world does not come to rest".into()))
    }

    /// All invariants, over a server in which nothing is under way.
    pub(crate) fn check_all(&mut self, server: &mut Server) -> Result<(), Violation> {
        server.compare(&self.database)?;
        for map in &server.maps {
            hold!(map.deals.is_empty(), "a deal is left although nothing is under way: {:?}", map.deals.keys());
        }
        self.check_store(|_| false)
    }

    /// The invariants that the store and the observer's knowledge show.
    pub(crate) fn check_store(&mut self, excused: impl Fn(Lsn) -> bool) -> Result<(), Violation> {
        let mut store = self.database.connect();
        let report = store.audit().map_err(unexpected)?;
        hold!(report.is_clean(), "the audit finds:\n{report}");
        self.truth.decided(&self.database, excused)?;
        self.truth.rows(&self.database)?;
        for id in 1..=i64::try_from(self.plan.players).unwrap_or(0) {
            if let Some(loaded) = store.character(CharacterId(id)).map_err(unexpected)? {
                self.truth.hot(&loaded.hot)?;
            }
        }
        Ok(())
    }

    /// Folds numbers into the world's hash.
    pub(crate) fn fold(&mut self, numbers: &[u64]) {
        for number in numbers {
            self.hash = (self.hash ^ number).wrapping_mul(0x0100_0000_01B3).rotate_left(23);
        }
    }

    /// Keeps a line, if lines are kept.
    pub(crate) fn note(&mut self, line: impl FnOnce(&Self) -> String) {
        if self.trace.is_some() {
            let line = line(self);
            if let Some(lines) = &mut self.trace {
                lines.push(line);
            }
        }
    }
}

const fn mark_of(fault: Fault) -> Mark {
    match fault {
        Fault::Refused => Mark::StoreRefused,
        Fault::Lost => Mark::CommitLost,
        Fault::ReplyLost => Mark::ReplyLost,
        Fault::Zombie => Mark::Zombie,
        Fault::ZombieAborts => Mark::ZombieAborted,
    }
}
