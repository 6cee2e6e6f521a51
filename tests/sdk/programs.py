"""Builds the client programs beside this file and runs them. What they are made of goes to build/clients."""

import functools
import json
import os
import pathlib
import subprocess

import pytest
from conftest import ROOT

pytest.register_assert_rewrite("tour")

HERE = pathlib.Path(__file__).resolve().parent
OUT = ROOT / "build" / "clients"
ACCOUNT = {"AWS_ACCESS_KEY_ID": "AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_REGION": "us-east-1", "AWS_EC2_METADATA_DISABLED": "true"}


def _build(command, cwd, environment=None):
    done = subprocess.run(command, cwd=cwd, env=os.environ | (environment or {}), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          check=False)
    assert done.returncode == 0, f"{' '.join(command)} in {cwd} failed:\n{done.stdout[-4000:]}"


@functools.cache
def build_go():
    _build(["go", "build", "-o", str(OUT / "go" / "tour"), "."], HERE / "go")
    return [str(OUT / "go" / "tour")]


@functools.cache
def build_rust():
    _build(["cargo", "build", "--locked", "--quiet"], HERE / "rust", {"CARGO_TARGET_DIR": str(OUT / "rust")})
    return [str(OUT / "rust" / "debug" / "tour")]


@functools.cache
def build_java(module):
    """The command that runs a class of tests/sdk/MODULE, without the class and flags of the virtual machine that go between."""
    _build(["mvn", "-B", "-q", "-pl", module, "compile"], HERE)
    return ["java", "-cp", f"{OUT}/{module}/classes:{OUT}/{module}/lib/*"]


def truststore(server, folder):
    """The flags that make a Java program trust the server's certificate."""
    store = folder / "truststore.jks"
    subprocess.run(["keytool", "-importcert", "-noprompt", "-file", server.certificate, "-alias", "riacho", "-keystore", str(store),
                    "-storepass", "changeit"], check=True, capture_output=True)
    return [f"-Djavax.net.ssl.trustStore={store}", "-Djavax.net.ssl.trustStorePassword=changeit"]


def run(command, environment=None, timeout=120):
    """Runs a program to its end and returns the JSON object on its last line."""
    done = subprocess.run(command, env=os.environ | ACCOUNT | (environment or {}), capture_output=True, text=True, timeout=timeout, check=False)
    assert done.returncode == 0, f"{command[0]} ended with {done.returncode}:\n{done.stdout[-2000:]}\n{done.stderr[-6000:]}"
    return json.loads(done.stdout.splitlines()[-1])
