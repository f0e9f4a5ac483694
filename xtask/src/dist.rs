//! What is released: the program with its papers, as an archive with `install.sh`, as a Debian
//! package, and the checksums of both.

use std::{
    error::Error,
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::Command,
};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// The whole binary, at the most.
const BINARY_BYTES_MAX: u64 = 60 << 20;
/// Where each shell looks for completions, below a prefix.
const COMPLETIONS: [(&str, &str); 3] = [
    ("bash", "share/bash-completion/completions/holdpoint"),
    ("zsh", "share/zsh/site-functions/_holdpoint"),
    ("fish", "share/fish/vendor_completions.d/holdpoint.fish"),
];

/// Makes what is released of `root` in `out`, from `binary` or from what it builds first; gives
/// the files: the archive, the package, the checksums.
///
/// # Errors
///
/// What could not be built, written or run, and a binary that it built larger than 60 MiB.
pub fn make(root: &Path, binary: Option<&Path>, out: &Path) -> Result<Vec<PathBuf>> {
    let built = match binary {
        Some(binary) => binary.to_owned(),
        None => build(root)?,
    };
    let version = env!("CARGO_PKG_VERSION");
    let name = format!("holdpoint-{version}-x86_64-linux");
    let tree = out.join(&name);
    if tree.exists() {
        fs::remove_dir_all(&tree)?;
    }
    let program = tree.join("bin/holdpoint");
    copy(&built, &program, 0o755)?;
    run(Command::new("strip").arg("--strip-all").arg(&program))?;
    let bytes = fs::metadata(&program)?.len();
    if binary.is_none() && bytes > BINARY_BYTES_MAX {
        let mb = |bytes: u64| bytes >> 20;
        let text = format!("{} MiB are more than {}", mb(bytes), mb(BINARY_BYTES_MAX));
        return Err(text.into());
    }
    papers(root, &program, &tree)?;
    let floor = glibc(&program)?;

    let archive = out.join(format!("{name}.tar.gz"));
    let script = fs::read_to_string(root.join("packaging/install.sh"))?;
    fs::write(tree.join("install.sh"), script.replace("@GLIBC@", &floor))?;
    fs::set_permissions(tree.join("install.sh"), fs::Permissions::from_mode(0o755))?;
    // The same bytes from the same tree: order, owners and times are no news.
    run(Command::new("tar")
        .args(["--sort=name", "--owner=0", "--group=0", "--numeric-owner", "--mtime=@0", "-czf"])
        .arg(&archive)
        .arg("-C")
        .arg(out)
        .arg(&name))?;
    let package = out.join(format!("holdpoint_{version}_amd64.deb"));
    debian(root, &tree, version, &floor, &package)?;
    fs::remove_dir_all(&tree)?;

    let sums = out.join("SHA256SUMS");
    let names = [&archive, &package].map(|file| file.file_name().unwrap_or_default());
    fs::write(&sums, run(Command::new("sha256sum").args(names).current_dir(out))?)?;
    Ok(vec![archive, package, sums])
}

fn build(root: &Path) -> Result<PathBuf> {
    let arguments = ["build", "--release", "--locked", "--package", "holdpoint"];
    run(Command::new(env!("CARGO")).args(arguments).current_dir(root))?;
    let target = std::env::var_os("CARGO_TARGET_DIR").map(PathBuf::from);
    Ok(target.unwrap_or_else(|| root.join("target")).join("release/holdpoint"))
}

/// What is made from the command line itself, and what lies beside it.
fn papers(root: &Path, program: &Path, tree: &Path) -> Result<()> {
    for (shell, place) in COMPLETIONS {
        let text = run(Command::new(program).args(["completions", shell]))?;
        write(&tree.join(place), &text)?;
    }
    run(Command::new(program).arg("__man").arg(tree.join("share/man/man1")))?;
    let documents = [
        ("packaging/systemd/holdpoint.service", "share/systemd/user/holdpoint.service"),
        ("packaging/systemd/holdpoint.socket", "share/systemd/user/holdpoint.socket"),
        ("packaging/apparmor/holdpoint", "share/holdpoint/apparmor"),
        ("README.md", "share/doc/holdpoint/README.md"),
        ("LICENSE", "share/doc/holdpoint/copyright"),
        ("CHANGELOG.md", "share/doc/holdpoint/CHANGELOG.md"),
    ];
    for (from, to) in documents {
        copy(&root.join(from), &tree.join(to), 0o644)?;
    }
    Ok(())
}

/// The same tree below `/usr`, with what Debian wants to know.
fn debian(root: &Path, tree: &Path, version: &str, floor: &str, package: &Path) -> Result<()> {
    let staged = tree.with_extension("deb");
    fs::create_dir_all(&staged)?;
    for part in ["bin", "share"] {
        run(Command::new("cp").arg("-a").arg(tree.join(part)).arg(staged.join(part)))?;
    }
    let usr = staged.join("usr");
    fs::create_dir_all(usr.join("lib/systemd/user"))?;
    for part in ["bin", "share"] {
        fs::rename(staged.join(part), usr.join(part))?;
    }
    let unit = fs::read_to_string(usr.join("share/systemd/user/holdpoint.service"))?;
    let socket = "systemd/user/holdpoint.socket";
    fs::rename(usr.join("share").join(socket), usr.join("lib").join(socket))?;
    fs::remove_dir_all(usr.join("share/systemd"))?;
    fs::write(usr.join("lib/systemd/user/holdpoint.service"), unit.replace("@PREFIX@", "/usr"))?;
    let profile = fs::read_to_string(usr.join("share/holdpoint/apparmor"))?;
    let profile = profile.replace("@BINARY@", "/usr/bin/holdpoint");
    fs::write(usr.join("share/holdpoint/apparmor"), profile)?;

    let control = fs::read_to_string(root.join("packaging/debian/control"))?;
    let control = control.replace("@VERSION@", version).replace("@GLIBC@", floor);
    write(&staged.join("DEBIAN/control"), control.as_bytes())?;
    for script in ["postinst", "postrm"] {
        let from = root.join("packaging/debian").join(script);
        copy(&from, &staged.join("DEBIAN").join(script), 0o755)?;
    }
    run(Command::new("dpkg-deb")
        .args(["--root-owner-group", "-Zxz", "-z2", "--build"])
        .arg(&staged)
        .arg(package))?;
    Ok(fs::remove_dir_all(&staged)?)
}

/// The oldest glibc that the program starts with: the newest version that a symbol of it names.
fn glibc(program: &Path) -> Result<String> {
    let text = String::from_utf8(run(Command::new("readelf").arg("-V").arg(program))?)?;
    let versions = text.split("GLIBC_").skip(1).filter_map(|rest| {
        let version = rest.split(|it: char| !it.is_ascii_digit() && it != '.').next()?;
        let (major, minor) = version.split_once('.')?;
        Some((major.parse::<u32>().ok()?, minor.split('.').next()?.parse::<u32>().ok()?))
    });
    let (major, minor) = versions.max().ok_or("the program names no glibc")?;
    Ok(format!("{major}.{minor}"))
}

fn copy(from: &Path, to: &Path, mode: u32) -> Result<()> {
    write(to, &fs::read(from).map_err(|error| format!("{}: {error}", from.display()))?)?;
    Ok(fs::set_permissions(to, fs::Permissions::from_mode(mode))?)
}

fn write(file: &Path, bytes: &[u8]) -> Result<()> {
    if let Some(directory) = file.parent() {
        fs::create_dir_all(directory)?;
    }
    Ok(fs::write(file, bytes)?)
}

/// What a command prints; what it complains about is seen, and ends everything.
fn run(command: &mut Command) -> Result<Vec<u8>> {
    let named = command.get_program().display().to_string();
    let output = command.output().map_err(|error| format!("{named}: {error}"))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        return Err(format!("{named}: {} {said}", output.status).into());
    }
    Ok(output.stdout)
}
