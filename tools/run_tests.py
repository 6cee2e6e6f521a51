"""Runs every test of a built tree and ends with one line like pytest's; the exit code is 0 if all passed.

Each step prints one line when it has ended; its output is shown only if it failed. Tests of whole servers spend most of their time
waiting, so unit tests and fuzz targets run beside them; tests marked `alone` run at the end, with the machine to themselves.
"""

import concurrent.futures
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import xml.etree.ElementTree

root = pathlib.Path(__file__).resolve().parent.parent
jobs = int(os.environ.get("JOBS") or os.cpu_count() or 2)
# Of each target: its seeds, and tens of thousands of inputs made of them. For more there is -max_total_time (CONTRIBUTING.md).
fuzz_seconds = 3
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
        self.lock = threading.Lock()

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


def report(totals, title, ok, seconds, passed, failed, output, skipped=0):
    counted = f"{passed} passed" + (f", {failed} failed" if failed else "") + (f", {skipped} skipped" if skipped else "")
    with totals.lock:
        totals.passed += passed
        totals.failed += failed
        totals.skipped += skipped
        print(f"{'ok  ' if ok else 'FAIL'} {title:<40} {counted:<24} {seconds:6.1f}s", flush=True)
        if not ok:
            print("\n".join(output.splitlines()[-120:]), flush=True)


def gtest_counts(output):
    """Sums the counts that GoogleTest prints, over every executable of a ctest run."""
    ran = sum(int(n) for n in re.findall(r"^(?:\d+: )?\[==========\] (\d+) tests? from .* ran", output, re.MULTILINE))
    failed = sum(int(n) for n in re.findall(r"^(?:\d+: )?\[  FAILED  \] (\d+) tests?", output, re.MULTILINE))
    return ran - failed, failed


def unit_tests(totals, title, build, environment=None):
    code, output, seconds = run(["ctest", "--test-dir", str(build), "-V", "-j", str(jobs)], environment)
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
    with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
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


def server_tests(totals, title, name, arguments):
    results = root / "build" / f"pytest-{name}.xml"
    results.unlink(missing_ok=True)
    code, output, seconds = run([sys.executable, "-m", "pytest", "-q", "--no-header", "-p", "no:cacheprovider",
                                 f"--junitxml={results}", *arguments, "tests"], {"RIACHO_BIN": str(root / "build" / "riacho")})
    passed = failed = skipped = 0
    if results.exists():
        for suite in xml.etree.ElementTree.parse(results).getroot().iter("testsuite"):
            count = {key: int(suite.get(key, "0")) for key in ("tests", "failures", "errors", "skipped")}
            failed += count["failures"] + count["errors"]
            skipped += count["skipped"]
            passed += count["tests"] - count["failures"] - count["errors"] - count["skipped"]
    if code != 0:
        failed = max(failed, 1)
    report(totals, title, failed == 0, seconds, passed, failed, output, skipped)


def checks(totals):
    """Whatever computes."""
    rules(totals)
    unit_tests(totals, "unit tests", root / "build" / "release")
    sanitized = root / "build" / "asan"
    unit_tests(totals, "unit tests under ASan and UBSan", sanitized, sanitizer_environment)
    fuzzed = fuzz(totals, sanitized)
    if not fuzzed and "clang" in os.environ.get("CXX", "clang++-19"):
        report(totals, "no fuzz target was built", False, 0, 0, 1, "")


def main():
    totals = Totals()
    with concurrent.futures.ThreadPoolExecutor(2) as lanes:
        both = [lanes.submit(checks, totals),
                lanes.submit(server_tests, totals, "whole servers (pytest)", "shared",
                             ["-m", "not alone", "-n", str(2 * jobs), "--dist", "worksteal"])]
    for lane in both:
        lane.result()
    server_tests(totals, "whole servers, one at a time", "alone", ["-m", "alone"])
    print(totals.summary())
    return 1 if totals.failed else 0


if __name__ == "__main__":
    sys.exit(main())
