//! What types and fields are for, in upstream's words: from k8s-openapi, see `build.rs`.

use std::borrow::Cow;
use std::collections::HashMap;

use crate::facts::unpack;

static PACKED: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/descriptions.zz"));

/// The text of all descriptions: 800 KB, so it lives only while a document is written.
pub(super) struct Text(String);

impl Text {
    pub(super) fn unpack() -> Self {
        let text = unpack(PACKED);
        Self(String::from_utf8(text).expect("build.rs wrote text"))
    }

    pub(super) fn index(&self) -> Descriptions<'_> {
        let records = self.0.split('\x1e');
        let records = records.filter_map(|record| record.split_once('\x1f'));
        Descriptions {
            records: records.collect(),
        }
    }
}

/// Descriptions by definition.
pub(super) struct Descriptions<'t> {
    records: HashMap<&'t str, &'t str>,
}

impl<'t> Descriptions<'t> {
    /// Those of a definition.
    pub(super) fn of(&self, definition: &str) -> Described<'t> {
        match self.records.get(definition) {
            Some(record) => Described::parse(record),
            None => self.of_list(definition),
        }
    }

    /// k8s-openapi has one type for all lists of kinds; what it does not say is said here.
    fn of_list(&self, definition: &str) -> Described<'t> {
        let short = definition.rsplit('.').next().unwrap_or_default();
        let Some(kind) = short.strip_suffix("List") else {
            return Described::parse("");
        };
        let status = "io.k8s.apimachinery.pkg.apis.meta.v1.Status";
        let status = self.records.get(status).copied().unwrap_or_default();
        let mut described = Described::parse(status);
        let usual = ["apiVersion", "kind", "metadata"];
        described.fields.retain(|name, _| usual.contains(name));
        described.own = format!("{short} is a list of {kind} objects.").into();
        described.fields.insert("items", "List of objects.");
        described
    }
}

/// What is said of one definition.
pub(super) struct Described<'t> {
    /// Empty when nothing is said.
    pub own: Cow<'t, str>,
    fields: HashMap<&'t str, &'t str>,
}

impl<'t> Described<'t> {
    fn parse(record: &'t str) -> Self {
        let mut parts = record.split('\x1f');
        let own = parts.next().unwrap_or_default().into();
        let mut fields = HashMap::new();
        while let (Some(name), Some(text)) = (parts.next(), parts.next()) {
            fields.insert(name, text);
        }
        Self { own, fields }
    }

    pub(super) fn field(&self, name: &str) -> Option<&'t str> {
        self.fields.get(name).copied()
    }
}
