//! Fairness, delays, back-off, and what a queue tells of itself.

use base::metrics::Registry;
use expect_test::expect;
use jiff::Timestamp;

use super::*;

fn key(name: &str) -> Key {
    Key::new("n", name)
}

fn queue() -> (WorkQueue, base::clock::Hands) {
    let (clock, hands) = Clock::manual(Timestamp::UNIX_EPOCH);
    (WorkQueue::new(clock), hands)
}

fn try_next(queue: &WorkQueue) -> Option<String> {
    use futures::FutureExt;
    queue
        .next()
        .now_or_never()
        .flatten()
        .map(|(key, _)| key.name.to_string())
}

#[test]
fn many_additions_are_one_run_and_one_more_during_it() {
    let (queue, _) = queue();
    for name in ["a", "b", "a"] {
        queue.add(key(name), TraceId::NONE);
    }
    assert_eq!(try_next(&queue).as_deref(), Some("a"));
    queue.add(key("a"), TraceId::NONE);
    queue.add(key("a"), TraceId::NONE);
    assert_eq!(try_next(&queue).as_deref(), Some("b"));
    assert_eq!(try_next(&queue), None, "a is being worked on");
    queue.done(&key("a"));
    assert_eq!(try_next(&queue).as_deref(), Some("a"));
    queue.done(&key("a"));
    assert_eq!(try_next(&queue), None);
}

#[test]
fn delays_and_back_off() {
    let (queue, hands) = queue();
    queue.add_rate_limited(key("a"));
    queue.add_rate_limited(key("b"));
    queue.add_rate_limited(key("b"));
    assert_eq!(try_next(&queue), None);
    hands.advance(Duration::from_millis(5));
    let first: Vec<_> = std::iter::from_fn(|| try_next(&queue)).collect();
    assert_eq!(first, ["a", "b"]);
    queue.done(&key("b"));
    queue.add_rate_limited(key("b"));
    hands.advance(Duration::from_millis(19));
    assert_eq!(try_next(&queue), None, "the third failure waits 20 ms");
    hands.advance(Duration::from_millis(1));
    assert_eq!(try_next(&queue).as_deref(), Some("b"));
    queue.forget(&key("b"));
    queue.done(&key("b"));
    queue.add_rate_limited(key("b"));
    hands.advance(Duration::from_millis(5));
    assert_eq!(try_next(&queue).as_deref(), Some("b"));
}

#[test]
fn of_several_delays_the_earliest_counts_once() {
    let (queue, hands) = queue();
    for seconds in [30, 10, 20] {
        queue.add_after(key("a"), Duration::from_secs(seconds));
    }
    hands.advance(Duration::from_secs(10));
    assert_eq!(try_next(&queue).as_deref(), Some("a"));
    queue.done(&key("a"));
    hands.advance(Duration::from_secs(30));
    assert_eq!(try_next(&queue), None);
}

#[tokio::test]
async fn a_retry_keeps_its_trace_until_news_bring_another() {
    let (queue, hands) = queue();
    let (first, second) = (TraceId::from_bits(1), TraceId::from_bits(2));
    queue.add(key("a"), first);
    assert_eq!(queue.next().await, Some((key("a"), first)));
    queue.add_rate_limited(key("a"));
    queue.done(&key("a"));
    hands.advance(Duration::from_millis(5));
    assert_eq!(queue.next().await, Some((key("a"), first)));
    queue.add_rate_limited(key("a"));
    queue.add(key("a"), second);
    queue.done(&key("a"));
    hands.advance(Duration::from_millis(10));
    assert_eq!(queue.next().await, Some((key("a"), second)));
    queue.done(&key("a"));
    assert_eq!(try_next(&queue), None, "the retry was the same run");
}

/// Twenty workers on one queue: each key is run as often as asked for and never by two.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_key_is_with_two_workers_and_none_is_lost() {
    use std::sync::atomic::{AtomicUsize, Ordering};
    let queue = WorkQueue::new(Clock::system());
    let busy: Arc<Vec<AtomicUsize>> = Arc::new((0..10).map(|_| AtomicUsize::new(0)).collect());
    let last: Arc<Vec<AtomicUsize>> = Arc::new((0..10).map(|_| AtomicUsize::new(0)).collect());
    let workers = (0..20).map(|_| {
        let (queue, busy, last) = (queue.clone(), busy.clone(), last.clone());
        tokio::spawn(async move {
            while let Some((key, trace)) = queue.next().await {
                let at: usize = key.name.parse().expect("a number");
                assert_eq!(busy[at].fetch_add(1, Ordering::SeqCst), 0);
                tokio::task::yield_now().await;
                let round = usize::try_from(trace.to_bits()).expect("small");
                last[at].fetch_max(round, Ordering::SeqCst);
                busy[at].fetch_sub(1, Ordering::SeqCst);
                queue.done(&key);
            }
        })
    });
    let workers: Vec<_> = workers.collect();
    for round in 1..=2000_u64 {
        for name in 0..10 {
            queue.add(key(&name.to_string()), TraceId::from_bits(round));
        }
        tokio::task::yield_now().await;
    }
    queue.close();
    for worker in workers {
        worker.await.expect("no key was with two workers");
    }
    let seen: Vec<_> = last.iter().map(|l| l.load(Ordering::SeqCst)).collect();
    assert_eq!(seen, [2000; 10], "the last addition is always run");
}

#[tokio::test]
async fn a_closed_queue_drains_and_ends() {
    let (queue, _) = queue();
    queue.add(key("a"), TraceId::NONE);
    queue.close();
    queue.add(key("b"), TraceId::NONE);
    assert_eq!(queue.next().await.map(|(key, _)| key), Some(key("a")));
    assert_eq!(queue.next().await, None);
    assert_eq!(queue.next().await, None);
}

/// A queue's series, without the buckets.
fn told(registry: &Registry) -> String {
    let text = base::metrics::encode(registry);
    let lines = text.lines().filter(|line| !line.contains("_bucket"));
    lines
        .filter(|line| !line.starts_with("# HELP"))
        .collect::<Vec<_>>()
        .join("\n")
}

#[tokio::test]
async fn a_measured_queue_tells_how_it_stands_under_client_gos_names() {
    let (clock, hands) = Clock::manual(Timestamp::UNIX_EPOCH);
    let registry = Registry::new();
    let metrics = QueueMetrics::new(&registry);
    let queue = WorkQueue::measured(clock.clone(), &metrics, "deployment");
    let idle = WorkQueue::measured(clock, &metrics, "gone");
    drop(idle);
    for name in ["a", "b", "a"] {
        queue.add(key(name), TraceId::NONE);
    }
    hands.advance(Duration::from_secs(2));
    assert_eq!(try_next(&queue).as_deref(), Some("a"));
    hands.advance(Duration::from_secs(1));
    assert_eq!(try_next(&queue).as_deref(), Some("b"));
    // Once more, while it is worked on: two retries that are one run.
    queue.add_rate_limited(key("a"));
    queue.add_after(key("a"), Duration::from_secs(9));
    hands.advance(Duration::from_secs(1));
    queue.done(&key("b"));
    queue.add(key("c"), TraceId::NONE);
    hands.advance(Duration::from_secs(3));
    expect![[r##"
        # TYPE workqueue_adds_total counter
        workqueue_adds_total{name="deployment"} 3
        workqueue_adds_total{name="gone"} 0
        # TYPE workqueue_depth gauge
        workqueue_depth{name="deployment"} 1
        # TYPE workqueue_longest_running_processor_seconds gauge
        workqueue_longest_running_processor_seconds{name="deployment"} 5
        # TYPE workqueue_queue_duration_seconds histogram
        workqueue_queue_duration_seconds_sum{name="deployment"} 5
        workqueue_queue_duration_seconds_count{name="deployment"} 2
        workqueue_queue_duration_seconds_sum{name="gone"} 0
        workqueue_queue_duration_seconds_count{name="gone"} 0
        # TYPE workqueue_retries_total counter
        workqueue_retries_total{name="deployment"} 2
        workqueue_retries_total{name="gone"} 0
        # TYPE workqueue_unfinished_work_seconds gauge
        workqueue_unfinished_work_seconds{name="deployment"} 5
        # TYPE workqueue_work_duration_seconds histogram
        workqueue_work_duration_seconds_sum{name="deployment"} 1
        workqueue_work_duration_seconds_count{name="deployment"} 1
        workqueue_work_duration_seconds_sum{name="gone"} 0
        workqueue_work_duration_seconds_count{name="gone"} 0"##]]
    .assert_eq(&told(&registry));

    assert_eq!(try_next(&queue).as_deref(), Some("c"));
    queue.done(&key("a"));
    assert_eq!(try_next(&queue).as_deref(), Some("a"), "released");
}

#[tokio::test]
async fn queues_of_one_name_stand_together_and_each_is_forgotten_when_it_goes() {
    let (clock, hands) = Clock::manual(Timestamp::UNIX_EPOCH);
    let registry = Registry::new();
    let metrics = QueueMetrics::new(&registry);
    let [first, second] = [(); 2].map(|()| WorkQueue::measured(clock.clone(), &metrics, "pods"));
    first.add(key("a"), TraceId::NONE);
    assert_eq!(try_next(&first).as_deref(), Some("a"));
    hands.advance(Duration::from_secs(2));
    for name in ["b", "c"] {
        second.add(key(name), TraceId::NONE);
    }
    assert_eq!(try_next(&second).as_deref(), Some("b"));
    hands.advance(Duration::from_secs(1));
    let stand = || {
        let told = told(&registry);
        let all = [
            "depth",
            "unfinished_work_seconds",
            "longest_running_processor_seconds",
        ];
        all.map(|name| {
            let start = format!("workqueue_{name}{{name=\"pods\"}} ");
            let mut values = told.lines().filter_map(|line| line.strip_prefix(&start));
            values.next().map(str::to_owned)
        })
    };
    let some = |values: [&str; 3]| values.map(|value| Some(value.to_owned()));
    assert_eq!(stand(), some(["1", "4", "3"]));
    drop(first);
    assert_eq!(stand(), some(["1", "1", "1"]));
    drop(second);
    assert_eq!(stand(), [None, None, None]);
    assert!(told(&registry).contains("workqueue_adds_total{name=\"pods\"} 3"));
}

#[test]
fn the_buckets_are_upstreams() {
    let registry = Registry::new();
    let queue = WorkQueue::measured(Clock::system(), &QueueMetrics::new(&registry), "q");
    queue.add(key("a"), TraceId::NONE);
    let text = base::metrics::encode(&registry);
    let start = "workqueue_queue_duration_seconds_bucket{name=\"q\",le=\"";
    let bounds = text.lines().filter_map(|line| line.strip_prefix(start));
    let bounds = bounds.filter_map(|rest| rest.split('"').next()?.parse::<f64>().ok());
    let bounds: Vec<f64> = bounds.filter(|bound| bound.is_finite()).collect();
    assert_eq!(bounds.len(), 10, "{text}");
    for (at, bound) in (-8..).zip(bounds) {
        assert!(
            (bound / 10_f64.powi(at) - 1.0).abs() < 1e-9,
            "{bound} is not 1e{at}"
        );
    }
}
