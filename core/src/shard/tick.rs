//! One tick of a shard: the table of contents of the engine.
//!
//! The phases inside a map are in `Map::tick`; here stands what surrounds them. The order is UC-05's.

use mu_storage::store::Outcome;
use mu_wire::Time;

use super::{Shard, deliver, portal};
use crate::journal::{Settled, since_origin};
use crate::map::Verdict;

/// Runs every map of the shard once and does what they ask for.
pub(super) fn run(shard: &mut Shard, now: Time) {
    shard.house.send_waiting();
    settle(shard);
    give_up_places(shard, now);
    let open = shard.house.value_status.open(since_origin(now)) && !shard.house.closing;
    for room in 0..shard.house.rooms.len() {
        shard.outbox.clear();
        let map = &mut shard.house.rooms[room].map;
        map.set_value_open(open);
        if map.wants_uids()
            && let Ok(block) = shard.house.uids.pop()
        {
            map.give_uids(&block);
        }
        map.tick(shard.tick, &mut shard.outbox);
        deliver::outbox(shard, room, now);
    }
    shard.house.value.notify();
    portal::part(shard, now);
}

/// Gives each decided event to the map that holds it.
fn settle(shard: &mut Shard) {
    while let Some((event_id, settled)) = shard.house.value.completion() {
        let outcome = match settled {
            Settled::Durable => Outcome::Applied,
            Settled::Decided(outcome) => outcome,
        };
        let settled = shard.house.rooms.iter_mut().any(|room| room.map.settle(event_id, Verdict::from(outcome)));
        assert!(settled, "event {event_id:032x} was decided as {outcome:?} but no map of this shard holds it");
    }
}

/// Places nobody took in time: the character goes back to the store as it was.
fn give_up_places(shard: &mut Shard, now: Time) {
    while let Some(held) = shard.house.places.expired(now) {
        shard.house.rooms[held.place.room].held -= 1;
        portal::forget(&mut shard.house, held.character, &held.place.arrival);
    }
}
