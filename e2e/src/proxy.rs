//! A proxy as companies have them, that remembers what it was asked: between the gateway and the
//! world.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use holdpoint_drill::Authority;
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, copy_bidirectional},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};
use tokio_rustls::TlsAcceptor;

/// What the proxy does with what it is asked.
#[derive(Clone)]
pub enum Manner {
    /// Leads every host to this address.
    Lead(SocketAddr),
    /// Ends the TLS of every host with a certificate of its own, and passes on what is inside to
    /// this address.
    Inspect(SocketAddr, TlsAcceptor),
    /// Answers everything with this status line.
    Refuse(&'static str),
    /// Closes the connection without a word.
    HangUp,
}

/// What the proxy was asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    /// Method and target.
    pub line: String,
    /// `Host`.
    pub host: String,
    /// `Proxy-Authorization`.
    pub credentials: Option<String>,
}

/// A running proxy; dropping it ends it.
pub struct RecordingProxy {
    addr: SocketAddr,
    asked: Arc<Mutex<Vec<Asked>>>,
    accepting: JoinHandle<()>,
}

impl Drop for RecordingProxy {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

impl RecordingProxy {
    /// A proxy on a free port of `ip`.
    pub async fn start(ip: &str, manner: Manner) -> Self {
        Self::listen(ip, manner, None).await
    }

    /// The same, itself spoken to over TLS, with a certificate of `authority` for `localhost`.
    pub async fn over_tls(manner: Manner, authority: &Authority) -> Self {
        Self::listen("127.0.0.1", manner, Some(acceptor(authority, &["localhost"]))).await
    }

    async fn listen(ip: &str, manner: Manner, tls: Option<TlsAcceptor>) -> Self {
        let listener = TcpListener::bind((ip, 0)).await.unwrap();
        let addr = listener.local_addr().unwrap();
        let asked: Arc<Mutex<Vec<Asked>>> = Arc::default();
        let log = Arc::clone(&asked);
        let accepting = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (manner, log, tls) = (manner.clone(), Arc::clone(&log), tls.clone());
                tokio::spawn(async move {
                    // Broken connections are the peer's business.
                    let _ = match tls {
                        None => serve(stream, manner, &log).await,
                        Some(tls) => match tls.accept(stream).await {
                            Ok(stream) => serve(stream, manner, &log).await,
                            Err(error) => Err(error),
                        },
                    };
                });
            }
        });
        Self { addr, asked, accepting }
    }

    /// Where it listens.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Everything that it was asked, oldest first.
    pub fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }
}

/// Ends TLS for `names` with certificates of `authority`.
pub fn acceptor(authority: &Authority, names: &[&str]) -> TlsAcceptor {
    let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
    authority.server(&names).unwrap().into()
}

async fn serve<S>(mut stream: S, manner: Manner, log: &Mutex<Vec<Asked>>) -> std::io::Result<()>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let head = read_head(&mut stream).await?;
    let mut lines = head.lines();
    let line = lines.next().unwrap_or_default().trim_end_matches(" HTTP/1.1").to_owned();
    let field = |name: &str| {
        let mut fields = head.lines().filter_map(|line| line.split_once(": "));
        fields.find(|(own, _)| own.eq_ignore_ascii_case(name)).map(|(_, value)| value.to_owned())
    };
    let connect = line.starts_with("CONNECT ");
    let host = field("host").unwrap_or_default();
    let credentials = field("proxy-authorization");
    log.lock().unwrap().push(Asked { line, host, credentials });
    let established = b"HTTP/1.1 200 Connection established\r\n\r\n";
    match manner {
        Manner::HangUp => Ok(()),
        Manner::Refuse(status) => {
            let answer = format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n");
            stream.write_all(answer.as_bytes()).await
        }
        Manner::Lead(to) => {
            let mut onward = TcpStream::connect(to).await?;
            match connect {
                true => stream.write_all(established).await?,
                false => onward.write_all(head.as_bytes()).await?,
            }
            copy_bidirectional(&mut stream, &mut onward).await.map(drop)
        }
        Manner::Inspect(to, tls) => {
            stream.write_all(established).await?;
            let mut inside = tls.accept(stream).await?;
            let mut onward = TcpStream::connect(to).await?;
            copy_bidirectional(&mut inside, &mut onward).await.map(drop)
        }
    }
}

async fn read_head(stream: &mut (impl AsyncRead + Unpin)) -> std::io::Result<String> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") && head.len() < 64 * 1024 {
        head.push(stream.read_u8().await?);
    }
    Ok(String::from_utf8_lossy(&head).into_owned())
}
