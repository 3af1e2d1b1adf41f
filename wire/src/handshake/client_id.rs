//! The id a client may ask the server to repeat in each datagram to it, so that many clients can share one socket.

/// Longest id a client may choose.
pub const MAX_CLIENT_ID: usize = 4;

/// A client's own id: 0 to 4 bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ClientId {
    bytes: [u8; MAX_CLIENT_ID],
    len: u8,
}

impl ClientId {
    /// The id, if it is not too long.
    #[must_use]
    pub fn new(id: &[u8]) -> Option<Self> {
        let mut bytes = [0; MAX_CLIENT_ID];
        bytes.get_mut(..id.len())?.copy_from_slice(id);
        Some(Self { bytes, len: u8::try_from(id.len()).ok()? })
    }

    /// Its bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..usize::from(self.len)).unwrap_or(&[])
    }

    /// The five bytes it takes in INIT: length, then the id padded with zeros.
    pub(crate) const fn padded(&self) -> [u8; 5] {
        let [a, b, c, d] = self.bytes;
        [self.len, a, b, c, d]
    }

    /// Reads what [`ClientId::padded`] wrote; the padding must be zero.
    pub(crate) fn from_padded(padded: [u8; 5]) -> Option<Self> {
        let [len, bytes @ ..] = padded;
        let id = Self::new(bytes.get(..usize::from(len))?)?;
        (id.bytes == bytes).then_some(id)
    }
}

/// The client's own id in a datagram from the server, when the socket's clients all chose ids of `len` bytes.
///
/// `None` if the datagram is too short to hold one.
#[must_use]
pub fn client_id_of(datagram: &[u8], len: usize) -> Option<&[u8]> {
    datagram.get(1..)?.get(..len)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// protocol.md 3.3, 4.2.
    #[test]
    fn an_id_is_padded_with_zeros_and_nothing_else() {
        let id = ClientId::new(&[9, 8]).unwrap();
        assert_eq!(id.padded(), [2, 9, 8, 0, 0]);
        assert_eq!(ClientId::from_padded([2, 9, 8, 0, 0]), Some(id));
        assert_eq!(ClientId::from_padded([2, 9, 8, 0, 1]), None);
        assert_eq!(ClientId::from_padded([5, 0, 0, 0, 0]), None);
        assert_eq!(ClientId::new(&[0; 5]), None);
        assert_eq!(client_id_of(&[0x40, 9, 8, 0, 0], 2), Some(&[9, 8][..]));
        assert_eq!(client_id_of(&[0x40, 9], 2), None);
    }
}
