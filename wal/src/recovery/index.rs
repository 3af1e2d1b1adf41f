//! Where each record stands: one entry per frame, so that the undecided ones can be read again once the database has said
//! what is applied. Bounded by the log's size divided by a page; 40 bytes an entry.

use crate::Lsn;

/// A valid frame with numbered records.
#[derive(Debug, Clone, Copy)]
pub(crate) struct FrameRef {
    /// The segment it stands in.
    pub(crate) segment: u64,
    /// Its offset there.
    pub(crate) offset: u64,
    /// Position of its first record.
    pub(crate) first: Lsn,
    /// Position of its last record.
    pub(crate) last: Lsn,
    /// Its length.
    pub(crate) bytes: u32,
    /// Whether its records stood in the log before.
    pub(crate) relog: bool,
}

/// The frames of a walk, in file order.
#[derive(Debug)]
pub(crate) struct Index {
    start: Lsn,
    covered: Lsn,
    frames: Vec<FrameRef>,
}

impl Index {
    /// An index of frames that begin with the position `base`.
    pub(crate) fn new(base: Lsn) -> Self {
        Self {
            start: base,
            covered: base.previous(),
            frames: Vec::new(),
        }
    }

    /// The first position that can be read through this index.
    pub(crate) fn start(&self) -> Lsn {
        self.start
    }

    /// Every position from the start up to this one stands in some frame.
    pub(crate) fn covered(&self) -> Lsn {
        self.covered
    }

    pub(crate) fn frames(&self) -> &[FrameRef] {
        &self.frames
    }

    pub(crate) fn push(&mut self, frame: FrameRef) {
        if frame.first <= self.covered.next() {
            self.covered = self.covered.max(frame.last);
        }
        self.frames.push(frame);
    }

    /// The frames that together hold each position behind `applied` once, in order. A position logged again is taken from
    /// its earliest place; the copies are byte identical.
    pub(crate) fn behind(&self, applied: Lsn) -> impl Iterator<Item = FrameRef> + '_ {
        let mut wanted = applied.next();
        self.frames.iter().copied().filter(move |frame| {
            let holds = frame.first <= wanted && wanted <= frame.last;
            if holds {
                wanted = frame.last.next();
            }
            holds
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(segment: u64, first: u64, last: u64) -> FrameRef {
        FrameRef {
            segment,
            offset: 4096,
            first: Lsn(first),
            last: Lsn(last),
            bytes: 4096,
            relog: false,
        }
    }

    #[test]
    fn a_log_that_was_logged_again_is_read_once() {
        let mut index = Index::new(Lsn(3));
        for entry in [
            frame(1, 3, 5),
            frame(1, 6, 8),
            frame(2, 5, 8),
            frame(2, 9, 9),
        ] {
            index.push(entry);
        }
        assert_eq!(index.covered(), Lsn(9));
        let read: Vec<(u64, Lsn)> = index
            .behind(Lsn(4))
            .map(|frame| (frame.segment, frame.last))
            .collect();
        assert_eq!(read, [(1, Lsn(5)), (1, Lsn(8)), (2, Lsn(9))]);
    }

    #[test]
    fn a_hole_ends_what_is_covered() {
        let mut index = Index::new(Lsn(1));
        index.push(frame(1, 1, 2));
        index.push(frame(1, 4, 5));
        assert_eq!(index.covered(), Lsn(2));
    }
}
