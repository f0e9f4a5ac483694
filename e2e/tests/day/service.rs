//! The gateway as a service of a real service manager, in a machine of its own: its socket listens
//! first, whoever comes starts it, a run has it started and no other, and taken back is all of it.

use std::{collections::HashMap, process::Command};

use e2e::released::Home;

/// Namespaces in which a service manager finds what it looks for on a machine that it has booted, and
/// in which no address is anybody else's.
const MACHINE: &[&str] = &["--mount", "--pid", "--net", "--fork", "--mount-proc", "--kill-child"];
/// What happens there, each finding in a line of its own.
const HAPPENS: &str = r#"
set -u
mount -t tmpfs none /run
mkdir -p /run/systemd/system "$XDG_RUNTIME_DIR" "$HOME/elsewhere"
chmod 700 "$XDG_RUNTIME_DIR" "$HOME/elsewhere"
python3 -c 'import fcntl, socket, struct
fcntl.ioctl(socket.socket(), 0x8914, struct.pack("16sH14x", b"lo", 1))'
/lib/systemd/systemd --user --log-target=console > "$HOME/manager.log" 2>&1 &
manager=$!
service() { systemctl --user "$@" 2>&1; }
wait_for() { for _ in $(seq 400); do "$@" > /dev/null 2>&1 && return; sleep 0.05; done; echo "late=$*"; }
says() { [[ $(service is-active holdpoint.service) == "$1" ]]; }
gateway() { jq .pid "$HOME/.local/state/holdpoint/gateway.json"; }
other_than() { [[ -n $(gateway) && $(gateway) != "$1" ]]; }
asks() { curl -s -o /dev/null -w '%{http_code}' -x http://127.0.0.1:7080 http://nobody.test/; }
wait_for service show -p Version

echo "offered=$(~/holdpoint-*/install.sh --prefix ~/.local | grep -c 'enable --now holdpoint.socket')"
service enable --now holdpoint.socket > /dev/null
echo "listens=$(service is-active holdpoint.socket)"
echo "before=$(service is-active holdpoint.service)"
echo "came=$(asks)"
echo "after=$(service is-active holdpoint.service)"

service stop holdpoint.service
wait_for says inactive
said=$(holdpoint run --no-snapshot -- echo inside 2> "$HOME/run.log")
echo "run=$said, $?"
echo "own=$(grep -c 'was started for it' "$HOME/run.log")"
first=$(gateway)
[[ $first == "$(service show -p MainPID --value holdpoint.service)" ]] && echo "whose=the manager's"
kill -9 "$first"
wait_for other_than "$first"
wait_for says active
[[ $(gateway) == "$(service show -p MainPID --value holdpoint.service)" ]] && echo "again=the manager's"
said=$(holdpoint run --no-snapshot -- echo inside 2> "$HOME/later.log")
echo "later=$said, $?"

printf 'proxy = "127.0.0.1:0"\n' > "$HOME/elsewhere/holdpoint.toml"
holdpoint --state "$HOME/elsewhere" run --no-snapshot -- true 2> "$HOME/elsewhere.log"
echo "elsewhere=$(grep -c 'was started for it' "$HOME/elsewhere.log")"

holdpoint uninstall --yes --purge > "$HOME/uninstall.log" 2>&1
echo "uninstalled=$?"
echo "socket=$(service is-active holdpoint.socket)"
echo "left=$(find "$HOME/.config" "$HOME/.local" -name 'holdpoint*' | wc -l)"
echo "answers=$(asks)"
cat "$HOME"/*.log >&2
service exit
wait "$manager"
"#;

/// Installs, is served, and takes back.
pub(super) fn systemd_starts_it_when_somebody_comes(home: &Home) {
    let mut machine = home.command("unshare", MACHINE);
    if !nix::unistd::geteuid().is_root() {
        machine.args(["--user", "--map-root-user"]);
    }
    machine.args(["bash", "-c", HAPPENS]).env("XDG_RUNTIME_DIR", "/run/user/of-a-test");
    let (found, text) = findings(&mut machine);
    let expect = [
        ("offered", "1"),
        ("listens", "active"),
        ("before", "inactive"),
        ("came", "407"),
        ("after", "active"),
        ("run", "inside, 0"),
        ("own", "0"),
        ("whose", "the manager's"),
        ("again", "the manager's"),
        ("later", "inside, 0"),
        ("elsewhere", "1"),
        ("uninstalled", "0"),
        ("socket", "inactive"),
        ("left", "0"),
        ("answers", "000"),
    ];
    let expect = expect.map(|(what, finding)| (what.to_owned(), finding.to_owned()));
    assert_eq!(found, HashMap::from(expect), "{text}");
}

fn findings(machine: &mut Command) -> (HashMap<String, String>, String) {
    let output = machine.output().unwrap();
    let (out, err) = (&output.stdout, &output.stderr);
    let text = String::from_utf8_lossy(out).into_owned();
    let found = text.lines().filter_map(|line| line.split_once('='));
    let found = found.map(|(what, finding)| (what.to_owned(), finding.to_owned())).collect();
    (found, format!("{text}{}", String::from_utf8_lossy(err)))
}
