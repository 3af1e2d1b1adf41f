//! One event through the journal without a server: opened and recovered as at a start, appended, made durable, decided, closed.

use std::collections::VecDeque;
use std::sync::{Arc, mpsc};
use std::time::Duration;

use mu_config::Settings;
use mu_storage::event::{VALUE_KIND, VALUE_SCHEMA, ValueEvent, encode_into};
use mu_storage::store::Outcome;
use mu_value::{Applier, ApplierEnds, ApplierStep, Logged, Submission, ValueStatus, Writer, WriterEnds};

use super::CommandError;
use crate::boot::{BootOptions, open_value};
use crate::journal::since_origin;
use crate::map::event_ids::EventIds;
use crate::runtime::Clock;

/// How long a store that does not answer is asked again. The event is durable by then: the next start decides it.
const PATIENCE: Duration = Duration::from_secs(30);
/// The number of no map instance: event ids of commands.
const COMMANDS: u32 = u32::MAX;

/// What stands between the writer and the applier of one event.
#[derive(Default)]
struct Ends {
    submitted: Option<Submission<()>>,
    logged: VecDeque<Logged<()>>,
    outcome: Option<Outcome>,
}

impl WriterEnds<()> for Ends {
    fn take(&mut self) -> Option<Submission<()>> {
        self.submitted.take()
    }

    fn acknowledge(&mut self, _submission: &mut Submission<()>) {}

    fn hand_on(&mut self, logged: Logged<()>) -> Result<(), Logged<()>> {
        self.logged.push_back(logged);
        Ok(())
    }
}

impl ApplierEnds<()> for Ends {
    fn take(&mut self) -> Option<Logged<()>> {
        self.logged.pop_front()
    }

    fn tell(&mut self, _submission: Submission<()>, outcome: Outcome) {
        self.outcome = Some(outcome);
    }
}

/// Decides the event that `make` builds for an event id.
///
/// # Errors
/// [`CommandError::Boot`] if journal and store cannot be opened, above all because a server has them; [`CommandError::Usage`] if
/// the outcome is not known in time.
pub fn decide(settings: &Settings, make: impl FnOnce(u128) -> ValueEvent) -> Result<Outcome, CommandError> {
    let opened = open_value(settings, BootOptions::default())?;
    let mut ids = EventIds::new(settings.host.realm, opened.boot, COMMANDS);
    let event = make(ids.issue());
    let status = Arc::<ValueStatus>::default();
    let mut writer = Writer::new(opened.recovered.journal, Arc::clone(&status));
    let mut applier = Applier::new(opened.applier, opened.recovered.safe, status);
    let mut payload = Vec::new();
    encode_into(&event, &mut payload);
    let at = since_origin(Clock::now());
    let (kind, schema) = (VALUE_KIND, VALUE_SCHEMA);
    let submitted = Submission { event_id: event.event_id, kind, schema, flags: 0, payload, origin: (), at };
    let mut ends = Ends { submitted: Some(submitted), ..Ends::default() };
    let failed = |error: &dyn std::fmt::Display| CommandError::Usage(format!("the event was not decided: {error}"));
    // Nobody sends: receiving with a timeout is a wait.
    let (_nobody, pause) = mpsc::channel::<()>();
    while ends.logged.is_empty() {
        writer.step(since_origin(Clock::now()), &mut ends).map_err(|error| failed(&error))?;
    }
    let until = Clock::now() + PATIENCE;
    while !(ends.outcome.is_some() && applier.is_settled()) {
        match applier.step(since_origin(Clock::now()), &mut ends).map_err(|error| failed(&error))? {
            ApplierStep::Again(wait) | ApplierStep::Idle(wait) => {
                let _timeout = pause.recv_timeout(wait.max(Duration::from_millis(1)));
            }
            ApplierStep::Decided(_) | ApplierStep::Redriven(_) | ApplierStep::Safe(_) => {}
        }
        if Clock::now() > until {
            let said = "the store does not answer; the event is in the journal and the next start decides it";
            return Err(CommandError::Usage(said.to_owned()));
        }
    }
    writer.close().map_err(|error| failed(&error))?;
    ends.outcome.ok_or_else(|| failed(&"it has no outcome"))
}
