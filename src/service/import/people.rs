//! Users and friendships.

use std::collections::BTreeMap;

use super::layout::{
    CREATED, EMAIL, ID, MEMO, NAME, NICKNAME, Names, PASSWORD, PHONE, PICTURE, Relation, SALT, SEX,
};
use super::report::Kind;
use super::{Fate, ImportError, Pending, ROWS_PER_PAGE, Run};
use crate::model::conversation::Conv;
use crate::model::draft::{Change, Draft};
use crate::model::entry::{EntryKind, FriendBody, FriendState, UnixMillis};
use crate::model::ids::UserId;
use crate::model::user::{NewUser, Sex, User};
use crate::service::append::encode;
use crate::service::{legacy, rules};
use crate::store::AccountError;
use crate::store::foreign::ForeignRow;

/// Other names that are tried for one that is taken.
const NAMES_MAX: u32 = 20;
/// Friendships of one hour share an append, and the hour's first time.
const FRIENDS_STEP_MS: UnixMillis = 60 * 60 * 1_000;
/// Numbers of the two kinds of relation in a table that holds both.
const RELATION_KINDS: [u64; 2] = [1, 2];

/// A text made to fit: no control characters, cut to a number of characters.
pub(super) fn fitted(text: &str, chars_max: usize) -> String {
    let clean = text.chars().filter(|c| !c.is_control());
    let clean: String = clean.collect();
    clean
        .trim()
        .chars()
        .take(chars_max)
        .collect::<String>()
        .trim_end()
        .to_owned()
}

/// A row's text columns, and what was lost of them.
pub(super) struct Texts<'r> {
    pub(super) row: &'r ForeignRow,
    pub(super) changes: Vec<String>,
}

impl<'r> Texts<'r> {
    pub(super) fn new(row: &'r ForeignRow) -> Texts<'r> {
        Texts {
            row,
            changes: Vec::new(),
        }
    }

    pub(super) fn text(&mut self, names: Names, what: &str) -> String {
        self.row.text(names).unwrap_or_else(|error| {
            self.changes.push(format!("{what} left out: {error}"));
            String::new()
        })
    }

    /// The text if `rule` takes it, else what is left of it, cut to `chars_max`.
    pub(super) fn cut(
        &mut self,
        names: Names,
        what: &str,
        chars_max: usize,
        rule: fn(&str) -> Result<String, crate::model::error::Failure>,
    ) -> String {
        let text = self.text(names, what);
        rule(&text).unwrap_or_else(|_| {
            let cut = fitted(&text, chars_max);
            self.changes.push(if cut.is_empty() {
                format!("{what} {text:?} is none here")
            } else {
                format!("{what} {text:?} became {cut:?}")
            });
            cut
        })
    }

    /// The value if `rule` takes it, else nothing.
    pub(super) fn or_none<T: Default>(
        &mut self,
        text: &str,
        what: &str,
        rule: impl FnOnce(&str) -> Result<T, crate::model::error::Failure>,
    ) -> T {
        rule(text).unwrap_or_else(|_| {
            self.changes
                .push(format!("{what} {text:?} left out: not valid here"));
            T::default()
        })
    }
}

/// The draft that makes two friends, and what the first of the two calls the other.
type Friendship = (Pending, (UserId, UserId, String));

impl Run<'_> {
    pub(super) async fn users(&mut self) -> Result<(), ImportError> {
        let Some(table) = self.layout.table(&self.there, self.layout.users) else {
            return Ok(());
        };
        let mut rows = self.tables.rows(&table, &[ID]).await?;
        loop {
            let page = rows.next(ROWS_PER_PAGE).await?;
            if page.is_empty() {
                return Ok(());
            }
            let ids: Vec<u64> = page.iter().filter_map(|row| row.number(ID)).collect();
            let known = self.known(Kind::Users, &ids).await?;
            for row in page {
                match row.number(ID) {
                    Some(id) if known.contains_key(&id) => self.report.already(Kind::Users),
                    Some(id) => self.user(id, &row).await?,
                    None => self.report.skipped(Kind::Users, "?", "it has no id")?,
                }
            }
        }
    }

    async fn user(&mut self, id: u64, row: &ForeignRow) -> Result<(), ImportError> {
        let old_id = id.to_string();
        if self.was_deleted(row, Kind::Users, &old_id)? {
            return Ok(());
        }
        let mut texts = Texts::new(row);
        let wish = self.wish(id, &mut texts);
        let mut changes = texts.changes;
        let Some(user) = self.create(id, wish, &mut changes).await? else {
            let reason = "every name that was tried is taken";
            return Ok(self.report.skipped(Kind::Users, &old_id, reason)?);
        };
        let pair = [(old_id.clone(), user.id.0)];
        self.target.remember(Kind::Users.name(), &pair).await?;
        self.report.imported(Kind::Users);
        for change in changes {
            self.report.changed(Kind::Users, &old_id, &change)?;
        }
        Ok(())
    }

    /// The account as it would be if nothing of it is taken.
    fn wish(&self, id: u64, texts: &mut Texts<'_>) -> NewUser {
        let own = format!("{}-{id}", self.source);
        let account = format!("{}:{id}", self.source);
        let name = self.layout.named.then(|| {
            let name = texts.cut(NAME, "the name", 32, rules::name);
            rules::name(&name).unwrap_or_else(|_| own.clone())
        });
        let nickname = texts.cut(NICKNAME, "the nickname", 40, rules::nickname);
        let phone = texts.text(PHONE, "the phone number");
        let phone: String = phone.chars().filter(|c| !" -()".contains(*c)).collect();
        let phone = texts.or_none(&phone, "the phone number", rules::phone);
        let email = texts.text(EMAIL, "the e-mail address");
        let email = texts.or_none(email.trim(), "the e-mail address", rules::email);
        let avatar = self.url(&texts.text(PICTURE, "the avatar"));
        let sex = texts.text(SEX, "the sex").to_ascii_uppercase();
        let (stored, salt) = (
            texts.text(PASSWORD, "the password"),
            texts.text(SALT, "the salt"),
        );
        let salt = if salt.is_empty() { &self.salt } else { &salt };
        let password_hash = legacy::recognise(&stored, salt, &account).unwrap_or_else(|reason| {
            let remedy = "nobody can log in until starling user passwd sets one";
            texts
                .changes
                .push(format!("no password: {reason}; {remedy}"));
            legacy::nothing(&account)
        });
        let nickname = match (&name, nickname) {
            (_, nickname) if !nickname.is_empty() => nickname,
            (Some(name), _) => name.clone(),
            (None, _) => own.clone(),
        };
        NewUser {
            // Without a phone number a name is all there is to log in with.
            name: name.or_else(|| phone.is_none().then_some(own)),
            nickname,
            avatar: texts.or_none(&avatar, "the avatar", |url| rules::picture(url, "avatar")),
            sex: Sex::from_letter(&sex).unwrap_or_default(),
            memo: texts.cut(MEMO, "the memo", 140, rules::memo),
            phone,
            email,
            password_hash,
        }
    }

    /// Makes the account, without what is taken. `None`: no name was free.
    async fn create(
        &mut self,
        id: u64,
        mut wish: NewUser,
        changes: &mut Vec<String>,
    ) -> Result<Option<User>, ImportError> {
        let wanted = wish.name.clone();
        let base = wanted.clone().unwrap_or_else(|| self.source.clone());
        let mut tried = 0;
        loop {
            match self.target.create(wish.clone()).await {
                Ok(user) => {
                    if let (Some(wanted), Some(name)) = (&wanted, &wish.name)
                        && wanted != name
                    {
                        changes.push(format!("the name {wanted:?} became {name:?}: it is taken"));
                    }
                    return Ok(Some(user));
                }
                Err(AccountError::NameTaken) if tried < NAMES_MAX => {
                    tried += 1;
                    let suffix = match tried {
                        1 => format!("-{id}"),
                        more => format!("-{id}-{more}"),
                    };
                    let room = 32_usize.saturating_sub(suffix.len());
                    wish.name = Some(format!("{}{suffix}", fitted(&base, room)));
                }
                Err(AccountError::NameTaken) => return Ok(None),
                Err(AccountError::PhoneTaken) => {
                    let name = wish
                        .name
                        .take()
                        .unwrap_or_else(|| format!("{}-{id}", self.source));
                    changes.push(format!(
                        "the phone number left out: it is taken; log in as {name:?}"
                    ));
                    wish.name = Some(name);
                    wish.phone = None;
                }
                Err(AccountError::EmailTaken) => {
                    changes.push("the e-mail address left out: it is taken".to_owned());
                    wish.email = None;
                }
                Err(AccountError::NotFound | AccountError::NotInvited) => return Ok(None),
                Err(AccountError::Store(error)) => return Err(error.into()),
            }
        }
    }

    pub(super) async fn friends(
        &mut self,
        first_message: Option<UnixMillis>,
    ) -> Result<(), ImportError> {
        let relation = &self.layout.friends;
        let Some(table) = self.layout.table(&self.there, relation.tables) else {
            return Ok(());
        };
        let mut rows = self.tables.rows(&table, &[ID]).await?;
        loop {
            let page = rows.next(ROWS_PER_PAGE).await?;
            if page.is_empty() {
                return Ok(());
            }
            let both = page.iter().flat_map(|row| {
                let ends = [row.number(relation.user), row.number(relation.other)];
                ends.into_iter().flatten()
            });
            let both: Vec<u64> = both.collect();
            let known = self.known(Kind::Users, &both).await?;
            let (mut pending, mut remarks) = (Vec::new(), Vec::new());
            for row in &page {
                if let Some((draft, remark)) = self.friendship(row, &known, first_message)? {
                    pending.push(draft);
                    remarks.push(remark);
                }
            }
            let fates = self.append(Kind::Friends, pending, FRIENDS_STEP_MS).await?;
            for (fate, (user, friend, remark)) in fates.into_iter().zip(remarks) {
                let fresh = matches!(fate, Fate::New(_) | Fate::Repeated);
                if fresh && !remark.is_empty() {
                    self.target.remark(user, friend, &remark).await?;
                }
            }
        }
    }

    /// The friendship a row tells of. `None`: it is none of that, which was reported if it should be.
    fn friendship(
        &mut self,
        row: &ForeignRow,
        known: &BTreeMap<u64, u64>,
        first_message: Option<UnixMillis>,
    ) -> Result<Option<Friendship>, ImportError> {
        let old_id = row.number(ID).map_or("?".to_owned(), |id| id.to_string());
        let relation = &self.layout.friends;
        if !self.is_of(row, relation) {
            if let Some(number) = odd_kind(row, relation) {
                let kind = number.map_or("none".to_owned(), |number| number.to_string());
                let reason = format!("neither a friend nor a group: kind {kind}");
                self.report.skipped(Kind::Friends, &old_id, &reason)?;
            }
            return Ok(None);
        }
        if self.was_deleted(row, Kind::Friends, &old_id)? {
            return Ok(None);
        }
        let ends = (row.number(relation.user), row.number(relation.other));
        let (Some(one), Some(other)) = ends else {
            self.report
                .skipped(Kind::Friends, &old_id, "it names no two users")?;
            return Ok(None);
        };
        if one == other {
            self.report
                .skipped(Kind::Friends, &old_id, "somebody's friendship with himself")?;
            return Ok(None);
        }
        let (Some(user), Some(friend)) = (known.get(&one), known.get(&other)) else {
            let missing = if known.contains_key(&one) { other } else { one };
            let reason = format!("user {missing} was not brought");
            self.report.skipped(Kind::Friends, &old_id, &reason)?;
            return Ok(None);
        };
        let (user, friend) = (UserId(*user), UserId(*friend));
        // Both directions make one friendship: by the one with the lower old id.
        let (low, high) = (one.min(other), one.max(other));
        let (from, to) = if one == low {
            (user, friend)
        } else {
            (friend, user)
        };
        let body = FriendBody {
            state: FriendState::Friends,
            message: String::new(),
        };
        let Ok(body) = encode(&body) else {
            return Ok(None);
        };
        let draft = Draft {
            conv: Conv::private(from, to),
            from,
            kind: EntryKind::Friend,
            cid: self.cid(&["friend", &low.to_string(), &high.to_string()]),
            body,
            change: Change::Befriend {
                other: to,
                message: String::new(),
                auto: true,
            },
        };
        let remark = row.text(MEMO).unwrap_or_default();
        let remark = rules::remark(&remark).unwrap_or_default();
        let at = Self::time_before(first_message, row.at(CREATED));
        Ok(Some((
            Pending { old_id, at, draft },
            (user, friend, remark),
        )))
    }

    /// Whether the row is of this relation, where a table holds several.
    pub(super) fn is_of(&self, row: &ForeignRow, relation: &Relation) -> bool {
        relation
            .kind
            .is_none_or(|(names, number)| row.number(names) == Some(number))
    }
}

/// The number of a row that is of no relation at all.
fn odd_kind(row: &ForeignRow, relation: &Relation) -> Option<Option<u64>> {
    let (names, _) = relation.kind?;
    let number = row.number(names);
    let odd = number.is_none_or(|number| !RELATION_KINDS.contains(&number));
    odd.then_some(number)
}
