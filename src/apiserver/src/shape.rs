//! How objects are written for one client: in the version it named and the form it accepts.

use apimachinery::{Encoded, StatusError};
use base::Clock;
use bytes::{BufMut, BytesMut};
use resources::Served;
use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::dispatch::Call;
use crate::negotiate::{self, Form};
use crate::request_info;
use crate::table::{self, IncludeObject};

/// What a client gets to see of stored objects.
#[derive(Clone)]
pub(crate) struct Shape {
    pub served: Served,
    pub form: Form,
    pub include: IncludeObject,
    pub clock: Clock,
}

impl Shape {
    /// What a request asks for.
    ///
    /// # Errors
    /// NotAcceptable, or BadRequest for another `includeObject` than upstream's three.
    pub fn of(call: &Call<'_>) -> Result<Self, StatusError> {
        let form = negotiate::form(call.headers)?;
        let include = match form {
            Form::Table => IncludeObject::parse(&request_info::query(call.uri, "includeObject"))?,
            Form::Object | Form::Metadata => IncludeObject::default(),
        };
        Ok(Self {
            served: call.served,
            form,
            include,
            clock: call.state.parts.clock.clone(),
        })
    }

    /// One object by itself.
    ///
    /// # Errors
    /// When the stored object cannot be decoded.
    pub fn write_object(&self, item: &Encoded, out: &mut BytesMut) -> Result<(), StatusError> {
        match self.form {
            Form::Object | Form::Metadata => self.write_item(item, out),
            Form::Table => {
                let metadata = json!({"resourceVersion": item.revision().to_string()});
                self.open_list(&metadata, out);
                self.write_item(item, out)?;
                out.put_slice(b"]}");
                Ok(())
            }
        }
    }

    /// As [`Shape::write_object`], for a client that has the Table's columns.
    ///
    /// # Errors
    /// When the stored object cannot be decoded.
    pub fn write_next(&self, item: &Encoded, out: &mut BytesMut) -> Result<(), StatusError> {
        if self.form != Form::Table {
            return self.write_item(item, out);
        }
        let metadata = json!({"resourceVersion": item.revision().to_string()});
        let (mut head, rows) = self.list_head();
        head.insert("columnDefinitions".to_owned(), Value::Null);
        head.insert("metadata".to_owned(), metadata);
        open(head, rows, out);
        self.write_item(item, out)?;
        out.put_slice(b"]}");
        Ok(())
    }

    /// One of a list's items, or a Table's row.
    ///
    /// # Errors
    /// When the stored object cannot be decoded.
    pub fn write_item(&self, item: &Encoded, out: &mut BytesMut) -> Result<(), StatusError> {
        match self.form {
            Form::Object => registry::show(self.served, item)?.write_to(out),
            Form::Metadata => print(out, &table::partial(item)?),
            Form::Table => {
                let now = self.clock.wall();
                print(out, &table::row(self.served, item, self.include, now)?);
            }
        }
        Ok(())
    }

    /// A list up to its first item. The items, joined by commas, and `]}` complete it.
    pub fn open_list(&self, metadata: &impl Serialize, out: &mut BytesMut) {
        let (mut head, items) = self.list_head();
        head.insert("metadata".to_owned(), json!(metadata));
        open(head, items, out);
    }

    /// As [`Shape::open_list`], for a list whose metadata comes last.
    pub fn open_list_alone(&self, out: &mut BytesMut) {
        let (head, items) = self.list_head();
        open(head, items, out);
    }

    /// What a list says of itself, and what it calls its items.
    fn list_head(&self) -> (Map<String, Value>, &'static str) {
        let head = |version: &str, kind: &str| {
            let (version, kind) = (version.into(), kind.into());
            Map::from_iter([
                ("apiVersion".to_owned(), version),
                ("kind".to_owned(), kind),
            ])
        };
        match self.form {
            Form::Object => {
                let gvk = self.served.gvk();
                let kind = format!("{}List", gvk.kind);
                (head(&gvk.group_version().to_string(), &kind), "items")
            }
            Form::Metadata => (head(table::VERSION, "PartialObjectMetadataList"), "items"),
            Form::Table => {
                let mut head = head(table::VERSION, "Table");
                let columns = table::columns(self.served.row.columns);
                head.insert("columnDefinitions".to_owned(), columns);
                (head, "rows")
            }
        }
    }
}

fn open(head: Map<String, Value>, items: &str, out: &mut BytesMut) {
    let head = Value::Object(head).to_string();
    let head = head
        .strip_suffix('}')
        .expect("a JSON object ends with a brace");
    out.put_slice(head.as_bytes());
    out.put_slice(format!(",\"{items}\":[").as_bytes());
}

fn print(out: &mut BytesMut, value: &Value) {
    serde_json::to_writer(out.writer(), value).expect("a JSON value always prints");
}
