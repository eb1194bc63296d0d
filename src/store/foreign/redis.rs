//! The message lists of a chat system that keeps them in Redis, under keys `msg_…`.
//!
//! Each server that is named is read by itself, so that of a Redis cluster all masters are named: a key that another
//! one holds is left to it. Ordering and repetitions are the reader's business.

use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Client, IntoConnectionInfo, RedisError, ServerErrorKind};

use super::ForeignError;

/// What the keys of message lists begin with.
const PATTERN: &str = "msg_*";
/// Keys asked for at a time.
const KEYS_PER_SCAN: usize = 500;
/// Elements of one list read at a time.
const FRAMES_PER_READ: isize = 500;
/// How long a server may take to accept a connection.
const CONNECT_WAIT: Duration = Duration::from_secs(5);
/// How long an answer may take; a large reply from a busy server takes a while.
const ANSWER_WAIT: Duration = Duration::from_secs(30);

/// One element of a message list.
#[derive(Clone, Debug, PartialEq)]
pub struct ListedFrame {
    pub key: String,
    /// Its score in a sorted set, its place in a list.
    pub score: f64,
    pub body: Vec<u8>,
}

/// Some elements of one list.
#[derive(Clone, Debug, PartialEq)]
pub enum Listed {
    Frames(Vec<ListedFrame>),
    /// A key that is no list: its name and what it is.
    Odd(String, String),
}

/// The lists of one server.
pub struct MessageLists {
    at: String,
    connection: MultiplexedConnection,
    cursor: u64,
    scanned: bool,
    keys: Vec<String>,
    /// The list being read, and how far.
    open: Option<(String, bool, isize)>,
}

impl MessageLists {
    /// Connects to one server.
    pub async fn connect(url: &str) -> Result<MessageLists, ForeignError> {
        let info = url.into_connection_info();
        let info = info.map_err(|error| ForeignError::Address(error.to_string()))?;
        let at = info.addr().to_string();
        let unreachable = |error: RedisError| ForeignError::Unreachable {
            at: at.clone(),
            reason: error.to_string(),
        };
        let client = Client::open(info).map_err(unreachable)?;
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(CONNECT_WAIT))
            .set_response_timeout(Some(ANSWER_WAIT));
        let connection = client
            .get_multiplexed_async_connection_with_config(&config)
            .await
            .map_err(unreachable)?;
        Ok(MessageLists {
            at,
            connection,
            cursor: 0,
            scanned: false,
            keys: Vec::new(),
            open: None,
        })
    }

    /// Some more elements; `None`: these were all. A list that grows meanwhile may be read in part.
    pub async fn next(&mut self) -> Result<Option<Listed>, ForeignError> {
        loop {
            if let Some((key, sorted, from)) = self.open.take() {
                let frames = self.frames(&key, sorted, from).await?;
                if !frames.is_empty() {
                    self.open = Some((key, sorted, from + FRAMES_PER_READ));
                    return Ok(Some(Listed::Frames(frames)));
                }
            }
            let Some(key) = self.keys.pop() else {
                if self.scanned {
                    return Ok(None);
                }
                self.scan().await?;
                continue;
            };
            let form: String = match redis::cmd("TYPE")
                .arg(&key)
                .query_async(&mut self.connection)
                .await
            {
                Ok(form) => form,
                Err(error) if is_elsewhere(&error) => continue,
                Err(error) => return Err(self.broken(&error)),
            };
            match form.as_str() {
                "zset" => self.open = Some((key, true, 0)),
                "list" => self.open = Some((key, false, 0)),
                "none" => {}
                _ => return Ok(Some(Listed::Odd(key, form))),
            }
        }
    }

    async fn scan(&mut self) -> Result<(), ForeignError> {
        let mut scan = redis::cmd("SCAN");
        scan.arg(self.cursor).arg("MATCH").arg(PATTERN);
        scan.arg("COUNT").arg(KEYS_PER_SCAN);
        let found: Result<(u64, Vec<Vec<u8>>), RedisError> =
            scan.query_async(&mut self.connection).await;
        let (cursor, keys) = found.map_err(|error| self.broken(&error))?;
        // A name of other bytes is none of those looked for.
        let keys = keys
            .into_iter()
            .filter_map(|key| String::from_utf8(key).ok());
        self.keys.extend(keys);
        self.cursor = cursor;
        self.scanned = cursor == 0;
        Ok(())
    }

    async fn frames(
        &mut self,
        key: &str,
        sorted: bool,
        from: isize,
    ) -> Result<Vec<ListedFrame>, ForeignError> {
        let to = from + FRAMES_PER_READ - 1;
        let frame = |score, body| ListedFrame {
            key: key.to_owned(),
            score,
            body,
        };
        let read: Result<Vec<ListedFrame>, RedisError> = if sorted {
            let mut range = redis::cmd("ZRANGE");
            range.arg(key).arg(from).arg(to).arg("WITHSCORES");
            let found: Result<Vec<(Vec<u8>, f64)>, RedisError> =
                range.query_async(&mut self.connection).await;
            found.map(|found| {
                found
                    .into_iter()
                    .map(|(body, score)| frame(score, body))
                    .collect()
            })
        } else {
            let mut range = redis::cmd("LRANGE");
            range.arg(key).arg(from).arg(to);
            let found: Result<Vec<Vec<u8>>, RedisError> =
                range.query_async(&mut self.connection).await;
            found.map(|found| {
                let places = (from..).map(|place| i32::try_from(place).map_or(f64::MAX, f64::from));
                places
                    .zip(found)
                    .map(|(place, body)| frame(place, body))
                    .collect()
            })
        };
        match read {
            Ok(frames) => Ok(frames),
            Err(error) if is_elsewhere(&error) => Ok(Vec::new()),
            Err(error) => Err(self.broken(&error)),
        }
    }

    fn broken(&self, error: &RedisError) -> ForeignError {
        ForeignError::Broken {
            at: self.at.clone(),
            reason: error.to_string(),
        }
    }
}

/// Another server of the cluster holds the key.
fn is_elsewhere(error: &RedisError) -> bool {
    matches!(
        error.kind(),
        redis::ErrorKind::Server(ServerErrorKind::Moved | ServerErrorKind::Ask)
    )
}
