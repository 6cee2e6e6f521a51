#!/bin/sh
# Installs what a make target needs and is missing: tools/setup.sh {build|run|notebooks|test|clients|package|test-package|arm64|bench|bench-peers}.
# Debian packages through apt (as root or with sudo), a Python environment in .venv, npm packages for tests/js.
# If nothing is missing it only checks, in a fraction of a second.
set -eu
cd "$(dirname "$0")/.."

# perl, in the scripts of many packages, complains at length about a locale that is not installed.
if command -v locale >/dev/null && [ -n "$(locale 2>&1 >/dev/null)" ]; then export LC_ALL=C.UTF-8; fi

build_packages="ccache clang-19 cmake libboost1.81-dev libcli11-dev libfmt-dev libnghttp2-dev libpcre2-dev libsimdjson-dev libmimalloc-dev libsqlite3-dev
 libssl-dev libtomlplusplus-dev lld-19 ninja-build pkg-config python3 tzdata zlib1g-dev"
# Compresses ten times as fast as zlib; packaged for few machines.
case "$(dpkg --print-architecture 2>/dev/null)" in amd64 | arm64) build_packages="$build_packages libisal-dev" ;; esac
run_packages="$build_packages python3-venv"
test_packages="$run_packages awscli chromium clang-format-19 clang-tidy-19 curl ffmpeg fish git libclang-rt-19-dev libgtest-dev llvm-19
 mkvtoolnix openssl strace zsh"
package_packages="$build_packages binutils ca-certificates dpkg-dev llvm-19 nasm xz-utils"
test_package_packages="$package_packages python3-venv crun mmdebstrap podman skopeo systemd-container"
# Compilers and tools of this machine; the libraries of the other are in its sysroot.
arm64_packages="binutils binutils-aarch64-linux-gnu ca-certificates ccache clang-19 cmake dpkg-dev lld-19 llvm-19 ninja-build pkg-config python3 python3-venv
 qemu-user-static xz-utils"
bench_packages="$run_packages fio nghttp2-client nginx-light"

say() { echo "setup: $*" >&2; }

as_root() {
    if [ "$(id -u)" = 0 ]; then
        "$@"
    elif command -v sudo >/dev/null; then
        sudo "$@"
    else
        say "not root, and there is no sudo"
        return 1
    fi
}

# Prints the arguments that dpkg does not list as installed packages.
missing_packages() {
    installed=" $(dpkg-query -W -f '${db:Status-Status} ${Package}\n' "$@" 2>/dev/null | sed -n 's/^installed //p' | tr '\n' ' ')"
    for package in "$@"; do
        case "$installed" in *" $package "*) ;; *) echo "$package" ;; esac
    done
}

install_packages() {
    if ! command -v dpkg-query >/dev/null; then
        say "this is not Debian: the packages have to be there already ($*)"
        return
    fi
    missing=$(missing_packages "$@")
    [ -z "$missing" ] && return
    say "installing" $missing
    if ! as_root true; then
        # shellcheck disable=SC2086
        say "as root run this, then make again: apt-get update && apt-get install --no-install-recommends" $missing
        exit 1
    fi
    as_root apt-get -qq update
    # shellcheck disable=SC2086
    as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq -y --no-install-recommends install $missing >&2
    case "$missing" in
        *nginx*)
            # The package starts a server on port 80, which is stopped; the measurements start their own.
            if [ -d /run/systemd/system ]; then as_root systemctl disable --now nginx; fi ;;
    esac
}

# install_python FILE: the requirements of FILE into .venv, again only when FILE changes.
install_python() {
    stamp=".venv/.installed-$(echo "$1" | tr / -)"
    if [ ! -x .venv/bin/python ]; then
        say "making the Python environment .venv"
        python3 -m venv .venv
    fi
    if [ -f "$stamp" ] && cmp -s "$stamp" "$1"; then return; fi
    say "installing $1 into .venv"
    .venv/bin/python -m pip install --quiet --disable-pip-version-check -r "$1"
    cp "$1" "$stamp"
}

install_npm() {
    [ -f tests/js/package-lock.json ] || return 0
    command -v npm >/dev/null || install_packages nodejs npm
    stamp=tests/js/node_modules/.installed
    if [ -f "$stamp" ] && cmp -s "$stamp" tests/js/package-lock.json; then return; fi
    say "installing tests/js/package-lock.json"
    (cd tests/js && npm ci --silent --no-audit --no-fund)
    cp tests/js/package-lock.json "$stamp"
}

# unpack_package COMMAND PACKAGE: the files of a Debian package below .tools/PACKAGE, without installing it: its service is not
# started. Nothing is done if the command exists.
unpack_package() {
    if command -v "$1" >/dev/null || [ -x ".tools/$2/usr/bin/$1" ] || ! command -v dpkg-deb >/dev/null; then return; fi
    say "unpacking $2 into .tools"
    as_root apt-get -qq update
    folder=$(mktemp -d)
    # Under its name only when it is whole.
    rm -rf ".tools/$2" ".tools/$2.partial"
    if (cd "$folder" && apt-get -qq download "$2" 2>/dev/null) && mkdir -p .tools && dpkg-deb -x "$folder"/*.deb ".tools/$2.partial"; then
        mv ".tools/$2.partial" ".tools/$2"
    else
        say "$2 cannot be had: its tests are skipped"
    fi
    rm -rf "$folder"
}

# install_command COMMAND PACKAGE...: installs the first available package, unless the command exists already.
install_command() {
    if command -v "$1" >/dev/null; then return; fi
    shift
    if command -v apt-cache >/dev/null; then as_root apt-get -qq update; fi
    while [ $# -gt 1 ] && ! apt-cache show "$1" >/dev/null 2>&1; do shift; done
    install_packages "$1"
}

# want_version NAME LEAST HAVE: reports a compiler that is older than the clients need; their tests will fail.
want_version() {
    oldest=$(printf '%s\n%s\n' "$2" "$3" | sort -V | head -n 1)
    [ "$oldest" = "$2" ] || say "$1 is version $3, and its client needs $2 or newer"
}

# shellcheck disable=SC2086
case "${1:-}" in
    build) install_packages $build_packages ;;
    run)
        install_packages $run_packages
        install_python tutorial/requirements.txt
        ;;
    notebooks)
        install_packages python3 python3-venv
        for file in tutorial/requirements.txt tutorial/notebooks.txt; do install_python $file; done
        ;;
    test)
        install_packages $test_packages
        for file in tutorial/requirements.txt tutorial/notebooks.txt; do install_python $file; done
        if [ -f tests/requirements.txt ]; then install_python tests/requirements.txt; fi
        install_npm
        unpack_package promtool prometheus
        ;;
    clients)
        install_packages $test_packages
        install_command javac openjdk-17-jdk-headless
        install_command mvn maven
        install_command go golang-go
        # Debian 12 has its newest Rust under a name of its own, for the browsers it builds.
        install_command cargo cargo-web cargo
        want_version go 1.24 "$(go version | sed 's/.*go\([0-9.]*\) .*/\1/')"
        want_version cargo 1.94.1 "$(cargo --version | cut -d ' ' -f 2)"
        for file in tutorial/requirements.txt tests/requirements.txt tests/sdk/requirements.txt; do install_python $file; done
        ;;
    package) install_packages $package_packages ;;
    test-package)
        install_packages $test_package_packages
        for file in tutorial/requirements.txt tests/requirements.txt; do install_python $file; done
        ;;
    arm64)
        install_packages $arm64_packages
        for file in tutorial/requirements.txt tests/requirements.txt; do install_python $file; done
        ;;
    bench)
        install_packages $bench_packages
        install_python tests/bench/requirements.txt
        ;;
    bench-peers)
        install_packages $bench_packages
        # What the other servers need to be installed and to run; without it the measurement says which ones are missing.
        (install_command npm npm) || say "no npm"
        (install_command java openjdk-17-jre-headless default-jre-headless) || say "no Java"
        (install_command mvn maven) || say "no Maven"
        (install_command cargo cargo-web cargo) || say "no Rust"
        ;;
    *)
        echo "usage: tools/setup.sh build|run|notebooks|test|clients|package|test-package|arm64|bench|bench-peers" >&2
        exit 64
        ;;
esac
