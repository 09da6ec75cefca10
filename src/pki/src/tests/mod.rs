//! Tests over whole directories of certificates.

mod brought;
mod files;
mod handshake;
mod inventory;
mod renewal;
mod writers;

use std::net::IpAddr;
use std::path::Path;

use base::Clock;
use base::clock::Hands;
use tempfile::TempDir;

use crate::{Pki, PkiOptions};

/// Noon of a day within the life of the authorities in `testdata`.
const NOON: &str = "2027-01-01T12:00:00Z";

/// A data directory and a clock that stands still.
struct Rig {
    directory: TempDir,
    clock: Clock,
    hands: Hands,
}

impl Rig {
    fn new() -> Self {
        let (clock, hands) = Clock::manual(NOON.parse().expect("a time"));
        Self {
            directory: tempfile::tempdir().expect("fresh directory"),
            clock,
            hands,
        }
    }

    fn path(&self) -> &Path {
        self.directory.path()
    }

    fn tls(&self, file: &str) -> std::path::PathBuf {
        self.path().join("server/tls").join(file)
    }

    fn options(&self) -> PkiOptions {
        PkiOptions {
            node_ips: vec![ip("192.0.2.7"), ip("2001:db8::7")],
            service_ips: vec![ip("10.43.0.1")],
            tls_sans: vec!["api.example.com".into(), "203.0.113.5".into()],
            ..PkiOptions::new(self.path(), self.clock.clone(), "Node-1")
        }
    }

    fn open(&self) -> crate::Result<Pki> {
        Pki::open(self.options())
    }
}

fn ip(text: &str) -> IpAddr {
    text.parse().expect("an address")
}
