//! The segment that frames are written to, from being named to being full.
//!
//! Knows where the next frame goes and nothing of what is in it.

use std::io;

use crate::disk::{Access, Disk, DiskFile};
use crate::format::header::SegmentHeader;
use crate::format::seed::Seed;
use crate::format::{PAGE_BYTES, frame};
use crate::names;
use crate::planted::{self, Bug};

use super::steward::Spare;

/// The newest segment of the log.
#[derive(Debug)]
pub(crate) struct Segment {
    pub(crate) file: Box<dyn DiskFile>,
    pub(crate) header: SegmentHeader,
    /// Where the next frame goes.
    pub(crate) offset: u64,
    pub(crate) seed: Seed,
}

impl Segment {
    /// Turns a prepared file into the segment of this header: both copies of the header are durable before the file has
    /// its name, and the name is durable before the first frame.
    pub(crate) fn name(disk: &dyn Disk, mut spare: Spare, header: SegmentHeader) -> io::Result<Self> {
        let page = header.encode();
        spare.file.write_at(&page[..], 0)?;
        spare.file.write_at(&page[..], header.copy_at())?;
        if !planted::is(Bug::NamedBeforeHeader) {
            spare.file.sync_data()?;
        }
        disk.rename(&spare.name, &names::segment(header.sequence))?;
        if !planted::is(Bug::SkipDirectoryFsync) {
            disk.sync_dir()?;
        }
        let seed = Seed::new(header.log_id, header.sequence);
        Ok(Self { file: spare.file, header, offset: PAGE_BYTES, seed })
    }

    /// The mistake [`Bug::AppendIntoRecovered`]: a segment of an earlier life, to be continued at `offset`.
    pub(crate) fn reopen(disk: &dyn Disk, header: SegmentHeader, offset: u64) -> io::Result<Self> {
        let file = disk.open(&names::segment(header.sequence), Access::Append)?;
        let seed = Seed::new(header.log_id, header.sequence);
        Ok(Self { file, header, offset, seed })
    }

    /// Whether a frame of this length still fits.
    pub(crate) fn fits(&self, frame_bytes: usize) -> bool {
        self.offset + frame_bytes as u64 <= self.header.copy_at()
    }

    /// Completes the frame in `buffer`, writes it and makes it durable; returns its header as written.
    pub(crate) fn write(&mut self, buffer: &mut Vec<u8>, header: frame::FrameHeader) -> io::Result<frame::FrameHeader> {
        let header = frame::finish(buffer, header, self.offset, &self.seed);
        self.file.write_at(buffer, self.offset)?;
        let early =
            planted::is(Bug::AckBeforeSync) || (planted::is(Bug::RelogNotSynced) && header.flags & frame::RELOG != 0);
        if !early {
            let synced = self.file.sync_data();
            if planted::is(Bug::RetryFailedSync) && synced.is_err() {
                self.file.sync_data()?;
            } else {
                synced?;
            }
        }
        self.offset += u64::from(header.bytes);
        Ok(header)
    }
}
