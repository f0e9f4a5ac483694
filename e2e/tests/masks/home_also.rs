//! The whole home as a further place: what of it is a copy inside is never written over the human's own.

use std::fs;

use e2e::{enclosed::Enclosed, holdpoint::Called};

const BINARY: &str = env!("CARGO_BIN_EXE_holdpoint-under-test");
/// Databases of certificates of the human's own, with passwords and keys beside them.
const OWN: &str = "the human's own certificates";

#[tokio::test(flavor = "multi_thread")]
async fn copies_stay_inside_though_the_home_can_be_written() {
    for place in Enclosed::each(BINARY).await {
        let who = place.who();
        let script = format!(
            "mkdir -p ../home/.pki/nssdb && printf %s \"{OWN}\" > ../home/.pki/nssdb/cert9.db"
        );
        assert!(place.outside("bash").args(["-ec", &script]).status().unwrap().success());
        let home = place.path("home");
        let mut run = place.outside(place.path("holdpoint"));
        run.args(["run", "--no-snapshot", "--also", home.to_str().unwrap()]);
        let inside = "cat ~/.pki/nssdb/cert9.db; echo seen > ~/written";
        let called: Called = run.args(["--", "bash", "-c", inside]).output().unwrap().into();
        assert_eq!(called.status, 0, "{who}: {}", called.stderr);
        let kept = fs::read_to_string(home.join(".pki/nssdb/cert9.db"));
        assert_eq!(kept.ok().as_deref(), Some(OWN), "{who}: it is as it was");
        assert_eq!(called.stdout, OWN, "{who}");
        assert_eq!(fs::read_to_string(home.join("written")).unwrap(), "seen\n", "{who}");
    }
}
