# What ./start and ./test need of a machine: Debian or Ubuntu, root or sudo, a Rust toolchain.
# Sourced, not run. Everything installed is named before it is.
# shellcheck shell=bash

readonly RUST_MIN=1.95
readonly CARGO_DENY=0.20.2

# Whether a command is there, and the package that brings it.
readonly COMMANDS=(
    "cc gcc"      # ring and the bundled SQLite are compiled from C
    "curl curl"   # what README.md and docs/ show is called with it
    "jq jq"       # so is this; scripts read refusals with it
    "python3 python3" # a client of the black-box tests, and so is this:
    "pip3 python3-pip" # installs Python's clients for the tests, beside what is built
    "git git"
    "restic restic" # plain restic restores what was saved
    "pg_dump postgresql" # a local database is saved, dropped and brought back
    "mariadb-dump mariadb-client" # so is this one,
    "mariadbd mariadb-server"
    "redis-server redis-server" # and this
    "podman podman" # so are its volumes
    "/lib/systemd/systemd systemd" # starts the gateway as a service, in a namespace of its own
    "unshare util-linux" # a disk that is full, for one process alone
    "faketime faketime" # a clock that steps, for one process alone
    "ssh openssh-client" # what it says inside is a test
    "chromium chromium" # a browser outside opens what is served inside, and runs inside itself
    "bwrap bubblewrap"  # what hears that it cannot mount
    "node nodejs" # real agents, and clients whose words on a refusal are compared: these two,
    "npm npm"
    "kubectl kubernetes-client" # this one,
    "javac default-jdk-headless" # Java's own,
    "go golang-go" # and Go's
)

say() { printf '\n== %s\n' "$*"; }

# Ends with status 3: could not.
give_up() {
    printf '\nerror: %s\n' "$*" >&2
    exit 3
}

as_root() {
    if [[ $(id -u) == 0 ]]; then
        "$@"
    elif ! command -v sudo >/dev/null; then
        give_up "this needs root: $* (run it as root, or install sudo)"
    elif [[ -n ${CI:-} ]]; then
        sudo --non-interactive "$@" || give_up "sudo asked for a password or failed: $*"
    else
        sudo "$@" || give_up "sudo failed: $*"
    fi
}

missing_packages() {
    local entry
    for entry in "${COMMANDS[@]}"; do
        command -v "${entry%% *}" >/dev/null || printf '%s\n' "${entry##* }"
    done
    # Another client, of WebSockets, comes from PyPI into a place of its own.
    python3 -c 'import ensurepip, venv' 2>/dev/null || printf 'python3-venv\n'
    # Java's driver of PostgreSQL comes as an archive of classes.
    [[ -e /usr/share/java/postgresql.jar ]] || printf 'libpostgresql-jdbc-java\n'
    [[ -e /usr/include/stdio.h ]] || printf 'libc6-dev\n'
    [[ -e /etc/ssl/certs/ca-certificates.crt ]] || printf 'ca-certificates\n'
}

need_packages() {
    local packages
    mapfile -t packages < <(missing_packages)
    ((${#packages[@]})) || return 0
    command -v apt-get >/dev/null ||
        give_up "this is neither Debian nor Ubuntu; install by hand what these bring there: ${packages[*]}"
    say "Installing with apt: ${packages[*]}"
    as_root env DEBIAN_FRONTEND=noninteractive apt-get update -q ||
        give_up "apt-get update failed; is the package mirror within reach?"
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends "${packages[@]}" ||
        give_up "apt could not install: ${packages[*]}"
}

need_rust() {
    local found
    command -v cargo >/dev/null || PATH="$HOME/.cargo/bin:$PATH"
    command -v cargo >/dev/null ||
        give_up "there is no Rust toolchain; install Rust $RUST_MIN or newer (https://rustup.rs) and come again"
    found=$(cargo --version | cut -d' ' -f2)
    [[ $(printf '%s\n%s\n' "$RUST_MIN" "$found" | sort -V | head -n1) == "$RUST_MIN" ]] ||
        give_up "Rust $RUST_MIN or newer is needed, this is $found; try: rustup update stable"
}

# OpenSSH's server, unpacked and not installed, so that no server starts on this machine for a test.
need_sshd() {
    local folder
    folder=$(target_folder)/tools/sshd
    [[ -x /usr/sbin/sshd || -x $folder/usr/sbin/sshd ]] && return
    command -v apt-get >/dev/null ||
        give_up "this is neither Debian nor Ubuntu; OpenSSH's server is needed in $folder"
    say "Unpacking with apt and dpkg, into $folder: openssh-server"
    mkdir -p "$folder"
    (
        cd "$folder" && apt-get download -q openssh-server libwrap0 &&
            for package in *.deb; do dpkg-deb -x "$package" . || exit; done && rm -f -- *.deb
    ) || give_up "apt could not fetch openssh-server; try: apt-get update"
}

# Docker's server, unpacked and not installed, for the same reason: tests start one of their own.
need_dockerd() {
    local folder
    folder=$(target_folder)/tools/docker
    [[ -x /usr/bin/dockerd || -x /usr/sbin/dockerd || -x $folder/usr/sbin/dockerd ]] && return
    command -v apt-get >/dev/null ||
        give_up "this is neither Debian nor Ubuntu; Docker's server is needed in $folder"
    say "Unpacking with apt and dpkg, into $folder: docker.io containerd runc"
    mkdir -p "$folder"
    (
        cd "$folder" && apt-get download -q docker.io containerd runc &&
            for package in *.deb; do dpkg-deb -x "$package" . || exit; done && rm -f -- *.deb
    ) || give_up "apt could not fetch docker.io; try: apt-get update"
}

# need_component clippy: a part of the toolchain that cargo calls.
need_component() {
    local component=$1 command=${1#rust}
    cargo "$command" --version >/dev/null 2>&1 && return
    command -v rustup >/dev/null ||
        give_up "\`cargo $command\` is missing, and there is no rustup to add \`$component\` with"
    say "Installing with rustup: $component"
    rustup component add "$component" || give_up "rustup could not add $component"
}

# Where cargo builds, and where the tools go that only this project uses.
target_folder() { printf '%s\n' "${CARGO_TARGET_DIR:-$PWD/target}"; }

# cargo-deny at the pinned version, beside what is built: nobody's own copy is touched. Built
# quickly rather than to be fast: it runs for a second.
need_cargo_deny() {
    local tools
    tools=$(target_folder)/tools
    PATH="$tools/bin:$PATH"
    [[ $(cargo-deny --version 2>/dev/null) == "cargo-deny $CARGO_DENY" ]] && return
    say "Installing with cargo, into $tools: cargo-deny $CARGO_DENY (three minutes on two cores)"
    CARGO_TARGET_DIR=$tools/build CARGO_PROFILE_RELEASE_LTO=off CARGO_PROFILE_RELEASE_OPT_LEVEL=1 \
        CARGO_PROFILE_RELEASE_CODEGEN_UNITS=16 \
        cargo install --quiet --locked --root "$tools" --version "$CARGO_DENY" cargo-deny ||
        give_up "cargo could not install cargo-deny $CARGO_DENY; is crates.io within reach?"
    rm -rf -- "$tools/build"
}
