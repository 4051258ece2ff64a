"""The last stage: every figure of a run gathered from manifests, then shown.

What is told of documents was counted by the tasks that saw them (`facts.py`), also the beginnings of a few
duplicates' texts, as they were written: redacted.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Mapping
from typing import Any

import corpusforge
from corpusforge import manifest as records
from corpusforge.errors import RunError
from corpusforge.io import files
from corpusforge.io.decoding import read_json
from corpusforge.manifest import Manifest
from corpusforge.printing import say
from corpusforge.report import data, terminal
from corpusforge.report.card import data_card
from corpusforge.report.html import write_report
from corpusforge.run.context import Context
from corpusforge.run.facts import LENGTH_EDGES, SCORE_EDGES
from corpusforge.score import Settings as ScoreSettings
from corpusforge.score import load

__all__ = ["collect", "print_summary", "write"]


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
    facts = manifests["facts"].extra
    languages = {
        verb: dict(Counter(counts).most_common()) for verb, counts in facts["languages"].items()
    }
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
        scores=_histograms(facts["scores"], SCORE_EDGES),
        score_bound=_bound(context),
        lengths=_histograms(facts["lengths"], LENGTH_EDGES),
        dates=_by_source(facts["date"]),
        languages={"identify": _identified(ledger.rows()), **languages},
        licences=_by_source(facts["licence"]),
        origins=dict(sorted(facts["origins"].items())),
        writings=_writings(
            manifests, sum(row.delivered_tokens for row in _mix(mix).sources.values())
        ),
        fertility={
            name or "und": data.Fertility(
                tokens=tally["tokens"], bytes=tally["bytes"], documents=tally["documents"]
            )
            for name, tally in sorted(tokens["languages"].items())
        },
        tokenizer=str(manifests["tokens"].settings["name"]),
        vocabulary=int(tokens["vocab_size"]),
        text_bytes=sum(tally["bytes"] for tally in tokens["languages"].values()),
        words=facts["words"],
        shards=_shards(manifests["shards"], mix),
        skipped_sources=tuple(context.skipped),
        recipe=records.plain(context.recipe),
        fingerprints={name: manifest.digest for name, manifest in manifests.items()},
        inputs=tuple(manifests["documents"].extra["inputs"]),
    )


def _histograms(
    counts: Mapping[str, Mapping[str, int]], edges: tuple[float, ...]
) -> dict[str, data.Histogram]:
    bins = [str(number) for number in range(len(edges) - 1)]
    return {
        name: data.Histogram(edges=edges, counts=tuple(own.get(n, 0) for n in bins))
        for name, own in sorted(counts.items())
    }


def _by_source(counts: Mapping[str, Mapping[str, int]]) -> dict[str, dict[str, int]]:
    """Survivors by source and value ("" unknown)."""
    return {name: dict(sorted(own.items())) for name, own in sorted(counts.items())}


def _writings(manifests: Mapping[str, Manifest], tokens: int) -> tuple[data.Writing, ...]:
    """Survivors and training tokens by writer, of `tokens` in all; () where all are people's."""
    if "writings" not in manifests:
        return ()
    facts, given = manifests["facts"].extra, manifests["writings"].extra["tokens"]
    made = [
        data.Writing(
            origin=origin,
            model=model,
            prompt=prompt,
            documents=count,
            tokens=given.get(origin, {}).get(model, {}).get(prompt, 0),
        )
        for origin, models in sorted(facts["writers"].items())
        for model, prompts in sorted(models.items())
        for prompt, count in sorted(prompts.items())
    ]
    people = data.Writing(
        origin="human",
        documents=facts["documents"] - sum(own.documents for own in made),
        tokens=tokens - sum(own.tokens for own in made),
    )
    return people, *made


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
    texts = context.manifests["facts"].extra.get("shown", {})
    pairs = tuple(
        data.Pair(
            removed=row["removed"],
            kept=row["kept"] or "",
            similarity=row["similarity"],
            method="minhash",
            removed_text=texts.get(row["removed"], ""),
            kept_text=texts.get(row["kept"], ""),
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
