//! The table of scenarios. README's claims name them.

mod abuse;
mod certificates;
mod clients;
mod deletion;
mod embedded;
mod images;
mod leaks;
mod metrics;
mod network;
mod options;
mod output;
mod restart;
mod scheduling;
mod snapshots;
mod transcripts;
mod workloads;

use crate::Scenario;

/// In the order in which they run.
pub const ALL: &[(&str, Scenario)] = &[
    (
        "bad_values_name_their_remedy",
        options::bad_values_name_their_remedy,
    ),
    (
        "variables_and_file_stand_for_flags",
        options::variables_and_file_stand_for_flags,
    ),
    (
        "what_is_in_use_is_refused",
        options::what_is_in_use_is_refused,
    ),
    (
        "a_newer_format_is_refused",
        options::a_newer_format_is_refused,
    ),
    (
        "without_privileges_it_says_so",
        options::without_privileges_it_says_so,
    ),
    (
        "the_node_and_its_kubeconfig",
        output::the_node_and_its_kubeconfig,
    ),
    (
        "version_and_api_resources",
        output::version_and_api_resources,
    ),
    (
        "a_deployment_in_every_output",
        output::a_deployment_in_every_output,
    ),
    ("watches_show_each_change", output::watches_show_each_change),
    ("selectors_and_namespaces", output::selectors_and_namespaces),
    (
        "create_deployment_runs_pods",
        workloads::create_deployment_runs_pods,
    ),
    (
        "metrics_tell_what_happens",
        metrics::metrics_tell_what_happens,
    ),
    (
        "apply_creates_patches_and_rests",
        workloads::apply_creates_patches_and_rests,
    ),
    (
        "strict_fields_are_refused",
        workloads::strict_fields_are_refused,
    ),
    ("scale_up_and_down", workloads::scale_up_and_down),
    (
        "a_rollout_replaces_pods",
        workloads::a_rollout_replaces_pods,
    ),
    (
        "a_deleted_pod_is_replaced",
        workloads::a_deleted_pod_is_replaced,
    ),
    (
        "an_ended_container_backs_off",
        workloads::an_ended_container_backs_off,
    ),
    (
        "limits_stand_in_the_cgroup",
        workloads::limits_stand_in_the_cgroup,
    ),
    (
        "replicas_that_avoid_each_other",
        scheduling::replicas_that_avoid_each_other,
    ),
    (
        "replicas_spread_over_one_node",
        scheduling::replicas_spread_over_one_node,
    ),
    (
        "logs_follow_and_previous",
        workloads::logs_follow_and_previous,
    ),
    ("deletion_is_graceful", deletion::deletion_is_graceful),
    (
        "forced_deletion_is_at_once",
        deletion::forced_deletion_is_at_once,
    ),
    (
        "an_image_may_arrive_later",
        images::an_image_may_arrive_later,
    ),
    (
        "pods_reach_pods_and_the_host",
        network::pods_reach_pods_and_the_host,
    ),
    (
        "the_embedded_kubectl_prints_the_same",
        embedded::prints_the_same,
    ),
    ("the_embedded_kubectl_says_not_yet", embedded::says_not_yet),
    ("who_may_do_what", transcripts::who_may_do_what),
    ("every_way_to_write", transcripts::every_way_to_write),
    ("explain_tells_fields", transcripts::explain_tells_fields),
    (
        "the_abusive_disturb_nobody",
        abuse::the_abusive_disturb_nobody,
    ),
    ("the_python_client_works", clients::the_python_client_works),
    (
        "the_kube_crate_lists_and_watches",
        clients::the_kube_crate_lists_and_watches,
    ),
    (
        "the_kube_crate_survives_a_restart",
        clients::the_kube_crate_survives_a_restart,
    ),
    (
        "sigterm_leaves_pods_running",
        restart::sigterm_leaves_pods_running,
    ),
    (
        "kill_9_changes_no_container",
        restart::kill_9_changes_no_container,
    ),
    (
        "the_restart_check_sees_a_change",
        restart::the_restart_check_sees_a_change,
    ),
    (
        "a_restored_snapshot_is_the_state",
        snapshots::a_restored_snapshot_is_the_state,
    ),
    (
        "rotated_certificates_serve_old_and_new",
        certificates::rotated_certificates_serve_old_and_new,
    ),
    (
        "deleted_pods_leave_nothing",
        leaks::deleted_pods_leave_nothing,
    ),
    (
        "clean_node_leaves_nothing",
        leaks::clean_node_leaves_nothing,
    ),
    (
        "the_leak_check_sees_a_leak",
        leaks::the_leak_check_sees_a_leak,
    ),
];
