//! From a data packet to the shard: found by index, checked for its sender, decrypted, read.

use std::net::SocketAddr;
use std::time::Duration;

use super::endpoint::{Server, mark};
use super::handler::{Listener, ServerHandler};
use super::slots::Stage;
use super::stats::DropReason;
use crate::connection::{CloseCode, CloseReason, Refusal};
use crate::ids::ConnId;
use crate::sink::DatagramSink;
use crate::time::Time;

/// A peer repeats its CLOSE for so long.
const AFTER_CLOSE: Duration = Duration::from_secs(1);

impl Server {
    /// Takes a datagram that begins like a data packet.
    pub(super) fn receive_data(
        &mut self,
        (now, from): (Time, &SocketAddr),
        datagram: &mut [u8],
        handler: &mut impl ServerHandler,
        out: &mut impl DatagramSink,
    ) -> Result<(), DropReason> {
        let id = datagram.get(1..).and_then(|rest| rest.first_chunk::<8>());
        let id = id.copied().map(u64::from_le_bytes).ok_or(DropReason::Size)?;
        let conn = self.ids.read(id).ok_or(DropReason::UnknownConnection)?;
        let Some(occupant) = self.slots.find(conn).filter(|occupant| occupant.id == id) else {
            if self.ids.is_ours(id) && !self.slots.is_quiet(now, conn) {
                self.answer_reset(now, *from, id, datagram.len(), out);
            }
            return Err(DropReason::UnknownConnection);
        };
        let elsewhere = occupant.address != *from;
        // Another address first: its datagrams must not use up the rate of the real one.
        if elsewhere {
            if !matches!(occupant.stage, Stage::Open) || !occupant.connection.is_plausible(datagram) {
                return Err(DropReason::Address);
            }
            if !occupant.path.admits(now, *from, self.stale_rate, occupant.rate) {
                return Err(DropReason::StaleRate);
            }
        } else if !occupant.bucket.take(now, occupant.rate) {
            return Err(DropReason::PacketRate);
        }
        if matches!(occupant.stage, Stage::Closing(_)) {
            return Err(DropReason::Closing);
        }
        let len = datagram.len();
        let opened = occupant.connection.open(now, datagram);
        let opened = match &opened {
            Ok(opened) => opened,
            Err(refusal) => return Err(self.refused(conn, *refusal)),
        };
        if let Stage::HalfOpen(half) = &occupant.stage {
            handler.connected(conn, &half.claims);
            occupant.stage = Stage::Open;
            self.half_open -= 1;
            self.stats.opened += 1;
        }
        if elsewhere {
            occupant.path.seen_elsewhere(now, *from, opened.newest, len, &mut self.random);
        } else if opened.newest {
            occupant.path.seen_here();
        }
        match occupant.connection.process(now, opened, &mut Listener { conn, stats: &mut self.stats, handler }) {
            Ok(None) => {
                let rest = self.config.limits.move_rest;
                if let Some(data) = occupant.connection.take_path_answer()
                    && occupant.path.confirms(now, *from, data, rest)
                {
                    if occupant.address.ip() != from.ip() {
                        occupant.connection.new_path(now);
                    }
                    occupant.address = *from;
                    self.stats.moved += 1;
                    handler.moved(conn, *from);
                }
                let (deadline, is_due) = occupant.deadline(now);
                if is_due {
                    mark(&mut self.dirty, conn.slot, occupant);
                }
                self.wheel.schedule(conn.slot, deadline);
            }
            Ok(Some((code, text))) => {
                self.forget_quietly(conn, now + AFTER_CLOSE);
                self.stats.closed += 1;
                handler.closed(conn, CloseReason::Peer(code, text));
            }
            Err(violation) => {
                self.stats.violations += 1;
                self.end(conn, CloseCode::VIOLATION, "", CloseReason::Violation(violation));
            }
        }
        Ok(())
    }

    /// What a packet that did not open counts as.
    fn refused(&mut self, conn: ConnId, refusal: Refusal) -> DropReason {
        match refusal {
            Refusal::Header => DropReason::Size,
            Refusal::Repeated | Refusal::TooOld => DropReason::Replayed,
            Refusal::Forged => DropReason::Forged,
            Refusal::WornOut => {
                self.end(conn, CloseCode::FORGED, "", CloseReason::Local(CloseCode::FORGED));
                DropReason::Forged
            }
        }
    }
}
