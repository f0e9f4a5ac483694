//! How a session begins: who asks, what their role could do at the server, and what the client is
//! told.

use std::{io, sync::Arc, time::Duration};

use holdpoint_core::{Code, Refusal, identity::Principal, refusal::RefusalKind};
use holdpoint_enforce::Identify as _;
use holdpoint_wire::sql::{
    protocol::backend::{say_error, say_key_data, say_parameter, say_ready},
    target::is_local,
};
use tokio::{sync::Mutex, time::timeout};

use super::{
    cancel::Cancellable,
    connect::drawn,
    frame::Framed,
    listen::{Begun, Front},
    own::Own,
    point::{Served, SessionPoint, own_failed},
    role::{Looked, Role},
    session::Session,
    upstream::READ_ONLY,
};
use crate::{forward::dial::Wire, listen::Stop, owner, point::Claim};

/// The oldest server that says whether a transaction has written anything.
const SERVER_VERSION_MIN: u32 = 130_000;

/// How long a client has to hear why its session ends.
const LAST_WORD_MAX: Duration = Duration::from_secs(1);
/// SQLSTATE of a session that was ended, of a broken protocol, of a lost connection.
const ENDED: &str = "57P01";
const VIOLATION: &str = "08P01";
const LOST: &str = "08006";

/// Serves one session to its end.
pub(super) async fn run(
    front: &Front,
    served: Arc<Served>,
    begun: Begun,
    claim: Claim,
    enclosed: bool,
    stop: &Stop,
) -> io::Result<()> {
    let Begun { mut client, options } = begun;
    let (point, principal) = match prepare(served, options, claim, enclosed).await {
        Ok(prepared) => prepared,
        Err(refusal) => {
            client.put(&say_error(b'E', "FATAL", "08006", refusal.text())).await?;
            return client.flush().await;
        }
    };
    let (process, key) = (u32::from_be_bytes(drawn::<4>()?) >> 1, drawn::<4>()?);
    greet(&mut client, &point, process, key).await?;
    let upstream_key = point.upstream.lock().await.key.clone();
    let cancellable = Cancellable { served: Arc::clone(&point.served), key: upstream_key };
    front.cancels.allow(process, key, cancellable);
    let killed = point.served.http.kills.of(&principal.run);
    let mut session = Session::new(&point, &point.claim, principal, client);
    let (ended, word) = tokio::select! {
        biased;
        () = killed.said() => (Ok(()), Some((ENDED, "its run was killed".to_owned()))),
        ended = session.serve() => {
            let word = ended.as_ref().err().and_then(last_word);
            (ended, word)
        }
        () = stop.said() => (Ok(()), Some((ENDED, "the gateway stops".to_owned()))),
    };
    front.cancels.forget(process, key);
    if let Some((state, why)) = word {
        // A client that is gone, or does not listen, misses it.
        let _ = timeout(LAST_WORD_MAX, session.say_ended(state, &why)).await;
    }
    ended
}

/// Why a session ends that the client has not ended, in PostgreSQL's own codes; none if it has been
/// said.
fn last_word(error: &io::Error) -> Option<(&'static str, String)> {
    match error.kind() {
        io::ErrorKind::ConnectionAborted => None,
        io::ErrorKind::InvalidData => Some((VIOLATION, error.to_string())),
        _ => Some((LOST, "the connection to the database is lost".to_owned())),
    }
}

/// Who it is, and a point for their session.
async fn prepare(
    served: Arc<Served>,
    options: Vec<(String, String)>,
    claim: Claim,
    enclosed: bool,
) -> Result<(SessionPoint, Principal), Refusal> {
    let principal = served.http.identify(&claim).await?;
    Ok((point(served, options, claim, enclosed).await?, principal))
}

/// Logs in at the server, and finds out what the role could do there.
pub(super) async fn point(
    served: Arc<Served>,
    options: Vec<(String, String)>,
    claim: Claim,
    enclosed: bool,
) -> Result<SessionPoint, Refusal> {
    let known = served.http.known();
    let said = served.database.environment.is_some();
    let local = match is_local(&served.database.host) && !said {
        true => Some(owner::environment(served.database.port, &known).await?),
        false => None,
    };
    let mut upstream = served.session(&options).await?;
    let version = served.catalogue.version();
    let rows = upstream.rows(&Own::Role).await.map_err(|error| own_failed(&error))?;
    let role = rows.first().ok_or_else(|| unfit("it does not say who logged in"))?;
    if role.text(1).parse().unwrap_or(0) < SERVER_VERSION_MIN {
        return Err(unfit("it is older than PostgreSQL 13, which cannot count as needed"));
    }
    if role.text(3) != "on" {
        return Err(unfit("it lets the session write without a transaction that says so"));
    }
    let looked = Looked::new(Role::of(Some(role), local), version);
    Ok(SessionPoint::new(served, Mutex::new(upstream), claim, enclosed, options, looked))
}

fn unfit(text: &str) -> Refusal {
    let text = format!("the database's server cannot be served: {text}");
    Refusal::new(RefusalKind::Unavailable, Code::Unresolved, text)
}

/// What a server says before it is ready for the first time.
async fn greet(
    client: &mut Framed<Box<dyn Wire>>,
    point: &SessionPoint,
    process: u32,
    key: [u8; 4],
) -> io::Result<()> {
    let upstream = point.upstream.lock().await;
    for (name, value) in &upstream.parameters {
        let value = if name == READ_ONLY { "off" } else { value };
        client.put(&say_parameter(name, value)).await?;
    }
    client.put(&say_key_data(process, &key)).await?;
    client.put(&say_ready(b'I')).await?;
    client.flush().await
}
