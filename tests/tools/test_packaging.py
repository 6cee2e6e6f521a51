"""packaging/ and examples/ without building a package: that is `make test-package`."""

import io
import os
import re
import subprocess
import sys
import tarfile

import pytest
import yaml
from conftest import BINARY, ROOT

sys.path.insert(0, str(ROOT / "packaging"))

import package  # noqa: E402

PACKAGING = ROOT / "packaging"


def settings_of(*flags, **variables):
    """What `riacho config` prints; fails on a warning of a variable that is no setting."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("RIACHO_")}
    done = subprocess.run([BINARY, "config", *flags], capture_output=True, text=True, check=False, env=clean | variables)
    assert done.returncode == 0 and done.stderr == "", done.stderr
    return done.stdout


def test_a_binary_that_needs_more_than_glibc_is_refused():
    package.check_needs("/bin/true")
    with pytest.raises(package.PackageError, match="libtinfo"):
        package.check_needs("/bin/bash")


def test_a_binary_of_another_architecture_is_refused():
    here, other = ("arm64", "amd64") if os.uname().machine == "aarch64" else ("amd64", "arm64")
    package.check_architecture("/bin/true", here)
    with pytest.raises(package.PackageError, match=f"not for {other}"):
        package.check_architecture("/bin/true", other)


@pytest.mark.parametrize("architecture", sorted(package.triples))
def test_the_loader_of_the_image_is_found_wherever_its_layer_lies(architecture, tmp_path):
    system = tmp_path / "system"
    libraries = f"lib/{package.triples[architecture]}/"
    files = {libraries + "libc.so.6": "c", libraries + "libm.so.6": "m", libraries + os.path.basename(package.loaders[architecture]): "loader",
             "usr/share/zoneinfo/UTC": "zone", "usr/share/ca-certificates/mozilla/a.crt": "authority", "usr/lib/os-release": "Debian",
             "var/lib/dpkg/status": "".join(f"Package: {name}\n\n" for name in ("libc6", "tzdata", "ca-certificates"))}
    for path, text in files.items():
        (system / path).parent.mkdir(parents=True, exist_ok=True)
        (system / path).write_text(text)
    root = tmp_path / "root"
    root.mkdir()
    package.base_layer(system, architecture, 0).write(root)
    assert (root / package.loaders[architecture]).read_text() == "loader"
    assert (root / package.loaders[architecture]).resolve().is_relative_to(root)


def test_a_sysroot_has_what_the_image_takes_of_a_system():
    wanted = re.search(r'^wanted="([^"]+)"', (ROOT / "tools" / "sysroot.sh").read_text(), re.M)[1].split()
    assert {"libc6", "tzdata", "ca-certificates", "base-files"} <= set(wanted), "base-files has os-release"


def test_archives_have_no_trace_of_who_made_them():
    def make():
        tree = package.Tree(1_000_000_000)
        tree.file("usr/bin/riacho", b"binary", 0o755)
        tree.link("bin", "usr/bin")
        tree.folder("var/lib/riacho", 0o700, 65532)
        return package.compress(tree.tar())

    assert make() == make()
    with tarfile.open(fileobj=io.BytesIO(make())) as archive:
        members = {member.name: member for member in archive}
    assert {(member.mtime, member.uname) for member in members.values()} == {(1_000_000_000, "")}
    assert members["usr/bin/riacho"].mode == 0o755 and members["usr/bin/riacho"].uid == 0
    assert members["var/lib/riacho"].mode == 0o700 and members["var/lib/riacho"].uid == 65532
    assert members["bin"].linkname == "usr/bin"
    assert list(members) == sorted(members), "a folder comes before what is in it"


def test_the_unit_knows_the_exit_codes():
    unit = (PACKAGING / "riacho.service").read_text()
    header = (ROOT / "src/base/exit_code.h").read_text()
    codes = {name: int(code) for name, code in re.findall(r"exit_(\w+) = (\d+)", header)}
    final = sorted(codes[name] for name in ("usage", "damaged", "keyring", "configuration"))
    assert f"RestartPreventExitStatus={' '.join(map(str, final))}\n" in unit
    assert "\nType=notify\n" in unit


def test_the_settings_file_is_valid_with_every_line_in_use(tmp_path):
    text = (PACKAGING / "riacho.toml").read_text()
    assert "/var/lib/riacho" in settings_of("--config", str(PACKAGING / "riacho.toml"))
    used = tmp_path / "all.toml"
    # listen stands there twice: for this machine, and for others.
    used.write_text(re.sub(r"^# ([a-z0-9-]+ = )", r"\1", text.replace('listen = "127.0.0.1:4566"\n', "", 1), flags=re.M))
    shown = settings_of("--config", str(used))
    for line in ("0.0.0.0:4566", "sigv4", "orders:4", "https://s3.example.com", "1GiB"):
        assert line in shown


def test_maintainer_scripts_are_shell():
    for script in ("postinst", "prerm", "postrm"):
        subprocess.run(["sh", "-n", PACKAGING / "debian" / script], check=True)


def test_the_compose_file_is_closed_to_the_network():
    service = yaml.safe_load((PACKAGING / "compose.yaml").read_text())["services"]["riacho"]
    assert service["ports"] == ["127.0.0.1:4566:4566"] and service["cap_drop"] == ["ALL"] and service["read_only"] is True
    parts = package.Parts.__new__(package.Parts)
    parts.version, parts.architecture, parts.when = "1", "amd64", 0
    image = package.image_configuration(parts, [b"layer"])["config"]
    assert service["healthcheck"]["test"] == image["Healthcheck"]["Test"]
    # Variables that are settings; together they are a configuration that serves.
    variables = dict(line.split("=", 1) for line in image["Env"]) | service["environment"]
    assert "orders:2" in settings_of(**{name: value for name, value in variables.items() if name.startswith("RIACHO_")})


def test_the_workflow_is_yaml_and_its_commands_exist():
    workflow = yaml.safe_load((ROOT / "examples/github-actions.yml").read_text())
    steps = workflow["jobs"]["tests"]["steps"]
    commands = "\n".join(step.get("run", "") for step in steps)
    for arguments in re.findall(r"riacho-dist/bin/riacho (.*?)(?: 2>.*)?$", commands, re.M):
        subcommand, *flags = arguments.split()
        known = subprocess.run([BINARY, subcommand, "--help"], capture_output=True, text=True, check=True).stdout
        for flag in flags:
            assert not flag.startswith("--") or flag in known, f"{subcommand} {flag}"
    assert "make package" in commands
    subprocess.run(["sh", "-n"], input=commands, text=True, check=True)


def test_the_variables_of_the_workflow_are_all_that_boto3_needs(riacho):
    """It reads AWS_DEFAULT_REGION, the other SDKs read AWS_REGION."""
    steps = yaml.safe_load((ROOT / "examples/github-actions.yml").read_text())["jobs"]["tests"]["steps"]
    (given,) = [step["env"] for step in steps if "env" in step]
    assert given["AWS_REGION"] == given["AWS_DEFAULT_REGION"]
    clean = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")} | {"AWS_CONFIG_FILE": os.devnull, "NO_PROXY": "127.0.0.1"}
    program = "import boto3; boto3.client('kinesis').list_streams()"
    subprocess.run([sys.executable, "-c", program], env=clean | given | {"AWS_ENDPOINT_URL_KINESIS": riacho.url}, check=True, timeout=60)


def test_the_python_example_runs(riacho, tmp_path):
    example = ROOT / "examples" / "testcontainers-python"
    done = subprocess.run([sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", f"--rootdir={example}", "-c", os.devnull, example],
                          cwd=tmp_path, env=os.environ | {"KINESIS_ENDPOINT": riacho.url}, capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode == 0 and "1 passed" in done.stdout, done.stdout
