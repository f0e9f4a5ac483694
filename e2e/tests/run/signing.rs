//! Commits of a run are signed by a socket that signs git objects and nothing else; the key stays
//! outside.

use std::{
    fs,
    os::unix::net::UnixListener,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use e2e::{
    enclosed::Enclosed,
    holdpoint::{Called, until},
    running::Process,
};

const BINARY: &str = env!("CARGO_BIN_EXE_holdpoint-under-test");

/// Asks the socket for a login's signature (RFC 4252), and for a file's; prints what is answered.
const LOGIN: &str = "import os, socket, struct
def string(b): return struct.pack('>I', len(b)) + b
def said(s, n):
    b = b''
    while len(b) < n: b += s.recv(n - len(b))
    return b
def ask(message):
    s = socket.socket(socket.AF_UNIX); s.connect(os.environ['SSH_AUTH_SOCK'])
    s.sendall(string(message))
    return said(s, struct.unpack('>I', said(s, 4))[0])
keys = ask(bytes([11]))
length = struct.unpack('>I', keys[5:9])[0]
key = keys[9:9 + length]
login = string(b's' * 32) + bytes([50]) + string(b'root') + string(b'ssh-connection') + string(b'publickey') + b'\\1' + string(b'ssh-ed25519') + string(key)
def signed(data): return ask(bytes([13]) + string(key) + string(data) + bytes(4))[0]
def purpose(name): return b'SSHSIG' + string(name) + string(b'') + string(b'sha512') + string(b'd' * 64)
print(keys[0], signed(login), signed(purpose(b'file')), signed(purpose(b'git')), ask(bytes([17]) + string(b'x'))[0])
";

/// Makes a commit, and says whether it is signed.
const COMMIT: &str = "git init -q r && cd r && git commit -q --allow-empty -m one && \
    git cat-file commit HEAD | grep -c 'BEGIN SSH SIGNATURE'";

fn outside(place: &Enclosed, script: &str) -> Called {
    place.outside("bash").args(["-ec", script]).output().unwrap().into()
}

/// A place whose human signs with the key `home/.ssh/sign`, which has this passphrase.
async fn place(passphrase: &str) -> Option<Enclosed> {
    // OpenSSH wants its user to have a name, which only this one has.
    let place = Enclosed::each(BINARY).await.into_iter().next()?;
    let made = outside(
        &place,
        &format!(
            "ssh-keygen -q -t ed25519 -N '{passphrase}' -C a@b.test -f ~/.ssh/sign; \
             echo \"a@b.test $(cat ~/.ssh/sign.pub)\" > ~/signers; \
             git config --global gpg.format ssh; git config --global commit.gpgSign true; \
             git config --global user.signingKey '~/.ssh/sign.pub'; \
             git config --global gpg.ssh.allowedSignersFile ~/signers"
        ),
    );
    assert_eq!(made.status, 0, "{}", made.stderr);
    Some(place)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_is_signed_and_nothing_else_is() {
    let Some(place) = place("").await else { return };
    fs::write(place.path("work/login.py"), LOGIN).unwrap();
    let script = format!(
        "ls ~/.ssh 2>/dev/null; ssh-add -l | grep -c 'git objects only'; python3 login.py; {COMMIT}; \
         git config user.signingKey | sed s/^key::// > /tmp/key.pub; echo text > /tmp/text; \
         ssh-keygen -q -Y sign -n file -f /tmp/key.pub /tmp/text 2>/dev/null && echo a file is signed; \
         true"
    );
    let called = place.script(&script);
    // A list of keys; neither a login nor a file; a git object; no key is taken in.
    assert_eq!(called.stdout, "1\n12 5 5 14 5\n1\n", "{}", called.stderr);
    assert!(!called.stderr.contains("unsigned"), "{}", called.stderr);
    let verified = outside(&place, "git -C r verify-commit HEAD");
    assert_eq!(verified.status, 0, "{}", verified.stderr);
    assert!(verified.stderr.contains("Good \"git\" signature for a@b.test"), "{}", verified.stderr);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_locked_key_signs_where_the_human_s_agent_has_it() {
    let Some(place) = place("correct horse").await else { return };
    let alone = place.script(COMMIT);
    assert!(
        alone.stderr.contains("commits go unsigned in there: no ssh-agent"),
        "{}",
        alone.stderr
    );
    assert_eq!(alone.stdout, "0\n", "{}", alone.stderr);
    fs::remove_dir_all(place.path("work/r")).unwrap();

    let socket = place.path("elsewhere/agent");
    let mut agent: Command = place.outside("ssh-agent");
    agent.args(["-D", "-a"]).arg(&socket).stdout(Stdio::null());
    let _agent = Process(agent.spawn().unwrap());
    until("an agent", || socket.exists().then_some(()));
    let script = format!(
        "export SSH_AUTH_SOCK={}; printf '#!/bin/sh\\necho correct horse\\n' > ~/ask; chmod +x ~/ask; \
         SSH_ASKPASS=~/ask SSH_ASKPASS_REQUIRE=force ssh-add -q ~/.ssh/sign",
        socket.display()
    );
    let added = outside(&place, &script);
    assert_eq!(added.status, 0, "{}", added.stderr);
    let mut run = place.run(&["bash", "-c", COMMIT]);
    let called: Called = run.env("SSH_AUTH_SOCK", &socket).output().unwrap().into();
    assert_eq!(called.stdout, "1\n", "{}", called.stderr);
    let verified = outside(&place, "git -C r verify-commit HEAD");
    assert_eq!(verified.status, 0, "{}", verified.stderr);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_no_ssh_key_signs_goes_unsigned_with_a_notice() {
    let Some(place) = place("").await else { return };
    let set = outside(&place, "git config --global gpg.format openpgp");
    assert_eq!(set.status, 0);
    let called = place.script(COMMIT);
    assert_eq!(called.stdout, "0\n", "{}", called.stderr);
    let notice = "holdpoint: commits go unsigned in there: only SSH keys sign";
    assert!(called.stderr.contains(notice), "{}", called.stderr);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_agent_outside_is_out_of_reach_wherever_one_may_look() {
    let Some(place) = place("").await else { return };
    let also = place.path("elsewhere");
    let find = "find / \\( -path /proc -o -path /sys \\) -prune -o \
                \\( -type s -o -name 'holdpoint-signs*' \\) -print 2>/dev/null";
    let mut run = place.outside(place.path("holdpoint"));
    run.args(["run", "--also", also.to_str().unwrap(), "--", "bash", "-c"]);
    run.arg(format!("{COMMIT}; {find}; echo 'still here' >&2")).env("TMPDIR", &also);
    let called: Called = run.output().unwrap().into();
    // A signed commit; our own socket is mounted over a file, as which `find` takes it.
    assert_eq!(called.stdout, "1\n", "{}", called.stderr);
    assert!(called.stderr.contains("still here"), "{}", called.stderr);
    let left = fs::read_dir(place.path("state")).unwrap();
    let left: Vec<_> = left.map(|entry| entry.unwrap().file_name()).collect();
    assert!(!left.iter().any(|name| name.to_string_lossy().contains("signs")), "{left:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_that_does_not_answer_keeps_nobody_waiting() {
    let Some(place) = place("correct horse").await else { return };
    let socket = place.path("elsewhere/hung");
    let _hung = UnixListener::bind(&socket).unwrap();
    let began = Instant::now();
    let mut run = place.run(&["true"]);
    let called: Called = run.env("SSH_AUTH_SOCK", &socket).output().unwrap().into();
    assert_eq!(called.status, 0, "{}", called.stderr);
    assert!(called.stderr.contains("commits go unsigned in there"), "{}", called.stderr);
    assert!(began.elapsed() < Duration::from_secs(30), "{:?}", began.elapsed());
}
