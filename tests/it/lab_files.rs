//! The lab's files: how they are set up, and what is looked at beside the API.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use starling::files::peers::{PeerKeys, Peers};
use starling::files::{Backend, Folder};
use starling::service::clock::Clock;
use starling::service::files::{FileParts, Files};
use starling::store::Stores;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::lab::Lab;

/// How files are kept.
pub struct FileChoices {
    pub bucket: Option<Arc<dyn Backend>>,
    pub peer_keys: PeerKeys,
    pub node_url: String,
    pub folder_name: &'static str,
    pub bytes_max: u64,
    pub quota_bytes: u64,
}

impl Default for FileChoices {
    fn default() -> Self {
        FileChoices {
            bucket: None,
            peer_keys: PeerKeys::default(),
            node_url: String::new(),
            folder_name: "lab",
            bytes_max: 1 << 20,
            quota_bytes: 0,
        }
    }
}

impl FileChoices {
    /// The service, with its folder in the lab's.
    pub fn open(&self, stores: &Stores, folder: &Path) -> Files {
        Files::new(FileParts {
            store: Arc::clone(&stores.files),
            folder: Folder::open(&folder.join("files"), self.folder_name).unwrap(),
            bucket: self.bucket.clone(),
            peers: Peers::new(self.peer_keys.clone()).unwrap(),
            keys: self.peer_keys.clone(),
            node_url: self.node_url.clone(),
            clock: Clock::system(),
            bytes_max: self.bytes_max,
            quota_bytes: self.quota_bytes,
        })
    }
}

impl Lab {
    /// Serves over the wire until the task is aborted.
    pub fn serve(&self, listener: TcpListener) -> JoinHandle<()> {
        tokio::spawn(warp::serve(self.routes.clone()).incoming(listener).run())
    }

    /// What lies in the folder of files, small pictures included.
    pub fn kept_files(&self) -> Vec<PathBuf> {
        let folder = Folder::open(&self.folder.path().join("files"), "lab").unwrap();
        let listed = folder.listed(std::time::SystemTime::now());
        listed.into_iter().map(|kept| kept.path).collect()
    }
}
