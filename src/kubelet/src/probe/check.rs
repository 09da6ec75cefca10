//! One probe, asked once.

use std::sync::Arc;
use std::time::Duration;

use api::core::{Container, ExecAction, Probe};
use tokio::net::TcpStream;

use super::tally::Outcome;
use crate::dial;
use crate::http_get::{self, Target};
use crate::shared::Shared;

/// A probe that could not be asked is asked again at once, this many times in all.
const TRIES: usize = 3;
/// Of what a probe says, this much is shown.
const OUTPUT_LIMIT: usize = 10 * 1024;

/// Whom a probe asks.
#[derive(Clone)]
pub struct Subject {
    pub shared: Arc<Shared>,
    pub container: Container,
    /// The run's id.
    pub id: String,
    pub pod_ip: String,
}

/// An answer, and the text of the event about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    pub outcome: Outcome,
    pub text: String,
    /// It counts as a success, with this to say against it.
    pub warning: bool,
}

impl Report {
    fn new(outcome: Outcome, text: impl Into<String>) -> Self {
        Self {
            outcome,
            text: text.into(),
            warning: false,
        }
    }
}

impl Subject {
    /// Asks, up to three times when the question cannot be asked.
    pub async fn ask(&self, probe: &Probe) -> Report {
        let mut report = self.attempt(probe).await;
        for _ in 1..TRIES {
            if report.outcome != Outcome::Unknown {
                break;
            }
            report = self.attempt(probe).await;
        }
        let end = report.text.floor_char_boundary(OUTPUT_LIMIT);
        report.text.truncate(end);
        report
    }

    async fn attempt(&self, probe: &Probe) -> Report {
        let seconds = probe.timeout_seconds.unwrap_or(1).max(1);
        let timeout = Duration::from_secs(u64::from(seconds.unsigned_abs()));
        let asked = if let Some(action) = &probe.exec {
            self.exec(action, timeout).await
        } else if let Some(action) = &probe.http_get {
            match Target::of(action, &self.container, &self.pod_ip) {
                Ok(target) => Ok(self.http(&target, timeout).await),
                Err(why) => Err(why),
            }
        } else if let Some(action) = &probe.tcp_socket {
            let host = action.host.clone().filter(|host| !host.is_empty());
            let host = host.unwrap_or_else(|| self.pod_ip.clone());
            match http_get::port(&action.port, &self.container) {
                Ok(port) => Ok(self.tcp(&host, port, timeout).await),
                Err(why) => Err(why),
            }
        } else if probe.grpc.is_some() {
            Err("rk3s does not support gRPC probes yet".to_owned())
        } else {
            Err(format!(
                "missing probe handler for container {}",
                self.container.name
            ))
        };
        asked.unwrap_or_else(|why| Report::new(Outcome::Unknown, why))
    }

    async fn exec(&self, action: &ExecAction, timeout: Duration) -> Result<Report, String> {
        let command = action.command.clone().unwrap_or_default();
        let runtime = &self.shared.runtime;
        let ran = runtime.exec_sync(&self.id, command.clone(), Some(timeout));
        match ran.await {
            Ok(result) => {
                let text = [result.stdout, result.stderr].concat();
                let outcome = if result.exit_code == 0 {
                    Outcome::Success
                } else {
                    Outcome::Failure
                };
                Ok(Report::new(outcome, String::from_utf8_lossy(&text)))
            }
            Err(cri::Error::DeadlineExceeded(_)) => {
                let (argv, time) = (command.join(" "), crate::duration::go(timeout));
                let text = format!("command timed out: {argv:?} timed out after {time}");
                Ok(Report::new(Outcome::Failure, text))
            }
            Err(error) => Err(error.to_string()),
        }
    }

    async fn http(&self, target: &Target, timeout: Duration) -> Report {
        match http_get::get(&self.shared.clock, target, timeout).await {
            Ok(answer) if answer.status.is_success() => Report::new(Outcome::Success, answer.body),
            Ok(answer) if answer.status.is_redirection() => Report {
                warning: true,
                ..Report::new(
                    Outcome::Success,
                    format!("Probe terminated redirects, Response body: {}", answer.body),
                )
            },
            Ok(answer) => {
                let code = answer.status.as_u16();
                let text = format!("HTTP probe failed with statuscode: {code}");
                Report::new(Outcome::Failure, text)
            }
            Err(why) => Report::new(Outcome::Failure, why),
        }
    }

    async fn tcp(&self, host: &str, port: u16, timeout: Duration) -> Report {
        let connected = TcpStream::connect((host, port));
        match self.shared.clock.timeout(timeout, connected).await {
            Ok(Ok(_)) => Report::new(Outcome::Success, ""),
            Ok(Err(error)) => Report::new(Outcome::Failure, dial::failure(host, port, &error)),
            Err(_) => {
                let address = dial::authority(host, port);
                Report::new(Outcome::Failure, format!("dial tcp {address}: i/o timeout"))
            }
        }
    }
}
