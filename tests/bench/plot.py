"""Draws build/bench-peers.json: plot.py RESULT.json DIRECTORY writes peers-rates.svg and peers-costs.svg. Only the standard library.

Bars have a logarithmic scale, because the servers differ by orders of magnitude, and carry their figures. Colours tell durability."""

import json
import math
import pathlib
import sys
from xml.sax.saxutils import escape

import peers

colours = {"synced before the answer": "#1b6b4a", "page cache": "#c98b2b", "memory": "#8a94a6"}
width, label_width, bar_height, gap = 860, 250, 18, 6
plots = {"peers-rates.svg": ["put_per_s", "put_batches_per_s", "read_per_s"],
         "peers-costs.svg": ["delay_ms", "start_ms", "idle_mib", "loaded_mib"]}


def text(x, y, content, size=12, anchor="start", weight="normal"):
    return f'<text x="{x:.0f}" y="{y:.0f}" font-size="{size}" text-anchor="{anchor}" font-weight="{weight}">{escape(content)}</text>'


def panel(top, heading, form, more_is_better, values):
    """The lines of one figure and its height; `values` are (name, durability, value)."""
    least = 10 ** math.floor(math.log10(min(value for *_, value in values)))
    most = max(value for *_, value in values)
    span = math.log10(most / least) or 1
    room = width - label_width - 110
    lines = [text(10, top + 16, f"{heading} ({'more' if more_is_better else 'less'} is better)", 14, weight="bold")]
    y = top + 28
    for name, durability, value in sorted(values, key=lambda entry: -entry[2] if more_is_better else entry[2]):
        length = max(2, room * math.log10(value / least) / span)
        lines += [text(label_width - 8, y + 13, name, anchor="end", weight="bold" if name.startswith("riacho") else "normal"),
                  f'<rect x="{label_width}" y="{y}" width="{length:.0f}" height="{bar_height}" rx="2" fill="{colours[durability]}"/>',
                  text(label_width + length + 6, y + 13, form.format(value))]
        y += bar_height + gap
    return lines, y + 14 - top


def draw(result, figures):
    top, lines = 40, []
    x = 10
    for durability, colour in colours.items():
        lines += [f'<rect x="{x}" y="12" width="14" height="14" rx="2" fill="{colour}"/>', text(x + 20, 24, durability)]
        x += 190
    lines.append(text(width - 10, 24, "logarithmic scale", anchor="end"))
    for figure, heading, form, more_is_better in peers.columns:
        if figure not in figures:
            continue
        values = [(name, entry["durability"], value) for name, entry in result["peers"].items()
                  if "missing" not in entry and (value := peers.median(entry["rounds"], figure))]
        if not values:
            continue
        drawn, height = panel(top, heading, form, more_is_better, values)
        lines += drawn
        top += height
    # A background of its own: pages are light or dark.
    return "\n".join([f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {top}" width="{width}" height="{top}" '
                      'font-family="sans-serif" fill="#1c2430">',
                      f'<rect width="{width}" height="{top}" rx="8" fill="#ffffff"/>', *lines, "</svg>", ""])


def main():
    result, directory = json.loads(pathlib.Path(sys.argv[1]).read_text()), pathlib.Path(sys.argv[2])
    directory.mkdir(parents=True, exist_ok=True)
    for name, figures in plots.items():
        (directory / name).write_text(draw(result, figures))


if __name__ == "__main__":
    main()
