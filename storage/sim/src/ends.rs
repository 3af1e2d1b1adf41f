//! The queues around the writer and the applier, for one server: per map what was submitted and what came back.
//!
//! An origin is the number of a map. Bounded like the real ones; keeps the order in which events left for the journal, so
//! that each can be given its position when the frame is durable.

use std::collections::VecDeque;
use std::time::Duration;

use mu_storage::event::{self, ValueEvent};
use mu_storage::store::Outcome;
use mu_value::{ApplierEnds, Logged, Submission, WAL_ACK, WriterEnds};

/// What a map hears about an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Word {
    /// It is durable, and that was enough.
    Durable,
    /// Its outcome row exists.
    Decided(Outcome),
}

/// Both sides of both steps.
#[derive(Debug)]
pub(crate) struct Ends {
    submitted: Vec<VecDeque<Submission<usize>>>,
    submitted_max: usize,
    turn: usize,
    logged: VecDeque<Logged<usize>>,
    logged_max: usize,
    /// What each map has to hear, in order.
    pub(crate) words: Vec<VecDeque<(u128, Word)>>,
    /// Events on their way into a frame, in order.
    pub(crate) taken: VecDeque<u128>,
}

impl Ends {
    pub(crate) fn new(maps: usize, submitted_max: usize, logged_max: usize) -> Self {
        Self {
            submitted: (0..maps).map(|_| VecDeque::new()).collect(),
            submitted_max,
            turn: 0,
            logged: VecDeque::new(),
            logged_max,
            words: (0..maps).map(|_| VecDeque::new()).collect(),
            taken: VecDeque::new(),
        }
    }

    /// Queues an event; false if the queue is full.
    pub(crate) fn submit(&mut self, map: usize, event: &ValueEvent, told_when_durable: bool, now: Duration) -> bool {
        let queue = &mut self.submitted[map];
        if queue.len() >= self.submitted_max {
            return false;
        }
        let mut payload = Vec::new();
        event::encode_into(event, &mut payload);
        queue.push_back(Submission {
            event_id: event.event_id,
            kind: event::VALUE_KIND,
            schema: event::VALUE_SCHEMA,
            flags: if told_when_durable { WAL_ACK } else { 0 },
            payload,
            origin: map,
            at: now,
        });
        true
    }

    /// Whether a map could submit so many more events.
    pub(crate) fn has_room(&self, map: usize, events: usize) -> bool {
        self.submitted[map].len() + events <= self.submitted_max
    }

    /// Whether nothing is under way on this side.
    pub(crate) fn is_empty(&self) -> bool {
        self.submitted.iter().all(VecDeque::is_empty)
            && self.logged.is_empty()
            && self.words.iter().all(VecDeque::is_empty)
    }
}

impl WriterEnds<usize> for Ends {
    fn take(&mut self) -> Option<Submission<usize>> {
        for _ in 0..self.submitted.len() {
            self.turn = (self.turn + 1) % self.submitted.len();
            if let Some(submission) = self.submitted[self.turn].pop_front() {
                self.taken.push_back(submission.event_id);
                return Some(submission);
            }
        }
        None
    }

    fn acknowledge(&mut self, submission: &mut Submission<usize>) {
        self.words[submission.origin].push_back((submission.event_id, Word::Durable));
    }

    fn hand_on(&mut self, logged: Logged<usize>) -> Result<(), Logged<usize>> {
        if self.logged.len() >= self.logged_max {
            return Err(logged);
        }
        self.logged.push_back(logged);
        Ok(())
    }
}

impl ApplierEnds<usize> for Ends {
    fn take(&mut self) -> Option<Logged<usize>> {
        self.logged.pop_front()
    }

    fn tell(&mut self, submission: Submission<usize>, outcome: Outcome) {
        self.words[submission.origin].push_back((submission.event_id, Word::Decided(outcome)));
    }
}
