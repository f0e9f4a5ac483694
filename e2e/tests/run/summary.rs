//! What a human reads of a run: six lines at most at the start, one at the end.

use e2e::{enclosed::Enclosed, holdpoint::Called};

const BINARY: &str = env!("CARGO_BIN_EXE_holdpoint-under-test");

#[tokio::test(flavor = "multi_thread")]
async fn a_few_lines_at_the_start_and_a_summary_at_the_end() {
    for place in Enclosed::each(BINARY).await {
        let script = "git init -q && echo ignored > .gitignore && echo a > known && \
                      echo 'API_TOKEN=ghp_R3alR3alR3alR3alR3alR3alR3alR3alR3al' > .env && \
                      git add -f . && git commit -qm one";
        let made = place.outside("bash").args(["-c", script]).status().unwrap();
        assert!(made.success());
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let local = format!("localhost:{}", listener.local_addr().unwrap().port());
        let words = ["run", "--task", "a test", "--local", &local, "--", "bash", "-c"];
        let change = "echo b > known; echo b > new; echo b > ignored";
        let called: Called = place.call(&[&words[..], &[change]].concat());
        let lines: Vec<&str> = called.stderr.lines().collect();
        let (end, start) = lines.split_last().unwrap();
        assert!(start.len() <= 6, "{}: {}", place.who(), called.stderr);
        let parts =
            ["is guarded, run r-", "a test", "variables:", "masked", "undo point", &local[10..]];
        for (line, part) in start.iter().zip(parts) {
            assert!(line.contains(part), "{part}: {}", called.stderr);
        }
        let counted = "0 messages, 0 held, 0 refused; ";
        let changed = " files changed, 2 outside git; `holdpoint undo r-";
        assert!(end.contains(counted) && end.contains(changed), "{}: {end}", place.who());
    }
}
