"""What `make run` and `make notebooks` take from the environment: the language, and how to get past a proxy."""

import os

speaks_portuguese = next((os.environ[name] for name in ("LC_ALL", "LC_MESSAGES", "LANG") if os.environ.get(name)), "").startswith("pt")


def reach_this_machine_directly():
    """Keeps boto3, here and in child processes, from asking a proxy for a server of this machine."""
    hosts = os.environ.get("NO_PROXY") or os.environ.get("no_proxy") or ""
    os.environ["NO_PROXY"] = os.environ["no_proxy"] = ",".join(filter(None, [hosts, "127.0.0.1", "localhost"]))
