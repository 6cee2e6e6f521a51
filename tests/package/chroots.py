"""Root file systems to try packages in: Debian's, made once with mmdebstrap, and those that the packages themselves are."""

import os
import pathlib
import shlex
import signal
import socket
import subprocess
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
CACHE = ROOT / "build" / "package" / "chroots"
# systemd brings its checker of units; otherwise only what every Debian has, and what the package depends on.
WITH = "systemd,systemd-sysv,tzdata"


def debian(suite, folder):
    """Lays a fresh minimal Debian into `folder`."""
    archive = CACHE / f"{suite}.tar"
    if not archive.exists():
        CACHE.mkdir(parents=True, exist_ok=True)
        partial = CACHE / f"{suite}.partial.tar"
        subprocess.run(["mmdebstrap", "--quiet", "--variant=minbase", f"--include={WITH}", suite, partial], check=True)
        partial.rename(archive)
    folder.mkdir(parents=True)
    subprocess.run(["tar", "-xf", archive, "-C", folder], check=True)
    return Chroot(folder)


class Chroot:
    """Runs programs in a root file system, each in mounts of its own, so that nothing is left mounted."""

    def __init__(self, folder):
        self.folder = folder

    def command(self, *command, proc=True):
        mounts = [f"mount -t proc proc {shlex.quote(str(self.folder))}/proc",
                  f"mount --rbind /dev {shlex.quote(str(self.folder))}/dev"] if proc else []
        script = " && ".join([*mounts, f'exec /usr/sbin/chroot {shlex.quote(str(self.folder))} "$@"'])
        return ["unshare", "--mount", "--propagation", "private", "sh", "-c", script, "sh", *map(str, command)]

    def run(self, *command, check=True, environment=None, proc=True):
        clean = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8", "DEBIAN_FRONTEND": "noninteractive"}
        done = subprocess.run(self.command(*command, proc=proc), capture_output=True, text=True, check=False, timeout=120,
                              env=clean | (environment or {}))
        assert not check or done.returncode == 0, f"{command}: {done.returncode}\n{done.stdout}{done.stderr}"
        return done

    def path(self, name):
        return self.folder / name.lstrip("/")


class Service:
    """A server in a chroot, started as a service manager would: with its user, its variables, and a socket to say READY=1 to."""

    started = 0

    def __init__(self, chroot, command, environment, log, proc=True):
        Service.started += 1
        self.log = log
        path = f"@riacho-package-{os.getpid()}-{Service.started}"
        self.manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.manager.bind(path.replace("@", "\0"))
        self.manager.settimeout(1)
        with open(log, "wb") as out:
            self.process = subprocess.Popen(chroot.command(*command, proc=proc), stderr=out, stdout=out,
                                            env=environment | {"NOTIFY_SOCKET": path})

    def wait_for(self, message, seconds=60):
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            assert self.process.poll() is None, self.log.read_text()
            try:
                if self.manager.recv(256) == message:
                    return
            except TimeoutError:
                pass
        raise AssertionError(f"no {message} within {seconds} s:\n{self.log.read_text()}")

    def stop(self):
        """As systemd does; returns the exit code."""
        self.process.send_signal(signal.SIGTERM)
        assert self.manager.recv(256) == b"STOPPING=1"
        code = self.process.wait(timeout=30)
        self.manager.close()
        return code

    def end(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self.manager.close()
