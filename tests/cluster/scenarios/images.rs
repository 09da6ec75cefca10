//! Images come from archives, which may arrive after the pod.

use anyhow::Result;
use image::archive::builder::Format;

use crate::harness::cluster::{Cluster, SOON};
use crate::harness::images::place_another;
use crate::harness::wait::eventually;

pub fn an_image_may_arrive_later(cluster: &mut Cluster) -> Result<()> {
    for (name, policy, waiting, format) in [
        ("never", "Never", &["ErrImageNeverPull"][..], Format::Oci),
        (
            "absent",
            "IfNotPresent",
            &["ErrImagePull", "ImagePullBackOff"][..],
            Format::Docker,
        ),
    ] {
        let image = format!("example.test/late/{name}:1");
        let manifest = serde_json::json!({
            "apiVersion": "v1", "kind": "Pod", "metadata": { "name": name },
            "spec": { "terminationGracePeriodSeconds": 1, "containers": [{
                "name": "main", "image": image, "imagePullPolicy": policy,
            }] },
        });
        cluster
            .kubectl
            .ok_with(&["create", "-f", "-"], &manifest.to_string())?;
        eventually("the pod says that its image is missing", SOON, || {
            let pod = cluster.object("pod", name)?;
            let reason = &pod["status"]["containerStatuses"][0]["state"]["waiting"]["reason"];
            let known = reason
                .as_str()
                .is_some_and(|reason| waiting.contains(&reason));
            Ok(if known {
                Ok(())
            } else {
                Err(reason.to_string())
            })
        })?;
        place_another(&cluster.places.images(), &image, format)?;
        let target = format!("pod/{name}");
        cluster
            .kubectl
            .ok(&["wait", "--for=condition=Ready", "--timeout=60s", &target])?;
        cluster.kubectl.ok(&["delete", "pod", name])?;
    }
    Ok(())
}
