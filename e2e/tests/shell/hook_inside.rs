//! A hook inside a run explains what would be said outside, in each agent's words, and stops
//! nothing: the run does that.

use e2e::{
    enclosed::Enclosed,
    hooks::{Desk, Dialect, Said},
};

const BINARY: &str = env!("CARGO_BIN_EXE_holdpoint-under-test");

#[tokio::test(flavor = "multi_thread")]
async fn inside_a_run_a_hook_explains_and_stops_nothing() {
    let desk = Desk::new(BINARY);
    for place in Enclosed::each(BINARY).await {
        for dialect in Dialect::ALL {
            let script = format!("exec /run/holdpoint/holdpoint hook --agent {}", dialect.name());
            let hear = |command: &str| -> Said {
                let said = desk.said(dialect, command).to_string();
                place.script_with(&script, &said).into()
            };
            let told = hear("rm -rf /usr/lib");
            assert_eq!(dialect.word(&told), "allow", "{dialect:?} {}: {told:?}", place.who());
            if matches!(dialect, Dialect::Claude | Dialect::Vscode | Dialect::Gemini) {
                let would = "Outside of this run Holdpoint would refuse this (outside_task)";
                assert!(told.stdout.contains(would), "{dialect:?} {}: {told:?}", place.who());
            }
            let nothing = hear("ls src");
            assert_eq!(nothing.status, 0, "{nothing:?}");
            assert!(!nothing.stdout.contains("Outside of this run"), "{nothing:?}");
        }
    }
}
