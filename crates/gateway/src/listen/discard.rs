//! Bodies that nobody wants: read on for a while, so that their sender hears why.
//!
//! A connection that is closed while its client still sends is reset, and the client may lose the
//! answer that was on its way. In HTTP/2 the answer waits until then: there are clients that send on
//! after it, and then wait forever.

use bytes::Bytes;
use http::{Request, Version, header::EXPECT};
use http_body::Body;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use tokio::{runtime::Handle, sync::watch, time::timeout};

use super::Limits;

/// Discards the body of a request that is refused unread. A client that asked first
/// (`Expect: 100-continue`) is not told to send it.
pub(super) async fn discard_unread(request: Request<Incoming>, limits: &Limits) {
    if request.headers().contains_key(EXPECT) {
        return;
    }
    let (sender, discarding) = watch::channel(false);
    let in_stream = request.version() == Version::HTTP_2;
    discard(request.into_body(), limits, sender);
    if in_stream {
        discarded(discarding, limits).await;
    }
}

/// Waits until nothing more is read or discarded of a body, but not for long: an upstream may have
/// answered and not read on.
pub(super) async fn discarded(mut discarding: watch::Receiver<bool>, limits: &Limits) {
    let gone = async {
        while *discarding.borrow_and_update() {
            if discarding.changed().await.is_err() {
                return;
            }
        }
    };
    // Answered in any case.
    let _ = timeout(limits.discard_timeout, gone).await;
}

/// Reads the rest of a body and drops it, up to the limits; `discarding` is true meanwhile.
pub(super) fn discard<B>(mut incoming: B, limits: &Limits, discarding: watch::Sender<bool>)
where
    B: Body<Data = Bytes> + Send + Unpin + 'static,
{
    let Ok(runtime) = Handle::try_current() else { return };
    if incoming.is_end_stream() {
        return;
    }
    let Limits { discard_bytes_max, discard_timeout, .. } = *limits;
    discarding.send_replace(true);
    runtime.spawn(timeout(discard_timeout, async move {
        let _until_here = discarding;
        let mut left = discard_bytes_max;
        while let Some(Ok(frame)) = incoming.frame().await {
            let length = frame.data_ref().map_or(0, Bytes::len);
            match left.checked_sub(length) {
                Some(less) => left = less,
                None => return,
            }
        }
    }));
}
