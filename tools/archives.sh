#!/bin/sh
# tools/archives.sh: builds static libraries of what Debian packages only as shared ones (fmt, simdjson, mimalloc, ISA-L), from Debian's own
# source packages, into build/archives/. CMake links riacho with what it finds there, so the binary then needs glibc alone.
#   tools/archives.sh [ARCHITECTURE [SYSROOT]]   ARCHITECTURE: of Debian, this machine's by default; others go to build/archives-ARCHITECTURE/
# The sources have the versions of the headers: those of SYSROOT (tools/sysroot.sh), or those installed here. Nothing is done if that was
# built before. A run that is interrupted leaves nothing that a later one takes for whole: sources and archives get their names last.
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
case "$architecture" in amd64 | arm64) headers="$headers libisal-dev" ;; esac
# shellcheck disable=SC2016,SC2086
wanted=$(dpkg-query --admindir="$sysroot/var/lib/dpkg" -W -f '${source:Package}=${source:Version} ' $headers)
if [ "$(cat "$out/built" 2>/dev/null)" = "$wanted $flags" ]; then exit 0; fi

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# source_of NAME: the folder of that source package in the wanted version.
source_of() { echo "$sources/$(echo "$wanted" | tr ' ' '\n' | grep "^$1=")"; }

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
    if [ ! -d "$sources/$source" ]; then missing="$missing $source"; fi
done
if [ -n "$missing" ]; then
    echo "archives: fetching the sources of$missing" >&2
    fetch update
    for source in $missing; do
        mkdir "$work/source"
        (cd "$work/source" && fetch source "$source" >/dev/null)
        rm -rf "$sources/$source.partial"
        mv "$work/source"/*/ "$sources/$source.partial"
        mv "$sources/$source.partial" "$sources/$source"
        rm -rf "$work/source"
    done
fi

echo "archives: building for $architecture:" $wanted >&2
mkdir "$work/out" "$work/fmt" "$work/simdjson" "$work/mimalloc"
# shellcheck disable=SC2086
{
    $cxx -std=c++20 $flags -I"$(source_of fmtlib)/include" -c "$(source_of fmtlib)/src/format.cc" -o "$work/fmt/format.o"
    $cxx -std=c++20 $flags -DSIMDJSON_THREADS_ENABLED=1 -I"$(source_of simdjson)/singleheader" -w \
        -c "$(source_of simdjson)/singleheader/simdjson.cpp" -o "$work/simdjson/simdjson.o"
    # One object: whoever takes one of its functions takes malloc and operator new with it.
    $cc -std=gnu11 $flags -DMI_MALLOC_OVERRIDE -DMI_STATIC_LIB -DMI_SKIP_COLLECT_ON_EXIT -fno-builtin-malloc -fvisibility=hidden -ftls-model=initial-exec -w \
        -I"$(source_of mimalloc)/include" -c "$(source_of mimalloc)/src/static.c" -o "$work/mimalloc/static.o"
}
for name in fmt simdjson mimalloc; do $ar cr "$work/out/lib$name.a" "$work/$name"/*.o; done
# Its assembly for arm64 is for GNU's assembler.
case "$architecture" in
    amd64) isal="AS=nasm" ;;
    arm64) isal="arch=aarch64 host_cpu=aarch64" cc="$cc -fno-integrated-as -w" ;;
    *) isal= ;;
esac
if [ "$architecture" != "$here" ]; then cc="$cc --target=$triple --sysroot=$sysroot"; fi
if [ -n "$isal" ]; then
    # shellcheck disable=SC2086
    make -s -C "$(source_of libisal)" -f Makefile.unx units="igzip crc" CC="$cc -fPIC" AR=$ar $isal have_threads=y O="$work/isal" \
        lib_name="$work/isal.a" "$work/isal.a" >/dev/null
    mv "$work/isal.a" "$work/out/libisal.a"
fi

# What is there is of other versions, or of an interrupted run.
rm -f "$out/built" "$out"/*.a
mv "$work/out"/*.a "$out/"
echo "$wanted $flags" >"$work/built"
mv "$work/built" "$out/built"
