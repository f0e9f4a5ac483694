//! `holdpoint run`: everything that an agent needs works inside, and nothing else leads out, as
//! root and as an ordinary user.

use std::{
    fs::{self, Permissions},
    io::{BufRead as _, BufReader, Read as _},
    net::{TcpListener, UdpSocket},
    os::linux::net::SocketAddrExt as _,
    os::unix::{
        fs::PermissionsExt as _,
        net::{SocketAddr, UnixListener},
        process::ExitStatusExt as _,
    },
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use e2e::{
    echo::{LISTED, UNLISTED},
    enclosed::Enclosed,
    holdpoint::until,
};

const BINARY: &str = env!("CARGO_BIN_EXE_holdpoint-under-test");

/// What listens outside while an agent is inside.
struct Outside {
    tcp: u16,
    tcp6: Option<u16>,
    udp: u16,
    socket: String,
    abstract_name: String,
    process: std::process::Child,
}

impl Outside {
    fn listen(place: &Enclosed) -> Self {
        let tcp = TcpListener::bind("127.0.0.1:0").unwrap();
        let tcp6 = TcpListener::bind("[::1]:0").ok();
        let udp = UdpSocket::bind("127.0.0.1:0").unwrap();
        let socket = place.path("elsewhere/outside.sock");
        let unix = UnixListener::bind(&socket).unwrap();
        std::fs::set_permissions(&socket, std::os::unix::fs::PermissionsExt::from_mode(0o777))
            .unwrap();
        let abstract_name = format!("outside-{}-{}", std::process::id(), place.who().len());
        let name = SocketAddr::from_abstract_name(&abstract_name).unwrap();
        let hidden = UnixListener::bind_addr(&name).unwrap();
        let this = Self {
            tcp: tcp.local_addr().unwrap().port(),
            tcp6: tcp6.as_ref().map(|it| it.local_addr().unwrap().port()),
            udp: udp.local_addr().unwrap().port(),
            socket: socket.to_str().unwrap().to_owned(),
            abstract_name,
            process: place.outside("sleep").arg("600").env("SECRET", "outside").spawn().unwrap(),
        };
        thread::spawn(move || {
            let mut bytes = [0; 64];
            while let Ok((length, from)) = udp.recv_from(&mut bytes) {
                let _ = udp.send_to(&bytes[..length], from);
            }
        });
        for listener in [Some(tcp), tcp6].into_iter().flatten() {
            thread::spawn(move || listener.incoming().for_each(drop));
        }
        for listener in [unix, hidden] {
            thread::spawn(move || listener.incoming().for_each(drop));
        }
        this
    }
}

impl Drop for Outside {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Each is a script that ends well if it got out, wherever it runs.
const WAYS_OUT: &[&str] = &[
    "curl -s -m 5 --noproxy '*' https://unlisted.example.test/",
    "curl -s -m 5 --noproxy '*' http://1.1.1.1/",
    "curl -s -m 5 --noproxy '*' -6 'http://[2606:4700::1111]/'",
    "exec 9<>/dev/tcp/1.1.1.1/80",
    "exec 9<>/dev/udp/1.1.1.1/53; echo x >&9",
    "getent ahosts example.com",
    "ping -c 1 -W 1 1.1.1.1",
    "nsenter -t 1 -n true",
    "nsenter -t 1 -m true",
    "mount -t tmpfs none /tmp",
    "umount /proc/sys",
    "unshare -rm mount -t tmpfs none /tmp",
    "unshare -rmpf mount -t proc proc /proc",
    "unshare -rn ip link add x type veth peer name y netns 1",
    "mknod /tmp/device b 254 0",
    "readlink /proc/1/fd/0",
    "cat /proc/1/fd/3",
    "ls /proc/1/root/",
    "ls /proc/1/cwd/",
    "cat /proc/1/environ",
    "cat /proc/1/mem",
    "gdb -batch -p 1 2>/dev/null | grep -q 'process 1'",
    "echo x > /proc/sys/kernel/core_pattern",
    "echo x > /proc/sys/kernel/hostname",
    "echo h > /proc/sysrq-trigger",
    "touch /etc/new",
    "touch /usr/new",
    "touch /new",
    "touch /run/holdpoint/holdpoint",
    "cat /etc/shadow | grep -q .",
    "grep -q 'Cap[A-Z][a-z]*:.*[1-9a-f]' /proc/self/status",
    "grep -q 'NoNewPrivs:.0' /proc/self/status",
    "curl -sf -m 5 --unix-socket /var/run/docker.sock http://docker/version",
    "ls /run/dbus",
    "ls /dev/kvm",
    "ls /dev/vda",
    "ls /dev/mem",
    "test -n \"$GITHUB_TOKEN\"",
    "test -n \"$SSH_AUTH_SOCK\"",
    "cat <&7",
    "date -s @0",
    "dmesg",
    "chroot / mount -t tmpfs none /tmp",
];

fn python(code: &str) -> String {
    format!("/usr/bin/python3 -c '{code}'")
}

/// Ends well unless the system call is refused: not permitted, not there, no such family.
fn call(number: u32, arguments: &str) -> String {
    python(&format!(
        "import ctypes; c = ctypes.CDLL(None, use_errno=True); r = c.syscall({number}, {arguments}); \
         raise SystemExit(r < 0 and ctypes.get_errno() in (1, 38, 97))"
    ))
}

/// The ways that get out where nobody guards, which shows that they would be seen.
fn open_outside(place: &Enclosed, outside: &Outside) -> Vec<String> {
    let Outside { tcp, udp, socket, abstract_name, .. } = outside;
    let process = outside.process.id();
    let [state, elsewhere, home] =
        ["state", "elsewhere", "home"].map(|name| place.path(name).display().to_string());
    vec![
        format!("exec 9<>/dev/tcp/127.0.0.1/{tcp}"),
        format!(
            "env -u HTTPS_PROXY -u https_proxy -u ALL_PROXY -u all_proxy -u HTTP_PROXY -u http_proxy bash -c 'exec 9<>/dev/tcp/localhost/{tcp}'"
        ),
        python(&format!("import socket; socket.create_connection((\"127.0.0.1\", {tcp}), 2)")),
        python(&format!(
            "import socket; s = socket.socket(2, 2); s.settimeout(2); \
             s.sendto(b\"x\", (\"127.0.0.1\", {udp})); s.recv(9)"
        )),
        python(&format!("import socket; socket.socket(1).connect(\"{socket}\")")),
        python(&format!("import socket; socket.socket(1).connect(\"\\0{abstract_name}\")")),
        format!("cat /proc/{process}/environ"),
        format!("kill -0 {process}"),
        format!("cat {state}/holdpoint.toml"),
        format!("ls {state}/store.key"),
        python(&format!("import socket; socket.socket(1).connect(\"{state}/control.sock\")")),
        python(&format!("import socket; socket.socket(1).connect(\"{state}/runs.sock\")")),
        format!("touch {elsewhere}/new"),
        format!("cat {elsewhere}/file"),
        format!("cat {home}/.ssh/id_ed25519"),
        format!("ls {home}/.codex"),
    ]
}

/// The ways that need to know what there is outside.
fn ways_to(place: &Enclosed, outside: &Outside) -> Vec<String> {
    let (tcp, tcp6) = (outside.tcp, outside.tcp6.unwrap_or(1));
    let process = outside.process.id();
    let [state, elsewhere] =
        ["state", "elsewhere"].map(|name| place.path(name).display().to_string());
    vec![
        format!("exec 9<>/dev/tcp/::1/{tcp6}"),
        format!("unshare -rn bash -c 'exec 9<>/dev/tcp/127.0.0.1/{tcp}'"),
        format!("nsenter -t {process} -n true"),
        format!("ls /proc/1/root{state}"),
        format!("ls /proc/self/root{state}/store.key"),
        format!("ln -s {elsewhere}/file link; cat link"),
        format!("ln {elsewhere}/file hard"),
    ]
}

/// System calls and sockets that lead out, or into the kernel.
fn calls() -> Vec<String> {
    vec![
        // AF_VSOCK, AF_PACKET, raw IP, another netlink, AF_ALG.
        python("import socket; socket.socket(40, 1)"),
        python("import socket; socket.socket(17, 3)"),
        python("import socket; socket.socket(2, 3, 1)"),
        python("import socket; socket.socket(16, 3, 12)"),
        python("import socket; socket.socket(38, 5)"),
        python("import fcntl, os; m, s = os.openpty(); fcntl.ioctl(s, 0x5412, b\"x\")"),
        python("import time; time.clock_settime(0, 0)"),
        // io_uring_setup, keyctl, add_key, bpf, userfaultfd, perf_event_open, setns, open_tree, and
        // open_tree_attr.
        call(425, "1, 0"),
        call(250, "0, 0, 0"),
        call(248, "0, 0, 0, 0, 0"),
        call(321, "0, 0, 0"),
        call(323, "0"),
        call(298, "0, 0, -1, -1, 0"),
        call(308, "0, 0"),
        call(428, "0, 0, 0"),
        call(467, "0, 0, 0, 0, 0"),
        call(246, "0, 0, 0, 0"),
        call(175, "0, 0, 0"),
        // A call by its x32 number: bpf.
        call(0x4000_0000 + 321, "0, 0, 0"),
    ]
}

/// The scripts that ended well, when all of them run in one shell.
fn ended_well(ways: &[String]) -> String {
    let mut script = String::from("exec 2>/dev/null\n");
    for (number, way) in ways.iter().enumerate() {
        script += &format!("( {way} ) >/dev/null </dev/null && echo out {number}\n");
    }
    script + "echo done\n"
}

fn got_out(said: &str, ways: &[String]) -> Vec<String> {
    assert!(said.contains("done\n"), "it ran to its end: {said}");
    let numbers = said.lines().filter_map(|line| line.strip_prefix("out ")?.parse::<usize>().ok());
    numbers.map(|number| ways[number].clone()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_but_the_gateway_leads_out() {
    for place in Enclosed::each(BINARY).await {
        // A first run starts the gateway, whose sockets are then there to be tried.
        assert_eq!(place.script("true").status, 0);
        let outside = Outside::listen(&place);
        let open_outside = open_outside(&place, &outside);
        let stated = WAYS_OUT.iter().map(|&way| way.to_owned());
        let mut all: Vec<String> = stated.chain(open_outside.clone()).collect();
        all.extend(ways_to(&place, &outside).into_iter().chain(calls()));

        let mut control = place.outside("bash");
        control.args(["-c", &ended_well(&open_outside)]);
        let control = String::from_utf8(control.output().unwrap().stdout).unwrap();
        assert_eq!(got_out(&control, &open_outside), open_outside, "{}: control", place.who());

        // File 7 is one that whoever starts us forgot to close.
        let run = place.run(&["bash", "-c", &ended_well(&all)]);
        let forgotten = format!("exec 7<{}; exec \"$@\"", place.path("elsewhere/file").display());
        let mut shell = Command::new("bash");
        let variables = run.get_envs().filter_map(|(name, value)| Some((name, value?)));
        shell.env_clear().envs(variables).current_dir(place.path("work"));
        shell.args(["-c", &forgotten, "-", run.get_program().to_str().unwrap()]);
        shell.args(run.get_args());
        shell.env("GITHUB_TOKEN", "secret").env("SSH_AUTH_SOCK", "/nowhere");
        let inside = shell.output().unwrap();
        let said = String::from_utf8_lossy(&inside.stdout).into_owned();
        assert!(inside.status.success(), "{}", String::from_utf8_lossy(&inside.stderr));
        assert_eq!(got_out(&said, &all), Vec::<String>::new(), "{}", place.who());
        assert!(place.path("elsewhere/file").exists());
        assert_eq!(place.arrived().len(), 0);
    }
}

/// What every agent needs, each in a line of shell that ends well.
const NEEDS: &[&str] = &[
    "echo text > file && grep -q text file",
    "git init -q repository && cd repository && git commit -q --allow-empty -m first",
    "test \"$(git config --global user.name)\" = a",
    "touch ~/file /tmp/file /var/tmp/file /dev/shm/file && echo x > /dev/null",
    "getent hosts localhost",
    "ps -e | grep -q ps",
    "test $$ -gt 1",
    "/usr/bin/python3 -c 'import os; os.openpty()'",
    "/usr/bin/python3 -c 'import multiprocessing as m; m.Lock()'",
    "strace -o /tmp/trace true && grep -q execve /tmp/trace",
    "gdb -batch -ex run -ex 'info inferiors' /bin/true 2>&1 | grep -q 'exited normally'",
    // Chromium's sandbox: namespaces of users, processes and networks.
    "unshare -Upnf true",
    "/usr/bin/python3 -m http.server --bind 127.0.0.1 8000 >/dev/null 2>&1 & P=$!; \
     for i in $(seq 50); do curl -sf --noproxy '*' http://127.0.0.1:8000/ >/dev/null && break; \
     sleep 0.1; done; test $i -lt 50; R=$?; kill $P; exit $R",
    "test \"$HOLDPOINT\" = enclosed",
    "test \"$(nproc)\" -ge 1",
];

#[tokio::test(flavor = "multi_thread")]
async fn what_an_agent_needs_works() {
    for place in Enclosed::each(BINARY).await {
        let mut script = String::new();
        for (number, need) in NEEDS.iter().enumerate() {
            script += &format!(
                "( {need} ) </dev/null >/tmp/said 2>&1 || {{ echo failed {number}; cat /tmp/said; }}\n"
            );
        }
        let called = place.script(&script);
        assert_eq!((called.stdout.as_str(), called.status), ("", 0), "{}", called.stderr);
        assert!(place.path("work/file").exists() && place.path("work/repository/.git").exists());
        assert!(!place.path("home/file").exists(), "the home is the run's own");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_listed_host_is_reached_and_every_message_is_the_run_s() {
    for place in Enclosed::each(BINARY).await {
        let called = place.script(&format!(
            "curl -s -m 20 -o /dev/null -w '%{{http_code}} ' https://{LISTED}/get; \
             curl -s -m 20 -X DELETE -o /dev/null -w '%{{http_code}} ' https://{LISTED}/items/1; \
             curl -s -m 20 -x http://[::1]:7080 -o /dev/null -w '%{{http_code}} ' https://{LISTED}/six; \
             curl -s -m 20 -X POST -d x -o /dev/null -w '%{{http_code}}' https://{UNLISTED}/"
        ));
        assert_eq!(called.stdout, "200 428 200 403", "{}: {}", place.who(), called.stderr);
        let targets: Vec<String> = place.arrived().iter().map(|it| it.target.clone()).collect();
        assert_eq!(targets, ["/get", "/six"]);
        assert!(called.stderr.contains("4 messages, 1 held, 1 refused"), "{}", called.stderr);
        let shown = place.call(&["ledger", "show", "--last", "50", "--json"]).json();
        let records = shown.as_array().unwrap().iter().map(|it| &it["record"]);
        let decided: Vec<_> = records.filter(|it| it["kind"] == "decision").collect();
        let run = decided[0]["principal"]["run"].as_str().unwrap();
        assert!(decided.iter().all(|it| it["principal"]["run"] == run));
        assert_eq!(decided[0]["principal"]["task"]["environment"], "development");
        let agents = place.call(&["agents", "list", "--json"]).json();
        assert_eq!(agents.as_array().unwrap().len(), 0, "the identity ends with the run");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn it_ends_as_the_command_ends() {
    for place in Enclosed::each(BINARY).await {
        for (script, status) in
            [("true", 0), ("exit 7", 7), ("kill -TERM $$", 143), ("kill -KILL $$", 137)]
        {
            assert_eq!(place.script(script).status, status, "{script}");
        }
        let missing = place.run(&["no-such-program"]).output().unwrap();
        assert_eq!(missing.status.code(), Some(127));
        // A script that does not say what runs it is the one on PATH, not the one that is here.
        for (at, mode) in [("bin/tool", 0o755), ("tool", 0o644)] {
            let file = place.path("work").join(at);
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(&file, format!("echo {at} $1\n")).unwrap();
            fs::set_permissions(&file, Permissions::from_mode(mode)).unwrap();
        }
        let path = format!("{}:/usr/bin:/bin", place.path("work/bin").display());
        let script = place.run(&["tool", "x"]).env("PATH", path).output().unwrap();
        assert_eq!(String::from_utf8(script.stdout).unwrap(), "bin/tool x\n");
        let piped = place.script_with("cat; echo $((6 * 7)) >&2", "from outside\n");
        assert_eq!(piped.stdout, "from outside\n");
        assert!(piped.stderr.contains("42\n"));
        // What is left behind ends with the command.
        let left = place.script("sleep 312 & disown; echo left");
        assert_eq!((left.status, left.stdout.as_str()), (0, "left\n"));
        let there = Command::new("pgrep").args(["-f", "^sleep 312$"]).output().unwrap();
        assert!(there.stdout.is_empty(), "it still runs");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn signals_reach_the_command() {
    for place in Enclosed::each(BINARY).await {
        let script = "trap 'echo heard; exit 5' TERM; echo ready; while :; do sleep 0.05; done";
        let mut run = place.run(&["bash", "-c", script]);
        let mut child = run.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        lines.read_line(&mut line).unwrap();
        assert_eq!(line, "ready\n");
        let pid = child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
        let mut rest = String::new();
        lines.read_to_string(&mut rest).unwrap();
        assert_eq!(rest, "heard\n");
        assert_eq!(child.wait().unwrap().code(), Some(5));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_inside_ends_with_its_supervisor() {
    for place in Enclosed::each(BINARY).await {
        let mut run = place.run(&["bash", "-c", "echo ready; exec sleep 313"]);
        let mut child = run.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap());
        lines.read_line(&mut String::new()).unwrap();
        child.kill().unwrap();
        assert_eq!(child.wait().unwrap().signal(), Some(9));
        until("the end of what is inside", || {
            let there = Command::new("pgrep").args(["-f", "^sleep 313$"]).output().unwrap();
            there.stdout.is_empty().then_some(())
        });
        // Its identity is forgotten by the next run.
        assert_eq!(place.script("true").status, 0);
        let agents = place.call(&["agents", "list", "--json"]).json();
        assert_eq!(agents.as_array().unwrap().len(), 0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_outlives_its_gateway() {
    for place in Enclosed::each(BINARY).await {
        let ask = format!("curl -s -m 30 -o /dev/null -w '%{{http_code}}\\n' https://{LISTED}/get");
        let script = format!("{ask}; read; {ask}");
        let mut run = place.run(&["bash", "-c", &script]);
        run.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = run.spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        lines.read_line(&mut line).unwrap();
        assert_eq!(line, "200\n");
        place.end_gateway();
        // What it asks meanwhile waits for the next one.
        drop(child.stdin.take());
        assert_eq!(place.script("true").status, 0, "another run starts another gateway");
        line.clear();
        lines.read_line(&mut line).unwrap();
        assert_eq!(line, "200\n");
        assert_eq!(child.wait().unwrap().code(), Some(0));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kill_ends_the_processes_and_what_they_have_open() {
    for place in Enclosed::each(BINARY).await {
        let script = format!(
            "while :; do curl -s -m 5 -o /dev/null https://{LISTED}/flood; echo asked; done"
        );
        let mut run = place.run(&["bash", "-c", &script]);
        let mut child = run.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap());
        lines.read_line(&mut String::new()).unwrap();
        let agents = place.call(&["agents", "list", "--json"]).json();
        let run = agents[0]["agent"]["run"].as_str().unwrap().to_owned();
        let began = Instant::now();
        let killed = place.call(&["kill", &run]);
        let arrived = place.arrived().len();
        assert_eq!(killed.status, 0, "{}", killed.stderr);
        let ended = child.wait().unwrap();
        assert_eq!(ended.code(), Some(137), "{ended}");
        assert!(began.elapsed() < Duration::from_secs(5));
        thread::sleep(Duration::from_millis(200));
        assert_eq!(place.arrived().len(), arrived, "nothing passes once the command has returned");
        let agents = place.call(&["agents", "list", "--json"]).json();
        assert_eq!(agents[0]["agent"]["killed"], true, "a killed run stays known");
        assert_eq!(place.call(&["kill", "nobody"]).status, 3);
        assert_eq!(place.call(&["revive", &run]).status, 0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_set_up_starts_nothing() {
    for place in Enclosed::each(BINARY).await {
        let mark = place.path("work/started");
        let touch = ["touch", mark.to_str().unwrap()];
        let mut home = place.run(&touch);
        let called = home.current_dir(place.path("home")).output().unwrap();
        assert_eq!(called.status.code(), Some(2), "a home is no workspace");
        // A gateway that cannot start.
        place.end_gateway();
        let toml = place.path("state/holdpoint.toml");
        let text = std::fs::read_to_string(&toml).unwrap();
        let broken = text.replace("upstream_ca = [\"", "upstream_ca = [\"/nowhere");
        std::fs::write(&toml, broken).unwrap();
        let called = place.run(&touch).output().unwrap();
        let said = String::from_utf8_lossy(&called.stderr).into_owned();
        assert_eq!(called.status.code(), Some(3), "{said}");
        assert!(said.contains("nothing was started"), "{said}");
        assert!(!mark.exists());
        let mut unguarded = place.outside(place.path("holdpoint"));
        unguarded.args(["run", "--unguarded", "--"]).args(touch);
        let called = unguarded.output().unwrap();
        assert!(String::from_utf8_lossy(&called.stderr).contains("UNGUARDED"));
        assert!(called.status.success() && mark.exists());
    }
}
