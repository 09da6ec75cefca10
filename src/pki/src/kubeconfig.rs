//! The administrator's kubeconfig.

use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::error::{Error, Result};
use crate::files;
use crate::leaf::CertAndKey;

/// One cluster, one user, one context, all named `default`.
#[derive(Clone, Debug)]
pub struct Kubeconfig {
    /// `https://127.0.0.1:6443`.
    pub server: String,
    pub certificate_authority_pem: String,
    pub client: CertAndKey,
}

impl Kubeconfig {
    /// The YAML text.
    #[must_use]
    pub fn text(&self) -> String {
        let server = &self.server;
        let authority = STANDARD.encode(&self.certificate_authority_pem);
        let certificate = STANDARD.encode(&self.client.cert_pem);
        let key = STANDARD.encode(&self.client.key_pem);
        format!(
            "\
apiVersion: v1
clusters:
- cluster:
    certificate-authority-data: {authority}
    server: {server}
  name: default
contexts:
- context:
    cluster: default
    user: default
  name: default
current-context: default
kind: Config
preferences: {{}}
users:
- name: default
  user:
    client-certificate-data: {certificate}
    client-key-data: {key}
"
        )
    }

    /// Writes the text to `path` with `mode` (0600 unless the user asks otherwise), unless the
    /// file already is so. Whether anything changed.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn write(&self, path: &Path, mode: u32) -> Result<bool> {
        if let Some(directory) = path.parent().filter(|d| !d.as_os_str().is_empty()) {
            // Open to all: whom the file may be read by is the mode's business.
            let mut builder = DirBuilder::new();
            let made = builder.recursive(true).mode(0o755).create(directory);
            made.map_err(Error::io(directory))?;
        }
        files::write_if_changed(path, &self.text(), mode)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::expect;
    use std::os::unix::fs::{MetadataExt, PermissionsExt};

    fn kubeconfig() -> Kubeconfig {
        Kubeconfig {
            server: "https://127.0.0.1:6443".into(),
            certificate_authority_pem: "authority".into(),
            client: CertAndKey {
                cert_pem: "certificate".into(),
                key_pem: "key".into(),
            },
        }
    }

    #[test]
    fn the_text_is_what_clients_read() {
        expect![[r#"
            apiVersion: v1
            clusters:
            - cluster:
                certificate-authority-data: YXV0aG9yaXR5
                server: https://127.0.0.1:6443
              name: default
            contexts:
            - context:
                cluster: default
                user: default
              name: default
            current-context: default
            kind: Config
            preferences: {}
            users:
            - name: default
              user:
                client-certificate-data: Y2VydGlmaWNhdGU=
                client-key-data: a2V5
        "#]]
        .assert_eq(&kubeconfig().text());
    }

    #[test]
    fn is_rewritten_only_when_text_or_mode_change() {
        let directory = tempfile::tempdir().expect("fresh directory");
        let path = directory.path().join("etc/rk3s.yaml");
        let look = || {
            let metadata = std::fs::metadata(&path).expect("there");
            (metadata.ino(), metadata.permissions().mode() & 0o777)
        };
        let mut config = kubeconfig();
        assert!(config.write(&path, 0o600).expect("written"));
        let (inode, mode) = look();
        assert_eq!(mode, 0o600);
        assert!(!config.write(&path, 0o600).expect("unchanged"));
        assert_eq!(look(), (inode, 0o600));
        assert!(config.write(&path, 0o644).expect("mode changed"));
        assert_eq!(look(), (inode, 0o644));
        config.server = "https://127.0.0.1:7443".into();
        assert!(config.write(&path, 0o644).expect("text changed"));
        assert_eq!(std::fs::read_to_string(&path).expect("text"), config.text());
    }
}
