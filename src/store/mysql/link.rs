//! Connections to the server: a small bounded pool, and the calls on a connection taken from it.
//!
//! Every wait has a deadline. A connection whose call failed or was cut short is closed, never used again: what is under
//! way on it is the server's to finish. Knows no table and repeats nothing.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use mysql_async::prelude::Queryable;
use mysql_async::{Conn, Opts, Params, Row};
use prometheus_client::metrics::histogram::Histogram;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout};

pub(super) use super::fault::Fault;
use super::session;
use crate::store::calls::unnamed;

/// How long to wait for a connection others use: longer than a call takes, shorter than a client's patience.
const PLACE_WAIT: Duration = Duration::from_secs(3);
/// How long connecting, greeting and setting up may take.
const CONNECT_WAIT: Duration = Duration::from_secs(5);
/// How long a call may take: what the server permits a statement, the longest wait for a lock, and the way there and
/// back.
const CALL_WAIT: Duration = Duration::from_secs(10);
/// A connection unused for longer is asked for a sign of life before it is trusted: firewalls forget silent ones, and a
/// server that was started again, which takes longer than this, knows none from before. Busy ones are never asked.
const TRUSTED_FOR: Duration = Duration::from_millis(200);
/// How long that sign may take.
const LIFE_WAIT: Duration = Duration::from_secs(1);
/// How long saying goodbye may take.
const GOODBYE_WAIT: Duration = Duration::from_secs(1);

/// What a writing statement did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Done {
    /// Rows it changed.
    pub affected: u64,
    /// The number it drew; 0 when none.
    pub last_id: u64,
}

/// A bounded number of connections, made when needed.
#[derive(Clone)]
pub(super) struct Pool {
    opts: Opts,
    places: Arc<Semaphore>,
    idle: Arc<Mutex<Vec<Idle>>>,
    times: Histogram,
}

struct Idle {
    connection: Conn,
    /// Used without a question until then.
    trusted_until: Instant,
}

impl Pool {
    /// Connects nowhere yet.
    pub(super) fn new(opts: Opts, connections_max: usize) -> Pool {
        Pool {
            opts,
            places: Arc::new(Semaphore::new(connections_max.max(1))),
            idle: Arc::default(),
            times: unnamed(),
        }
    }

    /// Its calls are measured by these times.
    pub(super) fn timed(self, times: Histogram) -> Pool {
        Pool { times, ..self }
    }

    /// A connection that is set up, to oneself until dropped.
    pub(super) async fn link(&self) -> Result<Link, Fault> {
        let places = Arc::clone(&self.places);
        let place = match timeout(PLACE_WAIT, places.acquire_owned()).await {
            Ok(Ok(place)) => place,
            Ok(Err(_)) => return Err(Fault::Unreachable("the store was closed".to_owned())),
            Err(_) => {
                return Err(Fault::Unreachable(
                    "all database connections are busy: store.pool may be too small".to_owned(),
                ));
            }
        };
        let connection = match self.trusted().await {
            Some(connection) => connection,
            None => connect(&self.opts).await?,
        };
        Ok(self.linked(connection, place))
    }

    /// One that is idle now: nobody waits for it, so whoever has a connection already may ask for another.
    pub(super) async fn spare(&self) -> Option<Link> {
        let place = Arc::clone(&self.places).try_acquire_owned().ok()?;
        let connection = self.trusted().await?;
        Some(self.linked(connection, place))
    }

    fn linked(&self, connection: Conn, place: OwnedSemaphorePermit) -> Link {
        Link {
            connection: Some(connection),
            in_order: true,
            idle: Arc::clone(&self.idle),
            times: self.times.clone(),
            _place: place,
        }
    }

    /// A connection from before that still lives.
    async fn trusted(&self) -> Option<Conn> {
        loop {
            let mut idle = self
                .idle
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .pop()?;
            if Instant::now() < idle.trusted_until {
                return Some(idle.connection);
            }
            match timeout(LIFE_WAIT, idle.connection.ping()).await {
                Ok(Ok(())) => return Some(idle.connection),
                Ok(Err(_)) | Err(_) => close(idle.connection),
            }
        }
    }
}

/// Connects and sets up.
pub(super) async fn connect(opts: &Opts) -> Result<Conn, Fault> {
    let connecting = async {
        let mut connection = Conn::new(opts.clone()).await.map_err(unreachable)?;
        session::prepare(&mut connection).await?;
        Ok(connection)
    };
    match timeout(CONNECT_WAIT, connecting).await {
        Ok(done) => done,
        Err(_) => Err(Fault::Unreachable(format!(
            "the database server did not take a connection within {} s",
            CONNECT_WAIT.as_secs()
        ))),
    }
}

/// Before a connection stands, nothing was asked for that could have happened.
fn unreachable(error: mysql_async::Error) -> Fault {
    match Fault::from(error) {
        Fault::Lost(text) => Fault::Unreachable(text),
        fault @ (Fault::Unreachable(_)
        | Fault::Server { .. }
        | Fault::Unsendable(_)
        | Fault::Damaged(_)) => fault,
    }
}

/// A connection that is taken. Dropping it gives it back, or closes it when a call failed or was cut short.
pub(super) struct Link {
    connection: Option<Conn>,
    /// No call is under way and none failed.
    in_order: bool,
    idle: Arc<Mutex<Vec<Idle>>>,
    times: Histogram,
    _place: OwnedSemaphorePermit,
}

impl Link {
    /// All rows of a statement.
    pub(super) async fn rows(
        &mut self,
        sql: &str,
        params: impl Into<Params> + Send,
    ) -> Result<Vec<Row>, Fault> {
        let params = params.into();
        self.within(CALL_WAIT, async |connection| {
            connection.exec(sql, params).await
        })
        .await
    }

    /// The first row of a statement.
    pub(super) async fn first(
        &mut self,
        sql: &str,
        params: impl Into<Params> + Send,
    ) -> Result<Option<Row>, Fault> {
        let params = params.into();
        self.within(CALL_WAIT, async |connection| {
            connection.exec_first(sql, params).await
        })
        .await
    }

    /// A statement that writes.
    pub(super) async fn execute(
        &mut self,
        sql: &str,
        params: impl Into<Params> + Send,
    ) -> Result<Done, Fault> {
        let params = params.into();
        self.within(CALL_WAIT, async |connection| {
            connection.exec_drop(sql, params).await?;
            Ok(Done {
                affected: connection.affected_rows(),
                last_id: connection.last_insert_id().unwrap_or(0),
            })
        })
        .await
    }

    /// A procedure's first result set. The others, and the procedure's own end, are waited for.
    pub(super) async fn call(
        &mut self,
        sql: &str,
        params: impl Into<Params> + Send,
    ) -> Result<Vec<Row>, Fault> {
        let params = params.into();
        self.within(CALL_WAIT, async |connection| {
            let mut answer = connection.exec_iter(sql, params).await?;
            let rows = answer.collect().await?;
            answer.drop_result().await?;
            Ok(rows)
        })
        .await
    }

    /// The connection itself, for what takes several statements. Closed afterwards.
    pub(super) fn into_connection(mut self) -> Option<Conn> {
        self.connection.take()
    }

    async fn within<T>(
        &mut self,
        wait: Duration,
        call: impl AsyncFnOnce(&mut Conn) -> mysql_async::Result<T>,
    ) -> Result<T, Fault> {
        let Some(connection) = self.connection.as_mut().filter(|_| self.in_order) else {
            return Err(Fault::Lost(
                "the database connection failed before".to_owned(),
            ));
        };
        // Stays so when this future is dropped.
        self.in_order = false;
        let began = Instant::now();
        let done = timeout(wait, call(connection)).await;
        self.times.observe(began.elapsed().as_secs_f64());
        let fault = match done {
            Ok(Ok(answer)) => {
                self.in_order = true;
                return Ok(answer);
            }
            Ok(Err(error)) => Fault::from(error),
            Err(_) => Fault::late(wait),
        };
        self.in_order = fault.spares_connection();
        if matches!(fault, Fault::Lost(_)) {
            // What ended this one (a restart, a failover) ended those that were idle, too.
            let idle =
                std::mem::take(&mut *self.idle.lock().unwrap_or_else(PoisonError::into_inner));
            idle.into_iter().for_each(|idle| close(idle.connection));
        }
        Err(fault)
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        let Some(connection) = self.connection.take() else {
            return;
        };
        let now = Instant::now();
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if self.in_order {
            idle.push(Idle {
                connection,
                trusted_until: now + TRUSTED_FOR,
            });
        } else {
            // What broke this one may have broken all: a server that was started again knows none of them.
            for other in idle.iter_mut() {
                other.trusted_until = now;
            }
            close(connection);
        }
    }
}

/// Says goodbye in the background: the driver's own goodbye has no deadline.
fn close(connection: Conn) {
    match tokio::runtime::Handle::try_current() {
        Ok(runtime) => {
            runtime.spawn(timeout(GOODBYE_WAIT, connection.disconnect()));
        }
        Err(_) => drop(connection),
    }
}
