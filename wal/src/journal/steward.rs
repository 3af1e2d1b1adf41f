//! Everything the writer must not wait for: preparing segments ahead, using decided ones again, writing checkpoints.
//!
//! [`Steward`] is the work, one [`Steward::step`] at a time; [`super::stewardship`] runs it on a thread or inside the
//! writer's calls. Writer and steward share a few counters and two queues; neither holds a lock. The only failure that is not
//! final is a full volume while preparing.

use std::collections::VecDeque;
use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use super::options::{JournalOptions, SPARES_MIN};
use crate::disk::{Access, Disk, DiskFile};
use crate::format::checkpoint::Checkpoint;
use crate::format::{PAGE, PAGE_BYTES};
use crate::planted::{self, Bug};
use crate::recovery::{Io, scrub};
use crate::{LogId, Lsn, names};

/// A prepared segment: allocated, zeroed, durable, opened to append.
#[derive(Debug)]
pub(crate) struct Spare {
    pub(crate) name: String,
    pub(crate) file: Box<dyn DiskFile>,
}

/// What writer and steward tell each other without queues.
#[derive(Debug, Default)]
pub(crate) struct Shared {
    /// Written by the writer after a sync.
    pub(crate) durable: AtomicU64,
    /// Written by the writer.
    pub(crate) safe: AtomicU64,
    /// Prepared segments in the queue.
    pub(crate) spares: AtomicUsize,
    /// The last preparation found the volume full.
    pub(crate) out_of_space: AtomicBool,
    /// Undecided records are being logged again: until that is complete the older segments are needed.
    pub(crate) relogging: AtomicBool,
    /// When the write and sync under way began, in microseconds of the disk's clock; 0 if there is none.
    pub(crate) busy_since_us: AtomicU64,
    /// Writes and syncs that took longer than a second.
    pub(crate) slow: AtomicU64,
    /// Decided segments read again.
    pub(crate) scrubbed: AtomicU64,
    /// Those that were found damaged or unreadable.
    pub(crate) decayed: AtomicU64,
    /// The first failure of the steward; poisons the journal.
    pub(crate) failure: OnceLock<String>,
}

/// What the writer tells the steward.
#[derive(Debug)]
pub(crate) enum Job {
    /// A segment was named; `retired` is the file before it, to be unmapped away from the writer.
    Named { sequence: u64, base: Lsn, retired: Option<Box<dyn DiskFile>> },
    /// The journal closes in order: a last checkpoint.
    Close,
}

/// The work itself.
#[derive(Debug)]
pub(crate) struct Steward {
    pub(super) disk: Arc<dyn Disk>,
    log_id: LogId,
    pub(super) options: JournalOptions,
    pub(super) shared: Arc<Shared>,
    ready: Sender<Spare>,
    /// Segments on disk, oldest first, with the position from which on each and its successors hold everything; beyond
    /// every position if they do not.
    live: VecDeque<(u64, Lsn)>,
    next_spare: u64,
    has_ballast: bool,
    checkpoint_file: Option<Box<dyn DiskFile>>,
    generation: u64,
    written: Option<(Checkpoint, Duration)>,
    /// The archive refused a segment, and that was said.
    archive_fails: bool,
    /// The segment read again last, and when.
    scrubbed: (u64, Duration),
}

impl Steward {
    /// A steward for a log whose older segments are these.
    pub(crate) fn new(
        disk: Arc<dyn Disk>,
        log_id: LogId,
        options: JournalOptions,
        older: Vec<(u64, Lsn)>,
        generation: u64,
    ) -> (Self, Arc<Shared>, Receiver<Spare>) {
        let shared = Arc::new(Shared::default());
        let began = disk.now();
        let (ready, spares) = channel();
        let steward = Self {
            disk,
            log_id,
            options,
            shared: Arc::clone(&shared),
            ready,
            live: older.into(),
            next_spare: 1,
            has_ballast: false,
            checkpoint_file: None,
            generation,
            written: None,
            archive_fails: false,
            scrubbed: (0, began),
        };
        (steward, shared, spares)
    }

    /// Removes what an earlier process left unfinished, and keeps its ballast if it has the right size.
    pub(crate) fn clear(&mut self, leftovers: &[String]) -> io::Result<()> {
        for name in leftovers {
            self.disk.remove(name)?;
        }
        self.has_ballast = self
            .disk
            .list()?
            .iter()
            .any(|entry| entry.name == names::BALLAST && entry.bytes == self.options.segment_bytes);
        Ok(())
    }

    /// Everything that is due now.
    pub(super) fn step(&mut self, checkpoint_now: bool) -> io::Result<()> {
        self.retire()?;
        self.replenish()?;
        self.scrub();
        self.checkpoint(checkpoint_now)
    }

    /// Reads one decided segment again, once in a while, so that a disk that decays is known before its segments are
    /// needed. What it finds is said and counted, and stops nothing: the records are decided.
    fn scrub(&mut self) {
        let (last, at) = self.scrubbed;
        let time = self.disk.now();
        if self.options.scrub_every.is_zero() || time.saturating_sub(at) < self.options.scrub_every {
            return;
        }
        // The successor pins the end; it must not be the one that is written to.
        let quiet = self.decided().min(self.live.len().saturating_sub(2));
        let mut candidates = self.live.iter().take(quiet).map(|(sequence, _)| *sequence);
        let next = candidates.clone().find(|sequence| *sequence > last).or_else(|| candidates.next());
        self.scrubbed = (next.unwrap_or(0), time);
        let Some(sequence) = next else { return };
        match scrub(&Io { disk: &*self.disk }, sequence) {
            Ok(()) => {
                self.shared.scrubbed.fetch_add(1, Ordering::Relaxed);
            }
            Err(error) => {
                self.shared.decayed.fetch_add(1, Ordering::Relaxed);
                log::error!(
                    "{error} This was found by reading a decided segment again: nothing is lost yet. Replace the volume"
                );
            }
        }
    }

    pub(super) fn named(&mut self, sequence: u64, base: Lsn) {
        self.live.push_back((sequence, base));
    }

    /// Segments whose every record is either decided for good or stands again in a later one.
    fn decided(&self) -> usize {
        if self.shared.relogging.load(Ordering::Acquire) {
            return 0;
        }
        let safe = match planted::is(Bug::FreedTooEarly) {
            true => Lsn(self.shared.durable.load(Ordering::Acquire)),
            false => Lsn(self.shared.safe.load(Ordering::Acquire)),
        };
        // The newest segment that begins at or before the first undecided record, and all behind it, are needed.
        self.live.iter().rposition(|(_, base)| *base <= safe.next()).unwrap_or(0)
    }

    /// Uses decided segments beyond the archive again, or removes them, oldest first. Each name is durable before the
    /// next one changes, so that a crash never leaves a gap.
    fn retire(&mut self) -> io::Result<()> {
        while self.decided() > self.options.retain_segments {
            let Some((sequence, _)) = self.live.front().copied() else {
                return Ok(());
            };
            let name = names::segment(sequence);
            if let Err(error) = self.disk.archive(&name, &self.log_id.to_string()) {
                // The journal is whole; only the archive is not. It grows until the archive takes segments again.
                if !std::mem::replace(&mut self.archive_fails, true) {
                    log::error!("journal {}: {name} cannot be archived and stays: {error}", self.disk.place());
                }
                return Ok(());
            }
            self.archive_fails = false;
            self.live.pop_front();
            if self.has_enough() {
                self.disk.remove(&name)?;
                if !planted::is(Bug::RetiredOutOfOrder) {
                    self.disk.sync_dir()?;
                }
                continue;
            }
            let temporary = names::spare_temporary(self.next_spare);
            self.disk.rename(&name, &temporary)?;
            if !planted::is(Bug::RetiredOutOfOrder) {
                self.disk.sync_dir()?;
            }
            let file = self.disk.open(&temporary, Access::Write)?;
            if file.bytes()? == self.options.segment_bytes {
                self.offer(&temporary, file)?;
            } else {
                self.disk.remove(&temporary)?;
            }
        }
        Ok(())
    }

    fn has_enough(&self) -> bool {
        self.shared.spares.load(Ordering::Acquire) >= self.options.spare_segments
    }

    /// Prepares segments until there are enough, then the ballast. When the volume is full and no spare is left, the
    /// ballast becomes one: its blocks were written before.
    fn replenish(&mut self) -> io::Result<()> {
        while !self.has_enough() {
            let temporary = names::spare_temporary(self.next_spare);
            let created = self.disk.create(&temporary);
            let offered = match self.unless_full(&temporary, created)? {
                Some(file) => self.offer(&temporary, file)?,
                None => false,
            };
            if offered {
                continue;
            }
            if self.shared.spares.load(Ordering::Acquire) == 0 && self.has_ballast {
                self.has_ballast = false;
                self.disk.rename(names::BALLAST, &temporary)?;
                let file = self.disk.open(&temporary, Access::Write)?;
                self.offer(&temporary, file)?;
            }
            return Ok(());
        }
        if self.shared.out_of_space.swap(false, Ordering::AcqRel) {
            log::info!("journal {}: the volume has room again", self.disk.place());
        }
        if self.has_ballast {
            return Ok(());
        }
        let created = self.disk.create(names::BALLAST_TEMPORARY);
        let Some(mut file) = self.unless_full(names::BALLAST_TEMPORARY, created)? else {
            return Ok(());
        };
        let prepared = prepare(&mut *file, self.options.segment_bytes);
        if self.unless_full(names::BALLAST_TEMPORARY, prepared)?.is_some() {
            self.disk.rename(names::BALLAST_TEMPORARY, names::BALLAST)?;
            self.disk.sync_dir()?;
            self.has_ballast = true;
        }
        Ok(())
    }

    /// Prepares a file under its temporary name, gives it a spare's name and puts it into the queue; false, and nothing
    /// left behind, if the volume is full.
    fn offer(&mut self, temporary: &str, mut file: Box<dyn DiskFile>) -> io::Result<bool> {
        let prepared = prepare(&mut *file, self.options.segment_bytes);
        if self.unless_full(temporary, prepared)?.is_none() {
            return Ok(false);
        }
        drop(file);
        let name = names::spare(self.next_spare);
        self.disk.rename(temporary, &name)?;
        self.disk.sync_dir()?;
        self.next_spare += 1;
        let file = self.disk.open(&name, Access::Append)?;
        self.shared.spares.fetch_add(1, Ordering::AcqRel);
        // A writer that is gone needs no spares.
        let _ = self.ready.send(Spare { name, file });
        Ok(true)
    }

    /// Turns "the volume is full", said while preparing `name`, into `None`; `name` is removed, so that what it took is
    /// free for others.
    fn unless_full<T>(&mut self, name: &str, result: io::Result<T>) -> io::Result<Option<T>> {
        match result {
            Ok(value) => Ok(Some(value)),
            Err(error) if error.kind() == io::ErrorKind::StorageFull => {
                if !self.shared.out_of_space.swap(true, Ordering::AcqRel) {
                    log::error!(
                        "journal {}: no room for another segment of {} bytes; free space on the volume. With fewer than \
                         {SPARES_MIN} prepared segments new operations are refused, those in flight are finished",
                        self.disk.place(),
                        self.options.segment_bytes
                    );
                }
                match self.disk.remove(name) {
                    Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
                    _ => Ok(None),
                }
            }
            Err(error) => Err(error),
        }
    }

    /// Writes the next slot if something changed and the time has come.
    pub(super) fn checkpoint(&mut self, now: bool) -> io::Result<()> {
        let Some((newest, _)) = self.live.back().copied() else {
            return Ok(());
        };
        let first_needed = self.live.get(self.decided()).map_or(newest, |(sequence, _)| *sequence);
        let next = Checkpoint {
            log_id: self.log_id,
            generation: self.generation + 1,
            durable: Lsn(self.shared.durable.load(Ordering::Acquire)),
            safe: Lsn(self.shared.safe.load(Ordering::Acquire)),
            first_needed,
            newest,
        };
        let time = self.disk.now();
        if let Some((before, at)) = &self.written {
            let same = Checkpoint { generation: before.generation, ..next } == *before;
            let early = time.saturating_sub(*at) < self.options.checkpoint_every;
            if same || (early && !now) {
                return Ok(());
            }
        }
        if self.checkpoint_file.is_none() {
            self.checkpoint_file = Some(open_checkpoint(&*self.disk)?);
        }
        let file = self.checkpoint_file.as_mut().expect("opened above");
        file.write_at(&next.encode()[..], next.slot_at())?;
        file.sync_data()?;
        self.generation = next.generation;
        self.written = Some((next, time));
        Ok(())
    }
}

/// Reserves every block and fills the file with zeros, one page per write. A single large write would make the page cache
/// hold large folios, and then each small store and sync writes a whole folio: measured 2,049 KB instead of 4.3 KB.
fn prepare(file: &mut dyn DiskFile, bytes: u64) -> io::Result<()> {
    file.allocate(bytes)?;
    file.drop_cache()?;
    file.cache_single_pages()?;
    for offset in (0..bytes).step_by(PAGE) {
        file.write_at(&[0; PAGE], offset)?;
    }
    file.sync_data()
}

fn open_checkpoint(disk: &dyn Disk) -> io::Result<Box<dyn DiskFile>> {
    let exists = disk.list()?.iter().any(|entry| entry.name == names::CHECKPOINT && entry.bytes == 2 * PAGE_BYTES);
    if !exists {
        let mut file = disk.create(names::CHECKPOINT_TEMPORARY)?;
        prepare(&mut *file, 2 * PAGE_BYTES)?;
        disk.rename(names::CHECKPOINT_TEMPORARY, names::CHECKPOINT)?;
        disk.sync_dir()?;
    }
    disk.open(names::CHECKPOINT, Access::Write)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::sim::SimDisk;

    fn steward(live: &[(u64, u64)], safe: u64) -> Steward {
        let live = live.iter().map(|(sequence, base)| (*sequence, Lsn(*base))).collect();
        let disk = Arc::new(SimDisk::new(1));
        let (steward, shared, _) = Steward::new(disk, LogId(1), JournalOptions::default(), live, 0);
        shared.safe.store(safe, Ordering::Release);
        steward
    }

    #[test]
    fn segments_before_the_first_undecided_record_are_decided() {
        let live = [(1, 1), (2, 10), (3, 20)];
        for (safe, decided) in [(0, 0), (8, 0), (9, 1), (18, 1), (19, 2), (50, 2)] {
            assert_eq!(steward(&live, safe).decided(), decided, "safe {safe}");
        }
    }

    #[test]
    fn a_segment_begun_after_a_restart_replaces_those_it_repeats() {
        assert_eq!(steward(&[(1, 1), (2, 34), (3, 27)], 26).decided(), 2);
    }

    #[test]
    fn a_segment_that_does_not_lead_to_the_end_replaces_nothing() {
        assert_eq!(steward(&[(1, 1), (2, u64::MAX), (3, 34)], 28).decided(), 0);
        assert_eq!(steward(&[(1, u64::MAX), (2, u64::MAX)], 28).decided(), 0);
    }

    #[test]
    fn nothing_is_decided_while_records_are_logged_again() {
        let steward = steward(&[(1, 1), (2, 10)], 20);
        steward.shared.relogging.store(true, Ordering::Release);
        assert_eq!(steward.decided(), 0);
    }
}
