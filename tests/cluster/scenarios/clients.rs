//! Programs that others wrote: the Python client, and kube's client with its watcher and reflector.

use std::collections::BTreeMap;
use std::pin::pin;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use base::Clock;
use futures::{Stream, StreamExt, TryStreamExt};
use k8s_openapi::api::core::v1::{ConfigMap, Namespace};
use kube::api::{Api, DeleteParams, ListParams, Patch, PatchParams, PostParams};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::core::PartialObjectMeta;
use kube::runtime::watcher::{self, Event};
use kube::runtime::{WatchStreamExt, reflector, watcher as watch};
use kube::{Client, Config, ResourceExt};
use serde_json::json;

use crate::harness::cluster::Cluster;
use crate::harness::machine;

const NAMESPACE: &str = "kube-rs";
/// Longest wait for something that is expected soon.
const SOON: Duration = Duration::from_secs(30);

pub fn the_python_client_works(cluster: &mut Cluster) -> Result<()> {
    let root = env!("CARGO_MANIFEST_DIR");
    let output = Command::new("python3")
        .arg(format!("{root}/tests/cluster/clients/python_client.py"))
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("PYTHONPATH", machine::python_client()?)
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .env("KUBECONFIG", cluster.places.kubeconfig())
        .output()
        .context("python3")?;
    if !output.status.success() {
        bail!(
            "{}{}",
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        );
    }
    Ok(())
}

/// kube's watcher in each of its ways of reading: what it saw makes the state that a list gives.
pub fn the_kube_crate_lists_and_watches(cluster: &mut Cluster) -> Result<()> {
    run(cluster, async |client| {
        let maps = namespace(&client).await?;
        for number in 0..7 {
            maps.create(
                &PostParams::default(),
                &config_map(&format!("early-{number}"))?,
            )
            .await?;
        }
        let ways = [
            watcher::Config::default(),
            watcher::Config::default().page_size(3),
            watcher::Config::default().any_semantic(),
            watcher::Config::default().streaming_lists(),
            watcher::Config::default()
                .streaming_lists()
                .labels("app=kube-rs"),
        ];
        let following: Vec<_> = ways
            .into_iter()
            .map(|way| tokio::spawn(follow(watch(maps.clone(), way))))
            .collect();
        let heads: Api<PartialObjectMeta<ConfigMap>> = Api::namespaced(client.clone(), NAMESPACE);
        let heads = tokio::spawn(follow(watch(heads, watcher::Config::default())));
        write(&maps).await?;
        let end = state(&maps).await?;
        for client in following {
            assert_eq!(client.await??, end);
        }
        assert_eq!(heads.await??, end);
        remove(&client).await
    })
}

/// A reflector goes on after its server was killed, with what changed around the gap.
pub fn the_kube_crate_survives_a_restart(cluster: &mut Cluster) -> Result<()> {
    let runtime = tokio::runtime::Runtime::new()?;
    let clock = Clock::system();
    let client = runtime.block_on(client(cluster))?;
    let (reader, maps) = runtime.block_on(async {
        let maps = namespace(&client).await?;
        maps.create(&PostParams::default(), &config_map("before")?)
            .await?;
        let (reader, writer) = reflector::store();
        let stream = watch(maps.clone(), watcher::Config::default().streaming_lists())
            .default_backoff()
            .reflect(writer);
        tokio::spawn(stream.for_each(async |_| {}));
        clock.timeout(SOON, reader.wait_until_ready()).await??;
        maps.create(&PostParams::default(), &config_map("between")?)
            .await?;
        anyhow::Ok((reader, maps))
    })?;
    cluster.kill()?;
    cluster.start_again()?;
    runtime.block_on(async {
        maps.delete("before", &DeleteParams::default()).await?;
        maps.create(&PostParams::default(), &config_map("after")?)
            .await?;
        let names = async {
            loop {
                let mut names: Vec<String> =
                    reader.state().iter().map(|map| map.name_any()).collect();
                names.retain(|name| name != "kube-root-ca.crt");
                names.sort();
                if names == ["after", "between"] {
                    break;
                }
                // Its own back-off decides when the reflector asks again.
                clock.sleep(Duration::from_millis(50)).await;
            }
        };
        let in_time = clock.timeout(SOON, names).await;
        in_time.with_context(|| format!("the reflector has {:?}", reader.state()))?;
        remove(&client).await
    })
}

fn run(cluster: &Cluster, work: impl AsyncFnOnce(Client) -> Result<()>) -> Result<()> {
    tokio::runtime::Runtime::new()?.block_on(async {
        let client = client(cluster).await?;
        work(client).await
    })
}

/// kube's client as the administrator, with connections of its own.
pub(super) async fn client(cluster: &Cluster) -> Result<Client> {
    let file = Kubeconfig::read_from(cluster.places.kubeconfig())?;
    let config = Config::from_custom_kubeconfig(file, &KubeConfigOptions::default()).await?;
    let client = Client::try_from(config)?;
    let version = client.apiserver_version().await?;
    assert_eq!((&*version.major, &*version.minor), ("1", "35"));
    Ok(client)
}

async fn namespace(client: &Client) -> Result<Api<ConfigMap>> {
    let object: Namespace = serde_json::from_value(json!({"metadata": {"name": NAMESPACE}}))?;
    Api::all(client.clone())
        .create(&PostParams::default(), &object)
        .await?;
    Ok(Api::namespaced(client.clone(), NAMESPACE))
}

async fn remove(client: &Client) -> Result<()> {
    let namespaces: Api<Namespace> = Api::all(client.clone());
    namespaces
        .delete(NAMESPACE, &DeleteParams::default())
        .await?;
    let gone = kube::runtime::wait::await_condition(
        namespaces,
        NAMESPACE,
        |object: Option<&Namespace>| object.is_none(),
    );
    Clock::system().timeout(SOON, gone).await??;
    Ok(())
}

fn config_map(name: &str) -> Result<ConfigMap> {
    let object = json!({"metadata": {"name": name, "labels": {"app": "kube-rs"}}});
    Ok(serde_json::from_value(object)?)
}

/// Changes of every kind; the last one is `last`.
async fn write(maps: &Api<ConfigMap>) -> Result<()> {
    for number in 0..7 {
        let name = format!("early-{number}");
        let change = json!({"data": {"turn": number.to_string()}});
        let patch = if number % 2 == 0 {
            Patch::Merge(change)
        } else {
            Patch::Strategic(change)
        };
        maps.patch(&name, &PatchParams::default(), &patch).await?;
        maps.create(
            &PostParams::default(),
            &config_map(&format!("late-{number}"))?,
        )
        .await?;
    }
    maps.delete("early-0", &DeleteParams::default()).await?;
    let some = ListParams::default().fields("metadata.name=late-1");
    maps.delete_collection(&DeleteParams::default(), &some)
        .await?;
    maps.create(&PostParams::default(), &config_map("last")?)
        .await?;
    Ok(())
}

/// Name and resourceVersion of what carries this test's label.
type State = BTreeMap<String, String>;

async fn state(maps: &Api<ConfigMap>) -> Result<State> {
    let list = maps
        .list(&ListParams::default().labels("app=kube-rs"))
        .await?;
    Ok(list.iter().map(entry).collect())
}

fn entry<K: ResourceExt>(object: &K) -> (String, String) {
    let version = object.resource_version().unwrap_or_default();
    (object.name_any(), version)
}

/// What a watcher has seen once it has seen `last`.
async fn follow<K: ResourceExt>(
    events: impl Stream<Item = watcher::Result<Event<K>>>,
) -> Result<State> {
    let mut events = pin!(events);
    let (mut state, mut coming) = (State::new(), State::new());
    while !state.contains_key("last") {
        let event = Clock::system().timeout(SOON, events.try_next()).await??;
        match event.context("a watcher goes on")? {
            Event::Init => coming.clear(),
            Event::InitApply(object) => coming.extend([entry(&object)]),
            Event::InitDone => state = std::mem::take(&mut coming),
            Event::Apply(object) => state.extend([entry(&object)]),
            Event::Delete(object) => {
                state.remove(&object.name_any());
            }
        }
        state.remove("kube-root-ca.crt");
    }
    Ok(state)
}
