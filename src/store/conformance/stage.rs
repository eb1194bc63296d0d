//! A store with people on it: short words for what the tests do.

use std::any::Any;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;

use crate::model::conversation::Conv;
use crate::model::draft::{Change, Draft, Outcome, Refusal};
use crate::model::entry::{Entry, EntryKind};
use crate::model::group::{JoinMode, NewGroup};
use crate::model::ids::{Cid, GroupId, Seq, UserId};
use crate::model::policy::StoreRules;
use crate::model::user::{NewUser, Sex, User};
use crate::store::Stores;

/// As far as there is.
pub const END: Seq = Seq(u64::MAX);

/// Makes an empty store under the given rules.
pub trait Make {
    fn make(&self, rules: StoreRules) -> impl Future<Output = Stage>;
}

impl<F, Made> Make for F
where
    F: Fn(StoreRules) -> Made,
    Made: Future<Output = Stage>,
{
    fn make(&self, rules: StoreRules) -> impl Future<Output = Stage> {
        self(rules)
    }
}

/// An empty store under the default rules.
pub async fn empty(make: &impl Make) -> Stage {
    make.make(StoreRules::default()).await
}

type Reopen = Box<dyn Fn() -> Pin<Box<dyn Future<Output = Stores> + Send>> + Send + Sync>;

pub struct Stage {
    pub stores: Stores,
    cids: AtomicU64,
    reopen: Option<Reopen>,
    /// What must live as long as the store: its folder, its server.
    _keep: Box<dyn Any + Send + Sync>,
}

impl Stage {
    pub fn new(stores: Stores, keep: impl Any + Send + Sync) -> Stage {
        Stage {
            stores,
            cids: AtomicU64::new(0),
            reopen: None,
            _keep: Box::new(keep),
        }
    }

    /// How another node would open the same store.
    #[must_use]
    pub fn reopened_by<F, Opened>(mut self, open: F) -> Stage
    where
        F: Fn() -> Opened + Send + Sync + 'static,
        Opened: Future<Output = Stores> + Send + 'static,
    {
        self.reopen = Some(Box::new(move || Box::pin(open())));
        self
    }

    /// The same store as another node has it: on connections of its own.
    pub async fn another(&self) -> Stores {
        match &self.reopen {
            Some(reopen) => reopen().await,
            None => self.stores.clone(),
        }
    }

    /// Makes an account called `name`.
    pub async fn account(&self, name: &str) -> User {
        self.stores.users.create(new_user(name)).await.unwrap()
    }

    pub async fn user(&self, name: &str) -> UserId {
        self.account(name).await.id
    }

    pub async fn users<const N: usize>(&self, names: [&str; N]) -> [UserId; N] {
        let mut ids = [UserId::SYSTEM; N];
        for (id, name) in ids.iter_mut().zip(names) {
            *id = self.user(name).await;
        }
        ids
    }

    pub fn cid(&self) -> Cid {
        let count = self.cids.fetch_add(1, Ordering::Relaxed);
        format!("stage-{count}").parse().unwrap()
    }

    pub fn draft(&self, from: UserId, conv: Conv, kind: EntryKind, change: Change) -> Draft {
        Draft {
            conv,
            from,
            kind,
            cid: self.cid(),
            body: Bytes::from_static(b"{}"),
            change,
        }
    }

    pub fn message(&self, from: UserId, conv: Conv, text: &str) -> Draft {
        Draft {
            body: body(text),
            ..self.draft(from, conv, EntryKind::Message, Change::Message)
        }
    }

    pub async fn append(&self, drafts: Vec<Draft>) -> Vec<Outcome> {
        self.stores.log.append(drafts).await.unwrap().outcomes
    }

    pub async fn one(&self, draft: Draft) -> Outcome {
        let outcomes = self.append(vec![draft]).await;
        assert_eq!(outcomes.len(), 1);
        outcomes[0]
    }

    /// Appends a change that must pass, and says where it is.
    pub async fn done(&self, from: UserId, conv: Conv, kind: EntryKind, change: Change) -> Seq {
        let draft = self.draft(from, conv, kind, change);
        match self.one(draft.clone()).await {
            Outcome::Appended { seq, .. } => seq,
            other @ (Outcome::Duplicate { .. } | Outcome::Refused(_)) => {
                panic!("{draft:?} should be appended, not {other:?}")
            }
        }
    }

    /// Appends a change that must be refused, and checks that the log is as it was.
    pub async fn refused(
        &self,
        from: UserId,
        conv: Conv,
        kind: EntryKind,
        change: Change,
        refusal: Refusal,
    ) {
        let before = self.head().await;
        let draft = self.draft(from, conv, kind, change);
        assert_eq!(
            self.one(draft.clone()).await,
            Outcome::Refused(refusal),
            "{draft:?}"
        );
        assert_eq!(self.head().await, before);
    }

    pub async fn say(&self, from: UserId, conv: Conv, text: &str) -> Seq {
        match self.one(self.message(from, conv, text)).await {
            Outcome::Appended { seq, .. } => seq,
            other @ (Outcome::Duplicate { .. } | Outcome::Refused(_)) => {
                panic!("{text} should be appended, not {other:?}")
            }
        }
    }

    pub async fn notice(&self, text: &str) -> Seq {
        let draft = Draft {
            body: body(text),
            ..self.draft(
                UserId::SYSTEM,
                Conv::Notices,
                EntryKind::Notice,
                Change::Notice,
            )
        };
        match self.one(draft).await {
            Outcome::Appended { seq, .. } => seq,
            other @ (Outcome::Duplicate { .. } | Outcome::Refused(_)) => {
                panic!("a notice should be appended, not {other:?}")
            }
        }
    }

    /// Makes an open group and says which it is and where it begins.
    pub async fn group(&self, owner: UserId, members: &[UserId]) -> (GroupId, Seq) {
        self.group_with(owner, members, JoinMode::Open).await
    }

    pub async fn group_with(
        &self,
        owner: UserId,
        members: &[UserId],
        join: JoinMode,
    ) -> (GroupId, Seq) {
        let id = self.stores.groups.draw_id().await.unwrap();
        let change = Change::CreateGroup {
            group: new_group(id, "The group", join),
            members: members.to_vec(),
        };
        let seq = self
            .done(owner, Conv::Group(id), EntryKind::Group, change)
            .await;
        (id, seq)
    }

    pub async fn join(&self, user: UserId, group: GroupId) -> Seq {
        self.done(user, Conv::Group(group), EntryKind::Joined, Change::Join)
            .await
    }

    pub async fn leave(&self, user: UserId, group: GroupId) -> Seq {
        self.done(user, Conv::Group(group), EntryKind::Left, Change::Leave)
            .await
    }

    pub async fn head(&self) -> Seq {
        self.stores.log.head().await.unwrap().head
    }

    /// Where everything is that the user may see, in the order of catching up.
    pub async fn visible(&self, user: UserId) -> Vec<Seq> {
        let page = self.stores.log.visible(user, Seq::ZERO, END, 10_000).await;
        seqs(&page.unwrap().entries)
    }
}

pub fn seqs(entries: &[Entry]) -> Vec<Seq> {
    entries.iter().map(|entry| entry.seq).collect()
}

pub fn body(text: &str) -> Bytes {
    serde_json::to_vec(&serde_json::json!({ "media": 1, "content": text }))
        .unwrap()
        .into()
}

pub fn new_user(name: &str) -> NewUser {
    NewUser {
        name: Some(name.to_owned()),
        nickname: format!("{name} the first"),
        avatar: String::new(),
        sex: Sex::U,
        memo: String::new(),
        phone: None,
        email: None,
        password_hash: format!("$scrypt${name}"),
    }
}

pub fn new_group(id: GroupId, name: &str, join: JoinMode) -> NewGroup {
    NewGroup {
        id,
        name: name.to_owned(),
        icon: String::new(),
        category: 1,
        memo: "about".to_owned(),
        join,
    }
}
