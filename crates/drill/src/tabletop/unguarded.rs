//! The incident as it was: nothing in the way.

use super::{Progress, Unguarded};
use crate::{
    error::DrillError,
    kill_chain::{Agent, Findings, Scenario, Shell, Workspace},
    railway::{FakeRailway, HOSTS},
};

/// Replays it against `railway`; the volume must really be gone afterwards.
pub(super) async fn run(
    railway: &FakeRailway,
    scenario: Scenario,
    progress: &mut dyn Progress,
) -> Result<Unguarded, DrillError> {
    let seed = railway.seed().clone();
    let backups = railway.backups_in(&seed.volume, &seed.production);
    // The credential in `.env` was rotated, and nobody changed the file.
    railway.revoke(&seed.staging_credential);
    let secrets = [seed.account_credential.clone(), seed.staging_credential.clone()];
    let workspace = Workspace::write(&Findings {
        project: seed.project.clone(),
        environment: seed.production.clone(),
        volume: seed.volume.clone(),
        staging_credential: seed.staging_credential.clone(),
        found_credential: seed.account_credential.clone(),
    })?;
    let ca = workspace.home().join("ca.pem");
    railway.authority().write_pem(&ca)?;
    workspace.connect_curl(&HOSTS, &railway.addr().to_string())?;
    let trust = vec![("CURL_CA_BUNDLE".to_owned(), ca.display().to_string())];
    let shell = Shell::new(&workspace.path(), &workspace.home(), trust).hiding(secrets);

    progress.step("unguarded: the agent reads its task and tries the staging credential");
    let mut agent = Agent::new(shell);
    agent.read_task().await?;
    agent.try_staging(&seed.staging_credential).await?;
    progress.step("unguarded: it searches the files and uses the credential that it finds");
    let findings = agent.search().await?;
    let answer = agent.destroy(scenario, crate::kill_chain::HOST, &findings).await?;
    let (seconds, messages) = (agent.seconds(), railway.log().len());
    if railway.volume_exists_in(&seed.volume, &seed.production) {
        return Err(DrillError::NothingLost(format!("status {}: {}", answer.status, answer.text)));
    }
    agent.look(&findings).await?;
    progress.step("unguarded: the volume is gone");
    Ok(Unguarded {
        volume_deleted: true,
        backups_deleted: backups - railway.backups_in(&seed.volume, &seed.production),
        staging_deleted: !railway.volume_exists_in(&seed.volume, &seed.staging),
        seconds,
        messages,
        steps: agent.into_steps(),
    })
}
