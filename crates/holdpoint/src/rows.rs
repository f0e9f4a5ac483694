//! Rows of a database as they were before a transaction: shown, and put back.

use holdpoint_gateway::{
    forward::{self, Client},
    postgres::{Preimage, Undone, kept_with, undo},
};
use holdpoint_store::config::Database;

use crate::{
    commands::{Here, now},
    status::CommandError,
    upstream::Upstream,
};

/// What the names of pre-images begin with.
pub(crate) const PREFIX: &str = "p-";

/// What rows are kept as that `id` is about: rows themselves, or a hold that took some away when it
/// was released; none if it is about something else.
pub fn kept(here: &Here, id: &str) -> Result<Option<String>, CommandError> {
    if id.starts_with(PREFIX) {
        return Ok(Some(id.to_owned()));
    }
    let hold = here.holds().find(id, now()).map_err(CommandError::unable)?;
    let Some(response) = hold.and_then(|hold| hold.response) else { return Ok(None) };
    let answer = here.state.payloads().read(&response).map_err(CommandError::unable)?;
    Ok(answer.and_then(|answer| kept_with(&answer)))
}

/// Puts the rows that were kept as `id` back if `doing`, or says what that would be.
pub fn put_back(here: &Here, id: &str, doing: bool) -> Result<Undone, CommandError> {
    let bytes = here.state.payloads().read(id).map_err(CommandError::unable)?;
    let bytes = bytes.ok_or_else(|| CommandError::usage(format!("nothing is kept as `{id}`")))?;
    let preimage: Preimage = serde_json::from_slice(&bytes)
        .map_err(|_| CommandError::usage(format!("`{id}` is no rows of a database")))?;
    let database = database(here, &preimage)?;
    let secrets = here.state.secrets().reveal_all().map_err(CommandError::unable)?;
    let secret = secrets.into_iter().find(|secret| secret.name == database.secret);
    let secret = secret.ok_or_else(|| {
        CommandError::unable(format!("the secret `{}` is not kept any more", database.secret))
    })?;
    let upstream = Upstream::new(&here.config)?;
    let roots = upstream.roots().clone();
    let client = Client::new(upstream.dialer(&here.config)?, forward::Limits::default());
    let runtime = tokio::runtime::Runtime::new().map_err(CommandError::unable)?;
    let payloads = here.state.payloads();
    let kept = (&payloads, &preimage);
    let undone = undo(&client, database, &roots, &secret, kept, doing);
    runtime.block_on(undone).map_err(CommandError::unable)
}

/// The configured database that rows were kept from.
fn database<'a>(here: &'a Here, preimage: &Preimage) -> Result<&'a Database, CommandError> {
    let mut all = here.config.databases.iter();
    all.find(|database| database.to_string() == preimage.database).ok_or_else(|| {
        let text = format!("{} is not configured any more", preimage.database);
        CommandError::unable(text)
    })
}
