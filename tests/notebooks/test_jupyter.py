"""What `make notebooks` starts: a JupyterLab that lists the tutorial's notebooks and runs them."""

import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.request

import pytest
from conftest import ROOT


def get(server, path):
    request = urllib.request.Request(server["url"] + path, headers={"Authorization": f"token {server['token']}"})
    return urllib.request.urlopen(request, timeout=60).read().decode()


def wait_until_up(process, runtime, log):
    """What the server's file says of it, once it answers: the file is there a moment before."""
    deadline = time.monotonic() + 200
    while True:
        try:
            server = json.loads(next(runtime.glob("jpserver-*.json")).read_text())
            get(server, "api/status")
            return server
        except (StopIteration, ValueError, OSError):
            assert process.poll() is None and time.monotonic() < deadline, log.read_text()
            time.sleep(0.05)


@pytest.mark.timeout(300)
@pytest.mark.parametrize("locale,notebook", [("C.UTF-8", "en/producer.ipynb"), ("pt_BR.UTF-8", "pt/produtor.ipynb")])
def test_jupyter_opens_on_the_tutorial(riacho, tmp_path, locale, notebook):
    environment = {name: value for name, value in os.environ.items() if not name.startswith("LC_")} | {
        "LC_ALL": locale, "RIACHO_ENDPOINT": riacho.url, "HOME": str(tmp_path), "JUPYTER_CONFIG_DIR": str(tmp_path / "config"),
        "JUPYTER_RUNTIME_DIR": str(tmp_path / "runtime"), "JUPYTER_DATA_DIR": str(tmp_path / "data"), "PYTHONIOENCODING": "utf-8"}
    log = tmp_path / "log"
    with open(log, "w") as file:
        process = subprocess.Popen([sys.executable, "tools/notebooks.py", "--no-browser", "--port=0"], cwd=ROOT, env=environment,
                                   stdout=file, stderr=subprocess.STDOUT)
    try:
        server = wait_until_up(process, tmp_path / "runtime", log)
        assert os.path.samefile(server["root_dir"], ROOT / "tutorial")

        def ask(path):
            return get(server, path)

        folder = json.loads(ask(f"api/contents/{notebook.split('/')[0]}"))
        assert {"path": notebook, "type": "notebook"} in [{"path": each["path"], "type": each["type"]} for each in folder["content"]]
        assert "python3" in json.loads(ask("api/kernelspecs"))["kernelspecs"]
        assert "JupyterLab" in ask(f"lab/tree/{notebook}")
        text = log.read_text()
        assert riacho.url in text and re.search(rf"http://\S+/lab/tree/{notebook}\?token=", text), text
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=30)
