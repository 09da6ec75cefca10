//! Capability names, numbers and sets.

use cri::SecurityContext;

/// By number, as in `linux/capability.h`.
const NAMES: &[&str] = &[
    "CAP_CHOWN",
    "CAP_DAC_OVERRIDE",
    "CAP_DAC_READ_SEARCH",
    "CAP_FOWNER",
    "CAP_FSETID",
    "CAP_KILL",
    "CAP_SETGID",
    "CAP_SETUID",
    "CAP_SETPCAP",
    "CAP_LINUX_IMMUTABLE",
    "CAP_NET_BIND_SERVICE",
    "CAP_NET_BROADCAST",
    "CAP_NET_ADMIN",
    "CAP_NET_RAW",
    "CAP_IPC_LOCK",
    "CAP_IPC_OWNER",
    "CAP_SYS_MODULE",
    "CAP_SYS_RAWIO",
    "CAP_SYS_CHROOT",
    "CAP_SYS_PTRACE",
    "CAP_SYS_PACCT",
    "CAP_SYS_ADMIN",
    "CAP_SYS_BOOT",
    "CAP_SYS_NICE",
    "CAP_SYS_RESOURCE",
    "CAP_SYS_TIME",
    "CAP_SYS_TTY_CONFIG",
    "CAP_MKNOD",
    "CAP_LEASE",
    "CAP_AUDIT_WRITE",
    "CAP_AUDIT_CONTROL",
    "CAP_SETFCAP",
    "CAP_MAC_OVERRIDE",
    "CAP_MAC_ADMIN",
    "CAP_SYSLOG",
    "CAP_WAKE_ALARM",
    "CAP_BLOCK_SUSPEND",
    "CAP_AUDIT_READ",
    "CAP_PERFMON",
    "CAP_BPF",
    "CAP_CHECKPOINT_RESTORE",
];

/// Making device nodes.
pub const MKNOD: u64 = 1 << 27;

/// What a container holds unless it says otherwise: the 14 that container runtimes agree on.
const DEFAULT: &[&str] = &[
    "CAP_CHOWN",
    "CAP_DAC_OVERRIDE",
    "CAP_FSETID",
    "CAP_FOWNER",
    "CAP_MKNOD",
    "CAP_NET_RAW",
    "CAP_SETGID",
    "CAP_SETUID",
    "CAP_SETFCAP",
    "CAP_SETPCAP",
    "CAP_NET_BIND_SERVICE",
    "CAP_SYS_CHROOT",
    "CAP_KILL",
    "CAP_AUDIT_WRITE",
];

/// The set of a container, a bit per capability. `ALL` in either list stands for every one; what
/// is added by name wins over what is dropped by `ALL`. Nothing outside `bounding` (our own
/// limit) can be given, so it is left out.
///
/// # Errors
/// The first name that is no capability.
pub fn set(security: &SecurityContext, bounding: u64) -> Result<u64, String> {
    if security.privileged {
        return Ok(bounding);
    }
    let all = (1 << NAMES.len()) - 1;
    let adds_all = security.add_capabilities.iter().any(|name| is_all(name));
    let drops_all = security.drop_capabilities.iter().any(|name| is_all(name));
    let mut held = match (adds_all, drops_all) {
        (true, _) => all,
        (false, true) => 0,
        (false, false) => bits(DEFAULT.iter().copied())?,
    };
    held |= bits(named(&security.add_capabilities))?;
    held &= !bits(named(&security.drop_capabilities))?;
    Ok(held & bounding)
}

/// The names in a set.
#[must_use]
pub fn names(set: u64) -> Vec<&'static str> {
    NAMES
        .iter()
        .enumerate()
        .filter(|(bit, _)| set & (1 << bit) != 0)
        .map(|(_, name)| *name)
        .collect()
}

fn is_all(name: &str) -> bool {
    name.eq_ignore_ascii_case("ALL") || name.eq_ignore_ascii_case("CAP_ALL")
}

fn named(list: &[String]) -> impl Iterator<Item = &str> {
    list.iter().map(String::as_str).filter(|name| !is_all(name))
}

fn bits<'a>(list: impl Iterator<Item = &'a str>) -> Result<u64, String> {
    let mut set = 0;
    for name in list {
        let upper = name.to_ascii_uppercase();
        let plain = upper.strip_prefix("CAP_").unwrap_or(&upper);
        let known = NAMES
            .iter()
            .position(|known| known.strip_prefix("CAP_") == Some(plain));
        let bit = known.ok_or_else(|| format!("unknown capability {name:?}"))?;
        set |= 1 << bit;
    }
    Ok(set)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(add: &[&str], drop: &[&str], bounding: u64, expected: Result<&[&str], &str>) {
        let list = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        let security = SecurityContext {
            add_capabilities: list(add),
            drop_capabilities: list(drop),
            ..SecurityContext::default()
        };
        let held = set(&security, bounding);
        let held = held
            .as_ref()
            .map(|held| names(*held))
            .map_err(String::as_str);
        assert_eq!(held, expected.map(<[&str]>::to_vec));
    }

    #[test]
    fn capabilities_are_added_and_dropped() {
        check(
            &["net_bind_service"],
            &["ALL"],
            u64::MAX,
            Ok(&["CAP_NET_BIND_SERVICE"]),
        );
        check(&["SYS_ADMIN"], &["all"], u64::MAX, Ok(&["CAP_SYS_ADMIN"]));
        check(
            &["SYS_RESOURCE", "KILL"],
            &["ALL"],
            !(1 << 24),
            Ok(&["CAP_KILL"]),
        );
        check(&["FLY"], &[], u64::MAX, Err("unknown capability \"FLY\""));
        let held = set(&SecurityContext::default(), u64::MAX).expect("valid");
        assert_eq!(names(held).len(), 14);
        assert_eq!(names(MKNOD), ["CAP_MKNOD"]);
    }
}
