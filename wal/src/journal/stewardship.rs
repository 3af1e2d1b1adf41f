//! Where the steward runs: on a thread of its own, or inside the writer's calls, which makes every run with the same calls
//! do the same I/O in the same order. With the thread comes a second one that watches the disk.

use std::io;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;

use super::steward::{Job, Steward};
use super::watch::{self, Watch};
use crate::Lsn;
use crate::disk::DiskFile;

/// Where the steward runs.
#[derive(Debug)]
pub(crate) enum Stewardship {
    /// Inside the writer's calls, before what they write next.
    Inline {
        /// The work.
        steward: Box<Steward>,
        /// A segment was named since the last step.
        named: bool,
    },
    /// On its own thread, until the sender is dropped.
    Thread {
        /// Dropped to end the thread.
        jobs: Option<Sender<Job>>,
        /// Joined so that the lock outlives the last I/O.
        handle: Option<JoinHandle<()>>,
        /// Ends the thread that watches the disk when it is dropped.
        _watch: Option<Sender<()>>,
    },
}

impl Stewardship {
    pub(crate) fn begin(steward: Steward) -> io::Result<Self> {
        if !steward.options.background {
            return Ok(Stewardship::Inline { steward: Box::new(steward), named: false });
        }
        let (jobs, queue) = channel();
        let (abort_after, mut watching) = (steward.options.abort_after, None);
        if !abort_after.is_zero() {
            let watch = Watch::new(Arc::clone(&steward.shared), Arc::clone(&steward.disk));
            let (end, until) = channel();
            std::thread::Builder::new()
                .name("wal-watch".into())
                .spawn(move || watch::watch(&watch, abort_after, &until))?;
            watching = Some(end);
        }
        let handle = std::thread::Builder::new().name("wal-steward".into()).spawn(move || serve(steward, &queue))?;
        Ok(Stewardship::Thread { jobs: Some(jobs), handle: Some(handle), _watch: watching })
    }

    /// A segment was named.
    pub(crate) fn named(&mut self, sequence: u64, base: Lsn, retired: Option<Box<dyn DiskFile>>) -> io::Result<()> {
        match self {
            Stewardship::Inline { steward, named } => {
                steward.named(sequence, base);
                *named = true;
                Ok(())
            }
            Stewardship::Thread { jobs, .. } => {
                let job = Job::Named { sequence, base, retired };
                jobs.as_ref()
                    .and_then(|jobs| jobs.send(job).ok())
                    .ok_or_else(|| io::Error::other("the steward is gone"))
            }
        }
    }

    /// Does what is due; a thread does so by itself.
    pub(crate) fn step(&mut self) -> io::Result<()> {
        match self {
            Stewardship::Inline { steward, named } => steward.step(std::mem::take(named)),
            Stewardship::Thread { .. } => Ok(()),
        }
    }

    /// The last checkpoint; returns when nothing more will be written.
    pub(crate) fn close(&mut self) -> io::Result<()> {
        match self {
            Stewardship::Inline { steward, .. } => steward.checkpoint(true),
            Stewardship::Thread { jobs, .. } => {
                if let Some(jobs) = jobs {
                    // A steward that is gone has left its failure in the shared counters.
                    let _ = jobs.send(Job::Close);
                }
                self.end();
                Ok(())
            }
        }
    }

    fn end(&mut self) {
        if let Stewardship::Thread { jobs, handle, .. } = self {
            drop(jobs.take());
            if let Some(handle) = handle.take() {
                // A panic of the steward was already reported by the panic hook.
                let _ = handle.join();
            }
        }
    }
}

impl Drop for Stewardship {
    fn drop(&mut self) {
        self.end();
    }
}

/// The thread's loop: ends with the first failure, or when the journal is gone.
fn serve(mut steward: Steward, queue: &Receiver<Job>) {
    let pause = steward.options.checkpoint_every;
    let mut step = steward.step(false);
    loop {
        if let Err(error) = &step {
            let _ = steward.shared.failure.set(format!("preparing segments: {error}"));
            return;
        }
        step = match queue.recv_timeout(pause) {
            Ok(Job::Named { sequence, base, retired }) => {
                drop(retired);
                steward.named(sequence, base);
                steward.step(true)
            }
            Ok(Job::Close) => steward.checkpoint(true),
            Err(RecvTimeoutError::Timeout) => steward.step(false),
            Err(RecvTimeoutError::Disconnected) => return,
        };
    }
}
