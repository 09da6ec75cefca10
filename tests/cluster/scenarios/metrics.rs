//! What dashboards read: `/metrics` of the server and of the kubelet, beside what kubectl shows.

use anyhow::{Context, Result, ensure};

use crate::harness::cluster::{Cluster, SOON};
use crate::harness::server::NODE;
use crate::harness::wait::eventually;

type Labels<'a> = &'a [(&'a str, &'a str)];

/// One reading of Prometheus' text: names with labels, and values.
struct Scrape(Vec<(String, f64)>);

impl Scrape {
    fn read(cluster: &Cluster, line: &str) -> Result<Self> {
        let text = cluster.kubectl.line(line)?;
        let lines = text.lines().filter(|line| !line.starts_with('#'));
        let series = lines.map(|line| {
            let (series, value) = line.rsplit_once(' ').context(line.to_owned())?;
            Ok((series.to_owned(), value.parse().context(line.to_owned())?))
        });
        series.collect::<Result<_>>().map(Self)
    }

    fn of_server(cluster: &Cluster) -> Result<Self> {
        Self::read(cluster, "get --raw /metrics")
    }

    /// From its own port, as a monitoring system does.
    fn of_kubelet(cluster: &Cluster) -> Result<Self> {
        let line = "--server=https://127.0.0.1:10250 get --raw /metrics";
        Self::read(cluster, line)
    }

    /// The values of a metric where all these labels are so.
    fn values<'a>(&'a self, name: &'a str, labels: Labels<'a>) -> impl Iterator<Item = f64> + 'a {
        let label = |(name, value): &(&str, &str)| format!("{name}=\"{value}\"");
        let wanted: Vec<String> = labels.iter().map(label).collect();
        let fits = move |series: &str| {
            let (own, labels) = series.split_once('{').unwrap_or((series, ""));
            let all: Vec<&str> = labels
                .trim_end_matches('}')
                .split_inclusive("\",")
                .collect();
            let has = |wanted: &String| {
                let mut all = all.iter().map(|label| label.trim_end_matches(','));
                all.any(|label| label == wanted)
            };
            own == name && wanted.iter().all(has)
        };
        let fitting = self.0.iter().filter(move |(series, _)| fits(series));
        fitting.map(|(_, value)| *value)
    }

    /// All of them together; nothing where there is none.
    fn sum(&self, name: &str, labels: Labels<'_>) -> f64 {
        self.values(name, labels)
            .fold(0.0, |sum, value| sum + value)
    }

    /// The names of all queues.
    fn queues(&self) -> Vec<&str> {
        let prefix = "workqueue_adds_total{name=\"";
        let names = self
            .0
            .iter()
            .filter_map(|(series, _)| series.strip_prefix(prefix));
        names.map(|name| name.trim_end_matches("\"}")).collect()
    }
}

/// A request for a resource of `group`, as upstream labels it.
fn request<'a>(
    [verb, code, group]: [&'a str; 3],
    [resource, subresource]: [&'a str; 2],
) -> [(&'a str, &'a str); 9] {
    [
        ("verb", verb),
        ("code", code),
        ("group", group),
        ("version", "v1"),
        ("resource", resource),
        ("subresource", subresource),
        ("scope", "resource"),
        ("component", "apiserver"),
        ("dry_run", ""),
    ]
}

pub fn metrics_tell_what_happens(cluster: &mut Cluster) -> Result<()> {
    let before = Scrape::of_server(cluster)?;
    cluster.deploy("counted", 3, "sleep 3600 &")?;
    let after = idle(cluster)?;
    what_rose(&before, &after);
    for name in ["deployment", "replicaset"] {
        let adds = |scrape: &Scrape| scrape.sum("workqueue_adds_total", &[("name", name)]);
        ensure!(adds(&after) > adds(&before), "{name}");
    }
    // Of all that this server has seen, however long it runs.
    let bound = request(["POST", "201", ""], ["pods", "binding"]);
    assert_eq!(
        after.sum("apiserver_request_total", &bound),
        after.sum(
            "scheduler_schedule_attempts_total",
            &[("result", "scheduled")]
        ),
    );
    assert_eq!(after.sum("scheduler_pending_pods", &[]), 0.0);
    the_process(cluster, &after)?;
    the_kubelet(cluster)?;
    cluster.remove("counted")
}

/// A reading when each key that was added to a queue has been worked on.
fn idle(cluster: &Cluster) -> Result<Scrape> {
    eventually("the queues are empty", SOON, || {
        let scrape = Scrape::of_server(cluster)?;
        let busy = scrape.queues().into_iter().find_map(|name| {
            let of = |metric| scrape.values(metric, &[("name", name)]).next();
            let depth = of("workqueue_depth");
            let added = of("workqueue_adds_total");
            let done = of("workqueue_work_duration_seconds_count");
            let waited = of("workqueue_queue_duration_seconds_count");
            let is_idle = depth == Some(0.0) && added == done && added == waited;
            (!is_idle).then(|| format!("{name}: {depth:?} {added:?} {waited:?} {done:?}"))
        });
        Ok(match busy {
            Some(busy) => Err(busy),
            None => Ok(scrape),
        })
    })
}

/// One Deployment, its ReplicaSet and three pods make exactly so much.
fn what_rose(before: &Scrape, after: &Scrape) {
    let total = "apiserver_request_total";
    let took = "apiserver_request_duration_seconds_count";
    let stored = "apiserver_storage_objects";
    let of_group = "apiserver_resource_objects";
    let deployments = request(["POST", "201", "apps"], ["deployments", ""]);
    let replica_sets = request(["POST", "201", "apps"], ["replicasets", ""]);
    let pods = request(["POST", "201", ""], ["pods", ""]);
    let bindings = request(["POST", "201", ""], ["pods", "binding"]);
    let asked = request(["GET", "404", "apps"], ["deployments", ""]);
    let no_code = |label: &(&str, &str)| label.0 != "code";
    let in_time: Vec<_> = bindings.into_iter().filter(no_code).collect();
    let rows: [(&str, Labels<'_>, f64); 15] = [
        (total, &asked, 1.0),
        (total, &deployments, 1.0),
        (total, &replica_sets, 1.0),
        (total, &pods, 3.0),
        (total, &bindings, 3.0),
        (took, &in_time, 3.0),
        (stored, &[("resource", "deployments.apps")], 1.0),
        (stored, &[("resource", "replicasets.apps")], 1.0),
        (stored, &[("resource", "pods")], 3.0),
        (
            of_group,
            &[("group", "apps"), ("resource", "deployments")],
            1.0,
        ),
        (of_group, &[("group", ""), ("resource", "pods")], 3.0),
        (
            "scheduler_schedule_attempts_total",
            &[("result", "scheduled"), ("profile", "default-scheduler")],
            3.0,
        ),
        ("scheduler_schedule_attempts_total", &[], 3.0),
        ("scheduler_pod_scheduling_attempts_count", &[], 3.0),
        (
            "scheduler_pod_scheduling_sli_duration_seconds_count",
            &[],
            3.0,
        ),
    ];
    for (name, labels, expected) in rows {
        let rose = after.sum(name, labels) - before.sum(name, labels);
        assert_eq!(rose, expected, "{name} {labels:?}");
    }
}

/// What the kernel says as well.
fn the_process(cluster: &Cluster, scrape: &Scrape) -> Result<()> {
    let status = std::fs::read_to_string(format!("/proc/{}/status", cluster.server_pid()?))?;
    let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let resident = resident.and_then(|words| words.split_whitespace().next());
    let resident: f64 = resident.context("a resident size")?.parse()?;
    let told = scrape.sum("process_resident_memory_bytes", &[]) / 1024.0;
    ensure!((0.5..2.0).contains(&(told / resident)), "{told} {resident}");
    ensure!(scrape.sum("process_cpu_seconds_total", &[]) > 0.0);
    Ok(())
}

fn the_kubelet(cluster: &Cluster) -> Result<()> {
    let running = cluster.items("pods", "")?.len() as f64;
    eventually("the kubelet counts its pods", SOON, || {
        let scrape = Scrape::of_kubelet(cluster)?;
        let name = scrape.sum("kubelet_node_name", &[("node", NODE)]);
        let pods = scrape.sum("kubelet_running_pods", &[]);
        let state = [("container_state", "running")];
        let containers = scrape.sum("kubelet_running_containers", &state);
        let started = scrape.sum("kubelet_pod_start_duration_seconds_count", &[]);
        let is_so = [name, pods, containers] == [1.0, running, running] && started >= running;
        let seen = || format!("{name} {pods} {containers} {started}, not {running}");
        Ok(if is_so { Ok(()) } else { Err(seen()) })
    })
}
