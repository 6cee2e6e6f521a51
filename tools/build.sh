#!/bin/sh
# tools/build.sh {release|arm64|asan|tsan|lint} [TARGET...]: configures build/<name> when needed, then builds.
#   release  what is measured and shipped; leaves build/riacho
#   arm64    the same for arm64, on another machine, with the packages that tools/sysroot.sh has unpacked (Clang)
#   asan     the unit tests under AddressSanitizer and UndefinedBehaviorSanitizer, and the libFuzzer targets (Clang)
#   tsan     unit tests and the server under ThreadSanitizer
#   lint     no binaries: the compilation database and generated headers that clang-tidy reads
set -eu
cd "$(dirname "$0")/.."
name=$1
shift
dir=build/$name
wanted=${CXX:-clang++-19}
# GCC is one program for each target.
if [ "$name" = arm64 ]; then wanted=clang++-19; fi
compiler=$(command -v "$wanted") || {
    echo "build: there is no compiler $wanted" >&2
    exit 1
}

case "$name" in
    release) options="-DCMAKE_BUILD_TYPE=Release -DRIACHO_UNITY=ON" ;;
    arm64) options="-DCMAKE_BUILD_TYPE=Release -DRIACHO_UNITY=ON -DCMAKE_TOOLCHAIN_FILE=$PWD/cmake/arm64.cmake" ;;
    asan)
        options="-DCMAKE_BUILD_TYPE=Asan -DRIACHO_UNITY=ON -DRIACHO_SANITIZE=ON"
        case "$compiler" in *clang*) options="$options -DRIACHO_FUZZ=ON" ;; esac ;;
    tsan) options="-DCMAKE_BUILD_TYPE=Asan -DRIACHO_UNITY=ON -DRIACHO_THREAD_SANITIZE=ON" ;;
    # Precompiled headers of one Clang are not readable by a clang-tidy of another patch level.
    lint) options="-DCMAKE_BUILD_TYPE=Release -DCMAKE_DISABLE_PRECOMPILE_HEADERS=ON" ;;
    *)
        echo "usage: tools/build.sh release|arm64|asan|tsan|lint [TARGET...]" >&2
        exit 64
        ;;
esac

configured=$(sed -n 's/^CMAKE_CXX_COMPILER:[A-Z]*=//p' "$dir/CMakeCache.txt" 2>/dev/null || true)
if [ ! -f "$dir/build.ninja" ] || [ "$configured" != "$compiler" ]; then
    # shellcheck disable=SC2086
    cmake --fresh -S . -B "$dir" -G Ninja --log-level=WARNING -DCMAKE_CXX_COMPILER="$compiler" \
        --no-warn-unused-cli -DCMAKE_CXX_FLAGS_ASAN="-O1 -g1" $options >/dev/null
fi
# Clang refuses a precompiled header when a system header behind it was replaced, even by an older one, which ninja does not see.
# shellcheck disable=SC2012
newest_headers=$(ls -t /var/lib/dpkg/info/*-dev*.list 2>/dev/null | head -n 1)
if [ "$name" = arm64 ]; then newest_headers=build/sysroot-arm64/complete; fi
if [ -n "$newest_headers" ]; then find "$dir" -name '*.pch' ! -newer "$newest_headers" -delete; fi
if [ "$name" = lint ]; then set -- riacho_api_headers; fi
# On a terminal ninja shows its progress in one line; in a log only failures are of interest.
if [ -t 1 ]; then quiet=; else quiet=--quiet; fi
# shellcheck disable=SC2086
ninja -C "$dir" ${JOBS:+-j "$JOBS"} $quiet "$@"
if [ "$name" = release ]; then ln -sfn release/bin/riacho build/riacho; fi
