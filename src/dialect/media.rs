//! Messages of today on pages of then: what they cannot show becomes words and a full address, and their spellings of
//! our files' addresses become ours.

use serde::Deserialize;

use super::pages;
use super::routes::collapsed;
use crate::model::entry::{Entry, EntryKind};
use crate::model::error::Language;
use crate::model::message::{Media, MessageBody};

/// What is said in words to a client, and where files are reached from it.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    /// `https://chat.example`, or empty when it is not known.
    pub(super) base: String,
    pub(super) chinese: bool,
}

impl Place {
    pub(super) fn new(base: String, language: Language) -> Place {
        Place {
            base,
            chinese: language == Language::Chinese,
        }
    }

    /// A full address for what stands in a text.
    pub(super) fn absolute(&self, url: &str) -> String {
        if url.starts_with('/') {
            format!("{}{url}", self.base)
        } else {
            url.to_owned()
        }
    }

    fn word(&self, media: Media) -> &'static str {
        let (english, chinese) = match media {
            Media::Text => ("", ""),
            Media::Article => ("[Article]", "[图文]"),
            Media::Voice => ("[Voice]", "[语音]"),
            Media::Picture => ("[Picture]", "[图片]"),
            Media::Packet => ("[Red packet]", "[红包]"),
            Media::Sticker => ("[Sticker]", "[表情]"),
            Media::Link => ("[Link]", "[链接]"),
            Media::Video => ("[Video]", "[视频]"),
            Media::Contact => ("[Contact card]", "[名片]"),
            Media::File => ("[File]", "[文件]"),
            Media::Location => ("[Location]", "[位置]"),
            Media::Other(_) => ("[Message]", "[消息]"),
        };
        if self.chinese { chinese } else { english }
    }

    /// A message in words.
    pub(super) fn in_words(&self, media: Media, body: &MessageBody) -> String {
        let amount = match media {
            Media::Packet => format!("¥{}.{:02}", body.amount / 100, (body.amount % 100).abs()),
            Media::Text
            | Media::Article
            | Media::Voice
            | Media::Picture
            | Media::Sticker
            | Media::Link
            | Media::Video
            | Media::Contact
            | Media::File
            | Media::Location
            | Media::Other(_) => String::new(),
        };
        let url = self.absolute(&body.url);
        let name = file_name(body).unwrap_or_default();
        let memo = if body.content.is_empty() {
            body.memo.as_str()
        } else {
            ""
        };
        let parts = [self.word(media), &amount, &body.content, memo, &name, &url];
        let said: Vec<&str> = parts.into_iter().filter(|part| !part.is_empty()).collect();
        said.join(" ")
    }
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Named {
    name: String,
}

fn file_name(body: &MessageBody) -> Option<String> {
    let meta = body.meta.as_ref()?;
    serde_json::from_str::<Named>(meta.get())
        .ok()
        .map(|named| named.name)
}

/// A stored message as it was sent; `None` for other entries and for what was taken back.
pub(super) fn message(entry: &Entry) -> Option<(Media, MessageBody)> {
    #[derive(Deserialize)]
    struct Fate {
        #[serde(default)]
        recalled: bool,
    }
    if entry.kind != EntryKind::Message {
        return None;
    }
    let fate: Fate = serde_json::from_slice(&entry.body).ok()?;
    let body: MessageBody = serde_json::from_slice(&entry.body).ok()?;
    let media = Media::from_code(body.media)?;
    (!fate.recalled).then_some((media, body))
}

/// An address as old pages write it: relative to the page they were served from, with slashes doubled, or a sticker's
/// with a folder in front.
pub(super) fn our_url(url: &str) -> String {
    let url = url.trim();
    let relative = url.trim_start_matches("./");
    let relative = relative.strip_prefix('/').unwrap_or(relative);
    let relative = relative.strip_prefix('/').unwrap_or(relative);
    // Somebody's host may stand behind two slashes, but not a folder of ours.
    if !relative.starts_with("asset/") && !relative.starts_with("files/") {
        return url.to_owned();
    }
    let path = collapsed(&format!("/{relative}"));
    pages::sticker(&path).map_or_else(|| path.clone(), str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(chinese: bool) -> Place {
        Place {
            base: "http://a.example".to_owned(),
            chinese,
        }
    }

    #[test]
    fn what_a_page_cannot_show_is_said_with_a_full_address() {
        let file = MessageBody {
            media: 10,
            url: "/files/x/report.pdf".to_owned(),
            meta: serde_json::value::RawValue::from_string(r#"{"name":"report.pdf"}"#.to_owned())
                .ok(),
            ..MessageBody::default()
        };
        let words = place(false).in_words(Media::File, &file);
        assert_eq!(
            words,
            "[File] report.pdf http://a.example/files/x/report.pdf"
        );
        let packet = MessageBody {
            media: 5,
            amount: 1_205,
            memo: "恭喜".to_owned(),
            ..MessageBody::default()
        };
        assert_eq!(
            place(true).in_words(Media::Packet, &packet),
            "[红包] ¥12.05 恭喜"
        );
    }

    #[test]
    fn pages_spell_our_files_in_their_ways() {
        for (theirs, ours) in [
            ("./asset/plugins/a.gif", "/asset/plugins/a.gif"),
            ("asset/plugins/a.gif", "/asset/plugins/a.gif"),
            ("//asset/plugins/a.gif", "/asset/plugins/a.gif"),
            ("/files/1/a.png", "/files/1/a.png"),
            (
                "asset/plugins/doutu/emoj//asset/packs/faces/smile.svg",
                "/asset/packs/faces/smile.svg",
            ),
            (
                "/asset/plugins/doutu/emoj//asset/packs/faces/smile.svg",
                "/asset/packs/faces/smile.svg",
            ),
            ("//evil.example/a.png", "//evil.example/a.png"),
            ("https://a.example/x", "https://a.example/x"),
        ] {
            assert_eq!(our_url(theirs), ours);
        }
    }
}
