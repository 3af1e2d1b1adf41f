//! The ends of the journal's rings: what a shard holds, what the gateway holds, what the wal thread drains.
//!
//! Payload buffers circulate: a port hands one out with a submission and gets it back with the completion, so a shard
//! allocates nothing after boot. Knows no thread but the one to wake.

use std::sync::Arc;
use std::thread::Thread;

use arc_swap::ArcSwapOption;
use mu_storage::event::{self, ValueEvent};
use mu_storage::store::Outcome;
use mu_wire::Time;
use rtrb::{Consumer, Producer, RingBuffer};
use tokio::sync::{mpsc, oneshot};

use super::IN_FLIGHT_MAX;

/// Bytes reserved for an encoded event; a full trade (64 moves, 8 balances) stays below it.
const PAYLOAD_CAPACITY: usize = 4_096;

/// Events the gateway may have queued (character births).
const CONTROL_QUEUE_MAX: usize = 1_024;

/// Who waits for the outcome.
#[derive(Debug)]
pub enum Origin {
    /// The shard with this index.
    Shard(usize),
    /// A request on the control thread.
    Control(oneshot::Sender<Outcome>),
}

/// One encoded event on its way to the journal.
#[derive(Debug)]
pub struct Submission {
    /// The event's identity, unique for ever.
    pub event_id: u128,
    /// The journal's record kind.
    pub kind: u16,
    /// The rkyv archive.
    pub payload: Vec<u8>,
    /// Who is told.
    pub origin: Origin,
    /// When it was submitted.
    pub at: Time,
}

/// A decided event on its way back to its shard.
#[derive(Debug)]
pub struct Completion {
    /// Which event.
    pub event_id: u128,
    /// What the outcome row says.
    pub outcome: Outcome,
    /// The payload buffer, to be used again.
    pub payload: Vec<u8>,
}

/// The event was not taken: nothing has happened and nothing will.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Busy;

/// Wakes the wal thread once it runs.
#[derive(Debug, Default, Clone)]
struct Wake(Arc<ArcSwapOption<Thread>>);

impl Wake {
    fn wake(&self) {
        if let Some(thread) = &*self.0.load() {
            thread.unpark();
        }
    }
}

/// A shard's end.
#[derive(Debug)]
pub struct ShardPort {
    index: usize,
    submit: Producer<Submission>,
    done: Consumer<Completion>,
    spare: Vec<Vec<u8>>,
    wake: Wake,
}

impl ShardPort {
    /// Encodes the event and queues it.
    ///
    /// # Errors
    /// [`Busy`] when [`IN_FLIGHT_MAX`] events of this shard are undecided.
    pub fn submit(&mut self, event: &ValueEvent, now: Time) -> Result<(), Busy> {
        let Some(mut payload) = self.spare.pop() else { return Err(Busy) };
        payload.clear();
        event::encode_into(event, &mut payload);
        let submission = Submission {
            event_id: event.event_id,
            kind: event::VALUE_KIND,
            payload,
            origin: Origin::Shard(self.index),
            at: now,
        };
        match self.submit.push(submission) {
            Ok(()) => Ok(()),
            Err(rtrb::PushError::Full(back)) => {
                self.spare.push(back.payload);
                Err(Busy)
            }
        }
    }

    /// Wakes the wal thread; called once after the submissions of a tick.
    pub fn notify(&self) {
        self.wake.wake();
    }

    /// The next decided event.
    pub fn completion(&mut self) -> Option<(u128, Outcome)> {
        let done = self.done.pop().ok()?;
        self.spare.push(done.payload);
        Some((done.event_id, done.outcome))
    }

    /// Events of this shard that are not decided yet.
    #[must_use]
    pub fn in_flight(&self) -> usize {
        IN_FLIGHT_MAX - self.spare.len()
    }
}

/// The gateway's end; cheap to clone.
#[derive(Debug, Clone)]
pub struct ControlPort {
    queue: mpsc::Sender<Submission>,
    wake: Wake,
}

impl ControlPort {
    /// Encodes the event and queues it; the receiver gets the outcome once it is decided.
    ///
    /// # Errors
    /// [`Busy`] when the queue is full or the journal is closed.
    pub fn submit(&self, event: &ValueEvent, now: Time) -> Result<oneshot::Receiver<Outcome>, Busy> {
        let mut payload = Vec::with_capacity(PAYLOAD_CAPACITY);
        event::encode_into(event, &mut payload);
        let (reply, outcome) = oneshot::channel();
        let submission = Submission {
            event_id: event.event_id,
            kind: event::VALUE_KIND,
            payload,
            origin: Origin::Control(reply),
            at: now,
        };
        self.queue.try_send(submission).map_err(|_full_or_closed| Busy)?;
        self.wake.wake();
        Ok(outcome)
    }
}

/// The wal thread's end of one shard's ring.
#[derive(Debug)]
pub struct PortEnd {
    pub(super) submitted: Consumer<Submission>,
}

/// The wal thread's and the applier's ends of every ring.
#[derive(Debug)]
pub struct JournalEnds {
    pub(super) shards: Vec<PortEnd>,
    pub(super) control: mpsc::Receiver<Submission>,
    pub(super) completions: Vec<Producer<Completion>>,
    wake: Wake,
}

impl JournalEnds {
    /// Splits off the applier's half: one completion ring per shard.
    pub fn take_completions(&mut self) -> Vec<Producer<Completion>> {
        std::mem::take(&mut self.completions)
    }

    /// Names the calling thread as the one to wake.
    pub(super) fn adopt(&self) {
        self.wake.0.store(Some(Arc::new(std::thread::current())));
    }

    /// The next submission, one from each source in turn, starting after `turn`.
    pub(super) fn next(&mut self, turn: &mut usize) -> Option<Submission> {
        let sources = self.shards.len() + 1;
        for _ in 0..sources {
            *turn = (*turn + 1) % sources;
            let found = match self.shards.get_mut(*turn) {
                Some(shard) => shard.submitted.pop().ok(),
                None => self.control.try_recv().ok(),
            };
            if found.is_some() {
                return found;
            }
        }
        None
    }

    /// True when every producer is gone and nothing is left to drain.
    pub(super) fn finished(&self) -> bool {
        self.control.is_closed()
            && self.control.is_empty()
            && self.shards.iter().all(|shard| shard.submitted.is_abandoned() && shard.submitted.is_empty())
    }
}

/// Makes the rings of `shards` shards and of the gateway.
#[must_use]
pub fn journal_ports(shards: usize) -> (Vec<ShardPort>, ControlPort, JournalEnds) {
    let wake = Wake::default();
    let (queue, control) = mpsc::channel(CONTROL_QUEUE_MAX);
    let mut ports = Vec::with_capacity(shards);
    let mut ends = JournalEnds { shards: Vec::new(), control, completions: Vec::new(), wake: wake.clone() };
    for index in 0..shards {
        let (submit, submitted) = RingBuffer::new(IN_FLIGHT_MAX);
        let (completed, done) = RingBuffer::new(IN_FLIGHT_MAX);
        let spare = (0..IN_FLIGHT_MAX).map(|_| Vec::with_capacity(PAYLOAD_CAPACITY)).collect();
        ports.push(ShardPort { index, submit, done, spare, wake: wake.clone() });
        ends.shards.push(PortEnd { submitted });
        ends.completions.push(completed);
    }
    (ports, ControlPort { queue, wake }, ends)
}
