"""The container image: its layers as a root file system, its configuration obeyed; then in podman. Needs root; skopeo checks the format."""

import hashlib
import io
import json
import os
import pathlib
import resource
import shutil
import subprocess
import tarfile
import tempfile

import pytest
from chroots import Chroot, Service
from test_deb import client, free_port, newest, put, read  # noqa: F401


class Image:
    def __init__(self, archive):
        self.archive = archive
        with tarfile.open(archive) as tar:
            self.files = {member.name: tar.extractfile(member).read() for member in tar if member.isfile()}
        self.index = json.loads(self.files["index.json"])
        self.manifest = json.loads(self.blob(self.index["manifests"][0]))
        self.configuration = json.loads(self.blob(self.manifest["config"]))

    def blob(self, described):
        content = self.files["blobs/" + described["digest"].replace(":", "/")]
        assert len(content) == described["size"] and "sha256:" + hashlib.sha256(content).hexdigest() == described["digest"]
        return content

    def lay_into(self, folder):
        for layer in self.manifest["layers"]:
            with tarfile.open(fileobj=io.BytesIO(self.blob(layer)), mode="r:gz") as tar:
                tar.extractall(folder, filter="tar", numeric_owner=True)
                for member in tar:  # the filter takes group and others their right to write
                    if member.isdir():
                        (folder / member.name).chmod(member.mode)
        return Chroot(folder)


class Podman:
    """A container runtime with a store of its own. What it asks of a whole machine is taken back, so that it also runs in a virtual machine or
    container that allows less: network namespaces, limits above our own, and the mixture of both versions of control groups."""

    def __init__(self, folder):
        self.folder = folder
        self.containers = []

    def run(self, *command, check=True):
        own = ["--root", self.folder / "store", "--runroot", self.folder / "run", "--cgroup-manager", "cgroupfs"]
        script = 'if mountpoint -q /sys/fs/cgroup/unified; then umount /sys/fs/cgroup/unified; fi; exec podman "$@"'
        done = subprocess.run(["unshare", "--mount", "--propagation", "private", "sh", "-c", script, "podman", *map(str, [*own, *command])],
                              capture_output=True, text=True, timeout=120, check=False)
        assert not check or done.returncode == 0, f"{command}: {done.returncode}\n{done.stdout}{done.stderr}"
        return done

    def limits(self):
        return [f"--ulimit={kind}={min(1024, hard)}:{min(1024, hard)}" for kind, hard in
                (("nofile", resource.getrlimit(resource.RLIMIT_NOFILE)[1]), ("nproc", resource.getrlimit(resource.RLIMIT_NPROC)[1]))]

    def start(self, name, *options):
        """As `docker run -d` does, on the network of this machine."""
        self.containers.append(name)
        self.run("run", "--detach", "--name", name, "--network", "host", *self.limits(), *options)

    def end(self):
        for name in self.containers:
            self.run("rm", "--force", "--time", "0", name, check=False)
        self.run("rmi", "--all", "--force", check=False)


@pytest.fixture
def podman():
    if shutil.which("podman") is None:
        pytest.fail("podman is not installed: tools/setup.sh test-package")
    with tempfile.TemporaryDirectory(prefix="riacho-") as folder:  # podman wants a short name
        made = Podman(pathlib.Path(folder))
        try:
            yield made
        finally:
            made.end()
            # It may be left mounted.
            subprocess.run(["umount", made.folder / "store" / "overlay"], capture_output=True, check=False)


@pytest.fixture(scope="module")
def image():
    return Image(newest("riacho-*-oci-amd64.tar"))


@pytest.fixture
def root(image, tmp_path):
    chroot = image.lay_into(tmp_path / "root")
    for mount_point in ("proc", "dev"):  # as a container runtime makes them
        chroot.path(mount_point).mkdir(exist_ok=True)
    yield chroot
    shutil.rmtree(chroot.folder)


class Container:
    """Commands as a runtime would start them: the image's user, variables and folder."""

    def __init__(self, image, chroot, tmp_path, **variables):
        self.config, self.chroot, self.tmp_path = image.configuration["config"], chroot, tmp_path
        self.environment = dict(line.split("=", 1) for line in self.config["Env"]) | variables

    def command(self, *command):
        """The chroot has no setpriv, so the user is changed on the way in."""
        user, group = self.config["User"].split(":")
        folder = str(self.chroot.folder)
        return ["unshare", "--mount", "--propagation", "private", "sh", "-c",
                f'mount -t proc proc "{folder}/proc" && mount --rbind /dev "{folder}/dev" && '
                f'exec /usr/sbin/chroot --userspec={user}:{group} --groups= "{folder}" "$@"', "sh", *command]

    def run(self, *command):
        return subprocess.run(self.command(*command), env=self.environment, capture_output=True, text=True, timeout=60, check=False)

    def start(self):
        outer = self

        class Inside:
            @staticmethod
            def command(*command, proc=True):
                return outer.command(*command)

        service = Service(Inside, [*self.config["Entrypoint"], *self.config["Cmd"]], self.environment, self.tmp_path / "log")
        service.wait_for(b"READY=1")
        return service


def test_the_layout_is_read_by_other_tools(image):
    if shutil.which("skopeo") is None:
        pytest.fail("skopeo is not installed: tools/setup.sh test-package")
    # Both forms of the archive: OCI's, and the one that older versions of Docker load.
    for form in ("oci-archive", "docker-archive"):
        done = subprocess.run(["skopeo", "inspect", "--config", f"{form}:{image.archive}"], capture_output=True, text=True, check=True)
        configuration = json.loads(done.stdout)
        assert configuration["config"]["User"] == "65532:65532" and configuration["config"]["Cmd"] == ["serve"]


def test_it_is_small_and_has_no_shell(image, root):
    assert image.archive.stat().st_size < 30_000_000
    programs = [path for path in root.folder.rglob("*") if path.is_file() and not path.is_symlink() and path.stat().st_mode & 0o111]
    assert {path.name for path in programs} == {"riacho", "libc.so.6", "libm.so.6", "ld-linux-x86-64.so.2"}
    assert image.configuration["config"]["User"].split(":")[0] != "0"
    assert root.path("/usr/share/zoneinfo/America/Sao_Paulo").exists()


def test_without_keys_it_refuses_to_serve_a_network(image, root, tmp_path):
    done = Container(image, root, tmp_path, RIACHO_LISTEN="0.0.0.0:0").run("/usr/bin/riacho", "serve")
    assert done.returncode == 64 and "--insecure" in done.stderr and "sigv4" in done.stderr


def test_it_serves_is_healthy_and_keeps_its_data(image, root, tmp_path, client):  # noqa: F811
    port = free_port()
    container = Container(image, root, tmp_path, RIACHO_LISTEN=f"127.0.0.1:{port}", RIACHO_CREATE_STREAM="orders")
    check = image.configuration["config"]["Healthcheck"]["Test"]
    assert check[0] == "CMD" and container.run(*check[1:]).returncode == 1
    for expected in (["one"], ["one", "two"]):
        service = container.start()
        try:
            assert container.run(*check[1:]).returncode == 0
            put(client(port), "orders", expected[-1])
            assert read(client(port), "orders") == expected
            assert service.stop() == 0
        finally:
            service.end()


def test_it_trusts_the_authorities_of_debian(image, root, tmp_path):
    """An endpoint's certificate is verified against the image's file of authorities, and against nothing else."""
    port = free_port()
    container = Container(image, root, tmp_path, RIACHO_LISTEN=f"127.0.0.1:{port}", RIACHO_CREATE_STREAM="orders")
    tail = ["/usr/bin/riacho", "tail", "orders", "--endpoint", f"https://localhost:{port}"]
    authorities = root.path("/etc/ssl/certs/ca-certificates.crt")
    assert authorities.read_text().count("BEGIN CERTIFICATE") > 100
    service = container.start()
    try:
        refused = container.run(*tail)
        assert refused.returncode == 1 and "certificate" in refused.stderr
        authorities.write_text(authorities.read_text() + root.path("/var/lib/riacho/tls-cert.pem").read_text())
        trusted = container.run(*tail)
        assert trusted.returncode == 0, trusted.stderr
        assert service.stop() == 0
    finally:
        service.end()


def test_a_container_runtime_runs_it(image, podman, client):  # noqa: F811
    """docs/packages.md: loaded under its name, with the flags of packaging/compose.yaml; the health check, keys, the volume, the stop."""
    version = image.archive.name.removeprefix("riacho-").removesuffix("-oci-amd64.tar")
    loaded = podman.run("load", "-i", image.archive)
    assert f"riacho:{version}" in loaded.stdout, loaded.stdout
    port = free_port()
    strict = ["--read-only", "--cap-drop=all", "--security-opt=no-new-privileges", "-v", f"riacho-{os.getpid()}:/var/lib/riacho",
              "-e", f"RIACHO_LISTEN=0.0.0.0:{port}"]
    name = f"riacho:{version}"
    refused = podman.run("run", "--rm", "--network", "host", *podman.limits(), *strict, name, check=False)
    assert refused.returncode == 64 and "--insecure" in refused.stderr and "sigv4" in refused.stderr

    # podman takes no health check from an OCI image, only from Docker's form. It would ask regularly by a timer of systemd.
    health = ["--health-cmd", "CMD /usr/bin/riacho health --live", "--health-interval", "disable"]
    podman.start("first", *health, *strict, "-e", "RIACHO_INSECURE=true", "-e", "RIACHO_CREATE_STREAM=orders", name)
    podman.run("exec", "first", "/usr/bin/riacho", "health", "--wait", "60")
    podman.run("healthcheck", "run", "first")
    put(client(port), "orders", "one")
    podman.run("exec", "first", "riacho", "user", "add", "ana")
    podman.run("stop", "--time", "30", "first")
    assert podman.run("inspect", "--format", "{{.State.ExitCode}}", "first").stdout.strip() == "0"

    podman.start("second", *strict, "-e", "RIACHO_INSECURE=true", name)
    podman.run("exec", "second", "/usr/bin/riacho", "health", "--wait", "60")
    assert read(client(port), "orders") == ["one"] and "ana" in podman.run("exec", "second", "riacho", "user", "list").stdout
