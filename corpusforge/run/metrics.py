"""A run's status as Prometheus text: what a scraper or a textfile collector of the node exporter reads.

The format is version 0.0.4 of Prometheus' text exposition. Everything is a gauge: a run that is made again
counts from zero. Names and labels are stable (docs/status.md lists them); each sample bears the run's path,
so that dumps of several runs lie in one folder. Limit: a dump, no server.
"""

from __future__ import annotations

from collections.abc import Iterator

from corpusforge import __version__
from corpusforge.run.status import EXIT_CODES, RunStatus, StageStatus

__all__ = ["STAGE_STATES", "prometheus"]

STAGE_STATES = ("done", "running", "stopped", "failed", "earlier", "todo", "none")
_STAGE_GAUGES = (
    ("parts", "Parts of the stage; 0 where not known yet.", "parts"),
    ("parts_made", "Parts that have a receipt.", "made"),
    ("documents", "Documents in the parts made.", "documents"),
    ("input_bytes", "Bytes read by the parts made.", "input_bytes"),
    ("output_bytes", "Bytes written by the parts made.", "output_bytes"),
    ("seconds", "Wall seconds of a finished stage, else task seconds of the parts made.", "seconds"),
    ("cpu_seconds", "CPU seconds of the parts made.", "cpu_seconds"),
)  # fmt: skip

_Sample = tuple[dict[str, str], float]


def prometheus(status: RunStatus) -> str:
    """Return the dump, a line a sample, with a HELP and TYPE line for each name."""
    lines = [
        line
        for name, told, samples in _families(status)
        for line in _family(
            name, told, [({"run": status.run, **own}, value) for own, value in samples]
        )
    ]
    return "\n".join(lines) + "\n"


def _families(status: RunStatus) -> Iterator[tuple[str, str, list[_Sample]]]:
    yield "run_info", "Always 1.", [({"recipe": status.recipe, "version": __version__}, 1)]
    states = [({"state": state}, float(status.state == state)) for state in EXIT_CODES]
    yield "run_state", "1 for the run's state, 0 for the others.", states
    yield (
        "run_updated_seconds",
        "Unix time of the newest receipt or manifest, 0 without one.",
        [({}, status.updated)],
    )
    yield "run_documents", "Documents read so far.", [({}, status.documents)]
    yield "run_input_bytes", "Input bytes read so far.", [({}, status.input_bytes)]
    yield (
        "stage_state",
        "1 for the stage's state, 0 for the others.",
        [
            ({"stage": stage.name, "state": state}, float(stage.state == state))
            for stage in status.stages
            for state in STAGE_STATES
        ],
    )
    for name, told, attribute in _STAGE_GAUGES:
        yield f"stage_{name}", told, _by_stage(status.stages, attribute)
    yield from _ledger(status)


def _by_stage(stages: tuple[StageStatus, ...], attribute: str) -> list[_Sample]:
    return [({"stage": stage.name}, float(getattr(stage, attribute))) for stage in stages]


def _ledger(status: RunStatus) -> Iterator[tuple[str, str, list[_Sample]]]:
    documents: list[_Sample] = []
    dropped: list[_Sample] = []
    notes: list[_Sample] = []
    for row in status.ledger:
        own = {"step": row["stage"], "source": row["source"]}
        counts = {name: row[name] for name in ("seen", "kept", "failed")}
        counts["dropped"] = sum(row["dropped"].values())
        documents += [({**own, "outcome": name}, count) for name, count in counts.items()]
        dropped += [({**own, "rule": rule}, count) for rule, count in row["dropped"].items()]
        notes += [({**own, "note": note}, count) for note, count in row.get("notes", {}).items()]
    yield (
        "ledger_documents",
        "Documents by step, source, outcome; seen = kept + dropped + failed.",
        documents,
    )
    yield "ledger_dropped", "Documents dropped, by step, source and rule.", dropped
    yield "ledger_notes", "Changes that removed no document, by step, source and kind.", notes


def _family(name: str, told: str, samples: list[_Sample]) -> Iterator[str]:
    yield f"# HELP corpusforge_{name} {told}"
    yield f"# TYPE corpusforge_{name} gauge"
    for labels, value in samples:
        inner = ",".join(f'{key}="{_escaped(text)}"' for key, text in labels.items())
        yield f"corpusforge_{name}{{{inner}}} {value!r}"


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
