//! Messages whose contents follow from their number, so that what arrives is checked without keeping what was sent.
//!
//! ```text
//! letter  number 4 │ filling that follows from salt, lane and number      cut off at its length, which follows too
//! ```

use mu_wire::Lane;

use crate::dice::scramble;
use crate::marks::Marks;

/// What a lane promises.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Promise {
    /// Each once, in order.
    Ordered,
    /// Each once.
    Unordered,
    /// Each at most once.
    Unreliable,
    /// At most once, and never one that is older than one that came.
    Sequenced,
}

/// The promise of a lane; blocks have their own book.
#[must_use]
pub(crate) const fn promise(lane: Lane) -> Option<Promise> {
    match lane {
        Lane::Control | Lane::Value | Lane::Social => Some(Promise::Ordered),
        Lane::Unordered => Some(Promise::Unordered),
        Lane::Effects => Some(Promise::Unreliable),
        Lane::Position => Some(Promise::Sequenced),
        Lane::Bulk => None,
    }
}

/// Lanes that carry messages.
pub(crate) const LANES: [Lane; 6] =
    [Lane::Control, Lane::Value, Lane::Social, Lane::Unordered, Lane::Effects, Lane::Position];

/// What was sent and what came on one lane of one direction.
#[derive(Debug, Default)]
struct Book {
    sent: u32,
    came: u32,
    /// Ordered: the next number. Sequenced: above the newest.
    next: u32,
    /// Numbers that came, on lanes without an order.
    seen: Marks,
}

/// All messages of one direction of a connection.
#[derive(Debug)]
pub(crate) struct Letters {
    salt: u64,
    /// Longest letter of reliable lanes and of the others.
    longest: (usize, usize),
    books: [Book; LANES.len()],
    expected: Vec<u8>,
    /// Bytes on reliable lanes that were sent and have not come.
    waiting_bytes: usize,
}

impl Letters {
    /// Nothing is sent yet. `longest` is for reliable lanes and for the others.
    #[must_use]
    pub(crate) fn new(salt: u64, longest: (usize, usize)) -> Self {
        Self { salt, longest, books: Default::default(), expected: Vec::new(), waiting_bytes: 0 }
    }

    /// Writes the lane's next letter into `out`.
    pub(crate) fn write_next(&self, lane: Lane, out: &mut Vec<u8>) {
        self.write(lane, self.book(lane).sent, out);
    }

    /// The letter that [`Letters::write_next`] wrote was taken to be sent.
    pub(crate) fn sent(&mut self, lane: Lane, len: usize) {
        self.books[place(lane)].sent += 1;
        if is_reliable(lane) {
            self.waiting_bytes += len;
        }
    }

    /// A letter came.
    ///
    /// # Errors
    /// How the lane's promise was broken.
    pub(crate) fn take(&mut self, lane: Lane, bytes: &[u8]) -> Result<(), String> {
        let Some(promise) = promise(lane) else {
            return Err(format!("a message on {lane:?}"));
        };
        let book = &self.books[place(lane)];
        let number = match promise {
            Promise::Ordered => book.next,
            _ => bytes.first_chunk().map(|bytes| u32::from_le_bytes(*bytes)).ok_or("a letter without a number")?,
        };
        if number >= book.sent {
            return Err(format!("{lane:?}: message {number} came, {} were sent", book.sent));
        }
        let mut expected = std::mem::take(&mut self.expected);
        self.write(lane, number, &mut expected);
        let same = bytes == expected;
        self.expected = expected;
        if !same {
            return Err(format!("{lane:?}: message {number} came altered or out of order, {} bytes", bytes.len()));
        }
        let book = &mut self.books[place(lane)];
        match promise {
            Promise::Ordered => {}
            Promise::Sequenced if number < book.next => {
                return Err(format!("{lane:?}: message {number} came after {}", book.next - 1));
            }
            Promise::Sequenced => {}
            Promise::Unordered | Promise::Unreliable => {
                if !book.seen.set(number) {
                    return Err(format!("{lane:?}: message {number} came twice"));
                }
            }
        }
        book.next = number + 1;
        book.came += 1;
        if is_reliable(lane) {
            self.waiting_bytes -= bytes.len();
        }
        Ok(())
    }

    /// The first reliable lane on which something is still missing: lane, came, sent.
    #[must_use]
    pub(crate) fn missing(&self) -> Option<(Lane, u32, u32)> {
        LANES.into_iter().zip(&self.books).find_map(|(lane, book)| {
            (is_reliable(lane) && book.came < book.sent).then_some((lane, book.came, book.sent))
        })
    }

    /// Messages on their way on a lane, for a sender with manners.
    #[must_use]
    pub(crate) fn waiting(&self, lane: Lane) -> u32 {
        let book = self.book(lane);
        if is_reliable(lane) { book.sent - book.came } else { 0 }
    }

    /// Messages that were sent on the other lanes and did not come.
    pub(crate) fn lost(&self) -> u64 {
        let books = LANES.into_iter().zip(&self.books).filter(|(lane, _)| !is_reliable(*lane));
        books.map(|(_, book)| u64::from(book.sent - book.came)).sum()
    }

    /// Bytes on reliable lanes that were sent and have not come.
    #[must_use]
    pub(crate) const fn waiting_bytes(&self) -> usize {
        self.waiting_bytes
    }

    fn book(&self, lane: Lane) -> &Book {
        &self.books[place(lane)]
    }

    fn write(&self, lane: Lane, number: u32, out: &mut Vec<u8>) {
        let mut state = scramble(self.salt ^ u64::from(lane.number()) << 56 ^ u64::from(number));
        let ordered = promise(lane) == Some(Promise::Ordered);
        let longest = if is_reliable(lane) { self.longest.0 } else { self.longest.1 };
        // Most are short, some fill a datagram or several.
        let bound = match state >> 56 {
            0..=179 => 40,
            180..=239 => 300,
            240..=251 => longest.min(1_200),
            _ => longest,
        };
        let shortest = if ordered { 0 } else { 4 };
        let len = shortest + usize::try_from((state & 0xff_ffff) % (bound - shortest + 1) as u64).unwrap_or(0);
        out.clear();
        out.extend_from_slice(&number.to_le_bytes());
        while out.len() < len {
            state = state.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(0x1405_7b7e_f767_814f);
            out.extend_from_slice(&state.to_le_bytes());
        }
        out.truncate(len);
    }
}

const fn is_reliable(lane: Lane) -> bool {
    matches!(promise(lane), Some(Promise::Ordered | Promise::Unordered))
}

fn place(lane: Lane) -> usize {
    LANES.iter().position(|known| *known == lane).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(lane: Lane, count: usize) -> (Letters, Vec<Vec<u8>>) {
        let mut letters = Letters::new(7, (1_100, 500));
        let mut all = Vec::new();
        for _ in 0..count {
            let mut bytes = Vec::new();
            letters.write_next(lane, &mut bytes);
            letters.sent(lane, bytes.len());
            all.push(bytes);
        }
        (letters, all)
    }

    #[test]
    fn an_ordered_lane_keeps_its_order() {
        let (mut letters, all) = sent(Lane::Value, 40);
        for bytes in &all {
            letters.take(Lane::Value, bytes).unwrap();
        }
        assert_eq!(letters.missing(), None);
        assert!(letters.take(Lane::Value, &all[0]).is_err(), "more than was sent");
        let (mut letters, all) = sent(Lane::Control, 400);
        let long = all.iter().position(|bytes| bytes.len() > 4).unwrap();
        assert!(letters.take(Lane::Control, &all[long + 1]).is_err(), "not the next one");
        assert_eq!(letters.missing(), Some((Lane::Control, 0, 400)));
        assert!(all.iter().any(|bytes| bytes.len() > 1_000) && all.iter().any(|bytes| bytes.len() < 4));
    }

    #[test]
    fn once_means_once_and_unaltered() {
        for lane in [Lane::Unordered, Lane::Effects] {
            let (mut letters, all) = sent(lane, 5);
            letters.take(lane, &all[3]).unwrap();
            letters.take(lane, &all[1]).unwrap();
            assert!(letters.take(lane, &all[3]).unwrap_err().contains("twice"));
            let mut altered = all[2].clone();
            altered.push(0);
            assert!(letters.take(lane, &altered).unwrap_err().contains("altered"));
        }
    }

    #[test]
    fn a_sequenced_lane_never_goes_back() {
        let (mut letters, all) = sent(Lane::Position, 5);
        letters.take(Lane::Position, &all[1]).unwrap();
        letters.take(Lane::Position, &all[4]).unwrap();
        assert!(letters.take(Lane::Position, &all[3]).unwrap_err().contains("after 4"));
        assert_eq!(letters.missing(), None, "losing some is no fault");
    }
}
