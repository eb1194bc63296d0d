//! `[files]`: uploads, in a folder or in an S3-compatible bucket.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::check::Checks;
use super::secret::Secret;

/// See the field docs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Files {
    /// The folder for uploads. Not set: `files` in `data.dir`.
    pub dir: PathBuf,
    /// Largest upload. A proxy in front must let a little more through.
    pub max_bytes: u64,
    /// Most bytes one user may have uploaded; 0: no bound.
    pub quota_bytes: u64,
    /// Where other nodes reach this one's HTTP, as `http://192.0.2.1:8080`, to fetch files that only it has. Empty: the
    /// first address of `http.listen`, or that of the bus where it listens on all.
    pub node_url: String,
    pub s3: S3,
}

/// `[files.s3]`: a bucket instead of the folder, when `bucket` is set.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct S3 {
    /// `https://host` of the service.
    pub endpoint: String,
    /// The region the service signs for; may be empty.
    pub region: String,
    /// Empty: files stay in the folder.
    pub bucket: String,
    /// The account that may read and write the bucket.
    pub access_key: String,
    /// Its secret.
    pub secret_key: Secret,
    /// The bucket's name in the path instead of the host.
    pub path_style: bool,
    /// Downloads are redirected to a signed URL instead of passing through the node.
    pub redirect: bool,
}

impl Default for Files {
    fn default() -> Self {
        Files {
            dir: Files::dir_in(Path::new(super::node::DATA_DIR)),
            max_bytes: 25 << 20,
            quota_bytes: 0,
            node_url: String::new(),
            s3: S3::default(),
        }
    }
}

impl Files {
    pub(super) fn dir_in(data_dir: &Path) -> PathBuf {
        data_dir.join("files")
    }

    pub(super) fn check(&self, checks: &mut Checks) {
        checks.that(
            "files.dir",
            !self.dir.as_os_str().is_empty(),
            "a folder is needed",
        );
        checks.within("files.max_bytes", self.max_bytes, 1_024..=16 << 30);
        checks.that(
            "files.quota_bytes",
            self.quota_bytes == 0 || self.quota_bytes >= self.max_bytes,
            "it must be 0 or hold at least one upload of files.max_bytes",
        );
        checks.that(
            "files.node_url",
            self.node_url.is_empty()
                || self.node_url.starts_with("http://")
                || self.node_url.starts_with("https://"),
            "it must begin with http:// or https://",
        );
        self.s3.check(checks);
    }
}

impl S3 {
    fn check(&self, checks: &mut Checks) {
        if self.bucket.is_empty() {
            return;
        }
        checks.that(
            "files.s3.endpoint",
            self.endpoint.starts_with("https://") || self.endpoint.starts_with("http://"),
            "a bucket needs its service's address, as https://host",
        );
        checks.that(
            "files.s3.access_key",
            !self.access_key.is_empty(),
            "a bucket needs an access key",
        );
        checks.that(
            "files.s3.secret_key",
            !self.secret_key.is_empty(),
            "a bucket needs a secret key",
        );
    }
}
