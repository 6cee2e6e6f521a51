"""tools/sysroot.sh with a stand-in for apt, which brings packages made here."""

import shutil
import signal
import subprocess

import pytest
from conftest import ROOT

# As apt-get does, it leaves packages in its cache. Kills the run when the file `die` is there and half of them are.
APT_GET = '''#!/bin/sh
set -eu
for argument; do case "$argument" in Dir::Cache=*) cache=${argument#Dir::Cache=} ;; esac; done
case " $* " in *" install "*) ;; *) exit 0 ;; esac
echo run >>"$STATE/runs"
for package in "$STATE"/packages/*.deb; do
    cp "$package" "$cache/archives/"
    if [ -e "$STATE/die" ]; then kill -KILL 0; fi
done
'''


class Tree:
    def __init__(self, folder):
        self.folder = folder
        self.sysroot = folder / "build" / "sysroot-arm64"
        (folder / "tools").mkdir()
        (folder / "bin").mkdir()
        (folder / "packages").mkdir()
        shutil.copy(ROOT / "tools" / "sysroot.sh", folder / "tools")
        (folder / "bin" / "apt-get").write_text(APT_GET)
        (folder / "bin" / "apt-get").chmod(0o755)

    def package(self, name, files, links):
        tree = self.folder / name
        (tree / "DEBIAN").mkdir(parents=True)
        (tree / "DEBIAN" / "control").write_text(f"Package: {name}\nVersion: 1-2\nArchitecture: arm64\nSource: of-{name} (1-1)\n"
                                                 "Maintainer: x <x@localhost>\nDescription: x\n")
        for path, text in files.items():
            (tree / path).parent.mkdir(parents=True, exist_ok=True)
            (tree / path).write_text(text)
        for path, target in links.items():
            (tree / path).parent.mkdir(parents=True, exist_ok=True)
            (tree / path).symlink_to(target)
        subprocess.run(["dpkg-deb", "--root-owner-group", "--build", tree, self.folder / "packages" / f"{name}.deb"], check=True, capture_output=True)

    def run(self):
        environment = {"PATH": f"{self.folder}/bin:/usr/bin:/bin", "STATE": str(self.folder)}
        return subprocess.run([self.folder / "tools" / "sysroot.sh", "arm64"], env=environment, start_new_session=True, capture_output=True,
                              text=True, check=False, timeout=60)

    def runs(self):
        return (self.folder / "runs").read_text().count("run")


@pytest.fixture
def tree(tmp_path):
    if shutil.which("dpkg-deb") is None:
        pytest.skip("there is no dpkg-deb")
    made = Tree(tmp_path)
    made.package("liba", {"lib/aarch64-linux-gnu/liba.so.1": "library"}, {})
    made.package("liba-dev", {"usr/include/a.h": "header"}, {"usr/lib/aarch64-linux-gnu/liba.so": "/lib/aarch64-linux-gnu/liba.so.1"})
    return made


def test_a_sysroot_is_one_system_whose_links_stay_inside(tree):
    done = tree.run()
    assert done.returncode == 0, done.stderr
    assert (tree.sysroot / "usr/include/a.h").read_text() == "header"
    link = tree.sysroot / "usr/lib/aarch64-linux-gnu/liba.so"
    assert link.read_text() == "library" and link.resolve().is_relative_to(tree.sysroot)
    assert (tree.sysroot / "lib").is_symlink()
    known = subprocess.run(["dpkg-query", f"--admindir={tree.sysroot}/var/lib/dpkg", "-W", "-f", "${source:Package}=${source:Version}", "liba-dev"],
                           capture_output=True, text=True, check=True).stdout
    assert known == "of-liba-dev=1-1"
    assert tree.run().stderr == "" and tree.runs() == 1, "it is there"


def test_what_a_killed_run_left_is_not_taken_for_a_sysroot(tree):
    (tree.folder / "die").touch()
    assert tree.run().returncode == -signal.SIGKILL
    assert not tree.sysroot.exists()
    (tree.folder / "die").unlink()
    assert tree.run().returncode == 0
    assert (tree.sysroot / "usr/include/a.h").exists() and (tree.sysroot / "lib/aarch64-linux-gnu/liba.so.1").exists()


def test_a_sysroot_of_other_packages_is_replaced(tree):
    tree.run()
    script = tree.folder / "tools" / "sysroot.sh"
    script.write_text(script.read_text().replace("zlib1g-dev", "zlib1g-dev one-more"))
    assert tree.run().returncode == 0 and tree.runs() == 2
