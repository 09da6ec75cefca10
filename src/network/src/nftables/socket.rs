//! The way to the kernel: sends batches, reads what became of each message.

use std::collections::BTreeMap;
use std::io;

use netlink_sys::protocols::NETLINK_NETFILTER;
use netlink_sys::{Socket, SocketAddr};
use rustix::net::sockopt;

use super::attributes::walk;
use super::batch::{Batch, Finished};
use super::chain::Family;
use super::uapi::{NFNL_SUBSYS_NFTABLES, message, table};

/// Why a change did not happen. Then nothing of its batch did.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The socket could not be opened, written or read.
    #[error("nf_tables: {0}")]
    Io(#[from] io::Error),
    /// A message is longer than netlink can say; its elements or expressions must be fewer.
    #[error("nf_tables: {0}: longer than a netlink attribute can be")]
    TooLong(String),
    /// The kernel refused some of the messages.
    #[error("nf_tables refused: {}", join(.0))]
    Refused(Vec<Refusal>),
}

/// One message the kernel refused.
#[derive(Debug, thiserror::Error)]
#[error("{message}: {source}{}", detail(self))]
pub struct Refusal {
    /// What the message was to do, as in `add rule in postrouting`.
    pub message: String,
    pub source: io::Error,
    /// The kernel's own words, if it had any.
    pub text: Option<String>,
    /// Where in the message the attribute lies that it did not like.
    pub offset: Option<u32>,
}

fn join(refusals: &[Refusal]) -> String {
    let texts: Vec<_> = refusals.iter().map(ToString::to_string).collect();
    texts.join("; ")
}

fn detail(refusal: &Refusal) -> String {
    let text = refusal.text.iter().map(|text| format!(" ({text})"));
    let offset = refusal.offset.iter().map(|at| format!(" at byte {at}"));
    text.chain(offset).collect()
}

impl Error {
    /// Everything refused was refused because it, or what it names, does not exist.
    #[must_use]
    pub fn is_not_found(&self) -> bool {
        matches!(self, Self::Refused(refusals)
            if refusals.iter().all(|refusal| refusal.source.raw_os_error() == Some(libc::ENOENT)))
    }
}

/// A socket to nf_tables of the network namespace it was opened in.
#[derive(Debug)]
pub struct Nftables {
    socket: Socket,
}

const NLMSG_ERROR: u16 = 2;
const NLMSG_DONE: u16 = 3;
const NLM_F_REQUEST_DUMP: u16 = 0x301;
const HEADER: usize = 16;
const NLM_F_CAPPED: u16 = 0x100;
const NLM_F_ACK_TLVS: u16 = 0x200;
const NLMSGERR_ATTR_MSG: u16 = 1;
const NLMSGERR_ATTR_OFFS: u16 = 2;
/// The kernel never sends more in one datagram.
const DATAGRAM: usize = 1 << 16;

impl Nftables {
    /// Opens a socket in the calling thread's network namespace.
    ///
    /// # Errors
    /// [`Error::Io`] where the kernel has no nf_tables or the caller lacks `CAP_NET_ADMIN`.
    pub fn open() -> Result<Self, Error> {
        let mut socket = Socket::new(NETLINK_NETFILTER)?;
        socket.bind_auto()?;
        socket.connect(&SocketAddr::new(0, 0))?;
        socket.set_ext_ack(true)?;
        socket.set_cap_ack(true)?;
        Ok(Self { socket })
    }

    /// Sends `batch` and waits for the kernel's answer. All of it takes effect, or nothing.
    ///
    /// Blocks for microseconds to some tens of milliseconds, as the batch is long.
    ///
    /// # Errors
    /// [`Error::Refused`] names each message that the kernel did not take.
    pub fn commit(&mut self, batch: Batch) -> Result<(), Error> {
        let Some(finished) = batch.finish().map_err(Error::TooLong)? else {
            return Ok(());
        };
        self.drain()?;
        // The batch must fit as a whole, and so must an error for every message in it.
        let room = finished.bytes.len() + finished.labels.len() * 1024 + 4096;
        sockopt::set_socket_send_buffer_size_force(&self.socket, room).map_err(io::Error::from)?;
        sockopt::set_socket_recv_buffer_size_force(&self.socket, room).map_err(io::Error::from)?;
        let sent = self.socket.send(&finished.bytes, 0)?;
        if sent != finished.bytes.len() {
            return Err(io::Error::from(io::ErrorKind::WriteZero).into());
        }
        self.await_answer(&finished)
    }

    /// Forgets answers to a batch whose reading was broken off by an I/O error.
    fn drain(&self) -> io::Result<()> {
        while self.receive(false)?.is_some() {}
        Ok(())
    }

    /// One datagram; `None` where there is none and the caller does not want to wait.
    fn receive(&self, wait: bool) -> io::Result<Option<Vec<u8>>> {
        let mut buffer = Vec::with_capacity(DATAGRAM);
        let flags = if wait { 0 } else { libc::MSG_DONTWAIT };
        loop {
            match self.socket.recv(&mut buffer, flags) {
                Ok(_) => return Ok(Some(buffer)),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(None),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// The kernel answers before `send` returns: an error for each message it refused, or the
    /// one acknowledgement that was asked for.
    fn await_answer(&self, finished: &Finished) -> Result<(), Error> {
        let mut refusals = Vec::new();
        while let Some(datagram) = self.receive(refusals.is_empty())? {
            for message in messages(&datagram) {
                match refusal(&message, &finished.labels) {
                    Some(refusal) => refusals.push(refusal),
                    None if message.sequence == finished.acknowledged && refusals.is_empty() => {
                        return Ok(());
                    }
                    None => {}
                }
            }
        }
        Err(Error::Refused(refusals))
    }

    /// The tables there are, with names of one family's tables only where the family is one that
    /// [`Family`] names.
    ///
    /// # Errors
    /// [`Error::Io`]
    pub fn tables(&mut self) -> Result<Vec<(Family, String)>, Error> {
        self.drain()?;
        self.socket.send(&dump_tables(), 0)?;
        let mut tables = Vec::new();
        while let Some(datagram) = self.receive(true)? {
            for message in messages(&datagram) {
                match message.kind {
                    NLMSG_DONE => return Ok(tables),
                    NLMSG_ERROR => return Err(error_code(message.body).into()),
                    _ => tables.extend(table_name(message.body)),
                }
            }
        }
        Ok(tables)
    }
}

/// A request for all tables of all families.
fn dump_tables() -> Vec<u8> {
    let kind = NFNL_SUBSYS_NFTABLES << 8 | message::GETTABLE;
    let mut request = 20u32.to_ne_bytes().to_vec();
    request.extend(kind.to_ne_bytes());
    request.extend(NLM_F_REQUEST_DUMP.to_ne_bytes());
    request.extend(1u32.to_ne_bytes());
    request.extend([0; 8]);
    request
}

fn table_name(body: &[u8]) -> Option<(Family, String)> {
    let family = Family::from_number(*body.first()?)?;
    let (_, name) = walk(body.get(4..)?).find(|(kind, _)| *kind == table::NAME)?;
    Some((family, text(name)))
}

/// A netlink message as it came.
struct Message<'a> {
    kind: u16,
    flags: u16,
    sequence: u32,
    body: &'a [u8],
}

/// The messages of one datagram; ends at the first one that is cut.
fn messages(mut bytes: &[u8]) -> impl Iterator<Item = Message<'_>> {
    std::iter::from_fn(move || {
        let length = usize::try_from(u32_at(bytes, 0)?).ok()?;
        let message = Message {
            kind: u16::from_ne_bytes([*bytes.get(4)?, *bytes.get(5)?]),
            flags: u16::from_ne_bytes([*bytes.get(6)?, *bytes.get(7)?]),
            sequence: u32_at(bytes, 8)?,
            body: bytes.get(HEADER..length)?,
        };
        bytes = bytes.get(length.next_multiple_of(4)..).unwrap_or(&[]);
        Some(message)
    })
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    let number = bytes.get(at..at + 4)?;
    Some(u32::from_ne_bytes(number.try_into().ok()?))
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes)
        .trim_end_matches('\0')
        .to_owned()
}

fn error_code(body: &[u8]) -> io::Error {
    // The kernel sends errno negated; a cut message reads as one that says nothing.
    let code = u32_at(body, 0).unwrap_or_default().cast_signed();
    io::Error::from_raw_os_error(code.wrapping_neg())
}

/// Reads an error message; `None` for acknowledgements and other kinds.
fn refusal(message: &Message<'_>, labels: &BTreeMap<u32, String>) -> Option<Refusal> {
    if message.kind != NLMSG_ERROR || u32_at(message.body, 0)? == 0 {
        return None;
    }
    let label = labels
        .get(&message.sequence)
        .map_or("batch", String::as_str);
    let mut refusal = Refusal {
        message: label.to_owned(),
        source: error_code(message.body),
        text: None,
        offset: None,
    };
    if message.flags & NLM_F_ACK_TLVS != 0 {
        for (kind, payload) in walk(error_attributes(message)) {
            match kind {
                NLMSGERR_ATTR_MSG => refusal.text = Some(text(payload)),
                NLMSGERR_ATTR_OFFS => refusal.offset = u32_at(payload, 0),
                _ => {}
            }
        }
    }
    Some(refusal)
}

/// Behind the code comes the header of the refused message, with all of it unless capped.
fn error_attributes<'a>(message: &Message<'a>) -> &'a [u8] {
    let quoted = if message.flags & NLM_F_CAPPED != 0 {
        HEADER
    } else {
        u32_at(message.body, 4)
            .and_then(|length| usize::try_from(length).ok())
            .unwrap_or(HEADER)
            .next_multiple_of(4)
    };
    message.body.get(4 + quoted..).unwrap_or(&[])
}

#[cfg(test)]
mod tests {
    use super::super::attributes::Attributes;
    use super::*;

    #[test]
    fn cut_or_lying_datagrams_are_no_success() {
        for datagram in [&[][..], &[1; 15], &[0; 64], &[255; 40]] {
            let labels = BTreeMap::new();
            for message in messages(datagram).take(8) {
                assert!(refusal(&message, &labels).is_none());
                assert_ne!(message.sequence, 7);
            }
        }
    }

    #[test]
    fn an_error_is_read_with_text_and_place() {
        let attributes = Attributes::new()
            .text(NLMSGERR_ATTR_MSG, "no such chain")
            .bytes(NLMSGERR_ATTR_OFFS, &44u32.to_ne_bytes());
        let mut body = (-libc::ENOENT).to_ne_bytes().to_vec();
        body.extend([0; HEADER]);
        body.extend(attributes.as_bytes());
        let message = Message {
            kind: NLMSG_ERROR,
            flags: NLM_F_CAPPED | NLM_F_ACK_TLVS,
            sequence: 3,
            body: &body,
        };
        let labels = BTreeMap::from([(3, "add rule in c".to_owned())]);
        let refusal = refusal(&message, &labels).expect("an error");
        assert_eq!(
            Error::Refused(vec![refusal]).to_string(),
            "nf_tables refused: add rule in c: No such file or directory (os error 2) \
             (no such chain) at byte 44"
        );
    }
}
