//! What stands inside in the place of what is not there: container engines, Codex's own sandbox,
//! worktrees beside the workspace; and what is as it is outside: a browser's trust, and passwords
//! of this very machine.

use std::{fs, process::Command};

use e2e::{
    agent_room::{Agent, programs},
    browser::WORDS,
    echo::LISTED,
    enclosed::Enclosed,
    running::{Process, free_port},
};

const BINARY: &str = env!("CARGO_BIN_EXE_holdpoint-under-test");
/// What who wants containers hears.
const NO_CONTAINERS: &str = "Holdpoint refused this: containers are not filtered yet";

#[tokio::test(flavor = "multi_thread")]
async fn container_engines_say_why_they_are_not_there() {
    for place in Enclosed::each(BINARY).await {
        let user = place.outside("id").arg("-u").output().unwrap().stdout;
        let user = String::from_utf8(user).unwrap();
        let own = format!("/run/user/{}/podman/podman.sock", user.trim());
        let ask = "curl -s -m 9 -w ' %{http_code}\\n' --unix-socket";
        let script = [
            format!("{ask} /var/run/docker.sock http://docker/v1.41/containers/json\n"),
            format!("{ask} /run/docker.sock -X POST -d x http://docker/v1.41/containers/create\n"),
            format!("{ask} {own} http://d/v4.0.0/libpod/info\n"),
            // As gRPC's clients speak to containerd.
            "curl -s -m 9 -i --http2-prior-knowledge --unix-socket /run/containerd/containerd.sock \
             -H 'te: trailers' -d x http://c/containerd.services.version.v1.Version/Version\n"
                .to_owned(),
        ];
        let called = place.script(&script.concat());
        let lines: Vec<&str> = called.stdout.lines().collect();
        for line in lines.get(..3).unwrap() {
            assert!(
                line.contains(NO_CONTAINERS) && line.ends_with(" 403"),
                "{}: {line}",
                place.who()
            );
        }
        let told = format!("grpc-message: {NO_CONTAINERS}");
        assert!(lines.iter().any(|line| line.starts_with(&told)), "{lines:?}");
        assert!(lines.contains(&"grpc-status: 7"), "{lines:?}");
        // The real client, where there is one.
        if Command::new("docker").arg("--version").output().is_ok() {
            for words in ["ps", "run --rm alpine true", "volume rm data"] {
                let called = place.script(&format!("docker {words}"));
                assert_ne!(called.status, 0);
                assert!(called.stderr.contains(NO_CONTAINERS), "docker {words}: {}", called.stderr);
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn chromium_trusts_what_comes_through_the_gateway() {
    for place in Enclosed::each(BINARY).await {
        let user = place.outside("id").arg("-u").output().unwrap().stdout;
        // Chromium does not want to be root's.
        let sandbox = if user == b"0\n" { "--no-sandbox" } else { "" };
        let words = WORDS.join(" ");
        let open = format!(
            "chromium {words} {sandbox} --user-data-dir=$(mktemp -d) --dump-dom https://{LISTED}/page \
             2>/tmp/said"
        );
        // Twice, as the first makes the other files of the database; and with a home without one.
        let script = format!(
            "{open} | tr -d '\\n'; echo; {open} | tr -d '\\n'; echo; \
             HOME=$(mktemp -d); {open} >/dev/null; grep -o 'ERR_CERT_AUTHORITY_INVALID' /tmp/said | head -1"
        );
        let called = place.script(&script);
        let lines: Vec<&str> = called.stdout.lines().collect();
        let [first, second, without] = lines.as_slice() else { panic!("{called:?}") };
        assert_eq!(*without, "ERR_CERT_AUTHORITY_INVALID", "{}", place.who());
        for page in [first, second] {
            assert!(page.contains("<body>") && !page.contains("ERR_"), "{}: {page}", place.who());
        }
        let asked = place.arrived().iter().filter(|it| it.target == "/page").count();
        assert_eq!(asked, 2, "{}", called.stderr);
        let kept = place.path("home/.pki");
        assert!(!kept.exists(), "the human's own home is as it was");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn codex_s_own_sandbox_is_told_that_it_is_in_a_run() {
    let programs = programs();
    let word = "holdpoint: bwrap does not work in here: it mounts";
    for place in Enclosed::each(BINARY).await {
        let codex = programs.join(Agent::Codex.command());
        if !place.outside("test").arg("-x").arg(&codex).status().unwrap().success() {
            println!("{} cannot read {}", place.who(), codex.display());
            continue;
        }
        let also = format!("{}:ro", programs.parent().unwrap().parent().unwrap().display());
        let command = format!("{} sandbox -- sh -c 'echo wrapped'", codex.display());
        // With the machine's own bwrap, and where there is none but the one that Codex brings along.
        let without = "mkdir /tmp/bin; for it in sh env node; do ln -s $(command -v $it) /tmp/bin/; done; \
                       export PATH=/tmp/bin:${PATH##*:};";
        for path in ["", without] {
            let script = format!("{path} {command}");
            let called = place.call(&["run", "--also", &also, "--", "bash", "-c", &script]);
            assert!(!called.stdout.contains("wrapped"), "{}: {}", place.who(), called.stdout);
            assert!(called.stderr.contains(word), "{} {path}: {}", place.who(), called.stderr);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worktree_beside_the_workspace_does_not_end_without_a_word() {
    for place in Enclosed::each(BINARY).await {
        let tree = place.path("tree").display().to_string();
        let script = "git init -q . && git commit -q --allow-empty -m first && \
                      git worktree add -q -b topic ../tree && cd ../tree && echo text > file && \
                      git add file && git commit -q -m second";
        let called = place.script(script);
        assert_eq!(called.status, 0, "{}", called.stderr);
        let word = format!("the worktree {tree} was made inside");
        assert!(called.stderr.contains(&word), "{}: {}", place.who(), called.stderr);
        assert!(called.stderr.contains("on branch topic."), "{}", called.stderr);
        // What it says is so: nothing that was committed is lost.
        let mut shown = place.outside("git");
        let shown = shown.args(["show", "topic:file"]).output().unwrap();
        assert_eq!(shown.stdout, b"text\n", "{shown:?}");
        // It is said once, and not of what stays.
        assert!(place.outside("git").args(["worktree", "prune"]).status().unwrap().success());
        let called = place.script("git worktree add -q -b other inner");
        assert_eq!(called.status, 0, "{}", called.stderr);
        assert!(!called.stderr.contains("worktree"), "{}", called.stderr);
        assert!(place.path("work/inner/.git").exists());
        fs::create_dir(&tree).unwrap();
        let mut given = Command::new("chown");
        given.arg("--reference").arg(place.path("work")).arg(&tree);
        assert!(given.status().unwrap().success());
        let script = "git worktree add -q -b third ../tree && echo kept > ../tree/kept";
        let called = place.call(&["run", "--also", &tree, "--", "bash", "-c", script]);
        assert_eq!(called.status, 0, "{}", called.stderr);
        assert!(!called.stderr.contains("was made inside"), "{}", called.stderr);
        assert!(place.path("tree/kept").exists());
    }
}

/// Accepts and says nothing, whatever it is called with.
const SILENT: &str = "import socket, sys
s = socket.socket(); s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
port = next(int(it.split(':')[0]) for it in sys.argv[1:] if it[0].isdigit())
s.bind(('127.0.0.1', port)); s.listen()
while True: s.accept()
";

#[tokio::test(flavor = "multi_thread")]
async fn a_password_of_this_machine_s_own_server_is_what_it_is_and_one_behind_a_tunnel_is_not() {
    for place in Enclosed::each(BINARY).await {
        let script = |name: &str| {
            let at = place.path("elsewhere").join(name);
            fs::write(&at, SILENT).unwrap();
            at
        };
        let [server, tunnel, nobody] = [(); 3].map(|()| free_port());
        // A database by its program, whatever that does.
        let postgres = place.path("elsewhere/bin/postgres");
        fs::create_dir_all(postgres.parent().unwrap()).unwrap();
        fs::copy("/usr/bin/python3", &postgres).unwrap();
        let mut own = place.outside(&postgres);
        own.arg(script("server")).arg(server.to_string());
        let _own = Process::listening(&mut own, server);
        let mut far = place.outside("/usr/bin/python3");
        far.arg(script("ssh")).args([
            "-N",
            "-L",
            &format!("{tunnel}:db.example.com:5432"),
            "bastion",
        ]);
        let _far = Process::listening(&mut far, tunnel);
        let passwords = ["Zk3vN8qRt5WmXy2LpB7c", "Hq7dW2nLs9TfVb4KxR6m", "Pj5gC8zMw3YhQe6NvD9k"];
        let [own, far, none] = passwords;
        let url = |password, port| format!("postgres://app:{password}@localhost:{port}/app");
        let env = format!(
            "OWN_URL={}\nFAR_URL={}\nNOBODY_URL={}\n",
            url(own, server),
            url(far, tunnel),
            url(none, nobody)
        );
        fs::write(place.path("work/.env"), env).unwrap();
        let mut run = place.run(&["bash", "-c", "cat .env; echo \"$DATABASE_URL $TUNNEL_URL\""]);
        run.env("DATABASE_URL", url(own, server)).env("TUNNEL_URL", url(far, tunnel));
        let called = run.output().unwrap();
        let said = String::from_utf8(called.stdout).unwrap();
        let seen = |line: &str| passwords.map(|it| line.contains(it));
        let lines: Vec<[bool; 3]> = said.lines().map(seen).collect();
        let (real, masked) = ([true, false, false], [false; 3]);
        assert_eq!(lines, [real, masked, masked, real], "{}: {said}", place.who());
        let shown = said.lines().last().unwrap();
        assert_eq!(shown.matches("postgres://app:").count(), 2, "both are there: {shown}");
    }
}
