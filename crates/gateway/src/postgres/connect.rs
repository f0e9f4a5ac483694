//! From nothing to a session with a server: TLS, the login with the real password, and what the
//! server is told to begin with.

use std::{
    io,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use bytes::{BufMut as _, Bytes, BytesMut};
use holdpoint_store::config::{Database, Tls};
use holdpoint_wire::sql::protocol::{
    backend::{self, Authentication, framed},
    scram::{BOUND, Binding, Keys, Login, MECHANISM},
};
use rustls::{ClientConfig, pki_types::ServerName};
use secrecy::{ExposeSecret as _, SecretString};
use thiserror::Error;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use super::{
    binding,
    frame::{Framed, invalid},
    upstream::{READ_ONLY, Upstream},
};
use crate::forward::{Client, dial::Wire};

/// How long a login may take.
const LOGIN_MAX: Duration = Duration::from_secs(15);
/// The first packet that asks for TLS, and the version that is spoken: 3.0.
const ASK_FOR_TLS: [u8; 8] = [0, 0, 0, 8, 4, 210, 22, 47];
const VERSION: u32 = 196_608;
/// What ALPN calls the protocol.
pub(super) const ALPN: &[u8] = b"postgresql";
/// Bytes of a number that is used once.
pub(super) const NONCE_BYTES: usize = 18;

/// Why there is no session.
#[derive(Debug, Error)]
pub(super) enum ConnectError {
    /// The server is not reached, or ends the connection.
    #[error("the database's server is not reached: {0}")]
    Unreached(String),
    /// It is not who it should be, or cannot speak TLS.
    #[error(
        "there is no TLS with the database's server: {0}; mend it, or trust its certificate with upstream_ca"
    )]
    Tls(String),
    /// The login did not come about.
    #[error("the login at the database's server failed: {0}")]
    Login(String),
}

impl From<io::Error> for ConnectError {
    fn from(error: io::Error) -> Self {
        Self::Unreached(error.to_string())
    }
}

/// What is needed to connect.
#[derive(Clone, Copy)]
pub(super) struct Connect<'a> {
    pub(super) client: &'a Client,
    pub(super) database: &'a Database,
    pub(super) tls: &'a Arc<ClientConfig>,
    pub(super) inside: bool,
    /// What was computed of the password before.
    pub(super) keys: &'a Mutex<Option<Keys>>,
}

impl Connect<'_> {
    /// A session with these `options`, in which nothing can be written unless a transaction says
    /// so.
    pub(super) async fn session(
        self,
        password: &SecretString,
        options: &[(String, String)],
    ) -> Result<Upstream, ConnectError> {
        let session = async {
            let (wire, channel) = self.wire().await?;
            let mut upstream = Upstream::new(Framed::new(wire));
            upstream.login(&self.start(options)).await?;
            login(&mut upstream, password, self.keys, &channel).await?;
            Ok(upstream)
        };
        timeout(LOGIN_MAX, session)
            .await
            .map_err(|_| ConnectError::Unreached("it did not answer in time".to_owned()))?
    }

    /// Asks the server to cancel what a session does.
    pub(super) async fn cancel(self, process: u32, key: &[u8]) -> Result<(), ConnectError> {
        let mut packet = BytesMut::new();
        packet.put_u32(u32::try_from(key.len() + 12).unwrap_or(u32::MAX));
        packet.put_u32(80_877_102);
        packet.put_u32(process);
        packet.put_slice(key);
        let mut wire = Framed::new(self.wire().await?.0);
        wire.put(&packet).await?;
        Ok(wire.flush().await?)
    }

    /// A connection, protected as the configuration says, and what a login in it can be bound to.
    async fn wire(self) -> Result<(Box<dyn Wire>, Channel), ConnectError> {
        let Database { host, port, tls, .. } = self.database;
        let wire = self.client.connect_raw(host, *port, self.inside).await;
        let wire = wire.map_err(|error| ConnectError::Unreached(error.to_string()))?;
        let wire = match tls {
            Tls::Off => return Ok((wire, Channel::Plain)),
            Tls::Direct => wire,
            Tls::Verify => {
                let mut asked = Framed::new(wire);
                asked.put(&ASK_FOR_TLS).await?;
                asked.flush().await?;
                match asked.byte().await? {
                    Some(b'S') => asked.into_inner()?,
                    _ => return Err(ConnectError::Tls("it does not speak it".to_owned())),
                }
            }
        };
        let bare = host.trim_matches(['[', ']']).to_owned();
        let name = ServerName::try_from(bare).map_err(|it| ConnectError::Tls(it.to_string()))?;
        let connected = TlsConnector::from(Arc::clone(self.tls)).connect(name, wire).await;
        let connected = connected.map_err(|error| ConnectError::Tls(error.to_string()))?;
        let shown = connected.get_ref().1.peer_certificates().and_then(<[_]>::first);
        let channel = Channel::Tls(shown.and_then(binding::digest));
        Ok((Box::new(connected), channel))
    }

    /// The first packet: who logs in, and what the session begins with.
    fn start(self, options: &[(String, String)]) -> Bytes {
        let Database { role, name, .. } = self.database;
        let own = [("user", role.as_str()), ("database", name), ("client_encoding", "UTF8")];
        let fixed = [(READ_ONLY, "on"), ("standard_conforming_strings", "on")];
        let taken = |name: &str| {
            own.iter().chain(&fixed).any(|(own, _)| own.eq_ignore_ascii_case(name))
                || ["options", "replication"].iter().any(|it| it.eq_ignore_ascii_case(name))
        };
        let theirs = options.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        let theirs = theirs.filter(|(name, _)| !taken(name));
        let mut fields = BytesMut::new();
        fields.put_u32(VERSION);
        for (name, value) in own.into_iter().chain(fixed).chain(theirs) {
            fields.put_slice(name.as_bytes());
            fields.put_u8(0);
            fields.put_slice(value.as_bytes());
            fields.put_u8(0);
        }
        fields.put_u8(0);
        let mut start = BytesMut::new();
        start.put_u32(u32::try_from(fields.len() + 4).unwrap_or(u32::MAX));
        start.put(fields);
        start.freeze()
    }
}

/// What a login runs in.
enum Channel {
    /// Nothing that it could be bound to.
    Plain,
    /// TLS, with the digest of the certificate that the server showed, if it has one.
    Tls(Option<Vec<u8>>),
}

impl Channel {
    /// What a login is bound to where a server offers these mechanisms.
    fn binding(&self, offered: &[String]) -> Binding {
        match self {
            Self::Tls(Some(digest)) if offered.iter().any(|name| name == BOUND) => {
                Binding::Certificate(digest.clone())
            }
            Self::Tls(Some(_)) => Binding::NotOffered,
            Self::Tls(None) | Self::Plain => Binding::None,
        }
    }
}

/// Logs in, and waits until the server is ready.
async fn login(
    upstream: &mut Upstream,
    password: &SecretString,
    keys: &Mutex<Option<Keys>>,
    channel: &Channel,
) -> Result<(), ConnectError> {
    let mut scram: Option<Login> = None;
    let mut proven = false;
    loop {
        let frame = upstream.frame().await?;
        match frame.tag {
            b'R' => match read(backend::authentication(frame.body))? {
                Authentication::Ok if scram.is_some() && !proven => {
                    return Err(ConnectError::Login("the server did not prove itself".to_owned()));
                }
                Authentication::Ok => {}
                Authentication::Sasl(names) if names.iter().any(|it| is_ours(it)) => {
                    let binding = channel.binding(&names);
                    let name = binding.mechanism().as_bytes();
                    let (login, first) = Login::start(&drawn::<NONCE_BYTES>()?, binding);
                    let length = u32::try_from(first.len()).unwrap_or(u32::MAX).to_be_bytes();
                    let body = [name, &[0], &length, first.as_bytes()].concat();
                    upstream.login(&framed(b'p', &body)).await?;
                    scram = Some(login);
                }
                Authentication::SaslContinue(said) => {
                    let login = scram.as_mut().ok_or_else(|| unasked("a step of SCRAM"))?;
                    let mut known = keys.lock().unwrap_or_else(PoisonError::into_inner).clone();
                    let proof = read(login.prove(&said, password.expose_secret(), &mut known))?;
                    *keys.lock().unwrap_or_else(PoisonError::into_inner) = known;
                    upstream.login(&framed(b'p', proof.as_bytes())).await?;
                }
                Authentication::SaslFinal(said) => {
                    proven = scram.as_ref().is_some_and(|login| login.is_server(&said));
                }
                _ => {
                    return Err(ConnectError::Login(
                        "it asks for another kind of password; set password_encryption to \
                         scram-sha-256 there, and the password anew"
                            .to_owned(),
                    ));
                }
            },
            b'K' => upstream.key = read(backend::key_data(frame.body))?,
            b'S' => upstream.note(frame.body)?,
            b'E' => {
                let said = read(backend::error(frame.body))?;
                return Err(ConnectError::Login(format!("{} ({})", said.message, said.state)));
            }
            b'Z' => return Ok(()),
            _ => {}
        }
    }
}

fn is_ours(mechanism: &str) -> bool {
    mechanism == MECHANISM || mechanism == BOUND
}

fn unasked(what: &str) -> ConnectError {
    ConnectError::Login(format!("the server begins with {what}"))
}

/// Random bytes.
pub(super) fn drawn<const N: usize>() -> io::Result<[u8; N]> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|error| io::Error::other(error.to_string()))?;
    Ok(bytes)
}

fn read<T>(found: Result<T, holdpoint_wire::Unreadable>) -> io::Result<T> {
    found.map_err(|error| invalid(&error.text))
}
