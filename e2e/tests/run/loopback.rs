//! Loopback both ways: what listens inside is opened from outside, services of the machine are
//! reached inside and judged by who owns them, and names lead to the gateway without any proxy.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that panics has failed, which is what it is for"
)]

use std::{
    fs,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{TcpListener, TcpStream},
    process::Command,
    time::Duration,
};

use e2e::{
    echo::{LISTED, UNLISTED},
    enclosed::Enclosed,
    holdpoint::{Called, until},
    running::{Process, Running, free_port},
};
use serde_json::Value;

const BINARY: &str = env!("CARGO_BIN_EXE_holdpoint-under-test");
const PYTHON: &str = "/usr/bin/python3";

/// Answers each line with `NAME: line`.
const ECHO: &str = "import socketserver, sys
class Echo(socketserver.StreamRequestHandler):
    def handle(self):
        for line in self.rfile: self.wfile.write(sys.argv[-1].encode() + b': ' + line)
class Server(socketserver.ThreadingTCPServer): allow_reuse_address = True
Server(('127.0.0.1', int(sys.argv[1])), Echo).serve_forever()
";

/// A forwarder that takes the words of `ssh -N -L PORT:HOST:HOSTPORT NAME`.
const FORWARDER: &str = "import socketserver, sys
class Far(socketserver.StreamRequestHandler):
    def handle(self):
        for line in self.rfile: self.wfile.write(b'far away: ' + line)
class Server(socketserver.ThreadingTCPServer): allow_reuse_address = True
Server(('127.0.0.1', int(sys.argv[sys.argv.index('-L') + 1].split(':')[0])), Far).serve_forever()
";

/// A development server: pages, and a WebSocket (RFC 6455) that says everything twice.
const DEV_SERVER: &str = "import base64, hashlib, http.server, sys
class Dev(http.server.BaseHTTPRequestHandler):
    protocol_version = 'HTTP/1.1'
    def do_GET(self):
        key = self.headers.get('Sec-WebSocket-Key')
        if not key:
            self.send_response(200); self.send_header('Content-Length', '5'); self.end_headers()
            return self.wfile.write(b'hello')
        self.send_response(101)
        accept = hashlib.sha1((key + '258EAFA5-E914-47DA-95CA-C5AB0DC85B11').encode()).digest()
        for pair in [('Upgrade', 'websocket'), ('Connection', 'Upgrade'), ('Sec-WebSocket-Accept', base64.b64encode(accept).decode())]: self.send_header(*pair)
        self.end_headers()
        while True:
            head = self.rfile.read(2)
            mask, text = self.rfile.read(4), self.rfile.read(head[1] & 127)
            said = bytes(b ^ mask[i % 4] for i, b in enumerate(text)) * 2
            self.wfile.write(bytes([0x81, len(said)]) + said)
    def log_message(self, *_): pass
http.server.ThreadingHTTPServer(('127.0.0.1', int(sys.argv[1])), Dev).serve_forever()
";

/// Runs a script of Python outside, under `name`, until it listens on `port`.
fn listens(place: &Enclosed, name: &str, code: &str, arguments: &[&str], port: u16) -> Process {
    let script = place.path("elsewhere").join(name);
    fs::write(&script, code).unwrap();
    Process::listening(place.outside(PYTHON).arg(&script).args(arguments), port)
}

fn get(port: u16) -> String {
    let output = Command::new("curl")
        .args(["-s", "-m", "10", "--noproxy", "*", &format!("http://127.0.0.1:{port}/")])
        .output();
    String::from_utf8(output.unwrap().stdout).unwrap()
}

/// Says "hot" on a WebSocket at `port`, and returns what comes back.
fn over_websocket(port: u16) -> String {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    let asked = format!(
        "GET /hmr HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
    );
    stream.write_all(asked.as_bytes()).unwrap();
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        assert_ne!(reader.read_line(&mut head).unwrap(), 0, "{head}");
    }
    assert!(head.contains("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="), "{head}");
    // A text of three bytes under a mask of zeros.
    stream.write_all(&[0x81, 0x83, 0, 0, 0, 0, b'h', b'o', b't']).unwrap();
    let mut frame = [0; 8];
    reader.read_exact(&mut frame).unwrap();
    String::from_utf8(frame[2..].to_vec()).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_inside_is_opened_from_outside() {
    for place in Enclosed::each(BINARY).await {
        fs::write(place.path("work/dev.py"), DEV_SERVER).unwrap();
        let port = free_port();
        let serve = format!("exec {PYTHON} dev.py {port}");
        let running = Running::start(&place, &[], &serve);
        let line = running.says("holdpoint: port");
        assert_eq!(line, format!("holdpoint: port {port} inside is 127.0.0.1:{port} here"));
        assert_eq!(get(port), "hello", "{}", place.who());
        assert_eq!(over_websocket(port), "hothot");
        // Only the host's own loopback has it.
        let listening = fs::read_to_string("/proc/net/tcp").unwrap();
        let listener = format!("0100007F:{port:04X} 00000000:0000 0A");
        assert!(listening.contains(&listener), "{listening}");
        drop(running);
        until("the port is free again", || TcpListener::bind(("127.0.0.1", port)).ok());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_port_that_is_taken_gets_another_number_and_none_is_published_unasked() {
    for place in Enclosed::each(BINARY).await {
        fs::write(place.path("work/dev.py"), DEV_SERVER).unwrap();
        let taken = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = taken.local_addr().unwrap().port();
        let serve = format!("exec {PYTHON} dev.py {port}");
        let running = Running::start(&place, &[], &serve);
        let line = running.says(&format!("holdpoint: port {port} inside is 127.0.0.1:"));
        assert!(line.ends_with(&format!(" here, as {port} is taken")), "{line}");
        let other = line.split(' ').nth(5).unwrap().strip_prefix("127.0.0.1:").unwrap();
        assert_eq!(get(other.parse().unwrap()), "hello");
        drop(running);

        let port = free_port();
        let script = format!("{PYTHON} dev.py {port} & sleep 2; kill $!");
        let mut quiet = Running::start(&place, &["--no-publish"], &script);
        assert!(quiet.process.0.wait().unwrap().code().is_some());
        let said: Vec<String> = quiet.lines.iter().collect();
        assert!(!said.iter().any(|line| line.starts_with("holdpoint: port")), "{said:?}");
    }
}

/// What [`streams_so_far`] says once so many have ended, which the last does with its run.
fn streams(place: &Enclosed, ends: usize) -> (Vec<String>, Vec<(u64, u64)>) {
    until("so many have ended", || {
        let streams = streams_so_far(place);
        (streams.1.len() >= ends).then_some(streams)
    })
}

/// The decisions about raw streams, oldest first: verdict, resource, environment; and the bytes of
/// those that have ended.
fn streams_so_far(place: &Enclosed) -> (Vec<String>, Vec<(u64, u64)>) {
    let shown = place.call(&["ledger", "show", "--last", "200", "--json"]).json();
    let mut records: Vec<Value> = shown.as_array().unwrap().clone();
    records.sort_by_key(|shown| shown["index"].as_u64());
    let (mut decided, mut closed) = (Vec::new(), Vec::new());
    for record in records.iter().map(|shown| &shown["record"]) {
        let operation = &record["operations"][0];
        if record["kind"] == "decision" && operation["operation"] == "tcp:open" {
            let word = |value: &Value| value.as_str().unwrap().to_owned();
            let verdict = word(&record["verdict"]);
            let code = record["reasons"][0]["code"].as_str().unwrap_or("-");
            let environment = word(&operation["environment"]);
            decided
                .push(format!("{verdict} {code} {} {environment}", word(&operation["resource"])));
        }
        if record["kind"] == "closed" {
            closed.push((record["sent"].as_u64().unwrap(), record["received"].as_u64().unwrap()));
        }
    }
    (decided, closed)
}

/// Says a line to `host` from inside, and prints what comes back, or `nothing`, or `no`.
fn say(host: &str, port: u16) -> String {
    format!(
        "{{ exec 9<>/dev/tcp/{host}/{port}; }} 2>/dev/null && \
         {{ echo hi >&9; timeout 5 head -1 <&9 | grep . || echo nothing; exec 9>&-; }} || echo no\n"
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn services_of_the_machine_are_judged_by_who_owns_them() {
    for place in Enclosed::each(BINARY).await {
        let [server, tunnel, listed, closed] = [(); 4].map(|()| free_port());
        let far = |port: u16, host: &str| format!("{port}:{host}:5432");
        let _server = listens(&place, "echo.py", ECHO, &[&server.to_string(), "here"], server);
        let words = far(tunnel, "db.unlisted.test");
        let _tunnel = listens(&place, "ssh", FORWARDER, &["-N", "-L", &words, "bastion"], tunnel);
        let words = far(listed, "db.prod.test");
        let _listed = listens(&place, "ssh", FORWARDER, &["-N", "-L", &words, "bastion"], listed);
        let added = place.call(&[
            "hosts",
            "add",
            "db.prod.test",
            "--speaks",
            "rest",
            "--environment",
            "production",
        ]);
        assert_eq!(added.status, 0, "{}", added.stderr);
        // The workspace names all of them, and one where nobody listens.
        let env = format!(
            "DATABASE_URL=postgres://u:p@localhost:{server}/app\nPROD=127.0.0.1:{tunnel}\n\
             APP_URL=http://localhost:{closed}/\n"
        );
        fs::write(place.path("work/.env"), env).unwrap();
        let script = [server, tunnel, listed].map(|port| say("127.0.0.1", port)).concat()
            + &say("127.0.0.1", closed)
            + &format!(
                "{PYTHON} -m http.server --bind 127.0.0.1 {closed} >/dev/null 2>&1 & sleep 1\n"
            )
            + &format!("curl -s -o /dev/null -w '%{{http_code}}\\n' http://localhost:{closed}/\n");
        let local = format!("localhost:{listed}");
        let called = place.call(&["run", "--local", &local, "--", "bash", "-c", &script]);
        let said: Vec<&str> = called.stdout.lines().collect();
        let expect = ["here: hi", "nothing", "nothing", "no", "200"];
        assert_eq!(said, expect, "{}", called.stderr);
        let (decided, ended) = streams(&place, 1);
        let expect = [
            format!("allow - tcp:127.0.0.1:{server} local"),
            format!("hold opaque tcp:127.0.0.1:{tunnel} unknown"),
            format!("hold opaque tcp:127.0.0.1:{listed} production"),
        ];
        assert_eq!(decided, expect, "{}", place.who());
        assert_eq!(ended, [(3, 9)]);
        assert!(called.stderr.contains("127.0.0.1:"), "{}", called.stderr);
        assert!(!called.stderr.contains(&format!("services     127.0.0.1:{closed}")));

        // The proxy says the same of the same ports.
        let proxied = |port: u16| {
            format!(
                "curl -s -m 10 --noproxy '' -o /dev/null -w '%{{http_code}} ' -X POST -d x http://127.0.0.1:{port}/\n"
            )
        };
        let script = [server, tunnel].map(proxied).concat();
        let called: Called = place.call(&["run", "--", "bash", "-c", &script]);
        // The echo server speaks no HTTP; the tunnel is not asked at all.
        assert_eq!(called.stdout, "502 428 ", "{}", called.stderr);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn names_lead_to_the_gateway_without_any_proxy() {
    for place in Enclosed::each(BINARY).await {
        let port = free_port();
        let _server = listens(&place, "echo.py", ECHO, &[&port.to_string(), "db"], port);
        let path = place.path("state/holdpoint.toml");
        let configuration = fs::read_to_string(&path).unwrap();
        let more = format!(
            "resolve = [\"db.local.test:5432:127.0.0.1:{port}\", \"db.prod.test:5432:127.0.0.1:{port}\", "
        );
        fs::write(&path, configuration.replacen("resolve = [", &more, 1)).unwrap();
        for (host, environment) in [("db.local.test", "local"), ("db.prod.test", "production")] {
            let added = place.call(&[
                "hosts",
                "add",
                host,
                "--speaks",
                "rest",
                "--environment",
                environment,
            ]);
            assert_eq!(added.status, 0, "{}", added.stderr);
        }
        let direct = "curl -s -m 20 --noproxy '*' -o /dev/null -w '%{http_code}\\n'";
        let script = [
            say("db.local.test", 5432),
            say("db.prod.test", 5432),
            say(UNLISTED, 5432),
            say("198.18.7.7", 5432),
            // By the proxy's own CONNECT, with a protocol that is neither TLS nor HTTP.
            "{ exec 9<>/dev/tcp/127.0.0.1/7080; } && printf 'CONNECT db.local.test:5432 HTTP/1.1\\r\\nHost: db.local.test:5432\\r\\n\\r\\n' >&9; \
             read -r -u 9 line; read -r -u 9 line; printf '\\0hi\\n' >&9; timeout 5 head -1 <&9 | tr -d '\\0'\n".to_owned(),
            format!("{direct} https://{LISTED}/direct\n"),
            format!("{direct} -X DELETE https://{LISTED}/items/1\n"),
            format!("{direct} http://holdpoint.internal/holds/none\n"),
            format!("{direct} --connect-to {LISTED}:443:db.local.test:443 https://{LISTED}/\n"),
            format!("{direct} https://{UNLISTED}/ || echo failed\n"),
            // Only TCP has somewhere to go.
            format!(
                "{PYTHON} -c 'import socket; s = socket.socket(2, 2); s.settimeout(9); \
                 s.connect((\"{LISTED}\", 443)); s.send(b\"x\"); s.recv(9)' 2>&1 | tail -1\n"
            ),
            "env -u HTTPS_PROXY -u https_proxy -u ALL_PROXY -u all_proxy ".to_owned()
                + &format!(
                    "curl -s -m 20 -o /dev/null -w '%{{http_code}}\\n' https://{LISTED}/bare\n"
                ),
        ];
        let called = place.script(&script.concat());
        let expect = ["db: hi", "nothing", "no", "nothing", "db: hi", "200", "428", "403", "421"];
        let said: Vec<&str> = called.stdout.lines().collect();
        assert_eq!(said[..9], expect, "{}: {}", place.who(), called.stderr);
        assert_eq!(
            said[9..],
            ["000", "failed", "ConnectionRefusedError: [Errno 111] Connection refused", "200"],
            "{}",
            called.stderr
        );
        let targets: Vec<String> = place.arrived().iter().map(|it| it.target.clone()).collect();
        assert_eq!(targets, ["/direct", "/bare"]);
        let (decided, ended) = streams(&place, 2);
        let expect = [
            "allow - tcp:db.local.test:5432 local",
            // The task is about development.
            "deny wrong_environment tcp:db.prod.test:5432 production",
            "deny unlisted_host tcp:198.18.7.7:5432 unknown",
            "allow - tcp:db.local.test:5432 local",
        ];
        assert_eq!(decided, expect);
        assert_eq!(ended, [(3, 7), (4, 8)]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kill_cuts_streams_and_published_ports_at_once() {
    for place in Enclosed::each(BINARY).await {
        fs::write(place.path("work/dev.py"), DEV_SERVER).unwrap();
        let [server, port] = [(); 2].map(|()| free_port());
        let _server = listens(&place, "echo.py", ECHO, &[&server.to_string(), "here"], server);
        let script = format!(
            "{PYTHON} dev.py {port} & exec 9<>/dev/tcp/127.0.0.1/{server}; echo hi >&9; head -1 <&9 >said; \
             while :; do sleep 0.05; echo more >&9; done"
        );
        let local = format!("localhost:{server}");
        let mut running = Running::start(&place, &["--local", &local], &script);
        let run = running.says("holdpoint: bash is guarded").rsplit(' ').next().unwrap().to_owned();
        running.says("holdpoint: port");
        until("the stream is up", || {
            fs::read(place.path("work/said")).ok().filter(|it| !it.is_empty())
        });
        assert_eq!(place.call(&["kill", &run]).status, 0);
        running.process.0.wait().unwrap();
        assert!(TcpStream::connect(("127.0.0.1", port)).is_err());
        let closed = until("its end is recorded", || {
            let shown = place.call(&["ledger", "show", "--last", "50", "--json"]).json();
            let records = shown.as_array().unwrap().iter().map(|shown| shown["record"].clone());
            records.into_iter().find(|record| record["kind"] == "closed")
        });
        assert!(closed["received"].as_u64().unwrap() >= 9, "{closed}");
    }
}
