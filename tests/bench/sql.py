"""The SQL engine beside DuckDB: rows per second of one core over rows in memory. `.venv/bin/python tests/bench/sql.py`.

Needs build/release/bin/sql_bench (tools/build.sh release sql_bench) and the Python package duckdb. DuckDB gets the same rows as a
table and writes its result to another; it knows all rows beforehand, may use them in any order and hands none out before the end. A
figure is the best of its rounds, because the machine may be busy.
"""

import json
import pathlib
import subprocess
import sys
import time

root = pathlib.Path(__file__).resolve().parents[2]
rounds = 5

make_rows = """
CREATE TABLE s AS SELECT printf('ticker-%06d', i * 7919 % 100000) AS ticker, CAST(1 + i % 1000 AS DOUBLE) AS price,
  (i % 41 - 20) / 10.0::DOUBLE AS change, CAST(i % 97 AS INTEGER) AS quantity, CAST(i * 600000 // {rows} AS BIGINT) AS t
FROM range({rows}) AS r(i)
"""
queries = {
    "filter": """SELECT ticker, price * quantity AS volume, quantity + 1 AS quantity FROM s
                 WHERE abs(change / (price + 100)) * 100 > 1""",
    "tumble": """SELECT ticker, count(*) AS n, sum(quantity)::INTEGER AS q, min(price) AS lo, max(price) AS hi FROM s
                 GROUP BY ticker, t // 60000""",
}


def ours(rows):
    out = subprocess.run([root / "build/release/bin/sql_bench", str(rows)], check=True, capture_output=True, text=True).stdout
    best = {}
    for line in out.splitlines():
        figure = json.loads(line)
        if figure["name"] not in best or figure["seconds"] < best[figure["name"]]["seconds"]:
            best[figure["name"]] = figure
    return best


def duckdb_seconds(rows):
    import duckdb

    database = duckdb.connect(config={"threads": 1})
    database.execute(make_rows.format(rows=rows))
    best = {}
    for name, query in queries.items():
        for _ in range(rounds):
            begin = time.perf_counter()
            database.execute(f"CREATE OR REPLACE TABLE o AS {query}")
            seconds = time.perf_counter() - begin
            count = database.execute("SELECT count(*) FROM o").fetchone()[0]
            if name not in best or seconds < best[name][0]:
                best[name] = (seconds, count)
    return best


def main():
    rows = int(sys.argv[1]) if len(sys.argv) > 1 else 5_000_000
    engine = ours(rows)
    duck = duckdb_seconds(rows)
    print("| | riacho | DuckDB, one thread | ratio | target |\n|---|---|---|---|---|")
    texts = {"filter": "SQL: filter and projection", "tumble": "SQL: tumbling window, 100,000 keys, four aggregates"}
    for name, text in texts.items():
        if engine[name]["out"] != duck[name][1]:
            sys.exit(f"{name}: {engine[name]['out']} rows beside {duck[name][1]}")
        mine, theirs = rows / engine[name]["seconds"], rows / duck[name][0]
        print(f"| {text} | {mine / 1e6:.1f} M rows/s | {theirs / 1e6:.1f} M rows/s | {mine / theirs:.2f} | 0.50 |")
    decode = engine["decode"]
    print(f"| SQL: JSON records to four columns | {decode['rows'] / decode['seconds'] / 1e6:.2f} M rows/s | | | |")
    restore = engine["restore"]
    print(f"| SQL: restore of 1,000,000 groups ({restore['out'] / 1e6:.0f} MB) | {restore['seconds']:.2f} s | | | 1 s |")


if __name__ == "__main__":
    main()
