//! Ports that are listened on inside, on the host's own loopback under the same number: a stream of
//! bytes each way, whatever is said in it.

use std::{
    collections::BTreeMap,
    fmt,
    io::{self, ErrorKind},
    rc::Rc,
    sync::Arc,
    thread,
    time::Duration,
};

use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpSocket, TcpStream},
    runtime::Builder,
    sync::Semaphore,
    task::{JoinHandle, LocalSet},
    time::sleep,
};

use crate::{
    error::{During as _, Result},
    listening::Listening,
    sockets::Sockets,
};

/// How often it is looked at what listens inside. What listens at two looks is there to stay.
const LOOK: Duration = Duration::from_millis(200);
/// Ports that are published at a time, at most.
const PORTS_MAX: usize = 64;
/// Connections to them at a time, at most.
const CONNECTIONS_MAX: usize = 512;

/// A port of the inside that the host has now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Published {
    /// Its number inside.
    pub inside: u16,
    /// Its number on the host's 127.0.0.1.
    pub outside: u16,
}

impl fmt::Display for Published {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { inside, outside } = self;
        match inside == outside {
            true => write!(f, "port {inside} inside is 127.0.0.1:{outside} here"),
            false => {
                write!(f, "port {inside} inside is 127.0.0.1:{outside} here, as {inside} is taken")
            }
        }
    }
}

/// Publishes what listens inside but for `own` ports, as long as this process lives; `say` hears of
/// each port once.
pub(crate) fn publish(sockets: Sockets, own: Vec<u16>, say: fn(Published)) -> Result<()> {
    let runtime = Builder::new_current_thread().enable_all().build();
    let runtime = runtime.during("cannot publish ports")?;
    let work = move || {
        let publisher = Publisher {
            sockets: Rc::new(sockets),
            own,
            say,
            places: Arc::new(Semaphore::new(CONNECTIONS_MAX)),
            ports: BTreeMap::new(),
        };
        LocalSet::new().block_on(&runtime, publisher.work());
    };
    thread::Builder::new().spawn(work).map(drop).during("cannot publish ports")
}

struct Publisher {
    sockets: Rc<Sockets>,
    own: Vec<u16>,
    say: fn(Published),
    places: Arc<Semaphore>,
    ports: BTreeMap<u16, Port>,
}

/// A port that somebody listened on inside.
enum Port {
    /// Seen once.
    Seen,
    /// On the host too.
    Published(Published, JoinHandle<()>),
    /// It was, and nobody listens inside any more; its number is told only if it changes.
    Gone(Published),
}

impl Publisher {
    async fn work(mut self) {
        loop {
            sleep(LOOK).await;
            match self.sockets.listening() {
                Ok(found) => self.take(found).await,
                // The inside has ended, and so will we.
                Err(error) => return tracing::debug!(%error, "nothing more is published"),
            }
        }
    }

    async fn take(&mut self, mut found: Vec<Listening>) {
        found.retain(|it| !self.own.contains(&it.port));
        for (number, port) in &mut self.ports {
            let listens = found.iter().any(|it| it.port == *number);
            if let Port::Published(published, accepting) = port
                && !listens
            {
                accepting.abort();
                *port = Port::Gone(*published);
            }
        }
        let still = |number: &u16| found.iter().any(|it| it.port == *number);
        self.ports.retain(|number, port| still(number) || !matches!(port, Port::Seen));
        for listening in found {
            match self.ports.get(&listening.port) {
                Some(Port::Published(..)) => {}
                Some(Port::Seen) => self.open(listening, None).await,
                Some(Port::Gone(before)) => self.open(listening, Some(*before)).await,
                None if self.ports.len() < PORTS_MAX => {
                    self.ports.insert(listening.port, Port::Seen);
                }
                None => tracing::debug!(port = listening.port, "too many ports are published"),
            }
        }
    }

    async fn open(&mut self, listening: Listening, before: Option<Published>) {
        let wanted = before.map_or(listening.port, |before| before.outside);
        let opened = listen(wanted).await;
        let Ok((listener, outside)) = opened else { return };
        let published = Published { inside: listening.port, outside };
        if before != Some(published) {
            (self.say)(published);
        }
        let (sockets, places) = (Rc::clone(&self.sockets), Arc::clone(&self.places));
        let accepting = tokio::task::spawn_local(accept(listener, listening, sockets, places));
        self.ports.insert(listening.port, Port::Published(published, accepting));
    }
}

/// Listens on this port of the host, or on another one if it is taken.
async fn listen(port: u16) -> io::Result<(TcpListener, u16)> {
    let listener = match TcpListener::bind(("127.0.0.1", port)).await {
        Err(error)
            if matches!(error.kind(), ErrorKind::AddrInUse | ErrorKind::PermissionDenied) =>
        {
            TcpListener::bind(("127.0.0.1", 0)).await?
        }
        other => other?,
    };
    let port = listener.local_addr()?.port();
    Ok((listener, port))
}

async fn accept(
    listener: TcpListener,
    to: Listening,
    sockets: Rc<Sockets>,
    places: Arc<Semaphore>,
) {
    while let Ok(place) = Arc::clone(&places).acquire_owned().await {
        let Ok((outside, _)) = listener.accept().await else {
            sleep(LOOK).await;
            continue;
        };
        let sockets = Rc::clone(&sockets);
        tokio::task::spawn_local(async move {
            let _place = place;
            if let Err(error) = join(outside, to, &sockets).await {
                tracing::debug!(%error, port = to.port, "a connection to the inside broke off");
            }
        });
    }
}

async fn join(mut outside: TcpStream, to: Listening, sockets: &Sockets) -> io::Result<()> {
    let (socket, address) = sockets.towards(&to)?;
    let mut inside = TcpSocket::from_std_stream(socket).connect(address).await?;
    outside.set_nodelay(true)?;
    inside.set_nodelay(true)?;
    copy_bidirectional(&mut outside, &mut inside).await.map(drop)
}
