//! One deletion in more than a hundred disguises, sent over real sockets: none reaches a server
//! that would understand it, and beside each kind of disguise the honest form passes.

use std::{
    io::{Read, Write},
    net::TcpStream,
    thread,
    time::{Duration, Instant},
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use e2e::{
    holdpoint::{Gateway, Holdpoint},
    lenient::{deletions, meaning::STORED, upstream::Upstream},
};

const BINARY: &str = env!("CARGO_BIN_EXE_holdpoint-under-test");
const FILES: [&str; 3] = [
    include_str!("evasions/framing.txt"),
    include_str!("evasions/targets.txt"),
    include_str!("evasions/bodies.txt"),
];
/// How long a client waits for what may follow an answer.
const PAUSE: Duration = Duration::from_millis(250);

/// What an agent sends.
struct Sent {
    name: String,
    is_honest: bool,
    host: &'static str,
    bytes: Vec<u8>,
}

/// All of the files.
fn all() -> Vec<Sent> {
    let entries = FILES.iter().flat_map(|file| {
        let file = file.strip_suffix('\n').unwrap();
        file.split("\n=== ").skip(1)
    });
    entries.map(|entry| read(entry.split_once('\n').unwrap())).collect()
}

/// An entry: its title, and the text of what is sent.
fn read((title, text): (&str, &str)) -> Sent {
    let (kind, name) = title.split_once(": ").unwrap();
    assert!(["honest", "evasion"].contains(&kind), "{title}");
    let host = match text {
        _ if text.contains("{graph}") => "graph.example.test",
        _ if text.contains("{railway}") => "backboard.railway.com",
        _ => "api.example.test",
    };
    let mut text = text.to_owned();
    if text.ends_with('\n') {
        text.push('\n');
    }
    let host_line = format!("Host: {host}");
    for name in ["{host}", "{graph}", "{railway}"] {
        text = text.replace(name, &host_line);
    }
    let text = text.replace('\n', "\r\n").replace("{hash}", STORED);
    let bytes = with_marks(&text);
    let head = bytes.windows(4).position(|four| four == b"\r\n\r\n");
    let length = bytes.len() - head.map_or(bytes.len(), |at| at + 4);
    let bytes = replaced(bytes, "{len}", length.to_string().as_bytes());
    Sent { name: name.to_owned(), is_honest: kind == "honest", host, bytes }
}

/// The text's bytes, with those in place that cannot be written in a text file.
fn with_marks(text: &str) -> Vec<u8> {
    let mut bytes = text.as_bytes().to_vec();
    if let Some((before, rest)) = text.split_once("{utf16:") {
        let (inside, after) = rest.rsplit_once('}').unwrap();
        let units = inside.encode_utf16().flat_map(u16::to_le_bytes);
        bytes = before.bytes().chain(units).chain(after.bytes()).collect();
    }
    for (mark, byte) in [
        ("{LF}", "\n"),
        ("{CR}", "\r"),
        ("{NUL}", "\0"),
        ("{TAB}", "\t"),
        ("{SP}", " "),
        ("{BOM}", "\u{FEFF}"),
        ("{x:0b}", "\u{b}"),
    ] {
        bytes = replaced(bytes, mark, byte.as_bytes());
    }
    bytes
}

fn replaced(mut bytes: Vec<u8>, mark: &str, by: &[u8]) -> Vec<u8> {
    let mark = mark.as_bytes();
    while let Some(at) = bytes.windows(mark.len()).position(|window| window == mark) {
        bytes.splice(at..at + mark.len(), by.iter().copied());
    }
    bytes
}

/// A gateway in front of a server that answers for every host.
struct Scene {
    upstream: Upstream,
    holdpoint: Holdpoint,
    gateway: Gateway,
}

impl Scene {
    fn set() -> Self {
        let upstream = Upstream::start();
        let holdpoint = Holdpoint::new(BINARY);
        let configuration = "[hold]\nwait_seconds = 0\n[limits]\nholds_open_each = 1000\n";
        std::fs::write(holdpoint.state().join("holdpoint.toml"), configuration).unwrap();
        let hosts = ["api", "graph", "other"].map(|name| format!("{name}.example.test"));
        let hosts = hosts.iter().map(String::as_str).chain(["backboard.railway.com"]);
        let places: Vec<String> =
            hosts.map(|host| format!("{host}:80:{}", upstream.address)).collect();
        let arguments: Vec<&str> =
            places.iter().flat_map(|place| ["--resolve", place.as_str()]).collect();
        let gateway = holdpoint.up(&arguments, &[]);
        let staging = ["--environment", "staging", "--json"];
        for host in [&["api.example.test"][..], &["other.example.test"]] {
            holdpoint.json(&[&["hosts", "add"], host, &staging].concat());
        }
        let graph = ["hosts", "add", "graph.example.test", "--speaks", "graphql"];
        holdpoint.json(&[&graph[..], &staging].concat());
        Self { upstream, holdpoint, gateway }
    }

    /// The bearer of a new agent.
    fn agent(&self, name: &str) -> String {
        let agent = self.holdpoint.json(&["agents", "new", name, "--json"]);
        let proxy = agent["env"]["HTTP_PROXY"].as_str().unwrap_or_else(|| panic!("{agent}"));
        let (user, _) = proxy.strip_prefix("http://").unwrap().split_once('@').unwrap();
        user.split_once(':').map_or(user, |(bearer, _)| bearer).to_owned()
    }

    /// Sends bytes in a tunnel; everything that comes back.
    fn send(&self, sent: &Sent, bearer: &str) -> String {
        let mut socket = TcpStream::connect(self.gateway.proxy()).unwrap();
        let claim = STANDARD.encode(format!("{bearer}:"));
        let host = sent.host;
        let connect = format!(
            "CONNECT {host}:80 HTTP/1.1\r\nHost: {host}:80\r\nProxy-Authorization: Basic {claim}\r\n\r\n"
        );
        socket.write_all(connect.as_bytes()).unwrap();
        let told = read_until(&mut socket, |answer| answer.ends_with("\r\n\r\n"));
        assert!(told.starts_with("HTTP/1.1 200"), "{told}");
        // A gateway that has heard enough may have closed.
        socket.write_all(&sent.bytes).ok();
        let mut answer = read_until(&mut socket, |answer| answer.contains("\r\n\r\n"));
        socket.set_read_timeout(Some(PAUSE)).unwrap();
        let mut piece = [0; 4096];
        while let Ok(count @ 1..) = socket.read(&mut piece) {
            answer += &String::from_utf8_lossy(&piece[..count]);
        }
        answer
    }
}

fn read_until(socket: &mut TcpStream, is_enough: impl Fn(&str) -> bool) -> String {
    socket.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    let mut answer = String::new();
    let mut piece = [0; 4096];
    while !is_enough(&answer) {
        match socket.read(&mut piece) {
            Ok(count @ 1..) => answer += &String::from_utf8_lossy(&piece[..count]),
            _ => break,
        }
    }
    answer
}

#[test]
fn no_disguise_of_a_deletion_passes_and_honest_forms_do() {
    let began = Instant::now();
    let scene = Scene::set();
    let (honest, evasions): (Vec<Sent>, Vec<Sent>) =
        all().into_iter().partition(|sent| sent.is_honest);
    assert!(evasions.len() >= 120 && honest.len() >= 15, "{} {}", evasions.len(), honest.len());
    let bearer = scene.agent("honest");
    let mut wrong: Vec<String> = Vec::new();
    for sent in &honest {
        let answer = scene.send(sent, &bearer);
        if !(answer.contains(" 200 OK\r\n") && answer.ends_with("ok")) {
            wrong.push(format!("{}: {answer}", sent.name));
        }
    }
    let arrived = scene.upstream.arrived().len();
    assert_eq!(arrived, honest.len(), "{}", wrong.join("\n\n"));

    let bearer = scene.agent("sly");
    thread::scope(|scope| {
        let workers: Vec<_> = evasions
            .chunks(evasions.len().div_ceil(16))
            .map(|part| {
                scope.spawn(|| {
                    part.iter()
                        .filter_map(|sent| problem(&scene, sent, &bearer))
                        .collect::<Vec<_>>()
                })
            })
            .collect();
        wrong.extend(workers.into_iter().flat_map(|worker| worker.join().unwrap()));
    });
    for bytes in scene.upstream.arrived() {
        for why in deletions(&bytes) {
            wrong.push(format!("{why}\n{}", String::from_utf8_lossy(&bytes)));
        }
    }
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), evasions.len(), wrong.join("\n\n"));
    assert!(began.elapsed() < Duration::from_secs(60), "{:?}", began.elapsed());
}

/// What is wrong with an evasion: a server would not take it for a deletion, so that it shows
/// nothing; or the gateway says nothing to it.
fn problem(scene: &Scene, sent: &Sent, bearer: &str) -> Option<String> {
    let name = &sent.name;
    if deletions(&sent.bytes).is_empty() {
        return Some(format!("{name}: deletes nothing\n{}", String::from_utf8_lossy(&sent.bytes)));
    }
    let answer = scene.send(sent, bearer);
    (!answer.starts_with("HTTP/1.1 ")).then(|| format!("{name}: answered {answer:?}"))
}
