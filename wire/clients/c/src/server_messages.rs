//! The server's messages as structs: the data of a MU_EVENT_MESSAGE goes in.
//!
//! Each function reads the one message it is named after; any other is MU_ERROR_OTHER_MESSAGE.

#![allow(unsafe_code, reason = "the C functions of this file; each block names the rule of the header it relies on")]
#![allow(clippy::missing_safety_doc, reason = "the rules of all functions stand once, in the header's head")]

use std::ffi::c_char;

use mu_wire::ConnectTicket;
use mu_wire::messages::{Item, ServerMessage};

use crate::border::{bytes, fill, guard, wanted, write};
use crate::entities::zero_ended;
use crate::status::{MU_ERROR_OTHER_MESSAGE, Status};
use crate::ticket::MuTicket;

/// The character stands on a map: mu_read_spawned.
pub const MU_SERVER_SPAWNED: u8 = 1;
/// What the character owns: mu_read_inventory.
pub const MU_SERVER_INVENTORY: u8 = 2;
/// Somebody said something: mu_read_chat.
pub const MU_SERVER_CHAT: u8 = 3;
/// The server's own words: mu_read_notice.
pub const MU_SERVER_NOTICE: u8 = 4;
/// A request was not granted: mu_read_refused.
pub const MU_SERVER_REFUSED: u8 = 5;
/// The character is elsewhere than the inputs would have it: mu_read_correction.
pub const MU_SERVER_CORRECTION: u8 = 6;
/// A player asks to trade: mu_read_trade_partner.
pub const MU_SERVER_TRADE_REQUESTED: u8 = 7;
/// The trade has begun: mu_read_trade_partner.
pub const MU_SERVER_TRADE_OPENED: u8 = 8;
/// The table as it is now: mu_read_trade_offers.
pub const MU_SERVER_TRADE_OFFERS: u8 = 9;
/// Who has confirmed: mu_read_trade_confirmed.
pub const MU_SERVER_TRADE_CONFIRMED: u8 = 10;
/// Both confirmed, the goods are locked: mu_read_trade_end.
pub const MU_SERVER_TRADE_PENDING: u8 = 11;
/// The exchange is done: mu_read_trade_end.
pub const MU_SERVER_TRADE_DONE: u8 = 12;
/// The exchange will not be: mu_read_trade_end.
pub const MU_SERVER_TRADE_FAILED: u8 = 13;
/// The table is closed: mu_read_trade_end.
pub const MU_SERVER_TRADE_CLOSED: u8 = 14;
/// The character goes on elsewhere: mu_read_transfer.
pub const MU_SERVER_TRANSFER: u8 = 15;
/// The session is over: mu_read_kicked.
pub const MU_SERVER_KICKED: u8 = 16;
/// The server stops soon: mu_read_server_closing.
pub const MU_SERVER_CLOSING: u8 = 17;

/// Where and as what the character stands.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct MuSpawned {
    /// The character, as the gateway numbers it.
    pub character: u64,
    /// Its entity on this map.
    pub entity: u32,
    /// Which instance of the map.
    pub instance: u32,
    /// The tick from which this holds.
    pub tick: u32,
    /// The world.
    pub world: u16,
    /// The entry point.
    pub entry: u16,
    /// The map, from the world's content.
    pub map: u16,
    /// Place in 1/256 tiles, eastward.
    pub x: u16,
    /// Place in 1/256 tiles, southward.
    pub y: u16,
    /// Health.
    pub hp: u16,
    /// Health when unhurt.
    pub hp_max: u16,
    /// Mana.
    pub mp: u16,
    /// Mana when rested.
    pub mp_max: u16,
    /// The character's name.
    pub name: [c_char; 11],
}

/// An item.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct MuItem {
    /// Its identity, never reused.
    pub uid: u64,
    /// Which kind of item, from the world's content.
    pub template_id: u16,
    /// Where it lies in its owner's inventory.
    pub slot: u8,
    /// Its level.
    pub level: u8,
}

impl MuItem {
    pub(crate) const fn new(item: Item) -> Self {
        Self { uid: item.uid, template_id: item.template, slot: item.slot, level: item.level }
    }
}

/// What somebody said.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct MuChat {
    /// The speaker; perhaps not in sight.
    pub from: u32,
    /// MU_CHANNEL_…
    pub channel: u8,
    /// The speaker's name.
    pub name: [c_char; 11],
    /// What was said.
    pub text: [c_char; 121],
}

/// The server's own words.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct MuNotice {
    /// The words.
    pub text: [c_char; 241],
}

/// A place from a tick on.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct MuCorrection {
    /// The tick from which this holds.
    pub tick: u32,
    /// Place in 1/256 tiles, eastward.
    pub x: u16,
    /// Place in 1/256 tiles, southward.
    pub y: u16,
}

/// Which request was refused and why.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct MuRefused {
    /// More about it, as the protocol says for the reason.
    pub detail: u32,
    /// The reason: `Refusal` of the protocol.
    pub what: u8,
}

/// The message in the bytes, if it is the one that `pick` knows.
///
/// # Safety
/// Rule 2. The result must not outlive the call.
pub(crate) unsafe fn message<'a, T>(
    data: *const u8,
    length: usize,
    pick: impl FnOnce(ServerMessage<'a>) -> Option<T>,
) -> Result<T, Status> {
    // SAFETY: handed on.
    let bytes = unsafe { bytes(data, length) }?;
    let message = ServerMessage::decode(bytes).ok();
    message.and_then(pick).ok_or(Status(MU_ERROR_OTHER_MESSAGE))
}

/// Where and as what the character stands.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mu_read_spawned(data: *const u8, length: usize, spawned: *mut MuSpawned) -> i32 {
    let pick = |message: ServerMessage<'_>| match message {
        ServerMessage::Spawned {
            entity,
            character,
            world,
            entry,
            map,
            instance,
            x,
            y,
            tick,
            hp,
            hp_max,
            mp,
            mp_max,
            name,
        } => Some(MuSpawned {
            character,
            entity: entity.0,
            instance,
            tick: tick.0,
            world,
            entry,
            map,
            x,
            y,
            hp,
            hp_max,
            mp,
            mp_max,
            name: zero_ended(name),
        }),
        _ => None,
    };
    // SAFETY: rule 2, twice.
    guard(|| unsafe { write(spawned, message(data, length, pick)?) })
}

/// The money, as many items as `capacity` allows into `items`, and into `*count` how many there are, at most 64.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mu_read_inventory(
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
            ServerMessage::Inventory { zen: money, items: owned } => {
                // SAFETY: rule 2.
                let there = unsafe { fill(items, capacity, owned.iter().map(MuItem::new)) };
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

/// What somebody said.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mu_read_chat(data: *const u8, length: usize, chat: *mut MuChat) -> i32 {
    let pick = |message: ServerMessage<'_>| match message {
        ServerMessage::Chat { channel, from, name, text } => {
            Some(MuChat { from: from.0, channel: channel as u8, name: zero_ended(name), text: zero_ended(text) })
        }
        _ => None,
    };
    // SAFETY: rule 2, twice.
    guard(|| unsafe { write(chat, message(data, length, pick)?) })
}

/// The server's own words.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mu_read_notice(data: *const u8, length: usize, notice: *mut MuNotice) -> i32 {
    let pick = |message: ServerMessage<'_>| match message {
        ServerMessage::Notice { text } => Some(MuNotice { text: zero_ended(text) }),
        _ => None,
    };
    // SAFETY: rule 2, twice.
    guard(|| unsafe { write(notice, message(data, length, pick)?) })
}

/// Which request was refused and why.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mu_read_refused(data: *const u8, length: usize, refused: *mut MuRefused) -> i32 {
    let pick = |message: ServerMessage<'_>| match message {
        ServerMessage::Refused { what, detail } => Some(MuRefused { detail, what: what as u8 }),
        _ => None,
    };
    // SAFETY: rule 2, twice.
    guard(|| unsafe { write(refused, message(data, length, pick)?) })
}

/// Where the character is instead.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mu_read_correction(data: *const u8, length: usize, correction: *mut MuCorrection) -> i32 {
    let pick = |message: ServerMessage<'_>| match message {
        ServerMessage::Correction { tick, x, y } => Some(MuCorrection { tick: tick.0, x, y }),
        _ => None,
    };
    // SAFETY: rule 2, twice.
    guard(|| unsafe { write(correction, message(data, length, pick)?) })
}

/// The ticket with which a second client connects to where the character goes; then destroy the first one.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mu_read_transfer(data: *const u8, length: usize, ticket: *mut MuTicket) -> i32 {
    let pick = |message: ServerMessage<'_>| match message {
        ServerMessage::Transfer { address, routing_id, key_id, expires_s, sealed_token, psk, server_key } => {
            let ticket = ConnectTicket {
                routing_id,
                key_id,
                expires_s,
                sealed_token: *sealed_token,
                psk: *psk,
                server_key: *server_key,
            };
            Some(MuTicket::new(address, &ticket))
        }
        _ => None,
    };
    // SAFETY: rule 2, twice.
    guard(|| unsafe { write(ticket, message(data, length, pick)?) })
}

/// Why the session is over: `KickReason` of the protocol.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mu_read_kicked(data: *const u8, length: usize, reason: *mut u8) -> i32 {
    let pick = |message: ServerMessage<'_>| match message {
        ServerMessage::Kicked { reason } => Some(reason as u8),
        _ => None,
    };
    // SAFETY: rule 2, twice.
    guard(|| unsafe { write(reason, message(data, length, pick)?) })
}

/// In how many seconds the server stops.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mu_read_server_closing(data: *const u8, length: usize, seconds: *mut u16) -> i32 {
    let pick = |message: ServerMessage<'_>| match message {
        ServerMessage::ServerClosing { seconds } => Some(seconds),
        _ => None,
    };
    // SAFETY: rule 2, twice.
    guard(|| unsafe { write(seconds, message(data, length, pick)?) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::deals::{
        MU_SERVER_DEAL_DONE, MU_SERVER_DEAL_FAILED, MU_SERVER_DEAL_PENDING, MU_SERVER_WAREHOUSE, MU_SERVER_WARES,
    };

    #[test]
    fn the_numbers_are_the_tables() {
        let numbers = [
            ("Spawned", MU_SERVER_SPAWNED),
            ("Inventory", MU_SERVER_INVENTORY),
            ("Chat", MU_SERVER_CHAT),
            ("Notice", MU_SERVER_NOTICE),
            ("Refused", MU_SERVER_REFUSED),
            ("Correction", MU_SERVER_CORRECTION),
            ("TradeRequested", MU_SERVER_TRADE_REQUESTED),
            ("TradeOpened", MU_SERVER_TRADE_OPENED),
            ("TradeOffers", MU_SERVER_TRADE_OFFERS),
            ("TradeConfirmed", MU_SERVER_TRADE_CONFIRMED),
            ("TradePending", MU_SERVER_TRADE_PENDING),
            ("TradeDone", MU_SERVER_TRADE_DONE),
            ("TradeFailed", MU_SERVER_TRADE_FAILED),
            ("TradeClosed", MU_SERVER_TRADE_CLOSED),
            ("Transfer", MU_SERVER_TRANSFER),
            ("Kicked", MU_SERVER_KICKED),
            ("ServerClosing", MU_SERVER_CLOSING),
            ("Warehouse", MU_SERVER_WAREHOUSE),
            ("Wares", MU_SERVER_WARES),
            ("DealPending", MU_SERVER_DEAL_PENDING),
            ("DealDone", MU_SERVER_DEAL_DONE),
            ("DealFailed", MU_SERVER_DEAL_FAILED),
        ];
        let table: Vec<_> =
            ServerMessage::describe().into_iter().map(|message| (message.name, message.number)).collect();
        assert_eq!(table, numbers, "every message of the server has a constant and a function that reads it");
    }
}
