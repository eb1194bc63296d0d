//! Failures as clients see them: a stable code, a message for people, and where it helps a field or a delay.
//!
//! Which HTTP status or close code goes with a code is the edge's business.

use super::draft::Refusal;
use super::message::InvalidMessage;

/// Every failure code of the public API.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Code {
    BadRequest,
    InvalidJson,
    TooLarge,
    UnsupportedMedia,
    Unauthorized,
    Forbidden,
    NotFound,
    NameTaken,
    PhoneTaken,
    EmailTaken,
    WeakPassword,
    WrongCredentials,
    Throttled,
    OneSelf,
    AlreadyFriends,
    Blocked,
    AlreadyMember,
    NotMember,
    NotAllowed,
    RecallExpired,
    Gone,
    CidReused,
    PacketEmpty,
    PacketExpired,
    AlreadyClaimed,
    Insufficient,
    RateLimited,
    Unavailable,
    Internal,
}

/// The languages the server itself speaks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Language {
    #[default]
    English,
    Chinese,
}

impl Language {
    /// The one of ours that an `Accept-Language` header prefers (RFC 9110, section 12.5.4).
    #[must_use]
    pub fn from_header(header: &str) -> Language {
        let mut best = (Language::English, 0.0);
        for part in header.split(',') {
            let (tag, parameters) = part.split_once(';').unwrap_or((part, ""));
            let weight = parameters.trim().strip_prefix("q=");
            let weight: f32 = weight.map_or(1.0, |weight| weight.trim().parse().unwrap_or(0.0));
            let tag = tag.trim().to_ascii_lowercase();
            let language = if tag.starts_with("zh") {
                Language::Chinese
            } else if tag.starts_with("en") {
                Language::English
            } else {
                continue;
            };
            // Of equals the first one wins.
            if weight > best.1 {
                best = (language, weight);
            }
        }
        best.0
    }
}

impl Code {
    /// The stable name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Code::BadRequest => "bad_request",
            Code::InvalidJson => "invalid_json",
            Code::TooLarge => "too_large",
            Code::UnsupportedMedia => "unsupported_media",
            Code::Unauthorized => "unauthorized",
            Code::Forbidden => "forbidden",
            Code::NotFound => "not_found",
            Code::NameTaken => "name_taken",
            Code::PhoneTaken => "phone_taken",
            Code::EmailTaken => "email_taken",
            Code::WeakPassword => "weak_password",
            Code::WrongCredentials => "wrong_credentials",
            Code::Throttled => "throttled",
            Code::OneSelf => "self",
            Code::AlreadyFriends => "already_friends",
            Code::Blocked => "blocked",
            Code::AlreadyMember => "already_member",
            Code::NotMember => "not_member",
            Code::NotAllowed => "not_allowed",
            Code::RecallExpired => "recall_expired",
            Code::Gone => "gone",
            Code::CidReused => "cid_reused",
            Code::PacketEmpty => "packet_empty",
            Code::PacketExpired => "packet_expired",
            Code::AlreadyClaimed => "already_claimed",
            Code::Insufficient => "insufficient",
            Code::RateLimited => "rate_limited",
            Code::Unavailable => "unavailable",
            Code::Internal => "internal",
        }
    }

    /// What to tell a person.
    #[must_use]
    pub fn message(self, language: Language) -> &'static str {
        let (english, chinese) = self.messages();
        match language {
            Language::English => english,
            Language::Chinese => chinese,
        }
    }

    fn messages(self) -> (&'static str, &'static str) {
        match self {
            Code::BadRequest => ("The request is not valid.", "请求无效。"),
            Code::InvalidJson => ("That is not valid JSON.", "不是有效的 JSON。"),
            Code::TooLarge => ("That is too large.", "内容过大。"),
            Code::UnsupportedMedia => {
                ("That kind of content is not supported.", "不支持此类内容。")
            }
            Code::Unauthorized => ("Please log in.", "请先登录。"),
            Code::Forbidden => ("That is not permitted.", "没有权限。"),
            Code::NotFound => ("Not found.", "未找到。"),
            Code::NameTaken => ("That name is taken.", "该用户名已被使用。"),
            Code::PhoneTaken => ("That phone number is taken.", "该手机号已被使用。"),
            Code::EmailTaken => ("That e-mail address is taken.", "该邮箱已被使用。"),
            Code::WeakPassword => (
                "The password must have 8 to 128 characters.",
                "密码长度须为 8 至 128 个字符。",
            ),
            Code::WrongCredentials => ("The name or the password is wrong.", "用户名或密码错误。"),
            Code::Throttled => ("Too many attempts. Please wait.", "尝试次数过多，请稍候。"),
            Code::OneSelf => ("That cannot be done to oneself.", "不能对自己执行此操作。"),
            Code::AlreadyFriends => ("You are friends already.", "你们已经是好友。"),
            Code::Blocked => (
                "This user does not take messages from you.",
                "对方拒绝接收你的消息。",
            ),
            Code::AlreadyMember => ("Already a member.", "已经是群成员。"),
            Code::NotMember => ("You are not a member.", "你不是成员。"),
            Code::NotAllowed => ("You are not allowed to do that.", "你无权执行此操作。"),
            Code::RecallExpired => ("It is too late to take that back.", "已超过可撤回的时间。"),
            Code::Gone => ("That is gone.", "内容已不存在。"),
            Code::CidReused => (
                "This client id was used for something else.",
                "该消息编号已用于其他内容。",
            ),
            Code::PacketEmpty => ("The red packet is empty.", "红包已领完。"),
            Code::PacketExpired => ("The red packet has expired.", "红包已过期。"),
            Code::AlreadyClaimed => ("You have claimed it already.", "你已经领取过。"),
            Code::Insufficient => ("The balance is not sufficient.", "余额不足。"),
            Code::RateLimited => ("Too fast. Please wait a moment.", "发送过于频繁，请稍候。"),
            Code::Unavailable => (
                "Not possible at the moment. Please try again.",
                "暂时无法处理，请重试。",
            ),
            Code::Internal => ("Something went wrong on our side.", "服务器内部错误。"),
        }
    }
}

/// A failure to tell a client about. Whatever was asked for did not happen.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", code.name())]
pub struct Failure {
    pub code: Code,
    /// The input field it is about.
    pub field: Option<&'static str>,
    /// How long to wait before trying again, in milliseconds.
    pub retry_after_ms: Option<u64>,
}

impl Failure {
    /// A failure that is told by its code alone.
    #[must_use]
    pub fn new(code: Code) -> Failure {
        Failure {
            code,
            field: None,
            retry_after_ms: None,
        }
    }

    /// A failure about one input field.
    #[must_use]
    pub fn field(code: Code, field: &'static str) -> Failure {
        Failure {
            code,
            field: Some(field),
            retry_after_ms: None,
        }
    }

    /// A failure that passes.
    #[must_use]
    pub fn retry(code: Code, after_ms: u64) -> Failure {
        Failure {
            code,
            field: None,
            retry_after_ms: Some(after_ms),
        }
    }
}

impl From<Code> for Failure {
    fn from(code: Code) -> Failure {
        Failure::new(code)
    }
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Failure {
        Failure::new(match refusal {
            Refusal::CidReused => Code::CidReused,
            Refusal::NotFound => Code::NotFound,
            Refusal::NotMember => Code::NotMember,
            Refusal::NotAllowed | Refusal::GroupFull => Code::NotAllowed,
            Refusal::Blocked => Code::Blocked,
            Refusal::AlreadyMember => Code::AlreadyMember,
            Refusal::AlreadyFriends => Code::AlreadyFriends,
            Refusal::Disabled => Code::Unauthorized,
            Refusal::RecallExpired => Code::RecallExpired,
            Refusal::Gone => Code::Gone,
            Refusal::PacketEmpty => Code::PacketEmpty,
            Refusal::PacketExpired => Code::PacketExpired,
            Refusal::AlreadyClaimed => Code::AlreadyClaimed,
            Refusal::Insufficient => Code::Insufficient,
            Refusal::Unstorable => Code::BadRequest,
        })
    }
}

impl From<InvalidMessage> for Failure {
    fn from(invalid: InvalidMessage) -> Failure {
        match invalid {
            InvalidMessage::Field(field) => Failure::field(Code::BadRequest, field),
            InvalidMessage::TooLarge(field) => Failure::field(Code::TooLarge, field),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_preferred_language_is_the_one_of_ours_with_the_highest_weight() {
        for (header, language) in [
            ("zh-CN,zh;q=0.9,en;q=0.8", Language::Chinese),
            ("en;q=0.1, zh-CN;q=0.9", Language::Chinese),
            ("fr, en-GB;q=0.5, zh;q=0.4", Language::English),
            ("fr", Language::English),
            ("zh;q=0", Language::English),
            ("", Language::English),
        ] {
            assert_eq!(Language::from_header(header), language, "{header}");
        }
    }
}
