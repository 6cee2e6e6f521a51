"""Runs every test of a built tree and ends with one line like pytest's; the exit code is 0 if all passed.

Each step prints one line; its output is shown only if it failed (pytest, the longest, shows its dots).
"""

import concurrent.futures
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree

root = pathlib.Path(__file__).resolve().parent.parent
fuzz_seconds = 5
# Leak and stack reports need the symbolizer of the compiler that built them.
sanitizer_environment = {
    "ASAN_SYMBOLIZER_PATH": shutil.which("llvm-symbolizer-19") or "",
    "UBSAN_OPTIONS": "print_stacktrace=1",
}


class Totals:
    def __init__(self):
        self.started_at = time.monotonic()
        self.passed = 0
        self.failed = 0
        self.skipped = 0

    def summary(self):
        parts = [f"{self.failed} failed"] if self.failed else []
        parts.append(f"{self.passed} passed")
        if self.skipped:
            parts.append(f"{self.skipped} skipped")
        text = f" {', '.join(parts)} in {time.monotonic() - self.started_at:.1f}s "
        return text.center(80, "=")


def run(command, environment=None, cwd=root):
    started_at = time.monotonic()
    done = subprocess.run(command, cwd=cwd, env=os.environ | (environment or {}), stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, errors="replace", check=False)
    return done.returncode, done.stdout, time.monotonic() - started_at


def report(totals, title, ok, seconds, passed, failed, output):
    totals.passed += passed
    totals.failed += failed
    counted = f"{passed} passed" + (f", {failed} failed" if failed else "")
    print(f"{'ok  ' if ok else 'FAIL'} {title:<40} {counted:<24} {seconds:6.1f}s", flush=True)
    if not ok:
        print("\n".join(output.splitlines()[-120:]), flush=True)


def gtest_counts(output):
    """Sums the counts that GoogleTest prints, over every executable of a ctest run."""
    ran = sum(int(n) for n in re.findall(r"^(?:\d+: )?\[==========\] (\d+) tests? from .* ran", output, re.MULTILINE))
    failed = sum(int(n) for n in re.findall(r"^(?:\d+: )?\[  FAILED  \] (\d+) tests?", output, re.MULTILINE))
    return ran - failed, failed


def unit_tests(totals, title, build, environment=None):
    code, output, seconds = run(["ctest", "--test-dir", str(build), "-V", "-j", os.environ.get("JOBS", "2")], environment)
    passed, failed = gtest_counts(output)
    if code != 0:
        failed = max(failed, 1)
    elif passed == 0:
        failed, output = 1, "no unit test ran\n" + output
    report(totals, title, failed == 0, seconds, passed, failed, output)


def fuzz_one(binary):
    with tempfile.TemporaryDirectory() as corpus:
        seeds = root / "tests" / "fuzz" / binary.name
        return binary, run([str(binary), f"-max_total_time={fuzz_seconds}", "-rss_limit_mb=2048", "-timeout=10",
                            f"-artifact_prefix={root}/build/{binary.name}-", "-verbosity=0", "-print_final_stats=1", corpus,
                            *([str(seeds)] if seeds.is_dir() else [])], sanitizer_environment)


def fuzz(totals, build):
    binaries = sorted((build / "bin").glob("*_fuzz"))
    with concurrent.futures.ThreadPoolExecutor(int(os.environ.get("JOBS", "2"))) as pool:
        for binary, (code, output, seconds) in pool.map(fuzz_one, binaries):
            executed = re.search(r"stat::number_of_executed_units: (\d+)", output)
            ok = code == 0 and executed is not None
            title = f"fuzz {binary.name}" + (f" ({int(executed[1]):,} inputs)" if executed else "")
            report(totals, title, ok, seconds, int(ok), int(not ok), output)
    return bool(binaries)


def rules(totals):
    code, output, seconds = run([sys.executable, "tools/tidy.py"])
    report(totals, "repository rules (tools/tidy.py)", code == 0, seconds, int(code == 0), int(code != 0), output)
    sources = run(["git", "ls-files", "*.cc", "*.h"])[1].split()
    code, output, seconds = run(["clang-format-19", "--dry-run", "-Werror", *sources])
    report(totals, "clang-format", code == 0, seconds, int(code == 0), int(code != 0), output)


def server_tests(totals):
    results = root / "build" / "pytest.xml"
    results.unlink(missing_ok=True)
    print("pytest tests/", flush=True)
    environment = os.environ | {"RIACHO_BIN": str(root / "build" / "riacho")}
    code = subprocess.run([sys.executable, "-m", "pytest", "-q", "--no-header", "-p", "no:cacheprovider",
                           f"--junitxml={results}", "tests"], cwd=root, env=environment, check=False).returncode
    failed = 0
    if results.exists():
        for suite in xml.etree.ElementTree.parse(results).getroot().iter("testsuite"):
            count = {name: int(suite.get(name, "0")) for name in ("tests", "failures", "errors", "skipped")}
            failed += count["failures"] + count["errors"]
            totals.skipped += count["skipped"]
            totals.passed += count["tests"] - count["failures"] - count["errors"] - count["skipped"]
    totals.failed += max(failed, 1) if code != 0 else 0


def main():
    totals = Totals()
    unit_tests(totals, "unit tests", root / "build" / "release")
    sanitized = root / "build" / "asan"
    unit_tests(totals, "unit tests under ASan and UBSan", sanitized, sanitizer_environment)
    fuzzed = fuzz(totals, sanitized)
    if not fuzzed and "clang" in os.environ.get("CXX", "clang++-19"):
        print("FAIL no fuzz target was built")
        totals.failed += 1
    rules(totals)
    server_tests(totals)
    print(totals.summary())
    return 1 if totals.failed else 0


if __name__ == "__main__":
    sys.exit(main())
