//! The journal under a ring that is never empty.

use std::error::Error;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use mu_core::runtime::{Clock, cores};
use mu_wal::{AppendError, EpochStart, Journal, JournalOptions, Lsn, Medium, NewRecord, ScanOptions, scan};

use super::{Sum, written_bytes};

/// Bytes of a record's payload.
const PAYLOAD: usize = 256;

type Payload = [u8; PAYLOAD];

/// The journal and the thread's end of the ring.
pub(super) struct Writer {
    journal: Journal,
    next_event: u128,
    /// Records the ring holds, and the most a group takes.
    group: usize,
}

impl Writer {
    /// A fresh journal in this folder, for groups of up to this many records.
    pub(super) fn open(dir: &Path, medium: Medium, group: usize) -> Result<Self, Box<dyn Error>> {
        let scan = scan(dir, &ScanOptions { medium, ..ScanOptions::default() })?;
        let boot = EpochStart { boot: 1, config_hash: 0, version: env!("CARGO_PKG_VERSION").to_owned() };
        let (journal, undecided) = scan.into_journal(Lsn::ZERO, &boot, &JournalOptions::default())?;
        assert!(undecided.is_empty(), "a fresh journal has nothing undecided");
        Ok(Self { journal, next_event: 1, group })
    }

    /// Drains the ring for this long, one sync per group.
    pub(super) fn run(&mut self, seconds: f64) -> Result<Sum, Box<dyn Error>> {
        let (mut submit, mut records) = rtrb::RingBuffer::<Payload>::new(self.group);
        let over = Arc::new(AtomicBool::new(false));
        let seen = Arc::clone(&over);
        let cpus = cores::allowed().ok_or("the kernel does not say which CPUs may be used")?;
        let (submitter, _) = cores::spawn_pinned("submitter", &cpus[..1], move || {
            let mut payload: Payload = [0; PAYLOAD];
            while !seen.load(Ordering::Relaxed) {
                payload[0] = payload[0].wrapping_add(1);
                if submit.push(payload).is_err() {
                    std::thread::yield_now();
                }
            }
        })?;
        let sum = self.drain(&mut records, seconds);
        over.store(true, Ordering::Relaxed);
        submitter.join().map_err(|_| "the submitter panicked")?;
        sum
    }

    fn drain(&mut self, records: &mut rtrb::Consumer<Payload>, seconds: f64) -> Result<Sum, Box<dyn Error>> {
        let mut sum = Sum::default();
        let written = written_bytes()?;
        let began = Clock::now();
        while sum.seconds < seconds {
            for _ in 0..self.group {
                let Ok(payload) = records.peek() else { break };
                let new = NewRecord { kind: 1, schema: 1, event_id: self.next_event, flags: 0, hint: 0, payload };
                match self.journal.append(&new) {
                    Ok(_) => {}
                    Err(AppendError::Full) => break,
                    Err(error) => return Err(error.into()),
                }
                self.next_event += 1;
                records.pop()?;
            }
            let synced = self.journal.sync()?;
            // All of it counts as decided at once, so that segments are used again as in a server that keeps up.
            self.journal.set_safe(synced.durable);
            sum.records += u64::from(synced.records);
            sum.syncs += u64::from(synced.records > 0);
            sum.frame_bytes += u64::from(synced.bytes);
            sum.seconds = Clock::now().since(began).as_secs_f64();
        }
        sum.written_bytes = written_bytes()? - written;
        Ok(sum)
    }

    /// Releases the folder.
    pub(super) fn close(self) -> Result<(), Box<dyn Error>> {
        Ok(self.journal.close()?)
    }
}
