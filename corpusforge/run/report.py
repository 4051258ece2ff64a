"""The last stage: every figure of a run gathered from manifests and narrow columns, then shown.

It reads no text except the snippets of a few duplicate pairs, which come from kept and removed
documents as they were written: redacted.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

import corpusforge
from corpusforge import manifest as records
from corpusforge.errors import RunError
from corpusforge.io import files
from corpusforge.io.decoding import read_json
from corpusforge.io.parquet import read_table
from corpusforge.manifest import Manifest, part_name
from corpusforge.printing import say
from corpusforge.report import data, terminal
from corpusforge.report.card import data_card
from corpusforge.report.html import write_report
from corpusforge.run.context import Context
from corpusforge.run.duplicates import texts_at
from corpusforge.run.mix import stream_files
from corpusforge.score import Settings as ScoreSettings
from corpusforge.score import load
from corpusforge.survivors import kept_rows

__all__ = ["collect", "print_summary", "write"]

_SNIPPET = 400
_SCORE_EDGES = tuple(round(step / 20, 2) for step in range(21))
_LENGTH_EDGES = tuple(round(2 ** (power / 2), 1) for power in range(8, 53))
_KEPT_BY = {
    "filter": "documents",
    "score": "quality",
    "dedup": "duplicates",
    "decontaminate": "contamination",
}
"""What each verb kept: the stage directory whose removals to apply."""


def write(context: Context) -> None:
    """Write report.json, report.html and CARD.md."""
    gathered = collect(context)
    run = context.run
    records.write_json(files.join(run, "report.json"), report_json(gathered))
    write_report(gathered, files.join(run, "report.html"))
    files.write_bytes(files.join(run, "CARD.md"), data_card(gathered).encode("utf-8"))


def report_json(gathered: data.RunData) -> dict[str, Any]:
    """Return the content of report.json."""
    return data.to_json(gathered)


def print_summary(run: str) -> None:
    """Print the funnel, the mix receipt and the report's path of a complete run."""
    path = files.join(run, "report.json")
    if not files.exists(path):
        raise RunError(
            f"{run!r} has no report.json: it is not a complete run. Give its command again."
        )
    gathered = data.from_json(read_json(path))
    terminal.show(gathered, sys.stdout)
    say(f"report: {files.join(run, 'report.html')}")


def collect(context: Context) -> data.RunData:
    """Return every figure of a run whose stages are complete."""
    manifests = context.manifests
    ledger = records.merge_ledgers([manifest.ledger for manifest in manifests.values()])
    mix = manifests["mix"].extra
    facts = _Facts(context)
    tokens = manifests["tokens"].extra
    return data.RunData(
        name=context.recipe.name,
        version=corpusforge.__version__,
        description=context.recipe.description,
        seed=context.recipe.seed,
        fingerprint=records.fingerprint(context.recipe),
        ledger=tuple(data.LedgerRow(**row) for row in ledger.rows()),
        mix=_mix(mix),
        dedup=_dedup(context),
        decontamination=_decontamination(manifests),
        timing=tuple(_timing(manifest) for manifest in manifests.values()),
        scores=facts.scores(),
        score_bound=_bound(context),
        lengths=facts.lengths(),
        dates=facts.by_source("date", years=True),
        languages={"identify": _identified(ledger.rows()), **facts.languages},
        licences=facts.by_source("licence"),
        origins=facts.origins(),
        writings=facts.writings(sum(row.delivered_tokens for row in _mix(mix).sources.values())),
        fertility={
            name or "und": data.Fertility(
                tokens=tally["tokens"], bytes=tally["bytes"], documents=tally["documents"]
            )
            for name, tally in sorted(tokens["languages"].items())
        },
        tokenizer=str(manifests["tokens"].settings["name"]),
        vocabulary=int(tokens["vocab_size"]),
        text_bytes=sum(tally["bytes"] for tally in tokens["languages"].values()),
        words=facts.words,
        shards=_shards(manifests["shards"], mix),
        skipped_sources=tuple(context.skipped),
        recipe=records.plain(context.recipe),
        fingerprints={name: manifest.digest for name, manifest in manifests.items()},
        inputs=tuple(manifests["documents"].extra["inputs"]),
    )


class _Facts:
    """Histograms and counts over the narrow columns of the documents that survived everything."""

    def __init__(self, context: Context) -> None:
        self._run = context.run
        names = ["id", "source", "date", "licence", "origin", "model", "prompt_version"]
        tables, sizes, scores = [], [], []
        languages: dict[str, Counter[str]] = {stage: Counter() for stage in _KEPT_BY}
        self.words = 0
        for index in range(context.part_count):
            part = f"{part_name(index)}.parquet"
            kept = pa.array(kept_rows(context.run, index, "contamination"))
            tables.append(
                read_table(files.join(context.run, "documents", part), names).filter(kept)
            )
            stats = read_table(
                files.join(context.run, "stats", part), ["text_bytes", "words", "rule"]
            )
            alive = stats.filter(pc.equal(stats.column("rule"), "")).filter(kept)
            sizes.append(alive.column("text_bytes"))
            self.words += pc.sum(alive.column("words")).as_py() or 0
            own = read_table(files.join(context.run, "documents", part), ["lang"]).column("lang")
            for stage, upto in _KEPT_BY.items():
                mask = pa.array(kept_rows(context.run, index, upto))
                languages[stage].update(_counted(own.filter(mask)))
            scores.append(read_table(files.join(context.run, "scores", part), ["source", "score"]))
        self._documents = pa.concat_tables(tables)
        self.languages = {stage: dict(n.most_common()) for stage, n in languages.items()}
        self._sizes = pa.chunked_array([c for s in sizes for c in s.chunks], type=pa.int64())
        self._scores = pa.concat_tables(scores)

    def _sources(self, table: pa.Table) -> Iterator[tuple[str, pa.Array]]:
        column = table.column("source")
        for name in sorted(pc.unique(column).to_pylist()):
            yield name, pc.equal(column, name)

    def scores(self) -> dict[str, data.Histogram]:
        """Score histogram of each source, before the keep rule."""
        values = self._scores.column("score")
        return {
            name: _histogram(values.filter(mask).to_numpy(), _SCORE_EDGES)
            for name, mask in self._sources(self._scores)
        }

    def lengths(self) -> dict[str, data.Histogram]:
        """Histogram of text bytes of each source's survivors."""
        return {
            name: _histogram(self._sizes.filter(mask).to_numpy(), _LENGTH_EDGES)
            for name, mask in self._sources(self._documents)
        }

    def by_source(self, column: str, *, years: bool = False) -> dict[str, dict[str, int]]:
        """Survivors by source and value ("" unknown)."""
        found = {}
        for name, mask in self._sources(self._documents):
            counts: Counter[str] = Counter()
            for value, count in _counted(self._documents.column(column).filter(mask)).items():
                counts[(value or "")[:4] if years else value or ""] += count
            found[name] = dict(sorted(counts.items()))
        return found

    def origins(self) -> dict[str, int]:
        """Survivors by who wrote them."""
        return dict(sorted(_counted(self._documents.column("origin")).items()))

    def writings(self, tokens: int) -> tuple[data.Writing, ...]:
        """Survivors and training tokens by writer, of `tokens` in all; () where all are people's."""
        columns = ["origin", "model", "prompt_version"]
        made = self._documents.filter(pc.not_equal(self._documents.column("origin"), "human"))
        if not made.num_rows:
            return ()
        drawn = [
            read_table(path, ["id", "length"])
            for path in stream_files(self._run, "train")
        ]  # fmt: skip
        own = pa.concat_tables(drawn).join(made.select(["id", *columns]), "id", join_type="inner")
        lengths = own.group_by(columns).aggregate([("length", "sum")]).to_pylist()
        given = {tuple(row[name] or "" for name in columns): row["length_sum"] for row in lengths}
        counts = Counter(
            zip(
                *([v or "" for v in made.column(name).to_pylist()] for name in columns), strict=True
            )
        )
        people = data.Writing(
            origin="human", documents=self._documents.num_rows - made.num_rows,
            tokens=tokens - sum(given.values()),
        )  # fmt: skip
        return people, *(
            data.Writing(
                origin=key[0],
                model=key[1],
                prompt=key[2],
                documents=count,
                tokens=given.get(key, 0),
            )
            for key, count in sorted(counts.items())
        )


def _counted(values: pa.ChunkedArray) -> Counter[Any]:
    """Values and how often each stands there, in the order of their first places; no object a row."""
    counts = pc.value_counts(values)
    return Counter(dict(zip(*(counts.field(n).to_pylist() for n in (0, 1)), strict=True)))


def _histogram(values: np.ndarray, edges: tuple[float, ...]) -> data.Histogram:
    clipped = np.clip(values, edges[0], edges[-1])
    counts, _ = np.histogram(clipped, bins=np.array(edges))
    return data.Histogram(edges=edges, counts=tuple(int(n) for n in counts))


def _mix(mix: dict[str, Any]) -> data.Mix:
    rows = {
        name: data.MixRow(
            weight=row["weight"],
            asked_tokens=row["asked_tokens"],
            delivered_tokens=row["delivered_tokens"],
            epochs=row["epochs"],
            documents=row["documents"],
            available_tokens=row["available"],
        )
        for name, row in mix["train"]["sources"].items()
    }
    return data.Mix(
        sources=rows,
        validation_tokens=mix["val"]["tokens"],
        notes=tuple(mix["notes"]),
        warnings=tuple(mix.get("warnings", ())),
        entropy=mix["entropy"],
    )


def _dedup(context: Context) -> data.Dedup:
    extra = context.manifests["duplicates"].extra
    pairs = tuple(
        data.Pair(
            removed=row["removed"],
            kept=row["kept"] or "",
            similarity=row["similarity"],
            method="minhash",
            removed_text=_snippet(context, row["removed"]),
            kept_text=_snippet(context, row["kept"]),
        )
        for row in extra["examples"]
    )
    return data.Dedup(
        compared=extra["counts"]["documents"],
        methods=extra["methods"],
        sources=extra["sources"],
        counts={
            **{key: value for key, value in extra["counts"].items() if key != "documents"},
            **_audited(extra["audit"]),
        },
        alarms=tuple(extra["alarms"]),
        examples=pairs,
    )


def _audited(found: dict[str, Any] | None) -> dict[str, float]:
    """What the residual audit says, by the names under which the report shows it."""
    if not found:
        return {}
    return {
        "audited": found["sampled"],
        "audited_with_copy": found["with_copy"],
        "residual_low": round(found["low"], 6),
        "residual_high": round(found["high"], 6),
    }


def _snippet(context: Context, identifier: str | None) -> str:
    for index in range(context.part_count):
        path = files.join(context.run, "documents", f"{part_name(index)}.parquet")
        found = pc.index(read_table(path, ["id"]).column("id"), identifier).as_py()
        if identifier and found >= 0:
            return str(texts_at(context.run, index, np.array([found]))[0].as_py())[:_SNIPPET]
    return ""


def _decontamination(manifests: dict[str, Manifest]) -> data.Decontamination:
    extra = manifests["contamination"].extra
    items = manifests["evaluation"].extra["items"] if "evaluation" in manifests else {}
    found = extra["benchmarks"]
    benches = {
        name: data.Bench(
            items=count,
            found_items=found.get(name, {}).get("items", 0),
            documents=found.get(name, {}).get("documents", 0),
            cut=found.get(name, {}).get("cut", 0),
            dropped=found.get(name, {}).get("dropped", 0),
        )
        for name, count in sorted(items.items())
    }
    examples = tuple(
        data.Hit(benchmark=row["benchmark"], item=row["item"], document=row["id"], rule=row["rule"])
        for row in extra["examples"]
    )
    return data.Decontamination(benchmarks=benches, examples=examples)


def _timing(manifest: Manifest) -> data.Timing:
    return data.Timing(
        stage=manifest.stage,
        seconds=round(manifest.seconds, 3),
        documents=manifest.documents,
        bytes=manifest.input_bytes,
    )


def _bound(context: Context) -> str:
    keep = context.recipe.score.keep
    scored = context.recipe.score.train.positive or context.recipe.score.model
    if not scored or keep.rule == "none":
        return ""
    rule = {
        "pareto": f"pareto, alpha {keep.alpha:g}",
        "threshold": f"score at least {keep.threshold:g}",
        "top": f"best {keep.share:.0%}",
        "tiers": f"tiers {', '.join(keep.keep_tiers)}",
    }[keep.rule]
    judged = _judged(context.recipe.score)
    return f"{rule}; {judged}" if judged else rule


def _judged(settings: ScoreSettings) -> str:
    """Whose judgement a given classifier was fitted to, "" where it was to none."""
    if not settings.model or not files.exists(settings.model):
        return ""
    told = dict(getattr(load(settings), "card", {})).get("judged")
    if not told:
        return ""
    return (
        f"fitted to {told['model']}'s judgement of {told['documents']} documents by "
        f"{', '.join(told['rubrics'])}, {told['threshold']:g} points or more"
    )


def _identified(rows: list[dict[str, Any]]) -> dict[str, int]:
    """Documents by language as identify kept them, before any rule."""
    found: Counter[str] = Counter()
    for row in rows:
        for note, count in row.get("notes", {}).items():
            if note.startswith("lang:"):
                found[note[5:]] += count
    return dict(found.most_common())


def _shards(manifest: Manifest, mix: dict[str, Any]) -> dict[str, data.Shards]:
    sizes: Counter[str] = Counter()
    for output in manifest.outputs:
        if output.path.endswith(".bin"):
            sizes[output.path.split("/")[1]] += output.bytes
    return {
        name: data.Shards(
            files=manifest.extra["shards"].get(name, 0),
            tokens=manifest.extra["tokens"].get(name, 0),
            documents=sum(row["draws"] for row in mix[name]["sources"].values()),
            bytes=sizes[name],
        )
        for name in ("train", "val")
    }
