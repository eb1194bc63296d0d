//! Users and groups as the pages of ginchat and imooc read them: chosen fields, and no secret among them.

use serde_json::{Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::model::entry::UnixMillis;
use crate::model::group::Group;
use crate::model::user::User;
use crate::service::profiles::{Person, Profile};

/// A time as those systems print it.
pub(super) fn date(at: UnixMillis) -> Value {
    let nanos = i128::from(at) * 1_000_000;
    let date = OffsetDateTime::from_unix_timestamp_nanos(nanos).ok();
    let text = date.and_then(|date| date.format(&Rfc3339).ok());
    text.map_or(Value::Null, Value::String)
}

/// Somebody, for ginchat. Phone and e-mail are the own user's alone.
pub(super) fn ginchat_person(profile: &Profile, online: bool) -> Value {
    json!({
        "ID": profile.id,
        "CreatedAt": date(profile.created_at),
        "UpdatedAt": date(profile.created_at),
        "DeletedAt": null,
        "Name": profile.name,
        "Avatar": profile.avatar,
        "Phone": "",
        "Email": "",
        "Nickname": profile.nickname,
        "IsLogout": !online,
    })
}

/// The own user, for ginchat; with the token where he just logged in.
pub(super) fn ginchat_self(user: &User, token: Option<&str>) -> Value {
    let mut fields = ginchat_person(&Profile::from(user), true);
    fields["Phone"] = json!(user.phone.as_deref().unwrap_or_default());
    fields["Email"] = json!(user.email.as_deref().unwrap_or_default());
    if let Some(token) = token {
        fields["Identity"] = json!(token);
    }
    fields
}

/// A group, for ginchat.
pub(super) fn ginchat_group(group: &Group) -> Value {
    json!({
        "ID": group.id,
        "CreatedAt": date(group.created_at),
        "UpdatedAt": date(group.created_at),
        "DeletedAt": null,
        "Name": group.name,
        "OwnerId": group.owner,
        "Img": group.icon,
        "Desc": group.memo,
    })
}

/// Somebody, for imooc.
pub(super) fn imooc_person(person: &Person) -> Value {
    imooc_profile(&person.profile, person.online)
}

pub(super) fn imooc_profile(profile: &Profile, online: bool) -> Value {
    json!({
        "id": profile.id,
        "avatar": profile.avatar,
        "sex": profile.sex.letter(),
        "nickname": shown_name(profile),
        "online": u8::from(online),
        "memo": profile.memo,
        "createat": date(profile.created_at),
    })
}

/// The own user, for imooc; with the token where he just logged in.
pub(super) fn imooc_self(user: &User, token: Option<&str>) -> Value {
    let mut fields = imooc_profile(&Profile::from(user), true);
    fields["mobile"] = json!(user.phone.as_deref().unwrap_or(&user.name));
    if let Some(token) = token {
        fields["token"] = json!(token);
    }
    fields
}

/// A group, for imooc.
pub(super) fn imooc_group(group: &Group) -> Value {
    json!({
        "id": group.id,
        "name": group.name,
        "ownerid": group.owner,
        "icon": group.icon,
        "cate": group.category,
        "memo": group.memo,
        "createat": date(group.created_at),
    })
}

fn shown_name(profile: &Profile) -> &str {
    if profile.nickname.is_empty() {
        &profile.name
    } else {
        &profile.nickname
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_printed_as_those_systems_print_them() {
        assert_eq!(date(0), json!("1970-01-01T00:00:00Z"));
        assert_eq!(date(1_700_000_000_500), json!("2023-11-14T22:13:20.5Z"));
        assert_eq!(date(i64::MAX), Value::Null);
    }
}
