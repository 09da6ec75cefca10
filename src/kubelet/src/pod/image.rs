//! A container's image: present, pulled, or why not (kubelet-cri-facts §6).

use std::time::Duration;

use api::core::{Container, Pod};
use cri::{Image, ImageSpec};

use super::act::Failure;
use super::status::Waiting;
use super::worker::Worker;

impl Worker {
    /// The image to make the container from, fetched when its policy says so.
    pub(super) async fn ensure_image(
        &mut self,
        pod: &Pod,
        spec: &Container,
    ) -> Result<Image, Failure> {
        let name = spec.image.clone().unwrap_or_default();
        let image = ImageSpec {
            image: name.clone(),
            ..ImageSpec::default()
        };
        let images = self.shared.images.clone();
        let present = images.image_status(&image).await.map_err(|error| {
            let text = format!("Failed to inspect image {name:?}: {error}");
            self.warning(pod, Some(&spec.name), "InspectFailed", &text);
            self.image_failure(pod, spec, "InvalidImageName", text)
        })?;
        let policy = spec.image_pull_policy.as_deref().unwrap_or("IfNotPresent");
        match (policy, present) {
            // An image of the image directory has no registry to be newer in.
            ("Always", Some(image)) if image.pinned => Ok(self.already_present(pod, spec, image)),
            ("IfNotPresent" | "Never", Some(image)) => Ok(self.already_present(pod, spec, image)),
            ("Never", None) => {
                let text =
                    format!("Container image {name:?} is not present with pull policy of Never");
                self.warning(pod, Some(&spec.name), "ErrImageNeverPull", &text);
                Err(self.image_failure(pod, spec, "ErrImageNeverPull", text))
            }
            _ => self.pull(pod, spec, &image).await,
        }
    }

    fn already_present(&self, pod: &Pod, spec: &Container, image: Image) -> Image {
        let name = spec.image.as_deref().unwrap_or_default();
        let text = format!(
            "Container image {name:?} already present on machine and can be accessed by the pod"
        );
        self.normal(pod, Some(&spec.name), "Pulled", &text);
        image
    }

    async fn pull(
        &mut self,
        pod: &Pod,
        spec: &Container,
        image: &ImageSpec,
    ) -> Result<Image, Failure> {
        let name = &image.image;
        let now = self.shared.clock.wall();
        if let Some(left) = self.pulls.remaining(name, None, now) {
            let text = format!("Back-off pulling image {name:?}");
            self.normal(pod, Some(&spec.name), "BackOff", &text);
            let mut failure = self.image_failure(pod, spec, "ImagePullBackOff", text);
            failure.retry_in = left;
            return Err(failure);
        }
        self.normal(
            pod,
            Some(&spec.name),
            "Pulling",
            &format!("Pulling image {name:?}"),
        );
        let began = self.shared.clock.monotonic();
        let pulled = self.shared.images.pull_image(image, None).await;
        let pulled = match pulled {
            Ok(_) => self.shared.images.image_status(image).await,
            Err(error) => Err(error),
        };
        match pulled {
            Ok(Some(image)) => {
                let took = self.shared.clock.monotonic().saturating_sub(began);
                let took = crate::duration::go(Duration::from_millis(
                    u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
                ));
                self.pulls.succeeded(name);
                self.normal(
                    pod,
                    Some(&spec.name),
                    "Pulled",
                    &format!(
                        "Successfully pulled image {name:?} in {took} ({took} including waiting). \
                     Image size: {} bytes.",
                        image.size
                    ),
                );
                Ok(image)
            }
            Ok(None) => Err(self.pull_failed(pod, spec, name, "the image vanished after its pull")),
            Err(error) => Err(self.pull_failed(pod, spec, name, &error.to_string())),
        }
    }

    fn pull_failed(&mut self, pod: &Pod, spec: &Container, name: &str, why: &str) -> Failure {
        self.pulls.restarted(name, self.shared.clock.wall());
        let text = format!("Failed to pull image {name:?}: {why}");
        self.warning(pod, Some(&spec.name), "Failed", &text);
        let mut failure = self.image_failure(pod, spec, "ErrImagePull", why.to_owned());
        // The next look shows the back-off.
        failure.retry_in = Duration::from_secs(1);
        failure
    }

    fn image_failure(&self, pod: &Pod, spec: &Container, reason: &str, message: String) -> Failure {
        self.warning(pod, Some(&spec.name), "Failed", &format!("Error: {reason}"));
        Failure {
            waiting: Waiting {
                reason: reason.to_owned(),
                message,
            },
            retry_in: Duration::from_secs(10),
        }
    }
}
