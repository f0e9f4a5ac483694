//! A page of a development server inside, in a real browser outside: what is edited inside is seen
//! at once, over the server's own WebSocket.

use std::fs;

use e2e::{
    browser::Browser,
    enclosed::Enclosed,
    npm,
    running::{Running, free_port},
};

const BINARY: &str = env!("CARGO_BIN_EXE_holdpoint-under-test");

/// A development server with hot reload.
const VITE: &str = "vite@5.4.21";

const PAGE: &str = "<!doctype html><p id=said></p><script type=module src=/main.js></script>\n";
const MAIN: &str = "\
import { text } from './text.js'
const say = (it) => { document.getElementById('said').textContent = it }
say(text)
import.meta.hot.accept('./text.js', (now) => say(now.text))
";
const SAID: &str = "document.getElementById('said')?.textContent";

#[tokio::test(flavor = "multi_thread")]
async fn what_is_edited_inside_is_seen_in_a_browser_outside() {
    let packages = npm::installed("vite", &[VITE], &[]);
    for place in Enclosed::each(BINARY).await {
        let write = |name: &str, text: &str| fs::write(place.path("work").join(name), text);
        write("index.html", PAGE).unwrap();
        write("main.js", MAIN).unwrap();
        write("text.js", "export const text = 'before'\n").unwrap();
        let vite = packages.join("vite/bin/vite.js");
        if !place.outside("test").arg("-r").arg(&vite).status().unwrap().success() {
            println!("{} cannot read {}", place.who(), vite.display());
            continue;
        }
        let port = free_port();
        // The edit is made inside, when somebody outside says so.
        let script = format!(
            "node {} --host 127.0.0.1 --port {port} --strictPort & \
             until [ -e go ]; do sleep 0.05; done; sed -i s/before/after/ text.js; wait",
            vite.display()
        );
        let also = format!("{}:ro", packages.parent().unwrap().display());
        let running = Running::start(&place, &["--also", &also], &script);
        let line = running.says("holdpoint: port");
        assert_eq!(line, format!("holdpoint: port {port} inside is 127.0.0.1:{port} here"));

        let mut browser = Browser::open(&format!("http://127.0.0.1:{port}/")).await;
        browser.shows(SAID, "before").await;
        browser.evaluate("window.kept = 'kept'").await;
        assert!(place.outside("touch").arg("go").status().unwrap().success());
        browser.shows(SAID, "after").await;
        let kept = browser.evaluate("window.kept").await;
        assert_eq!(kept, "kept", "{}: the page itself was not loaded again", place.who());
    }
}
