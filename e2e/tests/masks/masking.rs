//! Masking: no real secret is within reach inside, what is edited comes back as it should, and a
//! phantom that is taken elsewhere stays one.

use std::fs;

use e2e::{enclosed::Enclosed, holdpoint::Called};

const BINARY: &str = env!("CARGO_BIN_EXE_holdpoint-under-test");

/// The token of the incident: a bare UUID after its name.
const RAILWAY: &str = "7c9e6a3b-58d1-4f0e-a2b7-91d4c3e8f605";
const STRIPE: &str = concat!("sk_live_", "51Nx8QpLmV3kTz9RbYw2HcJd7GfSa4Ue");
const PASSWORD: &str = "Vq8zT2mKx9LpRw4n";
const SIGNING: &str = "f3Kq9ZxT7vLm2Wb8RnYp4CdHs6JgAe1U";

fn all() -> [&'static str; 4] {
    [RAILWAY, STRIPE, PASSWORD, SIGNING]
}

fn dotenv() -> String {
    format!(
        "# settings\nRAILWAY_API_TOKEN={RAILWAY}\nPORT=3000\nSTRIPE_SECRET_KEY=\"{STRIPE}\"\n\
         DATABASE_URL=postgres://app:{PASSWORD}@db.internal.example.com:5432/app\nJWT_SECRET={SIGNING}\n"
    )
}

/// Places whose workspace holds secrets.
async fn places() -> Vec<Enclosed> {
    let places = Enclosed::each(BINARY).await;
    for place in &places {
        write(place, "work/.env", &dotenv());
        write(
            place,
            "work/notes/domains.md",
            &format!(
                "# Domains\n\nUse it like this:\n\n    RAILWAY_API_TOKEN={RAILWAY} railway up\n"
            ),
        );
        write(
            place,
            "work/config.json",
            &format!("{{\"stripe_secret_key\": \"{STRIPE}\", \"port\": 1}}\n"),
        );
        write(place, "work/src/main.py", "print('hello')\n");
    }
    places
}

fn write(place: &Enclosed, path: &str, text: &str) {
    let path = place.path(path);
    let directory = path.parent().unwrap();
    let made = place.outside("mkdir").arg("-p").arg(directory).status().unwrap();
    assert!(made.success());
    let script = format!("printf %s \"$TEXT\" > '{}'", path.display());
    let written = place.outside("sh").args(["-c", &script]).env("TEXT", text).status().unwrap();
    assert!(written.success());
}

fn read(place: &Enclosed, path: &str) -> String {
    fs::read_to_string(place.path(path)).unwrap()
}

/// Whether files are served here; else they can only be read.
fn served(called: &Called) -> bool {
    !called.stderr.contains("can only be read")
}

fn has_real(text: &str) -> bool {
    all().iter().any(|secret| text.contains(secret))
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_real_is_seen() {
    for place in places().await {
        let who = place.who();
        let script = "cat .env notes/domains.md config.json; grep -r . . 2>/dev/null; env; \
                      cat /proc/*/environ 2>/dev/null | tr '\\0' '\\n'; wc -c < .env; \
                      /usr/bin/python3 -c 'print(open(\".env\").read(), open(\"config.json\", \"rb\").read())'; \
                      tail -c +20 .env; dd if=.env bs=1 skip=30 2>/dev/null; cat /proc/self/mountinfo";
        let mut run = place.run(&["bash", "-c", script]);
        run.env("STRIPE_API_KEY", STRIPE).env("DEPLOY_TOKEN", RAILWAY).env("EDITOR", "vi");
        let called: Called = run.output().unwrap().into();
        assert_eq!(called.status, 0, "{who}: {}", called.stderr);
        assert!(!has_real(&called.stdout), "{who}: {}", called.stdout);
        assert!(!has_real(&called.stderr), "{who}: {}", called.stderr);
        let length = dotenv().len().to_string();
        assert!(called.stdout.lines().any(|line| line == length), "{who}: {}", called.stdout);
        let phantom = |name: &str| {
            let line = called.stdout.lines().find_map(|line| line.strip_prefix(name));
            line.unwrap_or_else(|| panic!("{who}: {name}: {}", called.stdout)).to_owned()
        };
        // The same secret is the same phantom, whichever file or variable it is in.
        let railway = phantom("RAILWAY_API_TOKEN=");
        assert_eq!(
            (railway.len(), phantom("DEPLOY_TOKEN=")),
            (RAILWAY.len(), railway.clone()),
            "{who}"
        );
        assert!(phantom("STRIPE_API_KEY=").starts_with("sk_live_"), "{who}");
        assert!(phantom("DATABASE_URL=").starts_with("postgres://app:"), "{who}");
        assert!(phantom("DATABASE_URL=").ends_with("@db.internal.example.com:5432/app"), "{who}");
        // And the next day.
        let again = place.script("grep RAILWAY .env");
        assert_eq!(again.stdout.trim(), format!("RAILWAY_API_TOKEN={railway}"), "{who}");
        assert_eq!(read(&place, "work/.env"), dotenv(), "{who}");
        // Another workspace has another one.
        write(&place, "elsewhere/.env", &dotenv());
        let mut other = place.run(&["grep", "RAILWAY", ".env"]);
        let other: Called = other.current_dir(place.path("elsewhere")).output().unwrap().into();
        assert!(
            !other.stdout.contains(&railway) && !has_real(&other.stdout),
            "{who}: {}",
            other.stdout
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_would_be_masked_is_listed_and_never_said() {
    for place in places().await {
        let listed = place.call(&["run", "--show-masks"]);
        assert_eq!(listed.status, 0, "{}", listed.stderr);
        for line in
            [".env:2 ", ".env:4 ", ".env:5 ", ".env:6 ", "notes/domains.md:5 ", "config.json:1 "]
        {
            assert!(listed.stdout.contains(line), "{line}: {}", listed.stdout);
        }
        assert!(!has_real(&listed.stdout));
    }
}

/// Each edits `.env`; then it is, outside, what follows.
#[tokio::test(flavor = "multi_thread")]
async fn edits_come_back_with_real_values_in_their_places() {
    let plain = dotenv();
    let port = plain.replace("3000", "4000");
    let edits = [
        ("sed -i s/3000/4000/ .env", port.clone()),
        (
            "cp -p .env .env.new && sed s/3000/4000/ .env > .env.new && mv .env.new .env",
            port.clone(),
        ),
        ("mv .env .env~ && sed s/3000/4000/ .env~ > .env && rm .env~", port.clone()),
        ("echo MORE=1 >> .env", format!("{plain}MORE=1\n")),
        ("text=$(cat .env); echo \"$text\" > .env", plain.clone()),
        (
            "python3 -c 'f = open(\".env\", \"r+\"); t = f.read(); f.seek(0); f.write(t.replace(\"3000\", \"4000\"))'",
            port.clone(),
        ),
        ("sort .env > x && cat x > .env && rm x", {
            let mut lines: Vec<&str> = plain.lines().collect();
            lines.sort_unstable();
            lines.join("\n") + "\n"
        }),
        ("truncate -s 11 .env", "# settings\n".to_owned()),
        ("rm .env", String::new()),
        (
            "git stash -q -u 2>/dev/null; cat .env >/dev/null; git init -q . && git add .env && rm .git -r; sed -i s/3000/4000/ .env",
            port,
        ),
    ];
    for place in places().await {
        let who = place.who();
        for (edit, expect) in &edits {
            write(&place, "work/.env", &plain);
            let called = place.script(&format!("export LC_ALL=C; {edit}"));
            if !served(&called) {
                assert_eq!(read(&place, "work/.env"), plain, "{who}: {edit}");
                continue;
            }
            assert_eq!(called.status, 0, "{who}: {edit}: {}", called.stderr);
            let after = fs::read_to_string(place.path("work/.env")).unwrap_or_default();
            assert_eq!(&after, expect, "{who}: {edit}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_phantom_that_is_taken_elsewhere_stays_one() {
    for place in places().await {
        let who = place.who();
        let script = "cp .env copy.txt; mkdir -p public; grep STRIPE .env > public/index.html; \
            grep JWT_SECRET .env >> config.json; ln .env linked || true; ln -s .env pointer; cat pointer; \
            mv notes/domains.md public/domains.md; \
            { echo '{'; sed -n 's/^RAILWAY_API_TOKEN=\\(.*\\)/\"stripe_secret_key\": \"\\1\"/p' .env; echo '}'; } > public/swapped.json; \
            sed -i \"s/^JWT_SECRET=.*/JWT_SECRET=$(sed -n 's/^RAILWAY_API_TOKEN=//p' .env)/\" .env; \
            cat copy.txt public/* config.json linked 2>/dev/null; cat /proc/self/root/$PWD/.env /proc/$$/cwd/.env";
        let called = place.script(script);
        assert!(!has_real(&called.stdout), "{who}: {}", called.stdout);
        if !served(&called) {
            continue;
        }
        for file in ["copy.txt", "public/index.html", "public/domains.md", "public/swapped.json"] {
            let text = read(&place, &format!("work/{file}"));
            assert!(!has_real(&text), "{who}: {file}: {text}");
            let told = format!("{file} holds a phantom");
            assert!(called.stderr.contains(&told), "{who}: {told}: {}", called.stderr);
        }
        // A secret's own place takes no other one.
        let after = read(&place, "work/.env");
        assert!(after.contains(&format!("RAILWAY_API_TOKEN={RAILWAY}\n")), "{who}: {after}");
        assert!(!after.contains(SIGNING) && after.matches(RAILWAY).count() == 1, "{who}: {after}");
        let config = read(&place, "work/config.json");
        assert!(config.contains(STRIPE) && !config.contains(SIGNING), "{who}: {config}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn secrets_that_come_from_outside_meanwhile_are_masked_too() {
    for place in places().await {
        let who = place.who();
        let mut run = place.run(&["bash", "-c", "echo ready > go; while [ ! -e went ]; do sleep 0.05; done; sleep 1.1; cat .env later.env"]);
        let child = run
            .stdout(std::process::Stdio::piped())
            .stderr(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        let ready = place.path("work/go");
        while !ready.exists() {
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
        // An editor outside saves by renaming, and a new file comes.
        let fresh = "Zp4XwK8sQn2LtVb6RmYc9HdJ";
        write(&place, "work/.env.new", &format!("{}API_SECRET={fresh}\n", dotenv()));
        write(&place, "work/later.env", &format!("OTHER_SECRET_KEY={fresh}\n"));
        fs::rename(place.path("work/.env.new"), place.path("work/.env")).unwrap();
        write(&place, "work/went", "");
        let called: Called = child.wait_with_output().unwrap().into();
        if served(&called) {
            assert_eq!(called.status, 0, "{who}: {}", called.stderr);
            assert!(called.stdout.contains("API_SECRET="), "{who}: {}", called.stdout);
            assert!(
                !has_real(&called.stdout) && !called.stdout.contains(fresh),
                "{who}: {}",
                called.stdout
            );
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_workspace_that_is_served_is_a_workspace() {
    for place in places().await {
        let who = place.who();
        let called = place.script(
            "set -e; mkfifo pipe; (echo through > pipe &); cat pipe; rm pipe; \
             /usr/bin/python3 - <<'END'\n\
import os, socket, mmap, fcntl, tempfile, threading\n\
s = socket.socket(socket.AF_UNIX); s.bind('s.sock'); s.listen()\n\
c = socket.socket(socket.AF_UNIX); c.connect('s.sock'); os.unlink('s.sock')\n\
f = open('mapped', 'w+b'); f.write(b'a' * 8192); f.flush()\n\
m = mmap.mmap(f.fileno(), 8192); m[4096:4100] = b'mmap'; m.flush(); m.close()\n\
assert open('mapped', 'rb').read()[4096:4100] == b'mmap'\n\
fcntl.flock(f, fcntl.LOCK_EX)\n\
os.unlink('mapped'); assert os.fstat(f.fileno()).st_size == 8192; f.seek(0); f.write(b'gone'); f.truncate(10)\n\
t = tempfile.NamedTemporaryFile(dir='.'); t.write(b'x'); t.flush()\n\
name = b'odd\\xff\\n name'; open(name, 'w').write('odd'); os.rename(name, name + b'2'); assert name + b'2' in os.listdir(b'.'); os.unlink(name + b'2')\n\
os.makedirs('deep/' + '/'.join(['d'] * 30)); os.rename('deep', 'moved'); assert os.path.isdir('moved/' + '/'.join(['d'] * 30))\n\
open('one', 'w').write('1'); os.link('one', 'two'); assert os.stat('two').st_nlink == 2; os.unlink('one'); assert open('two').read() == '1'\n\
os.symlink('two', 'three'); assert os.readlink('three') == 'two'; os.chmod('two', 0o750); assert os.stat('two').st_mode & 0o777 == 0o750\n\
os.utime('two', (1, 2)); assert os.stat('two').st_mtime == 2\n\
for n in range(3000): open('many-%d' % n, 'w').close()\n\
assert len([n for n in os.listdir('.') if n.startswith('many-')]) == 3000\n\
def once(p): open(p, 'w').write(p); assert open(p).read() == p; os.unlink(p)\n\
def work(k): [once('w-%d-%d' % (k, n)) for n in range(200)]\n\
ts = [threading.Thread(target=work, args=(k,)) for k in range(8)]; [t.start() for t in ts]; [t.join() for t in ts]\n\
END\n\
             printf '#!/bin/sh\\necho ran\\n' > tool; chmod +x tool; ./tool; umask 077; echo x > private; stat -c %a private; \
             head -c 300000000 /dev/zero > large; cmp -n 300000000 large /dev/zero; stat -c %s large; rm large; \
             tar cf all.tar src .env; tar tf all.tar | wc -l; ls -a | grep -c many-; rm many-*; rm -r moved",
        );
        assert_eq!(called.status, 0, "{who}: {}", called.stderr);
        assert_eq!(
            called.stdout, "through\nran\n600\n300000000\n3\n3000\n",
            "{who}: {}",
            called.stderr
        );
        let tarred = fs::read(place.path("work/all.tar")).unwrap();
        assert!(!has_real(&String::from_utf8_lossy(&tarred)), "{who}");
        let mode = fs::metadata(place.path("work/two")).unwrap();
        assert_eq!(
            std::os::unix::fs::PermissionsExt::mode(&mode.permissions()) & 0o777,
            0o750,
            "{who}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn history_is_masked_under_the_same_names() {
    for place in places().await {
        let who = place.who();
        let outside = |script: &str| -> Called {
            place.outside("bash").args(["-ec", script]).output().unwrap().into()
        };
        // In packs, as bases and as differences, loose, in a stash, in a branch that is gone.
        let made = outside(
            "git init -q -b main .; git add -A; git commit -qm one; \
             for n in $(seq 40); do echo \"LINE_$n=a long enough line of settings number $n\" >> .env; git commit -qam \"n $n\"; done; \
             git gc -q; git checkout -q -b gone; echo \"OTHER_API_KEY=$(sed -n 's/^JWT_SECRET=//p' .env)\" > extra.env; git add extra.env; \
             git commit -qm extra; git checkout -q main; git branch -qD gone; echo >> .env; git stash -q; \
             sed -i /SECRET/d .env; git commit -qam without; git log -p --all --reflog | grep -c RAILWAY > ../elsewhere/count",
        );
        assert_eq!(made.status, 0, "{who}: {}", made.stderr);
        let names =
            outside("git rev-list --objects --all --reflog | sort; git status --short").stdout;
        let called = place.script(
            "git log -p --all --reflog; git stash show -p; for o in $(git cat-file --batch-all-objects --batch-check='%(objectname)'); do git cat-file -p $o; done; \
             git cat-file --batch --batch-all-objects < /dev/null; git grep -h . $(git rev-list --all --reflog); git show HEAD~20:.env; \
             /usr/bin/python3 - <<'END'\n\
import os, zlib\n\
for d, _, fs in os.walk('.git'):\n\
\x20\x20\x20\x20for f in fs:\n\
\x20\x20\x20\x20\x20\x20\x20\x20b = open(os.path.join(d, f), 'rb').read()\n\
\x20\x20\x20\x20\x20\x20\x20\x20at = 0\n\
\x20\x20\x20\x20\x20\x20\x20\x20while at < len(b):\n\
\x20\x20\x20\x20\x20\x20\x20\x20\x20\x20\x20\x20if b[at] == 0x78:\n\
\x20\x20\x20\x20\x20\x20\x20\x20\x20\x20\x20\x20\x20\x20\x20\x20try: print(zlib.decompressobj().decompress(b[at:]).decode('latin-1'))\n\
\x20\x20\x20\x20\x20\x20\x20\x20\x20\x20\x20\x20\x20\x20\x20\x20except zlib.error: pass\n\
\x20\x20\x20\x20\x20\x20\x20\x20\x20\x20\x20\x20at += 1\n\
END",
        );
        if !served(&called) {
            assert!(called.stderr.contains("secrets that can be read"), "{who}: {}", called.stderr);
            let mut third = place.run(&["true"]);
            let third: Called = third.args::<[&str; 0], _>([]).output().unwrap().into();
            assert_eq!(third.status, 0, "{who}: {}", third.stderr);
            let refused =
                outside(&format!("{} run --ring 3 -- true", place.path("holdpoint").display()));
            assert_eq!(refused.status, 3, "{who}: {}", refused.stderr);
            continue;
        }
        let at = all().iter().filter_map(|secret| called.stdout.find(secret)).next();
        let around =
            at.map(|at| &called.stdout[at.saturating_sub(400)..(at + 60).min(called.stdout.len())]);
        assert_eq!(around, None, "{who}");
        assert!(
            called.stdout.contains("LINE_40")
                && called.stdout.matches("RAILWAY_API_TOKEN=").count() > 40,
            "{who}"
        );
        assert!(called.stderr.contains("rotate"), "{who}: {}", called.stderr);
        // The names are the same, work goes on, and outside all is whole.
        let worked = place.script(
            "set -e; git rev-list --objects --all --reflog | sort; git status --short; \
             echo x > new; git add new; git commit -qm new; git checkout -q HEAD~10; git checkout -q main; git gc -q 2>/dev/null || true; git log --oneline | wc -l >&2",
        );
        assert_eq!(worked.status, 0, "{who}: {}", worked.stderr);
        assert_eq!(worked.stdout, names, "{who}");
        let whole = outside(
            "git fsck --full 2>&1 | grep -v -e dangling -e ^notice || true; git log -p --all --reflog | grep -c RAILWAY",
        );
        assert_eq!(whole.stdout, read(&place, "elsewhere/count"), "{who}: {}", whole.stderr);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_committed_is_what_it_is_outside() {
    for place in places().await {
        let who = place.who();
        let outside = |script: &str| -> Called {
            place.outside("bash").args(["-ec", script]).output().unwrap().into()
        };
        let made = outside("git init -q -b main .; git add -A; git commit -qm one");
        assert_eq!(made.status, 0, "{who}: {}", made.stderr);
        let called = place.script(
            "set -e; git status --short; git diff; sed -i s/3000/4000/ .env; git diff --stat; git add .env; git status --short; git diff; \
             git diff --cached | grep '^[-+]PORT'; git commit -qm added; git status --short; \
             sed -i s/4000/5000/ .env; git commit -qam all; git status --short; \
             sed -i s/5000/6000/ .env; git commit -qm one-of .env; git status --short; \
             sed -i s/6000/7000/ .env; git stash -q; grep PORT .env; git stash pop -q; grep PORT .env; git checkout -q .env; \
             git checkout -q HEAD~2; grep PORT .env; git checkout -q main; grep PORT .env; git log -p; git status --short",
        );
        if !served(&called) {
            continue;
        }
        assert_eq!(called.status, 0, "{who}: {}\n{}", called.stderr, called.stdout);
        assert!(!has_real(&called.stdout), "{who}: {}", called.stdout);
        let head = " .env | 2 +-\n 1 file changed, 1 insertion(+), 1 deletion(-)\nM  .env\n-PORT=3000\n+PORT=4000\n\
                    PORT=6000\nPORT=7000\nPORT=4000\nPORT=6000\ncommit ";
        assert!(called.stdout.starts_with(head), "{who}: {}", called.stdout);
        let after = outside(
            "git status --short; git show HEAD:.env; git fsck --full 2>&1 | grep -v -e dangling -e ^notice || true",
        );
        assert_eq!(after.stdout, dotenv().replace("3000", "6000"), "{who}: {}", after.stderr);
        let every = outside(
            "for n in 0 1 2 3; do git show HEAD~$n:.env | grep -c -e RAILWAY_API_TOKEN=7c9e6a3b -e 51Nx8 -e Vq8z -e f3Kq; done",
        );
        assert_eq!(every.stdout, "4\n4\n4\n4\n", "{who}");
        assert_eq!(read(&place, "work/.env"), dotenv().replace("3000", "6000"), "{who}");
    }
}

/// What was read before may still be in the kernel's memory as it was seen then: so each of these moves
/// comes before anything is read.
#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_seen_by_moving_what_nobody_has_read() {
    const UNPACK: &str = r"/usr/bin/python3 - <<'END'
import os, zlib
for d, _, fs in os.walk('.'):
    for f in fs:
        b = open(os.path.join(d, f), 'rb').read()
        print(b.decode('latin-1'))
        for at in range(len(b) if 'pack' in f or len(f) == 38 else 0):
            if b[at] == 0x78:
                try: print(zlib.decompressobj().decompress(b[at:]).decode('latin-1')[:4000])
                except zlib.error: pass
END
";
    for place in places().await {
        let who = place.who();
        let made = place
            .outside("bash")
            .args(["-ec", "git init -q -b main .; git add .env notes src; git commit -qm one; git gc -q; cp -a . ../elsewhere/whole"])
            .output()
            .unwrap();
        assert!(made.status.success(), "{who}");
        for moved in [
            "mv .git/objects .git/o2",
            "mv .git/objects/pack .git/objects/p2",
            "mv .git g2",
            "mv notes n2",
        ] {
            let called = place.script(&format!("{moved}; {UNPACK}"));
            if served(&called) {
                assert!(called.stdout.len() > 1000, "{who}: {moved}: {}", called.stderr);
                assert!(!has_real(&called.stdout), "{who}: {moved}");
            }
            let back = "find . -mindepth 1 -delete; cp -a ../elsewhere/whole/. .";
            assert!(place.outside("bash").args(["-ec", back]).status().unwrap().success());
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_seen_by_moving_what_holds_it() {
    for place in places().await {
        let who = place.who();
        let long = format!("DEPLOY_API_KEY={STRIPE}\n{}", "x".repeat(9_500_000));
        fs::write(place.path("work/long.env"), &long).unwrap();
        let made = place
            .outside("bash")
            .args([
                "-ec",
                "git init -q -b main .; git add .env notes src; git commit -qm one; git gc -q",
            ])
            .output()
            .unwrap();
        assert!(made.status.success(), "{who}");
        let called = place.script(
            "look() { cat long.env other.env .env moved/.env 2>/dev/null | head -c 9000000; git log -p 2>/dev/null; \
             /usr/bin/python3 - <<'END'\n\
import os, zlib\n\
for d, _, fs in os.walk('.'):\n\
\x20\x20\x20\x20for f in fs:\n\
\x20\x20\x20\x20\x20\x20\x20\x20try: b = open(os.path.join(d, f), 'rb').read()\n\
\x20\x20\x20\x20\x20\x20\x20\x20except OSError: continue\n\
\x20\x20\x20\x20\x20\x20\x20\x20for at in range(len(b) if 'pack' in f or len(f) == 38 else 0):\n\
\x20\x20\x20\x20\x20\x20\x20\x20\x20\x20\x20\x20if b[at] == 0x78:\n\
\x20\x20\x20\x20\x20\x20\x20\x20\x20\x20\x20\x20\x20\x20\x20\x20try: print(zlib.decompressobj().decompress(b[at:]).decode('latin-1')[:4000])\n\
\x20\x20\x20\x20\x20\x20\x20\x20\x20\x20\x20\x20\x20\x20\x20\x20except zlib.error: pass\n\
END\n\
             }; look; mv long.env other.env; look; mv .git/objects .git/o2; look; mv .git/o2 .git/objects; \
             mkdir s; mv .git s/; look; mv s/.git .; mkdir moved; mv .env moved/; look; exit 0",
        );
        if !served(&called) {
            continue;
        }
        let at = all().iter().filter_map(|secret| called.stdout.find(secret)).next();
        let around =
            at.map(|at| &called.stdout[at.saturating_sub(200)..(at + 60).min(called.stdout.len())]);
        assert_eq!(around, None, "{who}: {}", called.stderr);
        let kept = ["work/long.env", "work/other.env"].map(|it| fs::metadata(place.path(it)));
        let kept: u64 = kept.into_iter().flatten().map(|found| found.len()).sum();
        assert_eq!(kept, long.len() as u64, "{who}: nothing of it is cut off");
    }
}
