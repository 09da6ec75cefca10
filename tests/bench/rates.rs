//! create, get, list and merge patch at 1, 16 and 64 clients.

use anyhow::Result;
use bytes::Bytes;

use crate::etcd::Etcd;
use crate::load::{self, Client, Rate};
use crate::objects::{self, LISTED_MAPS, MAPS};
use crate::table::{Table, grouped};
use crate::wire::Connection;
use crate::{Bench, echo};

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Create,
    Get,
    List,
    Patch,
}

impl Kind {
    /// The reference of reads is the bare server, that of writes etcd.
    fn reads(self) -> bool {
        matches!(self, Self::Get | Self::List)
    }
}

pub struct Verb {
    pub name: &'static str,
    kind: Kind,
    /// Requests a second with [`CLIENTS`]: five times upstream's on such a machine, where that
    /// is known.
    aims: [Option<f64>; 3],
}

const CLIENTS: [usize; 3] = [1, 16, 64];

pub const VERBS: &[Verb] = &[
    Verb {
        name: "create",
        kind: Kind::Create,
        aims: [Some(2_140.0), Some(6_370.0), Some(8_895.0)],
    },
    Verb {
        name: "get",
        kind: Kind::Get,
        aims: [Some(5_835.0), Some(16_190.0), Some(18_340.0)],
    },
    Verb {
        name: "list of 500",
        kind: Kind::List,
        aims: [None; 3],
    },
    Verb {
        name: "merge patch",
        kind: Kind::Patch,
        aims: [Some(1_685.0), Some(4_115.0), Some(4_175.0)],
    },
];

/// How many objects are read and patched.
const OBJECTS: u64 = 1_000;
/// How many are listed: a page of client-go.
const LISTED: u64 = 500;

pub async fn measure(bench: &Bench, verb: &Verb, table: &mut Table) -> Result<()> {
    let stored = fill(bench, verb).await?;
    for (clients, aim) in CLIENTS.into_iter().zip(verb.aims) {
        let mut ours = Vec::new();
        for client in 0..clients {
            ours.push(Asking {
                connection: bench.api.connect().await?,
                kind: verb.kind,
                prefix: format!("{}-{clients}-{client}", verb.name.replace(' ', "-")),
                client: client as u64,
            });
        }
        let ours = load::run(ours, &bench.clock).await?;
        let reference = reference(bench, verb.kind, clients, &stored).await?;
        let by = if verb.kind.reads() { "axum" } else { "etcd" };
        table.row(
            format!("{}, {clients} clients", verb.name),
            text(&ours),
            format!("{by} {}", text(&reference)),
            &aim.map_or_else(String::new, |aim| format!("{}/s", grouped(aim))),
        );
    }
    Ok(())
}

fn text(rate: &Rate) -> String {
    let p99 = rate.p99.as_secs_f64() * 1e3;
    format!("{}/s, p99 {p99:.1} ms", grouped(rate.per_second))
}

/// What gets read and patched; the bytes of one answer.
async fn fill(bench: &Bench, verb: &Verb) -> Result<Bytes> {
    let mut connection = bench.api.connect().await?;
    let (path, objects) = match verb.kind {
        Kind::Create => return Ok(objects::config_map("any", 0)),
        Kind::List => (LISTED_MAPS, LISTED),
        Kind::Get | Kind::Patch => (MAPS, OBJECTS),
    };
    let name = verb.name.replace(' ', "-");
    for number in 0..objects {
        let body = objects::config_map(&format!("{name}-{number}"), 0);
        connection
            .ask("POST", path, "application/json", body)
            .await?;
    }
    let answered = match verb.kind {
        Kind::List => path.to_owned(),
        _ => format!("{path}/{name}-0"),
    };
    connection.ask("GET", &answered, "", Bytes::new()).await
}

async fn reference(bench: &Bench, kind: Kind, clients: usize, stored: &Bytes) -> Result<Rate> {
    if kind.reads() {
        let mut setter = bench.echo.connect().await?;
        echo::set(&mut setter, stored.clone()).await?;
        let mut asking = Vec::new();
        for _ in 0..clients {
            asking.push(Bare(bench.echo.connect().await?));
        }
        return load::run(asking, &bench.clock).await;
    }
    let mut writers = Vec::new();
    for writer in 0..clients {
        writers.push(Putting {
            etcd: Etcd::connect(&bench.etcd).await?,
            prefix: format!("/registry/configmaps/{clients}/{writer}"),
            // A patch changes one of few objects, a create makes a new one.
            names: if kind == Kind::Patch {
                OBJECTS
            } else {
                u64::MAX
            },
            value: stored.clone(),
        });
    }
    load::run(writers, &bench.clock).await
}

struct Asking {
    connection: Connection,
    kind: Kind,
    prefix: String,
    client: u64,
}

impl Client for Asking {
    async fn ask(&mut self, turn: u64) -> Result<()> {
        // Clients spread over the objects, and two of them seldom meet.
        let number = (turn * 64 + self.client) % OBJECTS;
        let connection = &mut self.connection;
        match self.kind {
            Kind::Create => {
                let body = objects::config_map(&format!("{}-{turn}", self.prefix), 0);
                connection.ask("POST", MAPS, "application/json", body).await
            }
            Kind::Get => {
                let path = format!("{MAPS}/get-{number}");
                connection.ask("GET", &path, "", Bytes::new()).await
            }
            Kind::List => connection.ask("GET", LISTED_MAPS, "", Bytes::new()).await,
            Kind::Patch => {
                let path = format!("{MAPS}/merge-patch-{number}");
                let body = objects::patch(u128::from(turn) + 1);
                let media = "application/merge-patch+json";
                connection.ask("PATCH", &path, media, body).await
            }
        }
        .map(drop)
    }
}

/// A client of the bare server.
struct Bare(Connection);

impl Client for Bare {
    async fn ask(&mut self, _turn: u64) -> Result<()> {
        self.0.ask("GET", echo::VALUE, "", Bytes::new()).await?;
        Ok(())
    }
}

/// A client of etcd.
struct Putting {
    etcd: Etcd,
    prefix: String,
    names: u64,
    value: Bytes,
}

impl Client for Putting {
    async fn ask(&mut self, turn: u64) -> Result<()> {
        let key = format!("{}/{}", self.prefix, turn % self.names);
        self.etcd.put(key.as_bytes(), &self.value).await
    }
}
