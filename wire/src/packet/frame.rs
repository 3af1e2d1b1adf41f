//! Frames: what a packet's body holds after the prelude.
//!
//! ```text
//! 0x00       PAD         zeros to the end of the datagram
//! 0x01       ACK_RANGES  see `ranges`; at most once
//! 0x02       PING        nothing follows
//! 0x07       CLOSE       code 2 │ length 1 (≤ 64) │ text, UTF-8
//! 0x09       TIME        0 │ client's time 8                                 request
//!                        1 │ client's time 8 │ received 8 │ held 4 │ packets sent before this one 4   answer, server's µs
//! 0x10       INPUT       first sequence 4 │ count 1 (1–16) │ count × ( length 1 (≤ 32) │ bytes )
//! 0x11       SNAP        tick 4 │ body to the end of the datagram (≥ 1 byte)
//! 0x20       REL lane 0  message id, low 16 bits 2 │ length varint (≤ 1,100) │ bytes
//! ```
//!
//! 0x03–0x06, 0x08, 0x21–0x2F, 0x30–0x3F, 0x40 and 0x50–0x53 belong to later versions (path validation, connection ids, budget,
//! further lanes, fragments, blocks). They and all others are malformed now: the peer is authentic, so it is a fault.

use super::ranges::read_ranges;
use super::{MAX_CLOSE_TEXT, MAX_CONTROL_MESSAGE, MAX_INPUT, MAX_INPUTS_PER_PACKET, RangeList};
use crate::codec::{Reader, Truncated};
use crate::time::{Tick, Time};

/// The first byte of each frame.
pub(crate) mod frame_id {
    pub(crate) const PAD: u8 = 0x00;
    pub(crate) const ACK_RANGES: u8 = 0x01;
    pub(crate) const PING: u8 = 0x02;
    pub(crate) const CLOSE: u8 = 0x07;
    pub(crate) const TIME: u8 = 0x09;
    pub(crate) const INPUT: u8 = 0x10;
    pub(crate) const SNAP: u8 = 0x11;
    pub(crate) const CONTROL: u8 = 0x20;
}

/// A frame of an authentic packet that makes no sense.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FrameError {
    Malformed,
    Unknown,
}

impl From<Truncated> for FrameError {
    fn from(_: Truncated) -> Self {
        Self::Malformed
    }
}

/// One frame; its bytes borrow from the datagram.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Frame<'a> {
    Pad,
    AckRanges,
    Ping,
    Close { code: u16, text: &'a str },
    TimeRequest { origin: u64 },
    TimeAnswer { origin: u64, received: Time, held_us: u32, sent: u32 },
    Input(InputFrame<'a>),
    Snap { tick: Tick, body: &'a [u8] },
    Control { id: u16, bytes: &'a [u8] },
}

/// Inputs in sequence order; their lengths are checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct InputFrame<'a> {
    pub(crate) first: u32,
    pub(crate) count: u8,
    bytes: &'a [u8],
}

impl<'a> InputFrame<'a> {
    /// Each input with its sequence number.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (u32, &'a [u8])> + use<'a> {
        let mut reader = Reader::new(self.bytes);
        (0..u32::from(self.count)).zip(self.first..).map_while(move |(_, sequence)| {
            let len = reader.u8().ok()?;
            Some((sequence, reader.bytes(usize::from(len)).ok()?))
        })
    }
}

/// The next frame, or `None` at the end. `largest` is the prelude's largest acknowledged number, if it had one; ranges
/// below it, of which a packet holds at most one frame, are put into `ranges`.
pub(crate) fn next_frame<'a>(
    reader: &mut Reader<'a>,
    largest: Option<u64>,
    ranges: &mut RangeList,
) -> Result<Option<Frame<'a>>, FrameError> {
    let Ok(id) = reader.u8() else {
        return Ok(None);
    };
    let frame = match id {
        frame_id::PAD => {
            let zero = reader.rest().iter().all(|byte| *byte == 0);
            if !zero {
                return Err(FrameError::Malformed);
            }
            Frame::Pad
        }
        frame_id::ACK_RANGES => {
            if !ranges.is_empty() {
                return Err(FrameError::Malformed);
            }
            read_ranges(reader, largest.ok_or(Truncated)?, ranges)?;
            Frame::AckRanges
        }
        frame_id::PING => Frame::Ping,
        frame_id::CLOSE => close(reader)?,
        frame_id::TIME => time(reader)?,
        frame_id::INPUT => Frame::Input(input(reader)?),
        frame_id::SNAP => Frame::Snap { tick: Tick(reader.u32()?), body: nonempty(reader.rest())? },
        frame_id::CONTROL => {
            let id = reader.u16()?;
            let len = reader.varint()? as usize;
            if len > MAX_CONTROL_MESSAGE {
                return Err(FrameError::Malformed);
            }
            Frame::Control { id, bytes: reader.bytes(len)? }
        }
        _ => return Err(FrameError::Unknown),
    };
    Ok(Some(frame))
}

fn close<'a>(reader: &mut Reader<'a>) -> Result<Frame<'a>, FrameError> {
    let code = reader.u16()?;
    let len = usize::from(reader.u8()?);
    let text = reader.bytes(len)?;
    match std::str::from_utf8(text) {
        Ok(text) if len <= MAX_CLOSE_TEXT => Ok(Frame::Close { code, text }),
        _ => Err(FrameError::Malformed),
    }
}

fn time<'a>(reader: &mut Reader<'a>) -> Result<Frame<'a>, FrameError> {
    match reader.u8()? {
        0 => Ok(Frame::TimeRequest { origin: reader.u64()? }),
        1 => Ok(Frame::TimeAnswer {
            origin: reader.u64()?,
            received: Time::from_micros(reader.u64()?),
            held_us: reader.u32()?,
            sent: reader.u32()?,
        }),
        _ => Err(FrameError::Malformed),
    }
}

fn input<'a>(reader: &mut Reader<'a>) -> Result<InputFrame<'a>, FrameError> {
    let (first, count) = (reader.u32()?, reader.u8()?);
    if !(1..=MAX_INPUTS_PER_PACKET).contains(&usize::from(count)) || first.checked_add(u32::from(count)).is_none() {
        return Err(FrameError::Malformed);
    }
    let mut ahead = reader.clone();
    for _ in 0..count {
        let len = usize::from(ahead.u8()?);
        if len > MAX_INPUT {
            return Err(FrameError::Malformed);
        }
        ahead.bytes(len)?;
    }
    let bytes = reader.bytes(reader.remaining() - ahead.remaining())?;
    Ok(InputFrame { first, count, bytes })
}

fn nonempty(bytes: &[u8]) -> Result<&[u8], FrameError> {
    if bytes.is_empty() { Err(FrameError::Malformed) } else { Ok(bytes) }
}
