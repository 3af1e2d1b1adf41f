//! The server's messages of a trade as structs: the data of a MU_EVENT_MESSAGE goes in.

#![allow(unsafe_code, reason = "the C functions of this file; each block names the rule of the header it relies on")]
#![allow(clippy::missing_safety_doc, reason = "the rules of all functions stand once, in the header's head")]

use std::ffi::c_char;

use mu_wire::messages::{Offer, ServerMessage};

use crate::border::{fill, guard, wanted, write};
use crate::entities::zero_ended;
use crate::server_messages::{MuItem, message};
use crate::status::Status;

/// The other side of a trade.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct MuTradePartner {
    /// The other player's entity.
    pub entity: u32,
    /// The other player's name.
    pub name: [c_char; 11],
}

/// The table of a trade.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct MuTradeTable {
    /// Money on the own side.
    pub my_zen: u64,
    /// Money on the other side.
    pub their_zen: u64,
    /// How many items lie on the own side, at most 32.
    pub my_items: usize,
    /// How many items lie on the other side, at most 32.
    pub their_items: usize,
    /// What offers and confirmations have to name.
    pub revision: u32,
}

/// How a trade stands after both confirmed, or why it is closed.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct MuTradeEnd {
    /// The trade's name for ever, 16 bytes, the lowest first; zeros if it was closed without an exchange.
    pub event: [u8; 16],
    /// `TradeFailure` of the protocol after MU_SERVER_TRADE_FAILED, `TradeClose` after MU_SERVER_TRADE_CLOSED, else 0.
    pub reason: u8,
}

/// Who asks to trade, or with whom the trade has begun.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mu_read_trade_partner(data: *const u8, length: usize, partner: *mut MuTradePartner) -> i32 {
    let pick = |message: ServerMessage<'_>| match message {
        ServerMessage::TradeRequested { from: entity, name } | ServerMessage::TradeOpened { with: entity, name } => {
            Some(MuTradePartner { entity: entity.0, name: zero_ended(name) })
        }
        _ => None,
    };
    // SAFETY: rule 2, twice.
    guard(|| unsafe { write(partner, message(data, length, pick)?) })
}

/// The table as it is now; of each side as many items as its capacity allows.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mu_read_trade_offers(
    data: *const u8,
    length: usize,
    table: *mut MuTradeTable,
    mine: *mut MuItem,
    mine_capacity: usize,
    theirs: *mut MuItem,
    theirs_capacity: usize,
) -> i32 {
    guard(|| {
        wanted(table)?;
        let pick = |message: ServerMessage<'_>| match message {
            ServerMessage::TradeOffers { revision, mine: ours, theirs: others } => {
                // SAFETY: rule 2, for each side.
                let (my_items, their_items) =
                    unsafe { (side(mine, mine_capacity, &ours), side(theirs, theirs_capacity, &others)) };
                Some((revision, ours.zen, others.zen, my_items, their_items))
            }
            _ => None,
        };
        // SAFETY: rule 2.
        unsafe {
            let (revision, my_zen, their_zen, my_items, their_items) = message(data, length, pick)?;
            write(table, MuTradeTable { my_zen, their_zen, my_items: my_items?, their_items: their_items?, revision })
        }
    })
}

/// One side's items.
///
/// # Safety
/// Rule 2.
unsafe fn side(to: *mut MuItem, capacity: usize, offer: &Offer<'_>) -> Result<usize, Status> {
    // SAFETY: handed on.
    unsafe { fill(to, capacity, offer.items.iter().map(MuItem::new)) }
}

/// Who has confirmed the table: 1 or 0 for the own side and the other.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mu_read_trade_confirmed(
    data: *const u8,
    length: usize,
    mine: *mut u8,
    theirs: *mut u8,
) -> i32 {
    guard(|| {
        wanted(theirs)?;
        let pick = |message: ServerMessage<'_>| match message {
            ServerMessage::TradeConfirmed { mine, theirs } => Some((u8::from(mine), u8::from(theirs))),
            _ => None,
        };
        // SAFETY: rule 2.
        unsafe {
            let (own, other) = message(data, length, pick)?;
            write(mine, own)?;
            write(theirs, other)
        }
    })
}

/// How a trade stands after both confirmed, or why it is closed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mu_read_trade_end(data: *const u8, length: usize, end: *mut MuTradeEnd) -> i32 {
    let pick = |message: ServerMessage<'_>| match message {
        ServerMessage::TradePending { event } | ServerMessage::TradeDone { event } => Some((event, 0)),
        ServerMessage::TradeFailed { event, reason } => Some((event, reason as u8)),
        ServerMessage::TradeClosed { reason } => Some((0, reason as u8)),
        _ => None,
    };
    // SAFETY: rule 2, twice.
    guard(|| unsafe {
        let (event, reason) = message(data, length, pick)?;
        write(end, MuTradeEnd { event: event.to_le_bytes(), reason })
    })
}
