//! One GET request, as probes and lifecycle hooks make it.

use std::sync::Arc;
use std::time::Duration;

use api::IntOrString;
use api::core::{Container, HTTPGetAction};
use base::Clock;
use bytes::Bytes;
use http::{Request, Response, StatusCode, Uri, header};
use http_body_util::{BodyExt, Empty, Limited};
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::dial;

/// Of an answer's body, this much is read; a probe shows no more.
const BODY_LIMIT: usize = 10 * 1024;
const REDIRECTS: usize = 10;

/// Where to, and with which headers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    uri: Uri,
    headers: Vec<(String, String)>,
}

/// What came back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    pub status: StatusCode,
    pub body: String,
}

impl Target {
    /// What an action of a container asks for. `pod_ip` stands in for a host that is not given.
    ///
    /// # Errors
    /// A port name that the container does not have, or a host or path that makes no URL.
    pub fn of(action: &HTTPGetAction, container: &Container, pod_ip: &str) -> Result<Self, String> {
        let port = port(&action.port, container)?;
        let scheme = match action.scheme.as_deref() {
            Some("HTTPS") => "https",
            _ => "http",
        };
        let host = action.host.as_deref().filter(|host| !host.is_empty());
        let host = dial::authority(host.unwrap_or(pod_ip), port);
        let path = action.path.as_deref().unwrap_or_default();
        let slash = if path.starts_with('/') { "" } else { "/" };
        let url = format!("{scheme}://{host}{slash}{path}");
        let headers = action.http_headers.iter().flatten();
        Ok(Self {
            uri: url
                .parse()
                .map_err(|error| format!("invalid URL {url:?}: {error}"))?,
            headers: headers
                .map(|header| (header.name.clone(), header.value.clone()))
                .collect(),
        })
    }
}

/// A port's number; a name is one of the container's own ports.
///
/// # Errors
/// When it names none.
pub fn port(port: &IntOrString, container: &Container) -> Result<u16, String> {
    let number = match port {
        IntOrString::Int(number) => *number,
        IntOrString::String(text) => {
            let mut ports = container.ports.iter().flatten();
            match ports.find(|port| port.name.as_deref() == Some(text)) {
                Some(port) => port.container_port,
                None => text.parse().map_err(|_| format!("port {text} not found"))?,
            }
        }
    };
    match u16::try_from(number) {
        Ok(number) if number > 0 => Ok(number),
        _ => Err(format!("invalid port number: {number}")),
    }
}

/// Asks, and follows redirects on the same host.
///
/// # Errors
/// Go's words for it: `Get "http://10.42.0.5:80/": dial tcp 10.42.0.5:80: connect: connection
/// refused`.
pub async fn get(clock: &Clock, target: &Target, timeout: Duration) -> Result<Answer, String> {
    let described = |why: String| format!("Get \"{}\": {why}", target.uri);
    match clock.timeout(timeout, follow(target)).await {
        Ok(answered) => answered.map_err(described),
        Err(_) => Err(described(
            "context deadline exceeded (Client.Timeout exceeded while awaiting headers)".to_owned(),
        )),
    }
}

async fn follow(target: &Target) -> Result<Answer, String> {
    let mut uri = target.uri.clone();
    for _ in 0..REDIRECTS {
        let response = send(&uri, &target.headers).await?;
        match redirect(&uri, &response) {
            // Elsewhere nobody was meant to be asked: the redirect itself is the answer.
            Some(next) if next.host() == target.uri.host() => uri = next,
            _ => return read(response).await,
        }
    }
    Err(format!("stopped after {REDIRECTS} redirects"))
}

fn redirect(from: &Uri, response: &Response<Incoming>) -> Option<Uri> {
    if !matches!(response.status().as_u16(), 301 | 302 | 303 | 307 | 308) {
        return None;
    }
    let location = response.headers().get(header::LOCATION)?.to_str().ok()?;
    if location.starts_with("http://") || location.starts_with("https://") {
        return location.parse().ok();
    }
    let (scheme, authority) = (from.scheme_str()?, from.authority()?);
    let path = if location.starts_with('/') {
        location.to_owned()
    } else {
        let directory = from.path().rsplit_once('/').map_or("", |(base, _)| base);
        format!("{directory}/{location}")
    };
    format!("{scheme}://{authority}{path}").parse().ok()
}

async fn read(response: Response<Incoming>) -> Result<Answer, String> {
    let status = response.status();
    let body = Limited::new(response.into_body(), BODY_LIMIT)
        .collect()
        .await;
    // A body too long, or broken off, says nothing about the answer's code.
    let body = body.map(|body| body.to_bytes()).unwrap_or_default();
    Ok(Answer {
        status,
        body: String::from_utf8_lossy(&body).into_owned(),
    })
}

async fn send(uri: &Uri, headers: &[(String, String)]) -> Result<Response<Incoming>, String> {
    let secure = uri.scheme_str() == Some("https");
    let host = uri.host().unwrap_or_default();
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let port = uri.port_u16().unwrap_or(if secure { 443 } else { 80 });
    let stream = TcpStream::connect((host, port))
        .await
        .map_err(|error| dial::failure(host, port, &error))?;
    if !secure {
        return exchange(TokioIo::new(stream), uri, headers).await;
    }
    let name = ServerName::try_from(host.to_owned()).map_err(|error| error.to_string())?;
    let connector = TlsConnector::from(Arc::new(client::unverified_tls()));
    let stream = connector.connect(name, stream).await;
    let stream = stream.map_err(|error| format!("remote error: {error}"))?;
    exchange(TokioIo::new(stream), uri, headers).await
}

async fn exchange<S>(
    stream: TokioIo<S>,
    uri: &Uri,
    headers: &[(String, String)],
) -> Result<Response<Incoming>, String>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (mut sender, connection) = hyper::client::conn::http1::handshake(stream)
        .await
        .map_err(|error| error.to_string())?;
    base::tasks::spawn("probe connection", async move {
        // Its failure is the request's, which tells.
        let _ = connection.await;
    });
    let answered = sender.send_request(request(uri, headers)?).await;
    answered.map_err(|error| {
        if error.is_incomplete_message() {
            "EOF".to_owned()
        } else {
            error.to_string()
        }
    })
}

fn request(uri: &Uri, headers: &[(String, String)]) -> Result<Request<Empty<Bytes>>, String> {
    let path = uri.path_and_query().map_or("/", |path| path.as_str());
    let mut request = Request::get(path)
        .body(Empty::new())
        .map_err(|error| error.to_string())?;
    let defaults = [
        ("host", uri.authority().map_or("", |a| a.as_str())),
        ("user-agent", "kube-probe/1.35"),
        ("accept", "*/*"),
        ("connection", "close"),
    ];
    let own = headers.iter().map(|(name, value)| (&**name, &**value));
    for (name, value) in defaults.into_iter().chain(own) {
        let name: header::HeaderName = name
            .parse()
            .map_err(|_| format!("invalid header {name:?}"))?;
        let value = value
            .parse()
            .map_err(|_| format!("invalid value of header {name}"))?;
        request.headers_mut().insert(name, value);
    }
    Ok(request)
}

#[cfg(test)]
mod tests;
