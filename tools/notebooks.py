"""Runs `make notebooks`: JupyterLab on the tutorial's notebooks, in the language of the environment. Arguments go to JupyterLab.

The kernels find riacho where RIACHO_ENDPOINT says, else at http://127.0.0.1:4566. Ctrl-C ends JupyterLab.
"""

import os
import pathlib
import sys
import urllib.request

from surroundings import reach_this_machine_directly, speaks_portuguese

root = pathlib.Path(__file__).resolve().parent.parent
first = "pt/produtor.ipynb" if speaks_portuguese else "en/producer.ipynb"


def say_whether_server_is_up():
    endpoint = os.environ.get("RIACHO_ENDPOINT", "http://127.0.0.1:4566")
    try:
        urllib.request.urlopen(f"{endpoint}/health/live", timeout=5).close()
        text = "O riacho está no ar em {}." if speaks_portuguese else "riacho is up at {}."
    except OSError:
        text = ("O riacho ainda não está no ar em {}: rode `make run` em outro terminal." if speaks_portuguese else
                "riacho is not up at {} yet: run `make run` in another terminal.")
    print(text.format(endpoint), flush=True)


def main():
    reach_this_machine_directly()
    say_whether_server_is_up()
    options = [f"--ServerApp.root_dir={root / 'tutorial'}", f"--LabApp.default_url=/lab/tree/{first}"]
    if os.geteuid() == 0:
        options.append("--allow-root")  # in a container; Jupyter refuses it otherwise
    if not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
        options.append("--no-browser")  # it would take a browser for the terminal
    os.execv(sys.executable, [sys.executable, "-m", "jupyterlab", *options, *sys.argv[1:]])


if __name__ == "__main__":
    main()
