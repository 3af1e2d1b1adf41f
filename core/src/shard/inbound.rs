//! What the protocol hands a shard: a client that connects, its messages and inputs, the fate of its snapshots, its end.
//!
//! Bad bytes are counted, never answered and never a panic: the peer is authenticated, so they are a bug or a cheat of
//! that client alone. Who keeps sending them is closed.

use mu_storage::ids::AccountId;
use mu_wire::messages::{ClientMessage, Input};
use mu_wire::{Admission, CloseReason, ConnId, Lane, RejectCode, ServerHandler, Time, TokenClaims};

use super::command::Report;
use super::house::{Arrival, Entering, House, Parting, PartingReason, Seat};

impl ServerHandler for House {
    fn incoming(&mut self, claims: &TokenClaims) -> Admission {
        if self.places.has(&claims.token_id) {
            Admission::Accept
        } else if self.closing {
            Admission::Refuse(RejectCode::Closing)
        } else {
            // The place ran out, or was given up because the account logged in again.
            Admission::Refuse(RejectCode::Expired)
        }
    }

    fn connected(&mut self, conn: ConnId, claims: &TokenClaims) {
        let Some(held) = self.places.take(&claims.token_id) else {
            // Given up between INIT and the first packet: there is nothing to play here; closed in the next tick.
            self.partings.push(Parting { conn, at: Time::ZERO, why: PartingReason::Moved });
            return;
        };
        let (character, Entering { room: index, arrival }) = (held.character, held.place);
        let fresh = matches!(arrival, Arrival::Fresh(_));
        let room = &mut self.rooms[index];
        room.held -= 1;
        let player = arrival.enter(&mut room.map, true);
        room.conns[usize::from(player.slot())] = Some(conn);
        let instance = room.instance;
        self.people.insert(character, (index, player));
        self.seats.take(Seat { conn, room: index, player, malformed: 0 });
        if fresh {
            let account = AccountId(i64::try_from(claims.account).unwrap_or(0));
            self.report(Report::Entered { account, character, instance });
        }
    }

    fn message(&mut self, conn: ConnId, lane: Lane, bytes: &[u8]) {
        let Some(seat) = self.seats.find(conn) else { return };
        match ClientMessage::decode_on(lane, bytes) {
            Ok(message) => {
                self.rooms[seat.room].map.request(seat.player, &message);
            }
            Err(_malformed) => self.malformed(conn),
        }
    }

    fn input(&mut self, conn: ConnId, seq: u32, bytes: &[u8]) {
        let Some(seat) = self.seats.find(conn) else { return };
        match Input::decode(bytes) {
            Ok(input) => {
                self.rooms[seat.room].map.input(seat.player, seq, input);
            }
            Err(_malformed) => self.malformed(conn),
        }
    }

    fn snapshot_delivered(&mut self, conn: ConnId, packet: u64) {
        if let Some(seat) = self.seats.find(conn) {
            self.rooms[seat.room].map.snapshot_delivered(seat.player, packet);
        }
    }

    fn snapshot_lost(&mut self, conn: ConnId, packet: u64) {
        if let Some(seat) = self.seats.find(conn) {
            self.rooms[seat.room].map.snapshot_lost(seat.player, packet);
        }
    }

    fn closed(&mut self, conn: ConnId, _why: CloseReason) {
        self.partings.retain(|parting| parting.conn != conn);
        if let Some(seat) = self.seats.leave(conn) {
            let room = &mut self.rooms[seat.room];
            room.conns[usize::from(seat.player.slot())] = None;
            room.map.detach(seat.player);
        }
    }
}
