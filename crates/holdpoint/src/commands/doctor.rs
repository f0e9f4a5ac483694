//! `holdpoint doctor`: what works here, what does not, and the mend.

use std::{borrow::Cow, collections::BTreeSet, fs, net::TcpStream, os::unix::fs::MetadataExt as _};

use clap::Args;
use holdpoint_core::policy::Pdp;
use holdpoint_sandbox::offers::{self, Offer};
use holdpoint_store::{
    ledger::{DIRECTORY, VERIFIER_KEY, VerifierKey, verify},
    runs::RunDoor,
};
use serde::Serialize;

use super::{Here, init, modes, now, policy, self_test, up};
use crate::{
    status::{CommandError, Ended, Status},
    upstream::Upstream,
};

/// What works here, what does not, and the mend.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:\n  holdpoint doctor --json | jq '.[] | select(.ok|not)'\n  holdpoint doctor --self-test")]
pub struct Doctor {
    /// Try forbidden acts in a real enclosure, and name each with what became of it.
    #[arg(long)]
    self_test: bool,
}

/// One thing that was looked at.
#[derive(Debug, Serialize)]
struct Finding {
    what: Cow<'static, str>,
    ok: bool,
    found: String,
    /// What to do; empty if nothing.
    mend: Cow<'static, str>,
}

impl Finding {
    fn new(
        what: &'static str,
        found: Result<String, String>,
        mend: impl Into<Cow<'static, str>>,
    ) -> Self {
        let (ok, found) = match found {
            Ok(found) => (true, found),
            Err(found) => (false, found),
        };
        Self {
            what: what.into(),
            ok,
            found,
            mend: if ok { Cow::Borrowed("") } else { mend.into() },
        }
    }
}

/// Looks at everything; ends with 1 if anything was found wanting.
pub fn run(doctor: &Doctor, here: &Here) -> Ended {
    if doctor.self_test {
        return self_test::run(here);
    }
    let mut findings = vec![
        gateway(here),
        upstream(here),
        policies(here),
        ledger(here),
        approvers(here),
        agents(here),
        enclosure(here),
    ];
    findings.extend(hooks(here));
    findings.extend(reach(here));
    findings.extend(offers::all().into_iter().map(offered));
    let line = |finding: &Finding| {
        let mark = if finding.ok { "ok     " } else { "wanting" };
        let mend =
            if finding.ok { String::new() } else { format!("\n          → {}", finding.mend) };
        format!("{mark} {:<10} {}{mend}\n", finding.what, finding.found)
    };
    here.print(&findings, &findings.iter().map(line).collect::<String>())?;
    let wanting = findings.iter().any(|finding| !finding.ok);
    Ok(if wanting { Status::Wanting } else { Status::Done })
}

fn gateway(here: &Here) -> Finding {
    if let Some(socket) = &here.config.run_door {
        let at = socket.display();
        let answers = RunDoor::at(socket).authority();
        let found = answers.map(|_| format!("another user's, behind {at}"));
        let found = found.map_err(|error| format!("{at} (run_door) does not answer: {error}"));
        let mend = format!("its user has to start it: `holdpoint up --run-door {at}`");
        return Finding::new("gateway", found, mend);
    }
    let found = match up::listening(here) {
        None => Err("no gateway runs on this state".to_owned()),
        Some(listening) => TcpStream::connect(listening.proxy)
            .map(|_| {
                let for_one = listening.reverse.iter();
                let for_one = for_one.map(|it| format!("; {} is {}", it.listen, it.upstream));
                format!("listens on {}{}", listening.proxy, for_one.collect::<String>())
            })
            .map_err(|error| format!("{} does not answer: {error}", listening.proxy)),
    };
    Finding::new("gateway", found, "start it with `holdpoint up`")
}

/// How the gateway that runs reaches the world; if none runs, how one would from here.
fn upstream(here: &Here) -> Finding {
    let running = up::listening(here).map(|listening| listening.upstream);
    let found = running.filter(|said| !said.is_empty()).map_or_else(
        || Upstream::new(&here.config).map_err(|error| error.to_string())?.describe(),
        Ok,
    );
    let mend = "set the proxy and the certificates right, in holdpoint.toml or in the environment \
                of `holdpoint up`";
    Finding::new("upstream", found, mend)
}

fn policies(here: &Here) -> Finding {
    let found = policy::sources(&here.config.policies)
        .and_then(|sources| Pdp::load(&sources).map_err(CommandError::usage))
        .and_then(|pdp| policy::in_modes(pdp, &here.config))
        .map(|pdp| match modes::banner(pdp.modes()) {
            Some(lax) => format!("in order; {lax}"),
            None => format!("in order, digest {}", pdp.digest()),
        })
        .map_err(|error| error.to_string());
    Finding::new("policies", found, "mend the file and line that is named")
}

fn ledger(here: &Here) -> Finding {
    let key_file = here.dir.join(VERIFIER_KEY);
    if !key_file.exists() {
        return Finding::new("ledger", Ok("not begun yet".to_owned()), "");
    }
    let found = VerifierKey::read(&key_file)
        .map_err(|error| error.to_string())
        .and_then(|key| {
            verify(&here.dir.join(DIRECTORY), &key, None).map_err(|finding| finding.to_string())
        })
        .map(|head| format!("in order, {} records", head.size));
    let mend = "keep a copy of the ledger as it is, and find out who touched it";
    Finding::new("ledger", found, mend)
}

fn approvers(here: &Here) -> Finding {
    let waiting = here.holds().open(now()).map_or(0, |open| open.len());
    let found = match here.state.approvers().list() {
        Err(error) => Err(error.to_string()),
        Ok(list) if list.is_empty() => Err(format!("nobody can release anything; {waiting} wait")),
        Ok(list) => Ok(format!("{} can release; {waiting} wait", list.len())),
    };
    Finding::new("approvers", found, "make a key with `holdpoint approvers enrol NAME`")
}

fn agents(here: &Here) -> Finding {
    let found = here.state.agents().list().map_err(|error| error.to_string());
    let found = found.map(|list| format!("{} have an identity", list.len()));
    Finding::new("agents", found, "look at the state directory")
}

/// Whether each hook that `init` put in place refuses what it has to.
fn hooks(here: &Here) -> Vec<Finding> {
    let mend =
        "put it in place again with `holdpoint init`; an agent may have to be told to trust it";
    match init::read(&here.dir) {
        Err(error) => vec![Finding::new("hooks", Err(error.to_string()), mend)],
        Ok(puts) => {
            let sung = puts.iter().map(|put| {
                let place = put.file.display();
                let found = init::canary::sing(put);
                let found = found.map(|()| format!("{} is refused by {place}", put.agent));
                let found = found.map_err(|why| format!("{}, in {place}: {why}", put.agent));
                Finding::new("hooks", found, mend)
            });
            sung.collect()
        }
    }
}

/// What an agent could do that has nothing but a hook of ours, and works as the user whose state this
/// is. That is told, and not found wanting: within `run` it is out of reach.
fn reach(here: &Here) -> Option<Finding> {
    let puts = init::read(&here.dir).ok().filter(|puts| !puts.is_empty())?;
    let own = nix::unistd::geteuid();
    let gateway = up::listening(here).and_then(|it| fs::metadata(format!("/proc/{}", it.pid)).ok());
    if gateway.is_some_and(|gateway| gateway.uid() != own.as_raw()) {
        // Then this is not the state's user, or root.
        return None;
    }
    let agents: BTreeSet<&str> = puts.iter().map(|put| put.agent.as_str()).collect();
    let agents: Vec<&str> = agents.into_iter().collect();
    let found = format!(
        "{} only ask a hook and work as user {own}, like the gateway: they could change {} (policies, \
         secrets, ledger), end the gateway, and take their own hooks out. `holdpoint run` keeps them \
         from it, or a gateway of another user: `sudo -u holdpoint holdpoint up --state \
         /var/lib/holdpoint --run-door /run/holdpoint/runs.sock`, with `run_door` in your \
         holdpoint.toml, or an identity for each (`holdpoint agents new`)",
        agents.join(", "),
        here.dir.display()
    );
    Some(Finding::new("reach", Ok(found), ""))
}

/// Whether an enclosure can be made here, and holds.
fn enclosure(here: &Here) -> Finding {
    let found = self_test::try_all(here).map_err(|error| error.to_string()).and_then(|tried| {
        let open: Vec<&str> =
            tried.iter().filter(|it| !it.refused).map(|it| it.act.as_str()).collect();
        match open.is_empty() {
            true => Ok(format!("holds: all of {} forbidden acts failed inside", tried.len())),
            false => Err(format!("does not hold; inside one can: {}", open.join("; "))),
        }
    });
    let mend = "mend what is wanting below; `holdpoint doctor --self-test` names every act";
    Finding::new("enclosure", found, mend)
}

/// What is missing and can be done without is told, and not found wanting.
fn offered(offer: Offer) -> Finding {
    let Offer { what, there, needed, found, mend } = offer;
    let found = match there || needed {
        true => found,
        false => format!("not there ({found}); {mend}"),
    };
    Finding { what: what.into(), ok: there || !needed, found, mend: mend.into() }
}

/// Runs `__probe`.
pub fn probe() -> Ended {
    let offers = serde_json::to_string(&offers::probe()).map_err(CommandError::unable)?;
    println!("{offers}");
    Ok(Status::Done)
}
