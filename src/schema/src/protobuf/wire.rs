//! The wire format: fields of a message, one after the other.

use super::ProtobufError;

/// One field as it stands on the wire.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Wire<'a> {
    Varint(u64),
    Fixed64(u64),
    Bytes(&'a [u8]),
    Fixed32(u32),
}

/// Reads the fields of a message.
pub struct Fields<'a>(pub &'a [u8]);

impl<'a> Fields<'a> {
    fn take(&mut self, length: usize) -> Result<&'a [u8], ProtobufError> {
        let (taken, rest) = self
            .0
            .split_at_checked(length)
            .ok_or(ProtobufError::Truncated)?;
        self.0 = rest;
        Ok(taken)
    }

    fn varint(&mut self) -> Result<u64, ProtobufError> {
        let mut value = 0u64;
        for shift in (0..64).step_by(7) {
            let byte = self.take(1)?[0];
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(ProtobufError::Malformed("a number of more than ten bytes"))
    }

    fn field(&mut self) -> Result<(u32, Wire<'a>), ProtobufError> {
        let tag = self.varint()?;
        let number =
            u32::try_from(tag >> 3).map_err(|_| ProtobufError::Malformed("a field number"))?;
        let wire = match tag & 7 {
            0 => Wire::Varint(self.varint()?),
            1 => Wire::Fixed64(u64::from_le_bytes(self.array()?)),
            2 => {
                let length = self.varint()?;
                let length = usize::try_from(length).map_err(|_| ProtobufError::Truncated)?;
                Wire::Bytes(self.take(length)?)
            }
            5 => Wire::Fixed32(u32::from_le_bytes(self.array()?)),
            _ => return Err(ProtobufError::Malformed("a wire type")),
        };
        Ok((number, wire))
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], ProtobufError> {
        let bytes = self.take(N)?;
        bytes.try_into().map_err(|_| ProtobufError::Truncated)
    }
}

impl<'a> Iterator for Fields<'a> {
    type Item = Result<(u32, Wire<'a>), ProtobufError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.0.is_empty() {
            return None;
        }
        let field = self.field();
        if field.is_err() {
            self.0 = &[];
        }
        Some(field)
    }
}

impl<'a> Wire<'a> {
    pub fn bytes(self) -> Result<&'a [u8], ProtobufError> {
        match self {
            Self::Bytes(bytes) => Ok(bytes),
            _ => Err(ProtobufError::Malformed("a number where bytes belong")),
        }
    }

    pub fn text(self) -> Result<&'a str, ProtobufError> {
        let bytes = self.bytes()?;
        std::str::from_utf8(bytes).map_err(|_| ProtobufError::Malformed("a text that is not UTF-8"))
    }

    /// A signed number: negative ones are ten bytes of two's complement.
    pub fn number(self) -> Result<i64, ProtobufError> {
        match self {
            Self::Varint(value) => Ok(value.cast_signed()),
            _ => Err(ProtobufError::Malformed("bytes where a number belongs")),
        }
    }

    pub fn double(self) -> Result<f64, ProtobufError> {
        match self {
            Self::Fixed64(bits) => Ok(f64::from_bits(bits)),
            _ => Err(ProtobufError::Malformed(
                "another form where a double belongs",
            )),
        }
    }
}
