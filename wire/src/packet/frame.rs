//! Frames: what a packet's body holds after the prelude.
//!
//! ```text
//! 0x00       PAD         zeros to the end of the datagram
//! 0x01       ACK_RANGES  see `ranges`; at most once
//! 0x02       PING        nothing follows
//! 0x07       CLOSE       code 2 │ length 1 (≤ 64) │ text, UTF-8
//! 0x09       TIME        0 │ client's time 8                                 request
//!                        1 │ client's time 8 │ received 8 │ held 4 │ packets sent before this one 4   answer, server's µs
//! 0x03, 0x04 PATH_CHALLENGE, PATH_RESPONSE   data 8
//! 0x08       BUDGET      rate 4 (bytes/s) │ loss 2 (1/65,536) │ queue delay 2 (100 µs)
//! 0x10       INPUT       first sequence 4 │ count 1 (1–16) │ count × ( length 1 (≤ 32) │ bytes )
//! 0x11       SNAP        tick 4 │ body to the end of the datagram (≥ 1 byte)
//! 0x20–0x27  REL lane n  message id, low 16 bits 2 │ length varint (≤ 1,100) │ bytes
//! 0x30–0x37  UNREL, SEQ  order 2 (sequenced lanes only) │ length varint (≤ 1,100) │ bytes
//! 0x40       FRAG        lane 1 │ id 2 │ index 1 │ count 1 (2–16) │ length varint (1–1,024) │ bytes
//! 0x50       BLOCK_BEGIN  block 2 │ kind 2 │ length 4 (≥ 1) │ CRC-32 of all 4
//! 0x51       BLOCK_SLICE  block 2 │ index 2 │ length varint (1–1,024) │ bytes
//! 0x52       BLOCK_CREDIT block 2 │ slices 2: indices below may be sent
//! 0x53       BLOCK_END    block 2 │ status 1 (0 taken, 1 refused, 2 damaged)
//! ```
//!
//! All others are malformed: the peer is authentic, so it is a fault. So is a frame of a lane whose mode it does not fit.

use super::ranges::read_ranges;
use super::{
    FRAGMENT_LEN, MAX_CLOSE_TEXT, MAX_FRAGMENTS, MAX_INPUT, MAX_INPUTS_PER_PACKET, MAX_UNFRAGMENTED, RangeList,
    SLICE_LEN,
};
use crate::codec::{Reader, Truncated};
use crate::lanes::{Lane, Mode};
use crate::time::{Tick, Time};

/// The first byte of each frame.
pub(crate) mod frame_id {
    pub(crate) const PAD: u8 = 0x00;
    pub(crate) const ACK_RANGES: u8 = 0x01;
    pub(crate) const PING: u8 = 0x02;
    pub(crate) const PATH_CHALLENGE: u8 = 0x03;
    pub(crate) const PATH_RESPONSE: u8 = 0x04;
    pub(crate) const CLOSE: u8 = 0x07;
    pub(crate) const BUDGET: u8 = 0x08;
    pub(crate) const TIME: u8 = 0x09;
    pub(crate) const INPUT: u8 = 0x10;
    pub(crate) const SNAP: u8 = 0x11;
    /// Of lane 0; the lane's number is added.
    pub(crate) const RELIABLE: u8 = 0x20;
    /// Of lane 0; the lane's number is added.
    pub(crate) const UNRELIABLE: u8 = 0x30;
    pub(crate) const FRAGMENT: u8 = 0x40;
    pub(crate) const BLOCK_BEGIN: u8 = 0x50;
    pub(crate) const BLOCK_SLICE: u8 = 0x51;
    pub(crate) const BLOCK_CREDIT: u8 = 0x52;
    pub(crate) const BLOCK_END: u8 = 0x53;
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
    Close {
        code: u16,
        text: &'a str,
    },
    TimeRequest {
        origin: u64,
    },
    TimeAnswer {
        origin: u64,
        received: Time,
        held_us: u32,
        sent: u32,
    },
    Input(InputFrame<'a>),
    Snap {
        tick: Tick,
        body: &'a [u8],
    },
    PathChallenge {
        data: [u8; 8],
    },
    PathResponse {
        data: [u8; 8],
    },
    Budget {
        rate: u32,
        loss: u16,
        queue_100us: u16,
    },
    /// A whole message of a reliable lane.
    Reliable {
        lane: Lane,
        id: u16,
        bytes: &'a [u8],
    },
    /// A whole message of an unreliable lane.
    Unreliable {
        lane: Lane,
        bytes: &'a [u8],
    },
    /// A whole message of a sequenced lane.
    Sequenced {
        lane: Lane,
        order: u16,
        bytes: &'a [u8],
    },
    /// A part of a message of a reliable, unreliable or sequenced lane; `index < count`.
    Fragment {
        lane: Lane,
        id: u16,
        index: u8,
        count: u8,
        bytes: &'a [u8],
    },
    BlockBegin {
        block: u16,
        kind: u16,
        len: u32,
        crc: u32,
    },
    BlockSlice {
        block: u16,
        index: u16,
        bytes: &'a [u8],
    },
    BlockCredit {
        block: u16,
        slices: u16,
    },
    BlockEnd {
        block: u16,
        status: u8,
    },
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
#[inline]
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
        frame_id::PATH_CHALLENGE => Frame::PathChallenge { data: reader.array()? },
        frame_id::PATH_RESPONSE => Frame::PathResponse { data: reader.array()? },
        frame_id::BUDGET => Frame::Budget { rate: reader.u32()?, loss: reader.u16()?, queue_100us: reader.u16()? },
        0x20..=0x3F => message(id, reader)?,
        frame_id::FRAGMENT => fragment(reader)?,
        frame_id::BLOCK_BEGIN..=frame_id::BLOCK_END => block(id, reader)?,
        _ => return Err(FrameError::Unknown),
    };
    Ok(Some(frame))
}

/// A REL, UNREL or SEQ frame; the id says the lane, the lane which of them.
#[inline]
fn message<'a>(frame: u8, reader: &mut Reader<'a>) -> Result<Frame<'a>, FrameError> {
    let lane = Lane::from_number(frame & 0x0F).ok_or(FrameError::Unknown)?;
    let reliable = frame < frame_id::UNRELIABLE;
    match (reliable, lane.mode()) {
        (true, Mode::ReliableOrdered | Mode::ReliableUnordered) => {
            Ok(Frame::Reliable { lane, id: reader.u16()?, bytes: sized(reader, 0, MAX_UNFRAGMENTED)? })
        }
        (false, Mode::Unreliable) => Ok(Frame::Unreliable { lane, bytes: sized(reader, 0, MAX_UNFRAGMENTED)? }),
        (false, Mode::Sequenced) => {
            Ok(Frame::Sequenced { lane, order: reader.u16()?, bytes: sized(reader, 0, MAX_UNFRAGMENTED)? })
        }
        _ => Err(FrameError::Unknown),
    }
}

fn fragment<'a>(reader: &mut Reader<'a>) -> Result<Frame<'a>, FrameError> {
    let lane = Lane::from_number(reader.u8()?).filter(|lane| lane.mode() != Mode::Blocks);
    let lane = lane.ok_or(FrameError::Malformed)?;
    let (id, index, count) = (reader.u16()?, reader.u8()?, reader.u8()?);
    let bytes = sized(reader, 1, FRAGMENT_LEN)?;
    let last = index.checked_add(1) == Some(count);
    let fits = index < count && (2..=MAX_FRAGMENTS).contains(&usize::from(count));
    // A message that one frame holds is never cut: the second of two fragments ends beyond that.
    let long = !(last && count == 2) || FRAGMENT_LEN + bytes.len() > MAX_UNFRAGMENTED;
    if fits && long && (last || bytes.len() == FRAGMENT_LEN) {
        Ok(Frame::Fragment { lane, id, index, count, bytes })
    } else {
        Err(FrameError::Malformed)
    }
}

fn block<'a>(frame: u8, reader: &mut Reader<'a>) -> Result<Frame<'a>, FrameError> {
    let block = reader.u16()?;
    match frame {
        frame_id::BLOCK_BEGIN => {
            let (kind, len, crc) = (reader.u16()?, reader.u32()?, reader.u32()?);
            if len == 0 { Err(FrameError::Malformed) } else { Ok(Frame::BlockBegin { block, kind, len, crc }) }
        }
        frame_id::BLOCK_SLICE => {
            Ok(Frame::BlockSlice { block, index: reader.u16()?, bytes: sized(reader, 1, SLICE_LEN)? })
        }
        frame_id::BLOCK_CREDIT => Ok(Frame::BlockCredit { block, slices: reader.u16()? }),
        _ => Ok(Frame::BlockEnd { block, status: reader.u8()? }),
    }
}

/// A length and as many bytes.
fn sized<'a>(reader: &mut Reader<'a>, min: usize, max: usize) -> Result<&'a [u8], FrameError> {
    let len = reader.varint()? as usize;
    if (min..=max).contains(&len) { Ok(reader.bytes(len)?) } else { Err(FrameError::Malformed) }
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
