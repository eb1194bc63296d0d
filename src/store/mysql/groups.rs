//! Groups and their present members as they are. They change through the log.

use async_trait::async_trait;
use mysql_async::Value;

use super::Mysql;
use super::many::positional;
use super::rows::{self, GROUP};
use crate::model::group::{Group, JoinMode, Member, Role};
use crate::model::ids::{GroupId, UserId, parse_id};
use crate::store::folding::folded;
use crate::store::{GroupStore, Result, StoreError};

#[async_trait]
impl GroupStore for Mysql {
    async fn draw_id(&self) -> Result<GroupId> {
        let sql = "UPDATE ids SET last_id = LAST_INSERT_ID(last_id + 1) WHERE name = 'group'";
        let mut link = self.writers.link().await?;
        match link.execute(sql, ()).await?.last_id {
            0 => Err(StoreError::Corrupt(
                "the table ids has no row for groups".to_owned(),
            )),
            id => Ok(GroupId(id)),
        }
    }

    async fn group(&self, id: GroupId) -> Result<Option<Group>> {
        let sql = format!("SELECT {GROUP} FROM chat_groups g WHERE g.id = ?");
        let mut link = self.readers.link().await?;
        rows::one(link.first(&sql, (id,)).await?, rows::group)
    }

    async fn of_user(&self, user: UserId) -> Result<Vec<(Group, Role)>> {
        let sql = format!(
            "SELECT {GROUP}, m.role FROM memberships m JOIN chat_groups g ON g.id = m.group_id
             WHERE m.user_id = ? AND m.present = 1 ORDER BY g.id"
        );
        let mut link = self.readers.link().await?;
        rows::all(link.rows(&sql, (user,)).await?, |row| {
            Ok((rows::group(row)?, row.next()?))
        })
    }

    /// Exact hits first, then names that begin with the query, then the rest; larger groups first among equals.
    async fn search(&self, query: &str, limit: usize) -> Result<Vec<Group>> {
        let sql = format!(
            "SELECT {GROUP} FROM chat_groups g
             WHERE g.dissolved = 0 AND g.join_mode <> ? AND (INSTR(g.name_key, ?) > 0 OR g.id = ?)
             ORDER BY CASE
                 WHEN g.name_key = ? OR g.id = ? THEN 0
                 WHEN INSTR(g.name_key, ?) = 1 THEN 1
                 ELSE 2 END, g.members DESC, g.id
             LIMIT ?"
        );
        let key = Value::from(folded(query));
        let id = Value::from(parse_id(query).ok());
        let values = [
            JoinMode::Invite.into(),
            key.clone(),
            id.clone(),
            key.clone(),
            id,
            key,
            limit.into(),
        ];
        let mut link = self.readers.link().await?;
        rows::all(link.rows(&sql, positional(values)).await?, rows::group)
    }

    async fn role(&self, group: GroupId, user: UserId) -> Result<Option<Role>> {
        let sql = "SELECT role FROM memberships WHERE group_id = ? AND user_id = ? AND present = 1";
        let mut link = self.readers.link().await?;
        rows::one(link.first(sql, (group, user)).await?, rows::Columns::next)
    }

    async fn owned(&self, user: UserId) -> Result<u64> {
        let sql = "SELECT COUNT(*) FROM memberships WHERE user_id = ? AND present = 1 AND role = ?";
        let mut link = self.readers.link().await?;
        let count = rows::one(
            link.first(sql, (user, Role::Owner)).await?,
            rows::Columns::next,
        )?;
        Ok(count.unwrap_or(0))
    }

    async fn members(&self, group: GroupId, after: UserId, limit: usize) -> Result<Vec<Member>> {
        let sql = "SELECT user_id, role, joined_at FROM memberships
             WHERE group_id = ? AND user_id > ? AND present = 1 ORDER BY user_id LIMIT ?";
        let mut link = self.readers.link().await?;
        rows::all(link.rows(sql, (group, after, limit)).await?, rows::member)
    }
}
