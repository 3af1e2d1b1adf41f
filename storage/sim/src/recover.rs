//! From a crash to a server that runs again, through whatever goes wrong on the way, and what must hold then.

use std::path::Path;
use std::sync::Arc;

use mu_storage::memory::{Fault, MemoryStore};
use mu_storage::store::Outcome;
use mu_value::{RecoverError, RecoverOptions, Recovered, Stop, recover};
use mu_wal::disk::Disk;
use mu_wal::disk::sim::Weather;
use mu_wal::{JournalOptions, Lsn, Scan, ScanOptions, Tail, WalError, scan_disk};

use crate::LOG;
use crate::ends::Word;
use crate::map::Tell;
use crate::marks::Mark;
use crate::plan::Damage;
use crate::server::{Around, Deciding, Server, tell_players};
use crate::truth::{Violation, hold};
use crate::world::{End, World};

/// Attempts after which a recovery that never succeeds is wrong.
const ATTEMPTS: u64 = 12;

/// The applier of a process that died everywhere but here: its connection to the store still works.
pub(crate) struct Old {
    deciding: Deciding,
    /// The store has refused it.
    fenced: bool,
}

impl Old {
    pub(crate) fn new(deciding: Deciding) -> Self {
        Self { deciding, fenced: false }
    }
}

/// How one attempt ended.
enum Attempt {
    Running(Box<(Recovered, MemoryStore)>),
    Again,
    Refused(RecoverError),
}

impl World {
    /// Starts the server until it runs, then checks every invariant that holds at once.
    pub(crate) fn recover(&mut self) -> Result<Server, Violation> {
        for attempt in 0..ATTEMPTS {
            let stormy = attempt < self.plan.stormy_attempts;
            match self.attempt(stormy, attempt)? {
                Attempt::Running(running) => return self.resume(*running),
                Attempt::Again => self.come_again(),
                Attempt::Refused(error) => return Err(Violation(format!("the server refuses to start: {error}"))),
            }
        }
        Err(Violation(format!("the server does not start in {ATTEMPTS} attempts")))
    }

    /// A process that tried to start is gone.
    fn come_again(&mut self) {
        let off = self.disk.is_off();
        self.marks.hit(if off { Mark::RecoveryCut } else { Mark::RecoveryFailed });
        self.disk.set_weather(Weather::default());
        if off || (self.plan.power && self.dice.one_in(3)) {
            self.disk.power_cut();
        } else {
            self.disk.restart();
        }
        if self.plan.both && self.dice.one_in(4) {
            self.restart_store();
        }
    }

    fn attempt(&mut self, stormy: bool, attempt: u64) -> Result<Attempt, Violation> {
        self.disk.set_weather(if stormy { self.plan.recovery_weather } else { Weather::default() });
        self.database.set_away(false);
        if attempt > 2 || self.dice.one_in(2) {
            // Somebody made room.
            self.disk.set_room(None);
        }
        let disk: Arc<dyn Disk> = Arc::clone(&self.disk) as Arc<dyn Disk>;
        let options = ScanOptions { new_log_id: Some(LOG), ..ScanOptions::default() };
        let scanned = scan_disk(disk, &options);
        self.note(|_| format!("attempt {attempt}, stormy {stormy}: scan {:?}", scanned.as_ref().map(Scan::last)));
        let scan = match scanned {
            Ok(scan) => scan,
            Err(error) => return Ok(Self::judge(error.into())),
        };
        if matches!(scan.tail(), Tail::Torn { .. }) {
            self.marks.hit(Mark::TornTail);
        }
        self.old_decides()?;
        if stormy && self.dice.permille(self.plan.store_faults.saturating_mul(3)) {
            self.database.plan(Fault::ALL[self.dice.index(Fault::ALL.len())]);
        }
        let journal = JournalOptions {
            segment_bytes: 64 << 10,
            spare_segments: 2,
            retain_segments: self.plan.retain,
            background: false,
            ..JournalOptions::default()
        };
        let mut store = self.database.connect();
        let recovered = recover(scan, Path::new("simulated"), &RecoverOptions { journal, config_hash: 0 }, &mut store);
        self.note(|_| format!("recovered: {:?}", recovered.as_ref().map(|r| (r.boot, r.safe, r.replayed.len()))));
        Ok(match recovered {
            Ok(recovered) => Attempt::Running(Box::new((recovered, store))),
            Err(error) => {
                if matches!(error, RecoverError::Store(_)) {
                    self.marks.hit(Mark::RecoveryStoreAway);
                }
                Self::judge(error)
            }
        })
    }

    /// Whether an error of a start is one that the next start may not meet.
    fn judge(error: RecoverError) -> Attempt {
        match error {
            RecoverError::Wal(WalError::Io { .. } | WalError::Locked { .. }) => Attempt::Again,
            RecoverError::Store(store) if store.is_retryable() => Attempt::Again,
            error => Attempt::Refused(error),
        }
    }

    /// The applier of the process before goes on for a moment, not knowing that a successor is starting.
    fn old_decides(&mut self) -> Result<(), Violation> {
        if let Some(mut old) = self.old.take() {
            let before = old.deciding.applier.applied();
            self.old_steps(&mut old)?;
            if old.deciding.applier.applied() > before {
                self.marks.hit(Mark::OldApplierDecided);
            }
            self.old = Some(old);
        }
        Ok(())
    }

    fn old_steps(&mut self, old: &mut Old) -> Result<(), Violation> {
        for _ in 0..self.dice.between(1, 4) {
            let now = self.disk.now();
            match old.deciding.applier.step(now, &mut old.deciding.ends) {
                Ok(_) => {}
                Err(Stop::Fenced(_)) => old.fenced = true,
                // Its database came back with less than it had made safe, or its successor went on: it stops all the same.
                Err(Stop::Forgot { .. }) => old.fenced = true,
                Err(stop) => return Err(Violation(format!("the old applier: {stop}"))),
            }
        }
        let mut around = Around {
            dice: &mut self.dice,
            plan: &self.plan,
            database: &self.database,
            truth: &mut self.truth,
            marks: &mut self.marks,
            now: self.disk.now(),
        };
        // Its players are still connected to it: what it says is said.
        for words in &mut old.deciding.ends.words {
            for (event_id, word) in words.drain(..) {
                if around.truth.is_told(event_id) {
                    continue;
                }
                let tell = match word {
                    Word::Durable | Word::Decided(Outcome::Applied) => Tell::Done,
                    Word::Decided(_) => Tell::Failed,
                };
                tell_players(event_id, tell, &mut around)?;
            }
        }
        Ok(())
    }

    /// The server runs: the old applier must be out, and everything durable decided.
    fn resume(&mut self, (recovered, store): (Recovered, MemoryStore)) -> Result<Server, Violation> {
        self.recoveries += 1;
        if !recovered.replayed.is_empty() {
            self.marks.hit(Mark::Relogged);
        }
        for (event_id, _) in &recovered.replayed {
            hold!(self.truth.is_submitted(*event_id), "I9: recovery found event {event_id:x}, which nobody submitted");
            if !self.truth.knows_as_durable(*event_id) {
                self.marks.hit(Mark::RelogKept);
            }
        }
        if let Some(mut old) = self.old.take() {
            let before = old.deciding.applier.applied();
            self.old_steps(&mut old)?;
            self.old_steps(&mut old)?;
            let after = old.deciding.applier.applied();
            hold!(before == after, "an applier decided up to {after:?} after it was fenced off at {before:?}");
            if old.fenced {
                self.marks.hit(Mark::OldApplierFenced);
            }
        }
        if self.truth.settle_unknown(&self.database) > 0 {
            self.marks.hit(Mark::RelogLost);
        }
        let safe = recovered.safe;
        self.fold(&[safe.0, recovered.boot.into(), recovered.replayed.len() as u64]);
        self.check_store(|_| false)?;
        Ok(Server::new(recovered, store, &self.database, &self.plan))
    }

    /// The last life of a world whose disk breaks its promises: what is lost must be noticed.
    pub(crate) fn exam(&mut self, mut server: Server, damage: Damage) -> Result<(), Violation> {
        self.plan.stormy_attempts = 0;
        self.plan.both = false;
        self.plan.weather = match damage {
            Damage::Flip => Weather::default(),
            Damage::Misdirect => Weather { misdirect: 100_000, ..Weather::default() },
            Damage::Lies => Weather { lying: true, ..Weather::default() },
        };
        (self.plan.store_restarts, self.plan.store_faults) = (0, 0);
        self.database.flush();
        self.plan.relaxed = false;
        self.database.set_relaxed(false);
        self.disk.set_weather(self.plan.weather);
        if self.dice.one_in(2) {
            // What is lost then is missing everywhere.
            self.plan.store_aways = 0;
            self.send_store_away();
        }
        for _ in 0..self.dice.between(20, 200) {
            if self.step(&mut server)?.is_some() {
                break;
            }
        }
        self.old = None;
        self.plan.old_applier = false;
        self.plan.power |= damage == Damage::Lies;
        self.crash(server, if damage == Damage::Lies { End::Cut } else { End::Killed })?;
        let (found, harmless) = match damage {
            Damage::Flip => (Mark::FlipFound, Mark::FlipHarmless),
            Damage::Misdirect => (Mark::MisdirectFound, Mark::MisdirectHarmless),
            Damage::Lies => (Mark::LieFound, Mark::LieHarmless),
        };
        if damage == Damage::Flip {
            for _ in 0..self.dice.between(1, 3) {
                self.disk.flip_bit();
            }
        }
        // What is examined is damage, not want of space.
        self.disk.set_room(None);
        match self.attempt(false, 0)? {
            Attempt::Refused(error) => {
                self.note(|_| format!("noticed: {error}"));
                self.marks.hit(found);
                self.recoveries += 1;
                Ok(())
            }
            Attempt::Again => Err(Violation("a damaged disk of good weather cannot be read".into())),
            Attempt::Running(running) => {
                self.recoveries += 1;
                drop(running);
                self.marks.hit(harmless);
                self.examine(damage)
            }
        }
    }

    /// The server started on a damaged disk: whatever was told is so, and what was durable is there, but for the one
    /// ambiguity of the format (the very last frame) and for a disk that never wrote anything.
    fn examine(&mut self, damage: Damage) -> Result<(), Violation> {
        let truth = std::mem::take(&mut self.truth);
        let excused = |lsn: Lsn| match damage {
            Damage::Flip | Damage::Misdirect => truth.in_last_groups(lsn),
            Damage::Lies => true,
        };
        let result = truth.decided(&self.database, excused);
        self.truth = truth;
        result
    }
}
