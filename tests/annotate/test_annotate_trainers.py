"""Preference files opened by the trainers that read them, and five steps of each trainer that runs on a CPU.

Needs TRL, LLaMA-Factory, OpenRLHF and axolotl (docs/trainers.md has the command): `pytest -m trainers`.
Each test compares what the trainer's own loader made of a file with the pairs of the rankings.
"""

from __future__ import annotations

import json
import math
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from dialogue_rankings import ANSWERS, DIALOGUES, job

from corpusforge.annotate.export import ALL, write
from corpusforge.testing.tiny_model import END, causal_model, five_steps, make_tokenizer

pytestmark = [
    pytest.mark.trainers,
    pytest.mark.filterwarnings("ignore"),  # of the trainers and of torch, not ours
]

Pair = tuple[tuple[tuple[str, str], ...], str, str]
"""Turns of the prompt, the better answer, the worse one."""


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("written")
    write(*job(), str(directory), formats=ALL)
    return directory


@pytest.fixture(scope="module")
def tokenizer() -> Any:
    pytest.importorskip("transformers", reason="docs/trainers.md")
    return make_tokenizer([*ANSWERS, *(m.content for turns in DIALOGUES for m in turns)], 512)


@pytest.fixture(scope="module")
def pairs(written: Path) -> list[Pair]:
    """Every pair of unlike rank, from the file that holds all answers and ranks."""
    made: list[Pair] = []
    for line in (written / "kway" / "train.jsonl").read_text("utf-8").splitlines():
        row = json.loads(line)
        turns = tuple((turn["role"], turn["content"]) for turn in row["messages"])
        ranked = [(r, c["text"]) for r, c in zip(row["ranks"], row["candidates"], strict=True) if r]
        made += [(turns, good, bad) for a, good in ranked for b, bad in ranked if a < b]
    assert len(made) >= 20 and len({turns for turns, *_ in made}) == len(DIALOGUES)
    return sorted(made)


def table(written: Path, name: str) -> Any:
    datasets = pytest.importorskip("datasets")
    return datasets.Dataset.from_json(
        str(written / name / "train.jsonl"), cache_dir=str(written / "cache")
    )


def turns(messages: list[dict[str, str]]) -> tuple[tuple[str, str], ...]:
    return tuple((one["role"], one["content"]) for one in messages)


@pytest.mark.parametrize("name", ["trl_explicit_chat", "trl_implicit_chat"])
def test_trl_finds_prompt_and_answers(name: str, written: Path, pairs: list[Pair]) -> None:
    data_utils = pytest.importorskip("trl.data_utils", reason="docs/trainers.md")
    found = []
    for row in table(written, name):
        assert data_utils.is_conversational(row)
        one = row if "prompt" in row else data_utils.extract_prompt(row)
        (good,), (bad,) = one["chosen"], one["rejected"]
        found.append((turns(one["prompt"]), good["content"], bad["content"]))
    assert sorted(found) == pairs


def finite(values: list[float]) -> bool:
    return len(values) == 5 and all(map(math.isfinite, values))


def test_five_steps_of_sft(written: Path, tmp_path: Path, tokenizer: Any) -> None:
    pytest.importorskip("trl", reason="docs/trainers.md")
    rows = table(written, "sft")
    trainer, losses = five_steps("SFT", causal_model(tokenizer), rows, tokenizer, tmp_path)
    texts = [tokenizer.decode(row["input_ids"]) for row in trainer.train_dataset]
    for text, row in zip(texts, rows, strict=True):
        assert text.removesuffix(END).endswith(f"<|assistant|>{row['messages'][-1]['content']}")
    assert finite(losses) and losses[-1] < losses[0]


@pytest.mark.parametrize(
    ("method", "name"),
    [
        ("DPO", "trl_explicit_chat"), ("DPO", "trl_explicit"),
        ("KTO", "trl_unpaired_chat"), ("KTO", "trl_unpaired"),
    ],
)  # fmt: skip
def test_five_steps_beside_a_reference(
    method: str, name: str, written: Path, tmp_path: Path, tokenizer: Any
) -> None:
    pytest.importorskip("trl", reason="docs/trainers.md")
    model, reference = causal_model(tokenizer), causal_model(tokenizer)
    rows = table(written, name)
    _, losses = five_steps(method, model, rows, tokenizer, tmp_path, ref_model=reference)
    assert finite(losses)
    if method == "DPO":  # the policy is the reference still
        assert losses[0] == pytest.approx(math.log(2), abs=1e-3)


@pytest.mark.parametrize("name", ["trl_implicit_chat", "trl_implicit", "hh"])
def test_five_steps_of_a_reward_model(
    name: str, written: Path, tmp_path: Path, tokenizer: Any
) -> None:
    pytest.importorskip("trl", reason="docs/trainers.md")
    from transformers import LlamaForSequenceClassification

    config = causal_model(tokenizer).config
    config.num_labels = 1
    model = LlamaForSequenceClassification(config)
    _, losses = five_steps("Reward", model, table(written, name), tokenizer, tmp_path)
    assert finite(losses)


def test_openrlhf_reads_prompt_answers_and_margin(
    written: Path, tokenizer: Any, pairs: list[Pair]
) -> None:
    loader = pytest.importorskip("openrlhf.datasets", reason="docs/trainers.md")
    keys = SimpleNamespace(
        prompt_key="prompt", chosen_key="chosen", rejected_key="rejected", apply_chat_template=True
    )
    strategy = SimpleNamespace(args=SimpleNamespace(data=keys), is_rank_0=lambda: False)
    rows = table(written, "openrlhf")
    made = loader.RewardDataset(rows, tokenizer, 4096, strategy, is_dpo=True, num_processors=1)
    template = tokenizer.apply_chat_template
    expected = sorted(
        (template([{"role": r, "content": c} for r, c in asked], tokenize=False,
                  add_generation_prompt=True), good + END, bad + END)
        for asked, good, bad in pairs
    )  # fmt: skip
    assert sorted(zip(made.prompts, made.chosens, made.rejects, strict=True)) == expected
    assert made.extras is not None and len(made) == len(rows)


@pytest.mark.parametrize(("name", "stage"), [("llamafactory", "rm"), ("llamafactory_kto", "kto")])
def test_llamafactory_reads_ranking_and_kto(
    name: str, stage: str, written: Path, tmp_path: Path, pairs: list[Pair],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setenv("DISABLE_VERSION_CHECK", "1")  # it wants an older TRL than the other tests
    loader = pytest.importorskip("llamafactory.data.loader", reason="docs/trainers.md")
    from llamafactory.hparams import DataArguments, ModelArguments
    from transformers import Seq2SeqTrainingArguments

    info = json.loads((written / name / "dataset_info.json").read_text("utf-8"))
    (entry,) = (key for key in info if "train" in key or len(info) == 1)
    given = DataArguments(dataset=entry, dataset_dir=str(written / name))
    made = loader._get_merged_dataset(
        given.dataset, ModelArguments(model_name_or_path="none", cache_dir=str(tmp_path / "cache")),
        given, Seq2SeqTrainingArguments(output_dir=str(tmp_path), use_cpu=True), stage,
    )  # fmt: skip
    found = []
    for row in made:
        system = (("system", row["_system"]),) if row["_system"] else ()
        good, bad = (one["content"] for one in row["_response"])
        found.append(((*system, *turns(row["_prompt"])), good, bad))
    if stage == "rm":
        assert sorted(found) == pairs
    else:  # (answer, "") is a good one, ("", answer) a bad one
        best = {(asked, good, "") for asked, good, _ in pairs if good == ANSWERS[0]}
        assert best and best <= set(found)
        assert {asked for asked, *_ in found} == {asked for asked, *_ in pairs}


def test_axolotl_reads_prompt_and_answers(written: Path, tokenizer: Any, pairs: list[Pair]) -> None:
    strategy = pytest.importorskip(
        "axolotl.prompt_strategies.dpo.chat_template", reason="docs/trainers.md"
    )
    transform, _ = strategy.default(
        {"datasets": [{"field_messages": "prompt", "chat_template": "tokenizer_default"}]}
    )
    found = [transform(row, tokenizer) for row in table(written, "trl_explicit_chat")]
    made = [
        (tokenizer.apply_chat_template([{"role": r, "content": c} for r, c in asked], tokenize=False,
                                       add_generation_prompt=True), good, bad)
        for asked, good, bad in pairs
    ]  # fmt: skip
    got = [
        (r["prompt"], r["chosen"].removesuffix(END), r["rejected"].removesuffix(END)) for r in found
    ]
    assert sorted(got) == sorted(made)
