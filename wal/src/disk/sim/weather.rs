//! What goes wrong on the simulated disk by chance: rates per operation, damage to what is stored, and a count of each.
//!
//! Draws from the disk's own sequence, and only where a rate is not zero, so that a disk without weather is as it was.

use std::time::Duration;

use super::{Fault, Kind, SECTOR, SimDisk, State};
use crate::format::PAGE;

/// Rates in events per million operations; the default is a good disk.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Weather {
    /// The power goes; ten times as likely at operations that write, sync or change names.
    pub cut: u32,
    /// Writes, syncs and changes of names fail.
    pub error: u32,
    /// Reads fail; the next attempt may succeed.
    pub read_error: u32,
    /// What needs blocks finds none.
    pub full: u32,
    /// An operation takes long.
    pub stall: u32,
    /// How long a stall takes at most.
    pub stall_max: Duration,
    /// A frame is written to another page of its file.
    pub misdirect: u32,
    /// Syncs report success and do nothing.
    pub lying: bool,
}

/// How often each thing happened since the disk was made.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Incidents {
    /// Power cuts by the weather.
    pub cuts: u64,
    /// Failed writes, syncs and changes of names.
    pub errors: u64,
    /// Failed syncs among them.
    pub sync_errors: u64,
    /// Failed reads.
    pub read_errors: u64,
    /// Operations that found no blocks.
    pub full: u64,
    /// Long operations.
    pub stalls: u64,
    /// Writes that went elsewhere.
    pub misdirected: u64,
    /// Syncs that lied.
    pub lies: u64,
    /// Bits flipped.
    pub flips: u64,
}

/// Where a bit was flipped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bruise {
    /// The file.
    pub name: String,
    /// The byte.
    pub offset: u64,
}

impl State {
    /// Rolls for one operation.
    pub(super) fn turn(&mut self, kind: Kind) -> Option<Fault> {
        let weather = self.weather;
        if weather == Weather::default() {
            return None;
        }
        if self.strikes(weather.stall) {
            let most = u64::try_from(weather.stall_max.as_millis()).unwrap_or(u64::MAX).max(1);
            let stall = Duration::from_millis(self.below(most));
            self.clock += stall;
            self.incidents.stalls += 1;
        }
        let in_flight = !matches!(kind, Kind::Read);
        if self.strikes(weather.cut.saturating_mul(if in_flight { 10 } else { 1 })) {
            self.incidents.cuts += 1;
            return Some(if self.chance(2) { Fault::CutBefore } else { Fault::CutAfter });
        }
        if kind == Kind::Grow && self.strikes(weather.full) {
            self.incidents.full += 1;
            return Some(Fault::NoSpace);
        }
        if self.strikes(if in_flight { weather.error } else { weather.read_error }) {
            self.incidents.errors += u64::from(in_flight);
            self.incidents.sync_errors += u64::from(kind == Kind::Sync);
            self.incidents.read_errors += u64::from(!in_flight);
            return Some(Fault::Error);
        }
        None
    }

    /// Whether a sync only says that it was done.
    pub(super) fn lies(&mut self) -> bool {
        self.incidents.lies += u64::from(self.weather.lying);
        self.weather.lying
    }

    /// True with this rate per million.
    fn strikes(&mut self, rate: u32) -> bool {
        rate > 0 && self.below(1_000_000) < u64::from(rate)
    }
}

impl SimDisk {
    /// Changes what goes wrong from now on.
    pub fn set_weather(&self, weather: Weather) {
        self.state().weather = weather;
    }

    /// What went wrong so far.
    #[must_use]
    pub fn incidents(&self) -> Incidents {
        self.state().incidents
    }

    /// Bytes that no sync has covered: what a power cut may lose.
    #[must_use]
    pub fn unsynced(&self) -> bool {
        let state = self.state();
        !state.unsynced_names.is_empty() || state.inodes.values().any(super::file::Inode::is_dirty)
    }

    /// Where a write lands: at `start`, or on another page of the file.
    pub(super) fn aimed(&self, start: usize, fixed: bool) -> usize {
        let mut state = self.state();
        let rate = state.weather.misdirect;
        if !fixed || start < 2 * PAGE || !state.strikes(rate) {
            return start;
        }
        state.incidents.misdirected += 1;
        start - PAGE
    }

    /// Flips one bit of a stored segment, in a sector that holds something if there is one among a few tries. `None` if
    /// there is no segment.
    pub fn flip_bit(&self) -> Option<Bruise> {
        let mut state = self.state();
        let segments: Vec<(String, u64)> = state
            .names
            .iter()
            .filter(|(name, _)| name.ends_with(".wal"))
            .map(|(name, id)| (name.clone(), *id))
            .collect();
        let pick = state.below(segments.len().max(1) as u64);
        let (name, inode) = segments.get(usize::try_from(pick).unwrap_or(0)).cloned()?;
        let length = state.inodes.get(&inode)?.durable.len();
        let mut offset = 0;
        for _ in 0..64 {
            offset = usize::try_from(state.below(length.max(1) as u64)).unwrap_or(0);
            let sector = offset / SECTOR * SECTOR;
            let durable = &state.inodes[&inode].durable;
            if durable.get(sector..(sector + SECTOR).min(length)).is_some_and(|bytes| bytes.iter().any(|b| *b != 0)) {
                break;
            }
        }
        let bit = 1 << state.below(8);
        state.incidents.flips += 1;
        state.inodes.get_mut(&inode)?.flip(offset, bit);
        Some(Bruise { name, offset: offset as u64 })
    }
}
