//! Reading the MySQL database of another chat system: whole tables, in order, without writing a byte there.
//!
//! Apart from the pools of our own store: another server, other settings, and results that are read over minutes.

use std::collections::BTreeSet;
use std::time::Duration;

use async_trait::async_trait;
use futures_util::StreamExt;
use mysql_async::prelude::{Query, Queryable, WithParams};
use mysql_async::{BinaryProtocol, Conn, Error, Opts, ResultSetStream, Row, Value};
use tokio::time::timeout;

use crate::model::entry::UnixMillis;
use crate::store::foreign::{Field, ForeignError, ForeignRow, ForeignRows, ForeignTables};

/// How long connecting and setting up may take.
const CONNECT_WAIT: Duration = Duration::from_secs(10);
/// How long the first row of a large table may take that has to be sorted first.
const FIRST_WAIT: Duration = Duration::from_secs(600);
/// How long any other row may take.
const NEXT_WAIT: Duration = Duration::from_secs(60);
/// How long the server waits for us to take a row: what we do between two of them is writing to our own store.
const SERVER_WAIT_S: u32 = 3_600;

/// A database of another system.
struct Tables {
    opts: Opts,
    at: String,
    utc_offset_ms: UnixMillis,
    zone: String,
}

/// Reads from `mysql://user:password@host/database`. Times without a zone are taken as `utc_offset_minutes` ahead of
/// UTC. Connects once, to say now what would fail later.
pub async fn open(
    url: &str,
    utc_offset_minutes: i32,
) -> Result<Box<dyn ForeignTables>, ForeignError> {
    let opts = Opts::from_url(url).map_err(|error| ForeignError::Address(error.to_string()))?;
    let Some(database) = opts.db_name().filter(|name| !name.is_empty()) else {
        let missing = "the name of the database is missing (mysql://user:password@host/database)";
        return Err(ForeignError::Address(missing.to_owned()));
    };
    let at = format!("{}:{}/{database}", opts.ip_or_hostname(), opts.tcp_port());
    let (hours, minutes) = (utc_offset_minutes / 60, (utc_offset_minutes % 60).abs());
    let sign = if utc_offset_minutes < 0 { '-' } else { '+' };
    let tables = Tables {
        opts,
        at,
        utc_offset_ms: UnixMillis::from(utc_offset_minutes) * 60_000,
        zone: format!("{sign}{:02}:{minutes:02}", hours.abs()),
    };
    drop(tables.connect().await?);
    Ok(Box::new(tables))
}

impl Tables {
    async fn connect(&self) -> Result<Conn, ForeignError> {
        let unreachable = |reason| ForeignError::Unreachable {
            at: self.at.clone(),
            reason,
        };
        let connecting = async {
            let mut connection = Conn::new(self.opts.clone()).await?;
            connection.query_drop("SET NAMES utf8mb4").await?;
            connection
                .query_drop("SET SESSION TRANSACTION READ ONLY")
                .await?;
            let settings = format!(
                "SET SESSION time_zone = '{}', net_write_timeout = {SERVER_WAIT_S}",
                self.zone
            );
            connection.query_drop(settings).await?;
            Ok::<_, Error>(connection)
        };
        match timeout(CONNECT_WAIT, connecting).await {
            Ok(Ok(connection)) => Ok(connection),
            Ok(Err(error)) => Err(unreachable(error.to_string())),
            Err(_) => Err(unreachable("no answer in time".to_owned())),
        }
    }

    fn broken(&self, reason: &impl ToString) -> ForeignError {
        ForeignError::Broken {
            at: self.at.clone(),
            reason: reason.to_string(),
        }
    }

    async fn names(&self, sql: String) -> Result<BTreeSet<String>, ForeignError> {
        let mut connection = self.connect().await?;
        let asked = timeout(NEXT_WAIT, connection.query::<Row, _>(sql)).await;
        let rows = asked
            .map_err(|_| self.broken(&"no answer in time"))?
            .map_err(|error| self.broken(&error))?;
        let name = |mut row: Row| row.take_opt::<String, _>(0)?.ok();
        Ok(rows.into_iter().filter_map(name).collect())
    }
}

#[async_trait]
impl ForeignTables for Tables {
    async fn tables(&self) -> Result<BTreeSet<String>, ForeignError> {
        self.names("SHOW TABLES".to_owned()).await
    }

    async fn rows(
        &self,
        table: &str,
        order: &[&[&str]],
    ) -> Result<Box<dyn ForeignRows>, ForeignError> {
        let table = table.replace('`', "``");
        let columns = self.names(format!("SHOW COLUMNS FROM `{table}`")).await?;
        let there = |name: &&&str| {
            let mut columns = columns.iter();
            columns.any(|column| column.eq_ignore_ascii_case(name))
        };
        let order = order.iter().filter_map(|names| names.iter().find(there));
        let order: Vec<String> = order.map(|name| format!("`{name}`")).collect();
        let mut sql = format!("SELECT * FROM `{table}`");
        if !order.is_empty() {
            sql = format!("{sql} ORDER BY {}", order.join(", "));
        }
        let connection = self.connect().await?;
        let asked = timeout(FIRST_WAIT, sql.with(()).stream::<Row, _>(connection)).await;
        let rows = asked
            .map_err(|_| self.broken(&"no answer in time"))?
            .map_err(|error| self.broken(&error))?;
        Ok(Box::new(Rows {
            at: self.at.clone(),
            utc_offset_ms: self.utc_offset_ms,
            rows,
            wait: FIRST_WAIT,
        }))
    }
}

struct Rows {
    at: String,
    utc_offset_ms: UnixMillis,
    rows: ResultSetStream<'static, 'static, 'static, Row, BinaryProtocol>,
    wait: Duration,
}

#[async_trait]
impl ForeignRows for Rows {
    async fn next(&mut self, limit: usize) -> Result<Vec<ForeignRow>, ForeignError> {
        let mut rows = Vec::new();
        while rows.len() < limit {
            let broken = |reason: String| ForeignError::Broken {
                at: self.at.clone(),
                reason,
            };
            match timeout(self.wait, self.rows.next()).await {
                Ok(Some(Ok(row))) => rows.push(plain(row, self.utc_offset_ms)),
                Ok(Some(Err(error))) => return Err(broken(error.to_string())),
                Ok(None) => break,
                Err(_) => return Err(broken("no answer in time".to_owned())),
            }
            self.wait = NEXT_WAIT;
        }
        Ok(rows)
    }
}

fn plain(row: Row, utc_offset_ms: UnixMillis) -> ForeignRow {
    let columns = row.columns();
    let names = columns.iter().map(|column| column.name_str().into_owned());
    let fields = row.unwrap_raw().into_iter().map(|value| match value {
        None | Some(Value::NULL | Value::Float(_) | Value::Double(_) | Value::Time(..)) => {
            Field::Null
        }
        Some(Value::Bytes(bytes)) => Field::Bytes(bytes),
        Some(Value::Int(number)) => Field::Number(number.into()),
        Some(Value::UInt(number)) => Field::Number(number.into()),
        Some(Value::Date(year, month, day, hour, minute, second, micros)) => {
            let clock = [hour, minute, second].map(i64::from);
            unix_millis([i64::from(year), month.into(), day.into()], clock, micros)
                .map_or(Field::Null, |at| Field::At(at - utc_offset_ms))
        }
    });
    ForeignRow::new(names.zip(fields))
}

/// Milliseconds since 1970 of a date in the Gregorian calendar; `None` for those that servers store for "never".
///
/// Days are counted from 1 March of year 0, so that a leap day is the last of its year.
fn unix_millis([year, month, day]: [i64; 3], clock: [i64; 3], micros: u32) -> Option<UnixMillis> {
    if year == 0 || !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return None;
    }
    let (year, month) = if month > 2 {
        (year, month - 3)
    } else {
        (year - 1, month + 9)
    };
    let days_before_month = (153 * month + 2) / 5;
    let leap_days = year / 4 - year / 100 + year / 400;
    // 719,468 days lie between 1 March 0 and 1 January 1970.
    let days = 365 * year + leap_days + days_before_month + day - 1 - 719_468;
    let [hour, minute, second] = clock;
    let seconds = days * 86_400 + hour * 3_600 + minute * 60 + second;
    Some(seconds * 1_000 + i64::from(micros / 1_000))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_counted_from_1970_and_impossible_ones_are_none() {
        // As `date -u -d … +%s` counts them.
        for (date, seconds) in [
            ([1970, 1, 1], 0),
            ([2000, 2, 29], 951_782_400),
            ([2000, 3, 1], 951_868_800),
            ([1969, 12, 31], -86_400),
            ([2100, 3, 1], 4_107_542_400),
            ([2026, 11, 21], 1_795_219_200),
        ] {
            assert_eq!(
                unix_millis(date, [0; 3], 0),
                Some(seconds * 1_000),
                "{date:?}"
            );
        }
        let evening = unix_millis([1970, 1, 1], [23, 59, 59], 999_999);
        assert_eq!(evening, Some(86_399_999));
        for date in [[0, 0, 0], [2020, 0, 1], [2020, 1, 0], [0, 1, 1]] {
            assert_eq!(unix_millis(date, [0; 3], 0), None, "{date:?}");
        }
    }
}
