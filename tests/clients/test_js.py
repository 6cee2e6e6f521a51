"""Version 3 of the AWS SDK for JavaScript: its default, HTTP/2 with prior knowledge, and HTTP/1.1 and TLS."""

import json
import os
import pathlib
import re
import subprocess
import time

import pytest
from conftest import ROOT

NODE = ROOT / "tests" / "js"


def run_node(script, **environment):
    done = subprocess.run(["node", script], cwd=NODE, env=os.environ | environment, capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def sockets(server):
    return sum(os.readlink(path).startswith("socket:") for path in pathlib.Path(f"/proc/{server.pid}/fd").iterdir())


@pytest.mark.parametrize("tls", [False, True], ids=["h2c", "tls"])
@pytest.mark.parametrize("http1", [False, True], ids=["http2", "http1"])
def test_the_suite(riacho_server, name, tls, http1):
    """[14] [17] [18] [81] A thousand short sessions leave nothing behind; over HTTP/2 :authority is signed."""
    server = riacho_server("--auth", "sigv4")
    user = server.user("add", "js")
    sequential = 200 if tls or http1 else 1000
    environment = {"RIACHO_ENDPOINT": server.url, "RIACHO_STREAM": name, "RIACHO_SEQUENTIAL": str(sequential),
                   "RIACHO_KEY": user["access_key_id"], "RIACHO_SECRET": user["secret_access_key"]}
    if tls:
        environment |= {"RIACHO_ENDPOINT": f"https://localhost:{server.port}", "NODE_EXTRA_CA_CERTS": server.certificate}
    if http1:
        environment["RIACHO_HTTP1"] = "1"
    before = sockets(server)
    seen = json.loads(run_node("suite.mjs", **environment).splitlines()[-1])
    expected = {"failed": 0, "records": 501, "bytes": True, "key": "ção", "age": True, "error": "ResourceNotFoundException",
                "sequential": sequential, "listed": True, "listings": 50}
    if not http1:
        expected |= {"pushed": 502, "children": ["shardId-000000000001", "shardId-000000000002"]}
    assert seen == expected
    deadline = time.monotonic() + 10
    while sockets(server) > before:
        assert time.monotonic() < deadline, sockets(server)
        time.sleep(0.02)


def test_the_walk_through(riacho_server):
    server = riacho_server()
    text = (ROOT / "docs" / "walkthrough-js.md").read_text()
    (program,) = re.findall(r"```js\n(.*?)```", text, re.DOTALL)
    path = NODE / f"walk-{os.getpid()}.mjs"
    path.write_text(program)
    try:
        out = run_node(path.name, RIACHO_ENDPOINT=server.url)
    finally:
        path.unlink()
    number = re.search(r"written .* (\d{56})", out)[1]
    assert f"read {number} {{ id_vendedor: 1, nome: 'Ana' }}" in out
