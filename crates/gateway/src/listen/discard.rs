//! Bodies that nobody wants: read on for a while, so that their sender hears why.
//!
//! A connection that is closed while its client still sends is reset, and the client may lose the
//! answer that was on its way.

use http::{Request, header::EXPECT};
use http_body::Body;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use tokio::{runtime::Handle, time::timeout};

use super::Limits;

/// Discards the body of a request that is refused unread. A client that asked first
/// (`Expect: 100-continue`) is not told to send it.
pub(super) fn discard_unread(request: Request<Incoming>, limits: &Limits) {
    if !request.headers().contains_key(EXPECT) {
        discard(request.into_body(), limits);
    }
}

/// Reads the rest of a body and drops it, up to the limits.
pub(super) fn discard(mut incoming: Incoming, limits: &Limits) {
    let Ok(runtime) = Handle::try_current() else { return };
    if incoming.is_end_stream() {
        return;
    }
    let Limits { discard_bytes_max, discard_timeout, .. } = *limits;
    runtime.spawn(timeout(discard_timeout, async move {
        let mut left = discard_bytes_max;
        while let Some(Ok(frame)) = incoming.frame().await {
            let length = frame.data_ref().map_or(0, bytes::Bytes::len);
            match left.checked_sub(length) {
                Some(less) => left = less,
                None => return,
            }
        }
    }));
}
