//! What the tables and columns of the systems are called. Versions of one differ, so most have several names.

use std::collections::BTreeSet;

/// A system that data is brought from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum System {
    Ginchat,
    Imooc,
    Shyim,
}

/// Names of one column, the first that is there counts.
pub(super) type Names = &'static [&'static str];

pub(super) const ID: Names = &["id"];
/// gorm keeps deleted rows, with the time in this column.
pub(super) const DELETED: Names = &["deleted_at"];
pub(super) const CREATED: Names = &["created_at", "createat", "create_time"];
pub(super) const NICKNAME: Names = &["nickname"];
pub(super) const PHONE: Names = &["phone", "mobile", "phone_number"];
pub(super) const EMAIL: Names = &["email"];
pub(super) const PASSWORD: Names = &["pass_word", "password", "passwd"];
pub(super) const SALT: Names = &["salt"];
pub(super) const SEX: Names = &["sex"];
pub(super) const MEMO: Names = &["memo", "desc"];
pub(super) const PICTURE: Names = &["img", "icon", "avatar"];
pub(super) const NAME: Names = &["name"];
pub(super) const OWNER: Names = &["owner_id", "ownerid"];
pub(super) const CATEGORY: Names = &["cate"];

pub(super) const SENDER: Names = &["sender_id"];
pub(super) const RECIPIENT: Names = &["user_id"];
pub(super) const RECEIVER: Names = &["receiver_id"];
pub(super) const SESSION: Names = &["session_type"];
pub(super) const FORM: Names = &["message_type"];
pub(super) const CONTENT: Names = &["content"];
pub(super) const SENT: Names = &["send_time", "create_time"];

/// A table that says who belongs to whom.
pub(super) struct Relation {
    pub(super) tables: Names,
    /// The user.
    pub(super) user: Names,
    /// The other user, or the group.
    pub(super) other: Names,
    /// The column that tells friends from groups and the number that is meant, where one table holds both.
    pub(super) kind: Option<(Names, u64)>,
}

/// Where a system keeps what.
pub(super) struct Layout {
    pub(super) users: Names,
    /// Whether people there log in by a name; otherwise by phone, and the store names them.
    pub(super) named: bool,
    pub(super) friends: Relation,
    pub(super) groups: Names,
    pub(super) members: Relation,
    pub(super) messages: Names,
}

const CONTACT_OTHER: Names = &["target_id", "dstobj", "dstid"];
const CONTACT_KIND: Names = &["type", "cate"];
const CONTACT: Names = &["contact", "contacts"];

const fn contact(kind: u64) -> Relation {
    Relation {
        tables: CONTACT,
        user: OWNER,
        other: CONTACT_OTHER,
        kind: Some((CONTACT_KIND, kind)),
    }
}

const GINCHAT: Layout = Layout {
    users: &["user_basic"],
    named: true,
    friends: contact(1),
    groups: &["communities", "community"],
    members: contact(2),
    messages: &[],
};

const IMOOC: Layout = Layout {
    users: &["user"],
    named: false,
    friends: contact(1),
    groups: &["community", "communities"],
    members: contact(2),
    messages: &[],
};

const SHYIM: Layout = Layout {
    users: &["user"],
    named: false,
    friends: Relation {
        tables: &["friend"],
        user: &["user_id"],
        other: &["friend_id"],
        kind: None,
    },
    groups: &["group"],
    members: Relation {
        tables: &["group_user"],
        user: &["user_id"],
        other: &["group_id"],
        kind: None,
    },
    messages: &["message"],
};

impl System {
    /// The name on the command line.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            System::Ginchat => "ginchat",
            System::Imooc => "imooc",
            System::Shyim => "shyim",
        }
    }

    pub(super) fn layout(self) -> &'static Layout {
        match self {
            System::Ginchat => &GINCHAT,
            System::Imooc => &IMOOC,
            System::Shyim => &SHYIM,
        }
    }
}

impl Layout {
    /// The table that is there under one of these names, as it is spelled there.
    #[expect(clippy::unused_self, reason = "only a layout's names are looked for")]
    pub(super) fn table(&self, there: &BTreeSet<String>, names: Names) -> Option<String> {
        let mut found = names.iter().filter_map(|name| {
            let mut tables = there.iter();
            tables.find(|table| table.eq_ignore_ascii_case(name))
        });
        found.next().cloned()
    }
}
