//! The client behind the handle: the core, what it sees, and the events that wait.

#![allow(unsafe_code, reason = "the C functions of this file; each block names the rule of the header it relies on")]
#![allow(clippy::missing_safety_doc, reason = "the rules of all functions stand once, in the header's head")]

use std::net::SocketAddr;

use mu_wire::messages::ServerMessage;
use mu_wire::snapshot::{Replica, ReplicaEvent};
use mu_wire::{
    Accepted, BlockEnd, Client, ClientHandler, CloseCode, CloseReason, DatagramSink, Lane, MAX_CLIENT_ID, Tick, Time,
};
use ring::rand::{SecureRandom as _, SystemRandom};
use zeroize::Zeroizing;

use crate::border::{bytes, copy, guard, read, wanted, with, write};
use crate::events::{
    MU_BLOCK_DAMAGED, MU_BLOCK_REFUSED, MU_BLOCK_TAKEN, MU_EVENT_BLOCK, MU_EVENT_BLOCK_ENDED, MU_EVENT_CHANGED,
    MU_EVENT_CLOSED, MU_EVENT_CONNECTED, MU_EVENT_ENTERED, MU_EVENT_KEY_LOG, MU_EVENT_LEFT, MU_EVENT_MESSAGE,
    MU_EVENT_SNAPSHOT, MuEvent, Queue,
};
use crate::state::closed;
use crate::status::{
    MU_ERROR_ABI, MU_ERROR_ARGUMENT, MU_ERROR_BUFFER, MU_ERROR_EVENTS, MU_ERROR_RANDOM, MU_NOTHING, Status,
};
use crate::ticket::MuTicket;

/// The version of every struct and constant of this header.
pub const MU_ABI_VERSION: u32 = 1;
/// Capacity that mu_client_transmit needs: no datagram is longer.
pub const MU_DATAGRAM_CAPACITY: usize = 1452;
/// Longest datagram that is looked at; what is longer cannot be authentic.
const LOOKED_AT: usize = 2048;

/// A client. Only pointers to it exist outside of the library.
pub struct MuClient {
    pub(crate) core: Client,
    pub(crate) replica: Replica,
    pub(crate) queue: Queue,
    /// A function works on it, or one panicked while it did.
    pub(crate) inside: bool,
    buffer: [u8; LOOKED_AT],
}

/// Rule 1 of the header lets a client move between threads.
const _: () = {
    const fn may_move<T: Send>() {}
    may_move::<MuClient>();
};

impl std::fmt::Debug for MuClient {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MuClient").field("core", &self.core).finish_non_exhaustive()
    }
}

/// How a client is made. Fill it with zeros, then set what is wanted.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct MuConfig {
    /// MU_ABI_VERSION.
    pub abi_version: u32,
    /// Bytes of `own_id` in use, 0 to 4. The server puts them behind the first byte of each datagram to this client, so
    /// that several clients can share a socket; 0 for a socket of its own.
    pub own_id_length: u8,
    /// That id.
    pub own_id: [u8; 4],
    /// 1 to be told the connection's keys by MU_EVENT_KEY_LOG, so that a capture can be decrypted. Whoever has such a line can read
    /// all that is said on the connection. Never 1 in what players run.
    pub log_keys: u8,
    /// 32 random bytes, or NULL to have them from the system. Only tests and replays hand any in.
    pub seed: *const u8,
}

impl MuClient {
    /// Hands a datagram in, or lets the timers run when there is none.
    fn hear(&mut self, now: Time, datagram: Option<usize>) {
        let Self { core, replica, queue, buffer, .. } = self;
        let mut ears = Ears { queue, replica, broken: false };
        match datagram {
            Some(length) => core.receive(now, buffer.get_mut(..length).unwrap_or(&mut []), &mut ears),
            None => core.handle_timeout(now, &mut ears),
        }
        if ears.broken {
            core.close(CloseCode::VIOLATION);
        }
    }
}

/// Listens to the core and fills the queue.
struct Ears<'a> {
    queue: &'a mut Queue,
    replica: &'a mut Replica,
    /// The server said what no server says.
    broken: bool,
}

impl Ears<'_> {
    fn push(&mut self, kind: u8, event: MuEvent, data: &[u8]) {
        self.queue.push(MuEvent { kind, ..event }, data);
    }
}

impl ClientHandler for Ears<'_> {
    fn connected(&mut self, _: &Accepted) {
        self.push(MU_EVENT_CONNECTED, MuEvent::default(), &[]);
    }

    fn message(&mut self, lane: Lane, bytes: &[u8]) {
        match bytes.first() {
            Some(message) if ServerMessage::decode(bytes).is_ok_and(|message| message.lane() == lane) => {
                let event = MuEvent { lane: lane.number(), message: *message, ..MuEvent::default() };
                self.push(MU_EVENT_MESSAGE, event, bytes);
            }
            _ => self.broken = true,
        }
    }

    fn snapshot(&mut self, tick: Tick, body: &[u8]) {
        self.push(MU_EVENT_SNAPSHOT, MuEvent { tick: tick.0, ..MuEvent::default() }, &[]);
        let Self { queue, replica, .. } = self;
        let taken = replica.apply(tick, body, &mut |event| {
            let (kind, entity, tick) = match event {
                ReplicaEvent::Entered { entity, changed_at } => (MU_EVENT_ENTERED, entity, changed_at.0),
                ReplicaEvent::Changed { entity, changed_at } => (MU_EVENT_CHANGED, entity, changed_at.0),
                ReplicaEvent::Left { entity } => (MU_EVENT_LEFT, entity, 0),
            };
            queue.push(MuEvent { kind, entity: entity.0, tick, ..MuEvent::default() }, &[]);
        });
        self.broken |= taken.is_err();
    }

    fn block(&mut self, kind: u16, bytes: &[u8]) {
        self.push(MU_EVENT_BLOCK, MuEvent { code: kind, ..MuEvent::default() }, bytes);
    }

    fn block_ended(&mut self, id: u16, end: BlockEnd) {
        let reason = match end {
            BlockEnd::Taken => MU_BLOCK_TAKEN,
            BlockEnd::Refused => MU_BLOCK_REFUSED,
            BlockEnd::Damaged => MU_BLOCK_DAMAGED,
        };
        self.push(MU_EVENT_BLOCK_ENDED, MuEvent { code: id, reason, ..MuEvent::default() }, &[]);
    }

    fn key_log(&mut self, line: &str) {
        self.push(MU_EVENT_KEY_LOG, MuEvent::default(), line.as_bytes());
    }

    fn closed(&mut self, why: CloseReason) {
        let (reason, code) = closed(&why);
        self.push(MU_EVENT_CLOSED, MuEvent { reason, code, ..MuEvent::default() }, why.player_text().as_bytes());
    }
}

/// Takes one datagram.
struct One<'a> {
    buffer: &'a mut [u8],
    length: usize,
}

impl DatagramSink for One<'_> {
    fn push(&mut self, _: SocketAddr, write: &mut dyn FnMut(&mut [u8]) -> usize) -> bool {
        if self.length > 0 {
            return false;
        }
        self.length = write(self.buffer);
        true
    }
}

/// MU_ABI_VERSION of the library.
#[unsafe(no_mangle)]
pub extern "C" fn mu_abi_version() -> u32 {
    MU_ABI_VERSION
}

/// The protocol that the library speaks, as gateways name it.
#[unsafe(no_mangle)]
pub extern "C" fn mu_protocol_id() -> u32 {
    mu_wire::protocol_id()
}

/// Makes a client that will connect with `ticket`; its first datagram is due at once. The ticket may be wiped afterwards.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mu_client_create(
    config: *const MuConfig,
    ticket: *const MuTicket,
    now_us: u64,
    client: *mut *mut MuClient,
) -> i32 {
    guard(|| {
        wanted(client)?;
        // SAFETY: rule 2.
        let (config, ticket) = unsafe { (read(config)?, read(ticket)?) };
        if config.abi_version != MU_ABI_VERSION {
            return Err(Status(MU_ERROR_ABI));
        }
        let length = usize::from(config.own_id_length);
        let own_id = config.own_id.get(..length.min(MAX_CLIENT_ID)).unwrap_or(&[]);
        if own_id.len() != length || config.log_keys > 1 {
            return Err(Status(MU_ERROR_ARGUMENT));
        }
        let mut seed = Zeroizing::new([0; 32]);
        if config.seed.is_null() {
            SystemRandom::new().fill(&mut *seed).map_err(|_| Status(MU_ERROR_RANDOM))?;
        } else {
            // SAFETY: rule 2: the seed's length is 32.
            seed.copy_from_slice(unsafe { bytes(config.seed, 32) }?);
        }
        let mut core = Client::new(ticket.ticket(), ticket.server.socket()?, own_id, *seed, Time(now_us));
        if config.log_keys == 1 {
            core.log_keys();
        }
        let (replica, queue) = (Replica::new(), Queue::default());
        let made = Box::new(MuClient { core, replica, queue, inside: false, buffer: [0; LOOKED_AT] });
        // SAFETY: rule 2. The box is taken back by `mu_client_destroy`.
        unsafe { write(client, Box::into_raw(made)) }
    })
}

/// Frees a client without a word to the server; see mu_client_close. NULL is allowed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mu_client_destroy(client: *mut MuClient) {
    let _nothing_to_tell = guard(|| {
        if !client.is_null() {
            // SAFETY: by rule 1 it came out of the box of `mu_client_create` and was not destroyed.
            drop(unsafe { Box::from_raw(client) });
        }
        Ok(())
    });
}

/// Takes a datagram in that came from the server's address. Bytes that are none of this connection's are ignored, whatever they
/// are. MU_ERROR_EVENTS if events have to be polled first.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mu_client_receive(
    client: *mut MuClient,
    now_us: u64,
    datagram: *const u8,
    length: usize,
) -> i32 {
    let inside = |client: &mut MuClient| {
        // SAFETY: rule 2.
        let datagram = unsafe { bytes(datagram, length) }?;
        if client.queue.is_full() {
            return Err(Status(MU_ERROR_EVENTS));
        }
        for (to, from) in client.buffer.iter_mut().zip(datagram) {
            *to = *from;
        }
        client.hear(Time(now_us), Some(length.min(LOOKED_AT)));
        Ok(())
    };
    // SAFETY: rule 1.
    unsafe { with(client, inside) }
}

/// MU_OK if the datagram is the server's RESET for this connection, MU_NOTHING if not. A RESET does not carry the client's own id:
/// where clients share a socket, offer them what none of them is named by, and hand it in where it belongs.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mu_client_is_reset(client: *mut MuClient, datagram: *const u8, length: usize) -> i32 {
    let inside = |client: &mut MuClient| {
        // SAFETY: rule 2.
        let datagram = unsafe { bytes(datagram, length) }?;
        if client.core.is_reset(datagram) { Ok(()) } else { Err(Status(MU_NOTHING)) }
    };
    // SAFETY: rule 1.
    unsafe { with(client, inside) }
}

/// Writes the next datagram that is due into `buffer` of at least MU_DATAGRAM_CAPACITY bytes; `*length` is 0 if there is none.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mu_client_transmit(
    client: *mut MuClient,
    now_us: u64,
    buffer: *mut u8,
    capacity: usize,
    length: *mut usize,
) -> i32 {
    let inside = |client: &mut MuClient| {
        wanted(length)?;
        wanted(buffer)?;
        if capacity < MU_DATAGRAM_CAPACITY {
            return Err(Status(MU_ERROR_BUFFER));
        }
        let mut one = One { buffer: &mut client.buffer, length: 0 };
        client.core.poll_transmit(Time(now_us), &mut one);
        let datagram = one.buffer.get(..one.length.min(capacity)).unwrap_or(&[]);
        // SAFETY: rule 2, and the datagram is no longer than the capacity.
        unsafe {
            copy(datagram, buffer);
            write(length, datagram.len())
        }
    };
    // SAFETY: rule 1.
    unsafe { with(client, inside) }
}

/// When mu_client_handle_timeout has something to do at the latest. MU_NOTHING once all is over.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mu_client_next_timeout(client: *mut MuClient, at_us: *mut u64) -> i32 {
    let inside = |client: &mut MuClient| {
        let at = client.core.next_timeout().ok_or(Status(MU_NOTHING))?;
        // SAFETY: rule 2.
        unsafe { write(at_us, at.as_micros()) }
    };
    // SAFETY: rule 1.
    unsafe { with(client, inside) }
}

/// Runs the timers that are due; calling it too early does no harm.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mu_client_handle_timeout(client: *mut MuClient, now_us: u64) -> i32 {
    let inside = |client: &mut MuClient| {
        client.hear(Time(now_us), None);
        Ok(())
    };
    // SAFETY: rule 1.
    unsafe { with(client, inside) }
}

/// Ends the connection. `code` is 0, or 0x100 and up for a reason of the application's own. MU_EVENT_CLOSED comes with the next
/// mu_client_handle_timeout. To leave the game, send mu_client_leave and wait for the server to close instead.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mu_client_close(client: *mut MuClient, code: u16) -> i32 {
    let inside = |client: &mut MuClient| {
        if code != CloseCode::DONE.0 && code < CloseCode::APPLICATION.0 {
            return Err(Status(MU_ERROR_ARGUMENT));
        }
        client.core.close(CloseCode(code));
        Ok(())
    };
    // SAFETY: rule 1.
    unsafe { with(client, inside) }
}
