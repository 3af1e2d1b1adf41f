//! How much a connection sends: its budget and the size of its datagrams, as the owner and the bulk lane see them.

use super::Connection;
use crate::budget::LinkBudget;
use crate::time::Time;

impl Connection {
    /// Bytes of datagrams with slices of blocks that may leave now: 0, or enough for a full one. The records of such
    /// datagrams note that they hold slices.
    pub(crate) fn bulk_allowance(&self, now: Time) -> usize {
        if self.recovery.has_room() { self.budget.bulk_allowance(now, self.recovery.flying_bytes()) } else { 0 }
    }

    /// When [`Connection::bulk_allowance`] will be more than 0; `None` if only an acknowledgement or a loss can make it so.
    pub(crate) fn next_bulk_at(&self) -> Option<Time> {
        self.budget.next_bulk_at(self.recovery.flying_bytes()).filter(|_| self.recovery.has_room())
    }

    /// What this end lets itself send.
    pub(crate) fn budget(&self) -> LinkBudget {
        self.budget.report(self.recovery.rtt.smoothed())
    }

    /// What the peer says it lets itself send; `None` until it has said so.
    pub(crate) const fn peer_budget(&self) -> Option<LinkBudget> {
        self.budget.peer()
    }

    /// The peer is at another address now: what was learnt of the path no longer holds.
    pub(crate) fn new_path(&mut self, now: Time) {
        self.budget.reset(now, self.terms.ceiling);
        self.mtu.reset();
        self.recovery.rtt = crate::recovery::Rtt::default();
    }
}
