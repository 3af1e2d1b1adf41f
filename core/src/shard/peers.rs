//! The rings between shards: what they say to each other when a character goes through a portal to another core.
//!
//! One ring for each ordered pair of shards; a full one means the portal takes nobody now.

use mu_storage::ids::CharacterId;
use mu_wire::motion::Tile;
use mu_wire::{ConnId, ConnectTicket, EntityId};
use rtrb::{Consumer, Producer, RingBuffer};

use super::command::{InstanceId, ShardId};
use crate::directory::Route;
use crate::map::Transit;

/// Messages that may wait for another shard; a full ring keeps the player where it is.
const PEER_QUEUE_MAX: usize = 256;

/// A character that asks for a place in another shard.
#[derive(Debug)]
pub(super) struct Arriving {
    pub(super) instance: InstanceId,
    pub(super) to: Tile,
    pub(super) heading: u8,
    /// A copy: the source still holds the player, frozen.
    pub(super) transit: Box<Transit>,
    /// The source's connection; repeated in the answer.
    pub(super) conn: ConnId,
}

/// What one shard says to another.
#[derive(Debug)]
pub(super) enum PeerMessage {
    /// Hold a place for this character.
    Offer(Arriving),
    /// A place is held; its player connects with this ticket.
    Accepted { conn: ConnId, ticket: Box<ConnectTicket> },
    /// No place.
    Refused { conn: ConnId },
    /// The character stays with the source after all: give up its place and forget the copy.
    Withdrawn { character: CharacterId },
}

/// A character offered to another shard, until that answers.
#[derive(Debug, Clone, Copy)]
pub(super) struct Move {
    pub(super) conn: ConnId,
    pub(super) character: CharacterId,
    /// Where it stands meanwhile.
    pub(super) room: usize,
    pub(super) player: EntityId,
    pub(super) portal: u16,
    /// Where it goes.
    pub(super) route: Route,
}

/// One shard's ends of the rings to and from every other shard.
#[derive(Debug)]
pub struct PeerLinks {
    to: Vec<Option<Producer<PeerMessage>>>,
    from: Vec<Option<Consumer<PeerMessage>>>,
}

impl PeerLinks {
    /// Sends; false when the ring is full or there is no such other shard, and nothing was sent.
    pub(super) fn send(&mut self, shard: ShardId, message: PeerMessage) -> bool {
        let ring = self.to.get_mut(usize::from(shard.0)).and_then(Option::as_mut);
        ring.is_some_and(|ring| ring.push(message).is_ok())
    }

    /// The next message and who sent it.
    pub(super) fn receive(&mut self) -> Option<(ShardId, PeerMessage)> {
        self.from.iter_mut().zip(0u8..).find_map(|(ring, shard)| {
            let message = ring.as_mut()?.pop().ok()?;
            Some((ShardId(shard), message))
        })
    }

    /// True when nothing is on its way here.
    pub(super) fn is_quiet(&self) -> bool {
        self.from.iter().flatten().all(Consumer::is_empty)
    }
}

/// The rings of `shards` shards, each to each.
#[must_use]
pub fn peer_links(shards: usize) -> Vec<PeerLinks> {
    let mut links: Vec<PeerLinks> =
        (0..shards).map(|_| PeerLinks { to: Vec::new(), from: (0..shards).map(|_| None).collect() }).collect();
    for source in 0..shards {
        for target in 0..shards {
            if source == target {
                links[source].to.push(None);
                continue;
            }
            let (producer, consumer) = RingBuffer::new(PEER_QUEUE_MAX);
            links[source].to.push(Some(producer));
            links[target].from[source] = Some(consumer);
        }
    }
    links
}
