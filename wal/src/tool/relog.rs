//! A record that was logged again is byte identical to the one before it.

use std::collections::BTreeMap;

use crate::error::Damage;
use crate::format::frame::{FrameHeader, check_body};
use crate::format::seed::Seed;
use crate::recovery::{FrameRef, Io, Reader, Survey, Walk};
use crate::{Lsn, WalError, names};

/// Compares every copy with its original, as far as that is still on disk.
pub(super) fn compare(io: &Io<'_>, survey: &Survey, walk: &Walk) -> Result<(), WalError> {
    let frames = walk.index.frames();
    let mut reader = Reader::new();
    for (at, copy) in frames.iter().enumerate().filter(|(_, frame)| frame.relog) {
        let overlaps = |frame: &&FrameRef| frame.first <= copy.last && copy.first <= frame.last;
        let copies = records(io, survey, &mut reader, copy)?;
        for original in frames[..at].iter().rev().filter(overlaps) {
            for (lsn, bytes) in records(io, survey, &mut reader, original)? {
                if copies.get(&lsn).is_some_and(|copy| *copy != bytes) {
                    return Err(io.corrupt(Damage::Relog { lsn }));
                }
            }
        }
    }
    Ok(())
}

fn records(
    io: &Io<'_>,
    survey: &Survey,
    reader: &mut Reader,
    place: &FrameRef,
) -> Result<BTreeMap<Lsn, Vec<u8>>, WalError> {
    let header = survey.segments.iter().map(|segment| &segment.header).find(|header| header.sequence == place.segment);
    let header = header.expect("the walk met the frame in one of these segments");
    reader.open(io, header)?;
    let seed = Seed::new(header.log_id, header.sequence);
    let mut found = BTreeMap::new();
    let read = reader.bytes(place.offset, place.bytes as usize).and_then(|bytes| {
        let head = bytes.first_chunk().expect("a frame is longer than its header");
        let frame =
            FrameHeader::decode(head, place.offset, u64::from(place.bytes), &seed).map_err(std::io::Error::other)?;
        check_body(&frame, bytes, place.offset, &seed, |record, raw| {
            found.insert(record.lsn, raw.to_vec());
        })
        .map_err(std::io::Error::other)
    });
    read.map_err(|source| io.error("read again", &names::segment(place.segment), source))?;
    Ok(found)
}
