//! The canary: planted in every place where real life keeps credentials, and found by no reader from
//! inside.

use std::{
    fs::{self, Permissions},
    os::unix::fs::PermissionsExt as _,
    process::{Command, Stdio},
};

use base64::prelude::{BASE64_STANDARD, Engine as _};
use e2e::{enclosed::Enclosed, holdpoint::Called};

const BINARY: &str = env!("CARGO_BIN_EXE_holdpoint-under-test");

/// How a place is planted, as a script outside, in the workspace: `$C` is drawn letters and digits,
/// `$U` a UUID, `$S` a provider's own format, `$J` a signed token, `$B` the base64 of `ada:$C`.
/// Where it is only masked if files are served, it says so.
const PLACES: &[(&str, &str)] = &[
    (".env", "echo RAILWAY_API_TOKEN=$U > .env"),
    (
        "markdown",
        "mkdir -p notes; printf '# Domains\\n\\n    RAILWAY_API_TOKEN=%s railway up\\n' $U > notes/domains.md",
    ),
    (
        "markdown with curl",
        "printf 'curl -H \"Authorization: Bearer %s\" https://api.acme-outdoor.dev/v1\\n' $C > notes/curl.md",
    ),
    ("json", "echo '{\"stripe_secret_key\": \"'$S'\", \"port\": 1}' > config.json"),
    (
        "compose",
        "printf 'services:\\n  db:\\n    environment:\\n      POSTGRES_PASSWORD: %s\\n' $C > compose.yml",
    ),
    (
        "kubeconfig",
        "printf 'users:\\n- name: ada\\n  user:\\n    token: %s\\n' $C > kubeconfig.yml",
    ),
    ("npmrc", "echo //registry.npmjs.org/:_authToken=$U > .npmrc"),
    ("netrc", "echo machine git.acme-outdoor.dev login ada password $C > .netrc"),
    (
        "mcp settings",
        "echo '{\"mcpServers\": {\"db\": {\"command\": \"x\", \"env\": {\"DB_API_KEY\": \"'$C'\"}}}}' > .mcp.json",
    ),
    (
        "mcp headers",
        "mkdir -p .cursor; echo '{\"mcpServers\": {\"a\": {\"headers\": {\"Authorization\": \"Bearer '$C'\"}}}}' > .cursor/mcp.json",
    ),
    ("terraform", "echo 'db_password = \"'$C'\"' > prod.tfvars"),
    ("url", "echo DATABASE_URL=postgres://app:$C@db.acme-outdoor.dev/app > db.env"),
    (
        "url in code",
        "mkdir -p src; echo 'connect(\"postgres://app:'$C'@db.acme-outdoor.dev/app\")' > src/db.py",
    ),
    (
        "private key",
        "printf -- '-----BEGIN PRIVATE KEY-----\\n%s%s%s\\n%s%s\\n-----END PRIVATE KEY-----\\n' $C $C $C $C $C > key.pem",
    ),
    (
        "service account",
        "printf '{\"type\": \"service_account\", \"private_key_id\": \"%s\", \"private_key\": \"-----BEGIN PRIVATE KEY-----\\\\n%s%s%s\\\\n-----END PRIVATE KEY-----\\\\n\"}' 0123456789abcdef0123456789abcdef01234567 $C $C $C > account.json",
    ),
    ("json web token", "echo SESSION=$J > session.env"),
    ("utf-16", "printf 'SHOP_API_TOKEN=%s\\n' $C | iconv -t UTF-16 > windows.env"),
    ("odd name", "echo SHOP_API_TOKEN=$C > \"$(printf 'odd\\n name.env')\""),
    ("binary", "(printf '\\000\\001\\002'; printf %s $S; printf '\\000\\003') > cache.bin"),
    ("script", "printf '#!/bin/sh\\nexport SHOP_API_TOKEN=%s\\n' $C > deploy.sh"),
    ("history of a shell", "echo 'curl -u ada:'$C' https://api.acme-outdoor.dev' > .bash_history"),
    (
        "docker login",
        "mkdir -p .docker; echo '{\"auths\": {\"registry.acme-outdoor.dev\": {\"auth\": \"'$B'\"}}}' > .docker/config.json",
    ),
    (
        "too long to be masked",
        "(echo SHOP_API_TOKEN=$C; head -c 9500000 /dev/zero | tr '\\000' x) > long.env",
    ),
    ("gzip", "echo SHOP_API_TOKEN=$C | gzip > backup.env.gz"),
    (
        "tar in gzip",
        "mkdir -p packed; echo SHOP_API_TOKEN=$C > packed/shop.env; tar czf backup.tgz packed; rm -r packed",
    ),
    (
        "zip",
        "/usr/bin/python3 -c 'import os, zipfile; zipfile.ZipFile(\"backup.zip\", \"w\", zipfile.ZIP_DEFLATED).writestr(\"shop.env\", \"SHOP_API_TOKEN=\" + os.environ[\"C\"] + \"\\n\")'",
    ),
    ("message of a commit", "git commit -q --allow-empty -m 'with SHOP_API_TOKEN='$C"),
    (
        "history of an inner repository",
        "mkdir -p inner; cd inner; git init -q -b main .; echo OLD_API_TOKEN=$C > old.env; git add old.env; git commit -qm old; git rm -q old.env; git commit -qm gone",
    ),
    ("git remote", "git remote add origin https://ada:$C@git.acme-outdoor.dev/shop.git"),
    (
        "git history",
        "echo OLD_API_TOKEN=$C > old.env; git add old.env; git commit -qm old; git rm -q old.env; git commit -qm gone",
    ),
    ("git stash", "echo STASHED_API_TOKEN=$C > base.txt; git stash -q"),
    (
        "git, in no branch",
        "git checkout -q -b side; echo SIDE_API_TOKEN=$C > side.env; git add side.env; git commit -qm side; git checkout -q main; git branch -qD side",
    ),
    ("git, in no commit", "echo LOOSE_API_TOKEN=$C | git hash-object -w --stdin"),
    (
        "git, in a pack",
        "echo PACKED_API_TOKEN=$C > packed.env; git add packed.env; git commit -qm packed; git rm -q packed.env; git commit -qm gone; git repack -qad",
    ),
    ("git notes", "git notes add -m 'NOTED_API_TOKEN='$C HEAD"),
    (
        "git submodule settings",
        "mkdir -p part; git init -q part; git -C part remote add origin https://ada:$C@git.acme-outdoor.dev/part.git",
    ),
    ("a variable", "true"),
    ("another process", "true"),
    (
        "the gateway's memory",
        "printf %s $C | $HOLDPOINT secrets add canary --host api.acme-outdoor.dev --purpose 'rest:read'",
    ),
    (
        "cloud profile",
        "mkdir -p ~/.aws; printf '[default]\\naws_access_key_id = AKIAQ7XW3PZL5MNK2RTV\\naws_secret_access_key = %s\\n' $C > ~/.aws/credentials",
    ),
    (
        "sso of a cloud",
        "mkdir -p ~/.aws/sso/cache; echo '{\"accessToken\": \"'$C'\", \"refreshToken\": \"'$C'r\"}' > ~/.aws/sso/cache/a.json",
    ),
    (
        "kubeconfig of the home",
        "mkdir -p ~/.kube; printf 'users:\\n- user:\\n    token: %s\\n' $C > ~/.kube/config",
    ),
    (
        "docker login of the home",
        "mkdir -p ~/.docker; echo '{\"auths\": {\"registry.acme-outdoor.dev\": {\"auth\": \"'$B'\"}}}' > ~/.docker/config.json",
    ),
    ("npmrc of the home", "echo //npm.acme-outdoor.dev/:_authToken=$C > ~/.npmrc"),
    ("netrc of the home", "echo machine git.acme-outdoor.dev login ada password $C > ~/.netrc"),
    (
        "pip of the home",
        "mkdir -p ~/.config/pip; printf '[global]\\nindex-url = https://ada:%s@pypi.acme-outdoor.dev/simple\\n' $C > ~/.config/pip/pip.conf",
    ),
    (
        "login of gh",
        "mkdir -p ~/.config/gh; printf 'github.com:\\n    oauth_token: %s\\n' $C > ~/.config/gh/hosts.yml",
    ),
    (
        "login of gcloud",
        "mkdir -p ~/.config/gcloud; echo '{\"client_id\": \"x\", \"client_secret\": \"'$C'\", \"refresh_token\": \"1//0'$C'\", \"type\": \"authorized_user\"}' > ~/.config/gcloud/application_default_credentials.json",
    ),
    (
        "the agent's own login",
        "echo '{\"tokens\": {\"access_token\": \"'$J'\", \"refresh_token\": \"rt_'$C'\"}}' > ~/.codex/auth.json",
    ),
    (
        "another agent's login",
        "mkdir -p ~/.claude; echo '{\"claudeAiOauth\": {\"accessToken\": \"sk-ant-oat01-'$C$C'\"}}' > ~/.claude/.credentials.json",
    ),
    (
        "the agent's old transcripts",
        "mkdir -p ~/.codex/sessions/2026/01; echo '{\"output\": \"SHOP_API_TOKEN='$C'\"}' | tee ~/.codex/history.jsonl > ~/.codex/sessions/2026/01/a.jsonl",
    ),
    (
        "another agent's old transcripts",
        "mkdir -p ~/.claude/projects/shop; echo '{\"output\": \"SHOP_API_TOKEN='$C'\"}' > ~/.claude/projects/shop/a.jsonl",
    ),
    (
        "the agent's own settings",
        "printf '[mcp_servers.shop.env]\\nSHOP_API_TOKEN = \"%s\"\\n' $C > ~/.codex/config.toml",
    ),
    ("history of the home", "echo 'export SHOP_API_TOKEN='$C > ~/.bash_history"),
    (
        "key of the home",
        "printf -- '-----BEGIN OPENSSH PRIVATE KEY-----\\n%s%s\\n-----END OPENSSH PRIVATE KEY-----\\n' $C $C > ~/.ssh/id_ed25519",
    ),
    ("passwords of git", "echo https://ada:$C@git.acme-outdoor.dev > ~/.git-credentials"),
];

/// Those that only a served view of files can hide.
const SERVED: &[&str] = &[
    "git history",
    "git stash",
    "git, in no branch",
    "git, in no commit",
    "git, in a pack",
    "git notes",
    "message of a commit",
    "history of an inner repository",
];

/// Every way to read that the issue names; all that is read is said.
const READERS: &str = r##"#!/bin/bash
ulimit -c unlimited
echo == grep; grep -ra '' . ~ /run /tmp /var/tmp /dev/shm 2>/dev/null
echo == env; env; cat /proc/*/environ /proc/*/cmdline 2>/dev/null | tr '\0' '\n'
echo == git; git log -p --all --reflog; git stash list -p; git notes list; git remote -v; git config -l
git cat-file --batch-all-objects --batch < /dev/null
git grep -h '' $(git rev-list --all --reflog) 2>/dev/null
echo == odd; cat /proc/self/mountinfo; cat /proc/self/root/"$PWD"/.env /proc/$$/cwd/.env; dd if=.env bs=1 skip=3 2>/dev/null; tail -c +9 .env; tar cf - . 2>/dev/null | cat
( cp .env /tmp/copied; sleep 30 & child=$!; sleep 0.2; kill -SEGV $child; wait $child; cat core* /tmp/core* /cores/* 2>/dev/null ) 2>/dev/null
/usr/bin/python3 - <<'END'
import glob, gzip, io, os, sys, zipfile, zlib
out = sys.stdout.buffer
for top in (".", os.path.expanduser("~")):
    for directory, _, names in os.walk(top):
        for name in names:
            try: data = open(os.path.join(directory, name), "rb").read()
            except OSError: continue
            if len(data) > 4000000: continue
            out.write(data)
            try: out.write(gzip.decompress(data))
            except (OSError, EOFError, zlib.error): pass
            try:
                packed = zipfile.ZipFile(io.BytesIO(data))
                for inner in packed.namelist(): out.write(packed.read(inner))
            except (zipfile.BadZipFile, OSError, RuntimeError, ValueError): pass
            at, view = data.find(b"\x78"), memoryview(data)
            while at >= 0:
                try: out.write(zlib.decompressobj().decompress(view[at:at + 65536]))
                except zlib.error: pass
                at = data.find(b"\x78", at + 1)
for process in glob.glob("/proc/[0-9]*"):
    try:
        memory = open(process + "/mem", "rb", 0)
        for line in open(process + "/maps"):
            span, rights = line.split()[:2]
            begin, end = (int(part, 16) for part in span.split("-"))
            if "r" not in rights or "w" not in rights or end - begin > 1 << 26: continue
            try: memory.seek(begin); out.write(memory.read(end - begin))
            except (OSError, ValueError, OverflowError): pass
    except OSError: pass
END
echo == done
"##;

/// What is planted in the place of this number.
struct Canary {
    word: String,
    uuid: String,
}

impl Canary {
    fn of(number: usize) -> Self {
        let letter = char::from(b'a' + u8::try_from(number % 26).unwrap());
        Self {
            word: format!("Zk4{number:02}Qx7Vm{letter}Tn8Wb2Lc6Rp3Js5"),
            uuid: format!("7c9e6a3b-58d1-4f0e-a2b7-91d4c3e8f6{number:02}"),
        }
    }

    fn variables(&self) -> [(&'static str, String); 5] {
        let token = format!("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhZGEifQ.{0}{0}", self.word);
        [
            ("C", self.word.clone()),
            ("U", self.uuid.clone()),
            ("S", format!("{}_live_{}", "sk", self.word)),
            ("J", token),
            ("B", self.base64()),
        ]
    }

    fn base64(&self) -> String {
        BASE64_STANDARD.encode(format!("ada:{}", self.word))
    }

    /// Whether it is said, as it is or in the base64 that was planted.
    fn is_in(&self, said: &[u8]) -> bool {
        let wide: Vec<u8> = self.word.encode_utf16().flat_map(u16::to_le_bytes).collect();
        let spellings = [
            self.word.clone().into_bytes(),
            self.uuid.clone().into_bytes(),
            self.base64().into_bytes(),
            wide,
        ];
        spellings.iter().any(|it| memchr::memmem::find(said, it).is_some())
    }
}

fn plant(place: &Enclosed, script: &str, canary: &Canary) {
    let mut command: Command = place.outside("bash");
    command.args(["-ec", script]).env("HOLDPOINT", place.path("holdpoint"));
    let planted: Called = command.envs(canary.variables()).output().unwrap().into();
    assert_eq!(planted.status, 0, "{script}: {}", planted.stderr);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_canary_in_any_of_many_places_is_found_nowhere() {
    assert!(PLACES.len() >= 40);
    for place in Enclosed::each(BINARY).await {
        let who = place.who();
        let start = "git init -q -b main .; mkdir -p notes src; echo base > base.txt; git add -A; git commit -qm one";
        plant(&place, start, &Canary::of(99));
        let canaries: Vec<Canary> = (0..PLACES.len()).map(Canary::of).collect();
        for ((_, script), canary) in PLACES.iter().zip(&canaries) {
            plant(&place, script, canary);
        }
        let of = |name: &str| {
            let at = PLACES.iter().position(|(own, _)| *own == name).unwrap();
            &canaries[at]
        };
        let mut other = place.outside("sleep");
        other.arg("120").env("SHOP_API_TOKEN", &of("another process").word).stdout(Stdio::null());
        let mut other = other.spawn().unwrap();
        fs::write(place.path("work/codex"), READERS).unwrap();
        fs::set_permissions(place.path("work/codex"), Permissions::from_mode(0o755)).unwrap();
        let mut run = place.run(&["./codex"]);
        run.env("SHOP_API_TOKEN", &of("a variable").word);
        let output = run.output().unwrap();
        other.kill().unwrap();
        other.wait().unwrap();
        let (said, told) = (output.stdout, String::from_utf8_lossy(&output.stderr).into_owned());
        assert!(said.ends_with(b"== done\n") && said.len() > 100_000, "{who}: {told}");
        let served = !told.contains("can only be read");
        // All have these in common, as they are and in what else was planted: one look at so much.
        let wide: Vec<u8> = "Qx7Vm".encode_utf16().flat_map(u16::to_le_bytes).collect();
        let marks = [&b"Qx7Vm"[..], b"7c9e6a3b-58d1", b"YWRhOlpr", &wide];
        let around = |at: usize| said[at.saturating_sub(80)..(at + 80).min(said.len())].to_vec();
        let said: Vec<u8> = marks
            .iter()
            .flat_map(|mark| memchr::memmem::find_iter(&said, mark).flat_map(around))
            .collect();
        let found: Vec<&str> = PLACES
            .iter()
            .zip(&canaries)
            .filter(|((name, _), _)| served || !SERVED.contains(name))
            .filter(|(_, canary)| canary.is_in(&said) || canary.is_in(told.as_bytes()))
            .map(|((name, _), _)| *name)
            .collect();
        assert!(found.is_empty(), "{who}: found: {found:#?}");
    }
}
