//! A tunnel through a proxy: CONNECT (RFC 9110 §9.3.6), and what a proxy may answer.

use std::time::Duration;

use base64::prelude::{BASE64_STANDARD, Engine as _};
use bytes::Bytes;
use holdpoint_store::config::ProxyUrl;
use http::{HeaderValue, Method, Request, Response, StatusCode, Uri, header};
use http_body_util::Empty;
use hyper::{body::Incoming, client::conn::http1};
use hyper_util::rt::TokioIo;
use tokio::time::timeout;
use zeroize::Zeroizing;

use super::dial::Wire;

/// Bytes of a proxy's answer to CONNECT; hyper wants at least 8192.
const HEAD_BYTES_MAX: usize = 16 * 1024;

/// Asks the proxy at the other end of `wire` for a connection to `authority` (`host:port`). The
/// error says what the proxy did in its place.
pub(super) async fn open(
    wire: Box<dyn Wire>,
    proxy: &ProxyUrl,
    authority: &str,
    wait: Duration,
) -> Result<Box<dyn Wire>, String> {
    let (mut sender, driver) = http1::Builder::new()
        .max_header_size(HEAD_BYTES_MAX)
        .handshake::<_, Empty<Bytes>>(TokioIo::new(wire))
        .await
        .map_err(|error| error.to_string())?;
    // Ends with the tunnel: an upgraded connection is handed over.
    tokio::spawn(driver.with_upgrades());
    let request = connect(proxy, authority).map_err(|()| "its host cannot be written")?;
    let asked = async {
        let response = sender.send_request(request).await.map_err(|error| error.to_string())?;
        opened(response).await
    };
    timeout(wait, asked).await.map_err(|_| "it did not answer in time")?
}

fn connect(proxy: &ProxyUrl, authority: &str) -> Result<Request<Empty<Bytes>>, ()> {
    let mut request = Request::new(Empty::new());
    *request.method_mut() = Method::CONNECT;
    *request.uri_mut() = Uri::builder().authority(authority).build().map_err(|_| ())?;
    let host = HeaderValue::try_from(authority).map_err(|_| ())?;
    request.headers_mut().insert(header::HOST, host);
    if let Some(value) = authorization(proxy) {
        request.headers_mut().insert(header::PROXY_AUTHORIZATION, value);
    }
    Ok(request)
}

/// `Proxy-Authorization`, where the proxy's address has a user.
pub(super) fn authorization(proxy: &ProxyUrl) -> Option<HeaderValue> {
    let encoded = Zeroizing::new(BASE64_STANDARD.encode(proxy.credentials()?));
    let value = Zeroizing::new(format!("Basic {}", *encoded));
    let mut value = HeaderValue::try_from(value.as_str()).ok()?;
    value.set_sensitive(true);
    Some(value)
}

async fn opened(response: Response<Incoming>) -> Result<Box<dyn Wire>, String> {
    if !response.status().is_success() {
        return Err(refusal(response.status()));
    }
    let upgraded = hyper::upgrade::on(response).await.map_err(|error| error.to_string())?;
    Ok(Box::new(TokioIo::new(upgraded)))
}

/// What a proxy's refusal means, and the mend.
pub(super) fn refusal(status: StatusCode) -> String {
    let mend = match status {
        StatusCode::PROXY_AUTHENTICATION_REQUIRED => {
            ": it wants another user and password; a human writes them into the proxy's address, in \
             the environment of `holdpoint up` or in [upstream] of holdpoint.toml"
        }
        StatusCode::FORBIDDEN => ": it does not lead there",
        StatusCode::BAD_GATEWAY | StatusCode::SERVICE_UNAVAILABLE | StatusCode::GATEWAY_TIMEOUT => {
            ": it does not reach the host"
        }
        _ => "",
    };
    format!("it answered {}{mend}", status.as_u16())
}
