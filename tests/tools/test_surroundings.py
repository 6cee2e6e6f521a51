"""The language in which `make run` and `make notebooks` speak."""

import os
import subprocess
import sys

import pytest
from conftest import ROOT

ASK = "import sys; sys.path.insert(0, 'tools'); import surroundings; print(surroundings.speaks_portuguese)"
MAKEFILE = f"ask:\n\t@{sys.executable} -c \"{ASK}\"\n"


@pytest.mark.parametrize("environment,arguments,portuguese", [
    ({}, [], False),
    ({"LANG": "C.UTF-8"}, [], False),
    ({"LANG": "pt_BR.UTF-8"}, [], True),
    ({"LANG": "pt_BR.UTF-8", "LC_ALL": "C.UTF-8"}, [], False),
    ({}, ["LANG=pt_BR.UTF-8"], True),
    ({"LC_ALL": "en_US.UTF-8", "LC_MESSAGES": "en_US.UTF-8", "LANG": "en_US.UTF-8"}, ["LANG=pt_BR.UTF-8"], True),
    ({"LC_ALL": "pt_BR.UTF-8"}, ["LANG=C.UTF-8"], False),
])
def test_the_language(tmp_path, environment, arguments, portuguese):
    makefile = tmp_path / "Makefile"
    makefile.write_text(MAKEFILE)
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("LC_", "LANG"))}
    done = subprocess.run(["make", "-s", "-f", "Makefile", "-f", makefile, "ask", *arguments], cwd=ROOT, env=kept | environment,
                          capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode == 0 and done.stdout.strip() == str(portuguese), done.stdout + done.stderr
