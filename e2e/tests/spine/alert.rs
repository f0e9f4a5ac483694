//! When something is held, whoever looks elsewhere sees it: in the terminal's title, and on the
//! desktop.

use std::{
    fs::{self, Permissions},
    os::unix::fs::PermissionsExt as _,
};

use e2e::{echo::LISTED, enclosed::Enclosed, holdpoint::until, terminal::Terminal};

const BINARY: &str = env!("CARGO_BIN_EXE_holdpoint-under-test");

#[tokio::test(flavor = "multi_thread")]
async fn what_is_held_is_in_the_title_and_on_the_desktop() {
    for place in Enclosed::each(BINARY).await {
        let (bin, notified) = (place.path("elsewhere/bin"), place.path("elsewhere/notified"));
        fs::create_dir(&bin).unwrap();
        let program = bin.join("notify-send");
        fs::write(&program, format!("#!/bin/sh\necho \"$@\" >> {}\n", notified.display())).unwrap();
        fs::set_permissions(&program, Permissions::from_mode(0o755)).unwrap();
        let ask = |method: &str| {
            format!(
                "curl -s -m 20 -X {method} -o /dev/null https://{LISTED}/items/1; echo {method}ed; read a;"
            )
        };
        let mut run = place.run(&["bash", "-c", &(ask("GET") + &ask("DELETE"))]);
        run.env("PATH", format!("{}:/usr/bin:/bin", bin.display())).env("TERM", "xterm");
        // A desktop is where there is such a bus; on it, nobody listens but our program.
        run.env("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nowhere");
        let mut terminal = Terminal::start(&run);
        let at = terminal.sees(0, "GETed");
        assert!(!terminal.seen().contains("\x1b]2;"), "silence while all is well");
        terminal.types("\n");
        terminal.sees(at, "DELETEed");
        let at = terminal.sees(at, "\x1b[22;2t\x1b]2;held: h-");
        let told = until("a notification", || fs::read_to_string(&notified).ok());
        assert!(told.contains("Holdpoint holds something Run r-"), "{told}");
        assert!(told.contains("waits for you: holdpoint approve h-"), "{told}");
        assert_eq!(told.lines().count(), 1, "{told}");
        terminal.types("\n");
        let at = terminal.sees(at, "\x1b[23;2t");
        terminal.sees(at, "ended with 0");
        terminal.end();

        // Without a desktop or a terminal nobody is told, and nothing breaks.
        let mut quiet = place.run(&["bash", "-c", &ask("DELETE")]);
        quiet.env("PATH", format!("{}:/usr/bin:/bin", bin.display()));
        let said = String::from_utf8(quiet.output().unwrap().stderr).unwrap();
        assert!(!said.contains('\x1b') && said.contains("1 held"), "{said}");
        assert_eq!(fs::read_to_string(&notified).unwrap(), told);
    }
}
