//! Records behind each other, each with its checksum.
//!
//! ```text
//! file    "MUCAP" │ format 1 │ end 1 (1 server, 2 client) │ 0 │ record …       the first record is the head
//! record  length of the body (number, ≥ 1) │ CRC-32 of length and body 4 │ body: kind 1 │ fields
//! ```
//!
//! A record is valid if: (1) its length is 1 to 2^24 + 2^16; (2) the file holds all of it; (3) the checksum matches; (4) its kind
//! is known and its fields fill the body exactly. A file without a last record of kind END was cut off between two records.

use super::error::{CaptureError, CaptureFault};
use super::fields::{FieldReader, Fields};

/// Version of the file.
pub(super) const FORMAT: u8 = 1;
const MAGIC: &[u8; 5] = b"MUCAP";
const FILE_HEAD: usize = 8;
/// A block and room for its fields.
const BODY_MAX: usize = (1 << 24) + (1 << 16);

/// Which end a capture is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// The end of a shard.
    Server,
    /// The end of a player.
    Client,
}

impl End {
    const fn number(self) -> u8 {
        match self {
            Self::Server => 1,
            Self::Client => 2,
        }
    }
}

/// Writes records. What is finished waits in memory until it is carried away.
#[derive(Debug)]
pub(super) struct Tape {
    done: Vec<u8>,
    fields: Fields,
    most: usize,
}

impl Tape {
    /// A tape on which at most `most` bytes wait to be carried away.
    pub(super) fn new(end: End, most: usize) -> Self {
        let mut done = MAGIC.to_vec();
        done.extend_from_slice(&[FORMAT, end.number(), 0]);
        Self { done, fields: Fields::default(), most }
    }

    /// Adds a record of the fields that `write` puts together; false if no more fits.
    pub(super) fn record(&mut self, kind: u8, write: impl FnOnce(&mut Fields)) -> bool {
        self.put(kind, write, self.most)
    }

    /// Adds a short record for which there is always room.
    pub(super) fn last(&mut self, kind: u8, write: impl FnOnce(&mut Fields)) {
        self.put(kind, write, usize::MAX);
    }

    fn put(&mut self, kind: u8, write: impl FnOnce(&mut Fields), most: usize) -> bool {
        self.fields.bytes.clear();
        self.fields.u8(kind);
        write(&mut self.fields);
        let body = self.fields.bytes.len();
        if body > BODY_MAX || self.done.len().saturating_add(body) > most {
            return false;
        }
        let mut length = Fields::default();
        length.size(body);
        let mut crc = crc32fast::Hasher::new();
        crc.update(&length.bytes);
        crc.update(&self.fields.bytes);
        self.done.extend_from_slice(&length.bytes);
        self.done.extend_from_slice(&crc.finalize().to_le_bytes());
        self.done.extend_from_slice(&self.fields.bytes);
        true
    }

    /// The bytes that wait.
    pub(super) fn take(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.done)
    }

    /// How many wait.
    pub(super) const fn waiting(&self) -> usize {
        self.done.len()
    }
}

/// A file of these bodies, each with a right checksum.
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) fn framed<'b>(end: End, bodies: impl Iterator<Item = &'b [u8]>) -> Vec<u8> {
    let mut tape = Tape::new(end, usize::MAX);
    for (kind, rest) in bodies.filter_map(<[u8]>::split_first) {
        tape.record(*kind, |fields| fields.bytes.extend_from_slice(rest));
    }
    tape.take()
}

/// Reads records.
#[derive(Debug, Clone)]
pub(super) struct Scan<'a> {
    file: &'a [u8],
    at: usize,
    last_us: u64,
}

/// One record.
pub(super) struct Record<'a> {
    pub(super) offset: u64,
    pub(super) kind: u8,
    pub(super) fields: FieldReader<'a>,
}

impl<'a> Scan<'a> {
    /// The records of a file of this end.
    pub(super) fn new(file: &'a [u8], end: End) -> Result<Self, CaptureError> {
        let fault = |fault| CaptureError { offset: 0, fault };
        let head = file.first_chunk::<FILE_HEAD>().filter(|head| head.starts_with(MAGIC));
        match head.ok_or(fault(CaptureFault::NoCapture))? {
            [.., format, _, _] if *format != FORMAT => Err(fault(CaptureFault::Format(*format))),
            [.., found, 0] if *found == end.number() => Ok(Self { file, at: FILE_HEAD, last_us: 0 }),
            [.., 1 | 2, 0] => Err(fault(CaptureFault::OtherEnd)),
            _ => Err(fault(CaptureFault::NoCapture)),
        }
    }

    /// The next record; `None` where the file ends.
    pub(super) fn next(&mut self) -> Result<Option<Record<'a>>, CaptureError> {
        let rest = self.file.get(self.at..).unwrap_or(&[]);
        if rest.is_empty() {
            return Ok(None);
        }
        let offset = self.at as u64;
        let fault = |fault| CaptureError { offset, fault };
        let mut reader = FieldReader::new(rest, 0);
        let cut = fault(CaptureFault::CutOff);
        // A length that never ends is not cut off unless the file is.
        let length = reader.number().map_err(|_| if rest.len() < 10 { cut } else { fault(CaptureFault::Malformed) })?;
        let body_len = usize::try_from(length).ok().filter(|len| (1..=BODY_MAX).contains(len));
        let body_len = body_len.ok_or(fault(CaptureFault::Malformed))?;
        let head = rest.get(..rest.len() - reader.reader.remaining()).unwrap_or(&[]);
        let sum = reader.reader.u32().map_err(|_| cut)?;
        let body = reader.reader.bytes(body_len).map_err(|_| cut)?;
        let mut crc = crc32fast::Hasher::new();
        crc.update(head);
        crc.update(body);
        if crc.finalize() != sum {
            return Err(fault(CaptureFault::Checksum));
        }
        self.at += head.len() + 4 + body_len;
        let mut fields = FieldReader::new(body, self.last_us);
        let kind = fields.u8().map_err(|_| fault(CaptureFault::Malformed))?;
        Ok(Some(Record { offset, kind, fields }))
    }

    /// The record was read to its last field; times go on from there.
    pub(super) fn finish(&mut self, record: &Record<'_>) -> Result<(), CaptureError> {
        self.last_us = record.fields.last_us();
        if record.fields.reader.is_empty() {
            Ok(())
        } else {
            Err(CaptureError { offset: record.offset, fault: CaptureFault::Malformed })
        }
    }
}
