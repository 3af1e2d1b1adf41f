//! Rouses a shard whose executor sleeps past its timer.
//!
//! glommio 0.9 can sleep in io_uring with tasks waiting (decision 0004 has the cause and its cure): the shard then never steps
//! again. A wake from another thread ends any such sleep, because it comes through the executor's event descriptor. One thread looks at every shard's pulse and does that; a shard that is
//! merely busy does not notice. It also is the one place that knows that a shard stands still.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Waker;
use std::thread::JoinHandle;
use std::time::Duration;

use super::clock::Clock;
use super::cores;
use mu_wire::Time;

/// A shard that has not turned for this long is roused: four steps, less than a tick.
const SILENT: Duration = Duration::from_millis(25);
/// How often the pulses are looked at.
const LOOK_EVERY: Duration = Duration::from_millis(10);
/// A shard that stands still for this long is reported, once until it turns again.
const STANDSTILL: Duration = Duration::from_secs(1);

/// A shard's sign of life.
#[derive(Debug, Default)]
pub struct Pulse {
    turned_us: AtomicU64,
    roused: AtomicU64,
    waker: Mutex<Option<Waker>>,
}

impl Pulse {
    /// How often the shard had to be roused.
    #[must_use]
    pub fn roused(&self) -> u64 {
        self.roused.load(Ordering::Acquire)
    }

    /// Time since the shard last turned; zero before its first turn.
    #[must_use]
    pub fn silence(&self, now: Time) -> Duration {
        match self.turned_us.load(Ordering::Relaxed) {
            0 => Duration::ZERO,
            turned => now.since(Time(turned)),
        }
    }

    /// The shard turns.
    pub(super) fn beat(&self, now: Time) {
        self.turned_us.store(now.as_micros().max(1), Ordering::Relaxed);
    }

    /// The shard goes to sleep and can be woken by this.
    pub(super) fn listen(&self, waker: &Waker) {
        let mut kept = self.waker.lock().unwrap_or_else(PoisonError::into_inner);
        if !kept.as_ref().is_some_and(|kept| kept.will_wake(waker)) {
            *kept = Some(waker.clone());
        }
    }

    /// The shard ends; its waker must go on its own thread.
    pub(super) fn end(&self) {
        self.turned_us.store(0, Ordering::Relaxed);
        drop(self.waker.lock().unwrap_or_else(PoisonError::into_inner).take());
    }

    fn rouse(&self) {
        if let Some(waker) = &*self.waker.lock().unwrap_or_else(PoisonError::into_inner) {
            // Counted first: whoever is woken by this finds it counted.
            self.roused.fetch_add(1, Ordering::Release);
            waker.wake_by_ref();
        }
    }
}

/// The thread that looks; it ends when this is dropped.
pub(super) struct Watch {
    ended: Arc<AtomicBool>,
    thread: Option<JoinHandle<Option<()>>>,
}

impl Watch {
    /// Looks at the pulses from a housekeeping CPU.
    pub(super) fn start(pulses: Vec<Arc<Pulse>>, housekeeping: &[usize]) -> std::io::Result<Self> {
        let ended = Arc::new(AtomicBool::new(false));
        let asked = Arc::clone(&ended);
        let (thread, _placed) = cores::spawn_pinned("mu-watch", housekeeping, move || {
            let mut still = vec![false; pulses.len()];
            while !asked.load(Ordering::Relaxed) {
                std::thread::park_timeout(LOOK_EVERY);
                let now = Clock::now();
                for ((shard, pulse), still) in pulses.iter().enumerate().zip(&mut still) {
                    look(shard, pulse, now, still);
                }
            }
        })?;
        Ok(Self { ended, thread: Some(thread) })
    }
}

fn look(shard: usize, pulse: &Pulse, now: Time, still: &mut bool) {
    let silence = pulse.silence(now);
    if silence > SILENT {
        pulse.rouse();
    }
    let stands = silence > STANDSTILL;
    if stands && !*still {
        log::error!("shard {shard} has stood still for {silence:?}: its CPU is taken, or a tick does not end");
    }
    *still = stands;
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            thread.thread().unpark();
            if thread.join().is_err() {
                log::error!("the thread that watches the shards panicked");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;
    use std::task::Wake;

    struct Bell(mpsc::Sender<()>);

    impl Wake for Bell {
        fn wake(self: Arc<Self>) {
            // The test has heard enough once it stops listening.
            let _deaf = self.0.send(());
        }
    }

    #[test]
    fn a_silent_shard_is_roused_and_one_that_has_not_begun_or_has_ended_is_not() {
        let (bell, heard) = mpsc::channel();
        let pulse = Arc::new(Pulse::default());
        pulse.listen(&Waker::from(Arc::new(Bell(bell))));
        let cpus = cores::allowed().expect("known");
        let watch = Watch::start(vec![Arc::clone(&pulse)], &cpus).expect("started");
        assert!(heard.recv_timeout(Duration::from_millis(100)).is_err(), "a shard that never turned was roused");
        pulse.beat(Clock::now());
        heard.recv_timeout(Duration::from_secs(10)).expect("a silent shard is roused");
        assert!(pulse.roused() > 0);
        pulse.end();
        drop(watch);
        assert_eq!(pulse.silence(Clock::now()), Duration::ZERO);
    }
}
