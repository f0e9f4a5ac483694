#!/usr/bin/env bash
# Installs Holdpoint from this folder: for you alone, or, as root, for everybody on this machine.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

usage() {
    cat <<'END'
Usage: ./install.sh [--prefix DIR]

Copies bin/ and share/ below DIR, and writes down what it copied for `holdpoint uninstall`.
  --prefix DIR   [default: ~/.local; as root /usr/local]
Exit status: 0 done, 2 called wrongly, 3 could not.
END
}

give_up() {
    printf 'error: %s\n' "$*" >&2
    exit 3
}

prefix=${HOME:-}/.local
[[ $(id -u) == 0 ]] && prefix=/usr/local
while (($#)); do
    case $1 in
        --prefix) [[ -n ${2:-} ]] || { usage >&2 && exit 2; }; prefix=$2; shift 2 ;;
        -h | --help) usage && exit 0 ;;
        *) usage >&2 && exit 2 ;;
    esac
done
[[ $prefix == /* ]] || give_up "--prefix has to begin at the root: $prefix"

bin/holdpoint --version >/dev/null 2>&1 ||
    give_up "this binary does not start here: it needs 64-bit x86 Linux with glibc @GLIBC@ or newer"

# Old and new lists together: what an older version put and this one does not is still taken back.
list=$prefix/share/holdpoint/installed
files=$(find bin share -type f | sort)
install -d -m 755 "$prefix/share/holdpoint" || give_up "cannot write below $prefix"
while IFS= read -r file; do
    # Replaced as a whole: a gateway that runs keeps the binary that it began with.
    mode=644
    [[ $file == bin/* ]] && mode=755
    install -d -m 755 "$prefix/$(dirname "$file")"
    install -m "$mode" "$file" "$prefix/$file.new"
    mv "$prefix/$file.new" "$prefix/$file"
done <<<"$files"
unit=$prefix/share/systemd/user/holdpoint.service
sed "s|@PREFIX@|$prefix|" share/systemd/user/holdpoint.service >"$unit"
{ cat "$list" 2>/dev/null || true; printf '%s\n' "$files"; } | sort -u >"$list.new"
mv "$list.new" "$list"

printf 'Holdpoint is installed: %s\n' "$prefix/bin/holdpoint"
case :$PATH: in
    *:"$prefix/bin":*) ;;
    *) printf 'It is not on your path yet: export PATH="%s/bin:$PATH"\n' "$prefix" ;;
esac
cat <<'END'
Now:    holdpoint doctor             what works on this machine, and the mend of what does not
        holdpoint run -- claude      your agent, enclosed; starts the gateway if none runs
Later:  holdpoint uninstall          takes everything back
END
if [[ -d /run/systemd/system ]]; then
    echo 'If you like: systemctl --user enable --now holdpoint.socket   the gateway as a service, once it is needed'
fi
