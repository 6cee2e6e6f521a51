"""Builds the client programs beside this file and runs them. Build products go to build/clients."""

import functools
import json
import os
import pathlib
import subprocess
import tempfile
import threading
import time

import pytest
from conftest import ROOT

pytest.register_assert_rewrite("tour")

HERE = pathlib.Path(__file__).resolve().parent
OUT = ROOT / "build" / "clients"
ACCOUNT = {"AWS_ACCESS_KEY_ID": "AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_REGION": "us-east-1",
           "AWS_EC2_METADATA_DISABLED": "true"}


def _build(command, cwd, environment=None):
    done = subprocess.run(command, cwd=cwd, env=os.environ | (environment or {}), stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True, check=False)
    assert done.returncode == 0, f"{' '.join(command)} in {cwd} failed:\n{done.stdout[-4000:]}"


@functools.cache
def build_go(package="."):
    program = OUT / "go" / ("tour" if package == "." else package)
    _build(["go", "build", "-o", str(program), "." if package == "." else f"./{package}"], HERE / "go")
    return [str(program)]


@functools.cache
def build_versitygw():
    """The Versity S3 gateway, from the Go proxy."""
    _build(["go", "install", "github.com/versity/versitygw/cmd/versitygw@v1.8.0"], HERE, {"GOBIN": str(OUT / "versitygw")})
    return OUT / "versitygw" / "versitygw"


@functools.cache
def build_rust():
    _build(["cargo", "build", "--locked", "--quiet"], HERE / "rust", {"CARGO_TARGET_DIR": str(OUT / "rust")})
    return [str(OUT / "rust" / "debug" / "tour")]


@functools.cache
def build_java(module):
    """The command that runs a class of tests/sdk/MODULE; callers insert JVM flags and append the class."""
    _build(["mvn", "-B", "-q", "-pl", module, "compile"], HERE)
    return ["java", "-cp", f"{OUT}/{module}/classes:{OUT}/{module}/lib/*"]


def truststore(server, folder):
    """The flags that make a Java program trust the server's certificate."""
    store = folder / "truststore.jks"
    subprocess.run(["keytool", "-importcert", "-noprompt", "-file", server.certificate, "-alias", "riacho", "-keystore", str(store),
                    "-storepass", "changeit"], check=True, capture_output=True)
    return [f"-Djavax.net.ssl.trustStore={store}", "-Djavax.net.ssl.trustStorePassword=changeit"]


def run(command, environment=None, timeout=120):
    """Runs a program to its end and parses the JSON object on its last line."""
    done = subprocess.run(command, env=os.environ | ACCOUNT | (environment or {}), capture_output=True, text=True, timeout=timeout,
                          check=False)
    assert done.returncode == 0, f"{command[0]} ended with {done.returncode}:\n{done.stdout[-2000:]}\n{done.stderr[-6000:]}"
    return json.loads(done.stdout.splitlines()[-1])


class Running:
    """A program that prints JSON objects, one a line, until its input is closed. Other lines are ignored."""

    def __init__(self, command, environment=None):
        self.command = command
        self.lines = []
        self.errors = tempfile.TemporaryFile("w+")
        self.process = subprocess.Popen(command, env=os.environ | ACCOUNT | (environment or {}), stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, stderr=self.errors, text=True)
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def _read(self):
        for line in self.process.stdout:
            if line.startswith("{"):
                self.lines.append(json.loads(line))

    def wait(self, done, timeout=180):
        """Polls until `done` is true of the lines so far, and returns them."""
        deadline = time.monotonic() + timeout
        while not done(lines := list(self.lines)):
            self.check()
            assert time.monotonic() < deadline, f"{len(lines)} lines, the last: {lines[-3:]}\n{self._tail()}"
            time.sleep(0.05)
        return lines

    def check(self):
        assert self.process.poll() is None, f"the program ended with {self.process.returncode}\n{self._tail()}"

    def _tail(self):
        self.errors.seek(0)
        return self.errors.read()[-6000:]

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        try:
            self.process.stdin.close()
            code = self.process.wait(timeout=60)
            assert code == 0 or exception[0], f"the program ended with {code}\n{self._tail()}"
        finally:
            if self.process.poll() is None:
                self.process.kill()
                self.process.wait()
            self.reader.join()
            self.errors.close()


@pytest.fixture(scope="session")
def dynamodb():
    """The URL of a local DynamoDB, for the leases of the Kinesis Client Library."""
    command = build_java("dynamodb")
    command = [command[0], f"-Dsqlite4java.library.path={OUT}/dynamodb/lib", *command[1:], "riacho.Dynamo"]
    with Running(command) as server:
        yield f"http://127.0.0.1:{server.wait(len, timeout=60)[0]['port']}"
