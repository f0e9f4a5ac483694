//! One question to a provider, page by page: our own message with our own credential, which no
//! agent wrote and no policy judges.

use std::collections::HashMap;

use holdpoint_core::ResourceId;
use holdpoint_wire::lookup::{AnswerError, Directory, Need, Whereabouts};
use http::StatusCode;
use http_body_util::BodyExt as _;
use secrecy::SecretString;
use thiserror::Error;

use crate::{
    body::ResponseBody,
    forward::{Client, ForwardError, Route},
};

/// Bytes of one page of an answer.
const PAGE_BYTES_MAX: usize = 8 * 1024 * 1024;
/// Pages of one answer.
const PAGES_MAX: usize = 20;

/// Why a provider gave no answer.
#[derive(Debug, Error)]
pub(super) enum AskError {
    #[error(transparent)]
    Forward(#[from] ForwardError),
    #[error("the provider answered {0}")]
    Status(StatusCode),
    #[error("the answer broke off or is longer than {PAGE_BYTES_MAX} bytes")]
    Body,
    #[error(transparent)]
    Answer(#[from] AnswerError),
    #[error("the answer has more than {PAGES_MAX} pages")]
    Pages,
}

/// All that the provider says about `need`.
pub(super) async fn ask(
    client: &Client,
    directory: &dyn Directory,
    need: &Need,
    credential: &SecretString,
) -> Result<HashMap<ResourceId, Whereabouts>, AskError> {
    let mut found = HashMap::new();
    let mut after: Option<String> = None;
    for _ in 0..PAGES_MAX {
        let message = directory.question(need, after.as_deref(), credential);
        let response = client.send(message, None, &Route::default()).await?;
        if response.status() != StatusCode::OK {
            return Err(AskError::Status(response.status()));
        }
        let body = whole(response.into_body()).await.ok_or(AskError::Body)?;
        let page = directory.read(need, &body)?;
        found.extend(page.found);
        match page.next {
            None => return Ok(found),
            // It goes on, and does not say where, or where it has been.
            Some(next) if next.is_empty() || after.as_ref() == Some(&next) => break,
            next => after = next,
        }
    }
    Err(AskError::Pages)
}

/// All of a body, unless it breaks off or is too long.
pub(super) async fn whole(mut body: ResponseBody) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.ok()?.into_data() else { continue };
        if bytes.len().saturating_add(data.len()) > PAGE_BYTES_MAX {
            return None;
        }
        bytes.extend_from_slice(&data);
    }
    Some(bytes)
}
