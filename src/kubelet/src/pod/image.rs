//! A container's image: present, pulled, or why not (kubelet-cri-facts §6).

use std::time::Duration;

use api::core::{Container, Pod};
use cri::{Image, ImageSpec};

use super::start::NotStarted;
use super::status::Waiting;
use super::worker::Worker;

/// After a failed pull the status tells the error for this long, and then the back-off.
const SHOW_ERROR: Duration = Duration::from_secs(1);
/// What is wrong with a name or the image store is looked at again after this long.
const RETRY: Duration = Duration::from_secs(10);

impl Worker {
    /// The image to make the container from, fetched when its policy says so.
    pub(super) async fn ensure_image(
        &mut self,
        pod: &Pod,
        spec: &Container,
    ) -> Result<Image, NotStarted> {
        let name = spec.image.clone().unwrap_or_default();
        let image = ImageSpec {
            image: name.clone(),
            ..ImageSpec::default()
        };
        let images = self.shared.images.clone();
        let present = images.image_status(&image).await;
        let present = present.map_err(|error| self.inspect_failed(pod, spec, &name, &error))?;
        let policy = spec.image_pull_policy.as_deref().unwrap_or("IfNotPresent");
        match (policy, present) {
            // An image of the image directory has no registry to be newer in.
            ("Always", Some(image)) if image.pinned => Ok(self.already_present(pod, spec, image)),
            ("IfNotPresent" | "Never", Some(image)) => Ok(self.already_present(pod, spec, image)),
            ("Never", None) => {
                let text =
                    format!("Container image {name:?} is not present with pull policy of Never");
                self.warning(pod, Some(&spec.name), "ErrImageNeverPull", &text);
                Err(self.image_failure(pod, spec, "ErrImageNeverPull", text, RETRY))
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

    fn inspect_failed(
        &self,
        pod: &Pod,
        spec: &Container,
        name: &str,
        error: &cri::Error,
    ) -> NotStarted {
        let (reason, text) = match error {
            cri::Error::InvalidArgument(_) => (
                "InvalidImageName",
                format!(
                    "Failed to apply default image tag {name:?}: couldn't parse image name \
                     {name:?}: {error}"
                ),
            ),
            _ => (
                "ImageInspectError",
                format!("Failed to inspect image {name:?}: {error}"),
            ),
        };
        self.warning(pod, Some(&spec.name), "InspectFailed", &text);
        self.image_failure(pod, spec, reason, text, RETRY)
    }

    async fn pull(
        &mut self,
        pod: &Pod,
        spec: &Container,
        image: &ImageSpec,
    ) -> Result<Image, NotStarted> {
        let name = &image.image;
        let now = self.shared.clock.wall();
        if let Some(left) = self.pulls.remaining(name, None, now) {
            return Err(self.backs_off(pod, spec, name, left));
        }
        let text = format!("Pulling image {name:?}");
        self.normal(pod, Some(&spec.name), "Pulling", &text);
        let began = self.shared.clock.monotonic();
        let images = self.shared.images.clone();
        let pulling = async {
            images.pull_image(image, None).await?;
            images.image_status(image).await
        };
        // What has been fetched of it by the pod's end may stay.
        match self.unless_terminating(pulling).await? {
            Ok(Some(image)) => {
                let took = self.shared.clock.monotonic().saturating_sub(began);
                self.pulls.succeeded(name);
                self.pull_errors.remove(name);
                let (took, size) = (crate::duration::go(took), image.size);
                let text = format!(
                    "Successfully pulled image {name:?} in {took} ({took} including waiting). \
                     Image size: {size} bytes."
                );
                self.normal(pod, Some(&spec.name), "Pulled", &text);
                Ok(image)
            }
            Ok(None) => Err(self.pull_failed(pod, spec, name, "the image vanished after its pull")),
            Err(error) => Err(self.pull_failed(pod, spec, name, &error.to_string())),
        }
    }

    /// Nothing is tried, and the event says so once per back-off.
    fn backs_off(&self, pod: &Pod, spec: &Container, name: &str, left: Duration) -> NotStarted {
        let text = format!("Back-off pulling image {name:?}");
        self.normal(pod, Some(&spec.name), "BackOff", &text);
        let message = match self.pull_errors.get(name) {
            Some(why) => format!("{text}: ErrImagePull: {why}"),
            None => text,
        };
        self.image_failure(pod, spec, "ImagePullBackOff", message, left)
    }

    fn pull_failed(&mut self, pod: &Pod, spec: &Container, name: &str, why: &str) -> NotStarted {
        self.pulls.restarted(name, self.shared.clock.wall());
        self.pull_errors.insert(name.to_owned(), why.to_owned());
        let text = format!("Failed to pull image {name:?}: {why}");
        self.warning(pod, Some(&spec.name), "Failed", &text);
        self.image_failure(pod, spec, "ErrImagePull", why.to_owned(), SHOW_ERROR)
    }

    fn image_failure(
        &self,
        pod: &Pod,
        spec: &Container,
        reason: &str,
        message: String,
        retry_in: Duration,
    ) -> NotStarted {
        let text = format!("Error: {reason}");
        self.warning(pod, Some(&spec.name), "Failed", &text);
        NotStarted::Failed {
            waiting: Waiting {
                reason: reason.to_owned(),
                message,
            },
            retry_in,
        }
    }
}
