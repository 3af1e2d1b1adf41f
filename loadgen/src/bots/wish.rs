//! What a mind wants done on its connection. Minds wish while a datagram is being read; wishes are carried out right after.

use mu_wire::messages::Input;
use mu_wire::{EntityId, Time};

/// Items a bot offers in a trade at most.
pub(super) const OFFER_ITEMS: usize = 2;

/// One wish.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wish {
    /// Send an input.
    Input(Input),
    /// Say something; the listeners measure from this time.
    Chat(Time),
    /// Use a portal.
    UsePortal(u16),
    /// Ask for a trade.
    TradeRequest(EntityId),
    /// Answer whoever asked.
    TradeAnswer(bool),
    /// Put goods on the table.
    TradeOffer {
        /// The table it was decided on.
        revision: u32,
        /// The goods.
        goods: Goods,
    },
    /// Agree to the table.
    TradeConfirm(u32),
    /// Leave the trade, or take back the question.
    TradeCancel,
    /// Ask a keeper what it keeps.
    KeeperOpen(EntityId),
    /// Put goods into the warehouse.
    Deposit {
        /// Its keeper.
        keeper: EntityId,
        /// The goods.
        goods: Goods,
    },
    /// Take goods out of the warehouse.
    Withdraw {
        /// Its keeper.
        keeper: EntityId,
        /// The goods.
        goods: Goods,
    },
    /// Buy one of a ware.
    Buy {
        /// The shop's keeper.
        keeper: EntityId,
        /// The position in the list.
        ware: u8,
        /// Its price.
        price: u64,
    },
    /// Sell an item.
    Sell {
        /// The shop's keeper.
        keeper: EntityId,
        /// The item.
        item: u64,
    },
    /// Lay an item down.
    Drop(u64),
    /// Pick up what lies near.
    PickUp(EntityId),
    /// End the session.
    Leave,
}

/// What one side of a trade gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Goods {
    /// Zen.
    pub(super) zen: u64,
    items: [u64; OFFER_ITEMS],
    count: usize,
}

impl Goods {
    /// Zen and no items.
    pub(super) fn of_zen(zen: u64) -> Self {
        Self { zen, ..Self::default() }
    }

    /// Adds an item; one too many is left out.
    pub(super) fn push(&mut self, item: u64) {
        if let Some(place) = self.items.get_mut(self.count) {
            *place = item;
            self.count += 1;
        }
    }

    /// The items.
    pub(super) fn items(&self) -> &[u64] {
        &self.items[..self.count]
    }

    /// Whether it is nothing at all.
    pub(super) fn is_empty(&self) -> bool {
        self.zen == 0 && self.count == 0
    }
}
