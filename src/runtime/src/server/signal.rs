//! Signals as images name them.

/// The number of `SIGTERM`, `TERM`, `15`, `SIGRTMIN+3`; SIGTERM for an empty or unknown one.
pub fn number(name: &str) -> i32 {
    let upper = name.trim().to_ascii_uppercase();
    let plain = upper.strip_prefix("SIG").unwrap_or(&upper);
    if let Ok(number) = plain.parse::<i32>() {
        return if (1..=64).contains(&number) {
            number
        } else {
            libc::SIGTERM
        };
    }
    if let Some(offset) = plain.strip_prefix("RTMIN") {
        return real_time(34, offset);
    }
    if let Some(offset) = plain.strip_prefix("RTMAX") {
        return real_time(64, offset);
    }
    let known = NAMES.iter().find(|(known, _)| *known == plain);
    known.map_or(libc::SIGTERM, |(_, number)| *number)
}

/// The kernel's own bounds, 34 (past the C library's two) to 64.
fn real_time(base: i32, offset: &str) -> i32 {
    let offset = if offset.is_empty() {
        Some(0)
    } else {
        offset.parse::<i32>().ok()
    };
    let number = offset.map(|offset| base + offset.clamp(-64, 64));
    number
        .filter(|number| (34..=64).contains(number))
        .unwrap_or(libc::SIGTERM)
}

const NAMES: &[(&str, i32)] = &[
    ("HUP", libc::SIGHUP),
    ("INT", libc::SIGINT),
    ("QUIT", libc::SIGQUIT),
    ("ILL", libc::SIGILL),
    ("TRAP", libc::SIGTRAP),
    ("ABRT", libc::SIGABRT),
    ("BUS", libc::SIGBUS),
    ("FPE", libc::SIGFPE),
    ("KILL", libc::SIGKILL),
    ("USR1", libc::SIGUSR1),
    ("SEGV", libc::SIGSEGV),
    ("USR2", libc::SIGUSR2),
    ("PIPE", libc::SIGPIPE),
    ("ALRM", libc::SIGALRM),
    ("TERM", libc::SIGTERM),
    ("CHLD", libc::SIGCHLD),
    ("CONT", libc::SIGCONT),
    ("STOP", libc::SIGSTOP),
    ("TSTP", libc::SIGTSTP),
    ("TTIN", libc::SIGTTIN),
    ("TTOU", libc::SIGTTOU),
    ("URG", libc::SIGURG),
    ("XCPU", libc::SIGXCPU),
    ("XFSZ", libc::SIGXFSZ),
    ("VTALRM", libc::SIGVTALRM),
    ("PROF", libc::SIGPROF),
    ("WINCH", libc::SIGWINCH),
    ("IO", libc::SIGIO),
    ("POLL", libc::SIGIO),
    ("PWR", libc::SIGPWR),
    ("SYS", libc::SIGSYS),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_numbers() {
        let cases = [
            ("", 15),
            ("SIGQUIT", 3),
            ("usr1", 10),
            ("9", 9),
            ("SIGRTMIN+3", 37),
            ("RTMAX-1", 63),
            ("0", 15),
            ("NONSENSE", 15),
        ];
        for (name, expected) in cases {
            assert_eq!(number(name), expected, "{name}");
        }
    }
}
