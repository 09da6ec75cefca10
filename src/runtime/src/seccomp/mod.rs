//! Seccomp profiles: the default one (as data), the node's own (JSON as Docker and the OCI write
//! it), and their compilation to filters that an executor loads.

mod compile;
mod profile;
mod syscalls;

pub use compile::{CompileError, Filters, compile, load};
pub use profile::{Policy, ProfileError, parse, runtime_default};
