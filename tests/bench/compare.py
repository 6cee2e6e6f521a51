"""`make compare OLD=PATH`: one riacho beside another, in one run on one machine: is a change slower?

Both run at the same time, each on a directory of its own, and are loaded in turn; each round begins with the other one. A figure is the
median of its rounds, a ratio the median of the rounds' ratios, new by old. Needs h2load.
"""

import argparse
import json
import os
import pathlib
import shutil
import statistics
import tempfile
import time

import run


def in_turn(names, rounds, measure):
    """{name: [a figure for each round]}; measure(name) returns one figure."""
    figures = {name: [] for name in names}
    for number in range(rounds):
        for name in names if number % 2 == 0 else reversed(names):
            figures[name].append(measure(name))
    return figures


def compare_starts(work, binaries, rounds):
    resident = {name: [] for name in binaries}

    def start(name):
        directory = work / f"start-{name}"
        with run.Server(directory, binary=binaries[name]) as server:
            if len(resident[name]) < 3:
                time.sleep(1)
                resident[name].append(server.resident_mib())
        shutil.rmtree(directory)
        return server.listening_ms

    return in_turn(list(binaries), rounds, start), resident


def compare_loads(work, binaries, rounds, seconds):
    servers = {name: run.Server(work / name, binary=binary) for name, binary in binaries.items()}
    try:
        return loads(work, servers, rounds, seconds)
    finally:
        for server in servers.values():
            server.end(run.signal.SIGTERM)


def loads(work, servers, rounds, seconds):
    put = run.put_body(work)
    put_batch = run.write_body(work, "batch.json", run.batch_content(run.batch))
    for server in servers.values():
        server.create_stream("bench", 4)
        server.create_stream("read", 1)
        for _ in range(run.reply_records // run.batch):
            server.call("PutRecords", run.batch_content(run.batch) | {"StreamName": "read"})

    def load(connections, operation, body):
        return lambda name: run.h2load(f"http://127.0.0.1:{servers[name].port}/", connections, seconds, operation, body)

    def read(limit):
        def measure(name):
            iterator = json.loads(servers[name].call("GetShardIterator", {
                "StreamName": "read", "ShardId": "shardId-000000000000", "ShardIteratorType": "TRIM_HORIZON"}))["ShardIterator"]
            body = run.write_body(work, "get.json", {"ShardIterator": iterator, "Limit": limit})
            return run.h2load(f"http://127.0.0.1:{servers[name].port}/", 4, seconds, "GetRecords", body)
        return measure

    names = list(servers)
    return {
        "PutRecord 1 KiB, 64 connections, requests/s": in_turn(names, rounds, load(64, "PutRecord", put)),
        "PutRecords 500 x 1 KiB, 8 connections, requests/s": in_turn(names, rounds, load(8, "PutRecords", put_batch)),
        "GetRecords 100 x 1 KiB, requests/s": in_turn(names, rounds, read(100)),
        "GetRecords 10,000 x 1 KiB, requests/s": in_turn(names, rounds, read(run.reply_records)),
    }


def compare_fan_out(work, binaries, rounds):
    def measure(name):
        taken = run.measure_fan_out(work, None, binary=binaries[name])["after_send_ms"]
        shutil.rmtree(work / "fan-out")
        return taken

    return in_turn(list(binaries), rounds, measure)


def main():
    parser = argparse.ArgumentParser(description="one riacho beside another")
    parser.add_argument("old", type=pathlib.Path, help="the binary of before")
    parser.add_argument("--new", type=pathlib.Path, default=run.riacho)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=int, default=3)
    arguments = parser.parse_args()
    binaries = {"new": arguments.new.resolve(), "old": arguments.old.resolve()}
    with tempfile.TemporaryDirectory(dir=run.root / "build", prefix="compare-") as name:
        work = pathlib.Path(name)
        starts, resident = compare_starts(work, binaries, 3 * arguments.rounds)
        rows = {"Listening after exec, ms": starts, "Resident memory, idle, MiB": resident}
        rows |= compare_loads(work, binaries, arguments.rounds, arguments.seconds)
        rows["Fan-out: from a put's sending to the subscriber, ms"] = compare_fan_out(work, binaries, arguments.rounds)
    print(f"{os.cpu_count()} CPUs; {arguments.rounds} rounds\n\n| | new | old | new by old |\n|---|---|---|---|")
    for title, figures in rows.items():
        ratio = statistics.median(new / old for new, old in zip(figures["new"], figures["old"]))
        print(f"| {title} | {statistics.median(figures['new']):,.2f} | {statistics.median(figures['old']):,.2f} | {ratio:.2f} |")


if __name__ == "__main__":
    main()
