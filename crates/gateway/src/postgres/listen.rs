//! Accepts connections to a database: encryption, the first packet, the login with the phantom, and
//! then a session.

use std::{io, sync::Arc, time::Duration};

use holdpoint_core::Timestamp;
use holdpoint_wire::sql::protocol::{
    backend::{framed, say_authentication, say_error},
    scram::{BOUND, Challenge, Channel, MECHANISM},
    startup::{self, STARTUP_BYTES_MAX, Startup},
};
use secrecy::ExposeSecret as _;
use tokio::{
    net::{TcpListener, TcpStream},
    task::JoinSet,
    time::timeout,
};
use tokio_rustls::LazyConfigAcceptor;

use super::{
    begin, binding,
    cancel::Cancels,
    connect::{ALPN, NONCE_BYTES, drawn},
    frame::{Framed, invalid},
    password,
    point::Served,
};
use crate::{forward::dial::Wire, listen::Stop, point::Claim, tls::Leaves};

/// How long a login may take.
const LOGIN_MAX: Duration = Duration::from_secs(20);
/// How long to wait after a failed accept.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
/// What a TLS handshake begins with.
const HANDSHAKE: u8 = 22;

/// Everything that stands in front of databases: what listens, and who may log in.
pub struct Front {
    leaves: Arc<Leaves>,
    clock: fn() -> Timestamp,
    pub(super) cancels: Cancels,
}

impl std::fmt::Debug for Front {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Front").finish_non_exhaustive()
    }
}

impl Front {
    /// A front that shows clients certificates of `leaves`.
    pub fn new(leaves: Arc<Leaves>, clock: fn() -> Timestamp) -> Self {
        Self { leaves, clock, cancels: Cancels::default() }
    }

    /// Serves `database` at `listener` to the agent that it is for, until `stop` is said.
    pub async fn serve(self: Arc<Self>, served: Arc<Served>, listener: TcpListener, stop: Stop) {
        let mut sessions = JoinSet::new();
        loop {
            let accepted = tokio::select! {
                accepted = listener.accept() => accepted,
                () = stop.said() => break,
            };
            while sessions.try_join_next().is_some() {}
            let Ok((socket, _)) = accepted else {
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            };
            let Some(agent) = served.database.agent.clone() else { continue };
            let (front, served, stop) = (Arc::clone(&self), Arc::clone(&served), stop.clone());
            sessions.spawn(async move {
                let claim = Claim::Address { agent };
                front.attend(served, socket, claim, false, &stop).await;
            });
        }
        sessions.join_all().await;
    }

    /// One connection, from its first byte to its end.
    pub(crate) async fn attend(
        self: Arc<Self>,
        served: Arc<Served>,
        socket: TcpStream,
        claim: Claim,
        enclosed: bool,
        stop: &Stop,
    ) {
        // Without it, small messages wait for each other.
        let _ = socket.set_nodelay(true);
        let most = usize::try_from(served.http.config().sql.sessions).unwrap_or(usize::MAX);
        // Counted by those who hold it: one each beside the listeners.
        let place = served.place();
        let full = Arc::strong_count(&place) > most.saturating_add(1);
        if let Err(error) =
            self.converse(served, Box::new(socket), claim, enclosed, full, stop).await
        {
            tracing::debug!(%error, "a connection to a database ended");
        }
    }

    /// A conversation on any kind of connection.
    async fn converse(
        &self,
        served: Arc<Served>,
        io: Box<dyn Wire>,
        claim: Claim,
        enclosed: bool,
        full: bool,
        stop: &Stop,
    ) -> io::Result<()> {
        let begun = timeout(LOGIN_MAX, self.begin(&served, io, full)).await;
        let begun = begun.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))??;
        let Some(begun) = begun else { return Ok(()) };
        let session = begin::run(self, served, begun, claim, enclosed, stop);
        session.await
    }

    /// Encryption, the first packet and the login; none if there is nothing more to be said.
    async fn begin(
        &self,
        served: &Served,
        io: Box<dyn Wire>,
        full: bool,
    ) -> io::Result<Option<Begun>> {
        let mut client = Framed::new(io);
        let (mut encrypted, mut channel) = (false, Channel::default());
        if client.peek().await? == Some(HANDSHAKE) {
            (client, channel) = self.encrypt(served, client, true).await?;
            encrypted = true;
        }
        loop {
            let Some(first) = client.first_message(STARTUP_BYTES_MAX).await? else {
                return Ok(None);
            };
            match startup::read(first) {
                Ok(Startup::Ssl) if !encrypted => {
                    client.put(b"S").await?;
                    client.flush().await?;
                    (client, channel) = self.encrypt(served, client, false).await?;
                    encrypted = true;
                }
                Ok(Startup::Gss) => {
                    client.put(b"N").await?;
                    client.flush().await?;
                }
                Ok(Startup::Ssl) => return Err(invalid("encryption within encryption")),
                Ok(Startup::Cancel { process, key }) => {
                    self.cancels.cancel(process, &key).await;
                    return Ok(None);
                }
                Ok(Startup::Session { minor, user, database, options }) => {
                    let login = Login { served, user: &user, database: &database, full };
                    if let Some(fault) = login.fault() {
                        return end(&mut client, &fault).await;
                    }
                    if minor > 0 {
                        // 3.2 is answered with 3.0, which every client takes.
                        client.put(&framed(b'v', &[0, 3, 0, 0, 0, 0, 0, 0])).await?;
                    }
                    return match login.run(&mut client, channel).await? {
                        true => Ok(Some(Begun { client, options })),
                        false => Ok(None),
                    };
                }
                Err(unreadable) => {
                    let fault = say_error(b'E', "FATAL", "0A000", &unreadable.text);
                    return end(&mut client, &fault).await;
                }
            }
        }
    }

    /// Ends the client's TLS, as the name that it asks for or as the database's host; what a login
    /// in it can be bound to.
    async fn encrypt(
        &self,
        served: &Served,
        client: Framed<Box<dyn Wire>>,
        begun: bool,
    ) -> io::Result<(Framed<Box<dyn Wire>>, Channel)> {
        let io: Box<dyn Wire> = match begun {
            true => client.into_rest(),
            false => client.into_inner()?,
        };
        let start = LazyConfigAcceptor::new(rustls::server::Acceptor::default(), io).await?;
        let named = start.client_hello().server_name().map(str::to_ascii_lowercase);
        let host = named.unwrap_or_else(|| served.database.host.clone());
        let shown = self.leaves.shown_as(host.trim_matches(['[', ']']), (self.clock)());
        let (config, certificate) = shown.map_err(io::Error::other)?;
        let mut config = rustls::ServerConfig::clone(&config);
        config.alpn_protocols = vec![ALPN.to_vec()];
        let stream = start.into_stream(Arc::new(config)).await?;
        let channel = Channel { certificate: binding::digest(&certificate), bound: false };
        Ok((Framed::new(Box::new(stream)), channel))
    }
}

/// A connection whose client has logged in.
pub(super) struct Begun {
    pub(super) client: Framed<Box<dyn Wire>>,
    pub(super) options: Vec<(String, String)>,
}

/// One login.
struct Login<'a> {
    served: &'a Served,
    user: &'a str,
    database: &'a str,
    full: bool,
}

impl Login<'_> {
    /// Why there can be none, as the server would say it.
    fn fault(&self) -> Option<bytes::Bytes> {
        let configured = &self.served.database;
        if self.full {
            let text = "too many connections to this database (sql.sessions)";
            return Some(say_error(b'E', "FATAL", "53300", text));
        }
        if self.user != configured.role {
            let text = format!("this address is for the role \"{}\" alone", configured.role);
            return Some(say_error(b'E', "FATAL", "28000", &text));
        }
        if self.database != configured.name {
            let text = format!("this address is for the database \"{}\" alone", configured.name);
            return Some(say_error(b'E', "FATAL", "3D000", &text));
        }
        None
    }

    /// Asks for the phantom; whether it was given.
    async fn run(
        &self,
        client: &mut Framed<Box<dyn Wire>>,
        mut channel: Channel,
    ) -> io::Result<bool> {
        let known = self.served.http.known();
        let Some(secret) = known.secret_named(&self.served.database.secret) else {
            let text = "the secret of this database is not kept here; tell the human";
            client.put(&say_error(b'E', "FATAL", "28000", text)).await?;
            client.flush().await?;
            return Ok(false);
        };
        let phantom = password::phantom(&secret.secret);
        let verifier = self.served.verifier(phantom.expose_secret())?;
        client.put(&say_authentication(10, &offer(&channel))).await?;
        client.flush().await?;
        let (mechanism, first) = initial(client).await?;
        channel.bound = &mechanism[..] == BOUND.as_bytes();
        if !channel.bound && &mechanism[..] != MECHANISM.as_bytes() {
            return Err(invalid("another mechanism than those that were offered"));
        }
        let (challenge, answer) =
            match Challenge::answer(verifier, &channel, &first, &drawn::<NONCE_BYTES>()?) {
                Ok(answered) => answered,
                Err(unreadable) => {
                    let fault = say_error(b'E', "FATAL", "08P01", &unreadable.text);
                    return end::<()>(client, &fault).await.map(|_| false);
                }
            };
        client.put(&say_authentication(11, answer.as_bytes())).await?;
        client.flush().await?;
        let last = response(client).await?;
        match challenge.verify(&last) {
            Ok(Some(proof)) => {
                client.put(&say_authentication(12, proof.as_bytes())).await?;
                client.put(&say_authentication(0, &[])).await?;
                Ok(true)
            }
            Ok(None) | Err(_) => {
                let text = format!(
                    "password authentication failed for user \"{}\": only the phantom that this \
                     task was given opens this address, and no other password",
                    self.user
                );
                let fault = say_error(b'E', "FATAL", "28P01", &text);
                end::<()>(client, &fault).await.map(|_| false)
            }
        }
    }
}

/// The mechanisms that a client may choose from, the best one first.
fn offer(channel: &Channel) -> Vec<u8> {
    let bound = channel.certificate.is_some().then_some(BOUND);
    let names = bound.into_iter().chain([MECHANISM]);
    let mut offered: Vec<u8> = names.flat_map(|name| [name.as_bytes(), &[0]].concat()).collect();
    offered.push(0);
    offered
}

/// The client's first step: the mechanism that it chose, and what it says in it.
async fn initial(client: &mut Framed<Box<dyn Wire>>) -> io::Result<(bytes::Bytes, bytes::Bytes)> {
    let body = response(client).await?;
    let end = body.iter().position(|byte| *byte == 0);
    let end = end.ok_or_else(|| invalid("no mechanism"))?;
    // A NUL, then the length, which is that of the rest.
    match body.get(end.saturating_add(5)..) {
        Some(said) => Ok((body.slice(..end), body.slice_ref(said))),
        None => Err(invalid("a mechanism, and nothing said in it")),
    }
}

async fn response(client: &mut Framed<Box<dyn Wire>>) -> io::Result<bytes::Bytes> {
    match client.frame().await? {
        Some(frame) if frame.tag == b'p' => Ok(frame.body),
        _ => Err(invalid("no answer to the login")),
    }
}

/// Says the last word.
async fn end<T>(client: &mut Framed<Box<dyn Wire>>, fault: &[u8]) -> io::Result<Option<T>> {
    client.put(fault).await?;
    client.flush().await?;
    Ok(None)
}
