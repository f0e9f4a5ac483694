//! A login that is begun inside, by a real agent: a human finishes it in a browser outside, its tokens are
//! phantoms inside, the real ones are kept outside, and the next run goes on with them.

use std::{
    fs,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::TcpStream,
    process::Stdio,
    thread,
    time::{Duration, Instant},
};

use e2e::{
    agent_room::programs,
    enclosed::Enclosed,
    far_ends::lead,
    holdpoint::Called,
    login_host::{AGENT, HOSTS, LoginHost},
};

const BINARY: &str = env!("CARGO_BIN_EXE_holdpoint-under-test");
/// A login takes no longer, on a machine that does much else.
const PATIENCE: Duration = Duration::from_secs(90);

/// What a browser is answered at `url`, on the port that the human was told of.
fn visit(url: &str, port: u16) -> String {
    let rest = url.strip_prefix("http://").unwrap();
    let (authority, path) = rest.split_once('/').unwrap();
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    let head = format!("GET /{path} HTTP/1.1\r\nHost: {authority}\r\nConnection: close\r\n\r\n");
    stream.write_all(head.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let next = answer.lines().find_map(|line| {
        let (name, value) = line.split_once(": ")?;
        name.eq_ignore_ascii_case("location").then(|| value.trim().to_owned())
    });
    next.map_or(answer, |next| visit(&next, port))
}

/// Lets the human finish what `said` tells of, line by line; all that was said.
fn finish(said: impl std::io::Read, host: &LoginHost) -> String {
    let (mut all, mut url, mut port) = (String::new(), None, None);
    for line in BufReader::new(said).lines().map_while(Result::ok) {
        if line.starts_with("https://auth.openai.com/oauth/authorize?") {
            url = Some(line.trim().to_owned());
        }
        if let Some((_, rest)) = line.split_once("port 1455 inside is 127.0.0.1:") {
            let digits = rest.split(|c: char| !c.is_ascii_digit()).next();
            port = digits.and_then(|digits| digits.parse().ok());
        }
        all.push_str(&line);
        all.push('\n');
        if let (Some(at), Some(number)) = (&url, port) {
            all.push_str(&visit(&host.authorize(at), number));
            (url, port) = (None, None);
        }
    }
    all
}

#[tokio::test(flavor = "multi_thread")]
async fn codex_logs_in_inside_and_the_login_is_kept_outside() {
    let mut tried = 0;
    for place in Enclosed::each(BINARY).await {
        let (who, program) = (place.who(), programs().join("codex"));
        if !place.outside("test").arg("-x").arg(&program).status().unwrap().success() {
            println!("{who} cannot read {}", program.display());
            continue;
        }
        tried += 1;
        let host = LoginHost::start().await;
        lead(&place, &[(&HOSTS, host.addr(), host.ca_pem())]);
        let packages = format!("{}:ro", programs().parent().unwrap().display());
        let mut run = place.outside(place.path("holdpoint"));
        run.args(["run", "--task", "a test", "--environment", "development", "--also", &packages]);
        run.arg("--").arg(&program).arg("login").stdout(Stdio::piped()).stderr(Stdio::piped());
        let (mut child, began) = (run.spawn().unwrap(), Instant::now());
        let (errors, mut output) = (child.stderr.take().unwrap(), child.stdout.take().unwrap());
        let said = thread::scope(|scope| {
            let listening = scope.spawn(|| finish(errors, &host));
            while child.try_wait().unwrap().is_none() {
                if began.elapsed() > PATIENCE {
                    child.kill().unwrap();
                }
                thread::sleep(Duration::from_millis(50));
            }
            listening.join().unwrap()
        });
        let mut told = String::new();
        output.read_to_string(&mut told).unwrap();
        let told = format!("{told}{said}");
        assert!(child.wait().unwrap().success(), "{who}: {told}");
        let kept = fs::read_to_string(place.path("home/.codex/auth.json"));
        let kept = kept.unwrap_or_else(|error| panic!("{who}: {error}: {told}"));
        assert!(host.takes_in(&kept), "{who}: the real one is outside: {kept}");
        for token in host.all() {
            assert!(!told.contains(&token), "{who}: {token}: {told}");
        }
        // The next run goes on with it, and renews it.
        let script = "printf %s \"$TEXT\" > codex; chmod 700 codex";
        let made = place.outside("sh").args(["-c", script]).env("TEXT", AGENT).status();
        assert!(made.unwrap().success());
        let mut next = place.run(&["./codex"]);
        let called: Called = next.env("TERM_PROGRAM_VERSION", "3").output().unwrap().into();
        assert!(called.stdout.ends_with("done\n"), "{who}: {}{}", called.stdout, called.stderr);
        for token in host.all() {
            assert!(!called.stdout.contains(&token), "{who}: {token}: {}", called.stdout);
        }
        let kept = fs::read_to_string(place.path("home/.codex/auth.json")).unwrap();
        assert!(host.takes_in(&kept), "{who}: it is the latest: {kept}");
        let (renewed, served, reused) = host.seen();
        assert_eq!((renewed, served, reused), (3, 4, false), "{who}");
    }
    assert!(tried > 0, "nobody can read {}", programs().display());
}

/// What a run writes where its login would be, and is none that was given to it, stays nowhere.
#[tokio::test(flavor = "multi_thread")]
async fn what_nobody_issued_is_no_login() {
    const TRICKS: [&str; 4] = [
        "echo '{\"tokens\": {\"refresh_token\": \"rt_theirs\"}}' > ~/.codex/auth.json",
        "ln -sf \"$OUTSIDE\" $(readlink ~/.codex/auth.json)",
        "mkfifo $(readlink ~/.codex/auth.json)",
        "mkdir $(readlink ~/.codex/auth.json)",
    ];
    for place in Enclosed::each(BINARY).await {
        for trick in TRICKS {
            let who = format!("{}, {trick}", place.who());
            let outside = place.path("elsewhere/file");
            let script = format!(
                "printf '#!/bin/bash\nOUTSIDE={}\n%s\necho done\n' \"$TEXT\" > codex; chmod 700 codex",
                outside.display()
            );
            let made = place.outside("sh").args(["-c", &script]).env("TEXT", trick).status();
            assert!(made.unwrap().success());
            let called: Called = place.run(&["./codex"]).output().unwrap().into();
            assert!(called.stdout.ends_with("done\n"), "{who}: {}", called.stderr);
            let kept = fs::symlink_metadata(place.path("home/.codex/auth.json"));
            assert!(kept.is_err(), "{who}: {}", called.stderr);
        }
    }
}
