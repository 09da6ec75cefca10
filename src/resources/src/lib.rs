//! The table: one row per kind, with everything about it that is a fact.
//!
//! Invariant: a row holds facts, never a handler. It names the write hooks that `registry` owns
//! and the connectors that `apiserver` owns. Routing, discovery, OpenAPI, storage keys, table
//! output and field selectors are all read from here; nothing about a kind is written twice.
//!
//! It must not know storage, HTTP or who asks; strategies are pure functions of objects.

mod at;
mod cells;
mod column;
mod json;
mod podspec;
mod portion;
mod row;
mod strategy;
mod table;

pub mod admissionregistration;
pub mod apiextensions;
pub mod apiregistration;
pub mod apps;
pub mod authentication;
pub mod authorization;
pub mod autoscaling;
pub mod batch;
pub mod certificates;
pub mod coordination;
pub mod core;
pub mod discovery;
pub mod events;
pub mod flowcontrol;
pub mod meta;
pub mod networking;
pub mod node;
pub mod policy;
pub mod rbac;
pub mod resource;
pub mod scheduling;
pub mod storage;

pub use column::{Cell, Column, ColumnType};
pub use row::{
    Answer, Convert, FieldSelectable, GcPolicy, Hook, READ_WRITE, Resource, Scope, Served,
    Subresource, Verb, Version,
};
pub use strategy::{Cx, Plain, Strategy};
pub use table::{RESOURCES, by_kind, by_resource, served};
