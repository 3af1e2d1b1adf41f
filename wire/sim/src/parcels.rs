//! Blocks whose contents follow from their number: what was sent, what came, and how each ended.

use std::sync::Arc;

use mu_wire::BlockEnd;

use crate::dice::{Dice, scramble};

/// One block.
#[derive(Debug)]
struct Parcel {
    id: u16,
    len: usize,
    came: bool,
    ended: bool,
}

/// All blocks of one direction of a connection.
#[derive(Debug)]
pub(crate) struct Parcels {
    salt: u64,
    parcels: Vec<Parcel>,
}

impl Parcels {
    /// Nothing is sent yet.
    pub(crate) const fn new(salt: u64) -> Self {
        Self { salt, parcels: Vec::new() }
    }

    /// The next block of this length: its kind and its bytes.
    pub(crate) fn write_next(&self, len: usize) -> (u16, Arc<[u8]>) {
        self.write(self.parcels.len(), len)
    }

    /// The block of [`Parcels::write_next`] was taken to be sent.
    pub(crate) fn sent(&mut self, id: u16, len: usize) {
        self.parcels.push(Parcel { id, len, came: false, ended: false });
    }

    /// Blocks whose end is not told.
    pub(crate) fn waiting(&self) -> usize {
        self.parcels.iter().filter(|parcel| !parcel.ended).count()
    }

    /// Bytes of blocks whose end is not told.
    pub(crate) fn waiting_bytes(&self) -> usize {
        self.parcels.iter().filter(|parcel| !parcel.ended).map(|parcel| parcel.len).sum()
    }

    /// A block came.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(crate) fn take(&mut self, kind: u16, bytes: &[u8]) -> Result<(), String> {
        let number = self.parcels.iter().enumerate().position(|(number, parcel)| {
            let candidate = !parcel.came && parcel.len == bytes.len();
            candidate && self.write(number, bytes.len()) == (kind, bytes.into())
        });
        let Some(number) = number else {
            return Err(format!("a block of {} bytes and kind {kind} that was not sent, or twice", bytes.len()));
        };
        let skipped = self.parcels.iter().take(number).any(|parcel| !parcel.came && !parcel.ended);
        self.parcels[number].came = true;
        if skipped { Err(format!("block {number} came before an earlier one")) } else { Ok(()) }
    }

    /// A block's end was told to its sender.
    ///
    /// # Errors
    /// Why it cannot be.
    pub(crate) fn ended(&mut self, id: u16, end: BlockEnd) -> Result<(), String> {
        let Some(parcel) = self.parcels.iter_mut().find(|parcel| !parcel.ended) else {
            return Err(format!("the end of block {id}, and none is on its way"));
        };
        if parcel.id != id {
            return Err(format!("the end of block {id}, and {} is the next", parcel.id));
        }
        parcel.ended = true;
        match end {
            BlockEnd::Taken if parcel.came => Ok(()),
            BlockEnd::Refused if !parcel.came => Ok(()),
            _ => Err(format!("block {id} is said to be {end:?}, it came: {}", parcel.came)),
        }
    }

    fn write(&self, number: usize, len: usize) -> (u16, Arc<[u8]>) {
        let mut dice = Dice::new(scramble(self.salt) ^ number as u64);
        let kind = dice.u16(u16::MAX);
        let mut bytes = Vec::with_capacity(len + 8);
        while bytes.len() < len {
            bytes.extend_from_slice(&dice.next().to_le_bytes());
        }
        bytes.truncate(len);
        (kind, bytes.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_come_whole_once_in_order_and_their_ends_are_true() {
        let mut parcels = Parcels::new(3);
        let all: Vec<_> = (0..3)
            .map(|id| {
                let parcel = parcels.write_next(2_000);
                parcels.sent(id, 2_000);
                parcel
            })
            .collect();
        let take = |parcels: &mut Parcels, at: usize| parcels.take(all[at].0, &all[at].1);
        take(&mut parcels, 0).unwrap();
        assert!(take(&mut parcels, 0).is_err(), "twice");
        assert!(parcels.ended(1, BlockEnd::Taken).is_err(), "not its turn");
        parcels.ended(0, BlockEnd::Taken).unwrap();
        assert!(take(&mut parcels, 2).is_err(), "before the second");
        assert!(parcels.ended(1, BlockEnd::Taken).is_err(), "it did not come");
        assert!(parcels.ended(2, BlockEnd::Refused).is_err(), "it did come");
        let mut altered = all[1].1.to_vec();
        altered[1_000] ^= 1;
        assert!(parcels.take(all[1].0, &altered).is_err());
        assert_eq!(parcels.waiting(), 0);
    }
}
