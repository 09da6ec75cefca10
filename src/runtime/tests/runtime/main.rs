//! The runtime with real containers: needs root, cgroups and Debian's `busybox-static`.

mod host;
mod limits;
mod restart;
mod shim;
mod suite;
