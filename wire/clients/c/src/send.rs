//! Messages to the server: bytes on a lane, and the table's messages by name.

#![allow(unsafe_code, reason = "the C functions of this file; each block names the rule of the header it relies on")]
#![allow(clippy::missing_safety_doc, reason = "the rules of all functions stand once, in the header's head")]

use std::ffi::c_char;
use std::sync::Arc;

use mu_wire::messages::{ChatChannel, ClientMessage, EncodeError, List, MAX_MESSAGE_BYTES};
use mu_wire::{EntityId, Lane};

use crate::border::{Outcome, bytes, elements, text, wanted, with, write};
use crate::client::MuClient;
use crate::status::{MU_ERROR_ARGUMENT, MU_ERROR_LANE, MU_ERROR_TOO_LONG, Status};

/// Reliable, ordered, first in every datagram: the session itself.
pub const MU_LANE_CONTROL: u8 = 0;
/// Reliable, ordered: what the character owns.
pub const MU_LANE_VALUE: u8 = 1;
/// Reliable, ordered: what people say.
pub const MU_LANE_SOCIAL: u8 = 2;
/// Reliable, in the order of arrival.
pub const MU_LANE_UNORDERED: u8 = 3;
/// Lost with its datagram.
pub const MU_LANE_EFFECTS: u8 = 4;
/// Lost with its datagram; an older message never comes after a newer one.
pub const MU_LANE_POSITION: u8 = 5;

/// Everyone near.
pub const MU_CHANNEL_LOCAL: u8 = 0;
/// The party.
pub const MU_CHANNEL_PARTY: u8 = 1;
/// The guild.
pub const MU_CHANNEL_GUILD: u8 = 2;
/// Everyone in the world.
pub const MU_CHANNEL_GLOBAL: u8 = 3;

/// Encodes a message and queues it on its lane.
pub(crate) fn put(client: &mut MuClient, message: &ClientMessage<'_>) -> Outcome {
    let mut buffer = [0; MAX_MESSAGE_BYTES];
    let length = message.encode(&mut buffer).map_err(|error| match error {
        EncodeError::TooLong { .. } | EncodeError::NoRoom => Status(MU_ERROR_TOO_LONG),
    })?;
    client.core.send(message.lane(), buffer.get(..length).unwrap_or(&[]))?;
    Ok(())
}

/// A message in bytes of the caller's own making on one of the lanes for messages, MU_LANE_CONTROL to MU_LANE_POSITION. What is
/// no message of the table, or is on another lane than the table says, ends the connection.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mu_client_send(client: *mut MuClient, lane: u8, message: *const u8, length: usize) -> i32 {
    let inside = |client: &mut MuClient| {
        // SAFETY: rule 2.
        let message = unsafe { bytes(message, length) }?;
        let lane = Lane::from_number(lane).ok_or(Status(MU_ERROR_LANE))?;
        client.core.send(lane, message)?;
        Ok(())
    };
    // SAFETY: rule 1.
    unsafe { with(client, inside) }
}

/// A block of 1 byte to 1 MiB: long contents that may take their time. At most 16 wait together (MU_ERROR_FULL). Its id goes into
/// `*id`; how it ended comes as MU_EVENT_BLOCK_ENDED.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mu_client_send_block(
    client: *mut MuClient,
    kind: u16,
    block: *const u8,
    length: usize,
    id: *mut u16,
) -> i32 {
    let inside = |client: &mut MuClient| {
        wanted(id)?;
        // SAFETY: rule 2.
        let block = unsafe { bytes(block, length) }?;
        let given = client.core.send_block(kind, Arc::from(block))?;
        // SAFETY: rule 2.
        unsafe { write(id, given) }
    };
    // SAFETY: rule 1.
    unsafe { with(client, inside) }
}

/// Says something on MU_CHANNEL_…: UTF-8 of at most 120 bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mu_client_chat(client: *mut MuClient, channel: u8, said: *const c_char, length: usize) -> i32 {
    let inside = |client: &mut MuClient| {
        // SAFETY: rule 2.
        let text = unsafe { text(said, length) }?;
        let channel = ChatChannel::from_number(channel).ok_or(Status(MU_ERROR_ARGUMENT))?;
        put(client, &ClientMessage::Chat { channel, text })
    };
    // SAFETY: rule 1.
    unsafe { with(client, inside) }
}

/// Steps through the portal the character stands on.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mu_client_use_portal(client: *mut MuClient, portal: u16) -> i32 {
    // SAFETY: rule 1.
    unsafe { with(client, |client| put(client, &ClientMessage::UsePortal { portal })) }
}

/// Asks a player near by to trade.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mu_client_trade_request(client: *mut MuClient, target: u32) -> i32 {
    let message = ClientMessage::TradeRequest { target: EntityId(target) };
    // SAFETY: rule 1.
    unsafe { with(client, |client| put(client, &message)) }
}

/// Answers a request: 1 to trade, 0 to decline.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mu_client_trade_answer(client: *mut MuClient, accept: u8) -> i32 {
    let inside = |client: &mut MuClient| {
        let accept = match accept {
            0 => false,
            1 => true,
            _ => return Err(Status(MU_ERROR_ARGUMENT)),
        };
        put(client, &ClientMessage::TradeAnswer { accept })
    };
    // SAFETY: rule 1.
    unsafe { with(client, inside) }
}

/// Puts this money and these items (their `uid`s, at most 32), and nothing else, on the own side of the table as it is at
/// `revision`. It takes back both confirmations.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mu_client_trade_offer(
    client: *mut MuClient,
    revision: u32,
    zen: u64,
    uids: *const u64,
    count: usize,
) -> i32 {
    let inside = |client: &mut MuClient| {
        // SAFETY: rule 2.
        let uids = unsafe { elements(uids, count) }?;
        put(client, &ClientMessage::TradeOffer { revision, zen, items: List::new(uids) })
    };
    // SAFETY: rule 1.
    unsafe { with(client, inside) }
}

/// Agrees to the table exactly as it is at `revision`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mu_client_trade_confirm(client: *mut MuClient, revision: u32) -> i32 {
    // SAFETY: rule 1.
    unsafe { with(client, |client| put(client, &ClientMessage::TradeConfirm { revision })) }
}

/// Leaves the trade, or takes back the own request.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mu_client_trade_cancel(client: *mut MuClient) -> i32 {
    // SAFETY: rule 1.
    unsafe { with(client, |client| put(client, &ClientMessage::TradeCancel)) }
}

/// Ends the session: the character is stored and leaves, then the server closes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mu_client_leave(client: *mut MuClient) -> i32 {
    // SAFETY: rule 1.
    unsafe { with(client, |client| put(client, &ClientMessage::Leave)) }
}
