//! The first five minutes: one question before the first run, the newest card without a word more,
//! and a key that stays unlocked in its own terminal, for a while, and never for production.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "helpers of tests: what fails here is a failed test"
)]

use std::{
    fs,
    process::Command,
    time::{Duration, Instant},
};

use e2e::{
    curl::Curl,
    echo::{EchoStage, LISTED, OTHER},
    enclosed::Enclosed,
    holdpoint::{Holdpoint, PASSPHRASE, until},
    terminal::Terminal,
    two_clocks::TwoClocks,
};
use holdpoint_core::Timestamp;
use holdpoint_store::{HoldState, State, config::HoldTerms};

const BINARY: &str = env!("CARGO_BIN_EXE_holdpoint-under-test");
const NO_WAIT: &str = "[hold]\nwait_seconds = 0\n";
const QUESTION: &str = "You will release what is held. Enrol this device now?";
const MINUTE: i64 = 60;

#[tokio::test(flavor = "multi_thread")]
async fn it_is_asked_once_and_later_is_an_answer() {
    for place in Enclosed::each(BINARY).await {
        let who = place.who();
        fs::remove_file(place.path("state/enrol.asked")).unwrap();
        // Nobody is asked who is not there.
        let piped = place.script("echo quiet");
        assert!(!piped.stderr.contains(QUESTION), "{who}: {}", piped.stderr);
        let mut terminal = Terminal::start(&place.run(&["echo", "it ran"]));
        let at = terminal.sees(0, QUESTION);
        assert!(!terminal.seen().contains("it ran"), "{who}: before the agent starts");
        terminal.types("later\n");
        let at = terminal.sees(at, "holdpoint approvers enrol");
        terminal.sees(at, "it ran");
        assert_eq!(terminal.end(), Some(0), "{who}");
        let again = Terminal::start(&place.run(&["echo", "it ran"]));
        again.sees(0, "it ran");
        assert!(!again.seen().contains(QUESTION), "{who}: {}", again.seen());
        assert_eq!(again.end(), Some(0), "{who}");
        // A hold without an approver is a state, not an error.
        let held = place.script(&format!(
            "curl -s -o /dev/null -w '%{{http_code}}' -X DELETE https://{LISTED}/items/5"
        ));
        assert_eq!((held.stdout.trim(), held.status), ("428", 0), "{who}: {}", held.stderr);
        let answered = place.call(&["approve", "h-1"]);
        assert_eq!(answered.status, 3, "{who}: {}", answered.stderr);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn yes_enrols_whoever_sits_there() {
    let place = Enclosed::each(BINARY).await.remove(0);
    fs::remove_file(place.path("state/enrol.asked")).unwrap();
    let mut run = place.run(&["echo", "it ran"]);
    run.env("USER", "ada");
    let mut terminal = Terminal::start(&run);
    let at = terminal.sees(0, QUESTION);
    terminal.types("y\n");
    let at = terminal.sees(at, "A passphrase");
    terminal.types("short\n");
    let at = terminal.sees(at, "fewer than");
    let at = terminal.sees(at, "A passphrase");
    terminal.types(&format!("{PASSPHRASE}\n"));
    let at = terminal.sees(at, "ada can release");
    terminal.sees(at, "it ran");
    assert!(!terminal.seen().contains(PASSPHRASE));
    assert_eq!(terminal.end(), Some(0));
    let listed = place.call(&["approvers", "list", "--json"]).json();
    assert_eq!(listed[0]["approver"], "ada", "{listed}");
}

/// Holds, a gateway, and terminals from which they are answered.
struct Desk {
    stage: EchoStage,
    agent: Curl,
    clocks: TwoClocks,
    sent: u32,
}

impl Desk {
    async fn set() -> Self {
        let stage = EchoStage::set(BINARY, NO_WAIT).await;
        stage.holdpoint.json(&[
            "hosts",
            "add",
            OTHER,
            "--speaks",
            "rest",
            "--environment",
            "production",
            "--json",
        ]);
        stage.holdpoint.enrol("ada");
        let agent = stage.agent("worker");
        Self { stage, agent, clocks: TwoClocks::new(), sent: 0 }
    }

    /// Has something held at `host`; its id.
    fn held(&mut self, host: &str) -> String {
        self.sent += 1;
        let url = format!("https://{host}/items/{}", self.sent);
        let answer = self.agent.run(&["-X", "DELETE", &url]);
        assert_eq!(answer.status, 428, "{answer:?}");
        answer.json()["hold"].as_str().unwrap().to_owned()
    }

    /// A shell on a terminal of its own, in which `holdpoint` is the binary.
    fn terminal(&self) -> Terminal {
        let directory = self.stage.holdpoint.state().join("bin");
        fs::create_dir_all(&directory).unwrap();
        let _there = std::os::unix::fs::symlink(BINARY, directory.join("holdpoint"));
        let mut bash = Command::new("bash");
        let path = format!("{}:/usr/bin:/bin", directory.display());
        bash.args(["--norc", "-i"]).env_clear().env("PS1", "> ").env("TERM", "dumb");
        bash.env("PATH", path).env("HOLDPOINT_STATE", self.stage.holdpoint.state());
        bash.envs(self.clocks.variables()).current_dir("/");
        let mut terminal = Terminal::start(&bash);
        terminal.types("echo be''gin\n");
        terminal.sees(0, "begin");
        terminal
    }

    /// Whether `hold` was released, denied, or waits on.
    fn state(&self, hold: &str) -> HoldState {
        let state = State::open(self.stage.holdpoint.state()).unwrap();
        let found = state.holds(HoldTerms::default()).find(hold, Timestamp(0)).unwrap();
        found.unwrap().state
    }

    fn is_released(&self, hold: &str) -> bool {
        !matches!(self.state(hold), HoldState::Open | HoldState::Denied)
    }

    /// Unlocks the key in `terminal`, by releasing something.
    fn unlock(&mut self, terminal: &mut Terminal) {
        let hold = self.held(LISTED);
        let at = terminal.seen().len();
        terminal.types(&format!("holdpoint approve {hold}\n"));
        let at = terminal.sees(at, "Passphrase of ada");
        terminal.types(&format!("{PASSPHRASE}\n"));
        let at = terminal.sees(at, "released");
        terminal.sees(at, "stays unlocked in this terminal for 10 minutes");
        assert!(self.is_released(&hold));
        let state = self.stage.holdpoint.state().to_owned();
        let is_socket = |name: &std::ffi::OsString| name.to_string_lossy().starts_with("unlocked-");
        until("the key to be kept", || {
            let entries = fs::read_dir(&state).unwrap();
            entries.flatten().map(|it| it.file_name()).find(is_socket)
        });
    }

    /// Answers `command` is given in `terminal` about something held at `host`: whether it was released
    /// with no passphrase. Where one is wanted, none is given.
    fn passes(&mut self, terminal: &mut Terminal, host: &str, command: &str) -> bool {
        let hold = self.held(host);
        let at = terminal.seen().len();
        terminal.types(&format!("{}\n", command.replace("HOLD", &hold)));
        let until = Instant::now() + Duration::from_secs(20);
        let mut said = false;
        loop {
            let seen = terminal.seen();
            let new = seen.get(at..).unwrap_or_default();
            if new.contains("Passphrase of ada") {
                terminal.types("not this one\n");
                terminal.sees(at, "does not open");
                assert!(!self.is_released(&hold), "{new}");
                return false;
            }
            if self.is_released(&hold) {
                assert!(said, "nobody typed a word: {new}");
                return true;
            }
            if new.contains("Type approve") && !said {
                said = true;
                terminal.types("approve\n");
            }
            assert!(Instant::now() < until, "neither: {new}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

const APPROVE: &str = "holdpoint approve HOLD";

#[tokio::test(flavor = "multi_thread")]
async fn an_unlocked_key_serves_its_own_terminal_and_never_production() {
    let mut desk = Desk::set().await;
    let mut terminal = desk.terminal();
    assert!(!desk.passes(&mut terminal, LISTED, APPROVE), "nothing is unlocked yet");
    desk.unlock(&mut terminal);
    assert!(desk.passes(&mut terminal, LISTED, APPROVE));
    assert!(desk.passes(&mut terminal, LISTED, "holdpoint approve HOLD --as ada"));
    // The name is typed as ever, and the passphrase too.
    let named = format!("holdpoint approve HOLD --name {}", desk.sent + 1);
    assert!(!desk.passes(&mut terminal, OTHER, &named), "production");
    // What a script starts, or an agent, was not typed by anybody.
    assert!(!desk.passes(&mut terminal, LISTED, "bash -c 'holdpoint approve HOLD; true'"));
    let mut other = desk.terminal();
    assert!(!desk.passes(&mut other, LISTED, APPROVE), "another terminal");
    assert!(desk.passes(&mut terminal, LISTED, APPROVE), "it still serves its own");
    let at = terminal.seen().len();
    terminal.types("holdpoint approvers lock\n");
    terminal.sees(at, "locked\r\n");
    assert!(!desk.passes(&mut terminal, LISTED, APPROVE), "it is locked");
}

/// A shell that has become another script is another seat, though its process and its program stay.
#[tokio::test(flavor = "multi_thread")]
async fn what_was_not_typed_releases_nothing() {
    let mut desk = Desk::set().await;
    let mut terminal = desk.terminal();
    desk.unlock(&mut terminal);
    // A word that was there before the question is no answer to it.
    let hold = desk.held(LISTED);
    let at = terminal.seen().len();
    terminal.types(&format!("sleep 1; holdpoint approve {hold}\napprove\n"));
    let at = terminal.sees(at, "Type approve");
    std::thread::sleep(Duration::from_millis(500));
    assert!(!desk.is_released(&hold));
    terminal.types("no\n");
    let at = terminal.sees(at, "Passphrase of ada");
    terminal.types("not this one\n");
    terminal.sees(at, "does not open");
    assert!(!desk.is_released(&hold));
    // Nor is what a program is given to read, or has in it of another one.
    for command in [
        "echo approve | holdpoint approve HOLD",
        "LD_LIBRARY_PATH=/nowhere holdpoint approve HOLD",
        "holdpoint approve HOLD < <(echo approve)",
    ] {
        let hold = desk.held(LISTED);
        let at = terminal.seen().len();
        terminal.types(&format!("{}; echo ov''er\n", command.replace("HOLD", &hold)));
        if command.starts_with("LD_") {
            let at = terminal.sees(at, "Type approve");
            terminal.types("approve\n");
            terminal.sees(at, "Passphrase of ada");
            terminal.types("not this one\n");
        }
        terminal.sees(at, "over\r\n");
        assert!(!desk.is_released(&hold), "{command}");
    }
    assert!(desk.passes(&mut terminal, LISTED, APPROVE), "it still serves its own");
    let hold = desk.held(LISTED);
    let script = desk.stage.holdpoint.state().join("script");
    fs::write(&script, format!("holdpoint approve {hold}\nsleep 60\n")).unwrap();
    let at = terminal.seen().len();
    terminal.types(&format!("exec bash {}\n", script.display()));
    let at = terminal.sees(at, "hold        ");
    let until = Instant::now() + Duration::from_secs(20);
    while !terminal.seen().get(at..).unwrap_or_default().contains("Passphrase of ada") {
        if terminal.seen().get(at..).unwrap_or_default().contains("Type approve") {
            terminal.types("approve\n");
        }
        assert!(Instant::now() < until, "{}", terminal.seen());
        std::thread::sleep(Duration::from_millis(100));
    }
    assert!(!desk.is_released(&hold));
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_minutes_by_either_clock_are_the_end() {
    for (wall, uptime) in [(11 * MINUTE, 0), (0, 11 * MINUTE), (-11 * MINUTE, 0)] {
        let mut desk = Desk::set().await;
        let mut terminal = desk.terminal();
        desk.unlock(&mut terminal);
        desk.clocks.set(9 * MINUTE, 9 * MINUTE);
        assert!(desk.passes(&mut terminal, LISTED, APPROVE), "nine minutes");
        desk.clocks.set(wall, uptime);
        assert!(!desk.passes(&mut terminal, LISTED, APPROVE), "{wall} {uptime}");
    }
}

/// Says to the socket what `holdpoint` would say, from another program of the same user.
const SAYS: &str = r#"
import glob, socket, sys
path, text = sys.argv[1:]
peer = socket.socket(socket.AF_UNIX)
peer.connect(glob.glob(path + "/unlocked-*.sock")[0])
peer.sendall(text.encode())
peer.shutdown(socket.SHUT_WR)
print(peer.recv(65536).decode())
"#;

#[tokio::test(flavor = "multi_thread")]
async fn no_other_program_and_no_other_user_has_the_key_s_use() {
    let mut desk = Desk::set().await;
    let mut terminal = desk.terminal();
    desk.unlock(&mut terminal);
    let hold = desk.held(LISTED);
    let card = {
        let state = State::open(desk.stage.holdpoint.state()).unwrap();
        state.holds(HoldTerms::default()).find(&hold, Timestamp(0)).unwrap().unwrap().card()
    };
    let shown = holdpoint_core::Digest::of(card.as_bytes());
    let question = format!(
        "{{\"do\":\"answer\",\"hold\":\"{hold}\",\"shown\":\"{shown}\",\"decision\":\"approve\",\"approver\":\"ada\"}}"
    );
    let state = desk.stage.holdpoint.state().to_owned();
    // At the very shell, in the foreground, but another program.
    let script = state.join("says.py");
    fs::write(&script, SAYS).unwrap();
    let at = terminal.seen().len();
    terminal.types(&format!("python3 {} {} '{question}'\n", script.display(), state.display()));
    terminal.sees(at, "passphrase");
    assert!(!desk.is_released(&hold));
    if nix::unistd::geteuid().is_root() {
        let mut other = Command::new("setpriv");
        other.args(["--reuid=1001", "--regid=1001", "--clear-groups", "python3", "-c", SAYS]);
        let said = other.arg(&state).arg(&question).output().unwrap();
        assert!(!said.status.success(), "{said:?}");
        assert!(!desk.is_released(&hold));
    }
    assert!(desk.passes(&mut terminal, LISTED, APPROVE), "whoever it is for");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_word_the_newest_card_opens() {
    let mut desk = Desk::set().await;
    let mut terminal = desk.terminal();
    terminal.types("holdpoint\n");
    let at = terminal.sees(0, "nothing waits; `holdpoint run -- AGENT`");
    let (first, second) = (desk.held(LISTED), desk.held(LISTED));
    terminal.types("holdpoint\n");
    let at = terminal.sees(at, &format!("hold        {second}"));
    let at = terminal.sees(at, "approve, deny, or leave it (Enter)?");
    terminal.types("\n");
    terminal.types("holdpoint\n");
    let at = terminal.sees(at, "approve, deny, or leave it (Enter)?");
    terminal.types("approve\n");
    let at = terminal.sees(at, "Passphrase of ada");
    terminal.types(&format!("{PASSPHRASE}\n"));
    let at = terminal.sees(at, "released");
    assert!(desk.is_released(&second));
    terminal.types("holdpoint\n");
    let at = terminal.sees(at, &format!("hold        {first}"));
    let at = terminal.sees(at, "approve, deny, or leave it (Enter)?");
    terminal.types("deny\n");
    terminal.sees(at, "denied");
    assert_eq!(desk.state(&first), HoldState::Denied);
    // Without a terminal nobody is asked.
    let hold = desk.held(LISTED);
    let piped = Holdpoint::on(desk.stage.holdpoint.state(), BINARY).call(&[]);
    assert!(piped.stdout.contains(&format!("holdpoint approve {hold}")), "{}", piped.stdout);
}
