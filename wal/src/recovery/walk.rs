//! Frame by frame through the segments, in order, and the verdict on the first frame that is not valid.
//!
//! Every read is a `pread` into one reused buffer. Knows no payloads; whoever wants to see the records passes a visitor.

use super::index::{FrameRef, Index};
use super::survey::SegmentInfo;
use super::{Io, Tail};
use crate::disk::{Access, DiskFile};
use crate::error::{Damage, Proof, WalError};
use crate::format::bytes::all_zero;
use crate::format::frame::{self, FrameFault, FrameHeader, HEADER_BYTES, Order};
use crate::format::header::SegmentHeader;
use crate::format::record::Record;
use crate::format::seed::Seed;
use crate::format::{FRAME_BYTES_MAX, PAGE, PAGE_BYTES};
use crate::planted::{self, Bug};
use crate::{Lsn, names};

/// What a visitor sees: a frame's place and header once, then its records.
#[derive(Debug)]
pub(crate) enum Seen<'a> {
    /// A valid frame.
    Frame {
        /// Its segment.
        segment: u64,
        /// Its offset.
        offset: u64,
        /// Its header.
        header: &'a FrameHeader,
    },
    /// A record of it.
    Record(Record<'a>),
}

/// A visitor of every valid frame and record.
pub(crate) type Visit<'a> = &'a mut dyn FnMut(Seen<'_>);

/// The verified log up to where the walk has come.
#[derive(Debug)]
pub(crate) struct Walk {
    /// Where records stand.
    pub(crate) index: Index,
    /// The last valid position.
    pub(crate) last: Lsn,
    /// The sequence of the next frame.
    pub(crate) next_frame: u64,
    /// The checksum the next frame is chained to.
    pub(crate) chain: u32,
    /// The offset behind the last valid frame of the newest segment.
    pub(crate) end: u64,
    /// Valid frames seen.
    pub(crate) frames: u64,
    /// What was read with; reading again continues with what it holds.
    pub(crate) reader: Reader,
    /// The position the next frame of the segment starts at.
    next: Lsn,
}

impl Walk {
    /// Walks `segments[start..]`.
    pub(crate) fn run(
        io: &Io<'_>,
        segments: &[SegmentInfo],
        start: usize,
        visit: Visit<'_>,
    ) -> Result<(Walk, Tail), WalError> {
        let mut walk = Walk::begin(&segments[start].header);
        let mut reader = Reader::new();
        let mut tail = Tail::Clean;
        for at in start..segments.len() {
            let header = &segments[at].header;
            if at > start {
                walk.check_link(io, header)?;
            }
            walk.next = header.base;
            walk.index.begin(header.sequence, header.base);
            walk.end = PAGE_BYTES;
            let pinned = segments.get(at + 1).map(|next| next.header.predecessor.end);
            reader.open(io, header)?;
            let stop = walk.segment(&mut reader, header, pinned, visit).map_err(|source| reader.error(io, source))?;
            let Some(fault) = stop else { continue };
            if let Some(end) = pinned {
                let proof = Proof::Pinned { end };
                return Err(io.corrupt(Damage::Frame { sequence: header.sequence, offset: walk.end, fault, proof }));
            }
            tail = walk.judge_tail(io, &mut reader, header, fault)?;
        }
        walk.reader = reader;
        Ok((walk, tail))
    }

    fn begin(first: &SegmentHeader) -> Walk {
        Walk {
            index: Index::default(),
            last: first.predecessor.last,
            next_frame: first.first_frame,
            chain: first.predecessor.chain,
            end: first.predecessor.end,
            frames: 0,
            reader: Reader::new(),
            next: first.base,
        }
    }

    /// Walks a single segment, up to the end that the next one pins.
    pub(crate) fn one(io: &Io<'_>, segment: &SegmentInfo, next: &SegmentInfo) -> Result<(), WalError> {
        let mut walk = Walk::begin(&segment.header);
        walk.end = PAGE_BYTES;
        let end = next.header.predecessor.end;
        let mut reader = Reader::new();
        reader.open(io, &segment.header)?;
        let stop = walk.segment(&mut reader, &segment.header, Some(end), &mut |_| {});
        if let Some(fault) = stop.map_err(|source| reader.error(io, source))? {
            let (sequence, proof) = (segment.header.sequence, Proof::Pinned { end });
            return Err(io.corrupt(Damage::Frame { sequence, offset: walk.end, fault, proof }));
        }
        walk.check_link(io, &next.header)
    }

    /// The next segment's header against the end of the one before it.
    fn check_link(&self, io: &Io<'_>, header: &SegmentHeader) -> Result<(), WalError> {
        let before = &header.predecessor;
        if planted::is(Bug::PredecessorNotChecked) {
            return Ok(());
        }
        let what = if before.sequence != header.sequence - 1 {
            "it names another predecessor"
        } else if before.end != self.end {
            "it pins another end"
        } else if before.chain != self.chain {
            "it is chained to another frame"
        } else if before.last != self.last {
            "it names another last LSN"
        } else if header.first_frame != self.next_frame {
            "its first frame has another number"
        } else {
            return Ok(());
        };
        Err(io.corrupt(Damage::Link { sequence: header.sequence, what }))
    }

    /// Walks one segment up to its pinned end, or up to the first frame that is not valid, which is returned.
    fn segment(
        &mut self,
        reader: &mut Reader,
        header: &SegmentHeader,
        pinned: Option<u64>,
        visit: Visit<'_>,
    ) -> std::io::Result<Option<FrameFault>> {
        let seed = Seed::new(header.log_id, header.sequence);
        while pinned.is_none_or(|end| self.end < end) {
            match self.frame(reader, header, &seed, visit)? {
                Ok(bytes) => self.end += u64::from(bytes),
                Err(fault) => return Ok(Some(fault)),
            }
        }
        Ok(None)
    }

    /// Judges the frame at `self.end`; its length if it is valid and the one that follows.
    fn frame(
        &mut self,
        reader: &mut Reader,
        segment: &SegmentHeader,
        seed: &Seed,
        visit: Visit<'_>,
    ) -> std::io::Result<Result<u32, FrameFault>> {
        let offset = self.end;
        let room = segment.copy_at() - offset;
        if room == 0 {
            return Ok(Err(FrameFault::End));
        }
        let header = match FrameHeader::decode(reader.head(offset)?, offset, room, seed) {
            Ok(header) => header,
            Err(fault) => return Ok(Err(fault)),
        };
        let bytes = reader.bytes(offset, header.bytes as usize)?;
        // Judge the whole body before anybody sees a record of it.
        if let Err(fault) = frame::check_body(&header, bytes, offset, seed, |_, _| {}) {
            return Ok(Err(fault));
        }
        if let Err(order) = self.order(&header) {
            return Ok(Err(FrameFault::Order(order)));
        }
        visit(Seen::Frame { segment: segment.sequence, offset, header: &header });
        frame::each_record(&header, bytes, |record| visit(Seen::Record(record)));
        self.accept(&header, segment.sequence, offset);
        Ok(Ok(header.bytes))
    }

    fn order(&self, header: &FrameHeader) -> Result<(), Order> {
        if header.sequence != self.next_frame {
            return Err(Order::Sequence { found: header.sequence, expected: self.next_frame });
        }
        if header.chain != self.chain && !planted::is(Bug::ChainNotChecked) {
            return Err(Order::Chain);
        }
        if header.first != self.next {
            return Err(Order::Position { found: header.first, expected: self.next });
        }
        let numbered = header.next() > header.first;
        let again = numbered && header.first <= self.last;
        let relog = header.flags & frame::RELOG != 0;
        if again != relog || (relog && header.next().previous() > self.last) {
            return Err(Order::Relog);
        }
        if header.durable > self.last {
            return Err(Order::Promise(header.durable));
        }
        Ok(())
    }

    fn accept(&mut self, header: &FrameHeader, segment: u64, offset: u64) {
        self.next_frame += 1;
        self.chain = header.checksum;
        self.frames += 1;
        self.next = header.next();
        if header.next() == header.first {
            return;
        }
        let last = header.next().previous();
        self.last = self.last.max(last);
        self.index.push(FrameRef {
            segment,
            offset,
            first: header.first,
            last,
            bytes: header.bytes,
            relog: header.flags & frame::RELOG != 0,
        });
    }

    /// At the first frame of the newest segment that is not valid: a torn tail, unless a witness behind it says that it
    /// was durable.
    fn judge_tail(
        &self,
        io: &Io<'_>,
        reader: &mut Reader,
        segment: &SegmentHeader,
        fault: FrameFault,
    ) -> Result<Tail, WalError> {
        if let FrameFault::Order(_) = fault {
            let (sequence, proof) = (segment.sequence, Proof::Whole);
            return Err(io.corrupt(Damage::Frame { sequence, offset: self.end, fault, proof }));
        }
        let seed = Seed::new(segment.log_id, segment.sequence);
        let mut blank = true;
        for offset in (self.end..segment.copy_at()).step_by(PAGE) {
            let room = segment.copy_at() - offset;
            let page = reader.bytes(offset, PAGE).map_err(|source| reader_error(io, segment, source))?;
            blank &= all_zero(page);
            let head = page.first_chunk().expect("a page holds a frame header");
            let Ok(witness) = FrameHeader::decode(head, offset, room, &seed) else {
                continue;
            };
            let durable_frame = witness.durable_frame();
            let believed = !planted::is(Bug::TruncateOnCorruption);
            if believed && (durable_frame >= self.next_frame || witness.durable > self.last) {
                let proof = Proof::Witness { offset, durable_frame, durable: witness.durable };
                let sequence = segment.sequence;
                return Err(io.corrupt(Damage::Frame { sequence, offset: self.end, fault, proof }));
            }
        }
        if blank {
            return Ok(Tail::Clean);
        }
        Ok(Tail::Torn { segment: segment.sequence, offset: self.end, fault })
    }
}

fn reader_error(io: &Io<'_>, segment: &SegmentHeader, source: std::io::Error) -> WalError {
    io.error("read", &names::segment(segment.sequence), source)
}

/// A window into one segment at a time, filled by large `pread`s.
#[derive(Debug)]
pub(crate) struct Reader {
    file: Option<Box<dyn DiskFile>>,
    sequence: u64,
    window: Vec<u8>,
    start: u64,
    filled: usize,
}

impl Reader {
    pub(crate) fn new() -> Self {
        Self { file: None, sequence: 0, window: Vec::new(), start: 0, filled: 0 }
    }

    /// Turns to a segment, unless it is the one already open.
    pub(crate) fn open(&mut self, io: &Io<'_>, header: &SegmentHeader) -> Result<(), WalError> {
        if self.file.is_some() && self.sequence == header.sequence {
            return Ok(());
        }
        let name = names::segment(header.sequence);
        self.file = Some(io.disk.open(&name, Access::Read).map_err(|source| io.error("open", &name, source))?);
        self.sequence = header.sequence;
        self.filled = 0;
        let window = usize::try_from(header.bytes).unwrap_or(usize::MAX).min(FRAME_BYTES_MAX);
        self.window.resize(window.max(self.window.len()), 0);
        Ok(())
    }

    pub(crate) fn error(&self, io: &Io<'_>, source: std::io::Error) -> WalError {
        io.error("read", &names::segment(self.sequence), source)
    }

    /// `length` bytes at `offset`, at most a window.
    pub(crate) fn bytes(&mut self, offset: u64, length: usize) -> std::io::Result<&[u8]> {
        let inside = offset.checked_sub(self.start).and_then(|at| usize::try_from(at).ok());
        let at = match inside.filter(|at| at.checked_add(length).is_some_and(|end| end <= self.filled)) {
            Some(at) => at,
            None => {
                let file = self.file.as_ref().expect("a segment is open before it is read");
                self.filled = 0;
                self.start = offset;
                self.filled = file.read_at(&mut self.window, offset)?;
                0
            }
        };
        match self.window[..self.filled].get(at..at + length) {
            Some(bytes) => Ok(bytes),
            None => Err(std::io::ErrorKind::UnexpectedEof.into()),
        }
    }

    /// The page's first bytes, where a frame header would stand.
    fn head(&mut self, offset: u64) -> std::io::Result<&[u8; HEADER_BYTES]> {
        let page = self.bytes(offset, PAGE)?;
        Ok(page.first_chunk().expect("a page holds a frame header"))
    }
}
