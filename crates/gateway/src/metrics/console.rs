//! The console's address, which answers `GET /metrics` and nothing else yet.

use std::{convert::Infallible, sync::Arc, time::Duration};

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode, header};
use http_body_util::Full;
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{net::TcpListener, sync::Semaphore, time::timeout};

use super::{Gauge, Metrics};
use crate::listen::Stop;

/// Connections at the same time.
const CONNECTIONS_MAX: usize = 16;
/// How long one may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// Bytes of a head.
const HEAD_BYTES_MAX: usize = 16 << 10;

/// Answers on `listener` until `stop`; `gauges` are looked up for each answer.
pub async fn serve(
    listener: TcpListener,
    metrics: Arc<Metrics>,
    gauges: Arc<dyn Fn() -> Vec<Gauge> + Send + Sync>,
    stop: Stop,
) {
    let room = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = stop.said() => return,
        };
        let Ok((stream, _)) = accepted else { continue };
        // Who comes while there is no room, comes again.
        let Ok(room) = Arc::clone(&room).try_acquire_owned() else { continue };
        let (metrics, gauges) = (Arc::clone(&metrics), Arc::clone(&gauges));
        tokio::spawn(async move {
            let service = service_fn(|request| {
                let response = answer(&request, &metrics, &*gauges);
                async move { Ok::<_, Infallible>(response) }
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

fn answer(
    request: &Request<Incoming>,
    metrics: &Metrics,
    gauges: &dyn Fn() -> Vec<Gauge>,
) -> Response<Full<Bytes>> {
    let (status, media, text) = match (request.method(), request.uri().path()) {
        (&Method::GET, "/metrics") => {
            (StatusCode::OK, "text/plain; version=0.0.4", metrics.text(&gauges()))
        }
        _ => (StatusCode::NOT_FOUND, "text/plain", "only GET /metrics is here yet\n".to_owned()),
    };
    let mut response = Response::new(Full::new(Bytes::from(text)));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, header::HeaderValue::from_static(media));
    response
}
