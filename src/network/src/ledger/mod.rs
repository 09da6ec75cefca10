//! Who has which address: a durable record per pod.
//!
//! An address is given to a pod only once its record is on the disk, and given to another only
//! once that record is gone from it. Addresses go round the range, so that one just freed rests
//! as long as possible: late packets and stale caches of its last owner find nobody.

mod files;
pub mod round;

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::cidr::Cidr;
use crate::mac::Mac;
use crate::pod::PodRequest;

pub use files::Record;
use files::{Cursor, Files};

#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Every address of the range has an owner.
    #[error("no pod address is free in {cidr}: {in_use} in use")]
    Exhausted { cidr: Cidr, in_use: usize },
    /// Written by a newer rk3s.
    #[error("{}: format {version} is newer than this rk3s knows; run the newer one", .path.display())]
    Newer { path: PathBuf, version: u64 },
    #[error("{}: {source}", .path.display())]
    Io { path: PathBuf, source: io::Error },
}

/// The records, in memory and on disk. Its methods that change something block on the disk.
#[derive(Debug)]
pub struct Ledger {
    cidr: Cidr,
    files: Files,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    records: BTreeMap<String, Record>,
    /// Includes addresses whose record is being written or removed.
    taken: BTreeSet<Ipv4Addr>,
    /// The last one given out, also if it is free again.
    newest: Cursor,
}

impl Ledger {
    /// Reads what an earlier process left. Damaged records and those of addresses outside `cidr`
    /// are set aside with an error in the log: their pods will be set up anew.
    ///
    /// # Errors
    /// [`Error::Newer`] and [`Error::Io`].
    pub fn open(directory: &Path, cidr: Cidr) -> Result<Self, Error> {
        let files = Files::open(directory)?;
        let mut state = State {
            newest: files.read_cursor()?,
            ..State::default()
        };
        for record in files.read_records()? {
            let usable = round::is_pod_address(cidr, record.address);
            if !usable || !state.taken.insert(record.address) {
                files.set_aside(&record.uid, "its address is out of range or another pod's")?;
                continue;
            }
            if record.sequence > state.newest.sequence {
                state.newest = Cursor::of(&record);
            }
            state.records.insert(record.uid.clone(), record);
        }
        Ok(Self {
            cidr,
            files,
            state: Mutex::new(state),
        })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Every change of the state is a single insert or remove.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The pod's record, made and durable if there was none.
    ///
    /// # Errors
    /// [`Error::Exhausted`], or [`Error::Io`] and then no address is taken.
    pub fn assign(&self, pod: &PodRequest) -> Result<Record, Error> {
        let record = {
            let mut state = self.state();
            if let Some(record) = state.records.get(&pod.uid) {
                return Ok(record.clone());
            }
            self.reserve(&mut state, pod)?
        };
        let written = self.files.write(&record);
        let mut state = self.state();
        match written {
            Ok(()) => {
                state.records.insert(record.uid.clone(), record.clone());
                Ok(record)
            }
            Err(error) => {
                state.taken.remove(&record.address);
                Err(error)
            }
        }
    }

    fn reserve(&self, state: &mut State, pod: &PodRequest) -> Result<Record, Error> {
        let after = state.newest.address;
        let Some(address) = round::next(self.cidr, &state.taken, after) else {
            return Err(Error::Exhausted {
                cidr: self.cidr,
                in_use: state.taken.len(),
            });
        };
        let record = Record {
            sequence: state.newest.sequence + 1,
            uid: pod.uid.clone(),
            namespace: pod.namespace.clone(),
            name: pod.name.clone(),
            address,
            interface: new_interface(state),
        };
        state.taken.insert(address);
        state.newest = Cursor::of(&record);
        Ok(record)
    }

    /// Forgets the pod and frees its address. An unknown pod is a success.
    ///
    /// # Errors
    /// [`Error::Io`]; the pod then keeps its address.
    pub fn release(&self, uid: &str) -> Result<(), Error> {
        let (address, newest) = {
            let state = self.state();
            let Some(record) = state.records.get(uid) else {
                return Ok(());
            };
            let newest = (record.sequence == state.newest.sequence).then(|| Cursor::of(record));
            (record.address, newest)
        };
        // Where the round stands is read from the newest record; when that goes, it is noted.
        if let Some(cursor) = newest {
            self.files.write_cursor(&cursor)?;
        }
        self.files.remove(uid)?;
        let mut state = self.state();
        state.records.remove(uid);
        state.taken.remove(&address);
        Ok(())
    }

    pub fn get(&self, uid: &str) -> Option<Record> {
        self.state().records.get(uid).cloned()
    }

    /// All records, by uid.
    pub fn all(&self) -> Vec<Record> {
        self.state().records.values().cloned().collect()
    }
}

/// A name for the host's end of a pod's interface. Never used before: the old end of a pod torn
/// down lives on for some 70 ms.
fn new_interface(state: &State) -> String {
    loop {
        let suffix = base::random::name_suffix(9);
        let name = format!("{}{suffix}", crate::PORT_PREFIX);
        if state
            .records
            .values()
            .all(|record| record.interface != name)
        {
            return name;
        }
    }
}

impl Record {
    /// The hardware address that goes with the pod's address.
    pub fn mac(&self) -> Mac {
        Mac::of(self.address)
    }
}

#[cfg(test)]
mod tests;
