//! The writer: [`Journal`].
//!
//! One thread owns it. `append` copies a record into the frame under construction, `sync` writes that frame and makes it
//! durable with one `fdatasync`; there is never more than one frame on its way. Preparation and checkpoints happen in
//! [`steward`]. The first failure of any write, sync or rename poisons the journal for good. Knows no payloads.

mod group;
mod options;
mod segment;
mod steward;
mod stewardship;
mod watch;

use std::collections::VecDeque;
use std::fmt;
use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::Duration;

use crate::disk::{Disk, Lock};
use crate::error::{AppendError, Poisoned, WalError};
use crate::format::epoch::EpochStart;
use crate::format::frame::{self, FrameHeader};
use crate::format::header::{Predecessor, SegmentHeader};
use crate::format::record::{self, KIND_EPOCH_START, KIND_RESERVED, NewRecord};
use crate::format::{PAYLOAD_BYTES_MAX, frame_bytes_max};
use crate::planted::{self, Bug};
use crate::recovery::{Io, Scan, Undecided};
use crate::{LogId, Lsn};

use group::Group;
pub use options::{JournalOptions, SPARES_MIN};
use segment::Segment;
use steward::{Shared, Spare, Steward};
use stewardship::Stewardship;
pub use watch::{Health, Watch};

/// Bytes that may be written for a byte of a frame; more means large folios.
const WRITTEN_PER_BYTE_MAX: u64 = 3;

/// An open log.
#[derive(Debug)]
pub struct Journal {
    disk: Arc<dyn Disk>,
    log_id: LogId,
    options: JournalOptions,
    segment: Option<Segment>,
    group: Group,
    /// Where the next segment continues; brought up to date when one is named.
    predecessor: Predecessor,
    next: Lsn,
    durable: Lsn,
    safe: Lsn,
    next_frame: u64,
    synced_at: Duration,
    sealed: bool,
    poisoned: Option<Poisoned>,
    shared: Arc<Shared>,
    spares: Receiver<Spare>,
    /// Spares already taken from the queue.
    held: VecDeque<Spare>,
    stewardship: Stewardship,
    // Last, so that it is released after the steward's last I/O.
    _lock: Box<dyn Lock>,
}

/// Where a journal continues.
pub(crate) struct Start {
    pub(crate) predecessor: Predecessor,
    pub(crate) base: Lsn,
    pub(crate) first_frame: u64,
    pub(crate) safe: Lsn,
    pub(crate) older: Vec<(u64, Lsn)>,
    pub(crate) generation: u64,
    /// The newest segment found; never written to.
    pub(crate) recovered: Option<SegmentHeader>,
}

/// What one sync made durable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Synced {
    /// Every position up to this one is durable.
    pub durable: Lsn,
    /// Records in the group.
    pub records: u32,
    /// Bytes of the frame; 0 if there was nothing to sync.
    pub bytes: u32,
    /// Time for writing and syncing, and for naming a new segment if the old one was full.
    pub micros: u64,
}

/// What is left to do while nothing is submitted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Idle {
    /// Everything is sealed: the writer may wait for as long as it likes.
    Quiet,
    /// Ask again after this time.
    Wait(Duration),
    /// A seal frame was written just now.
    Sealed,
}

impl Journal {
    pub(crate) fn open(
        scan: Scan,
        start: Start,
        undecided: &Undecided,
        boot: &EpochStart,
        options: &JournalOptions,
    ) -> Result<Self, WalError> {
        let Scan { disk, lock, log_id, leftovers, .. } = scan;
        let here = Arc::clone(&disk);
        let failed = |operation, error| Io { disk: &*here }.error(operation, "the journal", error);
        let (mut steward, shared, spares) =
            Steward::new(Arc::clone(&disk), log_id, options.clone(), start.older, start.generation);
        shared.safe.store(start.safe.0, Ordering::Release);
        shared.durable.store(start.predecessor.last.0, Ordering::Release);
        shared.relogging.store(true, Ordering::Release);
        steward.clear(&leftovers).map_err(|error| failed("clear leftovers of", error))?;
        let mut stewardship = Stewardship::begin(steward).map_err(|error| failed("begin", error))?;
        stewardship.step().map_err(|error| failed("prepare segments of", error))?;

        let mut journal = Journal {
            log_id,
            options: options.clone(),
            segment: None,
            group: Group::new(frame_bytes_max(options.segment_bytes)),
            predecessor: start.predecessor,
            next: start.base,
            durable: start.predecessor.last,
            safe: start.safe,
            next_frame: start.first_frame,
            synced_at: disk.now(),
            sealed: true,
            poisoned: None,
            shared,
            spares,
            held: VecDeque::new(),
            stewardship,
            disk,
            _lock: lock,
        };
        journal.begin(undecided, boot, start.recovered).map_err(|error| failed("begin", error))?;
        Ok(journal)
    }

    /// Names the fresh segment, logs the undecided records again, and begins the boot.
    fn begin(&mut self, undecided: &Undecided, boot: &EpochStart, recovered: Option<SegmentHeader>) -> io::Result<()> {
        if planted::is(Bug::AppendIntoRecovered)
            && let Some(header) = recovered
        {
            self.next = self.durable.next();
            self.segment = Some(Segment::reopen(&*self.disk, header, self.predecessor.end)?);
            self.shared.relogging.store(false, Ordering::Release);
            return self.begin_boot(boot);
        }
        if planted::is(Bug::RelogNewLsn) {
            self.next = self.durable.next();
        }
        self.name_segment()?;
        let mut from = 0;
        for (record, end) in undecided.records.iter().zip(&undecided.ends) {
            let bytes = &undecided.bytes[from..*end];
            from = *end;
            if !self.group.fits(bytes.len()) {
                self.write_group(frame::RELOG)?;
            }
            if planted::is(Bug::RelogNewLsn) {
                self.group.push_renumbered(self.next, record);
                self.next = self.next.next();
                continue;
            }
            assert_eq!(record.lsn, self.next, "undecided records are dense");
            self.group.push_copy(bytes);
            self.next = self.next.next();
        }
        if !self.group.is_empty() {
            self.write_group(if planted::is(Bug::RelogNewLsn) { 0 } else { frame::RELOG })?;
        }
        assert_eq!(self.next.previous(), self.durable, "everything that was valid is decided or logged again");
        self.shared.relogging.store(false, Ordering::Release);
        self.begin_boot(boot)
    }

    /// Records the boot and waits for the reserve.
    fn begin_boot(&mut self, boot: &EpochStart) -> io::Result<()> {
        let payload = boot.encode();
        let start = NewRecord { kind: KIND_EPOCH_START, schema: 1, event_id: 0, flags: 0, hint: 0, payload: &payload };
        self.group.push(self.next.previous(), &start);
        let before = self.disk.written();
        let frame = self.write_group(frame::CONTROL)?;
        if let (Some(before), Some(after)) = (before, self.disk.written()) {
            self.check_written(frame, after.saturating_sub(before));
        }
        self.stewardship.step()?;
        while self.held.len() < SPARES_MIN && self.await_spare() {}
        self.fail_with_steward()
    }

    /// The check at a start that a sync writes its own size: a page cache with large folios writes hundreds of times as
    /// much, which costs time and wears the disk, but loses nothing.
    fn check_written(&self, frame: u32, written: u64) {
        if written > WRITTEN_PER_BYTE_MAX * u64::from(frame) {
            log::error!(
                "journal {}: a sync of {frame} bytes wrote {written}. The file system caches the segments in large pieces;                  put the journal on ext4 or XFS with pages of 4 KiB",
                self.disk.place()
            );
        }
    }

    /// How the disk is doing, for other threads.
    #[must_use]
    pub fn watch(&self) -> Watch {
        Watch::new(Arc::clone(&self.shared), Arc::clone(&self.disk))
    }

    /// The log's name.
    #[must_use]
    pub fn log_id(&self) -> LogId {
        self.log_id
    }

    /// The highest durable position.
    #[must_use]
    pub fn durable(&self) -> Lsn {
        self.durable
    }

    /// The position the next record gets.
    #[must_use]
    pub fn next(&self) -> Lsn {
        self.next
    }

    /// Records appended and not yet synced.
    #[must_use]
    pub fn waiting(&self) -> u32 {
        self.group.records()
    }

    /// Whether new operations may be started: false when the journal is poisoned, and when fewer than two prepared
    /// segments are left. What is in flight may still be appended.
    #[must_use]
    pub fn can_accept(&self) -> bool {
        self.poisoned.is_none() && self.reserve() >= SPARES_MIN && self.shared.failure.get().is_none()
    }

    /// Copies a record into the group that the next [`Journal::sync`] makes durable. No I/O, no allocation.
    ///
    /// # Errors
    /// [`AppendError::Full`]: sync, then append again. The others are final for this record.
    pub fn append(&mut self, new: &NewRecord<'_>) -> Result<Lsn, AppendError> {
        if let Some(poisoned) = &self.poisoned {
            return Err(poisoned.clone().into());
        }
        if new.payload.len() > PAYLOAD_BYTES_MAX {
            return Err(AppendError::TooLarge { bytes: new.payload.len(), max: PAYLOAD_BYTES_MAX });
        }
        if new.kind >= KIND_RESERVED {
            return Err(AppendError::Kind(new.kind));
        }
        if !self.group.fits(record::encoded_bytes(new.payload.len())) {
            return Err(AppendError::Full);
        }
        let lsn = self.next;
        self.group.push(lsn, new);
        self.next = lsn.next();
        Ok(lsn)
    }

    /// Writes the group as one frame and makes it durable. Returns at once if there is nothing to sync.
    ///
    /// # Errors
    /// [`Poisoned`], now and at every later call: whether the group is on disk is not known.
    pub fn sync(&mut self) -> Result<Synced, Poisoned> {
        self.check()?;
        let records = self.group.records();
        if records == 0 {
            return Ok(Synced { durable: self.durable, records: 0, bytes: 0, micros: 0 });
        }
        let began = self.disk.now();
        let bytes = self.write_group(0).map_err(|error| self.poison(&error))?;
        Ok(Synced { durable: self.durable, records, bytes, micros: micros(self.disk.now().saturating_sub(began)) })
    }

    /// To be called when nothing is submitted: a few milliseconds after the last sync it writes an empty frame that
    /// promises it, so that damage to the last records can be told from a torn tail.
    ///
    /// # Errors
    /// [`Poisoned`], as [`Journal::sync`].
    pub fn seal_if_idle(&mut self) -> Result<Idle, Poisoned> {
        self.check()?;
        self.stewardship.step().map_err(|error| self.poison(&error))?;
        if self.sealed || !self.group.is_empty() || planted::is(Bug::SkipSeal) {
            return Ok(Idle::Quiet);
        }
        let since = self.disk.now().saturating_sub(self.synced_at);
        if since < self.options.seal_idle {
            return Ok(Idle::Wait(self.options.seal_idle - since));
        }
        self.seal()?;
        Ok(Idle::Sealed)
    }

    /// Tells the journal up to where the database has flushed its decisions to its own disk: frames carry it, and
    /// segments whose records are all behind it may be used again. Never goes back.
    pub fn set_safe(&mut self, lsn: Lsn) {
        let lsn = lsn.min(self.durable);
        if lsn > self.safe {
            self.safe = lsn;
            self.shared.safe.store(lsn.0, Ordering::Release);
        }
    }

    /// Syncs and seals what is left, writes the last checkpoint and releases the directory.
    ///
    /// # Errors
    /// [`Poisoned`], as [`Journal::sync`].
    pub fn close(mut self) -> Result<(), Poisoned> {
        self.sync()?;
        if !self.sealed {
            self.seal()?;
        }
        self.stewardship.close().map_err(|error| self.poison(&error))?;
        self.check()
    }

    fn seal(&mut self) -> Result<(), Poisoned> {
        self.write_group(frame::SEAL).map_err(|error| self.poison(&error))?;
        self.sealed = true;
        Ok(())
    }

    /// Writes what the group holds as one frame of these flags; on success all of it is durable.
    fn write_group(&mut self, flags: u16) -> io::Result<u32> {
        // Before the frame and not behind it: what this frame relies on is made durable by its own writes alone.
        self.stewardship.step()?;
        let records = self.group.records();
        let numbered = if flags & frame::CONTROL == 0 { u64::from(records) } else { 0 };
        let first = Lsn(self.next.0 - numbered);
        if !self.segment.as_ref().is_some_and(|segment| segment.fits(self.group.frame_bytes())) {
            self.name_segment_at(first)?;
        }
        let header = FrameHeader {
            in_flight: 0,
            flags,
            bytes: 0,
            payload_bytes: 0,
            records,
            chain: self.predecessor.chain,
            sequence: self.next_frame,
            first,
            durable: if planted::is(Bug::PromiseTooHigh) { self.next.previous() } else { self.durable },
            safe: self.safe,
            body_checksum: 0,
            checksum: 0,
        };
        let segment = self.segment.as_mut().expect("named above");
        let began = self.disk.now();
        self.shared.busy_since_us.store(micros(began).max(1), Ordering::Release);
        let written = segment.write(self.group.buffer(), header);
        self.shared.busy_since_us.store(0, Ordering::Release);
        let written = written?;
        self.group.clear();
        self.predecessor.end = segment.offset;
        self.predecessor.chain = written.checksum;
        self.next_frame += 1;
        self.durable = self.durable.max(self.next.previous());
        self.predecessor.last = self.durable;
        self.shared.durable.store(self.durable.0, Ordering::Release);
        self.sealed = flags == frame::SEAL;
        self.synced_at = self.disk.now();
        if self.synced_at.saturating_sub(began) > watch::SLOW {
            self.shared.slow.fetch_add(1, Ordering::Relaxed);
        }
        Ok(written.bytes)
    }

    fn name_segment(&mut self) -> io::Result<()> {
        self.name_segment_at(self.next)
    }

    /// Turns a spare into the newest segment, whose first record will be `base`.
    fn name_segment_at(&mut self, base: Lsn) -> io::Result<()> {
        let spare = self.take_spare()?;
        let header = SegmentHeader {
            log_id: self.log_id,
            sequence: self.predecessor.sequence + 1,
            bytes: self.options.segment_bytes,
            base,
            first_frame: self.next_frame,
            predecessor: self.predecessor,
            named_at_us: self.disk.unix_us(),
        };
        let named = Segment::name(&*self.disk, spare, header)?;
        self.predecessor.sequence = named.header.sequence;
        self.predecessor.end = named.offset;
        let retired = self.segment.replace(named).map(|old| old.file);
        self.stewardship.named(self.predecessor.sequence, base, retired)
    }

    fn take_spare(&mut self) -> io::Result<Spare> {
        if self.held.is_empty() {
            self.await_spare();
        }
        let Some(spare) = self.held.pop_front() else {
            self.fail_with_steward()?;
            let problem = "no prepared segment is left, and the volume has no room for one";
            return Err(io::Error::new(io::ErrorKind::StorageFull, problem));
        };
        self.shared.spares.fetch_sub(1, Ordering::AcqRel);
        Ok(spare)
    }

    /// Waits for the steward to put a spare into the queue; false if waiting cannot help.
    fn await_spare(&mut self) -> bool {
        loop {
            let pause = if self.may_grow() { Duration::from_millis(100) } else { Duration::ZERO };
            match self.spares.recv_timeout(pause) {
                Ok(spare) => {
                    self.held.push_back(spare);
                    return true;
                }
                Err(RecvTimeoutError::Timeout) if self.may_grow() => {}
                Err(_) => return false,
            }
        }
    }

    fn reserve(&self) -> usize {
        self.shared.spares.load(Ordering::Acquire)
    }

    /// Whether waiting for a spare can help.
    fn may_grow(&self) -> bool {
        let background = matches!(self.stewardship, Stewardship::Thread { .. });
        background && !self.shared.out_of_space.load(Ordering::Acquire) && self.shared.failure.get().is_none()
    }

    fn fail_with_steward(&self) -> io::Result<()> {
        self.shared.failure.get().map_or(Ok(()), |failure| Err(io::Error::other(failure.clone())))
    }

    fn check(&mut self) -> Result<(), Poisoned> {
        if let Some(poisoned) = &self.poisoned {
            return Err(poisoned.clone());
        }
        self.fail_with_steward().map_err(|error| self.poison(&error))
    }

    fn poison(&mut self, error: &dyn fmt::Display) -> Poisoned {
        let poisoned = Poisoned { reason: format!("frame {} of {}: {error}", self.next_frame, self.disk.place()) };
        if !planted::is(Bug::PoisonForgotten) {
            self.poisoned = Some(poisoned.clone());
        }
        poisoned
    }
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}
