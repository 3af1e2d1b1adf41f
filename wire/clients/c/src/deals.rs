//! Warehouse and shops: what a character does with its money and items by itself, asked for and told.

#![allow(unsafe_code, reason = "the C functions of this file; each block names the rule of the header it relies on")]
#![allow(clippy::missing_safety_doc, reason = "the rules of all functions stand once, in the header's head")]

use mu_wire::EntityId;
use mu_wire::messages::{ClientMessage, List, ServerMessage};

use crate::border::{elements, fill, guard, wanted, with, write};
use crate::client::MuClient;
use crate::send::put;
use crate::server_messages::{MuItem, message};

/// What lies in the account's warehouse: mu_read_warehouse.
pub const MU_SERVER_WAREHOUSE: u8 = 18;
/// What a shop sells: mu_read_wares.
pub const MU_SERVER_WARES: u8 = 19;
/// A deal was submitted, its goods are locked: mu_read_deal.
pub const MU_SERVER_DEAL_PENDING: u8 = 20;
/// A deal is done: mu_read_deal.
pub const MU_SERVER_DEAL_DONE: u8 = 21;
/// A deal will not be: mu_read_deal.
pub const MU_SERVER_DEAL_FAILED: u8 = 22;

/// Something a shop sells.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct MuWare {
    /// What one costs.
    pub price: u64,
    /// Which kind of item, from the world's content.
    pub template_id: u16,
    /// Its level.
    pub level: u8,
}

/// How a deal stands.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct MuDeal {
    /// The deal's name for ever, 16 bytes, the lowest first.
    pub event: [u8; 16],
    /// `Deal` of the protocol.
    pub deal: u8,
    /// `TradeFailure` of the protocol after MU_SERVER_DEAL_FAILED, else 0.
    pub reason: u8,
}

/// Asks a keeper near by what it keeps.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mu_client_keeper_open(client: *mut MuClient, keeper: u32) -> i32 {
    let message = ClientMessage::KeeperOpen { keeper: EntityId(keeper) };
    // SAFETY: rule 1.
    unsafe { with(client, |client| put(client, &message)) }
}

/// Puts this money and these items (their `uid`s, at most 16) into the warehouse.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mu_client_deposit(
    client: *mut MuClient,
    keeper: u32,
    zen: u64,
    uids: *const u64,
    count: usize,
) -> i32 {
    let inside = |client: &mut MuClient| {
        // SAFETY: rule 2.
        let items = List::new(unsafe { elements(uids, count) }?);
        put(client, &ClientMessage::Deposit { keeper: EntityId(keeper), zen, items })
    };
    // SAFETY: rule 1.
    unsafe { with(client, inside) }
}

/// Takes this money and these items (their `uid`s, at most 16) out of the warehouse.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mu_client_withdraw(
    client: *mut MuClient,
    keeper: u32,
    zen: u64,
    uids: *const u64,
    count: usize,
) -> i32 {
    let inside = |client: &mut MuClient| {
        // SAFETY: rule 2.
        let items = List::new(unsafe { elements(uids, count) }?);
        put(client, &ClientMessage::Withdraw { keeper: EntityId(keeper), zen, items })
    };
    // SAFETY: rule 1.
    unsafe { with(client, inside) }
}

/// Buys `count` of a ware, named by its position in the list, at the `price` of one that the player saw.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mu_client_buy(client: *mut MuClient, keeper: u32, ware: u8, count: u8, price: u64) -> i32 {
    let message = ClientMessage::Buy { keeper: EntityId(keeper), ware, count, price };
    // SAFETY: rule 1.
    unsafe { with(client, |client| put(client, &message)) }
}

/// Sells these items (their `uid`s, at most 16).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mu_client_sell(client: *mut MuClient, keeper: u32, uids: *const u64, count: usize) -> i32 {
    let inside = |client: &mut MuClient| {
        // SAFETY: rule 2.
        let items = List::new(unsafe { elements(uids, count) }?);
        put(client, &ClientMessage::Sell { keeper: EntityId(keeper), items })
    };
    // SAFETY: rule 1.
    unsafe { with(client, inside) }
}

/// Lays an item down where the character stands.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mu_client_drop(client: *mut MuClient, item: u64) -> i32 {
    // SAFETY: rule 1.
    unsafe { with(client, |client| put(client, &ClientMessage::Drop { item })) }
}

/// Picks up what lies near by.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mu_client_pick_up(client: *mut MuClient, target: u32) -> i32 {
    let message = ClientMessage::PickUp { target: EntityId(target) };
    // SAFETY: rule 1.
    unsafe { with(client, |client| put(client, &message)) }
}

/// The money, as many items as `capacity` allows into `items`, and into `*count` how many there are, at most 64.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mu_read_warehouse(
    data: *const u8,
    length: usize,
    zen: *mut u64,
    items: *mut MuItem,
    capacity: usize,
    count: *mut usize,
) -> i32 {
    guard(|| {
        wanted(zen)?;
        wanted(count)?;
        let pick = |message: ServerMessage<'_>| match message {
            ServerMessage::Warehouse { zen: money, items: stored } => {
                // SAFETY: rule 2.
                let there = unsafe { fill(items, capacity, stored.iter().map(MuItem::new)) };
                Some(there.map(|there| (money, there)))
            }
            _ => None,
        };
        // SAFETY: rule 2.
        unsafe {
            let (money, there) = message(data, length, pick)??;
            write(zen, money)?;
            write(count, there)
        }
    })
}

/// The keeper of a shop, as many wares as `capacity` allows into `wares`, and into `*count` how many there are, at most 32.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mu_read_wares(
    data: *const u8,
    length: usize,
    keeper: *mut u32,
    wares: *mut MuWare,
    capacity: usize,
    count: *mut usize,
) -> i32 {
    guard(|| {
        wanted(keeper)?;
        wanted(count)?;
        let pick = |message: ServerMessage<'_>| match message {
            ServerMessage::Wares { keeper, wares: sold, .. } => {
                let sold =
                    sold.iter().map(|ware| MuWare { price: ware.price, template_id: ware.template, level: ware.level });
                // SAFETY: rule 2.
                let there = unsafe { fill(wares, capacity, sold) };
                Some(there.map(|there| (keeper.0, there)))
            }
            _ => None,
        };
        // SAFETY: rule 2.
        unsafe {
            let (who, there) = message(data, length, pick)??;
            write(keeper, who)?;
            write(count, there)
        }
    })
}

/// How a deal stands.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mu_read_deal(data: *const u8, length: usize, deal: *mut MuDeal) -> i32 {
    let pick = |message: ServerMessage<'_>| match message {
        ServerMessage::DealPending { event, deal } | ServerMessage::DealDone { event, deal } => Some((event, deal, 0)),
        ServerMessage::DealFailed { event, deal, reason } => Some((event, deal, reason as u8)),
        _ => None,
    };
    // SAFETY: rule 2, twice.
    guard(|| unsafe {
        let (event, what, reason) = message(data, length, pick)?;
        write(deal, MuDeal { event: event.to_le_bytes(), deal: what as u8, reason })
    })
}
