//! Decisions out of bytes: what a fuzzer hands in, taken from the front. Where nothing is left, zeros are.

/// The rest of an input.
pub(super) struct Data<'a>(&'a [u8]);

impl<'a> Data<'a> {
    pub(super) const fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn take(&mut self, len: usize) -> &'a [u8] {
        let (front, rest) = self.0.split_at(len.min(self.0.len()));
        self.0 = rest;
        front
    }

    pub(super) fn array<const N: usize>(&mut self) -> [u8; N] {
        let mut out = [0; N];
        for (to, from) in out.iter_mut().zip(self.take(N)) {
            *to = *from;
        }
        out
    }

    pub(super) fn u8(&mut self) -> u8 {
        u8::from_le_bytes(self.array())
    }

    pub(super) fn u16(&mut self) -> u16 {
        u16::from_le_bytes(self.array())
    }

    pub(super) fn u32(&mut self) -> u32 {
        u32::from_le_bytes(self.array())
    }

    pub(super) fn u64(&mut self) -> u64 {
        u64::from_le_bytes(self.array())
    }

    /// A part whose length stands before it.
    pub(super) fn part(&mut self) -> &'a [u8] {
        let len = usize::from(self.u16() & 0x07ff);
        self.take(len)
    }
}
