# Set-up shared by ./run, ./test and ./bench. POSIX sh; every step is skipped when it is done already.
# Quiet unless something is installed; what is said goes to stderr.

say() { printf '%s\n' "$*" >&2; }


apt_install() {  # installs Debian packages as root or with sudo; with neither it says the one line and ends with 3
    command -v apt-get >/dev/null 2>&1 || { say "This is not Debian. Please install what corresponds to: $*"; exit 3; }
    if [ "$(id -u)" = 0 ]; then as=
    elif command -v sudo >/dev/null 2>&1 && sudo -n true 2>/dev/null; then as="sudo"
    else
        say "Some system packages are missing. Please run this once, then start again:"
        say "  apt-get update && apt-get install -y --no-install-recommends $*"
        exit 3
    fi
    say "Installing system packages: $*"
    $as apt-get update -qq >&2
    $as env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >&2
}

has_library() { ldconfig -p 2>/dev/null | grep -q "$1" || /sbin/ldconfig -p 2>/dev/null | grep -q "$1"; }

find_python() {
    for candidate in ${PYTHON:-} python3 python3.13 python3.12 python3.11; do
        if command -v "$candidate" >/dev/null 2>&1 &&
           "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            PY=$candidate; return 0
        fi
    done
    return 1
}

system_packages() {  # the packages of ./run (and of ./test when the first word is test) that are missing
    missing=
    find_python || missing="python3 python3-venv"
    [ -n "$missing" ] || "$PY" -c 'import ensurepip, venv' 2>/dev/null || missing="python3-venv"
    has_library libpango-1.0 && has_library libpangoft2-1.0 && has_library libharfbuzz-subset ||
        missing="$missing libpango-1.0-0 libpangoft2-1.0-0 libharfbuzz-subset0"
    if [ "${1:-}" = test ]; then
        [ -x "${CHROMIUM:-/usr/bin/chromium}" ] || missing="$missing chromium"
        has_library libatomic.so.1 || missing="$missing libatomic1"
        command -v pdftotext >/dev/null 2>&1 || missing="$missing poppler-utils"
        ls /usr/share/fonts/opentype/noto/NotoSansCJK*.ttc >/dev/null 2>&1 || missing="$missing fonts-noto-cjk"
    fi
    # shellcheck disable=SC2086
    [ -z "$missing" ] || { apt_install $missing; find_python || { say "Python 3.11 or newer is needed."; exit 3; }; }
}

environment() {  # a venv from a hash-locked list, stamped with the list's hash: a half-made one is made again
    lock=$1
    stamp=".venv/.ok-$(sha256sum "$lock" | cut -c1-16)"
    [ -f "$stamp" ] && return 0
    # a test environment holds the same versions and serves ./run as well
    if [ "$lock" = requirements.lock ] && [ -f ".venv/.ok-$(sha256sum requirements-test.lock | cut -c1-16)" ]; then return 0; fi
    say "Preparing the Python environment (once, about half a minute) ..."
    rm -f .venv/.ok-*
    [ -x .venv/bin/python ] && .venv/bin/python -c 'import pip' 2>/dev/null || { rm -rf .venv; "$PY" -m venv .venv; }
    .venv/bin/python -m pip install -q --disable-pip-version-check --require-hashes -r "$lock" >&2
    touch "$stamp"
}

translations() {  # .po is kept, .mo is made
    for po in translations/*/LC_MESSAGES/messages.po; do
        [ -f "$po" ] || continue
        mo="${po%.po}.mo"
        [ "$mo" -nt "$po" ] || .venv/bin/pybabel -q compile -f -i "$po" -o "$mo" >&2
    done
}

setup() {  # setup run | setup test
    mkdir -p instance
    exec 8>instance/.setup.lock
    if command -v flock >/dev/null 2>&1; then flock 8; fi
    system_packages "$1"
    if [ "$1" = test ]; then environment requirements-test.lock; else environment requirements.lock; fi
    translations
    exec 8>&-
    PATH="$PWD/.venv/bin:$PATH"; export PATH
    FLASK_APP=app; export FLASK_APP
    PYTHONDONTWRITEBYTECODE=; export PYTHONDONTWRITEBYTECODE
}
