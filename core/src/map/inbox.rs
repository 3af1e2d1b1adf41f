//! What the players of a map asked for since the last tick, in order of arrival.
//!
//! Bounded twice: each player may queue [`PER_PLAYER`] things between two ticks, so that one flood does not crowd out
//! the others, and the whole queue has the size given at load. What finds no room is dropped and counted. What a tick
//! leaves over, because its outbox is full, keeps its place for the next one. Long requests lie in a table of their
//! own, so that the queue itself stays short.

use arrayvec::{ArrayString, ArrayVec};
use mu_wire::EntityId;
use mu_wire::messages::{ChatChannel, Input};

/// Most inputs and requests one player may queue between two ticks. A client sends at most a few in 50 ms.
pub const PER_PLAYER: u8 = 16;
/// Longest chat text in bytes.
pub const CHAT_BYTES: usize = 120;
/// Most items of one offer.
pub const OFFER_ITEMS: usize = 32;
/// Most items of one deal: an event creates or destroys no more.
pub const DEAL_ITEMS: usize = 16;

/// What is bought from a shop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Order {
    /// The position in the list of wares.
    pub ware: u8,
    /// How many.
    pub count: u8,
    /// The price of one that the player saw.
    pub price: u64,
}

/// A request, owned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Request {
    /// Says something.
    Chat {
        /// To whom.
        channel: ChatChannel,
        /// What.
        text: ArrayString<CHAT_BYTES>,
    },
    /// Steps through a portal.
    UsePortal(u16),
    /// Asks somebody to trade.
    TradeRequest(EntityId),
    /// Answers whoever asked.
    TradeAnswer(bool),
    /// Changes its offer.
    TradeOffer {
        /// The revision of the offers the player saw.
        revision: u32,
        /// Zen offered.
        zen: u64,
        /// Items offered.
        items: ArrayVec<i64, OFFER_ITEMS>,
    },
    /// Agrees to the offers of this revision.
    TradeConfirm(u32),
    /// Ends the trade.
    TradeCancel,
    /// Leaves the world.
    Leave,
    /// Asks a keeper what it keeps.
    KeeperOpen(EntityId),
    /// Puts into the warehouse.
    Deposit {
        /// Its keeper.
        keeper: EntityId,
        /// Zen.
        zen: u64,
        /// Items carried.
        items: ArrayVec<i64, DEAL_ITEMS>,
    },
    /// Takes out of the warehouse.
    Withdraw {
        /// Its keeper.
        keeper: EntityId,
        /// Zen.
        zen: u64,
        /// Items stored.
        items: ArrayVec<i64, DEAL_ITEMS>,
    },
    /// Buys from a shop.
    Buy {
        /// Its keeper.
        keeper: EntityId,
        /// What.
        order: Order,
    },
    /// Lays an item down.
    Drop(i64),
    /// Picks up what lies near by.
    PickUp(EntityId),
    /// Sells to a shop.
    Sell {
        /// Its keeper.
        keeper: EntityId,
        /// Items carried.
        items: ArrayVec<i64, DEAL_ITEMS>,
    },
}

/// One thing asked for.
#[derive(Debug, Clone, Copy)]
pub enum Asked {
    /// An input, with its sequence number.
    Input(u32, Input),
    /// A request, by its row.
    Request(u16),
}

/// The queue.
#[derive(Debug)]
pub struct Inbox {
    entries: Vec<(EntityId, Asked)>,
    head: usize,
    requests: Vec<Request>,
    queued: Box<[u8]>,
    capacity: usize,
    dropped: u64,
}

impl Inbox {
    /// An empty queue for `players` players, with room for `capacity` entries.
    #[must_use]
    pub fn new(players: usize, capacity: usize) -> Self {
        let capacity = capacity.min(usize::from(u16::MAX));
        Self {
            entries: Vec::with_capacity(capacity),
            head: 0,
            requests: Vec::with_capacity(capacity),
            queued: vec![0; players].into_boxed_slice(),
            capacity,
            dropped: 0,
        }
    }

    /// Queues an input; false when it was dropped.
    pub fn input(&mut self, from: EntityId, seq: u32, input: Input) -> bool {
        let room = self.admit(from);
        if room {
            self.entries.push((from, Asked::Input(seq, input)));
        }
        room
    }

    /// Queues a request; false when it was dropped.
    pub fn request(&mut self, from: EntityId, request: Request) -> bool {
        let row = u16::try_from(self.requests.len()).ok().filter(|_| self.requests.len() < self.capacity);
        let Some(row) = row else {
            self.dropped += 1;
            return false;
        };
        let room = self.admit(from);
        if room {
            self.requests.push(request);
            self.entries.push((from, Asked::Request(row)));
        }
        room
    }

    /// The next entry in order of arrival.
    pub fn take(&mut self) -> Option<(EntityId, Asked)> {
        let entry = self.entries.get(self.head).copied();
        self.head += usize::from(entry.is_some());
        entry
    }

    /// The request in a row.
    #[must_use]
    pub fn row(&self, row: u16) -> &Request {
        &self.requests[usize::from(row)]
    }

    /// Ends a tick: forgets what was handled and lets everybody queue again.
    pub fn end_tick(&mut self) {
        self.entries.drain(..self.head);
        self.head = 0;
        if self.entries.is_empty() {
            self.requests.clear();
        }
        self.queued.fill(0);
    }

    /// How many were dropped so far.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.dropped
    }

    fn admit(&mut self, from: EntityId) -> bool {
        let queued = self.queued.get_mut(usize::from(from.slot())).filter(|queued| **queued < PER_PLAYER);
        let (Some(queued), true) = (queued, self.entries.len() < self.capacity) else {
            self.dropped += 1;
            return false;
        };
        *queued += 1;
        true
    }
}
