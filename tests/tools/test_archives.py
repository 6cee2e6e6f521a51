"""tools/archives.sh with stand-ins for apt and the compilers: what it takes for built is built, of the versions that are installed."""

import os
import shutil
import signal
import subprocess

import pytest
from conftest import ROOT

# Each source file holds "NAME VERSION" and a last line; compilers and archivers copy. A stand-in whose name is in `die` kills the run when it
# has done half of its work. As apt-get, the first leaves alone what is unpacked in its folder.
STAND_INS = {
    "dpkg": 'echo amd64',
    "dpkg-query": '''
for argument; do case "$argument" in --admindir=*) admin=${argument#--admindir=} ;; esac; done
case "${admin:-}" in */sysroot/*) cat "$STATE/sysroot-versions" ;; *) cat "$STATE/versions" ;; esac''',
    "apt-get": '''
while [ $# -gt 0 ] && [ "$1" != source ]; do shift; done
[ $# -gt 0 ] || exit 0
shift
for wanted; do
    name=${wanted%%=*} version=${wanted#*=}
    folder=$name-${version%-*}
    if [ -d "$folder" ]; then continue; fi
    mkdir -p "$folder/include" "$folder/src" "$folder/singleheader"
    for file in src/format.cc singleheader/simdjson.cpp src/static.c Makefile.unx; do
        echo "$name $version" >"$folder/$file"
        if [ "$(cat "$STATE/die")" = apt-get ] && [ "$file" = src/format.cc ]; then kill -KILL 0; fi
        echo whole >>"$folder/$file"
    done
done''',
    "clang-19": '''
while [ $# -gt 0 ]; do case "$1" in -c) from=$2; shift ;; -o) to=$2; shift ;; esac; shift; done
cp "$from" "$to"''',
    "llvm-ar-19": '''
shift
to=$1
shift
if [ "$(cat "$STATE/die")" = ar ] && [ -s "$STATE/archived" ]; then kill -KILL 0; fi
echo "$to" >>"$STATE/archived"
cat "$@" >"$to"''',
    "make": '''
while [ $# -gt 0 ]; do case "$1" in -C) from=$2; shift ;; *.a) to=$1 ;; esac; shift; done
cp "$from/Makefile.unx" "${to#lib_name=}"''',
}
VERSIONS = "fmtlib=9.1.0+ds1-2 libisal=2.30.0-5 mimalloc=2.0.9+ds-2 simdjson=3.0.1-1 "
LIBRARIES = {"fmtlib": "libfmt.a", "libisal": "libisal.a", "mimalloc": "libmimalloc.a", "simdjson": "libsimdjson.a"}


class Tree:
    def __init__(self, folder):
        self.folder = folder
        self.bin = folder / "bin"
        self.bin.mkdir()
        (folder / "tools").mkdir()
        shutil.copy(ROOT / "tools" / "archives.sh", folder / "tools")
        for name, script in STAND_INS.items():
            (self.bin / name).write_text(f"#!/bin/sh\nset -eu\n{script}\n")
            (self.bin / name).chmod(0o755)
        (self.bin / "clang++-19").symlink_to("clang-19")

    def run(self, *arguments, versions=VERSIONS, sysroot_versions="", die=""):
        for name, text in {"versions": versions, "sysroot-versions": sysroot_versions, "die": die, "archived": ""}.items():
            (self.folder / name).write_text(text)
        environment = {"PATH": f"{self.bin}:/usr/bin:/bin", "STATE": str(self.folder), "TMPDIR": str(self.folder)}
        # A process group of its own, which is what a stand-in kills.
        done = subprocess.run([self.folder / "tools" / "archives.sh", *arguments], env=environment, start_new_session=True,
                              capture_output=True, text=True, check=False, timeout=60)
        assert done.returncode == (-signal.SIGKILL if die else 0), done.stderr
        return done.stderr

    def built(self, folder="archives"):
        """What each archive is made of; fails if one is not whole."""
        found = {}
        for library in (self.folder / "build" / folder).glob("*.a"):
            made_of, last = library.read_text().splitlines()
            assert last == "whole"
            found[library.name] = made_of.replace(" ", "=")
        return found


def of(versions):
    return {LIBRARIES[entry.split("=")[0]]: entry for entry in versions.split()}


@pytest.fixture
def tree(tmp_path):
    return Tree(tmp_path)


def test_archives_have_the_versions_of_the_headers_and_are_built_once(tree):
    assert "building" in tree.run()
    assert tree.built() == of(VERSIONS)
    assert tree.run() == ""
    assert os.listdir(tree.folder / "build" / "archives" / "src")


def test_sources_that_were_half_unpacked_are_unpacked_again(tree):
    tree.run(die="apt-get")
    tree.run()
    assert tree.built() == of(VERSIONS)


def test_a_run_that_was_killed_between_two_archives_is_not_taken_for_the_one_before(tree):
    newer = VERSIONS.replace("fmtlib=9.1.0+ds1-2", "fmtlib=9.2.0-1").replace("simdjson=3.0.1-1", "simdjson=3.1.0-1")
    tree.run()
    tree.run(versions=newer, die="ar")
    tree.run()
    assert tree.built() == of(VERSIONS)
    tree.run(versions=newer)
    assert tree.built() == of(newer)


def test_a_new_revision_of_the_same_release_is_another_source(tree):
    tree.run()
    revised = VERSIONS.replace("mimalloc=2.0.9+ds-2", "mimalloc=2.0.9+ds-3")
    tree.run(versions=revised)
    assert tree.built() == of(revised)


def test_a_cross_build_takes_the_versions_of_its_sysroot(tree):
    other = "fmtlib=9.9.0-1 libisal=2.30.0-9 mimalloc=2.0.9+ds-9 simdjson=3.0.1-9 "
    tree.run()
    tree.run("arm64", "/nowhere/sysroot", sysroot_versions=other)
    assert tree.built("archives-arm64") == of(other)
    assert tree.built() == of(VERSIONS), "those of this machine stay"
