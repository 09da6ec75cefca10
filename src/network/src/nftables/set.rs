//! Sets and maps: what they hold, and their elements.

use std::net::Ipv4Addr;

use super::attributes::Attributes;
use super::expression::interface_name;
use super::uapi::{data, element, set as nfta};
use super::verdict::Verdict;
use crate::cidr::Cidr;

/// A field of a key or of a map's data: nft's number of the type, and its length in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DataType {
    number: u32,
    length: u32,
}

impl DataType {
    pub const INTEGER: Self = Self::new(4, 4);
    pub const IPV4_ADDRESS: Self = Self::new(7, 4);
    /// One byte: TCP is 6, UDP 17, SCTP 132.
    pub const L4_PROTOCOL: Self = Self::new(12, 1);
    /// A port, big endian.
    pub const PORT: Self = Self::new(13, 2);
    pub const INTERFACE_NAME: Self = Self::new(41, 16);

    const fn new(number: u32, length: u32) -> Self {
        Self { number, length }
    }
}

/// What a map's elements hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MapData {
    Verdict,
    Fields(Vec<DataType>),
}

/// A named set, or a map if it has data.
#[derive(Clone, Debug)]
pub struct Set {
    name: String,
    key: Vec<DataType>,
    data: Option<MapData>,
    flags: u32,
    size: Option<u32>,
}

impl Set {
    #[must_use]
    pub fn new(name: impl Into<String>, key: &[DataType]) -> Self {
        Self {
            name: name.into(),
            key: key.to_vec(),
            data: None,
            flags: 0,
            size: None,
        }
    }

    /// A map from the key to a verdict.
    #[must_use]
    pub fn verdicts(mut self) -> Self {
        self.data = Some(MapData::Verdict);
        self.flags |= nfta::MAP;
        self
    }

    /// A map from the key to these fields.
    #[must_use]
    pub fn to_fields(mut self, fields: &[DataType]) -> Self {
        self.data = Some(MapData::Fields(fields.to_vec()));
        self.flags |= nfta::MAP;
        self
    }

    /// Elements may be ranges.
    #[must_use]
    pub fn intervals(mut self) -> Self {
        self.flags |= nfta::INTERVAL;
        if self.key.len() > 1 {
            self.flags |= nfta::CONCAT;
        }
        self
    }

    /// Rules add elements, which vanish when their time is up. At most `size` at a time.
    #[must_use]
    pub fn dynamic(mut self, size: u32) -> Self {
        self.flags |= nfta::EVAL | nfta::TIMEOUT;
        self.size = Some(size);
        self
    }

    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn encode(&self, table: &str, id: u32) -> Attributes {
        let mut attributes = Attributes::new()
            .text(nfta::TABLE, table)
            .text(nfta::NAME, &self.name)
            .u32(nfta::FLAGS, self.flags)
            .u32(nfta::KEY_TYPE, type_number(&self.key))
            .u32(nfta::KEY_LEN, total_length(&self.key));
        attributes = match &self.data {
            None => attributes,
            // NFT_DATA_VERDICT
            Some(MapData::Verdict) => attributes
                .u32(nfta::DATA_TYPE, 0xffff_ff00)
                .u32(nfta::DATA_LEN, 0),
            Some(MapData::Fields(fields)) => attributes
                .u32(nfta::DATA_TYPE, type_number(fields))
                .u32(nfta::DATA_LEN, total_length(fields)),
        };
        let description = self.description();
        if !description.is_empty() {
            attributes = attributes.nested(nfta::DESC, &description);
        }
        attributes.u32(nfta::ID, id)
    }

    fn description(&self) -> Attributes {
        let mut description = Attributes::new();
        if let Some(size) = self.size {
            description = description.u32(nfta::DESC_SIZE, size);
        }
        if self.flags & nfta::CONCAT != 0 {
            let mut fields = Attributes::new();
            for field in &self.key {
                let length = Attributes::new().u32(nfta::FIELD_LEN, field.length);
                fields = fields.nested(super::uapi::LIST_ELEM, &length);
            }
            description = description.nested(nfta::DESC_CONCAT, &fields);
        }
        description
    }

    /// An anonymous constant map from small numbers to verdicts, for [`super::Rule::random`].
    pub(super) fn encode_choice(table: &str, id: u32) -> Attributes {
        let key = [DataType::INTEGER];
        Attributes::new()
            .text(nfta::TABLE, table)
            .text(nfta::NAME, ANONYMOUS_MAP)
            .u32(nfta::FLAGS, nfta::ANONYMOUS | nfta::CONSTANT | nfta::MAP)
            .u32(nfta::KEY_TYPE, type_number(&key))
            .u32(nfta::KEY_LEN, total_length(&key))
            .u32(nfta::DATA_TYPE, 0xffff_ff00)
            .u32(nfta::DATA_LEN, 0)
            .u32(nfta::ID, id)
            // Without it nft lists 1 as 16777216: key byte order, four bytes, host endian.
            .bytes(nfta::USERDATA, &[0, 4, 1, 0, 0, 0])
    }
}

/// The kernel numbers what matches this pattern.
pub(super) const ANONYMOUS_MAP: &str = "__map%d";

/// nft packs the types of a concatenation into six bits each.
fn type_number(fields: &[DataType]) -> u32 {
    fields
        .iter()
        .fold(0, |packed, field| packed << 6 | field.number)
}

/// Every field of a concatenation fills whole registers of four bytes; a lone one does not.
fn total_length(fields: &[DataType]) -> u32 {
    match fields {
        [field] => field.length,
        fields => fields
            .iter()
            .map(|field| field.length.next_multiple_of(4))
            .sum(),
    }
}

/// How a rule names a set: by name, or by its number within the batch while it has none.
#[derive(Clone, Debug)]
pub struct SetRef {
    name: String,
    id: Option<u32>,
}

impl SetRef {
    pub(super) fn anonymous_map(id: u32) -> Self {
        Self {
            name: ANONYMOUS_MAP.to_owned(),
            id: Some(id),
        }
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn id(&self) -> Option<u32> {
        self.id
    }
}

impl From<&str> for SetRef {
    fn from(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            id: None,
        }
    }
}

/// The bytes of a key or of a map's data, field after field.
///
/// A concatenation's fields each begin at a multiple of four; [`Value::single`] is for keys of
/// one field, which are not padded.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Value(Vec<u8>);

impl Value {
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// A lone field of any length.
    #[must_use]
    pub fn single(bytes: &[u8]) -> Self {
        Self(bytes.to_vec())
    }

    #[must_use]
    pub fn address(self, address: Ipv4Addr) -> Self {
        self.field(&address.octets())
    }

    #[must_use]
    pub fn protocol(self, protocol: u8) -> Self {
        self.field(&[protocol])
    }

    #[must_use]
    pub fn port(self, port: u16) -> Self {
        self.field(&port.to_be_bytes())
    }

    #[must_use]
    pub fn interface(self, name: &str) -> Self {
        self.field(&interface_name(name))
    }

    fn field(mut self, bytes: &[u8]) -> Self {
        self.0.extend_from_slice(bytes);
        self.0.resize(self.0.len().next_multiple_of(4), 0);
        self
    }

    fn encode(&self) -> Attributes {
        Attributes::new().bytes(data::VALUE, &self.0)
    }
}

/// One element of a set or a map.
#[derive(Clone, Debug)]
pub struct Element {
    key: Value,
    key_end: Option<Value>,
    data: Option<Attributes>,
    flags: u32,
}

impl Element {
    /// A set's element; also how a map's element is named to delete it.
    #[must_use]
    pub fn key(key: Value) -> Self {
        Self {
            key,
            key_end: None,
            data: None,
            flags: 0,
        }
    }

    /// A range of a concatenated interval set, both ends included.
    #[must_use]
    pub fn range(first: Value, last: Value) -> Self {
        Self {
            key_end: Some(last),
            ..Self::key(first)
        }
    }

    /// All addresses of `cidr`, for an interval set of plain addresses: such a set holds the first
    /// address, and marks the first one behind the range.
    #[must_use]
    pub fn cidr(cidr: Cidr) -> Vec<Self> {
        let mut elements = vec![Self::key(Value::new().address(cidr.network()))];
        if let Some(behind) = u32::from(cidr.broadcast()).checked_add(1) {
            elements.push(Self {
                flags: element::INTERVAL_END,
                ..Self::key(Value::new().address(Ipv4Addr::from(behind)))
            });
        }
        elements
    }

    /// A verdict map's element.
    #[must_use]
    pub fn verdict(key: Value, verdict: &Verdict) -> Self {
        Self {
            data: Some(verdict.encode()),
            ..Self::key(key)
        }
    }

    /// A map's element.
    #[must_use]
    pub fn map(key: Value, value: &Value) -> Self {
        Self {
            data: Some(value.encode()),
            ..Self::key(key)
        }
    }

    pub(super) fn encode(&self) -> Attributes {
        let mut attributes = Attributes::new().nested(element::KEY, &self.key.encode());
        if let Some(last) = &self.key_end {
            attributes = attributes.nested(element::KEY_END, &last.encode());
        }
        if let Some(data) = &self.data {
            attributes = attributes.nested(element::DATA, data);
        }
        if self.flags != 0 {
            attributes = attributes.u32(element::FLAGS, self.flags);
        }
        attributes
    }
}
