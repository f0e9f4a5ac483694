//! On a terminal, a run behaves as its command would without us: what is typed stops, continues
//! and ends it, and its size is the terminal's.

use e2e::{enclosed::Enclosed, terminal::Terminal};

const BINARY: &str = env!("CARGO_BIN_EXE_holdpoint-under-test");

/// A shell with job control on a terminal, with `run` as its word for an enclosed command.
fn shell(place: &Enclosed) -> (Terminal, usize) {
    let run = format!("run() {{ '{}' run -- \"$@\"; }}", place.path("holdpoint").display());
    let mut bash = place.outside("bash");
    bash.args(["--norc", "-i"]).env("PS1", "> ").env("TERM", "dumb");
    let mut terminal = Terminal::start(&bash);
    terminal.types(&format!("{run}; stty -echo; echo be''gin\n"));
    let at = terminal.sees(0, "begin");
    (terminal, at)
}

#[tokio::test(flavor = "multi_thread")]
async fn it_is_stopped_continued_and_interrupted() {
    for place in Enclosed::each(BINARY).await {
        let (mut terminal, at) = shell(&place);
        terminal.types("run bash -c 'echo ready; read a; echo got $a; sleep 600'\n");
        let at = terminal.sees(at, "ready");
        terminal.types("\x1a");
        let at = terminal.sees(at, "Stopped");
        terminal.types("echo she''ll; jobs\n");
        let at = terminal.sees(at, "shell");
        let at = terminal.sees(at, "Stopped");
        terminal.types("fg\n");
        terminal.types("typed\n");
        let at = terminal.sees(at, "got typed");
        // Once more, into the background, and back.
        terminal.types("\x1a");
        let at = terminal.sees(at, "Stopped");
        terminal.types("bg; sleep 0.2; echo st''ill; jobs\n");
        let at = terminal.sees(at, "still");
        let at = terminal.sees(at, "Running");
        terminal.types("fg\n");
        terminal.types("\x03");
        let at = terminal.sees(at, "ended with 130");
        terminal.types("echo status $?; stty -a | grep -o -- ' -echo '; exit 4\n");
        let at = terminal.sees(at, "status 130");
        terminal.sees(at, " -echo ");
        assert_eq!(terminal.end(), Some(4));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn its_size_is_the_terminal_s() {
    for place in Enclosed::each(BINARY).await {
        let (mut terminal, at) = shell(&place);
        terminal.resize(40, 100);
        let script = "trap 'echo new $(stty size)' WINCH; echo old $(stty size); \
                      while :; do sleep 0.05; done";
        terminal.types(&format!("run bash -c \"{}\"\n", script.replace('$', "\\$")));
        let at = terminal.sees(at, "old 40 100");
        terminal.resize(50, 120);
        let at = terminal.sees(at, "new 50 120");
        terminal.types("\x03");
        terminal.sees(at, "ended with 130");
        terminal.types("exit\n");
        assert!(terminal.end().is_some());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shell_inside_has_jobs_of_its_own_and_gives_the_terminal_back() {
    for place in Enclosed::each(BINARY).await {
        let (mut terminal, at) = shell(&place);
        terminal.types("run bash --norc -i\n");
        terminal.types("echo $HOLD''POINT\n");
        let at = terminal.sees(at, "enclosed");
        terminal.types("sleep 600\n");
        terminal.types("\x1a");
        let at = terminal.sees(at, "Stopped");
        terminal.types("fg\n");
        terminal.types("\x03");
        terminal.types("echo in''side; exit 6\n");
        let at = terminal.sees(at, "inside");
        let at = terminal.sees(at, "ended with 6");
        terminal.types("read b && echo out''side $b\n");
        terminal.types("here\n");
        terminal.sees(at, "outside here");
        terminal.types("exit\n");
        assert!(terminal.end().is_some());
    }
}
