//! A run that floods its upstream, and what still arrives there once somebody kills it.

use std::{
    process::Stdio,
    thread,
    time::{Duration, Instant},
};

use crate::{echo::LISTED, enclosed::Enclosed, holdpoint::until};

/// How a kill of a flood went. Times are counted from the start of `holdpoint kill`.
#[derive(Debug)]
pub struct Killed {
    /// When the last message arrived upstream; none, if none did after the start.
    pub last: Option<Duration>,
    /// When the command had returned.
    pub returned: Duration,
    /// How the run ended.
    pub status: Option<i32>,
}

/// Floods, kills, and looks every millisecond until long after it.
pub fn killed(place: &Enclosed) -> Killed {
    let before = place.arrived().len();
    let ask = format!("curl -s -m 5 -o /dev/null https://{LISTED}/flood");
    let script = format!("for i in 1 2 3 4; do while :; do {ask}; done & done; wait");
    let mut flood = place.run(&["bash", "-c", &script]);
    let mut child = flood.stderr(Stdio::null()).spawn().unwrap();
    until("a flood", || (place.arrived().len() > before + 20).then_some(()));
    let agents = place.call(&["agents", "list", "--json"]).json();
    let killed = |it: &&serde_json::Value| it["agent"]["killed"] != true;
    let agent = agents.as_array().unwrap().iter().find(killed).unwrap();
    let run = agent["agent"]["run"].as_str().unwrap();
    let mut kill = place.outside(place.path("holdpoint"));
    kill.args(["kill", run]).stdout(Stdio::null());
    let (mut arrived, mut last, mut returned) = (place.arrived().len(), None, None);
    let began = Instant::now();
    let mut kill = kill.spawn().unwrap();
    while returned.is_none_or(|it: Duration| began.elapsed() < it + Duration::from_millis(300)) {
        let now = place.arrived().len();
        if now > arrived {
            (arrived, last) = (now, Some(began.elapsed()));
        }
        if returned.is_none() && kill.try_wait().unwrap().is_some() {
            returned = Some(began.elapsed());
        }
        thread::sleep(Duration::from_millis(1));
    }
    assert!(kill.wait().unwrap().success());
    Killed { last, returned: returned.unwrap(), status: child.wait().unwrap().code() }
}
