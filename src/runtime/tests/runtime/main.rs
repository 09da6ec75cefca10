//! The runtime with real containers: needs root, cgroups and Debian's `busybox-static`.

#[cfg(feature = "faults")]
mod faults;
mod host;
mod limits;
mod restart;
mod shim;
mod suite;
