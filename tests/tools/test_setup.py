"""tools/setup.sh on a machine that lacks packages, with stand-ins for the programs of the system."""

import os
import shutil
import subprocess

import pytest
from conftest import ROOT


@pytest.fixture
def setup(tmp_path):
    """Runs `setup.sh build` as the user with this number; returns what it says and the lines of the programs it called."""
    programs = tmp_path / "bin"
    programs.mkdir()
    for name in ("sh", "dirname", "env", "locale", "sed", "tr", "cat"):
        (programs / name).symlink_to(shutil.which(name))
    calls = tmp_path / "calls"

    def run(user, sudo=None, **environment):
        scripts = {"id": f"echo {user}", "dpkg-query": "exit 1", "dpkg": "echo amd64", "apt-get": f'echo "locale=$LC_ALL apt-get $*" >> {calls}'}
        if sudo:
            scripts["sudo"] = sudo
        for name, script in scripts.items():
            (programs / name).write_text(f"#!/bin/sh\n{script}\n")
            (programs / name).chmod(0o755)
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("LC_", "LANG"))}
        done = subprocess.run(["sh", ROOT / "tools" / "setup.sh", "build"], env=kept | environment | {"PATH": str(programs)}, capture_output=True,
                              text=True, timeout=100, check=False)
        return done.returncode, done.stderr, calls.read_text().splitlines() if calls.exists() else []

    return run


@pytest.mark.parametrize("sudo", [None, "exit 1"], ids=["no sudo", "sudo refuses"])
def test_who_may_not_install_is_told_the_whole_command(setup, sudo):
    status, said, calls = setup(1000, sudo)
    assert status == 1 and not calls
    command = said.splitlines()[-1].split(": ", 2)[2]
    assert command.startswith("apt-get update && apt-get install --no-install-recommends ") and {"clang-19", "cmake", "tzdata"} <= set(command.split())


def test_root_and_sudo_install(setup):
    assert setup(0)[0] == 0
    status, _, calls = setup(1000, '"$@"')
    assert status == 0 and [line.split()[1:3] for line in calls] == [["apt-get", "-qq"]] * 4
    assert "clang-19" in calls[-1]


def test_a_locale_that_is_not_installed_is_not_asked_for(setup):
    """perl, in the scripts of many packages, complains of it at length."""
    _, _, calls = setup(0, LANG="xx_XX.UTF-8", LC_ALL="xx_XX.UTF-8")
    assert {line.split()[0] for line in calls} == {"locale=C.UTF-8"}
