//! Sandboxes within the sandbox: those that need no mounts work, and whoever wants to mount hears a
//! clear word.

use e2e::{browser::WORDS, enclosed::Enclosed};

const BINARY: &str = env!("CARGO_BIN_EXE_holdpoint-under-test");

#[tokio::test(flavor = "multi_thread")]
async fn bubblewrap_is_told_that_it_is_in_a_run() {
    let wrap = "bwrap --ro-bind / / --dev /dev --proc /proc echo wrapped";
    for place in Enclosed::each(BINARY).await {
        let outside = place.outside("bash").args(["-c", wrap]).output().unwrap();
        let who = place.who();
        assert_eq!(outside.stdout, b"wrapped\n", "{who}: outside it works: {outside:?}");
        let called = place.script(wrap);
        assert_eq!((called.status, called.stdout.as_str()), (1, ""), "{who}: {}", called.stderr);
        let word = "holdpoint: bwrap does not work in here: it mounts";
        assert!(called.stderr.contains(word), "{who}: {}", called.stderr);
        // Nobody inside takes the word away.
        let script = "rm -f /usr/bin/bwrap; echo '#!/bin/sh' > /usr/bin/bwrap; bwrap true";
        let called = place.script(script);
        assert!(called.stderr.contains(word), "{who}: {}", called.stderr);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn chromium_keeps_its_own_sandbox() {
    for place in Enclosed::each(BINARY).await {
        let user = place.outside("id").arg("-u").output().unwrap().stdout;
        if user == b"0\n" {
            // Chromium itself does not want to be root's.
            continue;
        }
        std::fs::write(
            place.path("work/page.html"),
            "<p id=a></p><script>a.textContent = 6 * 7</script>",
        )
        .unwrap();
        let words = WORDS.join(" ");
        let script = format!(
            "chromium {words} --user-data-dir=/tmp/chromium --dump-dom \"file://$PWD/page.html\" 2>/tmp/said \
             || cat /tmp/said >&2"
        );
        let called = place.script(&script);
        assert!(
            called.stdout.contains("<p id=\"a\">42</p>"),
            "{} {}",
            called.stdout,
            called.stderr
        );
    }
}
