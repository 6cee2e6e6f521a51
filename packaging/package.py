"""`make package`: build/package/ with a .deb, a portable tarball and a container image of build/riacho.

The same binary, sources and Debian packages give the same bytes: times are the last commit's (or SOURCE_DATE_EPOCH), names are sorted.
The image is an OCI layout, made without a daemon: two layers, what riacho needs of Debian (glibc, time zones, certificate authorities) and
riacho. It is also readable by `docker load` of any version, because the archive names its parts in Docker's own way too.
"""

import argparse
import gzip
import hashlib
import io
import json
import os
import pathlib
import re
import shlex
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time

root = pathlib.Path(__file__).resolve().parent.parent
here = root / "packaging"
image_bytes_max = 30_000_000
image_user = 65532  # "nonroot" of common base images; a number, because Kubernetes checks that it is not root's
triples = {"amd64": "x86_64-linux-gnu", "arm64": "aarch64-linux-gnu"}
elf_machines = {"amd64": 62, "arm64": 183}
loaders = {"amd64": "lib64/ld-linux-x86-64.so.2", "arm64": "lib/ld-linux-aarch64.so.1"}
# What is linked into the binary; their licences ask to be passed on.
linked_packages = ["libboost1.81-dev", "libcli11-dev", "libfmt-dev", "libnghttp2-dev", "libpcre2-dev", "libsimdjson-dev",
                   "libmimalloc-dev", "libsqlite3-dev", "libssl-dev", "libtomlplusplus-dev", "zlib1g-dev", "libisal-dev",
                   "libstdc++-12-dev"]
shells = {"bash": "usr/share/bash-completion/completions/riacho", "zsh": "usr/share/zsh/vendor-completions/_riacho",
          "fish": "usr/share/fish/vendor_completions.d/riacho.fish"}


class PackageError(Exception):
    """A sentence for whoever packages."""


def output_of(*command):
    return subprocess.run([str(part) for part in command], capture_output=True, text=True, check=True).stdout


def source_version():
    return re.search(r'version = "([^"]+)"', (root / "src/server/version.h").read_text())[1]


def source_time():
    if given := os.environ.get("SOURCE_DATE_EPOCH"):
        return int(given)
    try:
        return int(output_of("git", "-C", root, "log", "-1", "--format=%ct"))
    except (OSError, subprocess.CalledProcessError):
        return 0  # not a clone


def shared_libraries(binary):
    """What the dynamic loader has to find for the binary."""
    return re.findall(r"\(NEEDED\).*\[(.+)\]", output_of("readelf", "-d", binary))


def check_needs(binary):
    """A package is for machines with glibc and nothing else."""
    extra = [name for name in shared_libraries(binary) if not re.fullmatch(r"(libc|libm|ld-linux[-\w]*)\.so\.\d", name)]
    if extra:
        raise PackageError(f"{binary} needs {', '.join(extra)}: run tools/archives.sh, and build it again")


def check_architecture(binary, architecture):
    machine = int.from_bytes(pathlib.Path(binary).read_bytes()[18:20], "little")
    if machine != elf_machines[architecture]:
        raise PackageError(f"{binary} is not for {architecture}")


def glibc_version(binary):
    """The oldest glibc that has everything that the binary asks of it."""
    found = re.findall(r"GLIBC_(\d+)\.(\d+)", output_of("readelf", "-V", binary))
    return ".".join(map(str, max((int(major), int(minor)) for major, minor in found)))


class Tree:
    """Files of an archive by path without the leading slash: {path: (mode, owner, bytes or link target or None)}."""

    def __init__(self, when):
        self.when = when
        self.entries = {}

    def folder(self, path, mode=0o755, owner=0):
        if path and path not in self.entries:
            self.folder(os.path.dirname(path))
            self.entries[path] = ("folder", mode, owner, None)

    def file(self, path, content, mode=0o644):
        self.folder(os.path.dirname(path))
        self.entries[path] = ("file", mode, 0, content.encode() if isinstance(content, str) else content)

    def link(self, path, target):
        self.folder(os.path.dirname(path))
        self.entries[path] = ("link", 0o777, 0, target)

    def tar(self, prefix=""):
        out = io.BytesIO()
        with tarfile.open(fileobj=out, mode="w", format=tarfile.GNU_FORMAT) as archive:
            for path, (kind, mode, owner, content) in sorted(self.entries.items()):
                entry = tarfile.TarInfo(prefix + path)
                entry.mode, entry.uid, entry.gid, entry.mtime = mode, owner, owner, self.when
                entry.type = {"folder": tarfile.DIRTYPE, "file": tarfile.REGTYPE, "link": tarfile.SYMTYPE}[kind]
                if kind == "link":
                    entry.linkname = content
                entry.size = len(content) if kind == "file" else 0
                archive.addfile(entry, io.BytesIO(content) if kind == "file" else None)
        return out.getvalue()

    def write(self, folder):
        for path, (kind, mode, _, content) in sorted(self.entries.items()):
            target = folder / path
            if kind == "folder":
                target.mkdir(exist_ok=True)
            elif kind == "link":
                target.symlink_to(content)
                continue
            else:
                target.write_bytes(content)
            target.chmod(mode)
            os.utime(target, (self.when, self.when))


def compress(data):
    return gzip.compress(data, 9, mtime=0)


def licences(system):
    """Of the Debian at `system`, whose packages the binary was linked with."""
    parts = ["riacho is under the Apache License 2.0 (LICENSE). Its binary contains parts of these Debian packages:\n"]
    for package in linked_packages:
        path = system / "usr/share/doc" / package / "copyright"
        if path.exists():
            parts.append(f"\n{'=' * 80}\n{package}\n{'=' * 80}\n{path.read_text(errors='replace')}")
    return "".join(parts)


class Parts:
    """What all packages are made of."""

    def __init__(self, binary, runner, version, architecture, system, strip):
        self.version, self.architecture, self.when = version, architecture, source_time()
        self.binary = stripped(binary) if strip else pathlib.Path(binary).read_bytes()
        self.glibc = glibc_version(binary)
        self.manual = output_of(*runner, "manual")
        self.completions = {shell: output_of(*runner, "completion", shell) for shell in shells}
        self.licences = licences(system)

    def file(self, name):
        return (here / name).read_text()


def stripped(binary):
    with tempfile.TemporaryDirectory() as folder:
        out = pathlib.Path(folder) / "riacho"
        subprocess.run([shutil.which("llvm-strip-19") or "strip", "--strip-all", "-o", out, binary], check=True)
        return out.read_bytes()


def make_deb(parts, out):
    tree = Tree(parts.when)
    tree.file("usr/bin/riacho", parts.binary, 0o755)
    tree.file("usr/lib/systemd/system/riacho.service", parts.file("riacho.service"))
    tree.file("etc/riacho/riacho.toml", parts.file("riacho.toml"))
    tree.file("usr/share/man/man1/riacho.1.gz", compress(parts.manual.encode()))
    for shell, path in shells.items():
        tree.file(path, parts.completions[shell])
    documents = "usr/share/doc/riacho/"
    tree.file(documents + "copyright", f"Copyright: the authors of riacho\nLicense: Apache-2.0\n On Debian systems the text is in "
              f"/usr/share/common-licenses/Apache-2.0.\n\n{parts.licences}")
    tree.file(documents + "changelog.gz", compress((root / "CHANGELOG.md").read_bytes()))
    tree.file(documents + "examples/compose.yaml", parts.file("compose.yaml"))
    tree.file(documents + "examples/grafana.json", parts.file("grafana/riacho.json"))

    size_kib = sum(len(content) for kind, _, _, content in tree.entries.values() if kind == "file") // 1024
    tree.file("DEBIAN/control", f"""Package: riacho
Version: {parts.version}
Architecture: {parts.architecture}
Maintainer: the authors of riacho <riacho@localhost>
Section: net
Priority: optional
Installed-Size: {size_kib}
Pre-Depends: init-system-helpers
Depends: libc6 (>= {parts.glibc}), passwd, tzdata
Recommends: ca-certificates
Description: Amazon Kinesis that you run yourself
 One durable server for Data Streams, Data Firehose, Data Analytics for SQL and
 Video Streams, which unmodified AWS clients use with another endpoint.
 .
 The package runs it as a service on 127.0.0.1:4566, with its data in
 /var/lib/riacho. Purging the package removes the data.
""")
    tree.file("DEBIAN/conffiles", "/etc/riacho/riacho.toml\n")
    for script in ("postinst", "prerm", "postrm"):
        tree.file(f"DEBIAN/{script}", parts.file(f"debian/{script}"), 0o755)
    package = out / f"riacho_{parts.version}_{parts.architecture}.deb"
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        folder.chmod(0o755)
        tree.write(folder)
        subprocess.run(["dpkg-deb", "--root-owner-group", "-Zxz", "-z6", "--build", folder, package], check=True,
                       stdout=subprocess.DEVNULL, env=os.environ | {"SOURCE_DATE_EPOCH": str(parts.when)})
    return package


def make_tarball(parts, out):
    name = f"riacho-{parts.version}-linux-{parts.architecture}"
    tree = Tree(parts.when)
    tree.file("bin/riacho", parts.binary, 0o755)
    tree.file("share/man/man1/riacho.1", parts.manual)
    for shell, path in shells.items():
        tree.file("share/completions/" + {"bash": "riacho.bash", "zsh": "_riacho", "fish": "riacho.fish"}[shell], parts.completions[shell])
    for file in ("riacho.toml", "riacho.service", "compose.yaml"):
        tree.file(f"share/examples/{file}", parts.file(file))
    for file in ("LICENSE", "README.md", "README.pt-BR.md", "CHANGELOG.md", "SECURITY.md"):
        tree.file(file, (root / file).read_text())
    tree.file("THIRD-PARTY.txt", parts.licences)
    package = out / f"{name}.tar.gz"
    package.write_bytes(compress(tree.tar(prefix=name + "/")))
    return package


def base_layer(system, architecture, when):
    """What riacho needs of Debian: `system` is the root of one, with libc6, tzdata and ca-certificates."""
    tree = Tree(when)
    triple = triples[architecture]
    for folder in ("lib", "lib64", "bin", "sbin"):
        tree.link(folder, f"usr/{folder}")
    tree.folder("usr/lib64")
    loader = loaders[architecture]
    for path in (f"lib/{triple}/libc.so.6", f"lib/{triple}/libm.so.6", f"lib/{triple}/{os.path.basename(loader)}"):
        tree.file(f"usr/{path}", (system / path).resolve().read_bytes(), 0o755)
    # Relative, so that it holds wherever the layer lies.
    tree.link(f"usr/{loader}", os.path.relpath(f"lib/{triple}/{os.path.basename(loader)}", os.path.dirname(loader)))

    zones = system / "usr/share/zoneinfo"
    for path in sorted(zones.rglob("*")):
        name = path.relative_to(zones)
        if name.parts[0] in ("posix", "right", "localtime", "posixrules") or path.is_dir():
            continue
        tree.file(f"usr/share/zoneinfo/{name}", path.resolve().read_bytes())
    authorities = sorted((system / "usr/share/ca-certificates/mozilla").glob("*.crt"))
    if not authorities:
        raise PackageError(f"{system} has no ca-certificates")
    tree.file("etc/ssl/certs/ca-certificates.crt", "".join(path.read_text().rstrip() + "\n" for path in authorities))
    tree.link("usr/lib/ssl/cert.pem", "/etc/ssl/certs/ca-certificates.crt")
    tree.link("usr/lib/ssl/certs", "/etc/ssl/certs")

    tree.file("etc/passwd", f"root:x:0:0:root:/root:/sbin/nologin\nriacho:x:{image_user}:{image_user}:riacho:/var/lib/riacho:/sbin/nologin\n")
    tree.file("etc/group", f"root:x:0:\nriacho:x:{image_user}:\n")
    tree.file("etc/nsswitch.conf", "hosts: files dns\n")
    # So that scanners for vulnerabilities know what is in the image.
    tree.file("etc/os-release", (system / "usr/lib/os-release").read_text())
    for package in ("libc6", "tzdata", "ca-certificates"):
        status = re.search(rf"^Package: {package}\n(?:.+\n)*", (system / "var/lib/dpkg/status").read_text(), re.M)
        tree.file(f"var/lib/dpkg/status.d/{package}", status[0])
        copyright_file = system / "usr/share/doc" / package / "copyright"
        if copyright_file.exists():
            tree.file(f"usr/share/doc/{package}/copyright", copyright_file.read_text())
    tree.folder("tmp", 0o1777)
    tree.folder("var/lib/riacho", 0o700, image_user)
    return tree


def riacho_layer(parts):
    tree = Tree(parts.when)
    tree.file("usr/bin/riacho", parts.binary, 0o755)
    tree.file("usr/share/doc/riacho/copyright", (root / "LICENSE").read_text())
    tree.file("usr/share/doc/riacho/THIRD-PARTY.txt", parts.licences)
    return tree


def image_configuration(parts, layers):
    created = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(parts.when))
    return {
        "created": created, "architecture": parts.architecture, "os": "linux",
        "config": {
            "User": f"{image_user}:{image_user}", "WorkingDir": "/var/lib/riacho",
            "Entrypoint": ["/usr/bin/riacho"], "Cmd": ["serve"], "ExposedPorts": {"4566/tcp": {}},
            "Env": ["PATH=/usr/bin", "RIACHO_DATA_DIR=/var/lib/riacho", "RIACHO_LISTEN=0.0.0.0:4566"],
            # Of Docker's configuration, of which OCI's is a part. Times are in nanoseconds.
            "Healthcheck": {"Test": ["CMD", "/usr/bin/riacho", "health", "--live"], "Interval": 10_000_000_000,
                            "Timeout": 5_000_000_000, "StartPeriod": 60_000_000_000},
            "Labels": {"org.opencontainers.image.title": "riacho", "org.opencontainers.image.version": parts.version,
                       "org.opencontainers.image.licenses": "Apache-2.0",
                       "org.opencontainers.image.description": "Amazon Kinesis that you run yourself"},
        },
        "rootfs": {"type": "layers", "diff_ids": ["sha256:" + hashlib.sha256(layer).hexdigest() for layer in layers]},
        "history": [{"created": created, "created_by": "packaging/package.py", "comment": text}
                    for text in ("glibc, time zones and certificate authorities of Debian", "riacho")],
    }


def make_image(parts, system, out):
    """A tar archive of an OCI image layout: https://github.com/opencontainers/image-spec/blob/main/image-layout.md"""
    blobs = {}

    def put(content, media_type, **more):
        digest = hashlib.sha256(content).hexdigest()
        blobs[f"blobs/sha256/{digest}"] = content
        return {"mediaType": media_type, "digest": f"sha256:{digest}", "size": len(content), **more}

    def encode(value):
        return json.dumps(value, indent=1).encode()

    layers = [base_layer(system, parts.architecture, parts.when).tar(), riacho_layer(parts).tar()]
    configuration = put(encode(image_configuration(parts, layers)), "application/vnd.oci.image.config.v1+json")
    described = [put(compress(layer), "application/vnd.oci.image.layer.v1.tar+gzip") for layer in layers]
    manifest = put(encode({"schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json", "config": configuration,
                           "layers": described}), "application/vnd.oci.image.manifest.v1+json",
                   platform={"architecture": parts.architecture, "os": "linux"},
                   annotations={"org.opencontainers.image.ref.name": parts.version,
                                "io.containerd.image.name": f"docker.io/library/riacho:{parts.version}"})
    tree = Tree(parts.when)
    tree.file("oci-layout", encode({"imageLayoutVersion": "1.0.0"}))
    tree.file("index.json", encode({"schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json", "manifests": [manifest]}))
    # Docker before version 25 reads this file alone.
    path_of = lambda part: "blobs/sha256/" + part["digest"].removeprefix("sha256:")  # noqa: E731
    tree.file("manifest.json", encode([{"Config": path_of(configuration), "RepoTags": [f"riacho:{parts.version}", "riacho:latest"],
                                        "Layers": [path_of(layer) for layer in described]}]))
    for path, content in blobs.items():
        tree.file(path, content)
    package = out / f"riacho-{parts.version}-oci-{parts.architecture}.tar"
    package.write_bytes(tree.tar())
    if package.stat().st_size > image_bytes_max:
        raise PackageError(f"{package.name} has {package.stat().st_size:,} bytes; at most {image_bytes_max:,}")
    return package


def main():
    parser = argparse.ArgumentParser(description="a .deb, a tarball and a container image of a riacho binary")
    parser.add_argument("--binary", type=pathlib.Path, default=root / "build/riacho")
    parser.add_argument("--runner", type=shlex.split, help="a command that runs the binary here, for its manual [the binary]")
    parser.add_argument("--architecture", choices=sorted(triples), default=output_of("dpkg", "--print-architecture").strip())
    parser.add_argument("--system", type=pathlib.Path, default=pathlib.Path("/"),
                        help="the Debian whose glibc goes into the image, and whose libraries into the binary")
    parser.add_argument("--version", default=source_version())
    parser.add_argument("--out", type=pathlib.Path, default=root / "build/package")
    arguments = parser.parse_args()
    try:
        check_architecture(arguments.binary, arguments.architecture)
        check_needs(arguments.binary)
        arguments.out.mkdir(parents=True, exist_ok=True)
        runner = arguments.runner or [arguments.binary]
        parts = Parts(arguments.binary, runner, arguments.version, arguments.architecture, arguments.system, strip=True)
        for package in (make_deb(parts, arguments.out), make_tarball(parts, arguments.out), make_image(parts, arguments.system, arguments.out)):
            print(f"{package.stat().st_size:>12,} bytes  {os.path.relpath(package)}")
    except PackageError as problem:
        sys.exit(f"package: {problem}")


if __name__ == "__main__":
    main()
