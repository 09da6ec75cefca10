//! Containers: the `cri` traits on libcontainer, through one shim process per pod.
//!
//! Owns the state directory (sandboxes, bundles, shims), container cgroups, container logs and
//! the OCI bundle made of a configuration. Entry points: [`Runtime`] in the server,
//! [`shim::main`] in the shim.
//!
//! Invariant: libcontainer runs in shims only, because its clones run code that a process with
//! threads must not run; and containers depend on nothing in the server, so that killing it
//! changes nothing for them.
//!
//! It must not know Pods, the API, or how a network namespace is made.

#![allow(
    unsafe_code,
    reason = "fork, signals, seccomp and capabilities have no safe interface; every block says \
              why it holds"
)]

pub mod allocator;
pub mod cgroup;
pub mod plan;
pub mod process;
pub mod seccomp;
mod server;
pub mod shim;
pub mod spec;

pub use server::{Images, RootfsProvider, Runtime, RuntimeOptions};
