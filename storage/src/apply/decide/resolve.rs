//! Quarantine and its end: what is kept and frozen, and how an operator's resolution is decided.

use std::fmt::Write as _;

use super::effects::{Effects, Resolved, ReviewRow};
use super::rows::{Position, Quarantined};
use super::{World, entities, listing, parcels};
use crate::event::{Currency, Deed, EventKind, Resolve, VALUE_SCHEMA, ValueEvent, decode};
use crate::ids::Lsn;
use crate::planted::{self, Bug};
use crate::store::Reason;

/// A resolution whose quarantined event was found.
pub(super) struct Resolution {
    event_id: u128,
    action: Resolve,
    /// The quarantined event, if its payload can be read.
    inner: Option<ValueEvent>,
    at: Position,
}

impl World {
    /// Keeps an event for review and freezes everything it names.
    pub(crate) fn quarantine(
        &mut self,
        event: &ValueEvent,
        lsn: Lsn,
        payload: Vec<u8>,
        detail: String,
        effects: &mut Effects,
    ) {
        let at = Position { journal: self.journal, lsn: lsn.0 };
        let event_id = event.event_id;
        let found = self.found(event);
        let kept = Quarantined { at, schema: VALUE_SCHEMA, payload: payload.clone(), resolved_by: None };
        self.reviews.insert(event_id, kept);
        effects.reviews.push(ReviewRow { event_id, schema: VALUE_SCHEMA, payload, detail, found });
        for entity in entities(event) {
            if self.frozen.entry(entity).or_default().insert((at, event_id)) {
                effects.frozen.push((entity, event_id));
            }
        }
    }

    /// Keeps bytes that cannot be read for review. What they name is not known, so nothing is frozen.
    pub(crate) fn quarantine_unread(&mut self, event_id: u128, lsn: Lsn, payload: &[u8], effects: &mut Effects) {
        let at = Position { journal: self.journal, lsn: lsn.0 };
        let kept = Quarantined { at, schema: 0, payload: payload.to_vec(), resolved_by: None };
        self.reviews.insert(event_id, kept);
        let (payload, detail) = (payload.to_vec(), "the payload cannot be read".to_owned());
        effects.reviews.push(ReviewRow { event_id, schema: 0, payload, detail, found: String::new() });
    }

    /// The resolution that an event is, if it is one and its quarantined event may be resolved by it.
    pub(super) fn resolution(&self, event: &ValueEvent) -> Result<Option<Resolution>, Reason> {
        let Some(Deed::Resolution { event_id, action, second, .. }) = &event.deed else { return Ok(None) };
        let review = self.reviews.get(event_id).ok_or(Reason::ReviewUnknown)?;
        if review.resolved_by.is_some() {
            return Err(Reason::ReviewClosed);
        }
        let inner = decode(review.schema, &review.payload).ok();
        let sensitive = inner.as_ref().is_none_or(concerns_cash);
        if sensitive && second.is_empty() && !planted::is(Bug::ResolutionAlone) {
            return Err(Reason::SecondMissing);
        }
        Ok(Some(Resolution { event_id: *event_id, action: *action, inner, at: review.at }))
    }

    /// Carries a resolution out: its own parcels, the quarantined event if it is to be applied, and the release.
    pub(super) fn resolve(
        &mut self,
        event: &ValueEvent,
        resolution: Resolution,
        effects: &mut Effects,
    ) -> Result<(), Reason> {
        let Resolution { event_id, action, inner, at } = resolution;
        if action == Resolve::Apply {
            let inner = inner.as_ref().filter(|inner| inner.check().is_ok()).ok_or(Reason::ReviewUnreadable)?;
            if inner.kind == EventKind::Resolution {
                return Err(Reason::ReviewUnreadable);
            }
            let first = |by: &std::collections::BTreeSet<_>| by.first().is_none_or(|&first| first >= (at, event_id));
            let in_order = entities(inner).all(|entity| self.frozen.get(&entity).is_none_or(first));
            if !in_order && !planted::is(Bug::OrderIgnored) {
                return Err(Reason::ReviewOrder);
            }
            self.check(inner)?;
            // Its rows belong to the resolution: the quarantined event itself stays one that changed nothing.
            let mut applied = ValueEvent { event_id: event.event_id, ..inner.clone() };
            // Who ordered it and why stays in the review; of one event there is one such row, the resolution's.
            applied.deed.take_if(|deed| matches!(deed, Deed::Authority { .. }));
            self.change(&applied, effects);
        }
        self.change(event, effects);
        for entity in inner.iter().flat_map(entities) {
            if let Some(by) = self.frozen.get_mut(&entity) {
                by.remove(&(at, event_id));
            }
        }
        if let Some(review) = self.reviews.get_mut(&event_id) {
            review.resolved_by = Some(event.event_id);
        }
        effects.resolved.push(Resolved { event_id, by: event.event_id, action });
        Ok(())
    }

    /// The rows of what an event names, one per line, for the operator who has to decide about it.
    pub(crate) fn found(&self, event: &ValueEvent) -> String {
        let mut text = String::new();
        let mut line = |line: std::fmt::Arguments<'_>| {
            // Writing to a string does not fail.
            let _ = writeln!(text, "{line}");
        };
        for uid in event.uids() {
            match self.items.get(&uid).and_then(|tracked| tracked.now) {
                Some(i) => line(format_args!("item {uid}: version {} at {:?}", i.version, i.place)),
                None => line(format_args!("item {uid}: none")),
            }
        }
        for change in &event.balances {
            let now = self.balances.get(&(change.account, change.currency.code())).map(|balance| balance.now);
            line(format_args!("balance {} {:?}: {now:?}", change.account, change.currency));
        }
        for id in event.actors().collect::<std::collections::BTreeSet<_>>() {
            match self.characters.get(&id).and_then(|tracked| tracked.now) {
                Some(row) => line(format_args!("character {id}: account {}, {:?}", row.account, row.growth)),
                None => line(format_args!("character {id}: none")),
            }
        }
        for id in parcels(event) {
            line(format_args!("parcel {id}: {:?}", self.parcels.get(&id).and_then(|tracked| tracked.now)));
        }
        if let Some(id) = listing(event) {
            line(format_args!("listing {id}: {:?}", self.listings.get(&id).and_then(|tracked| tracked.now)));
        }
        text
    }
}

/// Whether an event moves cash: then one operator alone may not decide it.
fn concerns_cash(event: &ValueEvent) -> bool {
    event.balances.iter().any(|change| change.currency == Currency::Cash)
}
