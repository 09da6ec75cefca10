//! A transaction: messages that take effect together or not at all.

use std::collections::BTreeMap;

use super::attributes::Attributes;
use super::chain::{Chain, Family};
use super::expression::Rule;
use super::set::{ANONYMOUS_MAP, Element, Set, SetRef};
use super::uapi::{
    LIST_ELEM, NFNL_MSG_BATCH_BEGIN, NFNL_MSG_BATCH_END, NFNL_SUBSYS_NFTABLES, chain, element,
    message, rule, set, table,
};
use super::verdict::Verdict;

const NLM_F_REQUEST: u16 = 1;
const NLM_F_ACK: u16 = 4;
const NLM_F_CREATE: u16 = 0x400;
const NLM_F_APPEND: u16 = 0x800;
/// Offset of the flags in a netlink header.
const FLAGS_OFFSET: usize = 6;
/// Elements go into one message until it has this many bytes, since a nested list is at most
/// 65,535 long.
const ELEMENTS_PER_MESSAGE: usize = 60_000;

/// Messages under construction, over any number of tables.
#[derive(Debug)]
pub struct Batch {
    bytes: Vec<u8>,
    /// Sequence number of the last message.
    sequence: u32,
    /// Where the last message that changes something begins.
    last_change: Option<usize>,
    /// What each message does, by sequence number, for errors.
    labels: BTreeMap<u32, String>,
    overlong: Option<String>,
}

/// A finished batch, ready to send.
#[derive(Debug)]
pub(super) struct Finished {
    pub bytes: Vec<u8>,
    /// The message whose acknowledgement says that all is done.
    pub acknowledged: u32,
    pub labels: BTreeMap<u32, String>,
}

impl Default for Batch {
    fn default() -> Self {
        Self::new()
    }
}

impl Batch {
    #[must_use]
    pub fn new() -> Self {
        let mut batch = Self {
            bytes: Vec::new(),
            sequence: 0,
            last_change: None,
            labels: BTreeMap::new(),
            overlong: None,
        };
        batch.frame(NFNL_MSG_BATCH_BEGIN);
        batch
    }

    /// The messages that follow concern this table.
    pub fn table(&mut self, family: Family, name: &str) -> InTable<'_> {
        let name = name.to_owned();
        InTable {
            batch: self,
            family,
            name,
        }
    }

    /// Begin and end of the batch; they name the subsystem instead of a table's family.
    fn frame(&mut self, kind: u16) {
        let header = [0, 0, 0, NFNL_SUBSYS_NFTABLES.to_be_bytes()[1]];
        self.message(kind, 0, header, &[]);
    }

    fn message(&mut self, kind: u16, flags: u16, header: [u8; 4], body: &[u8]) {
        self.sequence += 1;
        let length = 16 + header.len() + body.len();
        // A message is at most a few attributes of 16-bit length.
        let length = u32::try_from(length).unwrap_or(u32::MAX);
        self.bytes.extend(length.to_ne_bytes());
        self.bytes.extend(kind.to_ne_bytes());
        self.bytes.extend((NLM_F_REQUEST | flags).to_ne_bytes());
        self.bytes.extend(self.sequence.to_ne_bytes());
        // The sender's port: the kernel's business.
        self.bytes.extend(0u32.to_ne_bytes());
        self.bytes.extend(header);
        self.bytes.extend_from_slice(body);
    }

    fn change(&mut self, family: Family, kind: u16, flags: u16, body: &Attributes, label: String) {
        if body.is_overlong() {
            self.overlong.get_or_insert(label);
            return;
        }
        self.last_change = Some(self.bytes.len());
        let kind = NFNL_SUBSYS_NFTABLES << 8 | kind;
        self.message(kind, flags, [family.number(), 0, 0, 0], body.as_bytes());
        self.labels.insert(self.sequence, label);
    }

    /// Ends the batch. `Ok(None)` where nothing is to change; the label of a message that does
    /// not fit into netlink's lengths as an error.
    pub(super) fn finish(mut self) -> Result<Option<Finished>, String> {
        if let Some(label) = self.overlong {
            return Err(label);
        }
        let Some(last) = self.last_change else {
            return Ok(None);
        };
        let acknowledged = self.sequence;
        // Only kernels from 6.10 on acknowledge the batch's end, so the last change asks for it.
        let flags = NLM_F_REQUEST | NLM_F_ACK;
        self.bytes[last + FLAGS_OFFSET] |= flags.to_ne_bytes()[0];
        self.frame(NFNL_MSG_BATCH_END);
        Ok(Some(Finished {
            bytes: self.bytes,
            acknowledged,
            labels: self.labels,
        }))
    }
}

/// Changes to one table.
pub struct InTable<'a> {
    batch: &'a mut Batch,
    family: Family,
    name: String,
}

impl InTable<'_> {
    fn change(&mut self, kind: u16, flags: u16, body: &Attributes, label: String) {
        self.batch.change(self.family, kind, flags, body, label);
    }

    /// Creates the table unless it is there.
    pub fn add(&mut self) {
        let body = Attributes::new()
            .text(table::NAME, &self.name)
            .u32(table::FLAGS, 0);
        let label = format!("add table {}", self.name);
        self.change(message::NEWTABLE, NLM_F_CREATE, &body, label);
    }

    /// Deletes the table with all in it; fails if it is not there.
    pub fn delete(&mut self) {
        let body = Attributes::new().text(table::NAME, &self.name);
        let label = format!("delete table {}", self.name);
        self.change(message::DELTABLE, 0, &body, label);
    }

    /// Makes the table absent, whether or not it was there.
    pub fn destroy(&mut self) {
        // Kernels before 6.3 have no DESTROYTABLE.
        self.add();
        self.delete();
    }

    /// Makes the table empty. Packets see the old rules or those this batch adds, never none.
    pub fn replace(&mut self) {
        self.destroy();
        self.add();
    }

    pub fn add_chain(&mut self, chain: &Chain) {
        let label = format!("add chain {}", chain.name());
        let body = chain.encode(&self.name);
        self.change(message::NEWCHAIN, NLM_F_CREATE, &body, label);
    }

    /// Deletes a chain that no rule and no element names any more, with its rules.
    pub fn delete_chain(&mut self, name: &str) {
        self.flush_chain(name);
        let body = Attributes::new()
            .text(chain::TABLE, &self.name)
            .text(chain::NAME, name);
        let label = format!("delete chain {name}");
        self.change(message::DELCHAIN, 0, &body, label);
    }

    /// Deletes the rules of a chain.
    pub fn flush_chain(&mut self, name: &str) {
        let body = Attributes::new()
            .text(rule::TABLE, &self.name)
            .text(rule::CHAIN, name);
        let label = format!("flush chain {name}");
        self.change(message::DELRULE, 0, &body, label);
    }

    /// Appends a rule.
    pub fn add_rule(&mut self, chain: &str, expressions: &Rule) {
        let body = Attributes::new()
            .text(rule::TABLE, &self.name)
            .text(rule::CHAIN, chain)
            .nested(rule::EXPRESSIONS, expressions.attributes());
        let label = format!("add rule in {chain}");
        self.change(message::NEWRULE, NLM_F_CREATE | NLM_F_APPEND, &body, label);
    }

    pub fn add_set(&mut self, set: &Set) {
        let label = format!("add set {}", set.name());
        // Unique within the batch, as the kernel asks.
        let body = set.encode(&self.name, self.batch.sequence + 1);
        self.change(message::NEWSET, NLM_F_CREATE, &body, label);
    }

    pub fn delete_set(&mut self, name: &str) {
        let body = Attributes::new()
            .text(set::TABLE, &self.name)
            .text(set::NAME, name);
        let label = format!("delete set {name}");
        self.change(message::DELSET, 0, &body, label);
    }

    /// Deletes all elements.
    pub fn flush_set(&mut self, name: &str) {
        let body = self.element_list(name);
        let label = format!("flush set {name}");
        self.change(message::DELSETELEM, 0, &body, label);
    }

    /// Adds elements. A key that is there with the same data stays; with other data is an error:
    /// delete it in the same batch.
    pub fn add_elements(&mut self, set: &str, elements: impl IntoIterator<Item = Element>) {
        self.elements(message::NEWSETELEM, NLM_F_CREATE, "add", set, elements);
    }

    /// Deletes elements; one that is not there is an error.
    pub fn delete_elements(&mut self, set: &str, elements: impl IntoIterator<Item = Element>) {
        self.elements(message::DELSETELEM, 0, "delete", set, elements);
    }

    /// A constant map from 0, 1, … to the verdicts, for one rule of this batch that looks up
    /// [`Rule::random`] in it.
    pub fn add_choice(&mut self, verdicts: impl IntoIterator<Item = Verdict>) -> SetRef {
        let id = self.batch.sequence + 1;
        let body = Set::encode_choice(&self.name, id);
        self.change(message::NEWSET, NLM_F_CREATE, &body, "add choice".into());
        let mut elements = Attributes::new();
        for (number, verdict) in (0u32..).zip(verdicts) {
            let key = super::set::Value::single(&number.to_ne_bytes());
            elements = elements.nested(LIST_ELEM, &Element::verdict(key, &verdict).encode());
        }
        let body = self
            .element_list(ANONYMOUS_MAP)
            .nested(element::LIST_ELEMENTS, &elements)
            .u32(element::LIST_SET_ID, id);
        let label = "add elements of a choice".to_owned();
        self.change(message::NEWSETELEM, NLM_F_CREATE, &body, label);
        SetRef::anonymous_map(id)
    }

    fn element_list(&self, set: &str) -> Attributes {
        Attributes::new()
            .text(element::LIST_TABLE, &self.name)
            .text(element::LIST_SET, set)
    }

    fn elements(
        &mut self,
        kind: u16,
        flags: u16,
        verb: &str,
        set: &str,
        elements: impl IntoIterator<Item = Element>,
    ) {
        let label = format!("{verb} elements of {set}");
        let mut list = Attributes::new();
        let mut elements = elements.into_iter().peekable();
        while let Some(next) = elements.next() {
            list = list.nested(LIST_ELEM, &next.encode());
            if elements.peek().is_none() || list.as_bytes().len() > ELEMENTS_PER_MESSAGE {
                let body = self
                    .element_list(set)
                    .nested(element::LIST_ELEMENTS, &std::mem::take(&mut list));
                self.change(kind, flags, &body, label.clone());
            }
        }
    }
}
