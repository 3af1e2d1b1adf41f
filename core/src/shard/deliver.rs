//! Does what a map's tick asked for: messages to connections, events to the journal, rows to the persist thread.

use mu_wire::{CloseCode, Time};

use super::{Shard, contents, portal};
use crate::map::{Event, Verdict};

/// Empties the outbox of the room's last tick.
pub(super) fn outbox(shard: &mut Shard, room: usize, now: Time) {
    let Shard { server, house, outbox, crossings, .. } = shard;
    for event in outbox.iter() {
        match event {
            Event::Send { to, lane, bytes, lossy } => {
                let Some(conn) = house.rooms[room].conn(to) else { continue };
                match server.send(conn, lane, bytes) {
                    Ok(()) => {}
                    Err(_full) if lossy => {}
                    Err(_full) => server.close(conn, CloseCode::OVERLOADED, "messages were not read in time"),
                }
            }
            Event::Critical(value) => {
                house.counts.events += 1;
                if house.value.submit(value, now).is_err() {
                    house.counts.events_refused += 1;
                    let held = house.rooms[room].map.settle(value.event_id, Verdict::NotTaken);
                    assert!(held, "the map holds what it just submitted");
                }
            }
            Event::Entered(player) => contents::tell(server, house, room, player),
            // Last, below: it takes players out of this map and may put them into another one of this shard.
            Event::Portal { player, portal } => crossings.push((player, portal)),
            Event::Departed(departure) => {
                let conn = house.rooms[room].conns[usize::from(departure.player.slot())].take();
                house.people.remove(&departure.character());
                if let Some(conn) = conn {
                    house.seats.leave(conn);
                    server.close(conn, CloseCode::DONE, "goodbye");
                }
                house.store_final(departure.hot);
            }
            Event::Dirty(row) => house.store(row),
        }
    }
    while let Some((player, number)) = shard.crossings.pop() {
        portal::step_through(shard, room, player, number);
    }
}
