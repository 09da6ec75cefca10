//! Telling one process from a later one of the same number.

use std::fs;
use std::io;

use serde::{Deserialize, Serialize};

/// A process that cannot be mistaken for another: pids are reused within a boot, start times
/// (clock ticks since boot) repeat across boots.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    pub pid: i32,
    pub start_time: u64,
    pub boot_id: String,
}

impl Identity {
    /// The process that has this pid now.
    ///
    /// # Errors
    /// When there is none.
    pub fn of(pid: i32) -> io::Result<Self> {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat"))?;
        let (_, start_time) = parse_stat(&stat)
            .ok_or_else(|| io::Error::other(format!("/proc/{pid}/stat is not as expected")))?;
        Ok(Self {
            pid,
            start_time,
            boot_id: boot_id()?,
        })
    }

    /// Whether this very process still exists and is not a zombie.
    #[must_use]
    pub fn is_alive(&self) -> bool {
        let Ok(stat) = fs::read_to_string(format!("/proc/{}/stat", self.pid)) else {
            return false;
        };
        let same_boot = boot_id().is_ok_and(|id| id == self.boot_id);
        same_boot
            && parse_stat(&stat).is_some_and(|(state, started)| {
                started == self.start_time && !matches!(state, 'Z' | 'X')
            })
    }
}

/// State and start time (field 22) of a `/proc/<pid>/stat`. The command may hold spaces and
/// parentheses, so fields are counted from its last `)`.
fn parse_stat(stat: &str) -> Option<(char, u64)> {
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace();
    let state = fields.next()?.chars().next()?;
    let start_time = fields.nth(18)?.parse().ok()?;
    Some((state, start_time))
}

fn boot_id() -> io::Result<String> {
    Ok(fs::read_to_string("/proc/sys/kernel/random/boot_id")?
        .trim()
        .to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stat_line_is_read_past_a_hostile_command() {
        let stat = "7 (a) Z 1 (b) S 1 7 7 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 4242 99 1";
        assert_eq!(parse_stat(stat), Some(('S', 4242)));
    }

    #[test]
    fn another_start_time_or_boot_is_another_process() {
        let pid = i32::try_from(std::process::id()).expect("pids fit");
        let me = Identity::of(pid).expect("alive");
        assert!(me.is_alive());
        assert!(
            !Identity {
                start_time: me.start_time + 1,
                ..me.clone()
            }
            .is_alive()
        );
        assert!(
            !Identity {
                boot_id: "other".into(),
                ..me
            }
            .is_alive()
        );
    }
}
