"""The .deb on fresh Debian 12 and 13: installed, started as its unit says, used, upgraded, removed, purged. Needs root and mmdebstrap."""

import configparser
import io
import os
import re
import shlex
import shutil
import socket
import subprocess
import tarfile

import boto3
import pytest
from chroots import ROOT, Service, debian
from conftest import read_all, wait_active

PACKAGES = ROOT / "build" / "package"
GOLDEN = ROOT / "tests" / "golden"


def newest(pattern):
    found = sorted(PACKAGES.glob(pattern), key=os.path.getmtime)
    assert found, f"make package has not made a {pattern}"
    return found[-1]


def later_version(package, folder):
    """The same package, one version on."""
    tree = folder / "tree"
    subprocess.run(["dpkg-deb", "-R", package, tree], check=True)
    control = tree / "DEBIAN" / "control"
    text = control.read_text()
    control.write_text(re.sub(r"^Version: (.*)$", r"Version: \1+1", text, flags=re.M))
    later = folder / "later.deb"
    subprocess.run(["dpkg-deb", "--root-owner-group", "-Zgzip", "-z1", "--build", tree, later], check=True, capture_output=True)
    shutil.rmtree(tree)
    return later


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Unit:
    """What systemd would make of riacho.service."""

    def __init__(self, chroot, tmp_path):
        self.chroot, self.tmp_path = chroot, tmp_path
        parser = configparser.RawConfigParser(strict=False)
        parser.optionxform = str
        parser.read_file(io.StringIO(chroot.path("/usr/lib/systemd/system/riacho.service").read_text()))
        self.settings = parser["Service"]

    def start(self):
        variables = {"PATH": "/usr/bin:/bin"}
        for line in self.chroot.path(self.settings["EnvironmentFile"].lstrip("-")).read_text().splitlines():
            name, _, value = line.partition("=")
            variables[name] = value
        drop = ["setpriv", "--reuid", self.settings["User"], "--regid", self.settings["Group"], "--init-groups", "--no-new-privs",
                "--bounding-set=-all", "--inh-caps=-all"]
        service = Service(self.chroot, [*drop, *shlex.split(self.settings["ExecStart"])], variables, self.tmp_path / "log")
        service.wait_for(b"READY=1")
        return service


@pytest.fixture(params=["bookworm", "trixie"])
def chroot(request, tmp_path):
    made = debian(request.param, tmp_path / "root")
    yield made
    shutil.rmtree(made.folder)


@pytest.fixture
def client():
    """client(port): a Kinesis client of the server there."""
    def make(port):
        return boto3.client("kinesis", endpoint_url=f"http://127.0.0.1:{port}", region_name="us-east-1", aws_access_key_id="k",
                            aws_secret_access_key="s")
    return make


def install(chroot, package, *options):
    shutil.copy(package, chroot.path("/tmp/riacho.deb"))
    return chroot.run("dpkg", *options, "-i", "/tmp/riacho.deb")


def owner_of(chroot, path):
    return chroot.run("stat", "-c", "%U:%G %a", path).stdout.strip()


def put(kinesis, stream, text):
    return kinesis.put_record(StreamName=stream, Data=text, PartitionKey="k")["SequenceNumber"]


def read(kinesis, stream):
    return [record["Data"].decode() for record in read_all(kinesis, stream)]


def test_install_use_upgrade_remove_purge(chroot, client, tmp_path):
    package = newest("riacho_*_amd64.deb")
    install(chroot, package)
    assert owner_of(chroot, "/var/lib/riacho") == "riacho:riacho 700"
    assert chroot.run("getent", "passwd", "riacho").stdout.strip().endswith(":/var/lib/riacho:/usr/sbin/nologin")
    assert chroot.path("/etc/systemd/system/multi-user.target.wants/riacho.service").is_symlink()
    assert chroot.run("dpkg", "--verify", "riacho").stdout == ""
    assert "not found" not in chroot.run("ldd", "/usr/bin/riacho").stdout
    chroot.run("bash", "-n", "/usr/share/bash-completion/completions/riacho")

    port = free_port()
    chroot.path("/etc/default/riacho").write_text(f"RIACHO_LISTEN=127.0.0.1:{port}\n")
    unit = Unit(chroot, tmp_path)
    service = unit.start()
    try:
        kinesis = client(port)
        kinesis.create_stream(StreamName="orders", ShardCount=1)
        wait_active(kinesis, "orders")
        put(kinesis, "orders", "before the upgrade")
        assert read(kinesis, "orders") == ["before the upgrade"]
        assert service.stop() == 0
    finally:
        service.end()
    assert owner_of(chroot, "/var/lib/riacho/keyring") == "riacho:riacho 600"

    # An upgrade keeps the administrator's settings, the data, and that the service was disabled.
    settings = chroot.path("/etc/riacho/riacho.toml")
    settings.write_text(settings.read_text() + 'region = "sa-east-1"\n')
    chroot.run("systemctl", "disable", "riacho.service")
    install(chroot, later_version(package, tmp_path), "--force-confdef", "--force-confold")
    assert chroot.run("dpkg-query", "-W", "-f", "${Version}", "riacho").stdout.endswith("+1")
    assert 'region = "sa-east-1"' in settings.read_text()
    assert not chroot.path("/etc/systemd/system/multi-user.target.wants/riacho.service").is_symlink()
    service = Unit(chroot, tmp_path).start()
    try:
        put(client(port), "orders", "after the upgrade")
        assert read(client(port), "orders") == ["before the upgrade", "after the upgrade"]
        assert service.stop() == 0
    finally:
        service.end()

    chroot.run("dpkg", "-r", "riacho")
    assert not chroot.path("/usr/bin/riacho").exists() and settings.exists()
    assert chroot.path("/var/lib/riacho/catalog.sqlite").exists()
    chroot.run("dpkg", "-P", "riacho")
    assert not chroot.path("/var/lib/riacho").exists() and not chroot.path("/etc/riacho").exists()
    # It may own files elsewhere, and may have been there before.
    assert chroot.run("getent", "passwd", "riacho").returncode == 0
    assert not list(chroot.path("/etc/systemd").rglob("riacho*"))


def test_a_mount_point_is_emptied_by_a_purge(chroot):
    install(chroot, newest("riacho_*_amd64.deb"))
    chroot.run("sh", "-c", "mount -t tmpfs none /var/lib/riacho && mkdir /var/lib/riacho/data && touch /var/lib/riacho/data/left && "
               "dpkg -P riacho && test -z \"$(ls -A /var/lib/riacho)\"")
    assert chroot.run("dpkg-query", "-W", "riacho", check=False).returncode != 0


def test_a_directory_of_the_first_version_is_opened(chroot, client, tmp_path):
    """tests/golden: what the first version wrote, put where the package looks."""
    install(chroot, newest("riacho_*_amd64.deb"))
    with tarfile.open(GOLDEN / "data-directory-v1.tar.xz") as archive:
        archive.extractall(chroot.path("/var/lib/riacho"), filter="data")
    chroot.run("chown", "-R", "riacho:riacho", "/var/lib/riacho")
    port = free_port()
    chroot.path("/etc/default/riacho").write_text(f"RIACHO_LISTEN=127.0.0.1:{port}\n")
    service = Unit(chroot, tmp_path).start()
    try:
        assert set(client(port).list_streams()["StreamNames"]) == {"plain", "sealed", "load", "last"}
        assert service.stop() == 0
    finally:
        service.end()
    chroot.run("riacho", "verify", "--data-dir", "/var/lib/riacho")


def test_the_unit_is_valid_and_confined(chroot):
    install(chroot, newest("riacho_*_amd64.deb"))
    checked = chroot.run("systemd-analyze", "verify", "--man=no", "/usr/lib/systemd/system/riacho.service")
    assert "riacho.service" not in checked.stdout + checked.stderr
    # 100 is a process that may do everything; above 20 is what systemd calls anything but "OK".
    chroot.run("systemd-analyze", "security", "--offline=true", "--no-pager", "--threshold=20", "riacho.service")


def test_the_tarball_needs_nothing_but_glibc(chroot, client, tmp_path):
    """Without the package, and without what it depends on beside the C library."""
    archive = newest("riacho-*-linux-amd64.tar.gz")
    with tarfile.open(archive) as tar:
        tar.extractall(chroot.path("/opt"), filter="data")
    binary = "/opt/" + archive.name.removesuffix(".tar.gz") + "/bin/riacho"
    assert "not found" not in chroot.run("ldd", binary).stdout
    port = free_port()
    service = Service(chroot, [binary, "serve", "--listen", f"127.0.0.1:{port}", "--data-dir", "/var/data", "--create-stream", "a"], {},
                      tmp_path / "log")
    try:
        service.wait_for(b"READY=1")
        put(client(port), "a", "first")
        assert read(client(port), "a") == ["first"]
        assert service.stop() == 0
    finally:
        service.end()
    assert (chroot.path("/opt") / archive.name.removesuffix(".tar.gz") / "THIRD-PARTY.txt").stat().st_size > 10_000
