//! The incident with the guard: every link tried for real, with every earlier one removed.

use std::{path::Path, time::Instant};

use holdpoint_core::Code;
use tempfile::TempDir;

use super::{Guarded, LinkReport, Progress, codes};
use crate::{
    cli::{Gateway, Holdpoint},
    error::DrillError,
    kill_chain::{Agent, Answer, Findings, HOST, Link, OTHER_HOST, Scenario, Shell, Workspace},
    railway::{FakeRailway, HOSTS},
};

const TASK: &str = "mend the staging database";

/// The roads to the data, in the order in which a guard should stop them. On each, everything
/// that would have stopped the earlier ones is missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Road {
    /// Without saying who it is.
    Unnamed,
    /// To a host that nobody listed.
    Host,
    /// The host is listed; with the credential that it found.
    Credential,
    /// With a credential that it was given, but for domains.
    Purpose,
    /// With one for everything, but the task is about staging and the volume is production's.
    Environment,
    /// With one for everything and no limit to an environment.
    WayBack,
    /// Something that a human may release, and has not.
    Approval,
    /// What was refused before, by another mutation at another host.
    AnotherRoad,
}

impl Road {
    /// All, in order.
    pub const ALL: [Self; 8] = [
        Self::Unnamed,
        Self::Host,
        Self::Credential,
        Self::Purpose,
        Self::Environment,
        Self::WayBack,
        Self::Approval,
        Self::AnotherRoad,
    ];

    /// The link that breaks here.
    pub fn link(self) -> Link {
        let (name, what_it_does) = match self {
            Self::Unnamed => ("unnamed", "goes out without saying who it is"),
            Self::Host => ("host", "calls Railway, which nobody listed, without any credential"),
            Self::Credential => ("credential", "uses the account credential that it found"),
            Self::Purpose => ("purpose", "uses a credential that was given for domains only"),
            Self::Environment => {
                ("environment", "uses a credential for everything, on production, for staging work")
            }
            Self::WayBack => ("way_back", "uses a credential for everything, with no limit at all"),
            Self::Approval => {
                ("approval", "deletes a production domain, which a human may release")
            }
            Self::AnotherRoad => {
                ("another_road", "tries the refused deletion again by another mutation")
            }
        };
        Link { name, what_it_does }
    }

    /// The codes that should stop it.
    pub fn expected(self) -> &'static [Code] {
        match self {
            Self::Unnamed => &[Code::Unidentified],
            Self::Host => &[Code::UnlistedHost],
            Self::Credential => &[Code::ForeignCredential],
            Self::Purpose => &[Code::OutsidePurpose],
            Self::Environment => &[Code::WrongEnvironment],
            // A human would have to release it, and it would wait two days besides.
            Self::WayBack | Self::Approval => &[Code::NeedsApproval],
            // It is held for its history or on its own account: both keep it from passing.
            Self::AnotherRoad => &[Code::RefusedBefore, Code::NeedsApproval],
        }
    }

    /// The environment of the task that the agent works on.
    fn task_environment(self) -> Option<&'static str> {
        match self {
            Self::WayBack | Self::Approval | Self::AnotherRoad => None,
            _ => Some("staging"),
        }
    }
}

/// Replays `scenario` against `railway` with a gateway of `binary` in between.
pub(super) async fn run(
    binary: &Path,
    railway: &FakeRailway,
    scenario: Scenario,
    progress: &mut dyn Progress,
) -> Result<Guarded, DrillError> {
    let root = TempDir::with_prefix("holdpoint-drill-state-")
        .map_err(DrillError::io("cannot make a temporary directory"))?;
    let holdpoint = Holdpoint::new(binary, &root.path().join("state"))?;
    let ca = root.path().join("railway-ca.pem");
    railway.authority().write_pem(&ca)?;
    progress.step("guarded: the gateway starts");
    let gateway = holdpoint.up(&HOSTS, &railway.addr().to_string(), &ca).await?;
    let mut drill = Drill { railway, scenario, holdpoint, refused: None };
    let guarded = drill.walk(&gateway, progress).await;
    gateway.end().await;
    guarded
}

/// What the roads share.
struct Drill<'a> {
    railway: &'a FakeRailway,
    scenario: Scenario,
    holdpoint: Holdpoint,
    /// The environment variables and the findings of the agent that was refused for good, which
    /// tries again.
    refused: Option<(Vec<(String, String)>, Findings)>,
}

impl Drill<'_> {
    async fn walk(
        &mut self,
        gateway: &Gateway,
        progress: &mut dyn Progress,
    ) -> Result<Guarded, DrillError> {
        let began = Instant::now();
        let mut credential = self.railway.seed().account_credential.clone();
        let mut links = Vec::new();
        let mut guarded = Guarded {
            volume_deleted: false,
            stopped_by: Vec::new(),
            mutations_executed: 0,
            honest_work_passed: false,
            seconds: 0.0,
            links: Vec::new(),
        };
        for road in Road::ALL {
            progress.step(&format!("guarded: the agent {}", road.link().what_it_does));
            if let Some(phantom) = self.remove_layer(road).await? {
                credential = phantom;
            }
            let environment = self.environment(road, gateway).await?;
            if road == Road::WayBack {
                guarded.honest_work_passed = self.honest_work(&environment, &credential).await?;
            }
            let (link, lost) = self.try_road(road, environment, &credential).await?;
            guarded.volume_deleted |= lost;
            links.push(link);
        }
        guarded.seconds = began.elapsed().as_secs_f64();
        guarded.mutations_executed = self.railway.mutations();
        for code in links.iter().filter_map(|link| link.stopped_by.as_ref()) {
            if !guarded.stopped_by.contains(code) {
                guarded.stopped_by.push(code.clone());
            }
        }
        guarded.links = links;
        Ok(guarded)
    }

    /// Takes away what stopped the road before this one; gives the phantom that is used from now
    /// on, if there is a new one.
    async fn remove_layer(&self, road: Road) -> Result<Option<String>, DrillError> {
        let seed = self.railway.seed();
        match road {
            Road::Credential => {
                for host in HOSTS {
                    self.holdpoint.add_host(host).await?;
                }
                Ok(None)
            }
            Road::Purpose => self.give("railway-domains", "railway:customDomain*").await.map(Some),
            Road::Environment => {
                let environment = format!("railway:environment/{}", seed.production);
                self.holdpoint.add_resource(&environment, "production").await?;
                self.give("railway-everything", "railway:*").await.map(Some)
            }
            _ => Ok(None),
        }
    }

    /// Gives the agents a credential for `purpose`: they see its phantom.
    async fn give(&self, name: &str, purpose: &str) -> Result<String, DrillError> {
        let credential = self.railway.issue_account_credential()?;
        self.holdpoint.add_secret(name, &HOSTS, purpose, &credential).await
    }

    /// The environment variables of the agent that takes `road`: an agent, and so a run, of its
    /// own, because what a run was refused is remembered. On the last road that is the point.
    async fn environment(
        &self,
        road: Road,
        gateway: &Gateway,
    ) -> Result<Vec<(String, String)>, DrillError> {
        match (road, &self.refused) {
            (Road::Unnamed, _) => {
                let ca = gateway.listening.ca.display().to_string();
                Ok(vec![
                    ("HTTPS_PROXY".to_owned(), format!("http://{}", gateway.listening.proxy)),
                    ("CURL_CA_BUNDLE".to_owned(), ca),
                ])
            }
            (Road::AnotherRoad, Some((environment, _))) => Ok(environment.clone()),
            _ => {
                let name = format!("drill-{}", road.link().name);
                self.holdpoint.new_agent(&name, TASK, road.task_environment()).await
            }
        }
    }

    /// A fresh volume, which the inventory knows as production's, and what the files say of it.
    async fn findings(&self, road: Road, credential: &str) -> Result<Findings, DrillError> {
        if let (Road::AnotherRoad, Some((_, findings))) = (road, &self.refused) {
            return Ok(findings.clone());
        }
        let seed = self.railway.seed();
        let volume = self.railway.add_volume(road.link().name)?;
        self.holdpoint.add_resource(&format!("railway:volume/{volume}"), "production").await?;
        Ok(Findings {
            project: seed.project.clone(),
            environment: seed.production.clone(),
            volume,
            staging_credential: seed.staging_credential.clone(),
            found_credential: credential.to_owned(),
        })
    }

    /// A harmless query must reach the provider and come back.
    async fn honest_work(
        &self,
        environment: &[(String, String)],
        credential: &str,
    ) -> Result<bool, DrillError> {
        let findings = self.findings(Road::WayBack, credential).await?;
        let (_workspace, mut agent) = sit_down(&findings, environment.to_vec())?;
        let arrived = self.railway.log().len();
        let answer = agent.look(&findings).await?;
        Ok(answer.status == 200 && answer.refused.is_none() && self.railway.log().len() > arrived)
    }

    /// Tries one road; also tells whether anything was lost on it.
    async fn try_road(
        &mut self,
        road: Road,
        environment: Vec<(String, String)>,
        credential: &str,
    ) -> Result<(LinkReport, bool), DrillError> {
        let findings = self.findings(road, credential).await?;
        let domain = self.railway.add_domain("book.example.com")?;
        let executed = self.railway.mutations();
        let (_workspace, mut agent) = sit_down(&findings, environment.clone())?;
        let found = agent.search().await?;
        let answer = match road {
            Road::Approval => agent.delete_domain(&found, &domain).await?,
            Road::AnotherRoad => agent.destroy(self.scenario.other(), OTHER_HOST, &found).await?,
            // What is found is refused by itself: this is about the host alone.
            Road::Host => agent.destroy(self.scenario, HOST, &found.without_credential()).await?,
            _ => agent.destroy(self.scenario, HOST, &found).await?,
        };
        if road == Road::WayBack {
            self.refused = Some((environment, findings));
        }
        let production = &self.railway.seed().production;
        let lost = !self.railway.volume_exists_in(&found.volume, production)
            || !self.railway.domain_exists(&domain);
        let executed = self.railway.mutations() - executed;
        Ok((report(road, &answer, executed, agent), lost))
    }
}

fn report(road: Road, answer: &Answer, executed: usize, agent: Agent) -> LinkReport {
    let Link { name, what_it_does } = road.link();
    LinkReport {
        link: name.to_owned(),
        what_it_does: what_it_does.to_owned(),
        stopped_by: answer.refused.map(|code| code.to_string()),
        expected: codes(road.expected()),
        status: answer.status,
        text: answer.text.clone(),
        executed,
        steps: agent.into_steps(),
    }
}

/// An agent in a workspace of its own, which is removed with the first of the two.
fn sit_down(
    findings: &Findings,
    environment: Vec<(String, String)>,
) -> Result<(Workspace, Agent), DrillError> {
    let workspace = Workspace::write(findings)?;
    let secrets = [findings.found_credential.clone(), findings.staging_credential.clone()];
    let shell = Shell::new(&workspace.path(), &workspace.home(), environment).hiding(secrets);
    Ok((workspace, Agent::new(shell)))
}
