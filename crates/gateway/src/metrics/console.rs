//! The console's address, which answers `GET /metrics` and nothing else yet.

use std::{convert::Infallible, sync::Arc, time::Duration};

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode, header};
use http_body_util::Full;
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    net::TcpListener,
    sync::Semaphore,
    task::spawn_blocking,
    time::{sleep, timeout},
};

use super::{Gauge, Metrics};
use crate::listen::Stop;

/// Connections at the same time.
const CONNECTIONS_MAX: usize = 16;
/// How long one may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// Bytes of a head.
const HEAD_BYTES_MAX: usize = 16 << 10;

/// How long to wait after a failed accept.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
/// What is looked up takes a disk: so many at the same time, whoever still waits for them.
const LOOKUPS_MAX: usize = 2;
static LOOKUPS: Semaphore = Semaphore::const_new(LOOKUPS_MAX);
/// What is said where these take too long.
const BUSY: &str = "busy: the numbers are still looked up for somebody else\n";

/// What is looked up for each answer.
pub type Gauges = Arc<dyn Fn() -> Vec<Gauge> + Send + Sync>;

/// Answers on `listener` until `stop`; `gauges` are looked up for each answer.
pub async fn serve(listener: TcpListener, metrics: Arc<Metrics>, gauges: Gauges, stop: Stop) {
    let room = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = stop.said() => return,
        };
        let Ok((stream, _)) = accepted else {
            // Nothing of it gets better at once: there is no file left, or no memory.
            tokio::select! {
                () = sleep(ACCEPT_PAUSE) => continue,
                () = stop.said() => return,
            }
        };
        // Who comes while there is no room, comes again.
        let Ok(room) = Arc::clone(&room).try_acquire_owned() else { continue };
        let (metrics, gauges) = (Arc::clone(&metrics), Arc::clone(&gauges));
        tokio::spawn(async move {
            let service = service_fn(|request| {
                let (metrics, gauges) = (Arc::clone(&metrics), Arc::clone(&gauges));
                async move { Ok::<_, Infallible>(answer(&request, &metrics, gauges).await) }
            });
            let mut http = http1::Builder::new();
            http.timer(TokioTimer::new()).header_read_timeout(PATIENCE).keep_alive(false);
            http.max_buf_size(HEAD_BYTES_MAX);
            // A client that goes away, or dawdles, is its own business.
            let _ = timeout(PATIENCE, http.serve_connection(TokioIo::new(stream), service)).await;
            drop(room);
        });
    }
}

async fn answer(
    request: &Request<Incoming>,
    metrics: &Metrics,
    gauges: Gauges,
) -> Response<Full<Bytes>> {
    let (status, media, text) = match (request.method(), request.uri().path()) {
        (&Method::GET, "/metrics") => match looked_up(gauges).await {
            Some(gauges) => (StatusCode::OK, "text/plain; version=0.0.4", metrics.text(&gauges)),
            None => (StatusCode::SERVICE_UNAVAILABLE, "text/plain", BUSY.to_owned()),
        },
        _ => (StatusCode::NOT_FOUND, "text/plain", "only GET /metrics is here yet\n".to_owned()),
    };
    let mut response = Response::new(Full::new(Bytes::from(text)));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, header::HeaderValue::from_static(media));
    response
}

/// They are read from files and a database, which no thread that serves others waits for.
pub(super) async fn looked_up(gauges: Gauges) -> Option<Vec<Gauge>> {
    // Held until it is done, though whoever asked may be gone.
    let room = LOOKUPS.try_acquire().ok()?;
    let looked = spawn_blocking(move || {
        let _room = room;
        gauges()
    });
    looked.await.ok()
}

#[cfg(test)]
mod tests {
    use std::{
        sync::{Arc, Barrier},
        time::Duration,
    };

    use tokio::time::timeout;

    use super::{LOOKUPS_MAX, looked_up};

    #[tokio::test]
    async fn what_is_slow_to_look_up_stops_nobody_and_is_bounded() {
        let held = Arc::new(Barrier::new(LOOKUPS_MAX + 1));
        let slow = || {
            let held = Arc::clone(&held);
            looked_up(Arc::new(move || {
                held.wait();
                Vec::new()
            }))
        };
        // Whoever asked goes away: it goes on, and takes its room.
        for _ in 0..LOOKUPS_MAX {
            assert!(timeout(Duration::from_millis(50), slow()).await.is_err());
        }
        assert!(looked_up(Arc::new(Vec::new)).await.is_none(), "there is no room");
        held.wait();
        let freed = async {
            while looked_up(Arc::new(Vec::new)).await.is_none() {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        timeout(Duration::from_secs(10), freed).await.unwrap();
    }
}
