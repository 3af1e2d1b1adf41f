//! What the control thread asks for: hold a place, send a character away, close.

use std::time::Duration;

use mu_storage::ids::CharacterId;
use mu_wire::messages::{KickReason, ServerMessage};
use mu_wire::{CloseCode, ConnId, Time};

use super::Shard;
use super::command::{Command, EvictReason, Reservation, ReserveRefusal};
use super::house::{Arrival, Entering, House};
use super::portal;

/// Commands taken per step; the queue holds 1,024 and a step comes every 5 ms.
const COMMANDS_PER_STEP: usize = 256;

/// Does what was asked since the last step.
pub(super) fn drain(shard: &mut Shard, now: Time) {
    for _ in 0..COMMANDS_PER_STEP {
        let Ok(command) = shard.house.commands.try_recv() else { return };
        match command {
            Command::Reserve { reservation, reply } => {
                let held = reserve(&mut shard.house, *reservation, now);
                // A caller that went away leaves a place that runs out.
                let _caller_gone = reply.send(held);
            }
            Command::Evict { character, why } => evict(shard, character, why),
            Command::Close { seconds } => close(shard, seconds),
        }
    }
}

fn reserve(house: &mut House, reservation: Reservation, now: Time) -> Result<(), ReserveRefusal> {
    let character = reservation.character.hot.character;
    let Some(room) = house.room_of(reservation.instance) else { return Err(ReserveRefusal::UnknownInstance) };
    if house.closing {
        return Err(ReserveRefusal::Closing);
    }
    if house.people.contains_key(&character) || house.places.has_character(character) {
        return Err(ReserveRefusal::AlreadyHere);
    }
    if house.places.is_full() || !house.rooms[room].has_place() {
        return Err(ReserveRefusal::Full);
    }
    let expires = now + Duration::from_secs(u64::from(reservation.ttl_s));
    let place = Entering { room, arrival: Arrival::Fresh(Box::new(reservation.character)) };
    house.places.hold(reservation.token_id, character, place, expires);
    house.rooms[room].held += 1;
    Ok(())
}

/// The character must go, wherever in this shard it is; not knowing it means it is not here any more.
fn evict(shard: &mut Shard, character: CharacterId, why: EvictReason) {
    if let Some(held) = shard.house.places.give_up(character) {
        shard.house.rooms[held.place.room].held -= 1;
        portal::forget(&mut shard.house, character, &held.place.arrival);
    } else if let Some((room, player)) = shard.house.people.get(&character).copied() {
        if let Some(conn) = shard.house.rooms[room].conn(player) {
            dismiss(shard, conn, why);
        }
        shard.house.rooms[room].map.detach(player);
    }
}

/// Tells a player why and closes its connection.
fn dismiss(shard: &mut Shard, conn: ConnId, why: EvictReason) {
    let (reason, code, text) = match why {
        EvictReason::Replaced => (KickReason::NewSession, CloseCode::REPLACED, "this account logged in elsewhere"),
        EvictReason::Logout => (KickReason::Closing, CloseCode::DONE, "logged out"),
        EvictReason::ServerClosing => (KickReason::Closing, CloseCode::SHUTDOWN, "the server closes"),
    };
    // Its lane may be full; the close below says the same.
    let _lane_full = portal::say(shard, conn, &ServerMessage::Kicked { reason });
    if let Some(seat) = shard.house.seats.leave(conn) {
        shard.house.rooms[seat.room].conns[usize::from(seat.player.slot())] = None;
    }
    shard.server.close(conn, code, text);
}

/// UC-14: nobody enters any more, and everybody is told when it ends.
fn close(shard: &mut Shard, seconds: u16) {
    shard.house.closing = true;
    let conns: Vec<ConnId> = shard.house.seats.iter().map(|seat| seat.conn).collect();
    for conn in conns {
        let _lane_full = portal::say(shard, conn, &ServerMessage::ServerClosing { seconds });
    }
}

/// Sends everybody away; called once the announced time is over.
pub(super) fn evict_all(shard: &mut Shard) {
    let here: Vec<CharacterId> = shard.house.people.keys().copied().collect();
    for character in here {
        evict(shard, character, EvictReason::ServerClosing);
    }
    while let Some(held) = shard.house.places.give_up_any() {
        shard.house.rooms[held.place.room].held -= 1;
        portal::forget(&mut shard.house, held.character, &held.place.arrival);
    }
}
