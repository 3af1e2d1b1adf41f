//! Checked cursors over the bytes of a message.

/// A value crosses the end of the bytes.
#[derive(Debug)]
pub(super) struct End;

/// A cursor over received bytes; what it hands out borrows from them.
#[derive(Debug)]
pub struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    pub(super) const fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    pub(super) const fn remaining(&self) -> usize {
        self.rest.len()
    }

    pub(super) fn bytes(&mut self, count: usize) -> Result<&'a [u8], End> {
        let (taken, rest) = self.rest.split_at_checked(count).ok_or(End)?;
        self.rest = rest;
        Ok(taken)
    }

    pub(super) fn array<const N: usize>(&mut self) -> Result<[u8; N], End> {
        let (taken, rest) = self.rest.split_first_chunk::<N>().ok_or(End)?;
        self.rest = rest;
        Ok(*taken)
    }
}

/// A cursor over the caller's buffer.
#[derive(Debug)]
pub struct Writer<'a> {
    buffer: &'a mut [u8],
    len: usize,
}

impl<'a> Writer<'a> {
    pub(super) const fn new(buffer: &'a mut [u8]) -> Self {
        Self { buffer, len: 0 }
    }

    pub(super) const fn len(&self) -> usize {
        self.len
    }

    pub(super) fn free(&mut self) -> &mut [u8] {
        self.buffer.get_mut(self.len..).unwrap_or(&mut [])
    }

    pub(super) fn advance(&mut self, count: usize) {
        self.len = self.len.saturating_add(count).min(self.buffer.len());
    }

    pub(super) fn bytes(&mut self, bytes: &[u8]) -> Result<(), End> {
        let target = self.free().get_mut(..bytes.len()).ok_or(End)?;
        target.copy_from_slice(bytes);
        self.len += bytes.len();
        Ok(())
    }
}
