//! The road to the world: through the human's proxy, around it, over IPv6, and what is said where
//! it ends.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "helpers of tests: what fails here is a failed test"
)]

use std::{fs, path::PathBuf};

use e2e::{
    curl::{Answer, Curl},
    holdpoint::{Gateway, Holdpoint},
    proxy::{Asked, Manner, RecordingProxy, acceptor},
};
use holdpoint_drill::{Authority, upstream::EchoUpstream};

const BINARY: &str = env!("CARGO_BIN_EXE_holdpoint-under-test");
/// A host of the world, which only a proxy finds.
const HOST: &str = "api.example.test";
const PASSWORD: &str = "hunter2-not-shown";

/// A gateway whose upstreams only a proxy can find.
struct World {
    holdpoint: Holdpoint,
    gateway: Gateway,
    _ca: tempfile::TempDir,
}

impl World {
    /// With this `holdpoint.toml`, these variables, and trust in `authorities` only.
    fn set(configuration: &str, variables: &[(&str, &str)], authorities: &[String]) -> Self {
        let holdpoint = Holdpoint::new(BINARY);
        fs::write(holdpoint.state().join("holdpoint.toml"), configuration).unwrap();
        for host in [HOST, "other.example.test", "127.0.0.1", "::1"] {
            let arguments = ["hosts", "add", host, "--speaks", "rest", "--json"];
            holdpoint.json(&[&arguments[..], &["--environment", "development"]].concat());
        }
        let ca = tempfile::tempdir().unwrap();
        let file = |(number, pem): (usize, &String)| -> PathBuf {
            let path = ca.path().join(format!("{number}.pem"));
            fs::write(&path, pem).unwrap();
            path
        };
        let files: Vec<PathBuf> = authorities.iter().enumerate().map(file).collect();
        let flags = files.iter().flat_map(|path| ["--upstream-ca", path.to_str().unwrap()]);
        let gateway = holdpoint.up(&flags.collect::<Vec<_>>(), variables);
        Self { holdpoint, gateway, _ca: ca }
    }

    fn agent(&self) -> Curl {
        Curl::new(&self.holdpoint.json(&["agents", "new", "reader", "--json"]))
    }

    /// Nothing that anybody could read has the proxy's password in it.
    fn shows_no_password(&self, answers: &[&Answer]) {
        let doctor = self.holdpoint.call(&["doctor"]);
        let address = fs::read_to_string(self.holdpoint.state().join("gateway.json")).unwrap();
        let shown = [self.gateway.said(), doctor.stdout, doctor.stderr, address];
        let answered = answers.iter().map(|answer| format!("{answer:?}"));
        for text in shown.into_iter().chain(answered) {
            assert!(!text.contains(PASSWORD), "{text}");
        }
    }
}

fn connect(host: &str, credentials: Option<&str>) -> Asked {
    let credentials = credentials.map(str::to_owned);
    Asked { line: format!("CONNECT {host}"), host: host.to_owned(), credentials }
}

#[tokio::test(flavor = "multi_thread")]
async fn https_goes_through_the_proxy_of_the_environment() {
    let upstream = EchoUpstream::https(&[HOST]).await.unwrap();
    let proxy = RecordingProxy::start("127.0.0.1", Manner::Lead(upstream.addr())).await;
    let address = format!("http://us%40er:{PASSWORD}@{}", proxy.addr());
    let world = World::set("", &[("HTTPS_PROXY", &address)], &[upstream.ca_pem().unwrap().into()]);
    let agent = world.agent();
    let answer = agent.run(&[&format!("https://{HOST}/echo")]);
    assert_eq!(answer.status, 200, "{answer:?}");
    let basic = "Basic dXNAZXI6aHVudGVyMi1ub3Qtc2hvd24=";
    assert_eq!(proxy.asked(), [connect(&format!("{HOST}:443"), Some(basic))]);
    let arrived = upstream.log();
    assert_eq!(arrived.len(), 1);
    assert_eq!(arrived[0].header("proxy-authorization"), None);
    // The tunnel is used again.
    agent.run(&[&format!("https://{HOST}/echo")]);
    assert_eq!((proxy.asked().len(), upstream.log().len()), (1, 2));
    world.shows_no_password(&[&answer]);
    let doctor = world.holdpoint.call(&["doctor"]).stdout;
    let line = doctor.lines().find(|line| line.contains("upstream")).unwrap();
    assert!(line.contains(&format!("http://{}", proxy.addr())), "{line}");
    assert!(line.contains("roots:") && line.contains("0.pem"), "{line}");
}

#[tokio::test(flavor = "multi_thread")]
async fn plain_http_is_asked_of_the_proxy_in_absolute_form() {
    let upstream = EchoUpstream::http().await.unwrap();
    let proxy = RecordingProxy::start("127.0.0.1", Manner::Lead(upstream.addr())).await;
    let file = format!("[upstream]\nproxy = \"http://user:{PASSWORD}@{}\"\n", proxy.addr());
    // What the file says wins.
    let world = World::set(&file, &[("HTTP_PROXY", "http://127.0.0.1:9")], &[]);
    let agent = world.agent();
    let answer = agent.run(&[&format!("http://{HOST}:8080/echo?a=b")]);
    assert_eq!(answer.status, 200, "{answer:?}");
    let asked = proxy.asked();
    assert_eq!(asked.len(), 1);
    assert_eq!(asked[0].line, format!("GET http://{HOST}:8080/echo?a=b"));
    assert_eq!(asked[0].host, format!("{HOST}:8080"));
    assert_eq!(asked[0].credentials.as_deref(), Some("Basic dXNlcjpodW50ZXIyLW5vdC1zaG93bg=="));
    world.shows_no_password(&[&answer]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_no_proxy_names_and_this_machine_are_reached_without() {
    let upstream = EchoUpstream::http().await.unwrap();
    let proxy = RecordingProxy::start("127.0.0.1", Manner::Refuse("500 Not here")).await;
    let (address, port) = (format!("http://{}", proxy.addr()), upstream.addr().port());
    let variables = [("http_proxy", address.as_str()), ("NO_PROXY", "nobody.invalid")];
    let world = World::set("", &variables, &[]);
    let agent = world.agent();
    let own = agent.run(&[&format!("http://127.0.0.1:{port}/echo")]);
    assert_eq!((own.status, upstream.log().len()), (200, 1), "{own:?}");
    // It would be looked up here now, and there is no such name.
    let around = format!("[upstream]\nno_proxy = [\".{}\"]\n", "example.test");
    let bypassing = World::set(&around, &variables, &[]);
    let answer = bypassing.agent().run(&[&format!("http://{HOST}/echo")]);
    assert_eq!((answer.status, answer.code().as_str()), (502, "upstream_unreachable"));
    assert!(answer.body.contains("Cannot resolve"), "{answer:?}");
    assert_eq!(proxy.asked(), []);
    // And without that entry it is the proxy's.
    agent.run(&[&format!("http://{HOST}/echo")]);
    assert_eq!(proxy.asked().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fixed_address_is_dialled_whatever_the_proxy() {
    let upstream = EchoUpstream::https(&[HOST]).await.unwrap();
    let proxy = RecordingProxy::start("127.0.0.1", Manner::HangUp).await;
    let file = format!(
        "resolve = [\"{HOST}:443:{}\"]\n[upstream]\nproxy = \"http://{}\"\n",
        upstream.addr(),
        proxy.addr()
    );
    let world = World::set(&file, &[], &[upstream.ca_pem().unwrap().into()]);
    let answer = world.agent().run(&[&format!("https://{HOST}/echo")]);
    assert_eq!((answer.status, proxy.asked().len()), (200, 0), "{answer:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proxy_that_looks_into_tls_is_trusted_if_a_human_says_so() {
    let upstream = EchoUpstream::http().await.unwrap();
    let company = Authority::new("A company's authority").unwrap();
    let inspecting = Manner::Inspect(upstream.addr(), acceptor(&company, &[HOST]));
    let proxy = RecordingProxy::over_tls(inspecting, &company).await;
    let address = format!("https://localhost:{}", proxy.addr().port());
    let variables = [("HTTPS_PROXY", address.as_str())];
    let trusting = World::set("", &variables, &[company.pem().to_owned()]);
    let url = format!("https://{HOST}/echo");
    let answer = trusting.agent().run(&[&url]);
    assert_eq!((answer.status, upstream.log().len()), (200, 1), "{answer:?}");
    // By the system's way to say it, too.
    let file = tempfile::NamedTempFile::new().unwrap();
    company.write_pem(file.path()).unwrap();
    let named = [variables[0], ("SSL_CERT_FILE", file.path().to_str().unwrap())];
    let by_variable = World::set("", &named, &[]);
    let answer = by_variable.agent().run(&[&url]);
    assert_eq!((answer.status, upstream.log().len()), (200, 2), "{answer:?}");
    let doctor = by_variable.holdpoint.call(&["doctor"]).stdout;
    assert!(doctor.contains("1 from SSL_CERT_FILE="), "{doctor}");
    // Nobody said so.
    let answer = World::set("", &variables, &[]).agent().run(&[&url]);
    assert_eq!((answer.status, answer.code().as_str()), (502, "upstream_unreachable"));
    assert!(answer.body.contains("TLS with the proxy failed"), "{answer:?}");
    assert_eq!(upstream.log().len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_proxy_refuses_was_not_sent_and_is_said_so() {
    for (manner, scheme, words) in [
        (Manner::Refuse("407 Proxy Authentication Required"), "https", "another user and password"),
        (Manner::Refuse("407 Proxy Authentication Required"), "http", "another user and password"),
        (Manner::Refuse("502 Bad Gateway"), "https", "it does not reach the host"),
        (Manner::Refuse("403 Forbidden"), "https", "it does not lead there"),
        (Manner::Refuse("200 OK"), "https", "TLS with the host failed"),
        (Manner::HangUp, "https", "connection closed"),
    ] {
        let proxy = RecordingProxy::start("127.0.0.1", manner).await;
        let address = format!("http://user:{PASSWORD}@{}", proxy.addr());
        let world = World::set("", &[("ALL_PROXY", &address)], &[]);
        let answer = world.agent().run(&[&format!("{scheme}://{HOST}/echo"), "-d", "a=b"]);
        let code = (answer.status, answer.code());
        assert_eq!(code, (502, "upstream_unreachable".to_owned()), "{answer:?}");
        assert!(answer.body.contains("Nothing was sent"), "{answer:?}");
        assert!(answer.body.contains(words), "{words}: {answer:?}");
        // Asked once: an account is locked by whoever tries again and again.
        assert_eq!(proxy.asked().len(), 1, "{words}");
        world.shows_no_password(&[&answer]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_proxy_is_not_gone_around() {
    let world = World::set("", &[("ALL_PROXY", "127.0.0.1:9")], &[]);
    let agent = world.agent();
    for url in [format!("https://{HOST}/"), format!("http://{HOST}/")] {
        let answer = agent.run(&[&url]);
        assert_eq!((answer.status, answer.code().as_str()), (502, "upstream_unreachable"));
        assert!(answer.body.contains("it cannot be reached"), "{answer:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_does_not_start_with_a_proxy_that_it_cannot_use() {
    for (variable, value, words) in [
        ("ALL_PROXY", format!("socks5://user:{PASSWORD}@proxy:1080"), "SOCKS"),
        ("HTTPS_PROXY", format!("http://user:{PASSWORD}@proxy:none"), "HTTPS_PROXY"),
    ] {
        let holdpoint = Holdpoint::new(BINARY);
        let mut command = holdpoint.command(&["up", "--proxy", "127.0.0.1:0"]);
        let output = command.env(variable, value).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{said}");
        assert!(said.contains(words) && !said.contains(PASSWORD), "{said}");
    }
    // An agent's own environment would lead the gateway back to itself.
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let holdpoint = Holdpoint::new(BINARY);
    let own = format!("127.0.0.1:{port}");
    let mut command = holdpoint.command(&["up", "--proxy", &own]);
    let output = command.env("HTTPS_PROXY", format!("http://bearer@{own}")).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("this gateway itself"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn ipv6_works_on_every_side() {
    let upstream = EchoUpstream::http_at("[::1]:0".parse().unwrap()).await.unwrap();
    let port = upstream.addr().port();
    // To an address that is written, which a human listed.
    let world = World::set("", &[], &[]);
    let answer = world.agent().run(&["-g", &format!("http://[::1]:{port}/echo")]);
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(upstream.log()[0].header("host"), Some(format!("[::1]:{port}").as_str()));
    // Through a proxy that has such an address, to one that has one too.
    let proxy = RecordingProxy::start("::1", Manner::Refuse("403 Forbidden")).await;
    let file = format!(
        "resolve = [\"[2001:db8::1]:80:[::1]:{port}\"]\n[upstream]\nproxy = \"http://{}\"\n\
         no_proxy = [\"[2606:4700::2]:443\", \"fd00::/8\"]\n[[hosts]]\nhost = \"2606:4700::1111\"\n\
         speaks = \"rest\"\n[[hosts]]\nhost = \"2001:db8::1\"\nspeaks = \"rest\"\n",
        proxy.addr()
    );
    let proxied = World::set(&file, &[], &[]);
    let agent = proxied.agent();
    let answer = agent.run(&["-g", "https://[2606:4700::1111]/"]);
    assert_eq!(answer.status, 502, "{answer:?}");
    let answer = agent.run(&["-g", "http://[2606:4700:0::1111]:8080/a"]);
    assert_eq!(answer.status, 403, "{answer:?}");
    let lines: Vec<String> = proxy.asked().into_iter().map(|asked| asked.line).collect();
    assert_eq!(lines, ["CONNECT [2606:4700::1111]:443", "GET http://[2606:4700::1111]:8080/a"]);
    let answer = agent.run(&["-g", "http://[2001:db8::1]/fixed"]);
    assert_eq!((answer.status, upstream.log().len()), (200, 2), "{answer:?}");
    // And the gateway itself listens there.
    let holdpoint = Holdpoint::new(BINARY);
    holdpoint.json(&["hosts", "add", "::1", "--speaks", "rest", "--json"]);
    let _gateway = Gateway::start(holdpoint.command(&["up", "--proxy", "[::1]:0", "--json"]));
    let agent = Curl::new(&holdpoint.json(&["agents", "new", "six", "--json"]));
    let answer = agent.run(&["-g", &format!("http://[::1]:{port}/echo")]);
    assert_eq!(answer.status, 200, "{answer:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn metadata_is_out_of_reach_in_every_spelling_with_and_without_a_proxy() {
    let proxy = RecordingProxy::start("127.0.0.1", Manner::Refuse("200 OK")).await;
    let address = format!("http://{}", proxy.addr());
    for variables in [vec![], vec![("ALL_PROXY", address.as_str())]] {
        let hosts = [
            "169.254.169.254",
            "::ffff:169.254.169.254",
            "64:ff9b::a9fe:a9fe",
            "2002:a9fe:a9fe::1",
            "fd00:ec2::254",
        ];
        let listed = hosts.map(|host| format!("[[hosts]]\nhost = \"{host}\"\nspeaks = \"rest\"\n"));
        // A mapped address is written as the IPv4 that it is.
        let listed: String = [&listed[..1], &listed[2..]].concat().concat();
        let world = World::set(&listed, &variables, &[]);
        let agent = world.agent();
        for host in hosts {
            let host = if host.contains(':') { format!("[{host}]") } else { host.to_owned() };
            let answer = agent.run(&["-g", &format!("http://{host}/latest/meta-data/")]);
            assert_eq!(answer.status, 502, "{host}: {answer:?}");
            assert!(answer.body.contains("metadata service"), "{host}: {answer:?}");
        }
    }
    assert_eq!(proxy.asked(), []);
}
