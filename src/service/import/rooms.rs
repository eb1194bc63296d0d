//! Groups and their members.
//!
//! Both tables are read in the order of the groups' ids, so that a group is made together with its members, by one
//! entry; who came later there comes in by himself here.

use std::collections::{BTreeMap, VecDeque};

use super::layout::{CATEGORY, CREATED, ID, MEMO, NAME, OWNER, PICTURE, Relation};
use super::people::Texts;
use super::report::Kind;
use super::{Fate, ImportError, Pending, ROWS_PER_PAGE, Run};
use crate::model::conversation::Conv;
use crate::model::draft::{Change, Draft};
use crate::model::entry::{EntryKind, GroupBody, MembershipBody, UnixMillis};
use crate::model::group::{JoinMode, NewGroup};
use crate::model::ids::{GroupId, UserId};
use crate::service::append::encode;
use crate::service::rules;
use crate::store::foreign::{ForeignError, ForeignRow, ForeignRows};

/// Entries of one hour share an append.
const STEP_MS: UnixMillis = 60 * 60 * 1_000;

/// Rows of the table of members, ascending by group.
struct Members {
    rows: Option<Box<dyn ForeignRows>>,
    waiting: VecDeque<ForeignRow>,
    relation: &'static Relation,
}

impl Members {
    /// The next row of a group with at most this id, and the group it names.
    async fn next(&mut self, group_max: u64) -> Result<Option<(u64, ForeignRow)>, ForeignError> {
        if self.waiting.is_empty() {
            let Some(rows) = &mut self.rows else {
                return Ok(None);
            };
            self.waiting = rows.next(ROWS_PER_PAGE).await?.into();
            if self.waiting.is_empty() {
                self.rows = None;
            }
        }
        // What names no group is sorted before all that do.
        let group = |row: &ForeignRow| row.number(self.relation.other).unwrap_or(0);
        match self.waiting.front().map(group) {
            Some(id) if id <= group_max => Ok(self.waiting.pop_front().map(|row| (id, row))),
            Some(_) | None => Ok(None),
        }
    }
}

/// A group's row, and who is in it: old and new ids.
struct Room<'r> {
    id: u64,
    row: &'r ForeignRow,
    owner: (u64, UserId),
    members: BTreeMap<u64, UserId>,
}

impl Run<'_> {
    pub(super) async fn groups(
        &mut self,
        first_message: Option<UnixMillis>,
    ) -> Result<(), ImportError> {
        let relation = &self.layout.members;
        let table = self.layout.table(&self.there, relation.tables);
        let mut members = Members {
            rows: match table {
                Some(table) => Some(self.tables.rows(&table, &[relation.other, ID]).await?),
                None => None,
            },
            waiting: VecDeque::new(),
            relation,
        };
        if let Some(table) = self.layout.table(&self.there, self.layout.groups) {
            let mut rows = self.tables.rows(&table, &[ID]).await?;
            loop {
                let page = rows.next(ROWS_PER_PAGE).await?;
                if page.is_empty() {
                    break;
                }
                for row in page {
                    let Some(id) = row.number(ID) else {
                        self.report.skipped(Kind::Groups, "?", "it has no id")?;
                        continue;
                    };
                    let users = self.users_in(&mut members, id).await?;
                    self.group(id, &row, users, first_message).await?;
                }
            }
        }
        self.users_in(&mut members, u64::MAX).await?;
        Ok(())
    }

    /// Reads on to the end of this group's members; those of groups that are not there are reported.
    async fn users_in(
        &mut self,
        members: &mut Members,
        group: u64,
    ) -> Result<Vec<u64>, ImportError> {
        let mut users = Vec::new();
        while let Some((named, row)) = members.next(group).await? {
            if !self.is_of(&row, members.relation) {
                continue;
            }
            let old_id = row.number(ID).map_or("?".to_owned(), |id| id.to_string());
            if self.was_deleted(&row, Kind::Members, &old_id)? {
                continue;
            }
            match row.number(members.relation.user) {
                Some(user) if named == group => users.push(user),
                Some(_) => {
                    let reason = format!("there is no group {named}");
                    self.report.skipped(Kind::Members, &old_id, &reason)?;
                }
                None => self
                    .report
                    .skipped(Kind::Members, &old_id, "it names no user")?,
            }
        }
        Ok(users)
    }

    async fn group(
        &mut self,
        id: u64,
        row: &ForeignRow,
        users: Vec<u64>,
        first_message: Option<UnixMillis>,
    ) -> Result<(), ImportError> {
        let old_id = id.to_string();
        if self.was_deleted(row, Kind::Groups, &old_id)? {
            for user in users {
                let member = format!("{id}:{user}");
                self.report
                    .skipped(Kind::Members, &member, "its group was deleted there")?;
            }
            return Ok(());
        }
        let owner = row.number(OWNER);
        let asked: Vec<u64> = users.iter().copied().chain(owner).collect();
        let known = self.known(Kind::Users, &asked).await?;
        let mut members = BTreeMap::new();
        let mut first = None;
        for user in users {
            let member = format!("{id}:{user}");
            match known.get(&user) {
                Some(new) => {
                    first.get_or_insert((user, UserId(*new)));
                    if members.insert(user, UserId(*new)).is_some() {
                        self.report.repeated(Kind::Members);
                    }
                }
                None => {
                    let reason = format!("user {user} was not brought");
                    self.report.skipped(Kind::Members, &member, &reason)?;
                }
            }
        }
        let own = owner.and_then(|owner| Some((owner, UserId(*known.get(&owner)?))));
        let Some(owner) = own.or(first) else {
            let reason = "neither its owner nor any member was brought";
            return Ok(self.report.skipped(Kind::Groups, &old_id, reason)?);
        };
        let room = Room {
            id,
            row,
            owner,
            members,
        };
        let at = Self::time_before(first_message, row.at(CREATED));
        let mapped = self.known(Kind::Groups, &[id]).await?;
        let drawn = mapped.get(&id).map(|group| GroupId(*group));
        match drawn {
            Some(group) if self.target.group_exists(group).await? => {
                self.report.already(Kind::Groups);
                self.latecomers(group, room, at).await
            }
            Some(_) | None => {
                if own.is_none() {
                    let reason = format!("its owner was not brought: user {} owns it now", owner.0);
                    self.report.changed(Kind::Groups, &old_id, &reason)?;
                }
                self.new_group(drawn, room, at).await
            }
        }
    }

    /// Makes the group with its members. Its id is remembered before, so that a run that was cut short makes no second
    /// one.
    async fn new_group(
        &mut self,
        drawn: Option<GroupId>,
        mut room: Room<'_>,
        at: UnixMillis,
    ) -> Result<(), ImportError> {
        let old_id = room.id.to_string();
        let group = match drawn {
            Some(group) => group,
            None => {
                let group = self.target.draw_group().await?;
                let pair = [(old_id.clone(), group.0)];
                self.target.remember(Kind::Groups.name(), &pair).await?;
                group
            }
        };
        while room.members.len() > self.group_max {
            let Some((user, _)) = room.members.pop_last() else {
                break;
            };
            let member = format!("{old_id}:{user}");
            self.report
                .skipped(Kind::Members, &member, "the group is full")?;
        }
        let others = room.members.values().copied();
        let others: Vec<UserId> = others.filter(|user| *user != room.owner.1).collect();
        let (new, changes) = self.profile(group, &room);
        let body = GroupBody {
            created: true,
            name: Some(new.name.clone()),
            users: others.clone(),
            ..GroupBody::default()
        };
        let Ok(body) = encode(&body) else {
            return Ok(());
        };
        let draft = Draft {
            conv: Conv::Group(group),
            from: room.owner.1,
            kind: EntryKind::Group,
            cid: self.cid(&["group", &old_id]),
            body,
            change: Change::CreateGroup {
                group: new,
                members: others,
            },
        };
        let pending = Pending {
            old_id: old_id.clone(),
            at,
            draft,
        };
        let fates = self.append(Kind::Groups, vec![pending], STEP_MS).await?;
        if !matches!(fates[..], [Fate::New(_)]) {
            for user in room.members.keys() {
                let member = format!("{old_id}:{user}");
                self.report
                    .skipped(Kind::Members, &member, "its group was not brought")?;
            }
            return Ok(());
        }
        for change in changes {
            self.report.changed(Kind::Groups, &old_id, &change)?;
        }
        let remembered = room.members.iter();
        let remembered: Vec<(String, u64)> = remembered
            .map(|(old, new)| (format!("{old_id}:{old}"), new.0))
            .collect();
        for _ in &remembered {
            self.report.imported(Kind::Members);
        }
        self.remember_members(&remembered).await
    }

    async fn remember_members(&mut self, ids: &[(String, u64)]) -> Result<(), ImportError> {
        for some in ids.chunks(ROWS_PER_PAGE) {
            self.target.remember(Kind::Members.name(), some).await?;
        }
        Ok(())
    }

    fn profile(&self, id: GroupId, room: &Room<'_>) -> (NewGroup, Vec<String>) {
        let mut texts = Texts::new(room.row);
        let name = texts.cut(NAME, "the name", 40, rules::group_name);
        let name =
            rules::group_name(&name).unwrap_or_else(|_| format!("{} {}", self.source, room.id));
        let icon = self.url(&texts.text(PICTURE, "the picture"));
        let category = room
            .row
            .number(CATEGORY)
            .and_then(|number| u8::try_from(number).ok());
        let group = NewGroup {
            id,
            name,
            icon: texts.or_none(&icon, "the picture", |url| rules::picture(url, "icon")),
            category: category
                .and_then(|number| rules::category(number).ok())
                .unwrap_or(0),
            memo: texts.cut(MEMO, "the memo", 140, rules::memo),
            join: JoinMode::Open,
        };
        (group, texts.changes)
    }

    /// Members that were not there when the group was brought.
    async fn latecomers(
        &mut self,
        group: GroupId,
        room: Room<'_>,
        at: UnixMillis,
    ) -> Result<(), ImportError> {
        let key = |user: &u64| format!("{}:{user}", room.id);
        let keys: Vec<String> = room.members.keys().map(key).collect();
        let mut known = BTreeMap::new();
        for some in keys.chunks(ROWS_PER_PAGE) {
            known.extend(self.target.mapped(Kind::Members.name(), some).await?);
        }
        let (mut pending, mut remembered) = (Vec::new(), Vec::new());
        for (old, user) in &room.members {
            let old_id = key(old);
            if known.contains_key(&old_id) {
                self.report.already(Kind::Members);
                continue;
            }
            let body = MembershipBody::oneself(*user);
            let Ok(body) = encode(&body) else { continue };
            let draft = Draft {
                conv: Conv::Group(group),
                from: *user,
                kind: EntryKind::Joined,
                cid: self.cid(&["member", &room.id.to_string(), &old.to_string()]),
                body,
                change: Change::Join,
            };
            remembered.push((old_id.clone(), user.0));
            pending.push(Pending { old_id, at, draft });
        }
        let fates = self.append(Kind::Members, pending, STEP_MS).await?;
        let brought = fates.into_iter().zip(remembered);
        let brought = brought.filter(|(fate, _)| *fate != Fate::Refused);
        let brought: Vec<(String, u64)> = brought.map(|(_, pair)| pair).collect();
        self.remember_members(&brought).await
    }
}
