//! Opens the store on a server: reads the URL, connects, looks at the server and the database, brings the schema up to
//! date, and says in words what stands in the way.
//!
//! Used once at start ([`open`], [`migrate`]), and by an append that misses its procedures. Passwords are in no error
//! and in no line of the log.

use std::path::PathBuf;
use std::time::Duration;

use mysql_async::{Conn, Opts, OptsBuilder, SslOpts};

use super::Mysql;
use super::fault::Fault;
use super::link::{self, Pool};
use super::refusal::{OpenError, Server};
use super::routines::{self, Changed};
use super::schema;
use super::server;
use crate::model::policy::StoreRules;
use crate::store::CallTimes;
use crate::store::tables::INCOMPLETE;
use crate::store::{Result as StoreResult, SchemaVersion, Stores};

/// Connections for reading when nothing is said.
const READERS_DEFAULT: usize = 4;
/// Connections for what is written and is not an entry: profiles, read positions, sessions, the registry.
const WRITERS: usize = 4;
/// Statements kept prepared per connection; there are fewer than this in all.
const STATEMENTS_MAX: usize = 128;
/// After how much silence the system asks whether the server's machine is still there.
const KEEPALIVE: Duration = Duration::from_secs(15);

/// How the way to the server is protected.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Tls {
    /// Not at all: for a server on the same machine or in a network of one's own.
    #[default]
    Off,
    /// Encrypted, and the server's certificate is checked: against this authority (a PEM file), or else against those
    /// browsers trust.
    On { ca: Option<PathBuf> },
    /// Encrypted, and any certificate will do: keeps out who listens, not who answers in the server's place.
    Unverified,
}

/// How to open the store.
#[derive(Clone, Debug)]
pub struct OpenOptions {
    /// What the deployment permits.
    pub rules: StoreRules,
    /// Connections for reading, at least one.
    pub readers: usize,
    pub tls: Tls,
    /// Also a store that is being filled from another one, or was left so.
    pub incomplete: bool,
}

impl Default for OpenOptions {
    fn default() -> Self {
        OpenOptions {
            rules: StoreRules::default(),
            readers: READERS_DEFAULT,
            tls: Tls::Off,
            incomplete: false,
        }
    }
}

/// Opens the store in the database that `url` names (`mysql://user:password@host:port/database`) and brings its schema
/// up to date.
pub async fn open(url: &str, options: OpenOptions) -> Result<Stores, OpenError> {
    let (opts, server) = read(url, &options.tls)?;
    let mut connection = connect(&opts, &server).await?;
    let packet_bytes = server::check(&mut connection, &server).await?;
    schema::prepare(&opts, &mut connection, &server, Changed::Keep).await?;
    drop(connection);
    let calls = CallTimes::new();
    let mysql = Mysql {
        appender: Pool::new(opts.clone(), 1).timed(calls.of("append")),
        readers: Pool::new(opts.clone(), options.readers).timed(calls.of("read")),
        writers: Pool::new(opts, WRITERS).timed(calls.of("write")),
        calls,
        rules: options.rules,
        batch_bytes: server::batch_bytes(packet_bytes),
        packet_bytes,
    };
    let log = mysql.log_row().await;
    let (epoch, _) = log.map_err(|fault| server.explain(&fault))?;
    if epoch == INCOMPLETE && !options.incomplete {
        return Err(OpenError::Incomplete(server.database));
    }
    Ok(mysql.into_stores())
}

/// Brings the database that `url` names to the schema of this program, its procedures included, and says which it has
/// now.
pub async fn migrate(url: &str, tls: &Tls) -> Result<SchemaVersion, OpenError> {
    let (opts, server) = read(url, tls)?;
    let mut connection = connect(&opts, &server).await?;
    server::check(&mut connection, &server).await?;
    schema::prepare(&opts, &mut connection, &server, Changed::Replace).await
}

impl Mysql {
    /// Makes the procedures again that somebody dropped.
    pub(super) async fn restore_routines(&self) -> StoreResult<()> {
        let link = self.writers.link().await?;
        let Some(mut connection) = link.into_connection() else {
            return Ok(());
        };
        let made = routines::ensure(&mut connection, Changed::Keep);
        match tokio::time::timeout(KEEPALIVE, made).await {
            Ok(done) => Ok(done?),
            Err(_) => Err(Fault::late(KEEPALIVE).into()),
        }
    }
}

async fn connect(opts: &Opts, server: &Server) -> Result<Conn, OpenError> {
    link::connect(opts)
        .await
        .map_err(|fault| server.explain(&fault))
}

/// What to connect to, and how to speak of it.
fn read(url: &str, tls: &Tls) -> Result<(Opts, Server), OpenError> {
    let opts = Opts::from_url(url).map_err(|error| OpenError::NotAUrl(error.to_string()))?;
    let Some(database) = opts.db_name().filter(|name| !name.is_empty()) else {
        return Err(OpenError::NoDatabase);
    };
    let server = Server {
        address: format!("{}:{}", opts.ip_or_hostname(), opts.tcp_port()),
        user: opts.user().unwrap_or_default().to_owned(),
        database: database.to_owned(),
    };
    let ssl = match tls {
        Tls::Off => None,
        Tls::On { ca: None } => Some(SslOpts::default()),
        Tls::On { ca: Some(path) } => Some(
            SslOpts::default()
                .with_root_certs(vec![path.clone().into()])
                .with_disable_built_in_roots(true),
        ),
        Tls::Unverified => Some(
            SslOpts::default()
                .with_danger_accept_invalid_certs(true)
                .with_danger_skip_domain_validation(true),
        ),
    };
    let opts = OptsBuilder::from_opts(opts)
        .ssl_opts(ssl)
        .tcp_nodelay(true)
        .tcp_keepalive(Some(KEEPALIVE))
        .stmt_cache_size(STATEMENTS_MAX)
        // The address that was given is the one that is used, whatever socket the server has besides.
        .prefer_socket(false);
    Ok((opts.into(), server))
}
