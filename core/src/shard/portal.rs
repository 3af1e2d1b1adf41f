//! Through a portal (UC-08): inside the shard the connection stays, to another shard the player gets a transfer token.
//!
//! To another shard a copy travels while the player stands frozen in its map. The source lets go only after the target
//! holds a place, and the target lets its player in only with the ticket that the source passes on after letting go: so
//! no player ever acts in two places. If the source cannot let go any more, it withdraws the place.

use std::time::Duration;

use mu_config::Portal;
use mu_storage::ids::CharacterId;
use mu_wire::messages::{MAX_MESSAGE_BYTES, Refusal, ServerMessage};
use mu_wire::motion::Tile;
use mu_wire::{ConnId, ConnectTicket, EntityId, Time, TokenClaims, USER_DATA_LEN};

use super::Shard;
use super::command::{Report, ShardId};
use super::house::{Arrival, Entering, House, Parting, PartingReason, Seat};
use super::peers::{Arriving, Move, PeerMessage};
use crate::directory::Route;
use crate::map::Transit;
use crate::runtime::Clock;

/// How long a player has to connect to the other shard.
const TRANSFER_TTL: Duration = Duration::from_secs(10);

/// How long the old connection lives on, so that the transfer message arrives; a client closes it earlier.
const PARTING: Duration = Duration::from_secs(3);

/// A player stepped into a portal and is frozen: hand it over, or let it stay.
pub(super) fn step_through(shard: &mut Shard, room: usize, player: EntityId, number: u16) {
    let from = &shard.house.rooms[room];
    let portal = from.portals.iter().find(|portal| portal.id == number).cloned();
    let target =
        portal.as_ref().and_then(|portal| shard.house.routes.find(from.world, from.entry, portal.to_map).copied());
    let crossed = match (portal, target) {
        (Some(portal), Some(route)) if route.shard == shard.house.id => {
            cross_inside(&mut shard.house, (room, player), route, &portal)
        }
        (Some(portal), Some(route)) => offer(&mut shard.house, (room, player), route, &portal),
        _ => false,
    };
    if !crossed {
        stay(shard, room, player, number);
    }
}

/// The player goes on where it is, and is told that the other side takes nobody.
fn stay(shard: &mut Shard, room: usize, player: EntityId, portal: u16) {
    shard.house.rooms[room].map.stay(player);
    if let Some(conn) = shard.house.rooms[room].conn(player) {
        say(shard, conn, &ServerMessage::Refused { what: Refusal::PortalFull, detail: u32::from(portal) });
    }
}

/// Sends one message, twice for speed: what is said here ends or changes a session. False when it could not be queued.
pub(super) fn say(shard: &mut Shard, conn: ConnId, message: &ServerMessage<'_>) -> bool {
    let mut bytes = [0; MAX_MESSAGE_BYTES];
    message
        .encode(&mut bytes)
        .is_ok_and(|length| shard.server.send_twice(conn, message.lane(), &bytes[..length]).is_ok())
}

/// Another room of this shard: same connection, next tick. False when it has no place.
fn cross_inside(house: &mut House, (room, player): (usize, EntityId), route: Route, portal: &Portal) -> bool {
    let Some(target) = house.room_of(route.instance).filter(|target| house.rooms[*target].has_place()) else {
        return false;
    };
    let Ok(transit) = house.rooms[room].map.hand_over(player) else { return false };
    let conn = house.rooms[room].conns[usize::from(player.slot())].take();
    let character = transit.character();
    let arrival = Arrival::Transit { transit, to: landing(portal), heading: portal.heading };
    let arrived = arrival.enter(&mut house.rooms[target].map, conn.is_some());
    house.people.insert(character, (target, arrived));
    if let Some(conn) = conn {
        house.rooms[target].conns[usize::from(arrived.slot())] = Some(conn);
        if let Some(seat) = house.seats.find_mut(conn) {
            *seat = Seat { room: target, player: arrived, ..*seat };
        }
    }
    house.report(Report::Moved { character, instance: route.instance });
    true
}

fn landing(portal: &Portal) -> Tile {
    // Content checks keep arrivals inside maps of at most 256 × 256 tiles.
    let byte = |tile: u16| u8::try_from(tile).unwrap_or(u8::MAX);
    Tile { x: byte(portal.to.0), y: byte(portal.to.1) }
}

/// Another shard: a copy travels, the player waits for the answer. False when it cannot be offered.
fn offer(house: &mut House, (room, player): (usize, EntityId), route: Route, portal: &Portal) -> bool {
    let Some(conn) = house.rooms[room].conn(player) else { return false };
    let Ok(transit) = house.rooms[room].map.copy(player) else { return false };
    let character = transit.character();
    let arriving = Arriving { instance: route.instance, to: landing(portal), heading: portal.heading, transit, conn };
    let sent = house.peers.send(route.shard, PeerMessage::Offer(arriving));
    if sent {
        house.moves.push(Move { conn, character, room, player, portal: portal.id, route });
    }
    sent
}

/// Reads what the other shards say.
pub(super) fn drain_peers(shard: &mut Shard, now: Time) {
    while let Some((from, message)) = shard.house.peers.receive() {
        match message {
            PeerMessage::Offer(arriving) => {
                let conn = arriving.conn;
                let answer = match hold(&mut shard.house, arriving, now) {
                    Some(ticket) => PeerMessage::Accepted { conn, ticket: Box::new(ticket) },
                    None => PeerMessage::Refused { conn },
                };
                // Without room for the answer the source keeps its player, and the place here runs out.
                let _unanswered = shard.house.peers.send(from, answer);
            }
            PeerMessage::Accepted { conn, ticket } => {
                if let Some(moved) = take_move(&mut shard.house, conn) {
                    let_go(shard, from, moved, &ticket, now);
                }
            }
            PeerMessage::Refused { conn } => {
                if let Some(moved) = take_move(&mut shard.house, conn) {
                    stay(shard, moved.room, moved.player, moved.portal);
                }
            }
            PeerMessage::Withdrawn { character } => {
                if let Some(held) = shard.house.places.give_up(character) {
                    shard.house.rooms[held.place.room].held -= 1;
                }
            }
        }
    }
}

/// Holds a place for a character from another shard and makes the ticket its player connects with.
fn hold(house: &mut House, arriving: Arriving, now: Time) -> Option<ConnectTicket> {
    let room = house.room_of(arriving.instance)?;
    if house.closing || house.places.is_full() || !house.rooms[room].has_place() {
        return None;
    }
    let character = arriving.transit.character();
    let (token_id, ticket) = ticket(house, &arriving.transit);
    let arrival = Arrival::Transit { transit: arriving.transit, to: arriving.to, heading: arriving.heading };
    house.places.hold(token_id, character, Entering { room, arrival }, now + TRANSFER_TTL);
    house.rooms[room].held += 1;
    Some(ticket)
}

/// A transfer token for this shard, and its id.
fn ticket(house: &mut House, transit: &Transit) -> ([u8; 16], ConnectTicket) {
    let issued_s = Clock::unix_s();
    let claims = TokenClaims {
        token_id: house.random.array(),
        account: transit.account().0.unsigned_abs(),
        character: transit.character().0.unsigned_abs(),
        issued_s,
        expires_s: issued_s + TRANSFER_TTL.as_secs(),
        realm: house.realm,
        home_shard: house.id.0,
        flags: 0,
        psk: house.random.array(),
        max_down: 0,
        max_pps: 0,
        max_up: 0,
        user_data: [0; USER_DATA_LEN],
    };
    let ticket = house.sealer.seal(&claims, house.id.0, &mut house.random);
    (claims.token_id, ticket)
}

fn take_move(house: &mut House, conn: ConnId) -> Option<Move> {
    let index = house.moves.iter().position(|moved| moved.conn == conn)?;
    Some(house.moves.swap_remove(index))
}

/// The target holds the character: tell its player where to go, and let go. If the player's connection ended meanwhile,
/// the character stays this shard's and leaves from here.
fn let_go(shard: &mut Shard, target: ShardId, moved: Move, ticket: &ConnectTicket, now: Time) {
    let here = shard.house.seats.find(moved.conn).is_some_and(|seat| seat.player == moved.player);
    if !here || shard.house.rooms[moved.room].map.hand_over(moved.player).is_err() {
        shard.house.rooms[moved.room].map.stay(moved.player);
        // Without room for this the place runs out there, and its older state loses against what is stored from here.
        let _unsent = shard.house.peers.send(target, PeerMessage::Withdrawn { character: moved.character });
        return;
    }
    shard.house.counts.transfers += 1;
    shard.house.seats.leave(moved.conn);
    shard.house.rooms[moved.room].conns[usize::from(moved.player.slot())] = None;
    shard.house.people.remove(&moved.character);
    shard.house.report(Report::Moved { character: moved.character, instance: moved.route.instance });
    let told = say(shard, moved.conn, &transfer(moved.route, ticket));
    shard.house.partings.push(Parting {
        conn: moved.conn,
        at: if told { now + PARTING } else { now },
        why: PartingReason::Moved,
    });
}

fn transfer(route: Route, ticket: &ConnectTicket) -> ServerMessage<'_> {
    ServerMessage::Transfer {
        address: route.endpoint,
        routing_id: ticket.routing_id,
        key_id: ticket.key_id,
        expires_s: ticket.expires_s,
        sealed_token: &ticket.sealed_token,
        psk: &ticket.psk,
        server_key: &ticket.server_key,
    }
}

/// A place nobody took: what its character last was is stored, and only then may it be loaded again.
pub(super) fn forget(house: &mut House, character: CharacterId, arrival: &Arrival) {
    match arrival {
        // As it was loaded: there is nothing newer to store.
        Arrival::Fresh(loaded) => {
            house.report(Report::Left { character, owner_epoch: loaded.hot.owner_epoch });
        }
        Arrival::Transit { transit, .. } => house.store_final(transit.hot()),
    }
}

/// Closes the connections whose time to part has come.
pub(super) fn part(shard: &mut Shard, now: Time) {
    let Shard { server, house, .. } = shard;
    house.partings.retain(|parting| {
        let due = parting.at <= now;
        if due {
            let (code, text) = parting.why.told();
            server.close(parting.conn, code, text);
        }
        !due
    });
}
