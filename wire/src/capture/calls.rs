//! The calls of an endpoint as records.
//!
//! ```text
//! server   2 RECEIVE   time │ unix s │ from │ datagram (bytes) │ answer to `incoming`: 0 none, 1 in, 2 + code │ refused
//!          3 SEND      connection │ lane 1 │ message (bytes)
//!          4 BLOCK     connection │ kind │ shelf: 0 and the block (bytes), which becomes the next on the shelf, or its place there
//!          5 CLOSE     connection │ code │ text (bytes)
//!          6 TRANSMIT  time │ connection │ tick │ asked 1: 0, or 1 and the snapshot (bytes) │ refused
//!          7 DUE       time │ refused
//!          8 TIMEOUTS  time
//!         10 TWICE     like SEND
//! client   2 RECEIVE   time │ datagram (bytes)
//!          3 SEND      lane 1 │ message (bytes)
//!          4 BLOCK     kind │ shelf
//!          5 CLOSE     code
//!          6 INPUT     bytes
//!          7 POLL      time │ refused
//!          8 TIMEOUT   time
//!          9 KEYS      packets │ age µs │ forged     other limits of key renewal
//! both     1 HEAD      see `head`, only in front
//!         14 CHECK     digest 8 │ datagrams │ events
//!         15 END       0 finished, 1 more waited than was allowed
//!
//! connection  slot │ generation
//! refused     count │ count × which of the call's datagrams the sink had no room for
//! ```
//!
//! All numbers without a width are of the variable kind.

use std::net::SocketAddr;

use super::fields::{FieldReader, Fields};
use crate::codec::Truncated;
use crate::connection::{CloseCode, KeyLimits};
use crate::handshake::RejectCode;
use crate::ids::ConnId;
use crate::lanes::Lane;
use crate::server::Admission;
use crate::time::{Tick, Time};

pub(super) mod kind {
    pub(crate) const HEAD: u8 = 1;
    pub(crate) const RECEIVE: u8 = 2;
    pub(crate) const SEND: u8 = 3;
    pub(crate) const BLOCK: u8 = 4;
    pub(crate) const CLOSE: u8 = 5;
    pub(crate) const TRANSMIT: u8 = 6;
    pub(crate) const INPUT: u8 = 6;
    pub(crate) const DUE: u8 = 7;
    pub(crate) const POLL: u8 = 7;
    pub(crate) const TIMEOUTS: u8 = 8;
    pub(crate) const KEYS: u8 = 9;
    pub(crate) const SEND_TWICE: u8 = 10;
    pub(crate) const CHECK: u8 = 14;
    pub(crate) const END: u8 = 15;
}

/// A block in a call: its bytes, or which of the blocks before it is the same, from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shelved<'a> {
    /// It is new and becomes the next one on the shelf.
    New(&'a [u8]),
    /// The how manyth on the shelf, from 1.
    Again(u64),
}

/// A call of a server's endpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(
    missing_docs,
    reason = "the fields are the arguments of the function of the same name, and what it was answered"
)]
pub enum ServerCall<'a> {
    /// [`Server::receive`](crate::Server::receive).
    Receive {
        now: Time,
        unix_s: u64,
        from: SocketAddr,
        datagram: &'a [u8],
        admission: Option<Admission>,
        refused: Vec<u32>,
    },
    /// [`Server::send`](crate::Server::send).
    Send { conn: ConnId, lane: Lane, bytes: &'a [u8] },
    /// [`Server::send_twice`](crate::Server::send_twice).
    SendTwice { conn: ConnId, lane: Lane, bytes: &'a [u8] },
    /// [`Server::send_block`](crate::Server::send_block).
    SendBlock { conn: ConnId, block_kind: u16, block: Shelved<'a> },
    /// [`Server::close`](crate::Server::close).
    Close { conn: ConnId, code: CloseCode, text: &'a str },
    /// [`Server::transmit`](crate::Server::transmit).
    Transmit { now: Time, conn: ConnId, tick: Tick, snapshot: Option<&'a [u8]>, refused: Vec<u32> },
    /// [`Server::transmit_due`](crate::Server::transmit_due).
    TransmitDue { now: Time, refused: Vec<u32> },
    /// [`Server::handle_timeouts`](crate::Server::handle_timeouts).
    HandleTimeouts { now: Time },
}

/// A call of a client.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(
    missing_docs,
    reason = "the fields are the arguments of the function of the same name, and what it was answered"
)]
pub enum ClientCall<'a> {
    /// [`Client::receive`](crate::Client::receive).
    Receive { now: Time, datagram: &'a [u8] },
    /// [`Client::send`](crate::Client::send).
    Send { lane: Lane, bytes: &'a [u8] },
    /// [`Client::send_block`](crate::Client::send_block).
    SendBlock { block_kind: u16, block: Shelved<'a> },
    /// [`Client::close`](crate::Client::close).
    Close { code: CloseCode },
    /// [`Client::input`](crate::Client::input).
    Input { bytes: &'a [u8] },
    /// [`Client::poll_transmit`](crate::Client::poll_transmit).
    PollTransmit { now: Time, refused: Vec<u32> },
    /// [`Client::handle_timeout`](crate::Client::handle_timeout).
    HandleTimeout { now: Time },
    /// [`Client::set_key_limits`](crate::Client::set_key_limits).
    SetKeyLimits { limits: KeyLimits },
}

impl Shelved<'_> {
    fn write(self, out: &mut Fields) {
        match self {
            Self::New(bytes) => {
                out.number(0);
                out.long(bytes);
            }
            Self::Again(place) => out.number(place),
        }
    }
}

impl ServerCall<'_> {
    pub(super) const fn kind(&self) -> u8 {
        match self {
            Self::Receive { .. } => kind::RECEIVE,
            Self::Send { .. } => kind::SEND,
            Self::SendTwice { .. } => kind::SEND_TWICE,
            Self::SendBlock { .. } => kind::BLOCK,
            Self::Close { .. } => kind::CLOSE,
            Self::Transmit { .. } => kind::TRANSMIT,
            Self::TransmitDue { .. } => kind::DUE,
            Self::HandleTimeouts { .. } => kind::TIMEOUTS,
        }
    }

    pub(super) fn write(&self, out: &mut Fields) {
        match self {
            Self::Receive { now, unix_s, from, datagram, admission, refused } => {
                out.time(*now);
                out.number(*unix_s);
                out.address(*from);
                out.long(datagram);
                out.number(match admission {
                    None => 0,
                    Some(Admission::Accept) => 1,
                    Some(Admission::Refuse(code)) => 2 + u64::from(code.to_u16()),
                });
                write_refused(refused, out);
            }
            Self::Send { conn, lane, bytes } | Self::SendTwice { conn, lane, bytes } => {
                out.conn(*conn);
                out.u8(lane.number());
                out.long(bytes);
            }
            Self::SendBlock { conn, block_kind, block } => {
                out.conn(*conn);
                out.number((*block_kind).into());
                block.write(out);
            }
            Self::Close { conn, code, text } => {
                out.conn(*conn);
                out.number(code.0.into());
                out.long(text.as_bytes());
            }
            Self::Transmit { now, conn, tick, snapshot, refused } => {
                out.time(*now);
                out.conn(*conn);
                out.number(tick.0.into());
                out.u8(snapshot.is_some().into());
                if let Some(snapshot) = snapshot {
                    out.long(snapshot);
                }
                write_refused(refused, out);
            }
            Self::TransmitDue { now, refused } => {
                out.time(*now);
                write_refused(refused, out);
            }
            Self::HandleTimeouts { now } => out.time(*now),
        }
    }
}

impl<'a> ServerCall<'a> {
    /// The call of a record; `None` if this kind is no call.
    pub(super) fn read(kind: u8, fields: &mut FieldReader<'a>) -> Result<Option<Self>, Truncated> {
        Ok(Some(match kind {
            kind::RECEIVE => Self::Receive {
                now: fields.time()?,
                unix_s: fields.number()?,
                from: fields.address()?,
                datagram: fields.long()?,
                admission: match fields.number()? {
                    0 => None,
                    1 => Some(Admission::Accept),
                    code => {
                        let code = u16::try_from(code - 2).map_err(|_| Truncated)?;
                        Some(Admission::Refuse(RejectCode::from_u16(code)))
                    }
                },
                refused: read_refused(fields)?,
            },
            kind::SEND => Self::Send { conn: fields.conn()?, lane: read_lane(fields)?, bytes: fields.long()? },
            kind::SEND_TWICE => {
                Self::SendTwice { conn: fields.conn()?, lane: read_lane(fields)?, bytes: fields.long()? }
            }
            kind::BLOCK => {
                Self::SendBlock { conn: fields.conn()?, block_kind: fields.narrow()?, block: read_shelved(fields)? }
            }
            kind::CLOSE => Self::Close {
                conn: fields.conn()?,
                code: CloseCode(fields.narrow()?),
                text: std::str::from_utf8(fields.long()?).map_err(|_| Truncated)?,
            },
            kind::TRANSMIT => Self::Transmit {
                now: fields.time()?,
                conn: fields.conn()?,
                tick: Tick(fields.narrow()?),
                snapshot: if fields.flag()? { Some(fields.long()?) } else { None },
                refused: read_refused(fields)?,
            },
            kind::DUE => Self::TransmitDue { now: fields.time()?, refused: read_refused(fields)? },
            kind::TIMEOUTS => Self::HandleTimeouts { now: fields.time()? },
            _ => return Ok(None),
        }))
    }
}

impl ClientCall<'_> {
    pub(super) const fn kind(&self) -> u8 {
        match self {
            Self::Receive { .. } => kind::RECEIVE,
            Self::Send { .. } => kind::SEND,
            Self::SendBlock { .. } => kind::BLOCK,
            Self::Close { .. } => kind::CLOSE,
            Self::Input { .. } => kind::INPUT,
            Self::PollTransmit { .. } => kind::POLL,
            Self::HandleTimeout { .. } => kind::TIMEOUTS,
            Self::SetKeyLimits { .. } => kind::KEYS,
        }
    }

    pub(super) fn write(&self, out: &mut Fields) {
        match self {
            Self::Receive { now, datagram } => {
                out.time(*now);
                out.long(datagram);
            }
            Self::Send { lane, bytes } => {
                out.u8(lane.number());
                out.long(bytes);
            }
            Self::SendBlock { block_kind, block } => {
                out.number((*block_kind).into());
                block.write(out);
            }
            Self::Close { code } => out.number(code.0.into()),
            Self::Input { bytes } => out.long(bytes),
            Self::PollTransmit { now, refused } => {
                out.time(*now);
                write_refused(refused, out);
            }
            Self::HandleTimeout { now } => out.time(*now),
            Self::SetKeyLimits { limits } => write_key_limits(limits, out),
        }
    }
}

impl<'a> ClientCall<'a> {
    /// The call of a record; `None` if this kind is no call.
    pub(super) fn read(kind: u8, fields: &mut FieldReader<'a>) -> Result<Option<Self>, Truncated> {
        Ok(Some(match kind {
            kind::RECEIVE => Self::Receive { now: fields.time()?, datagram: fields.long()? },
            kind::SEND => Self::Send { lane: read_lane(fields)?, bytes: fields.long()? },
            kind::BLOCK => Self::SendBlock { block_kind: fields.narrow()?, block: read_shelved(fields)? },
            kind::CLOSE => Self::Close { code: CloseCode(fields.narrow()?) },
            kind::INPUT => Self::Input { bytes: fields.long()? },
            kind::POLL => Self::PollTransmit { now: fields.time()?, refused: read_refused(fields)? },
            kind::TIMEOUTS => Self::HandleTimeout { now: fields.time()? },
            kind::KEYS => Self::SetKeyLimits { limits: read_key_limits(fields)? },
            _ => return Ok(None),
        }))
    }
}

pub(super) fn write_key_limits(limits: &KeyLimits, out: &mut Fields) {
    let KeyLimits { packets, age, forged } = limits;
    out.number(*packets);
    out.duration(*age);
    out.number(*forged);
}

pub(super) fn read_key_limits(fields: &mut FieldReader<'_>) -> Result<KeyLimits, Truncated> {
    Ok(KeyLimits { packets: fields.number()?, age: fields.duration()?, forged: fields.number()? })
}

fn read_lane(fields: &mut FieldReader<'_>) -> Result<Lane, Truncated> {
    Lane::from_number(fields.u8()?).ok_or(Truncated)
}

fn read_shelved<'a>(fields: &mut FieldReader<'a>) -> Result<Shelved<'a>, Truncated> {
    Ok(match fields.number()? {
        0 => Shelved::New(fields.long()?),
        place => Shelved::Again(place),
    })
}

fn write_refused(refused: &[u32], out: &mut Fields) {
    out.size(refused.len());
    for index in refused {
        out.number((*index).into());
    }
}

fn read_refused(fields: &mut FieldReader<'_>) -> Result<Vec<u32>, Truncated> {
    let count: usize = fields.narrow()?;
    // Each takes a byte at least, so a made-up count costs nothing.
    if count > fields.reader.remaining() {
        return Err(Truncated);
    }
    (0..count).map(|_| fields.narrow()).collect()
}
