"""The .deb under a real systemd: Debian is booted in a container of systemd-nspawn (package systemd-container), as root."""

import os
import pathlib
import shutil
import socket
import subprocess
import time

import pytest
from conftest import wait_active
from test_deb import chroot, client, free_port, install, later_version, newest, put, read  # noqa: F401


class Machine:
    """A Debian that is running, on the network of this machine."""

    def __init__(self, chroot, log):
        self.chroot, self.log = chroot, log
        with open(log, "wb") as out:
            # Neither registered nor with a unit of its own: the machine of the test need not run systemd.
            self.process = subprocess.Popen(["systemd-nspawn", "--quiet", "--boot", "--register=no", "--keep-unit", "--directory", chroot.folder],
                                            stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT)
        self.leader = None

    def wait_for_boot(self):
        deadline = time.monotonic() + 120
        while True:
            assert self.process.poll() is None and time.monotonic() < deadline, self.log.read_text(errors="replace")
            for child in pathlib.Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split():
                with open(f"/proc/{child}/comm") as comm:
                    if comm.read() == "systemd\n":
                        self.leader = child
            if self.leader:
                # Degraded: a service that is for real machines failed.
                state = self.run("systemctl", "is-system-running", check=False).stdout.strip()
                if state in ("running", "degraded"):
                    return
            time.sleep(0.2)

    def run(self, *command, check=True):
        clean = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8", "DEBIAN_FRONTEND": "noninteractive"}
        done = subprocess.run(["nsenter", "--target", self.leader, "--mount", "--uts", "--ipc", "--pid", "--cgroup", "--", *map(str, command)],
                              env=clean, capture_output=True, text=True, timeout=120, check=False)
        assert not check or done.returncode == 0, f"{command}: {done.returncode}\n{done.stdout}{done.stderr}{self.journal()}"
        return done

    def journal(self):
        return self.run("journalctl", "--no-pager", "-u", "riacho", "-o", "cat", check=False).stdout

    def show(self, name):
        return self.run("systemctl", "show", "riacho", "--value", "-p", name).stdout.strip()

    def wait_until(self, name, value):
        self.wait_for(name, lambda found: found == value)

    def wait_for(self, name, is_right):
        deadline = time.monotonic() + 60
        while not is_right(self.show(name)):
            assert time.monotonic() < deadline, f"{name}={self.show(name)}\n{self.journal()}"
            time.sleep(0.2)

    def end(self):
        if self.process.poll() is None:
            if self.leader:
                os.kill(int(self.leader), 9)  # with its init every process of the container ends
            else:
                self.process.kill()
            self.process.wait(timeout=60)


@pytest.fixture
def machine(chroot, tmp_path):
    """A Debian with the package, whose service listens on .port."""
    if shutil.which("systemd-nspawn") is None:
        pytest.fail("systemd-nspawn is not installed: tools/setup.sh test-package")
    install(chroot, newest("riacho_*_amd64.deb"))
    port = free_port()
    chroot.path("/etc/default/riacho").write_text(f"RIACHO_LISTEN=127.0.0.1:{port}\n")
    running = Machine(chroot, tmp_path / "console")
    running.port = port
    try:
        running.wait_for_boot()
        yield running
    finally:
        running.end()


def test_the_service_lives_under_systemd(machine, client, tmp_path):  # noqa: F811
    machine.wait_until("ActiveState", "active")  # enabled by the installation, and started by the boot
    kinesis = client(machine.port)
    kinesis.create_stream(StreamName="orders", ShardCount=1)
    wait_active(kinesis, "orders")
    put(kinesis, "orders", "one")
    assert machine.show("Type") == "notify" and machine.run("stat", "-c", "%U", "/proc/" + machine.show("MainPID")).stdout.strip() == "riacho"

    # A crash: started again, and nothing is lost. The replay's status is gone when the start is over.
    machine.run("systemctl", "kill", "--signal", "KILL", "riacho")
    machine.wait_until("NRestarts", "1")
    machine.wait_until("ActiveState", "active")
    assert read(kinesis, "orders") == ["one"] and machine.show("StatusText") == ""

    # An upgrade restarts what runs.
    before = machine.show("MainPID")
    shutil.copy(later_version(newest("riacho_*_amd64.deb"), tmp_path), machine.chroot.path("/opt/later.deb"))
    machine.run("dpkg", "-i", "/opt/later.deb")
    machine.wait_until("ActiveState", "active")
    assert machine.show("MainPID") != before
    put(kinesis, "orders", "two")
    assert read(kinesis, "orders") == ["one", "two"]

    # What passes is tried until it is over, not only the five times that systemd allows by itself.
    machine.run("systemctl", "stop", "riacho")
    with socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        taken.bind(("127.0.0.1", machine.port))
        taken.listen()
        assert machine.run("systemctl", "start", "riacho", check=False).returncode == 1
        machine.wait_until("ExecMainStatus", "69")
        machine.wait_for("NRestarts", lambda count: int(count) >= 7)
    machine.wait_until("ActiveState", "active")
    assert read(kinesis, "orders") == ["one", "two"]

    # What a restart cannot help is not repeated.
    settings = machine.chroot.path("/etc/riacho/riacho.toml")
    kept = settings.read_text()
    settings.write_text(kept + 'durability = "maybe"\n')
    assert machine.run("systemctl", "restart", "riacho", check=False).returncode == 1
    assert machine.show("ActiveState") == "failed" and machine.show("ExecMainStatus") == "64"
    assert "durability = 'maybe'" in machine.journal()
    settings.write_text(kept)
    machine.run("systemctl", "start", "riacho")
    machine.run("systemctl", "stop", "riacho")
    assert machine.show("ExecMainStatus") == "0" and machine.show("Result") == "success"

    machine.run("systemctl", "start", "riacho")
    machine.run("dpkg", "-r", "riacho")
    assert machine.run("systemctl", "is-active", "riacho", check=False).stdout.strip() in ("inactive", "unknown")
    machine.run("dpkg", "-P", "riacho")
    assert not machine.chroot.path("/var/lib/riacho").exists()
