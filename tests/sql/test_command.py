"""`riacho sql`: an application's SQL over a file, in the terminal. What the SQL means is tested by the .test files here."""

import json
import subprocess

from conftest import BINARY

application = """
CREATE OR REPLACE STREAM "DESTINATION_SQL_STREAM" (ticker VARCHAR(4), n BIGINT, lo REAL);
CREATE OR REPLACE PUMP "STREAM_PUMP" AS INSERT INTO "DESTINATION_SQL_STREAM"
SELECT STREAM ticker_symbol, COUNT(*), MIN(price)
FROM "SOURCE_SQL_STREAM_001"
GROUP BY ticker_symbol, STEP("SOURCE_SQL_STREAM_001".ROWTIME BY INTERVAL '60' SECOND);
"""
rows = """{"ROWTIME":"2018-05-09 10:00:05","TICKER_SYMBOL":"AMZN","PRICE":10.5}
{"ROWTIME":"2018-05-09T10:00:40Z","TICKER_SYMBOL":"TBV","PRICE":5}
{"ROWTIME":"2018-05-09 10:00:59.999","TICKER_SYMBOL":"AMZN","PRICE":"no number"}
{"ROWTIME":"2018-05-09 10:01:00","TICKER_SYMBOL":"AMZN","PRICE":9}
{"ROWTIME":"2018-05-09 10:01:59.999"}
"""


def run(tmp_path, *arguments, sql=application, data=rows):
    (tmp_path / "app.sql").write_text(sql)
    command = [BINARY, "sql", tmp_path / "app.sql", *arguments]
    return subprocess.run(command, input=data, capture_output=True, text=True, timeout=60)


def printed(result):
    assert result.returncode == 0, result.stderr
    return [json.loads(line) for line in result.stdout.splitlines()]


def test_rows_of_all_streams_and_errors(tmp_path):
    lines = printed(run(tmp_path, "--input", "-", "--clock", "manual", "--columns", "TICKER_SYMBOL VARCHAR(4), PRICE REAL"))
    results = [(line["rowtime"], line["row"]) for line in lines if line["stream"] == "DESTINATION_SQL_STREAM"]
    assert results == [
        ("2018-05-09 10:01:00.000", {"TICKER": "AMZN", "N": 1, "LO": 10.5}),
        ("2018-05-09 10:01:00.000", {"TICKER": "TBV", "N": 1, "LO": 5}),
        ("2018-05-09 10:02:00.000", {"TICKER": "AMZN", "N": 1, "LO": 9}),
    ]
    (error,) = [line["row"] for line in lines if line["stream"] == "error_stream"]
    assert error["ERROR_NAME"] == "COERCION_ERROR" and error["PUMP_NAME"] == "SOURCE_SQL_STREAM_001"
    assert b"no number" in bytes.fromhex(error["DATA_ROW"])


def test_columns_are_found_and_windows_may_stay_open(tmp_path):
    data = rows.replace('"no number"', "12")
    assert len(printed(run(tmp_path, "--input", "-", "--clock", "manual", "--keep-open", data=data))) == 2
    lines = printed(run(tmp_path, "--input", "-", data=data.replace('"ROWTIME":', '"ELSE":')))
    assert sum(line["row"]["N"] for line in lines) == 5


def test_mistakes_are_shown_in_their_place(tmp_path):
    result = run(tmp_path, "--columns", "TICKER_SYMBOL VARCHAR(4), PRICE REAL", sql=application.replace("MIN(price)", "MIN(prize)"))
    assert result.returncode == 65 and result.stdout == ""
    assert "From line 4, column 44 to line 4, column 48: Column 'PRIZE' not found in any table" in result.stderr
    shown, caret = result.stderr.splitlines()[1:3]
    assert shown[caret.index("^"):caret.rindex("^") + 1] == "prize"


def test_explain(tmp_path):
    result = run(tmp_path, "--columns", "TICKER_SYMBOL VARCHAR(4), PRICE REAL", "--explain")
    assert result.stdout.splitlines() == [
        "pump STREAM_PUMP -> DESTINATION_SQL_STREAM",
        "  2 Insert         TICKER = TICKER_SYMBOL, N = COUNT(*), LO = MIN(PRICE)",
        "  1 Tumble         by STEP(ROWTIME BY INTERVAL '60' SECOND) [time], TICKER_SYMBOL -> COUNT(*), MIN(PRICE)   state: groups, "
        "cleared at each window's end",
        "  0 Scan           SOURCE_SQL_STREAM_001 (TICKER_SYMBOL, PRICE; 2 of 3)",
    ]


def test_what_cannot_be_run_is_said(tmp_path):
    assert "--input or --columns is needed" in run(tmp_path).stderr
    columns = ["--columns", "TICKER_SYMBOL VARCHAR(4), PRICE REAL"]
    back = run(tmp_path, "--input", "-", "--clock", "manual", *columns, data=rows.replace("10:01:00", "09:00:00"))
    assert back.returncode == 1 and "row 4 of - goes back in time" in back.stderr
    assert "is no JSON object" in run(tmp_path, "--input", "-", *columns, data=rows + "{\n").stderr
    assert "there is no stream 'X'" in run(tmp_path, "--input", "-", *columns, "--output", "X").stderr
