#!/bin/sh
# tools/archives.sh: builds static libraries of what Debian packages only as shared ones (fmt, simdjson, mimalloc, ISA-L), from Debian's own
# source packages, into build/archives/. CMake links riacho with what it finds there, so the binary then needs glibc alone.
#   tools/archives.sh [ARCHITECTURE [SYSROOT]]   ARCHITECTURE: of Debian, this machine's by default; others go to build/archives-ARCHITECTURE/
# The sources have the versions of the installed headers. Nothing is done if that was built before.
set -eu
cd "$(dirname "$0")/.."
here=$(dpkg --print-architecture)
architecture=${1:-$here}
sysroot=${2:-}
sources=$PWD/build/archives/src
out=$PWD/build/archives
cc=clang-19 cxx=clang++-19 ar=llvm-ar-19
flags="-O2 -DNDEBUG -fPIC -fno-omit-frame-pointer -fstack-protector-strong -D_FORTIFY_SOURCE=2"
if [ "$architecture" != "$here" ]; then
    case "$architecture" in
        arm64) triple=aarch64-linux-gnu ;;
        amd64) triple=x86_64-linux-gnu ;;
        *)
            echo "archives: no compiler target is known for $architecture" >&2
            exit 64
            ;;
    esac
    flags="$flags --target=$triple --sysroot=$sysroot"
    out=$out-$architecture
fi
command -v $ar >/dev/null || ar=ar

# The packages whose headers riacho includes, each with the library it is for.
headers="libfmt-dev libsimdjson-dev libmimalloc-dev"
if [ "$architecture" = amd64 ]; then headers="$headers libisal-dev"; fi
# shellcheck disable=SC2016,SC2086
wanted=$(dpkg-query -W -f '${source:Package}=${source:Version} ' $headers)
if [ "$(cat "$out/built" 2>/dev/null)" = "$wanted $flags" ]; then exit 0; fi

# The repositories that this machine gets its packages from, asked for sources; an apt state of its own leaves the machine's alone.
apt=$PWD/build/archives/apt
mkdir -p "$sources" "$out" "$apt/lists/partial" "$apt/cache/archives/partial"
# shellcheck disable=SC2016
apt-get indextargets --format '$(ORIGIN) deb-src [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $(REPO_URI) $(RELEASE) $(COMPONENT)' \
    'Created-By: Packages' | sed -n 's/^Debian //p' | sort -u >"$apt/sources.list"
fetch() {
    apt-get -qq -o Dir::Etc::sourcelist="$apt/sources.list" -o Dir::Etc::sourceparts=/dev/null -o Dir::State::lists="$apt/lists" \
        -o Dir::Cache="$apt/cache" -o APT::Sandbox::User=root -o Acquire::Languages=none "$@"
}
missing=
for source in $wanted; do
    if [ ! -e "$sources/$source.unpacked" ]; then missing="$missing $source"; fi
done
if [ -n "$missing" ]; then
    echo "archives: fetching the sources of$missing" >&2
    fetch update
    # shellcheck disable=SC2086
    (cd "$sources" && fetch source $missing >/dev/null)
    for source in $missing; do touch "$sources/$source.unpacked"; done
fi

echo "archives: building for $architecture:" $wanted >&2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# archive NAME: what was compiled into $work/NAME/ becomes $out/libNAME.a, whole or not at all.
archive() {
    rm -f "$out/.libnew.a"
    $ar cr "$out/.libnew.a" "$work/$1"/*.o
    mv "$out/.libnew.a" "$out/lib$1.a"
}
# source_of NAME: the folder of that source package.
source_of() {
    version=$(echo "$wanted" | tr ' ' '\n' | sed -n "s/^$1=//p")
    echo "$sources/$1-${version%-*}"
}
mkdir "$work/fmt" "$work/simdjson" "$work/mimalloc"
# shellcheck disable=SC2086
{
    $cxx -std=c++20 $flags -I"$(source_of fmtlib)/include" -c "$(source_of fmtlib)/src/format.cc" -o "$work/fmt/format.o"
    $cxx -std=c++20 $flags -DSIMDJSON_THREADS_ENABLED=1 -I"$(source_of simdjson)/singleheader" -w \
        -c "$(source_of simdjson)/singleheader/simdjson.cpp" -o "$work/simdjson/simdjson.o"
    # One object: whoever takes one of its functions takes malloc and operator new with it.
    $cc -std=gnu11 $flags -DMI_MALLOC_OVERRIDE -DMI_STATIC_LIB -DMI_SKIP_COLLECT_ON_EXIT -fno-builtin-malloc -fvisibility=hidden -ftls-model=initial-exec -w \
        -I"$(source_of mimalloc)/include" -c "$(source_of mimalloc)/src/static.c" -o "$work/mimalloc/static.o"
}
archive fmt
archive simdjson
archive mimalloc
if [ "$architecture" = amd64 ]; then
    make -s -C "$(source_of libisal)" -f Makefile.unx units="igzip crc" CC="$cc -fPIC" AS=nasm have_threads=y O="$work/isal" \
        lib_name="$work/isal.a" "$work/isal.a" >/dev/null
    mv "$work/isal.a" "$out/libisal.a"
fi
echo "$wanted $flags" >"$out/built"
