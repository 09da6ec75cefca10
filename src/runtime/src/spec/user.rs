//! Who runs in a container: resolved from the image's own `/etc/passwd` and `/etc/group`, read
//! by us and inside the root, never by the C library.

use std::fs::File;
use std::io::Read;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;

use cri::SecurityContext;
use rustix::fs::{Mode, OFlags, ResolveFlags, openat2};

/// Most bytes read of either file; real ones are a few kilobytes.
const MAX_FILE: u64 = 1 << 20;

/// The process' identity.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct User {
    pub uid: u32,
    pub gid: u32,
    /// Sorted; the primary group among them.
    pub groups: Vec<u32>,
    pub home: String,
}

/// The two files' texts; empty when the image has none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Accounts {
    pub passwd: String,
    pub group: String,
}

struct Account<'a> {
    name: &'a str,
    uid: u32,
    gid: u32,
    home: &'a str,
}

impl Accounts {
    /// Reads them from a root file system; links in it lead nowhere else.
    #[must_use]
    pub fn read(root: &Path) -> Self {
        let Ok(root) = File::open(root) else {
            return Self::default();
        };
        let read = |path| read_inside(&root, path).unwrap_or_default();
        Self {
            passwd: read("etc/passwd"),
            group: read("etc/group"),
        }
    }

    fn accounts(&self) -> impl Iterator<Item = Account<'_>> {
        self.passwd.lines().filter_map(|line| {
            let fields: Vec<&str> = line.split(':').collect();
            Some(Account {
                name: fields.first()?,
                uid: fields.get(2)?.parse().ok()?,
                gid: fields.get(3)?.parse().ok()?,
                home: fields.get(5)?,
            })
        })
    }

    /// Name, number and members of each group.
    fn groups(&self) -> impl Iterator<Item = (&str, u32, &str)> {
        self.group.lines().filter_map(|line| {
            let fields: Vec<&str> = line.split(':').collect();
            Some((
                *fields.first()?,
                fields.get(2)?.parse().ok()?,
                *fields.get(3)?,
            ))
        })
    }

    /// Resolves the user of a container. `image_user` is the image's `USER`, `user[:group]`.
    ///
    /// # Errors
    /// A name that the image does not have, or a number that is none.
    pub fn resolve(&self, security: &SecurityContext, image_user: &str) -> Result<User, String> {
        let (user, image_group) = match security {
            SecurityContext {
                run_as_user: Some(uid),
                ..
            } => (uid.to_string(), None),
            SecurityContext {
                run_as_username: name,
                ..
            } if !name.is_empty() => (name.clone(), None),
            _ => match image_user.split_once(':') {
                Some((user, group)) => (user.to_owned(), Some(group)),
                None => (image_user.to_owned(), None),
            },
        };
        let (uid, account) = self.user(&user)?;
        let gid = match (security.run_as_group, image_group) {
            (Some(gid), _) => {
                u32::try_from(gid).map_err(|_| format!("group {gid} is out of range"))?
            }
            (None, Some(group)) if !group.is_empty() => self.group_number(group)?,
            _ => account.as_ref().map_or(0, |account| account.gid),
        };
        let mut groups = vec![gid];
        for gid in &security.supplemental_groups {
            groups.push(u32::try_from(*gid).map_err(|_| format!("group {gid} is out of range"))?);
        }
        if let Some(account) = &account {
            let member = |members: &str| members.split(',').any(|name| name == account.name);
            groups.extend(
                self.groups()
                    .filter(|group| member(group.2))
                    .map(|group| group.1),
            );
        }
        groups.sort_unstable();
        groups.dedup();
        let home = account
            .map(|account| account.home)
            .filter(|home| !home.is_empty());
        Ok(User {
            uid,
            gid,
            groups,
            home: home.unwrap_or("/").to_owned(),
        })
    }

    fn user(&self, user: &str) -> Result<(u32, Option<Account<'_>>), String> {
        if user.is_empty() {
            return Ok((0, self.accounts().find(|account| account.uid == 0)));
        }
        // An account that is called like a number comes first, as in Docker.
        if let Some(account) = self.accounts().find(|account| account.name == user) {
            return Ok((account.uid, Some(account)));
        }
        match user.parse::<u32>() {
            Ok(uid) if i32::try_from(uid).is_ok() => {
                Ok((uid, self.accounts().find(|account| account.uid == uid)))
            }
            Ok(uid) => Err(format!("user {uid} is out of range")),
            Err(_) => Err(format!("the image has no user {user:?}")),
        }
    }

    fn group_number(&self, group: &str) -> Result<u32, String> {
        if let Some(found) = self.groups().find(|(name, ..)| *name == group) {
            return Ok(found.1);
        }
        match group.parse::<u32>() {
            Ok(gid) if i32::try_from(gid).is_ok() => Ok(gid),
            _ => Err(format!("the image has no group {group:?}")),
        }
    }
}

fn read_inside(root: &File, path: &str) -> std::io::Result<String> {
    let file = open_inside(root, path, OFlags::RDONLY | OFlags::NONBLOCK)?;
    let file = File::from(file);
    if !file.metadata()?.is_file() {
        return Err(std::io::Error::other(format!("{path} is not a file")));
    }
    let mut bytes = Vec::new();
    file.take(MAX_FILE).read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// Opens a path as a process chrooted into `root` would.
pub(super) fn open_inside(
    root: impl AsFd,
    path: &str,
    flags: OFlags,
) -> rustix::io::Result<OwnedFd> {
    let resolve = ResolveFlags::IN_ROOT | ResolveFlags::NO_MAGICLINKS;
    openat2(root, path, flags | OFlags::CLOEXEC, Mode::empty(), resolve)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn accounts() -> Accounts {
        Accounts {
            passwd: "root:x:0:0:root:/root:/bin/sh\nweb:x:101:102::/srv:/bin/false\nbad\n".into(),
            group: "root:x:0:\nwww:x:82:web,other\nweb:x:102:\n".into(),
        }
    }

    fn check(
        security: SecurityContext,
        image: &str,
        expected: Result<(u32, u32, &[u32], &str), &str>,
    ) {
        let found = accounts().resolve(&security, image);
        let expected = expected.map(|(uid, gid, groups, home)| User {
            uid,
            gid,
            groups: groups.to_vec(),
            home: home.to_owned(),
        });
        assert_eq!(found, expected.map_err(str::to_owned));
    }

    #[test]
    fn users_come_from_the_context_then_the_image() {
        let none = SecurityContext::default();
        check(none.clone(), "", Ok((0, 0, &[0], "/root")));
        check(none.clone(), "web", Ok((101, 102, &[82, 102], "/srv")));
        check(none.clone(), "101:www", Ok((101, 82, &[82], "/srv")));
        check(none.clone(), "7:8", Ok((7, 8, &[8], "/")));
        check(
            none.clone(),
            "nobody",
            Err("the image has no user \"nobody\""),
        );
        check(
            none.clone(),
            "4294967295",
            Err("user 4294967295 is out of range"),
        );
        let number = SecurityContext {
            run_as_user: Some(1000),
            run_as_group: Some(3000),
            supplemental_groups: vec![2000],
            ..none.clone()
        };
        check(number, "web", Ok((1000, 3000, &[2000, 3000], "/")));
        let name = SecurityContext {
            run_as_username: "web".into(),
            ..none
        };
        check(name, "", Ok((101, 102, &[82, 102], "/srv")));
    }
}
