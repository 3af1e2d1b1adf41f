//! When a connection's keys are renewed: its own after so many packets or so long a time, the peer's when the peer did.
//!
//! The two directions are independent. A key is not renewed again before the peer acknowledged a packet of it, so the
//! receiver never has to guess between more than two phases. The peer's former key is kept for three probe timeouts.

use std::time::Duration;

use super::{Connection, Refusal};
use crate::crypto::{OpeningKey, SealingKey, Unsealed};
use crate::time::Time;

/// When keys are renewed, and how many packets that do not open are borne.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeyLimits {
    /// Packets sealed under one key.
    pub packets: u64,
    /// How long a key seals.
    pub age: Duration,
    /// Packets that did not open, over the whole connection, before it is closed.
    pub forged: u64,
}

impl Default for KeyLimits {
    fn default() -> Self {
        Self { packets: 1 << 20, age: Duration::from_secs(30 * 60), forged: 1 << 30 }
    }
}

/// Probe timeouts for which the peer's former key is kept.
const KEPT: u32 = 3;

/// The keys of both directions and what decides about them.
pub(super) struct Keys {
    pub(super) seal: SealingKey,
    open: OpeningKey,
    limits: KeyLimits,
    /// Since when the sealing key is in use.
    since: Time,
    /// When the peer's former key is forgotten, if there is one.
    retires: Option<Time>,
    forged: u64,
}

impl Keys {
    pub(super) fn new(now: Time, (seal, open): (SealingKey, OpeningKey), limits: KeyLimits) -> Self {
        Self { seal, open, limits, since: now, retires: None, forged: 0 }
    }
}

impl Connection {
    /// Renews the sealing key if it is worn and the peer is known to have it.
    pub(super) fn renew_key(&mut self, now: Time) {
        let keys = &mut self.keys;
        let worn = keys.seal.sealed() >= keys.limits.packets || now.since(keys.since) >= keys.limits.age;
        if worn && self.recovery.largest_acked().is_some_and(|largest| largest >= keys.seal.first()) {
            keys.seal.renew();
            keys.since = now;
        }
    }

    /// Decrypts a packet of this phase and number in place.
    pub(super) fn unseal<'d>(
        &mut self,
        now: Time,
        (phase, number): (bool, u64),
        header: &[u8],
        sealed: &'d mut [u8],
    ) -> Result<&'d [u8], Refusal> {
        let keys = &mut self.keys;
        if keys.forged >= keys.limits.forged {
            return Err(Refusal::WornOut);
        }
        if keys.retires.is_some_and(|at| at <= now) {
            keys.open.forget_previous();
            keys.retires = None;
        }
        let Some((body, unsealed)) = keys.open.open(phase, number, header, sealed) else {
            keys.forged += 1;
            return Err(if keys.forged >= keys.limits.forged { Refusal::WornOut } else { Refusal::Forged });
        };
        if unsealed == Unsealed::Renewed {
            keys.retires = Some(now + self.recovery.probe_timeout() * KEPT);
        }
        Ok(body)
    }

    /// How often the own and the peer's key were renewed.
    pub(crate) const fn renewals(&self) -> (u32, u32) {
        (self.keys.seal.generation(), self.keys.open.generation())
    }
}
