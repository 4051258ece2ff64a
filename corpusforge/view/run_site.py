"""The panels of a run: what the page asks, and the queries that answer it."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from functools import partial

from corpusforge.errors import InputError
from corpusforge.view import beside, bounds, dropped, duplicates, overlaps, search, stream
from corpusforge.view.server import Asked, Site, number, start
from corpusforge.view.tables import View

__all__ = ["run_site"]

SCRIPTS = ("common.js", "script.js", "copies.js", "stream.js", "beside.js")


def _overview(view: View) -> dict[str, object]:
    return {
        "name": view.recipe.name,
        "run": view.run,
        "samples": view.recipe.report.dropped_samples,
        "funnels": dropped.funnel(view),
        "languages": [
            row["lang"]
            for row in view.rows("SELECT DISTINCT lang FROM stats WHERE lang <> '' ORDER BY lang")
        ],
        "measures": [dataclasses.asdict(own) for own in bounds.measures(view)],
    }


def _dropped(view: View, asked: Asked) -> object:
    return dropped.documents(
        view,
        stage=asked.get("stage", ""),
        rule=asked.get("rule", ""),
        source=asked.get("source", ""),
        lang=asked.get("lang", ""),
        start=start(asked),
    )


def _histogram(view: View, asked: Asked) -> object:
    chosen = {name: asked.get(name, "") for name in ("source", "lang")}
    return bounds.histogram(view, asked.get("measure", ""), **chosen)


def _counts(view: View, asked: Asked) -> object:
    limits = (number(asked, "low"), number(asked, "high"))
    return bounds.counts(view, asked.get("measure", ""), *limits)


def _near(view: View, asked: Asked) -> object:
    bound = number(asked, "bound")
    if bound is None or asked.get("end") not in ("low", "high"):
        raise InputError("expected a number as bound, and low or high as end.")
    chosen = {name: asked.get(name, "") for name in ("source", "lang")}
    return bounds.near(view, asked.get("measure", ""), bound, end=asked["end"], **chosen)


def _duplicates(view: View, asked: Asked) -> object:
    chosen = {name: asked.get(name, "") for name in ("method", "source", "cluster")}
    return duplicates.pairs(view, start=start(asked), **chosen)


def _overlaps(view: View, asked: Asked) -> object:
    return overlaps.overlaps(view, benchmark=asked.get("benchmark", ""), start=start(asked))


def _sequence(view: View, asked: Asked) -> object:
    place, length = (int(number(asked, name) or 0) for name in ("number", "length"))
    return stream.sequence(view, place, length=length, side=asked.get("side", "train"))


def _changed(view: View, other: View, asked: Asked) -> object:
    chosen = {name: asked.get(name, "") for name in ("here", "there", "source", "lang")}
    return beside.changed(view, other, start=start(asked), **chosen)


_ANSWERS: dict[str, Callable[[View, Asked], object]] = {
    "dropped": _dropped,
    "histogram": _histogram,
    "counts": _counts,
    "near": _near,
    "search": lambda view, asked: search.find(view, asked.get("words", "")),
    "history": lambda view, asked: search.history(view, asked.get("id", "")),
    "duplicates": _duplicates,
    "overlaps": _overlaps,
    "mixture": lambda view, _: stream.mixture(view),
    "sequence": _sequence,
}


def run_site(view: View, other: View | None = None) -> Site:
    """Return the site of a run, beside another where one is given."""
    answers: dict[str, Callable[[Asked], object]] = {
        name: partial(answer, view) for name, answer in _ANSWERS.items()
    }
    answers["overview"] = lambda _: _overview(view) | {"beside": other.run if other else ""}
    if other is not None:
        answers["moves"] = lambda _: beside.moves(view, other)
        answers["changed"] = partial(_changed, view, other)
    return Site("run", SCRIPTS, answers)
