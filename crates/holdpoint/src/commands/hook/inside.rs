//! The hook inside of a run: it reads a call by what is seen there, asks the gateway by the way that
//! everything inside has, and explains. Nothing of it stops anything: the run does.

use std::{
    collections::BTreeMap,
    io::{self, Read as _, Write as _},
    net::{Ipv4Addr, SocketAddr, TcpStream},
    sync::OnceLock,
    time::Duration,
};

use holdpoint_catalog::hosts::Host;
use holdpoint_core::{Environment, ResourceId, policy::Pdp};
use holdpoint_sandbox::{
    PORT,
    hook::{Answering, Call},
    machine::Known,
};
use holdpoint_store::{config::RefusalTerms, hosts::ListedHost};
use holdpoint_wire::{
    ask,
    explain::{self, Explanation},
    hook::{Answer, Heard},
};
use serde::Deserialize;

use super::{DEADLINE, question::Question, told::Told};
use crate::{commands::now, status::CommandError};

/// How long one answer of the gateway may take: two of them, and the reading, are in time.
const PATIENCE: Duration = Duration::from_millis(DEADLINE.as_millis() as u64 / 4);
/// The longest answer.
const ANSWER_BYTES_MAX: u64 = 4 << 20;
/// How an answer begins that says something.
const GOOD: &str = "HTTP/1.1 200 ";

/// What would be said outside of the run that this is inside of: by its gateway, or by the policies
/// that we begin with where that says nothing.
pub fn explain(heard: Heard) -> Result<Answer, CommandError> {
    let pdp = Pdp::starter().map_err(CommandError::unable)?;
    let known = HostsInside::default();
    let answering = Answering {
        pdp: &pdp,
        known: &known,
        episodes: None,
        remember_minutes: RefusalTerms::default().remember_minutes,
        keeper: None,
    };
    let question = Question::here(Some(heard.agent), Vec::new());
    let call = Call { enclosed: true, environment: BTreeMap::new(), ..question.call(heard, now()) };
    Ok(answering.explained_inside(&call, &|steps| explained(&explain::to_bytes(steps)?).ok()))
}

fn explained(steps: &[u8]) -> io::Result<Explanation> {
    Ok(serde_json::from_slice(&said("POST", explain::TARGET, steps)?)?)
}

/// The hosts that the run may speak to, as the gateway tells whoever is inside; asked when first
/// needed. The inventory is its own: it judges.
#[derive(Debug, Default)]
struct HostsInside(OnceLock<Told>);

/// What a run may know of itself, as far as it matters here.
#[derive(Deserialize)]
struct Of {
    reach: Reach,
}

#[derive(Deserialize)]
struct Reach {
    hosts: Vec<ListedHost>,
}

impl HostsInside {
    fn told(&self) -> &Told {
        self.0.get_or_init(|| {
            let said = said("GET", "/", b"").ok();
            let of: Option<Of> = said.and_then(|said| serde_json::from_slice(&said).ok());
            Told::listing(&of.map(|of| of.reach.hosts).unwrap_or_default())
        })
    }
}

impl Known for HostsInside {
    fn host(&self, host: &str) -> Option<Host> {
        self.told().host(host)
    }

    fn inventory(&self, _resource: &ResourceId) -> Option<Environment> {
        None
    }

    fn protected(&self, _branch: &str) -> Option<bool> {
        None
    }
}

/// What the gateway answers, over the listener that every run has.
fn said(method: &str, target: &str, body: &[u8]) -> io::Result<Vec<u8>> {
    let proxy = SocketAddr::from((Ipv4Addr::LOCALHOST, PORT));
    let mut gateway = TcpStream::connect_timeout(&proxy, PATIENCE)?;
    gateway.set_read_timeout(Some(PATIENCE))?;
    gateway.set_write_timeout(Some(PATIENCE))?;
    let (host, length) = (ask::HOST, body.len());
    let head = format!(
        "{method} http://{host}{target} HTTP/1.1\r\nhost: {host}\r\ncontent-length: {length}\r\n\
         content-type: application/json\r\nconnection: close\r\n\r\n"
    );
    gateway.write_all(&[head.as_bytes(), body].concat())?;
    let mut answer = Vec::new();
    gateway.take(ANSWER_BYTES_MAX).read_to_end(&mut answer)?;
    let text = String::from_utf8(answer).map_err(io::Error::other)?;
    let good = text.strip_prefix(GOOD).and_then(|text| text.split_once("\r\n\r\n"));
    let (_, body) = good.ok_or_else(|| io::Error::other("the gateway says no"))?;
    Ok(body.as_bytes().to_vec())
}
