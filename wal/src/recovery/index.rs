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

/// The frames of a walk, in file order, and the position each segment begins with.
///
/// Neither rises steadily: a segment begun after a restart goes back to the first undecided record, and one begun before
/// it may have ended before it had logged all of them again.
#[derive(Debug, Default)]
pub(crate) struct Index {
    bases: Vec<(u64, Lsn)>,
    frames: Vec<FrameRef>,
}

impl Index {
    /// A segment begins.
    pub(crate) fn begin(&mut self, segment: u64, base: Lsn) {
        self.bases.push((segment, base));
    }

    /// A frame of the segment begun last.
    pub(crate) fn push(&mut self, frame: FrameRef) {
        self.frames.push(frame);
    }

    pub(crate) fn frames(&self) -> &[FrameRef] {
        &self.frames
    }

    /// The last position of an unbroken run that begins with `from`, reading segments from `segment` on.
    fn reach(&self, segment: u64, from: Lsn) -> Lsn {
        let later = self.frames.iter().filter(|frame| frame.segment >= segment);
        later.fold(
            from.previous(),
            |reached, frame| {
                if frame.first <= reached.next() { reached.max(frame.last) } else { reached }
            },
        )
    }

    /// The segments from which on everything up to `last` can be read, with the position they begin with.
    pub(crate) fn starts(&self, last: Lsn) -> impl Iterator<Item = (u64, Lsn)> + '_ {
        self.bases.iter().copied().filter(move |(segment, base)| self.reach(*segment, *base) >= last)
    }

    /// The first position from which on everything up to `last` can be read; `None` if not even the last can.
    pub(crate) fn first(&self, last: Lsn) -> Option<Lsn> {
        self.starts(last).map(|(_, base)| base).min()
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
        FrameRef { segment, offset: 4096, first: Lsn(first), last: Lsn(last), bytes: 4096, relog: false }
    }

    fn index(bases: &[(u64, u64)], frames: &[FrameRef]) -> Index {
        let bases = bases.iter().map(|(segment, base)| (*segment, Lsn(*base))).collect();
        Index { bases, frames: frames.to_vec() }
    }

    #[test]
    fn a_log_that_was_logged_again_is_read_once() {
        let frames = [frame(1, 3, 5), frame(1, 6, 8), frame(2, 5, 8), frame(2, 9, 9)];
        let index = index(&[(1, 3), (2, 5)], &frames);
        assert_eq!(index.first(Lsn(9)), Some(Lsn(3)));
        let read: Vec<(u64, Lsn)> = index.behind(Lsn(4)).map(|frame| (frame.segment, frame.last)).collect();
        assert_eq!(read, [(1, Lsn(5)), (1, Lsn(8)), (2, Lsn(9))]);
    }

    #[test]
    fn a_hole_ends_what_can_be_read() {
        assert_eq!(index(&[(1, 1)], &[frame(1, 1, 2), frame(1, 4, 5)]).first(Lsn(5)), None);
    }

    #[test]
    fn a_later_segment_may_begin_earlier() {
        let index = index(&[(2, 34), (3, 27)], &[frame(3, 27, 36)]);
        assert_eq!(index.first(Lsn(36)), Some(Lsn(27)));
        assert_eq!(index.behind(Lsn(30)).count(), 1);
    }

    #[test]
    fn a_segment_that_did_not_log_everything_again_is_no_start() {
        // Segment 2 began to log 27 to 36 again and stopped at 30; segment 3 logged 34 to 36 again.
        let frames = [frame(1, 20, 36), frame(2, 27, 30), frame(3, 34, 36)];
        let index = index(&[(1, 20), (2, 27), (3, 34)], &frames);
        assert_eq!(index.starts(Lsn(36)).collect::<Vec<_>>(), [(1, Lsn(20)), (3, Lsn(34))]);
    }
}
