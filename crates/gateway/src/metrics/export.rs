//! Telling numbers and spans to an OpenTelemetry collector, by OTLP over HTTP.
//!
//! A collector is a monitor, never a part of a decision: what it does not take is dropped, and
//! counted.

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use bytes::Bytes;
use holdpoint_core::Timestamp;
use http::{Method, Request, header};
use http_body_util::Full;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::{net::TcpStream, time::timeout};

use super::{
    Metrics,
    console::{Gauges, looked_up},
    otlp,
    spans::Spans,
};
use crate::listen::Stop;

/// How often it is told.
const EVERY: Duration = Duration::from_secs(10);
/// How long a collector may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// Tells the collector at `to` until `stop`, and once more then. `now` is the time.
///
/// # Errors
/// If the system gives no random numbers, from which traces get their identifiers.
pub fn export(
    to: SocketAddr,
    metrics: Arc<Metrics>,
    gauges: Gauges,
    now: Arc<dyn Fn() -> Timestamp + Send + Sync>,
    stop: Stop,
) -> io::Result<impl Future<Output = ()> + Send> {
    let mut seed = [0; 32];
    getrandom::fill(&mut seed).map_err(|error| io::Error::other(error.to_string()))?;
    metrics.trace(Spans::new(seed));
    Ok(async move {
        let (since, mut was_told) = (now(), true);
        loop {
            let over = timeout(EVERY, stop.said()).await.is_ok();
            let told = tell(to, &metrics, Arc::clone(&gauges), since, now()).await;
            // Once for each outage.
            if let (Err(error), true) = (&told, was_told) {
                tracing::warn!(collector = %to, %error, "numbers are not told: is a collector there?");
            }
            was_told = told.is_ok();
            if over {
                return;
            }
        }
    })
}

async fn tell(
    to: SocketAddr,
    metrics: &Metrics,
    gauges: Gauges,
    since: Timestamp,
    now: Timestamp,
) -> io::Result<()> {
    let families = metrics.families(&looked_up(gauges).await.unwrap_or_default());
    post(to, "/v1/metrics", &otlp::metrics(&families, since, now)).await?;
    // They wait for a collector that took the numbers.
    let Some((spans, seed)) = metrics.take_spans() else { return Ok(()) };
    if spans.is_empty() {
        return Ok(());
    }
    let told = post(to, "/v1/traces", &otlp::traces(&spans, &seed)).await;
    if told.is_err() {
        metrics.dropped(spans.len());
    }
    told
}

async fn post(to: SocketAddr, path: &str, body: &Value) -> io::Result<()> {
    let talk = async {
        let stream = TcpStream::connect(to).await?;
        let (mut sender, connection) =
            http1::handshake(TokioIo::new(stream)).await.map_err(io::Error::other)?;
        let request = Request::builder()
            .method(Method::POST)
            .uri(path)
            .header(header::HOST, to.to_string())
            .header(header::CONTENT_TYPE, "application/json")
            .body(Full::new(Bytes::from(body.to_string())))
            .map_err(io::Error::other)?;
        // It ends with its sender, or with the collector, of which the answer tells.
        tokio::spawn(connection);
        let answer = sender.send_request(request).await.map_err(io::Error::other)?;
        match answer.status().is_success() {
            true => Ok(()),
            false => Err(io::Error::other(format!("it answered {} to {path}", answer.status()))),
        }
    };
    timeout(PATIENCE, talk).await.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
}
