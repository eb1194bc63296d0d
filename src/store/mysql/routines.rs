//! The procedures in the database: their texts, and putting them there.
//!
//! A procedure's name ends in its version: another version is another procedure, so that old and new nodes share a
//! database. Its comment is a digest of its text, by which a procedure that somebody changed is known.

use std::collections::BTreeMap;

use mysql_async::prelude::Queryable;
use mysql_async::{Conn, Params};

use super::fault::Fault;

/// What texts have in common, by the names they call it. A part may call those after it.
///
/// `prologue` and `epilogue` are how a procedure that appends one entry begins and ends: the head is taken, a draft that
/// is in the log already is found; the entry is written, the answer given. They use the parameters `author`, `mark`,
/// `client_id`, `past`, `entry_kind`, `conversation` and `content`. A procedure's own variables are declared before the
/// prologue; between the two, `code` says what became of the draft.
const PARTS: [(&str, &str); 12] = [
    ("{joined}", include_str!("routines/parts/joined.sql")),
    ("{allowed}", include_str!("routines/parts/allowed.sql")),
    ("{columns}", include_str!("routines/parts/columns.sql")),
    ("{cid}", include_str!("routines/parts/cid.sql")),
    ("{drafts}", include_str!("routines/parts/drafts.sql")),
    ("{seat}", include_str!("routines/parts/seat.sql")),
    ("{pairs}", include_str!("routines/parts/pairs.sql")),
    ("{mutes}", include_str!("routines/parts/mutes.sql")),
    ("{audible}", include_str!("routines/parts/audible.sql")),
    ("{ids}", include_str!("routines/parts/ids.sql")),
    ("{prologue}", include_str!("routines/parts/prologue.sql")),
    ("{epilogue}", include_str!("routines/parts/epilogue.sql")),
];
const DIGEST: &str = "{digest}";

struct Routine {
    name: &'static str,
    text: &'static str,
}

const ROUTINES: [Routine; 8] = [
    Routine {
        name: "starling_append_1",
        text: include_str!("routines/append.sql"),
    },
    Routine {
        name: "starling_append_one_1",
        text: include_str!("routines/append_one.sql"),
    },
    Routine {
        name: "starling_change_1",
        text: include_str!("routines/change.sql"),
    },
    Routine {
        name: "starling_alter_1",
        text: include_str!("routines/alter.sql"),
    },
    Routine {
        name: "starling_create_user_2",
        text: include_str!("routines/create_user.sql"),
    },
    Routine {
        name: "starling_packet_1",
        text: include_str!("routines/packet.sql"),
    },
    Routine {
        name: "starling_prune_2",
        text: include_str!("routines/prune.sql"),
    },
    Routine {
        name: "starling_add_file_1",
        text: include_str!("routines/add_file.sql"),
    },
];

impl Routine {
    /// The whole statement without its digest, and the digest.
    fn source(&self) -> (String, String) {
        let mut source = self.text.to_owned();
        for (name, part) in PARTS {
            source = source.replace(name, part.trim_end());
        }
        let digest = ring::digest::digest(&ring::digest::SHA256, source.as_bytes());
        let digest = digest.as_ref()[..8]
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        (source, digest)
    }
}

/// What to do with a procedure whose text is not ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Changed {
    /// It stays: it may be there on purpose, and an operator is asked to decide.
    Keep,
    /// It is replaced.
    Replace,
}

/// Makes the procedures that are missing.
pub(super) async fn ensure(connection: &mut Conn, changed: Changed) -> Result<(), Fault> {
    let present: Vec<(String, String)> = connection
        .exec(
            "SELECT routine_name, routine_comment FROM information_schema.routines
             WHERE routine_schema = DATABASE() AND routine_type = 'PROCEDURE'",
            Params::Empty,
        )
        .await?;
    let present: BTreeMap<String, String> = present.into_iter().collect();
    for routine in ROUTINES {
        let (source, digest) = routine.source();
        match present.get(routine.name) {
            Some(found) if *found == digest => continue,
            Some(_) if changed == Changed::Keep => {
                tracing::warn!(
                    procedure = routine.name,
                    "a procedure in the database is not this program's: `starling migrate` replaces it"
                );
                continue;
            }
            Some(_) => {
                connection
                    .query_drop(format!("DROP PROCEDURE IF EXISTS {}", routine.name))
                    .await?;
            }
            None => {}
        }
        match connection.query_drop(source.replace(DIGEST, &digest)).await {
            // Another node made it in this moment.
            Err(mysql_async::Error::Server(error)) if error.code == 1304 => {}
            done => done?,
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_part_that_a_text_calls_exists() {
        for routine in ROUTINES {
            let (source, digest) = routine.source();
            assert_eq!(digest.len(), 16);
            assert_eq!(source.matches('{').count(), 1, "{source}");
            assert!(source.contains(DIGEST));
            assert!(source.contains(&format!("CREATE PROCEDURE {}(", routine.name)));
        }
    }
}
