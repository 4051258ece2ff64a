"""How diverse a set of instructions is: verbs and objects, lengths, kinds, nearness; data and plots.

The figures of Wang et al. 2023 (their figures 3 and 4): most common verbs with their objects, the
lengths of instruction, input and output, ROUGE-L to the nearest seed. Verbs by `verbs.verb_object`
over distinct instructions. Plots are SVG made here, the same bytes for the same rows. Limits: see
`verbs`; a set of many verbs may still say the same thing often.
"""

from __future__ import annotations

import math
import statistics
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from markupsafe import Markup, escape

from corpusforge.instruct.novelty import Gate
from corpusforge.instruct.profile import PROFILES, profile
from corpusforge.instruct.records import Row, Task
from corpusforge.instruct.verb_noun import verb_object

__all__ = ["bars", "measure", "page", "plots", "sunburst"]

_VERBS, _OBJECTS = 20, 4  # as in the paper's figure
_LENGTHS = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024)


def measure(rows: Sequence[Row], seeds: Sequence[Task] = ()) -> dict[str, Any]:
    """Return the figures of a set as plain data; every list is ordered by count, then name.

    Keys: rows, instructions, languages, kinds, classification, with_input, with_verb (distinct
    instructions), verbs [{verb, count, objects}], lengths {field: histogram, mean}, and nearest: F1 to
    the nearest seed where seeds are given, else to the nearest pool member stored with the row.
    """
    distinct = {(row.language, row.instruction): row for row in rows}
    pairs = [verb_object(text, language) for language, text in distinct]
    return {
        "rows": len(rows),
        "instructions": len(distinct),
        "languages": _ranked(row.language for row in rows),
        "kinds": _ranked(row.kind for row in rows),
        "classification": sum(row.is_classification for row in rows),
        "with_input": sum(bool(row.input) for row in rows),
        "with_verb": sum(bool(verb) for verb, _ in pairs),
        "verbs": _verbs(pairs),
        "lengths": {
            "instruction": _lengths(list(distinct.values()), "instruction"),
            "input": _lengths([row for row in rows if row.input], "input"),
            "output": _lengths(rows, "output"),
        },
        "nearest": _nearest(list(distinct.values()), seeds),
    }


def _ranked(values: Iterable[str]) -> dict[str, int]:
    return dict(sorted(Counter(values).items(), key=lambda item: (-item[1], item[0])))


def _verbs(pairs: list[tuple[str, str]]) -> list[dict[str, Any]]:
    counts = _ranked(verb for verb, _ in pairs if verb)
    found = []
    for verb, count in list(counts.items())[:_VERBS]:
        objects = _ranked(noun for name, noun in pairs if name == verb and noun)
        top = [{"object": noun, "count": n} for noun, n in list(objects.items())[:_OBJECTS]]
        found.append({"verb": verb, "count": count, "objects": top})
    return found


def _profile(row: Row) -> Any:
    return profile(row.language if row.language in PROFILES else "en")


def _lengths(rows: Sequence[Row], field: str) -> dict[str, Any]:
    """Return the mean and the counts of lengths up to 1, 2, 4 … 1024, more; words or Han characters."""
    sizes = [_profile(row).length(getattr(row, field)) for row in rows]
    counts = [0] * (len(_LENGTHS) + 1)
    for size in sizes:
        counts[next((k for k, top in enumerate(_LENGTHS) if size <= top), len(_LENGTHS))] += 1
    labels = [*(f"<= {top}" for top in _LENGTHS), f"> {_LENGTHS[-1]}"]
    mean = round(statistics.fmean(sizes), 2) if sizes else 0.0
    return {"mean": mean, "histogram": dict(zip(labels, counts, strict=True))}


def _nearest(rows: Sequence[Row], seeds: Sequence[Task]) -> dict[str, Any]:
    """Return a histogram of F1 in tenths; what is exactly on a bound counts to the tenth above."""
    gates: dict[str, Gate] = {}
    for task in seeds:
        gate = gates.setdefault(task.language, Gate(profile(task.language)))
        gate.add(task.id, task.instruction)
    tenths = [0] * 10
    for row in rows:
        if seeds:
            gate = gates.setdefault(row.language, Gate(_profile(row)))
            near = gate.nearest(row.instruction, 1)
        else:
            near = row.most_similar
        best = max(near, key=lambda item: item.f1, default=None)
        place = 20 * best.lcs // (best.left + best.right) if best else 0
        tenths[min(9, place)] += 1
    labels = [f"{k / 10:.1f} to {(k + 1) / 10:.1f}" for k in range(10)]
    return {"against": "seeds" if seeds else "pool", "f1": dict(zip(labels, tenths, strict=True))}


def plots(rows: Sequence[Row], seeds: Sequence[Task] = ()) -> list[Markup]:
    """Return the figures of `measure` as inline SVG, each in a <figure> with its caption."""
    return _figures(measure(rows, seeds)) if rows else []


def _figures(data: Mapping[str, Any]) -> list[Markup]:
    verbs = data["verbs"]
    found = [sunburst(verbs, "Verbs (inside) and their objects (outside)")] if verbs else []
    found.append(bars({item["verb"]: item["count"] for item in verbs}, "Instructions by verb"))
    for field, part in data["lengths"].items():
        found.append(bars(part["histogram"], f"Length of the {field}, mean {part['mean']:g}"))
    against = {"seeds": "seed", "pool": "pool member"}[data["nearest"]["against"]]
    found.append(bars(data["nearest"]["f1"], f"ROUGE-L F1 to the nearest {against}"))
    task_types = {"classification": data["classification"],
                  "other": data["rows"] - data["classification"]}  # fmt: skip
    found += [bars(data["kinds"], "Rows by kind"), bars(task_types, "Rows by type of task"),
              bars(data["languages"], "Rows by language")]  # fmt: skip
    return found


_ROW, _LEFT, _WIDTH = 18, 110, 360
_COLOURS = ("#4c78a8", "#f58518", "#54a24b", "#e45756", "#72b7b2", "#b279a2", "#9d755d", "#bab0ac")


def bars(counts: Mapping[str, int], caption: str) -> Markup:
    """Return horizontal bars, one a count, with labels; bars start at zero."""
    top = max(counts.values(), default=0) or 1
    parts = []
    for k, (name, count) in enumerate(counts.items()):
        y, width = k * _ROW, (_WIDTH - _LEFT - 50) * count / top
        parts.append(
            Markup(
                '<text x="{}" y="{}" text-anchor="end">{}</text>'
                '<rect x="{}" y="{}" width="{:.1f}" height="{}" fill="{}"/>'
                '<text x="{:.1f}" y="{}">{}</text>'
            ).format(
                _LEFT - 6, y + 13, name, _LEFT, y + 3, width, _ROW - 6, _COLOURS[0],
                _LEFT + width + 5, y + 13, f"{count:,}",
            )
        )  # fmt: skip
    return _figure(Markup("").join(parts), _WIDTH, max(_ROW, len(counts) * _ROW), caption)


def sunburst(verbs: Sequence[Mapping[str, Any]], caption: str) -> Markup:
    """Return two rings: verbs by count inside, up to 4 objects of each outside."""
    total = sum(item["count"] for item in verbs) or 1
    parts, turn = [], 0.0
    for k, item in enumerate(verbs):
        colour, share = _COLOURS[k % len(_COLOURS)], item["count"] / total
        parts.append(_sector(turn, share, 60, 115, colour, item["verb"]))
        inner = turn
        for place, part in enumerate(item["objects"]):
            width = part["count"] / total
            parts.append(_sector(inner, width, 117, 175, colour, part["object"], place))
            inner += width
        turn += share
    return _figure(Markup("").join(parts), 360, 360, caption)


def _sector(
    turn: float, share: float, inner: int, outer: int, colour: str, name: str, shade: int = 0
) -> Markup:
    start, stop = 2 * math.pi * turn, 2 * math.pi * (turn + min(share, 0.9999))
    points = [
        (180 + radius * math.sin(angle), 180 - radius * math.cos(angle))
        for radius, angle in ((inner, start), (outer, start), (outer, stop), (inner, stop))
    ]
    (ax, ay), (bx, by), (cx, cy), (dx, dy) = points
    large = int(stop - start > math.pi)
    path = (
        f"M{ax:.1f} {ay:.1f}L{bx:.1f} {by:.1f}A{outer} {outer} 0 {large} 1 {cx:.1f} {cy:.1f}"
        f"L{dx:.1f} {dy:.1f}A{inner} {inner} 0 {large} 0 {ax:.1f} {ay:.1f}Z"
    )
    drawn = Markup(
        '<path d="{}" fill="{}" fill-opacity="{}" stroke="#fff"><title>{}</title></path>'
    ).format(path, colour, f"{0.9 - 0.15 * shade:.2f}", f"{name} {share:.1%}")
    if share < 0.02:  # a narrower sector has no room for its word
        return drawn
    middle, radius = math.pi * (2 * turn + share), (inner + outer) / 2
    x, y = 180 + radius * math.sin(middle), 180 - radius * math.cos(middle)
    angle = math.degrees(middle) - (90 if middle < math.pi else 270)
    return drawn + Markup(
        '<text transform="translate({:.1f} {:.1f}) rotate({:.0f})" text-anchor="middle" '
        'dominant-baseline="middle" style="fill:#111">{}</text>'
    ).format(x, y, angle, name)


def _figure(drawing: Markup, width: int, height: int, caption: str) -> Markup:
    return Markup(
        '<figure><svg viewBox="0 0 {} {}" role="img" aria-label="{}" font-size="11" '
        'font-family="sans-serif" fill="currentColor" style="max-width:{}px;width:100%">{}</svg>'
        "<figcaption>{}</figcaption></figure>"
    ).format(width, height, caption, width, drawing, caption)


_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Diversity</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<style>body{{font:16px/1.5 sans-serif;margin:2rem auto;max-width:1200px;padding:0 1rem}}
main{{display:grid;grid-template-columns:repeat(auto-fill,minmax(340px,1fr));gap:2rem}}
figure{{margin:0}}figcaption{{font-weight:600}}</style></head>
<body><h1>Diversity of {name}</h1><p>{summary}</p><main>{figures}</main></body></html>
"""


def page(rows: Sequence[Row], name: str, seeds: Sequence[Task] = ()) -> str:
    """Return a self-contained HTML page with every figure."""
    data = measure(rows, seeds)
    summary = (
        f"{data['rows']:,} rows, {data['instructions']:,} distinct instructions; a verb was found in "
        f"{data['with_verb']:,} of them; {data['with_input']:,} rows have an input."
    )
    figures = Markup("\n").join(_figures(data)) if rows else Markup("")
    return _PAGE.format(name=escape(name), summary=escape(summary), figures=figures)
