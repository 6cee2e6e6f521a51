"""examples/ in Java, against a server instead of a container. The one in Python is run by tests/tools/test_packaging.py."""

import os
import subprocess

from conftest import ROOT


def test_the_java_example_runs(riacho):
    done = subprocess.run(["mvn", "-B", "-q", f"-Dout={ROOT}/build/clients/example", "test"], cwd=ROOT / "examples" / "testcontainers-java",
                          env=os.environ | {"KINESIS_ENDPOINT": riacho.url}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          timeout=800, check=False)
    assert done.returncode == 0, done.stdout[-4000:]
    report = next((ROOT / "build" / "clients" / "example" / "surefire-reports").glob("TEST-*.xml")).read_text()
    assert 'tests="1"' in report and 'failures="0"' in report and 'errors="0"' in report
