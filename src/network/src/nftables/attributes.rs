//! Netlink attributes: length, kind, payload, padded to four bytes.

/// The kernel's flag on a kind whose payload is attributes again.
const NESTED: u16 = 0x8000;

/// A list of attributes under construction. Numbers are big endian, as nf_tables wants them.
///
/// An attribute's length is 16 bits wide. Where a payload does not fit, the list is marked
/// overlong and the batch that takes it refuses to be sent.
#[derive(Clone, Debug, Default)]
pub struct Attributes {
    bytes: Vec<u8>,
    overlong: bool,
}

impl Attributes {
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds raw bytes.
    #[must_use]
    pub fn bytes(mut self, kind: u16, payload: &[u8]) -> Self {
        self.push(kind, payload);
        self
    }

    #[must_use]
    pub fn u8(self, kind: u16, value: u8) -> Self {
        self.bytes(kind, &[value])
    }

    #[must_use]
    pub fn u32(self, kind: u16, value: u32) -> Self {
        self.bytes(kind, &value.to_be_bytes())
    }

    #[must_use]
    pub fn i32(self, kind: u16, value: i32) -> Self {
        self.bytes(kind, &value.to_be_bytes())
    }

    #[must_use]
    pub fn u64(self, kind: u16, value: u64) -> Self {
        self.bytes(kind, &value.to_be_bytes())
    }

    /// Adds a string with its final zero.
    #[must_use]
    pub fn text(self, kind: u16, value: &str) -> Self {
        let mut payload = value.as_bytes().to_vec();
        payload.push(0);
        self.bytes(kind, &payload)
    }

    /// Adds a list of attributes as one.
    #[must_use]
    pub fn nested(mut self, kind: u16, inner: &Self) -> Self {
        self.overlong |= inner.overlong;
        self.push(kind | NESTED, &inner.bytes);
        self
    }

    /// Appends everything `other` holds.
    pub fn extend(&mut self, other: &Self) {
        self.overlong |= other.overlong;
        self.bytes.extend_from_slice(&other.bytes);
    }

    fn push(&mut self, kind: u16, payload: &[u8]) {
        let Ok(length) = u16::try_from(payload.len() + 4) else {
            self.overlong = true;
            return;
        };
        self.bytes.extend(length.to_ne_bytes());
        self.bytes.extend(kind.to_ne_bytes());
        self.bytes.extend_from_slice(payload);
        self.bytes.resize(self.bytes.len().next_multiple_of(4), 0);
    }

    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// Some payload did not fit into 16 bits of length.
    #[must_use]
    pub fn is_overlong(&self) -> bool {
        self.overlong
    }
}

/// Walks the attributes in `bytes`: kind (without flags) and payload. Ends at the first one that
/// claims more bytes than there are.
pub fn walk(mut bytes: &[u8]) -> impl Iterator<Item = (u16, &[u8])> {
    std::iter::from_fn(move || {
        let head = bytes.get(..4)?;
        let length = usize::from(u16::from_ne_bytes([head[0], head[1]]));
        let kind = u16::from_ne_bytes([head[2], head[3]]) & 0x3fff;
        let payload = bytes.get(4..length)?;
        bytes = bytes.get(length.next_multiple_of(4)..).unwrap_or(&[]);
        Some((kind, payload))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attributes_are_padded_and_nested() {
        let inner = Attributes::new().u8(1, 7);
        let list = Attributes::new().text(1, "ab").nested(2, &inner);
        assert_eq!(
            list.as_bytes(),
            [
                7, 0, 1, 0, b'a', b'b', 0, 0, // text, three bytes and one of padding
                12, 0, 2, 0x80, 5, 0, 1, 0, 7, 0, 0, 0,
            ]
        );
        let kinds: Vec<_> = walk(list.as_bytes()).map(|(kind, _)| kind).collect();
        assert_eq!(kinds, [1, 2]);
    }

    #[test]
    fn an_overlong_payload_is_remembered_through_nesting() {
        let inner = Attributes::new().bytes(1, &vec![0; 70_000]);
        assert!(inner.is_overlong());
        assert!(Attributes::new().nested(1, &inner).is_overlong());
        assert!(!Attributes::new().bytes(1, &[0; 60_000]).is_overlong());
    }

    #[test]
    fn walking_cut_or_lying_attributes_ends() {
        assert_eq!(walk(&[9, 0, 1, 0, 1]).count(), 0);
        assert_eq!(walk(&[0, 0, 1, 0, 1, 0, 0, 0]).count(), 0);
        assert_eq!(walk(&[4, 0, 1]).count(), 0);
    }
}
