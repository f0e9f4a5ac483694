//! How a session begins: who asks, what their role could do at the server, and what the client is
//! told.

use std::{io, sync::Arc};

use holdpoint_core::{Code, Refusal, identity::Principal, refusal::RefusalKind};
use holdpoint_enforce::Identify as _;
use holdpoint_wire::sql::{
    protocol::backend::{say_error, say_key_data, say_parameter, say_ready},
    target::is_local,
};
use tokio::sync::Mutex;

use super::{
    cancel::Cancellable,
    connect::drawn,
    frame::Framed,
    listen::{Begun, Front},
    own::Own,
    point::{Role, Served, SessionPoint, own_failed},
    session::Session,
    upstream::READ_ONLY,
};
use crate::{forward::dial::Wire, listen::Stop, owner, point::Claim};

/// The oldest server that can be told to begin counting anew.
const SERVER_VERSION_MIN: u32 = 150_000;
/// From here on, changing a large object is writing.
const LARGE_OBJECTS_COUNT: u32 = 160_000;

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
    let (point, principal) = match prepare(served, options, &claim, enclosed).await {
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
    let mut session = Session::new(&point, &claim, principal, client);
    let ended = tokio::select! {
        biased;
        () = killed.said() => Ok(()),
        ended = session.serve() => ended,
        () = stop.said() => Ok(()),
    };
    front.cancels.forget(process, key);
    ended
}

/// Who it is, and a point for their session.
async fn prepare(
    served: Arc<Served>,
    options: Vec<(String, String)>,
    claim: &Claim,
    enclosed: bool,
) -> Result<(SessionPoint, Principal), Refusal> {
    let principal = served.http.identify(claim).await?;
    Ok((point(served, options, enclosed).await?, principal))
}

/// Logs in at the server, and finds out what the role could do there.
pub(super) async fn point(
    served: Arc<Served>,
    options: Vec<(String, String)>,
    enclosed: bool,
) -> Result<SessionPoint, Refusal> {
    let known = served.http.known();
    let said = served.database.environment.is_some();
    let local = match is_local(&served.database.host) && !said {
        true => Some(owner::environment(served.database.port, &known).await?),
        false => None,
    };
    let mut upstream = served.session(&options).await?;
    let rows = upstream.rows(&Own::Role).await.map_err(|error| own_failed(&error))?;
    let role = rows.first().ok_or_else(|| unfit("it does not say who logged in"))?;
    if role.text(1).parse().unwrap_or(0) < SERVER_VERSION_MIN {
        return Err(unfit("it is older than PostgreSQL 15, which cannot count as needed"));
    }
    if role.text(3) != "on" {
        return Err(unfit("it lets the session write without a transaction that says so"));
    }
    let escapes = role.text(0) != "false";
    let marked = role.some(2).map(holdpoint_catalog::environments::of_name).filter(|it| {
        use holdpoint_core::Environment::{Production, Staging};
        matches!(it, Production | Staging)
    });
    let version: u32 = role.text(1).parse().unwrap_or(0);
    let careful = version < LARGE_OBJECTS_COUNT && role.text(4) != "false";
    let role = Role { escapes, careful, local, marked };
    Ok(SessionPoint::new(served, Mutex::new(upstream), enclosed, options, role))
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
