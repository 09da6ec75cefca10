//! A protobuf writer: just enough for messages that are only ever written.

/// A message being written.
#[derive(Debug, Default)]
pub(super) struct Message(pub Vec<u8>);

impl Message {
    fn key(&mut self, field: u32, wire: u64) {
        self.varint(u64::from(field) << 3 | wire);
    }

    #[expect(clippy::cast_possible_truncation, reason = "the low seven bits fit")]
    fn varint(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.0.push(value as u8 | 0x80);
            value >>= 7;
        }
        self.0.push(value as u8);
    }

    pub(super) fn bytes(&mut self, field: u32, bytes: &[u8]) {
        self.key(field, 2);
        self.varint(bytes.len() as u64);
        self.0.extend_from_slice(bytes);
    }

    pub(super) fn text(&mut self, field: u32, text: &str) {
        self.bytes(field, text.as_bytes());
    }

    pub(super) fn flag(&mut self, field: u32, flag: bool) {
        self.key(field, 0);
        self.varint(flag.into());
    }

    /// An `int64`; negative numbers take ten bytes.
    pub(super) fn int(&mut self, field: u32, number: i64) {
        self.key(field, 0);
        self.varint(number.cast_unsigned());
    }

    pub(super) fn double(&mut self, field: u32, number: f64) {
        self.key(field, 1);
        self.0.extend_from_slice(&number.to_le_bytes());
    }

    pub(super) fn message(&mut self, field: u32, message: &Message) {
        self.bytes(field, &message.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The examples of the encoding's documentation, and the width of negative numbers.
    #[test]
    fn encodes() {
        let mut message = Message::default();
        message.int(1, 150);
        message.text(2, "testing");
        assert_eq!(message.0, b"\x08\x96\x01\x12\x07testing");
        let mut outer = Message::default();
        outer.message(3, &message);
        outer.flag(16, true);
        assert_eq!(outer.0[..2], [0x1a, 12]);
        assert_eq!(outer.0[14..], [0x80, 0x01, 0x01]);
        let mut negative = Message::default();
        negative.int(1, -1);
        negative.double(2, 1.0);
        assert_eq!(negative.0.len(), 11 + 9);
    }
}
