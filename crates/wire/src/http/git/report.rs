//! A "no" to a push in the words of `receive-pack`: the references that were not changed, and
//! why. Of an HTTP error status git prints the number and nothing else.

use bytes::Bytes;

use super::{
    pkt_line::{LINE_BYTES_MAX, push_flush, push_line},
    receive_pack::Push,
};
use crate::http::message::Message;

/// The band on which the report travels, and the one that git prints behind `remote:`.
const REPORT_BAND: u8 = 1;
const TEXT_BAND: u8 = 2;

/// The media type of the answer to a push.
pub(crate) const MEDIA_TYPE: &str = "application/x-git-receive-pack-result";

/// The report that none of the references of the push `message` was changed: `reason` in a few
/// words for each, `text` in whole sentences, both one line. `None` if it is no push, or its
/// client reads no reports.
pub(crate) fn report(message: &Message, reason: &str, text: &str) -> Option<Bytes> {
    let is_push = message.method == "POST" && message.raw_path().ends_with("/git-receive-pack");
    let push = is_push.then(|| Push::read(message).ok()).flatten()?;
    if push.commands.is_empty() || !(push.can("report-status") || push.can("report-status-v2")) {
        return None;
    }
    let banded = push.can("side-band-64k");
    let reason = if banded { reason } else { text };
    let mut report = Vec::new();
    push_line(&mut report, b"unpack ok\n");
    for command in &push.commands {
        push_line(&mut report, format!("ng {} {reason}\n", command.reference).as_bytes());
    }
    push_flush(&mut report);
    if !banded {
        return Some(report.into());
    }
    let mut answer = Vec::new();
    push_band(&mut answer, TEXT_BAND, format!("{text}\n").as_bytes());
    push_band(&mut answer, REPORT_BAND, &report);
    push_flush(&mut answer);
    Some(answer.into())
}

/// Appends `data` on `band`, in as many lines as it takes.
fn push_band(out: &mut Vec<u8>, band: u8, data: &[u8]) {
    for part in data.chunks(LINE_BYTES_MAX - 5) {
        push_line(out, &[&[band], part].concat());
    }
}
