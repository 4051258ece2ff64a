"""The README.md that makes a training directory a `datasets` directory: one configuration per format.

`datasets.load_dataset(DIRECTORY, FORMAT)` reads it, and `load_dataset(DIRECTORY/kway_parquet)` the
Parquet files. The card states what was counted, nothing else.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from corpusforge.plugins import folder

__all__ = ["card"]

_TELLS = {
    "kway": "one row per prompt, with all answers, aggregated ranks (0 not ranked), every rater's ranks",
    "kway_parquet": "the same rows in Parquet",
    "pairs": "all pairs across tiers by id, with group_id, weight, margin, agreement",
    "sft": "demonstrations and best-ranked answers as messages",
    "trl_explicit_chat": "TRL preference, explicit prompt, messages",
    "trl_implicit_chat": "TRL preference, implicit prompt, messages",
    "trl_unpaired_chat": "TRL unpaired preference (KTO), messages",
    "trl_explicit": "TRL preference, explicit prompt, strings",
    "trl_implicit": "TRL preference, implicit prompt, strings",
    "trl_unpaired": "TRL unpaired preference (KTO), strings",
    "openrlhf": "OpenRLHF reward model, prompt, chosen, rejected",
    "llamafactory": "LLaMA-Factory ranking data, with its dataset_info.json",
    "llamafactory_kto": "LLaMA-Factory KTO data, with its dataset_info.json",
    "nemo_rl": "NeMo-RL preference data, all ranked answers of a prompt",
    "openai": "OpenAI preference fine-tuning",
    "deepspeed_chat": "DeepSpeed-Chat, prompt, chosen, rejected as strings",
    "hh": "Anthropic HH, chosen, rejected",
    "oasst": "Open Assistant message trees",
    "webgpt": "WebGPT-like comparisons",
}


def _tells(name: str) -> str:
    return _TELLS.get(name, "a format from outside corpusforge")


def _configurations(summary: Mapping[str, Any]) -> list[str]:
    """The configurations of the JSON formats; Parquet files cannot stand among them.

    The digest is part of what `datasets` names its cache by: without it a directory that was
    written again would be read from the cache of the first time.
    """
    lines = ["configs:"]
    for name, digest in summary["digests"].items():
        place = folder(name)
        lines += [f"- config_name: {place}", f"  description: {_tells(name)}; digest {digest}"]
        lines += ["  data_files:"]
        for side, count in summary["rows"][name].items():
            if count:
                lines += [f"  - split: {side}", f"    path: {place}/{side}.jsonl"]
    return lines


def card(summary: Mapping[str, Any], languages: Sequence[str]) -> str:
    """Return the card of an export from its summary (see `write`)."""
    rows: Mapping[str, Mapping[str, int]] = summary["rows"]
    tongues = ["language:", *(f"- {name}" for name in languages)] if languages else []
    head = ["---", *tongues, *_configurations(summary), "---", ""]
    sides = sorted({side for counts in rows.values() for side in counts})
    table = ["| format | rows of | " + " | ".join(sides) + " |", "|---|---|" + "---|" * len(sides)]
    for name, counts in rows.items():
        cells = " | ".join(str(counts.get(side, 0)) for side in sides)
        table.append(f"| `{name}` | {_tells(name)} | {cells} |")
    facts = [
        f"- prompts with a ranking: {summary['prompts_ranked']}, rankings: {summary['rankings']}, "
        f"raters: {summary['raters']}",
        f"- aggregated by `{summary['method']}`; pairs across tiers {summary['pairs']}, "
        f"tied {summary['tied_pairs']}",
        f"- left out for overlap with evaluation sets: {summary['decontaminated']}"
        + ("" if summary["index"] else " (no index was given, so nothing was searched for)"),
        "- pairs of one prompt share `group_id` and weigh 1 / (their number); train a group as one "
        "batch element",
    ]
    body = ["# Human rankings", "", "Made by corpusforge.", "", *facts, "", *table, ""]
    return "\n".join(head + body)
