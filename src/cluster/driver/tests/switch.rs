//! The real store behind a switch: it can hang, tell an old head, or be replaced by an empty one.

use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use async_trait::async_trait;

use crate::model::conversation::Conv;
use crate::model::draft::Draft;
use crate::model::entry::{Entry, UnixMillis};
use crate::model::ids::{Cid, Epoch, Incarnation, Seq, UserId};
use crate::store::sqlite::{OpenOptions, open};
use crate::store::{
    ConversationPage, LogHead, LogRange, LogStore, NodeRow, NodeStore, Result, Stores,
    UserSnapshot, Verdicts, VisiblePage, Window,
};

/// The switch.
pub(super) struct Switch {
    stores: Mutex<Stores>,
    folder: PathBuf,
    pub(super) hanging: AtomicBool,
    /// The head is told this much too low.
    pub(super) behind: AtomicU64,
    pub(super) entries_looked_at: AtomicU64,
}

impl Switch {
    pub(super) fn new(folder: PathBuf) -> Switch {
        Switch {
            stores: Mutex::new(Switch::open(&folder, "first")),
            folder,
            hanging: AtomicBool::new(false),
            behind: AtomicU64::new(0),
            entries_looked_at: AtomicU64::new(0),
        }
    }

    fn open(folder: &Path, name: &str) -> Stores {
        let file = folder.join(format!("{name}.db"));
        open(file.to_str().unwrap(), OpenOptions::default()).unwrap()
    }

    /// As if somebody had put an empty database in place of the store.
    pub(super) fn restore_empty(&self) {
        let empty = Switch::open(&self.folder, "second");
        *self.stores.lock().unwrap() = empty;
    }

    async fn stores(&self) -> Stores {
        if self.hanging.load(Ordering::SeqCst) {
            std::future::pending::<()>().await;
        }
        self.stores.lock().unwrap().clone()
    }
}

#[async_trait]
impl LogStore for Switch {
    async fn append(&self, drafts: Vec<Draft>) -> Result<Verdicts> {
        self.stores().await.log.append(drafts).await
    }

    async fn append_at(&self, at: UnixMillis, drafts: Vec<Draft>) -> Result<Verdicts> {
        self.stores().await.log.append_at(at, drafts).await
    }

    async fn head(&self) -> Result<LogHead> {
        let mut head = self.stores().await.log.head().await?;
        let behind = self.behind.load(Ordering::SeqCst);
        head.head = Seq(head.head.0.saturating_sub(behind));
        Ok(head)
    }

    async fn renew_epoch(&self, old: Epoch) -> Result<()> {
        self.stores().await.log.renew_epoch(old).await
    }

    async fn range(&self, after: Seq, limit: usize) -> Result<LogRange> {
        self.stores().await.log.range(after, limit).await
    }

    async fn find(&self, sender: UserId, cid: &Cid) -> Result<Option<(Seq, UnixMillis)>> {
        self.stores().await.log.find(sender, cid).await
    }

    async fn entry(&self, seq: Seq) -> Result<Option<Entry>> {
        self.entries_looked_at.fetch_add(1, Ordering::SeqCst);
        self.stores().await.log.entry(seq).await
    }

    async fn snapshot(&self, user: UserId) -> Result<Option<UserSnapshot>> {
        self.stores().await.log.snapshot(user).await
    }

    async fn visible(
        &self,
        user: UserId,
        after: Seq,
        upto: Seq,
        limit: usize,
    ) -> Result<VisiblePage> {
        self.stores()
            .await
            .log
            .visible(user, after, upto, limit)
            .await
    }

    async fn page(
        &self,
        user: UserId,
        conv: Conv,
        window: Window,
        upto: Seq,
        limit: usize,
    ) -> Result<ConversationPage> {
        self.stores()
            .await
            .log
            .page(user, conv, window, upto, limit)
            .await
    }
}

#[async_trait]
impl NodeStore for Switch {
    async fn beat(&self, row: NodeRow) -> Result<()> {
        self.stores().await.nodes.beat(row).await
    }

    async fn nodes(&self) -> Result<Vec<NodeRow>> {
        self.stores().await.nodes.nodes().await
    }

    async fn forget(&self, rows: &[(Incarnation, u64)]) -> Result<()> {
        self.stores().await.nodes.forget(rows).await
    }
}
