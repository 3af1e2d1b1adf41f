//! What the shard may know of a connection's link, so that the game can adapt to it.

use std::time::Duration;

use super::endpoint::Server;
use crate::budget::LinkBudget;
use crate::ids::ConnId;

impl Server {
    /// The smoothed round trip of a connection, once there was a sample.
    pub fn rtt(&mut self, conn: ConnId) -> Option<Duration> {
        self.slots.find(conn)?.connection.rtt()
    }

    /// What the server lets itself send to a client, and what it goes by: loss, queue delay, round trip.
    pub fn budget(&mut self, conn: ConnId) -> Option<LinkBudget> {
        Some(self.slots.find(conn)?.connection.budget())
    }

    /// What a client says it lets itself send; `None` until it has said so.
    pub fn client_budget(&mut self, conn: ConnId) -> Option<LinkBudget> {
        self.slots.find(conn)?.connection.peer_budget()
    }
}
