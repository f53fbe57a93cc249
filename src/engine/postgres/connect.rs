//! Opening connections: bounded waits, TLS, the pooler check, fixed settings.

use crate::base::limits;
use crate::engine::postgres::alive::{self, Heard};
use crate::engine::postgres::sniff::{AnnouncedPid, Sniff};
use crate::engine::postgres::{Postgres, error, session, tls};
use crate::error::{Error, Result, code};
use crate::model::desired::{HostPort, SecretRef, ServerSpec, TlsMode};
use std::error::Error as _;
use std::fmt::Display;
use std::future::Future;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, UnixStream};
use tokio::task::JoinHandle;
use tokio_postgres::config::SslMode;
use tokio_postgres::{Client, Config, NoTls, SimpleQueryMessage, SimpleQueryRow};

/// What a connection is for: decides its settings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// Looking: read-only.
    Observe,
    /// Capturing: read-only.
    Capture,
    /// Restoring: writes.
    Restore,
}

/// An open session. Dropped, it is closed at once, whatever it was doing.
pub struct Connection {
    /// The session.
    pub client: Client,
    /// Its process on the server.
    pub pid: i32,
    /// `server_version_num`, e.g. 150018.
    pub server_version: u32,
    /// Whether the login is a superuser.
    pub superuser: bool,
    /// The database it is connected to.
    pub database: String,
    /// Whether it is encrypted.
    pub encrypted: bool,
    farewell: Farewell,
    driver: JoinHandle<()>,
}

/// What ended the session, when nobody was waiting for an answer.
type Farewell = Arc<OnceLock<tokio_postgres::Error>>;

impl Drop for Connection {
    fn drop(&mut self) {
        self.driver.abort();
    }
}

impl Connection {
    /// What the server said when it ended an idle session by itself: a shutdown, an administrator's word,
    /// a conflict with replaying on a standby.
    pub fn farewell(&self) -> Option<Error> {
        let server = self.farewell.get()?.as_db_error()?;
        Some(error::map_db(server, format!("a session on {}", self.database)))
    }

    /// Ends when the session has ended. Nothing tells of that while nobody asks: it is looked for.
    pub async fn ended(&self) {
        while !self.client.is_closed() {
            tokio::time::sleep(limits::SESSION_LOOK_EVERY).await;
        }
    }

    /// The major version, e.g. 15.
    pub fn major(&self) -> u32 {
        self.server_version / 10_000
    }

    /// Runs statements as one simple query.
    ///
    /// # Errors
    /// As the server says; `context` is what was being done.
    pub async fn batch(&self, sql: &str, context: impl Display) -> Result<()> {
        self.client.batch_execute(sql).await.map_err(|error| error::map(error, context))
    }

    /// Runs a query by the simple protocol: every value comes as text.
    ///
    /// # Errors
    /// As the server says; `context` is what was being done.
    pub async fn rows(&self, sql: &str, context: impl Display) -> Result<Vec<SimpleQueryRow>> {
        let messages = self.client.simple_query(sql).await.map_err(|error| error::map(error, context))?;
        Ok(messages
            .into_iter()
            .filter_map(|message| match message {
                SimpleQueryMessage::Row(row) => Some(row),
                _ => None,
            })
            .collect())
    }
}

/// Opens a session on `database` of `server`, ready for `purpose`.
///
/// # Errors
/// `DBB-PG-CONNECT`, `-AUTH`, `-TLS`, `-DATABASE`, `-POOLER`, `-VERSION`, `DBB-SECRET-*`
pub async fn open(engine: &Postgres, server: &ServerSpec, database: &str, purpose: Purpose) -> Result<Connection> {
    let at = server.direct.as_ref().unwrap_or(&server.at);
    let login = Login { engine, server, database, at };
    let connection = match login.attempt(server.tls.mode).await {
        // libpq's `prefer`: what fails encrypted is tried once more in the clear
        Err(failure)
            if server.tls.mode == TlsMode::Prefer
                && !at.host.starts_with('/')
                && (failure.code() == code::PG_TLS || hba_refuses(&failure)) =>
        {
            login.attempt(TlsMode::Disable).await.map_err(|_| failure)?
        }
        other => other?,
    };
    login.prepare(connection, purpose).await
}

fn hba_refuses(failure: &Error) -> bool {
    failure.code() == code::PG_AUTH && failure.causes().iter().any(|cause| cause.contains("SQLSTATE 28000"))
}

/// `host:port/database`, for messages.
pub fn place(at: &HostPort, database: &str) -> String {
    format!("{}:{}/{database}", at.host, at.port)
}

/// Runs a session's traffic until it ends or the server is `gone`, and keeps what ended it.
fn drive<S, T>(
    connection: tokio_postgres::Connection<S, T>,
    gone: impl Future<Output = ()> + Send + 'static,
) -> (Farewell, JoinHandle<()>)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    T: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let farewell = Farewell::default();
    let kept = farewell.clone();
    let driver = tokio::spawn(async move {
        tokio::select! {
            ended = connection => if let Err(error) = ended {
                let _ = kept.set(error);
            },
            () = gone => {}
        }
    });
    (farewell, driver)
}

struct Raw {
    client: Client,
    driver: JoinHandle<()>,
    farewell: Farewell,
    announced: AnnouncedPid,
    version: String,
    encrypted: bool,
}

struct Login<'a> {
    engine: &'a Postgres,
    server: &'a ServerSpec,
    database: &'a str,
    at: &'a HostPort,
}

impl Login<'_> {
    fn place(&self) -> String {
        place(self.at, self.database)
    }

    /// One try with one TLS mode; the time limit is per address, as libpq has it.
    async fn attempt(&self, mode: TlsMode) -> Result<Raw> {
        let password = self.engine.secrets.password(self.server, self.database).await?;
        let mut config = Config::new();
        config.user(&self.server.user).dbname(self.database).application_name(session::APPLICATION_NAME);
        if let Some(password) = &password {
            config.password(password.expose());
        }
        if self.at.host.starts_with('/') {
            let socket = format!("{}/.s.PGSQL.{}", self.at.host, self.at.port);
            config.ssl_mode(SslMode::Disable);
            return self
                .limited(async {
                    let stream =
                        UnixStream::connect(&socket).await.map_err(|error| self.unreachable(&socket, &error))?;
                    self.plain(stream, None, &config).await
                })
                .await;
        }
        let spec = crate::model::desired::TlsSpec { mode, ..self.server.tls.clone() };
        let encryption = tls::client_config(&spec)?;
        config.ssl_mode(match mode {
            TlsMode::Disable => SslMode::Disable,
            TlsMode::Prefer => SslMode::Prefer,
            _ => SslMode::Require,
        });
        let addresses: Vec<_> = self
            .limited(async {
                tokio::net::lookup_host((self.at.host.as_str(), self.at.port))
                    .await
                    .map(Iterator::collect)
                    .map_err(|error| self.unknown_host(&error))
            })
            .await?;
        let mut last = self.unknown_host(&std::io::Error::other("the name has no address"));
        for address in addresses {
            let tried = self
                .limited(async {
                    let stream = TcpStream::connect(address)
                        .await
                        .and_then(keep_alive)
                        .map_err(|error| self.unreachable(&address.to_string(), &error))?;
                    match &encryption {
                        None => self.plain(stream, Some(address), &config).await,
                        Some(encryption) => self.encrypted(stream, &config, encryption.clone()).await,
                    }
                })
                .await;
            match tried {
                Err(error) if error.code() == code::PG_CONNECT => last = error,
                other => return other,
            }
        }
        Err(last)
    }

    async fn limited<T>(&self, work: impl Future<Output = Result<T>>) -> Result<T> {
        match tokio::time::timeout(self.server.connect_timeout, work).await {
            Ok(result) => result,
            Err(_) => Err(Error::new(
                code::PG_CONNECT,
                format!(
                    "{} did not answer within {}",
                    self.place(),
                    crate::base::units::duration(self.server.connect_timeout)
                ),
            )
            .cause("no answer: a firewall that drops packets, a server that hangs, or a pooler without a free server connection")
            .fix(format!("Check from this machine: pg_isready -h {} -p {}", self.at.host, self.at.port))
            .fix("Raise connect_timeout of the server in the config if the network is slow")),
        }
    }

    /// Ends when the server at `address` answers nobody any more.
    fn gone(&self, address: Option<SocketAddr>, heard: Heard) -> impl Future<Output = ()> + Send + 'static {
        let wait = self.server.connect_timeout;
        async move {
            match address {
                Some(address) => alive::until_gone(address, heard, wait).await,
                // a socket of this machine: the kernel tells at once
                None => std::future::pending().await,
            }
        }
    }

    async fn plain<S>(&self, stream: S, address: Option<SocketAddr>, config: &Config) -> Result<Raw>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let announced = AnnouncedPid::default();
        let stream = Sniff::new(stream, announced.clone(), false);
        let gone = self.gone(address, stream.heard());
        let (client, connection) =
            config.connect_raw(stream, NoTls).await.map_err(|error| self.refused(&error, false))?;
        let version = connection.parameter("server_version").unwrap_or_default().to_owned();
        let (farewell, driver) = drive(connection, gone);
        Ok(Raw { client, driver, farewell, announced, version, encrypted: false })
    }

    async fn encrypted(&self, stream: TcpStream, config: &Config, encryption: rustls::ClientConfig) -> Result<Raw> {
        let address = stream.peer_addr().ok();
        let announced = AnnouncedPid::default();
        let stream = Sniff::new(stream, announced.clone(), true);
        let gone = self.gone(address, stream.heard());
        let encrypted = Arc::new(AtomicBool::new(false));
        let connector = tls::Connect::new(encryption, &self.at.host, encrypted.clone());
        let (client, connection) =
            config.connect_raw(stream, connector).await.map_err(|error| self.refused(&error, true))?;
        let encrypted = encrypted.load(Ordering::Relaxed);
        let version = connection.parameter("server_version").unwrap_or_default().to_owned();
        let (farewell, driver) = drive(connection, gone);
        Ok(Raw { client, driver, farewell, announced, version, encrypted })
    }

    /// Checks for a pooler and applies the settings: two messages on their way together.
    async fn prepare(&self, raw: Raw, purpose: Purpose) -> Result<Connection> {
        let mut connection = Connection {
            client: raw.client,
            pid: 0,
            server_version: 0,
            superuser: false,
            database: self.database.to_owned(),
            encrypted: raw.encrypted,
            farewell: raw.farewell,
            driver: raw.driver,
        };
        let limit = self.server.connect_timeout.max(Duration::from_secs(5));
        let context = format!("preparing a session on {}", self.place());
        let work = async {
            const ESCAPE: &str = "SET statement_timeout = 0; SET ROLE NONE";
            const FACTS: &str = "select pg_catalog.pg_backend_pid(), pg_catalog.current_setting('server_version_num'), \
                                 pg_catalog.current_setting('is_superuser')";
            let (escape, facts) = tokio::join!(connection.batch(ESCAPE, &context), connection.rows(FACTS, &context));
            escape?;
            facts
        };
        let facts = match tokio::time::timeout(limit, work).await {
            Ok(facts) => facts?,
            Err(_) => return Err(self.no_answer(limit)),
        };
        let value = |at: usize| facts.first().and_then(|row| row.get(at)).unwrap_or_default();
        connection.pid = value(0).parse().unwrap_or_default();
        connection.server_version = value(1).parse().unwrap_or_default();
        connection.superuser = value(2) == "on";
        if raw.announced.get() != Some(connection.pid) {
            return Err(self.pooler(raw.announced.get(), connection.pid));
        }
        if connection.major() < 12 {
            return Err(Error::new(code::PG_VERSION, format!("{} runs PostgreSQL {}", self.place(), raw.version))
                .cause("dbb works with PostgreSQL 12 to 18")
                .fix("Upgrade the server"));
        }
        let sql = session::settings(self.server, purpose, connection.major(), connection.superuser);
        match tokio::time::timeout(limit, connection.batch(&sql, &context)).await {
            Ok(result) => result?,
            Err(_) => return Err(self.no_answer(limit)),
        }
        Ok(connection)
    }

    fn no_answer(&self, limit: Duration) -> Error {
        Error::new(
            code::PG_TIMEOUT,
            format!("{} did not answer a first query within {}", self.place(), crate::base::units::duration(limit)),
        )
        .fix("Look at the server's load and log; a pooler in front may have no free server connection")
    }

    fn pooler(&self, announced: Option<i32>, real: i32) -> Error {
        let announced = announced.map_or("none".to_owned(), |pid| pid.to_string());
        let error = Error::new(code::PG_POOLER, format!("{} is a pooler, not the server itself", self.place())).cause(
            format!("the login announced process {announced}, the session runs in process {real}: something like PgBouncer or pgpool stands between"),
        );
        if self.server.direct.is_some() {
            error.fix("Set direct: of the server to the address of PostgreSQL itself; this one is a pooler too")
        } else {
            error.fix(format!(
                "Add the address of PostgreSQL itself under servers.{}: direct: {{host: ..., port: 5432}}",
                self.server.name
            ))
        }
    }

    fn unknown_host(&self, error: &std::io::Error) -> Error {
        Error::new(code::PG_CONNECT, format!("the host name of {} could not be resolved", self.place()))
            .cause(error.to_string())
            .fix(format!(
                "Check host of servers.{} ({}) and the name service: getent hosts {}",
                self.server.name, self.server.place, self.at.host
            ))
    }

    fn unreachable(&self, address: &str, error: &std::io::Error) -> Error {
        Error::new(code::PG_CONNECT, format!("{} cannot be reached", self.place()))
            .cause(format!("{address}: {error}"))
            .fix(format!(
                "Check that PostgreSQL runs and listens there: pg_isready -h {} -p {}",
                self.at.host, self.at.port
            ))
            .fix("Check listen_addresses and port in postgresql.conf, and firewalls between")
    }

    /// A login that failed after the socket was open.
    fn refused(&self, failure: &tokio_postgres::Error, encrypted: bool) -> Error {
        let place = self.place();
        let user = &self.server.user;
        let psql = format!("Try: psql -h {} -p {} -U {user} -d {}", self.at.host, self.at.port, self.database);
        if let Some(server) = failure.as_db_error() {
            let cause = error::quote(server);
            return match server.code().code() {
                "28P01" | "28000" => {
                    Error::new(code::PG_AUTH, format!("PostgreSQL refused the login of \"{user}\" on {place}"))
                        .cause(cause)
                        .fix(format!("Check the password: {}", self.password_origin()))
                        .fix("Check that pg_hba.conf allows this host, user, database and method")
                        .fix(psql)
                }
                "3D000" => Error::new(
                    code::PG_DATABASE,
                    format!("there is no database \"{}\" on {}:{}", self.database, self.at.host, self.at.port),
                )
                .cause(cause)
                .fix(format!("List what is there: psql -h {} -p {} -U {user} -l", self.at.host, self.at.port)),
                "42501" => Error::new(code::PG_AUTH, format!("\"{user}\" may not connect to {place}"))
                    .cause(cause)
                    .fix(format!("Run as the owner: GRANT CONNECT ON DATABASE \"{}\" TO \"{user}\"", self.database)),
                "57P03" => Error::new(code::PG_CONNECT, format!("{place} does not take connections at this moment"))
                    .cause(cause)
                    .fix("Wait until the server has started or recovered, then run it again"),
                "55000" => Error::new(code::PG_DATABASE, format!("{place} does not allow connections"))
                    .cause(cause)
                    .fix(format!("Run: ALTER DATABASE \"{}\" WITH ALLOW_CONNECTIONS true", self.database)),
                // PgBouncer says what it does not like with these
                "08P01" if (cause.contains("no such database") || cause.contains("does not exist")) => {
                    Error::new(code::PG_DATABASE, format!("{place} is not known to the pooler")).cause(cause).fix(
                        format!("Add direct: of servers.{} with the address of PostgreSQL itself", self.server.name),
                    )
                }
                _ => error::map_db(server, format!("logging in on {place}")),
            };
        }
        let cause = error::chain(failure);
        if cause.contains("password missing") {
            return Error::new(code::PG_AUTH, format!("{place} asks for a password and there is none for \"{user}\""))
                .cause(self.password_origin())
                .fix(format!(
                    "Set password of servers.{}: {{env: NAME}} or {{file: PATH}}, or add a line to ~/.pgpass",
                    self.server.name
                ))
                .fix(psql);
        }
        if cause.starts_with("error performing TLS handshake") {
            let io = failure.source().and_then(|source| source.downcast_ref::<std::io::Error>());
            let hint =
                io.and_then(tls::explain).unwrap_or("Check ssl of the server and tls: of the server in the config");
            return Error::new(code::PG_TLS, format!("no encrypted connection to {place}")).cause(cause).fix(hint);
        }
        if cause.starts_with("authentication error") {
            return Error::new(code::PG_AUTH, format!("the login of \"{user}\" on {place} did not work"))
                .cause(cause)
                .fix("Use scram-sha-256, md5, password, cert, peer or trust in pg_hba.conf for this login");
        }
        let reset =
            if encrypted { "the connection was cut during the login" } else { "no PostgreSQL answered the login" };
        Error::new(code::PG_CONNECT, format!("{place}: {reset}")).cause(cause).fix(format!(
            "Check that PostgreSQL and nothing else listens there: pg_isready -h {} -p {}",
            self.at.host, self.at.port
        ))
    }

    /// Where the password comes from, in words.
    fn password_origin(&self) -> String {
        let place = &self.server.place;
        match &self.server.password {
            Some(SecretRef::Env(name)) => format!("it comes from {{env: {name}}} ({place})"),
            Some(SecretRef::File(path)) => format!("it comes from {{file: {}}} ({place})", path.display()),
            Some(SecretRef::Command(argv)) => {
                format!("it comes from {{command: [{}, ...]}} ({place})", argv.first().map_or("", String::as_str))
            }
            Some(SecretRef::Prompt(_)) => "it was typed at the prompt".to_owned(),
            None => format!("the config has none ({place}), so only PGPASSFILE or ~/.pgpass can give one"),
        }
    }
}

/// A dead peer is noticed after about two minutes, not after hours.
fn keep_alive(stream: TcpStream) -> std::io::Result<TcpStream> {
    stream.set_nodelay(true)?;
    let alive = socket2::TcpKeepalive::new()
        .with_time(Duration::from_secs(60))
        .with_interval(Duration::from_secs(10))
        .with_retries(6);
    let socket = socket2::SockRef::from(&stream);
    socket.set_tcp_keepalive(&alive)?;
    // the same limit for bytes that were sent and never acknowledged
    socket.set_tcp_user_timeout(Some(Duration::from_secs(120)))?;
    Ok(stream)
}
