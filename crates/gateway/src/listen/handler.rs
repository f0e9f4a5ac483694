//! Who is admitted, and what becomes of a message: the seam to everything that decides.

use holdpoint_core::Refusal;
use http::{Response, StatusCode};
use tokio::net::TcpStream;

use super::{Arrival, Evidence, Stop, message::Authority, refuse};
use crate::{body::ResponseBody, websocket::Closed};

/// What decides about messages.
///
/// Each call to [`handle`](Handler::handle) runs to its end in a task of its own, also when the
/// client has gone away: what was sent upstream can always be recorded.
pub trait Handler: Send + Sync + 'static {
    /// Who asks? Called for every CONNECT and every message outside of a tunnel.
    fn admit(&self, evidence: &Evidence) -> impl Future<Output = Admission> + Send;

    /// Answers one message.
    fn handle(
        &self,
        evidence: Evidence,
        arrival: Arrival,
    ) -> impl Future<Output = Response<ResponseBody>> + Send;

    /// Hears that a connection which one of its answers opened has ended.
    fn closed(&self, evidence: Evidence, closed: Closed) -> impl Future<Output = ()> + Send {
        let _ = (evidence, closed);
        std::future::ready(())
    }

    /// Hears which ports stand, inside `run`, for services of this machine; none once it is over.
    fn guards(&self, run: &str, services: &[u16]) {
        let _ = (run, services);
    }

    /// Whether a name is one that there is, for whoever asks inside a run.
    fn resolves(&self, name: &str) -> bool {
        let _ = name;
        false
    }

    /// Whether agents may speak HTTP/2 with this host and port.
    fn in_streams(&self, host: &str, port: u16) -> bool {
        let _ = (host, port);
        true
    }

    /// Whether it speaks for this host and port itself, in their own protocol.
    fn speaks_for(&self, host: &str, port: u16) -> bool {
        let _ = (host, port);
        false
    }

    /// Serves a connection to a host and port that it speaks for.
    fn speak(
        &self,
        evidence: Evidence,
        to: &Authority,
        socket: TcpStream,
        stop: &Stop,
    ) -> impl Future<Output = ()> + Send {
        let _ = (evidence, to, socket, stop);
        std::future::ready(())
    }

    /// Answers what cannot become a message. `status` is the one that HTTP has for it.
    fn refuse(
        &self,
        evidence: &Evidence,
        status: StatusCode,
        refusal: Refusal,
    ) -> impl Future<Output = Response<ResponseBody>> + Send {
        let _ = evidence;
        async move { refuse::problem(status, &refusal) }
    }
}

/// Whether somebody may talk to us at all.
#[derive(Debug)]
pub enum Admission {
    /// Yes, until that is said: then the tunnel is closed at once.
    Admit(Stop),
    /// The evidence is missing or wrong: answered with 407.
    Challenge,
    /// Known, and not wanted any more: answered with 403.
    Refuse(Refusal),
}
