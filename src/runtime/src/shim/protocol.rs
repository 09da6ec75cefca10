//! What the server and a shim say to each other over the shim's socket.
//!
//! A message is its length (four bytes, little endian) and that much JSON. Each connection
//! carries one request and its reply; after [`Call::Subscribe`] it carries [`Event`]s until either side
//! ends. File descriptors travel beside a request (`SCM_RIGHTS`).

use std::io;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::plan::ContainerState;

/// Raised when a message changes its meaning. A shim answers every version up to its own.
pub const VERSION: u32 = 1;

/// Longest message accepted: a command line with a large environment fits, a mistake does not.
const MAX_MESSAGE: usize = 4 << 20;

#[derive(Debug, Serialize, Deserialize)]
pub struct Request {
    pub version: u32,
    pub call: Call,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Call {
    /// Tells all containers' states, then every change.
    Subscribe,
    /// Builds the container whose plan and bundle lie in `containers/<id>`.
    Create {
        id: String,
    },
    /// Lets the created init go; answered once the program is executed, or could not be.
    Start {
        id: String,
    },
    /// Sends `signal`, then kills everything after `grace_ms`; answered once it is Exited.
    Stop {
        id: String,
        signal: i32,
        grace_ms: u64,
    },
    /// Kills what runs and forgets the container; answered once nothing is left of it.
    Remove {
        id: String,
    },
    /// Runs a command in the container with the three descriptors sent along as its standard
    /// input, output and error; answered when it has ended or was killed after `timeout_ms`.
    Exec {
        id: String,
        args: Vec<String>,
        timeout_ms: Option<u64>,
    },
    ReopenLog {
        id: String,
    },
    /// Ends the shim, which must have no containers.
    Shutdown,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Reply {
    Done,
    /// The container as the call left it.
    Container(ContainerState),
    /// A command ended by itself; 128 + n after signal n.
    Exited {
        code: i32,
    },
    TimedOut,
    NotFound,
    /// The container is in another state than the call needs.
    Refused {
        message: String,
    },
    Failed {
        message: String,
    },
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Event {
    /// The state of every container, sent first.
    Snapshot(Vec<ContainerState>),
    Changed(ContainerState),
}

/// A message with its length in front.
///
/// # Errors
/// When the message is too long to be accepted.
pub fn encode<T: Serialize>(message: &T) -> io::Result<Vec<u8>> {
    let mut frame = vec![0; 4];
    serde_json::to_writer(&mut frame, message)?;
    let length = frame.len() - 4;
    if length > MAX_MESSAGE {
        return Err(io::Error::other(format!("a message of {length} bytes")));
    }
    let length = u32::try_from(length).expect("at most MAX_MESSAGE");
    frame[..4].copy_from_slice(&length.to_le_bytes());
    Ok(frame)
}

/// Takes the first whole message out of `buffer`, if there is one.
///
/// # Errors
/// When what is there can never become a message.
pub fn decode<T: DeserializeOwned>(buffer: &mut Vec<u8>) -> io::Result<Option<T>> {
    let Some(head) = buffer.first_chunk::<4>() else {
        return Ok(None);
    };
    let length = u32::from_le_bytes(*head) as usize;
    if length > MAX_MESSAGE {
        return Err(io::Error::other(format!("a message of {length} bytes")));
    }
    let Some(body) = buffer.get(4..4 + length) else {
        return Ok(None);
    };
    let message = serde_json::from_slice(body)?;
    buffer.drain(..4 + length);
    Ok(Some(message))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_cut_out_of_a_stream() {
        let mut stream = encode(&1).expect("short");
        stream.extend(encode(&"two").expect("short"));
        let late = stream.split_off(7);
        assert_eq!(decode::<u8>(&mut stream).expect("valid"), Some(1));
        assert_eq!(decode::<String>(&mut stream).expect("valid"), None);
        stream.extend(late);
        assert_eq!(
            decode::<String>(&mut stream).expect("valid"),
            Some("two".into())
        );
        assert!(stream.is_empty());
    }

    #[test]
    fn an_absurd_length_is_refused() {
        let mut stream = vec![0xff; 8];
        assert!(decode::<u8>(&mut stream).is_err());
    }
}
