//! A run that learns: what it reads of hosts that nobody has listed, what ends that, and what a
//! human is told to list afterwards.

use std::fs;

use e2e::{
    enclosed::Enclosed,
    holdpoint::{Called, until},
};
use holdpoint_drill::upstream::EchoUpstream;

const BINARY: &str = env!("CARGO_BIN_EXE_holdpoint-under-test");
const DOCS: &str = "docs.example.test";
const TRACKER: &str = "tracker.example.test";

/// A listed tracker beside documents that nobody has listed.
async fn beside(place: &Enclosed) -> EchoUpstream {
    let upstream = EchoUpstream::https(&[DOCS, TRACKER]).await.unwrap();
    let ca = place.path("docs.pem");
    fs::write(&ca, upstream.ca_pem().unwrap()).unwrap();
    let file = place.path("state/holdpoint.toml");
    let (at, ca) = (upstream.addr(), ca.display());
    let more = format!("resolve = [\"{DOCS}:443:{at}\", \"{TRACKER}:443:{at}\", ",);
    let text = fs::read_to_string(&file).unwrap();
    let text = text.replace("resolve = [", &more);
    fs::write(&file, text.replace("upstream_ca = [", &format!("upstream_ca = [\"{ca}\", ")))
        .unwrap();
    let called = place.call(&["hosts", "add", TRACKER, "--speaks", "collaboration"]);
    assert_eq!(called.status, 0, "{}", called.stderr);
    upstream
}

fn run(place: &Enclosed, options: &[&str], script: &str) -> Called {
    let mut run = place.outside(place.path("holdpoint"));
    run.arg("run").args(options).args(["--", "bash", "-c", script]).output().unwrap().into()
}

/// Asks with curl, and prints the status and the reason of a refusal.
const ASK: &str = "ask() { curl -s -m 20 -w ' %{http_code}\\n' \"$@\" | grep -oE 'unlisted_host|[0-9]+$' | sort -u | xargs; }; ";

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_learns_reads_in_few_words_until_it_has_read_what_others_wrote() {
    for place in Enclosed::each(BINARY).await {
        let upstream = beside(&place).await;
        let who = place.who();
        let page = format!("{ASK} ask https://{DOCS}/page");
        let called = run(&place, &[], &page);
        assert_eq!(called.stdout.trim(), "403 unlisted_host", "{who}: {}", called.stderr);
        assert_eq!(run(&place, &["--learn", "--ring", "3"], &page).status, 2, "{who}");

        let long = "a".repeat(70);
        let script = format!(
            "{ASK} D=https://{DOCS}; ask $D/page; ask \"$D/page?q=short\"; ask \"$D/page?q={long}\"; \
             ask -d x=1 $D/page; ask -X DELETE $D/page; ask -H \"X-More: $(printf %02000d 1)\" $D/page; \
             ask https://{TRACKER}/issues; ask $D/page"
        );
        let called = run(&place, &["--learn"], &script);
        let told: Vec<&str> = called.stdout.lines().collect();
        let no = "403 unlisted_host";
        assert_eq!(told, ["200", "200", no, no, no, no, "200", no], "{who}: {}", called.stderr);
        let came: Vec<_> = upstream.log().into_iter().map(|it| it.target).collect();
        assert_eq!(came, ["/page", "/page?q=short", "/issues"], "{who}");

        let ended = called.stderr.lines().find(|line| line.contains("ended with")).unwrap();
        let run = ended.split(' ').find(|word| word.starts_with("r-")).unwrap();
        // What only observes is on disk a moment later.
        let told = until("suggestions", || {
            let called = place.call(&["policy", "suggest", run]);
            called.stdout.contains("passed").then_some(called.stdout)
        });
        assert!(told.contains(&format!("+ holdpoint hosts add {DOCS}    # ")), "{told}");
        assert!(told.contains("2 passed: rest:GET observe"), "{told}");
        assert!(told.contains(&format!("hosts add {DOCS} --environment ENVIRONMENT")), "{told}");
        assert!(!told.contains(TRACKER), "{told}");
        assert_eq!(place.call(&["policy", "suggest", "r-nobody"]).status, 2);
    }
}
