"""What `make bench-peers` makes of its measurements: tables, plots, and peers that are not there."""

import pathlib
import sys
import xml.etree.ElementTree

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "bench"))
import peers  # noqa: E402
import plot  # noqa: E402

MACHINE = {"cpu": "a CPU", "cpus": 2, "memory_gib": 4, "kernel": "6.1", "file_system": "ext4", "sync_p50_us": 200.0, "version": "1",
           "durability": "sync"}


def taken(**figures):
    return {"put_per_s": 1000.0, "put_batches_per_s": 5000.0, "read_per_s": 9000.0, "delay_ms": 0.5, "start_ms": 20.0, "idle_mib": 10.0,
            "loaded_mib": 90.0, "filled": 1000, "lost": 0} | figures


def result():
    return {"machine": MACHINE, "rounds": 3, "seconds": 5, "records": 1000, "peers": {
        "riacho": {"durability": "synced before the answer", "rounds": [taken(put_per_s=rate) for rate in (800.0, 1000.0, 1600.0)]},
        "other": {"durability": "memory", "rounds": [taken(put_per_s=rate) for rate in (400.0, 250.0, 1600.0)]},
        "slow": {"durability": "memory", "rounds": [taken(filled=500)]},
        "broken <&>": {"durability": "page cache", "rounds": [taken(read_per_s={"failed": "it hung"}, lost=7), taken(), taken()]},
        "absent": {"durability": "memory", "rounds": [], "missing": "there is no cargo"}}}


def test_a_ratio_is_the_median_of_the_rounds_ratios():
    lines = peers.table(result()).splitlines()
    assert "| other | 2.0 | 1.0 | 1.0 |" in lines


def test_what_is_missing_failed_or_lost_is_told():
    table = peers.table(result())
    assert "- absent is not measured: there is no cargo" in table
    assert "| absent" not in table
    assert "- broken <&>, read_per_s: 1 of 3 rounds failed: it hung" in table
    assert "- slow: took only 500 records" in table
    assert "- broken <&>: up to 7 of 1,000 acknowledged records were not read back" in table


def test_a_figure_without_any_value_is_called_failed():
    measured = result()
    for taken_round in measured["peers"]["other"]["rounds"]:
        taken_round["delay_ms"] = {"failed": "no answer"}
    (row,) = [line for line in peers.table(measured).splitlines() if line.startswith("| other | memory")]
    assert row.split(" | ")[5] == "failed"
    plot.draw(measured, ["delay_ms"])


def test_plots_are_xml_with_a_bar_for_each_measured_server():
    for figures in plot.plots.values():
        drawing = xml.etree.ElementTree.fromstring(plot.draw(result(), figures))
        texts = [element.text for element in drawing.iter("{http://www.w3.org/2000/svg}text")]
        assert texts.count("broken <&>") == len(figures)
        assert "absent" not in texts


def test_a_peer_that_cannot_be_installed_says_why(tmp_path):
    with pytest.raises(peers.Unavailable, match="there is no no-such-command"):
        peers.checked(["no-such-command"])
    with pytest.raises(peers.Unavailable, match="ended with 3: the reason"):
        peers.checked(["sh", "-c", "echo first; echo the reason; exit 3"])


def test_the_versions_of_all_peers_are_pinned():
    names = [peer.name for peer in peers.peers()]
    assert len(set(names)) == len(names)
    for name in names[2:]:
        assert any(part[0].isdigit() for part in name.replace(",", "").split()), name
