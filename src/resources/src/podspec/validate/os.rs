//! Rules of fields that only one operating system has.

use apimachinery::FieldErrors;

use crate::at::At;

const WINDOWS: &str = "windowsOptions";
/// Fields of the spec, of the pod's security context and of containers' that mean nothing on
/// Windows.
const SPEC: [&str; 3] = ["hostPID", "hostIPC", "shareProcessNamespace"];
const POD: [&str; 10] = [
    "appArmorProfile",
    "seLinuxOptions",
    "seccompProfile",
    "fsGroup",
    "fsGroupChangePolicy",
    "sysctls",
    "runAsUser",
    "runAsGroup",
    "supplementalGroups",
    "supplementalGroupsPolicy",
];
const CONTAINER: [&str; 10] = [
    "appArmorProfile",
    "seLinuxOptions",
    "seccompProfile",
    "capabilities",
    "readOnlyRootFilesystem",
    "privileged",
    "allowPrivilegeEscalation",
    "procMount",
    "runAsUser",
    "runAsGroup",
];

pub(super) fn validate_os(spec: &At<'_>, errors: &mut FieldErrors) {
    let pod = spec.child("securityContext");
    let lists = ["containers", "initContainers", "ephemeralContainers"];
    let containers = lists
        .iter()
        .flat_map(|list| spec.child(list).items())
        .map(|container| container.child("securityContext"));
    match spec.child("os").child("name").text() {
        "linux" => {
            let detail = "windows options cannot be set for a linux pod";
            for context in std::iter::once(pod).chain(containers) {
                refuse(&context, &[WINDOWS], detail, errors);
            }
        }
        "windows" => {
            let detail = "cannot be set for a windows pod";
            refuse(spec, &SPEC, detail, errors);
            refuse(&pod, &POD, detail, errors);
            for context in containers {
                refuse(&context, &CONTAINER, detail, errors);
            }
        }
        _ => {}
    }
}

fn refuse(at: &At<'_>, fields: &[&str], detail: &str, errors: &mut FieldErrors) {
    for field in fields {
        let at = at.child(field);
        // A flag that is off asks for nothing.
        if at.is_present() && at.value.as_bool() != Some(false) {
            errors.push(at.forbidden(detail));
        }
    }
}
