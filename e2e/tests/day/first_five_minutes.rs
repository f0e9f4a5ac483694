//! Somebody with nothing but the archive: installed, an agent at work, a first hold, a release, both
//! ways back, and gone again. `docs/first-five-minutes.md` is one such hour, line by line
//! (`HOLDPOINT_GOLDEN=1` writes it).

use std::{
    fs,
    path::Path,
    process::Command,
    time::{Duration, Instant},
};

use e2e::{
    agent_room::{Agent, MODEL_KEY},
    model::{HOSTS, ModelHost, Step},
    released::{Home, Released},
};
use holdpoint_drill::railway::{self, FakeRailway};

const BINARY: &str = env!("CARGO_BIN_EXE_holdpoint-under-test");
const DOCUMENT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/first-five-minutes.md");
const GREETING: &str = "export const greet = () => \"Hello\";";
/// All of it, but for making the archive.
const LONGEST: Duration = Duration::from_secs(300);

/// What was typed, and what came.
struct Session<'a> {
    home: &'a Home,
    text: String,
}

impl Session<'_> {
    /// Types a line into a shell, with this as what is typed at questions; what came of it.
    fn type_in(&mut self, line: &str, answers: &str) -> String {
        let both = format!("exec 2>&1\nprintf '%s' \"$ANSWERS\" | {{ {line}\n}}");
        let mut shell: Command = self.home.command("/bin/bash", &["-c", &both]);
        let path = format!("{}:/usr/bin:/bin", self.home.path(".local/bin").display());
        shell.env("PATH", path).env("ANSWERS", answers).env("OPENAI_API_KEY", MODEL_KEY);
        let came = String::from_utf8_lossy(&shell.output().unwrap().stdout).into_owned();
        self.text += &format!("$ {line}\n{came}");
        if !came.ends_with('\n') {
            self.text.push('\n');
        }
        came
    }
}

/// A test to mend, and a volume in the way of it.
fn script(home: &Home, railway: &FakeRailway) -> Vec<Step> {
    let volume = &railway.seed().volume;
    let file = home.path("project/greet.js").display().to_string();
    vec![
        Step::Read(file.clone()),
        Step::Edit {
            path: file,
            old: GREETING.to_owned(),
            new: GREETING.replace("Hello", "Good day"),
        },
        Step::Shell(format!(
            "curl -sS https://backboard.railway.com/graphql/v2 -H 'content-type: application/json' \
             -H \"authorization: Bearer $RAILWAY_TOKEN\" \
             -d '{{\"query\":\"mutation {{ volumeDelete(volumeId: \\\"{volume}\\\") }}\"}}'"
        )),
    ]
}

/// A project, an agent, and where its far ends are.
fn set_up(home: &Home, railway: &FakeRailway, model: &ModelHost) {
    let state = home.path(".local/state/holdpoint");
    fs::create_dir_all(&state).unwrap();
    let mut resolve = String::new();
    for (names, addr) in [(&HOSTS[..], model.addr()), (&railway::HOSTS[..], railway.addr())] {
        resolve.extend(names.iter().map(|name| format!("\"{name}:443:{addr}\", ")));
    }
    let far = [("model.pem", model.ca_pem()), ("railway.pem", railway.ca_pem())];
    for (name, pem) in far {
        fs::write(state.join(name), pem).unwrap();
    }
    let text = format!(
        "proxy = \"127.0.0.1:0\"\nresolve = [{resolve}]\nupstream_ca = [\"model.pem\", \
         \"railway.pem\"]\n[hold]\nwait_seconds = 0\n"
    );
    fs::write(state.join("holdpoint.toml"), text).unwrap();
    let (settings, text) = Agent::Codex.settings("https://api.openai.com");
    fs::create_dir_all(home.path(settings).parent().unwrap()).unwrap();
    fs::write(home.path(settings), text).unwrap();
    fs::write(home.path("project/greet.js"), format!("{GREETING}\n")).unwrap();
    let git =
        "git init -q && git add -A && git -c user.name=a -c user.email=a@b.test commit -qm one";
    assert_eq!(home.call("bash", &["-c", git]).status, 0);
}

/// The id that follows `sign` and a dash.
fn id(text: &str, sign: char) -> String {
    let start = text.find(&format!(" {sign}-")).unwrap_or_else(|| panic!("no {sign}-: {text}"));
    let rest = text.get(start + 1..).unwrap_or_default();
    let end = rest.find(|it: char| !it.is_ascii_alphanumeric() && it != '-');
    rest.get(..end.unwrap_or(rest.len())).unwrap_or_default().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_five_minutes() {
    let home = Home::new(&Released::of(BINARY));
    let railway = FakeRailway::start(railway::Config::default()).await.unwrap();
    let model = ModelHost::start(script(&home, &railway)).await;
    set_up(&home, &railway, &model);
    // Fetched where they are not here yet, which is none of these minutes.
    let packages = e2e::agent_room::programs();
    let (began, mut now) = (Instant::now(), Session { home: &home, text: String::new() });
    let archive = format!("holdpoint-{}-x86_64-linux", env!("CARGO_PKG_VERSION"));

    now.type_in(&format!("~/{archive}/install.sh --prefix ~/.local"), "");
    let passphrase = "correct horse battery staple\n".repeat(2);
    now.type_in("holdpoint approvers enrol ada", &passphrase);
    now.type_in("holdpoint hosts add backboard.railway.com --speaks graphql", "");
    let token = format!("{}\n", railway.seed().account_credential);
    let add = "holdpoint secrets add railway --host backboard.railway.com --purpose 'railway:*'";
    now.type_in(add, &token);
    let also = packages.parent().unwrap().display();
    let run = format!(
        "holdpoint run --task 'mend the greeting' --grant railway=RAILWAY_TOKEN --also {also}:ro -- \
         {}/codex exec 'mend the greeting'",
        packages.display()
    );
    let ran = now.type_in(&run, "");
    assert!(ran.contains(" 1 held, "), "{ran}\n{:#?}", model.outcomes());
    assert_eq!(railway.mutations(), 0);

    let waits = now.type_in("holdpoint", "");
    assert!(waits.contains("volumeDelete"), "{waits}");
    let hold = id(&format!(" {}", now.type_in("holdpoint holds", "")), 'h');
    let approve = format!("holdpoint approve {hold} --name {}", railway.seed().volume);
    let released = now.type_in(&approve, &passphrase);
    assert!(released.contains("48 h") || released.contains("scheduled"), "{released}");
    assert!(now.type_in("holdpoint holds --scheduled", "").contains(&hold), "{}", now.text);
    let cancelled = now.type_in(&format!("holdpoint undo {hold}"), "");
    assert!(!now.type_in("holdpoint holds --scheduled", "").contains(&hold), "{cancelled}");
    assert!(railway.volume_exists(&railway.seed().volume));

    let changed = fs::read_to_string(home.path("project/greet.js")).unwrap();
    assert!(changed.contains("Good day"), "{changed}\n{ran}");
    now.type_in("holdpoint undo --last --yes", "");
    let back = fs::read_to_string(home.path("project/greet.js")).unwrap();
    assert!(back.contains("Hello"), "{back}\n{}", now.text);
    let verified = now.type_in("holdpoint ledger verify", "");
    assert!(!verified.contains("error"), "{verified}");
    now.type_in("holdpoint uninstall --purge", "y\ny\n");
    assert!(!home.path(".local/bin/holdpoint").exists(), "{}", now.text);
    let took = began.elapsed();
    assert!(took < LONGEST, "{took:?}");
    for secret in [MODEL_KEY, railway.seed().account_credential.as_str()] {
        assert!(!now.text.contains(secret), "{}", now.text);
    }
    let text = nobody_s(&now.text, home.path("").as_path(), packages.parent().unwrap());
    if std::env::var_os("HOLDPOINT_GOLDEN").is_some() {
        write(&text, took);
    }
    let document = fs::read_to_string(DOCUMENT).unwrap();
    let shown = document.split("```console\n").nth(1).unwrap().split("\n```").next().unwrap();
    let (shown, came) = (alike(shown), alike(&text));
    for (number, (shown, came)) in shown.iter().zip(&came).enumerate() {
        assert_eq!(shown, came, "line {number}: write the document anew (HOLDPOINT_GOLDEN=1)");
    }
    assert_eq!(shown.len(), came.len(), "{text}");
}

/// The lines with what is drawn anew each time left out: names, numbers, digests.
fn alike(text: &str) -> Vec<String> {
    let word = |word: &str| {
        // An identifier that was drawn may be of letters alone.
        let is_id = word.split_once('-').is_some_and(|(kind, id)| kind.len() == 1 && id.len() >= 8);
        let drawn = is_id || word.chars().any(|c| c.is_ascii_digit());
        if drawn { "0".to_owned() } else { word.to_owned() }
    };
    let parts = |line: &str| {
        let parts = line.split_inclusive(|c: char| !c.is_ascii_alphanumeric() && c != '-');
        let parts = parts.map(|part| {
            let end = part.trim_end_matches(|c: char| !c.is_ascii_alphanumeric() && c != '-');
            word(end) + part.get(end.len()..).unwrap_or_default()
        });
        parts.collect::<String>()
    };
    text.trim_end().lines().filter(|line| !is_said_at_times(line)).map(parts).collect()
}

/// Whether a line is said only where a service manager is, or only where it takes long.
fn is_said_at_times(line: &str) -> bool {
    line.starts_with("If you like:") || line.starts_with("holdpoint: saving all of ")
}

/// The names of places of this machine made nobody's.
fn nobody_s(text: &str, home: &Path, packages: &Path) -> String {
    let text = text.replace(&packages.display().to_string(), "/opt/agents");
    text.replace(home.to_str().unwrap().trim_end_matches('/'), "/home/dev")
}

/// The document.
fn write(text: &str, took: Duration) {
    let seconds = took.as_secs();
    let document = format!(
        "# The first five minutes\n\nOn a machine with nothing but the archive and Codex: installed, an agent at \
         work, a first hold, its release, both ways back, and gone again. Every line is as it came, {seconds} \
         seconds in all, with a build without optimisations; only the names of places on that machine were put in \
         other words. The model and Railway were stand-ins on the same machine, to which `holdpoint.toml` led their \
         names, and a held message was answered at once (`hold.wait_seconds = 0`). What was typed at questions, a \
         passphrase and `y`, is not shown, as a terminal would not show the first.\n\n```console\n{text}```\n\n\
         (test: the_first_five_minutes)\n"
    );
    fs::write(DOCUMENT, document).unwrap();
}
