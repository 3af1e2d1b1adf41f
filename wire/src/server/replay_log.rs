//! Token ids that were used, until they expire; single use is exact, not probable.
//!
//! Only tokens that opened and whose holder proved the secret get here, so nobody can fill it with made-up ids. A full log
//! takes no further tokens. Each entry remembers the answer, so that a repeated INIT gets the same one again.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use crate::handshake::RejectCode;
use crate::ids::ConnId;

/// What became of a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Used {
    Accepted(ConnId),
    Rejected(RejectCode),
}

/// The first use of a token.
#[derive(Debug, Clone, Copy)]
pub(super) struct Use {
    pub(super) client_nonce: u64,
    pub(super) from: SocketAddr,
    pub(super) used: Used,
    /// Answers repeated so far.
    pub(super) repeats: u8,
}

/// The log; ordered by expiry so that the expired lie in front.
#[derive(Debug)]
pub(super) struct ReplayLog {
    uses: BTreeMap<(u64, [u8; 16]), Use>,
    capacity: usize,
}

impl ReplayLog {
    pub(super) const fn new(capacity: usize) -> Self {
        Self { uses: BTreeMap::new(), capacity }
    }

    pub(super) fn find(&mut self, expires_s: u64, token: [u8; 16]) -> Option<&mut Use> {
        self.uses.get_mut(&(expires_s, token))
    }

    /// Whether another token can be logged, after forgetting those that expired before `unix_s`.
    pub(super) fn has_room(&mut self, unix_s: u64) -> bool {
        while let Some(oldest) = self.uses.first_entry() {
            if oldest.key().0 >= unix_s {
                break;
            }
            oldest.remove();
        }
        self.uses.len() < self.capacity
    }

    pub(super) fn insert(&mut self, expires_s: u64, token: [u8; 16], first: Use) {
        self.uses.insert((expires_s, token), first);
    }
}
