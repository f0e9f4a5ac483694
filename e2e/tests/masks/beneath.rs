//! Beneath what is served: the real files are nowhere inside, however one looks below, beside or
//! around the mounts; and what is moved with its directory is what it was seen as.

use std::{fs, process::Command};

use e2e::{enclosed::Enclosed, holdpoint::Called, serving::serving};

const BINARY: &str = env!("CARGO_BIN_EXE_holdpoint-under-test");

/// The token of the incident: a bare UUID after its name.
const RAILWAY: &str = "7c9e6a3b-58d1-4f0e-a2b7-91d4c3e8f605";
const OTHER: &str = "1f8d2c4e-93ab-4c07-8e5d-6ab1f0d97c23";

/// Each tries to get at the file system below, and all that can be read then is said.
const ATTACKS: &str = r#"
import ctypes, glob, os, struct, subprocess, sys
libc = ctypes.CDLL(None, use_errno=True)
here, above = os.getcwd(), os.path.dirname(os.getcwd())
os.makedirs("/tmp/x", exist_ok=True)
NONE = ctypes.c_char_p(None)
def check(result):
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return result
def text(it): return it.encode() if isinstance(it, str) else it
def mount(source, target, kind=None, flags=0, data=None):
    check(libc.mount(text(source), text(target), text(kind), ctypes.c_ulong(flags), text(data)))
def call(number, *words): return check(libc.syscall(ctypes.c_long(number), *words))
def show(path):
    try: data = open(path, "rb").read(1 << 20)
    except OSError: return
    sys.stdout.buffer.write(b"\n" + text(path) + b": " + data)
def look():
    for top in (here, above, "/tmp/x", "/tmp/x" + here, "/tmp/x/project", "/.." + here, "/.." + above, "/old" + here, "/views/0", "/files", "/.proc/1/root" + here, "/.proc/self/root" + here):
        for name in (".env", "shared.env", "project/.env"): show(top + "/" + name)
def nested(act):
    child = os.fork()
    if child == 0:
        try: act(); os.write(1, b"\ndone in a nested namespace\n"); look(); sys.stdout.flush(); os._exit(0)
        except OSError: os._exit(1)
    if os.waitpid(child, 0)[1]: raise OSError("refused in a nested namespace")
def namespace(flags, act):
    def enter():
        check(libc.unshare(flags)); act()
    return lambda: nested(enter)
NEWNS, NEWUSER, BIND, REC, MOVE, DETACH = 0x20000, 0x10000000, 4096, 16384, 8192, 2
def handle():
    raw = ctypes.create_string_buffer(struct.pack("Ii", 128, 0) + bytes(128)); number = ctypes.c_int()
    at = os.open(above, os.O_RDONLY)
    check(libc.name_to_handle_at(at, b"project/.env", raw, ctypes.byref(number), 0))
    file = check(libc.open_by_handle_at(at, raw, os.O_RDONLY))
    sys.stdout.buffer.write(os.read(file, 1 << 20))
def device(kind, major, minor):
    def act():
        path = "/tmp/device"
        if os.path.exists(path): os.unlink(path)
        os.mknod(path, kind | 0o600, os.makedev(major, minor))
        with open(path, "rb") as file: sys.stdout.buffer.write(file.read(1 << 16))
    return act
def joined(path):
    file = os.open(path, os.O_RDONLY); own = os.readlink("/proc/self/ns/mnt")
    check(libc.setns(file, NEWNS))
    if os.readlink("/proc/self/ns/mnt") == own: raise OSError("the same")
BLOCK, CHARACTER = 0o060000, 0o020000
acts = {
    "umount": lambda: check(libc.umount2(text(here), 0)),
    "umount, lazily": lambda: check(libc.umount2(text(here), DETACH)),
    "umount of what is above": lambda: check(libc.umount2(text(above), DETACH)),
    "umount of the root": lambda: check(libc.umount2(b"/", DETACH)),
    "bind of the workspace": lambda: mount(here, "/tmp/x", None, BIND),
    "bind of what is above, without what is mounted in it": lambda: mount(above, "/tmp/x", None, BIND),
    "bind of the root": lambda: mount("/", "/tmp/x", None, BIND | REC),
    "bind through /proc": lambda: mount("/proc/1/root", "/tmp/x", None, BIND),
    "move": lambda: mount(here, "/tmp/x", None, MOVE),
    "overlay": lambda: mount("none", "/tmp/x", "overlay", 0, "lowerdir=" + above + ":/usr"),
    "fuse": lambda: mount("none", "/tmp/x", "fuse", 0, "fd=0,rootmode=40000,user_id=0,group_id=0"),
    "a disk": lambda: mount("/dev/vda", "/tmp/x", "ext4"),
    "remount": lambda: mount("none", here, None, 32 | BIND),
    "open_tree": lambda: call(428, -100, text(above), 1),
    "fsopen": lambda: call(430, b"overlay", 0),
    "fspick": lambda: call(433, -100, text(here), 0),
    "move_mount": lambda: call(429, -100, text(here), -100, b"/tmp/x", 0),
    "mount_setattr": lambda: call(442, -100, text(here), 0, ctypes.create_string_buffer(32), 32),
    "pivot_root": lambda: call(155, b"/tmp", b"/tmp/x"),
    "chroot": lambda: nested(lambda: os.chroot("/proc/1/root")),
    "a namespace of mounts": namespace(NEWNS, lambda: libc.umount2(text(here), DETACH)),
    "bind in a nested namespace": namespace(NEWUSER | NEWNS, lambda: mount(above, "/tmp/x", None, BIND)),
    "umount in a nested namespace": namespace(NEWUSER | NEWNS, lambda: check(libc.umount2(text(here), DETACH))),
    "open_tree in a nested namespace": namespace(NEWUSER | NEWNS, lambda: call(428, -100, text(above), 1)),
    "fsopen in a nested namespace": namespace(NEWUSER | NEWNS, lambda: call(430, b"tmpfs", 0)),
    "the first process's namespace": lambda: nested(lambda: joined("/proc/1/ns/mnt")),
    "a handle": handle,
    "the device of files": device(CHARACTER, 10, 229),
}
mounts = [line.split() for line in open("/proc/self/mountinfo")]
for number in sorted({words[2] for words in mounts} | {"254:0", "8:0", "259:0"}):
    major, minor = map(int, number.split(":"))
    acts["the disk " + number] = device(BLOCK, major, minor)
open_acts = []
for name, act in acts.items():
    try: act()
    except (OSError, subprocess.SubprocessError) as error: print(name, "refused:", error)
    else: open_acts.append(name)
    look()
# What the table of mounts speaks of, and what is behind other processes.
for words in mounts:
    for part in [words[3], words[4]] + words[-1].replace("=", ",").split(","):
        if part.startswith("/"):
            for name in ("", "/.env", "/project/.env", "/shared.env"): show(part + name); show("/.." + part + name)
for process in glob.glob("/proc/[0-9]*"):
    for path in [process + "/root" + here + "/.env", process + "/root" + above + "/shared.env", process + "/root/.." + here + "/.env", process + "/cwd/.env", process + "/environ"]: show(path)
    for path in glob.glob(process + "/fd/*") + glob.glob(process + "/map_files/*"):
        try: path = path if os.path.isfile(path) else path + "/.env"
        except OSError: continue
        show(path)
sys.stdout.flush()
print("\ntried", len(acts), "and done:", open_acts)
"#;

fn plant(place: &Enclosed) {
    let script = format!(
        "mkdir -p ../elsewhere/project/notes; cd ../elsewhere; echo RAILWAY_API_TOKEN={OTHER} > shared.env; \
         echo RAILWAY_API_TOKEN={RAILWAY} > project/.env; echo RAILWAY_API_TOKEN={RAILWAY} > project/notes/a.env"
    );
    assert!(place.outside("bash").args(["-ec", &script]).status().unwrap().success());
}

/// `holdpoint run` in the project, which lies in a further place that is seen too.
fn run(place: &Enclosed, words: &[&str], script: &str) -> Command {
    let mut run = place.outside(place.path("holdpoint"));
    run.current_dir(place.path("elsewhere/project")).args(["run", "--no-snapshot"]);
    run.args(words).args(["--", "/usr/bin/python3", "-c", script]);
    run
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_beneath_is_reached_by_nobody() {
    for place in Enclosed::each(BINARY).await {
        plant(&place);
        for (kind, words) in [
            ("served", &["--also", ".."][..]),
            ("served to read", &["--also", "..:ro"]),
            ("thrown away", &["--also", "..", "--ring", "3"]),
            ("alone", &[]),
        ] {
            let who = format!("{}, {kind}", place.who());
            let called: Called = serving(&run(&place, words, ATTACKS)).output().unwrap().into();
            assert_eq!(called.status, 0, "{who}: {}", called.stderr);
            assert!(!called.stderr.contains("can only be read"), "{who}: {}", called.stderr);
            assert!(called.stdout.contains(": RAILWAY_API_TOKEN="), "{who}: {}", called.stdout);
            for secret in [RAILWAY, OTHER] {
                let at = called.stdout.find(secret);
                let around = at.map(|at| &called.stdout[at.saturating_sub(200)..at]);
                assert_eq!(around, None, "{who}");
            }
            let told = called.stdout.lines().rfind(|line| line.starts_with("tried ")).unwrap();
            assert!(told.ends_with("and done: []"), "{who}: {told}");
        }
    }
}

/// Where nothing can be served, copies lie over the files, and nobody gets below them.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_beneath_a_copy_is_reached_by_nobody() {
    for place in Enclosed::each(BINARY).await {
        plant(&place);
        let who = place.who();
        let called: Called = run(&place, &["--also", ".."], ATTACKS).output().unwrap().into();
        assert_eq!(called.status, 0, "{who}: {}", called.stderr);
        for secret in [RAILWAY, OTHER] {
            assert!(!called.stdout.contains(secret), "{who}: {}", called.stdout);
        }
        assert!(called.stdout.contains("and done: []"), "{who}: {}", called.stdout);
    }
}

/// Each moves a masked file with its directory, or by exchanging it; outside, the first file holds what is said.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_moved_with_its_directory_is_what_was_seen() {
    let exchange = "/usr/bin/python3 -c 'import ctypes; assert ctypes.CDLL(None).renameat2(-100, b\"notes\", -100, b\"public\", 2) == 0'";
    for place in Enclosed::each(BINARY).await {
        for (moved, to) in [
            ("mv notes published", "published/a.env"),
            ("mkdir public; mv notes public/", "public/notes/a.env"),
            ("mkdir deep; mv notes deep; mv deep deeper", "deeper/notes/a.env"),
            (&*format!("mkdir public; {exchange} || mv -T notes public"), "public/a.env"),
            ("mkdir public; mv -T notes public", "public/a.env"),
            ("mv notes/a.env published.env", "published.env"),
            ("mv notes/a.env published.env; mv published.env other.env", "other.env"),
        ] {
            let who = format!("{}: {moved}", place.who());
            let again = "rm -rf ../elsewhere/project";
            assert!(place.outside("bash").args(["-ec", again]).status().unwrap().success());
            plant(&place);
            let mut run = place.outside(place.path("holdpoint"));
            run.current_dir(place.path("elsewhere/project")).args(["run", "--no-snapshot", "--"]);
            run.args(["bash", "-c", &format!("{moved}; cat {to}")]);
            let called: Called = serving(&run).output().unwrap().into();
            let seen = called.stdout.trim();
            assert!(
                seen.starts_with("RAILWAY_API_TOKEN=") && seen.len() == 54,
                "{who}: {}",
                called.stderr
            );
            assert!(!called.stdout.contains(RAILWAY), "{who}");
            let outside =
                fs::read_to_string(place.path(&format!("elsewhere/project/{to}"))).unwrap();
            assert_eq!(outside.trim(), seen, "{who}: what is taken elsewhere stays a phantom");
        }
    }
}
