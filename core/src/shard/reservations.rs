//! Places held for characters whose players have a route or transfer token but have not connected yet.
//!
//! Keyed by the token's id, so only the holder of the sealed token takes the place. Bounded by the shard's connections.
//! A place that is not taken in time gives its character back: the caller stores and reports it.

use std::collections::BTreeMap;

use mu_storage::ids::CharacterId;
use mu_wire::Time;

/// One held place; `P` is whatever enters the map.
#[derive(Debug)]
pub(super) struct Held<P> {
    /// Whose.
    pub(super) character: CharacterId,
    /// What enters.
    pub(super) place: P,
    expires: Time,
}

/// All held places of a shard.
#[derive(Debug)]
pub(super) struct Reservations<P> {
    held: BTreeMap<[u8; 16], Held<P>>,
    max: usize,
}

impl<P> Reservations<P> {
    /// At most `max` places.
    #[must_use]
    pub(super) fn new(max: usize) -> Self {
        Self { held: BTreeMap::new(), max }
    }

    /// True when no further place can be held.
    #[must_use]
    pub(super) fn is_full(&self) -> bool {
        self.held.len() >= self.max
    }

    /// True while a place is held.
    #[must_use]
    pub(super) fn is_empty(&self) -> bool {
        self.held.is_empty()
    }

    /// True if a token with this id has a place.
    #[must_use]
    pub(super) fn has(&self, token_id: &[u8; 16]) -> bool {
        self.held.contains_key(token_id)
    }

    /// True if this character has a place.
    #[must_use]
    pub(super) fn has_character(&self, character: CharacterId) -> bool {
        self.held.values().any(|held| held.character == character)
    }

    /// Holds a place until `expires`.
    ///
    /// # Panics
    /// When [`Reservations::is_full`], or when the token's id has a place already: ids are 128 random bits.
    pub(super) fn hold(&mut self, token_id: [u8; 16], character: CharacterId, place: P, expires: Time) {
        assert!(!self.is_full(), "the caller asks before it holds");
        let before = self.held.insert(token_id, Held { character, place, expires });
        assert!(before.is_none(), "a token id was used twice");
    }

    /// The token's holder connected: the place is his.
    pub(super) fn take(&mut self, token_id: &[u8; 16]) -> Option<Held<P>> {
        self.held.remove(token_id)
    }

    /// Gives up a character's place.
    pub(super) fn give_up(&mut self, character: CharacterId) -> Option<Held<P>> {
        let token_id = *self.held.iter().find(|(_, held)| held.character == character)?.0;
        self.held.remove(&token_id)
    }

    /// Gives up some place, if there is one.
    pub(super) fn give_up_any(&mut self) -> Option<Held<P>> {
        self.held.pop_first().map(|(_, held)| held)
    }

    /// The next place that ran out, if any.
    pub(super) fn expired(&mut self, now: Time) -> Option<Held<P>> {
        let token_id = *self.held.iter().find(|(_, held)| held.expires <= now)?.0;
        self.held.remove(&token_id)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_place_is_taken_once_and_only_by_its_token() {
        let mut places = Reservations::new(2);
        places.hold([1; 16], CharacterId(7), "a", Time::ZERO + Duration::from_secs(10));
        assert!(places.has_character(CharacterId(7)));
        assert!(places.take(&[2; 16]).is_none());
        assert_eq!(places.take(&[1; 16]).map(|held| held.place), Some("a"));
        assert!(places.take(&[1; 16]).is_none());
        assert!(places.is_empty());
    }

    #[test]
    fn a_place_runs_out_at_its_time_and_not_before() {
        let mut places = Reservations::new(1);
        places.hold([1; 16], CharacterId(7), (), Time::ZERO + Duration::from_secs(10));
        assert!(places.is_full());
        assert!(places.expired(Time::ZERO + Duration::from_millis(9_999)).is_none());
        assert_eq!(
            places.expired(Time::ZERO + Duration::from_secs(10)).map(|held| held.character),
            Some(CharacterId(7))
        );
    }
}
