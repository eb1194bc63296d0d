//! Everything that clients can do, on three nodes: what one device does is seen live by every other device of everybody
//! it concerns, on every node.
//!
//! The last step compares what was driven with the description of the API and the documented frames, so that an action
//! that is added without being driven here fails the test.

mod groups;
mod people;
mod sessions;
mod stage;
mod talk;

use std::collections::BTreeSet;

use stage::Stage;

const PROTOCOL: &str = include_str!("../../../docs/protocol.md");

/// People by their place on the stage. The first to register is an admin of the deployment.
const CHIEF: usize = 0;
const ANNA: usize = 1;
const BERT: usize = 2;
const CLARA: usize = 3;
const DORA: usize = 4;
const EVERYBODY: [usize; 5] = [CHIEF, ANNA, BERT, CLARA, DORA];
/// Owner and members of the group.
const FLOCK: [usize; 3] = [ANNA, BERT, CLARA];

/// What was not driven, since no other device shows it: it makes or ends an account, a token or a link, or keeps bytes.
const SEEN_BY_NOBODY: [&str; 12] = [
    "post /api/v1/register",
    "post /api/v1/login",
    "post /api/v1/files",
    "post /api/v1/bots",
    "post /api/v1/bots/{id}/token",
    "delete /api/v1/bots/{id}",
    "post /api/v1/groups/{id}/hooks/{hook}/enable",
    "delete /api/v1/groups/{id}/invites/{invite}",
    "post /api/v1/admin/invites",
    "delete /api/v1/admin/invites/{id}",
    "frame auth",
    "frame ping",
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_action_is_seen_live_by_every_other_device_on_every_node() {
    let mut stage = Stage::new(["chief", "anna", "bert", "clara", "dora"]).await;
    people::profiles(&mut stage).await;
    people::friendship(&mut stage).await;
    let group = groups::made(&mut stage).await;
    people::presence(&mut stage).await;
    talk::every_kind_of_message(&mut stage, group).await;
    talk::answers_and_alterations(&mut stage, group).await;
    talk::reading_and_typing(&mut stage, group).await;
    talk::own_settings(&mut stage, group).await;
    talk::packets(&mut stage, group).await;
    talk::hooks(&mut stage, group).await;
    groups::changed(&mut stage, group).await;
    groups::ways_in(&mut stage, group).await;
    groups::ended(&mut stage, group).await;
    sessions::notice(&mut stage).await;
    sessions::ended(&mut stage).await;
    nothing_was_left_out(&stage).await;
}

/// Each route that changes something, and each frame.
async fn nothing_was_left_out(stage: &Stage) {
    let document = stage.document().await;
    let mut left_out = BTreeSet::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for method in item.as_object().unwrap().keys() {
            let changes = !["get", "head"].contains(&method.as_str());
            if changes && !stage.drove(method, path) {
                left_out.insert(format!("{method} {path}"));
            }
        }
    }
    for frame in documented_frames() {
        if !stage.drove("frame", &frame) {
            left_out.insert(format!("frame {frame}"));
        }
    }
    let expected: BTreeSet<String> = SEEN_BY_NOBODY.map(str::to_owned).into();
    assert_eq!(left_out, expected);
}

fn documented_frames() -> BTreeSet<String> {
    let section = PROTOCOL
        .split("\n## ")
        .find(|section| section.starts_with("What clients send"));
    let section = section.expect("docs/protocol.md says what clients send");
    let rows = section.lines().filter(|line| line.starts_with("| `"));
    rows.map(|row| row.split('`').nth(1).unwrap().to_owned())
        .collect()
}
