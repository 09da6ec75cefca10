//! How much an image may take, and how much it must leave.

use std::os::fd::OwnedFd;

use super::LayerError;

/// Bytes written between two looks at the free space.
const LOOK_EVERY: u64 = 64 << 20;

/// The quota of one image: counts down while its layers are unpacked, and keeps a reserve of the
/// file system free.
#[derive(Debug)]
pub struct Budget {
    bytes: Quota,
    inodes: Quota,
    reserve: u64,
    /// Any file on the file system that is written to.
    file_system: OwnedFd,
    since_look: u64,
}

#[derive(Debug)]
struct Quota {
    limit: u64,
    left: u64,
    what: &'static str,
}

impl Quota {
    fn new(limit: u64, what: &'static str) -> Self {
        Self {
            limit,
            left: limit,
            what,
        }
    }

    fn take(&mut self, amount: u64) -> Result<(), LayerError> {
        self.left = self.left.checked_sub(amount).ok_or(LayerError::Limit {
            limit: self.limit,
            what: self.what,
        })?;
        Ok(())
    }
}

impl Budget {
    /// At most `bytes` and `inodes`, and never less than `reserve` bytes free.
    #[must_use]
    pub fn new(bytes: u64, inodes: u64, reserve: u64, file_system: OwnedFd) -> Self {
        Self {
            bytes: Quota::new(bytes, "unpacked bytes"),
            inodes: Quota::new(inodes, "files"),
            reserve,
            file_system,
            // The first byte looks.
            since_look: LOOK_EVERY,
        }
    }

    /// To be asked before `amount` bytes are written.
    ///
    /// # Errors
    /// [`LayerError::Limit`] or [`LayerError::DiskFull`].
    pub fn take_bytes(&mut self, amount: u64) -> Result<(), LayerError> {
        self.bytes.take(amount)?;
        self.since_look += amount;
        if self.since_look < LOOK_EVERY {
            return Ok(());
        }
        self.since_look = 0;
        // A file system that does not tell how full it is, is not guarded.
        let Ok(usage) = rustix::fs::fstatvfs(&self.file_system) else {
            return Ok(());
        };
        let free = usage.f_bavail.saturating_mul(usage.f_frsize);
        if free < self.reserve.saturating_add(amount) {
            return Err(LayerError::DiskFull {
                reserve: self.reserve,
            });
        }
        Ok(())
    }

    /// To be asked before an entry is made.
    ///
    /// # Errors
    /// [`LayerError::Limit`].
    pub fn take_inode(&mut self) -> Result<(), LayerError> {
        self.inodes.take(1)
    }
}
