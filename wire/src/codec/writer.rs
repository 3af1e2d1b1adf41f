//! A checked cursor over the caller's buffer: a value is written whole or not at all.

use super::varint;

/// The value does not fit into what is left of the buffer; nothing was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the value does not fit into what is left of the buffer")]
pub struct NoRoom;

/// A cursor over the caller's buffer.
#[derive(Debug)]
pub struct Writer<'a> {
    buffer: &'a mut [u8],
    len: usize,
}

impl<'a> Writer<'a> {
    /// A cursor at the start of `buffer`.
    #[must_use]
    pub const fn new(buffer: &'a mut [u8]) -> Self {
        Self { buffer, len: 0 }
    }

    /// Bytes written so far.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.len
    }

    /// Whether nothing was written yet.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Bytes still free.
    #[must_use]
    pub const fn remaining(&self) -> usize {
        self.buffer.len().saturating_sub(self.len)
    }

    /// What was written so far.
    #[must_use]
    pub fn written(&self) -> &[u8] {
        self.buffer.get(..self.len).unwrap_or(&[])
    }

    /// The free part of the buffer; say afterwards with [`Writer::advance`] how much of it was used.
    pub fn free(&mut self) -> &mut [u8] {
        self.buffer.get_mut(self.len..).unwrap_or(&mut [])
    }

    /// Counts `count` bytes of [`Writer::free`] as written, at most all of them.
    pub fn advance(&mut self, count: usize) {
        self.len = self.len.saturating_add(count).min(self.buffer.len());
    }

    /// Back to an earlier length; a longer one changes nothing.
    pub fn truncate(&mut self, len: usize) {
        self.len = self.len.min(len);
    }

    /// The bytes as they are.
    ///
    /// # Errors
    /// [`NoRoom`].
    pub fn bytes(&mut self, bytes: &[u8]) -> Result<(), NoRoom> {
        let target = self.free().get_mut(..bytes.len()).ok_or(NoRoom)?;
        target.copy_from_slice(bytes);
        self.len += bytes.len();
        Ok(())
    }

    /// One byte.
    ///
    /// # Errors
    /// [`NoRoom`].
    pub fn u8(&mut self, value: u8) -> Result<(), NoRoom> {
        self.bytes(&[value])
    }

    /// Two bytes.
    ///
    /// # Errors
    /// [`NoRoom`].
    pub fn u16(&mut self, value: u16) -> Result<(), NoRoom> {
        self.bytes(&value.to_le_bytes())
    }

    /// Four bytes.
    ///
    /// # Errors
    /// [`NoRoom`].
    pub fn u32(&mut self, value: u32) -> Result<(), NoRoom> {
        self.bytes(&value.to_le_bytes())
    }

    /// Eight bytes.
    ///
    /// # Errors
    /// [`NoRoom`].
    pub fn u64(&mut self, value: u64) -> Result<(), NoRoom> {
        self.bytes(&value.to_le_bytes())
    }

    /// A number of one to five bytes in its shortest form.
    ///
    /// # Errors
    /// [`NoRoom`].
    pub fn varint(&mut self, value: u32) -> Result<(), NoRoom> {
        varint::write(self, value)
    }
}
