//! `rk3s snapshot save | ls | restore`: copies of the cluster's state, and the way back.
//!
//! A running server has the store to itself, so it takes the snapshot: `save` asks it over a
//! socket in the data directory that only this user may open. Without a server `save` opens the
//! store itself. `restore` needs the server stopped.

use std::fs;
use std::io::{ErrorKind, Write};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use base::Clock;
use clap::{Arg, ArgMatches, Command};
use rustix::fs::{CWD, RenameFlags, renameat_with};
use store::snapshot::{self, Info};
use store::{OpenError, Revision, SledStore, Store};
use tracing::warn;

use crate::options::{self, Options};
use crate::snapshot_socket::ask;

/// The command's arguments.
pub fn cli() -> Command {
    let name = Arg::new("name")
        .long("name")
        .value_name("NAME")
        .default_value("on-demand")
        .value_parser(parse_name)
        .help("What the file's name begins with");
    let file = Arg::new("file")
        .value_name("FILE")
        .required(true)
        .help("A snapshot that `ls` shows, or the path of one");
    Command::new("snapshot")
        .about("Save the state of the cluster, list what was saved, restore it")
        .subcommand_required(true)
        .arg_required_else_help(true)
        .subcommand(
            options::arguments(
                Command::new("save").about("Save a snapshot, of a running server or a stopped one"),
            )
            .arg(name),
        )
        .subcommand(options::arguments(
            Command::new("ls")
                .visible_alias("list")
                .about("List the snapshots"),
        ))
        .subcommand(
            options::arguments(Command::new("restore").about(
                "Put a snapshot in place of the state; the server must be stopped, what was \
                 there is kept beside it",
            ))
            .arg(file),
        )
}

/// Runs one of its subcommands.
pub async fn run(matches: ArgMatches, options: Options) -> Result<()> {
    let places = Places::new(&options.path("data-dir"));
    match matches.subcommand() {
        Some(("save", matches)) => {
            let name = matches.get_one::<String>("name").map_or("", String::as_str);
            let node = crate::server::node_name(&options)?;
            let seconds = Clock::system().wall().as_second();
            let path = places.snapshots.join(format!("{name}-{node}-{seconds}"));
            if path.exists() {
                bail!("{} is there already: try again in a second", path.display());
            }
            let info = places.save(&path).await?;
            say(&format!("{}\n  {}\n", path.display(), words(&info)))
        }
        Some(("restore", matches)) => {
            let file = matches
                .get_one::<String>("file")
                .context("clap requires it")?
                .clone();
            let restored =
                tokio::task::spawn_blocking(move || places.restore(Path::new(&file))).await??;
            say(&restored)
        }
        _ => say(&tokio::task::spawn_blocking(move || places.list()).await??),
    }
}

fn say(text: &str) -> Result<()> {
    Ok(std::io::stdout().write_all(text.as_bytes())?)
}

fn parse_name(text: &str) -> Result<String, String> {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    if !text.is_empty() && text.len() <= 64 && text.chars().all(plain) && !text.starts_with('.') {
        return Ok(text.to_owned());
    }
    Err("use up to 64 letters, digits, '-', '_' and '.', and begin with no '.'".to_owned())
}

fn words(info: &Info) -> String {
    format!(
        "{} keys at revision {}, {} bytes, taken {:.0}",
        info.keys, info.revision, info.bytes, info.created
    )
}

/// Where everything is.
pub struct Places {
    database: PathBuf,
    pub snapshots: PathBuf,
    pub socket: PathBuf,
}

impl Places {
    pub fn new(data_dir: &Path) -> Self {
        let server = data_dir.join("server");
        Self {
            database: server.join("db"),
            snapshots: server.join("snapshots"),
            socket: server.join("snapshot.sock"),
        }
    }

    async fn save(&self, path: &Path) -> Result<Info> {
        let directory = &self.snapshots;
        if !self.database.is_dir() {
            bail!("there is no store in {}", self.database.display());
        }
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(directory)
            .with_context(|| format!("cannot make {}", directory.display()))?;
        let (database, target) = (self.database.clone(), path.to_owned());
        let alone = tokio::task::spawn_blocking(move || match open(&database) {
            Ok(store) => Ok(Some(snapshot::save(&store, &target)?)),
            Err(OpenError::Locked { .. }) => Ok(None),
            Err(error) => Err(anyhow::Error::from(error)),
        });
        if let Some(info) = alone.await?? {
            return Ok(info);
        }
        ask(&self.socket, path).await?;
        let path = path.to_owned();
        Ok(tokio::task::spawn_blocking(move || snapshot::inspect(&path)).await??)
    }

    fn list(&self) -> Result<String> {
        let mut rows = Vec::new();
        for path in files(&self.snapshots)? {
            let name = path
                .file_name()
                .unwrap_or_default()
                .to_string_lossy()
                .into_owned();
            rows.push((name, snapshot::inspect(&path)));
        }
        rows.sort_by_key(|(name, info)| {
            (info.as_ref().ok().map(|info| info.created), name.clone())
        });
        let width = rows
            .iter()
            .map(|(name, _)| name.len())
            .max()
            .unwrap_or(0)
            .max(4);
        let mut text = format!(
            "{:width$}   {:>10} {:>9} {:>12}   CREATED\n",
            "NAME", "REVISION", "KEYS", "BYTES"
        );
        for (name, info) in rows {
            text += &match info {
                Ok(info) => format!(
                    "{name:width$}   {:>10} {:>9} {:>12}   {:.0}\n",
                    info.revision.0, info.keys, info.bytes, info.created
                ),
                Err(error) => format!("{name:width$}   {error}\n"),
            };
        }
        Ok(text)
    }

    fn restore(&self, file: &Path) -> Result<String> {
        let named = self.snapshots.join(file);
        let path = if named.exists() {
            named
        } else {
            file.to_owned()
        };
        // Before anything is moved.
        snapshot::inspect(&path)?;
        let served = self.last_revision()?;
        let old = self
            .database
            .with_extension(format!("old-{}", Clock::system().wall().as_second()));
        // Filled beside and exchanged at once: a crash leaves the old store or the new one.
        let fresh = self.database.with_extension("restoring");
        match fs::remove_dir_all(&fresh) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(error.into()),
            _ => {}
        }
        let info = snapshot::restore(&path, &fresh, served)?;
        let moved = put_in_place(&fresh, &self.database, &old)
            .with_context(|| format!("cannot replace {}", self.database.display()))?;
        let (path, keys, revision) = (path.display(), info.keys, info.revision);
        let mut text = format!("restored {path}: {keys} keys, revision {revision}\n");
        if moved {
            let old = old.display();
            text += &format!("what was there is in {old}; remove it when all is well\n");
        }
        text += "start the server again: rk3s server\n";
        Ok(text)
    }

    /// The last revision of the store in place, which clients may have seen.
    fn last_revision(&self) -> Result<Revision> {
        if !self.database.is_dir() {
            return Ok(Revision::ZERO);
        }
        match open(&self.database) {
            Ok(store) => Ok(store.revision()),
            Err(error @ OpenError::Locked { .. }) => Err(error.into()),
            Err(error) => {
                // That it is broken may be why something is restored.
                warn!(%error, "the store in place cannot be read");
                Ok(Revision::ZERO)
            }
        }
    }
}

/// Puts `fresh` in the place of `database`, and what was there at `old`; says whether anything
/// was.
fn put_in_place(fresh: &Path, database: &Path, old: &Path) -> std::io::Result<bool> {
    let there = database.exists();
    if there {
        renameat_with(CWD, fresh, CWD, database, RenameFlags::EXCHANGE)?;
        fs::rename(fresh, old)?;
    } else {
        fs::rename(fresh, database)?;
    }
    base::fsio::sync_directory(database.parent().unwrap_or(database))?;
    Ok(there)
}

fn open(database: &Path) -> Result<SledStore, OpenError> {
    SledStore::open(database, store::Options::new(Clock::system()))
}

/// The snapshots in a directory.
fn files(directory: &Path) -> Result<Vec<PathBuf>> {
    let entries = match fs::read_dir(directory) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        other => other.with_context(|| format!("cannot read {}", directory.display()))?,
    };
    let mut paths = Vec::new();
    for entry in entries {
        let path = entry?.path();
        // A snapshot still being written has another name.
        if path.is_file() && !path.to_string_lossy().contains(".tmp-") {
            paths.push(path);
        }
    }
    Ok(paths)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use base::{Shutdown, TraceId};
    use store::{Expect, Op, Options};

    use super::*;
    use crate::snapshot_socket::serve;

    /// A data directory, removed at the end.
    struct DataDir(PathBuf);

    impl DataDir {
        fn new() -> Self {
            let path = std::env::temp_dir().join(format!("rk3s-snapshot-{}", base::random::uuid()));
            fs::create_dir_all(path.join("server")).expect("made");
            Self(path)
        }

        fn places(&self) -> Places {
            Places::new(&self.0)
        }

        fn open(&self) -> Arc<SledStore> {
            let options = Options::new(Clock::system());
            let store = SledStore::open(&self.places().database, options);
            Arc::new(store.expect("opens"))
        }
    }

    impl Drop for DataDir {
        fn drop(&mut self) {
            fs::remove_dir_all(&self.0).expect("removable");
        }
    }

    async fn set(store: &SledStore, value: &'static str) {
        let op = Op::Put {
            key: "/registry/configmaps/default/a".into(),
            value: value.into(),
            expect: Expect::Any,
            ttl: None,
        };
        store
            .txn(vec![op], TraceId::NONE)
            .await
            .expect("goes through");
    }

    async fn get(store: &SledStore) -> String {
        let found = store.get("/registry/configmaps/default/a", None).await;
        let value = found.expect("readable").expect("there").value;
        String::from_utf8_lossy(&value).into_owned()
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_running_server_saves_and_a_stopped_one_is_restored() {
        let data = DataDir::new();
        let places = data.places();
        let store = data.open();
        set(&store, "before").await;
        let shutdown = Shutdown::new();
        let serving = serve(&data.0, store.clone(), shutdown.clone()).expect("listens");
        let serving = tokio::spawn(serving);
        let saved = places
            .save(&places.snapshots.join("one"))
            .await
            .expect("saved");
        assert_eq!((saved.keys, saved.revision), (1, store.revision()));
        set(&store, "after").await;
        let before = store.revision();

        let error = places
            .restore(Path::new("one"))
            .expect_err("the server runs");
        assert!(
            error.to_string().contains("is in use by process"),
            "{error}"
        );
        shutdown.stop();
        serving.await.expect("ends well");
        assert!(!places.socket.exists());
        drop(store);

        let told = places.restore(Path::new("one")).expect("restored");
        assert!(told.contains("1 keys"), "{told}");
        let store = data.open();
        assert_eq!(get(&store).await, "before");
        assert!(store.revision() > before);
        drop(store);
        let old = fs::read_dir(data.0.join("server")).expect("readable");
        let old: Vec<_> = old
            .map(|entry| entry.expect("readable").path())
            .filter(|path| path.to_string_lossy().contains("db.old-"))
            .collect();
        let kept = SledStore::open(&old[0], Options::new(Clock::system())).expect("opens");
        assert_eq!(get(&kept).await, "after", "nothing is lost");
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_stopped_server_is_saved_and_a_broken_snapshot_changes_nothing() {
        let data = DataDir::new();
        let places = data.places();
        let error = places.save(&places.snapshots.join("none")).await;
        assert!(
            error
                .expect_err("nothing there")
                .to_string()
                .starts_with("there is no store in")
        );
        set(&data.open(), "before").await;
        let saved = places
            .save(&places.snapshots.join("one"))
            .await
            .expect("saved");
        fs::write(places.snapshots.join("two"), "rubbish").expect("written");
        places.restore(Path::new("two")).expect_err("refused");
        places.restore(Path::new("three")).expect_err("not there");
        assert_eq!(get(&data.open()).await, "before");
        let list = places.list().expect("readable");
        let want = format!(
            "NAME     REVISION      KEYS        BYTES   CREATED\n\
             two    the snapshot {} is damaged at offset 0: it is cut off; use another one\n\
             one    {:>10} {:>9} {:>12}   {:.0}\n",
            places.snapshots.join("two").display(),
            saved.revision.0,
            saved.keys,
            saved.bytes,
            saved.created
        );
        assert_eq!(list, want);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn the_server_writes_among_the_snapshots_only() {
        let data = DataDir::new();
        let store = data.open();
        let shutdown = Shutdown::new();
        let serving =
            tokio::spawn(serve(&data.0, store.clone(), shutdown.clone()).expect("listens"));
        let places = data.places();
        for path in ["/tmp/elsewhere", "relative"] {
            let error = ask(&places.socket, Path::new(path))
                .await
                .expect_err("refused");
            assert_eq!(error.to_string(), "the server went away; its log says why");
            assert!(!Path::new(path).exists());
        }
        // It still answers.
        places
            .save(&places.snapshots.join("one"))
            .await
            .expect("saved");
        shutdown.stop();
        serving.await.expect("ends well");
    }

    #[test]
    fn names_are_file_names() {
        for name in ["on-demand", "a", "before.upgrade_2"] {
            assert_eq!(parse_name(name).as_deref(), Ok(name));
        }
        for name in ["", "../x", "a/b", ".hidden", "a b", "\n"] {
            parse_name(name).expect_err(name);
        }
    }
}
