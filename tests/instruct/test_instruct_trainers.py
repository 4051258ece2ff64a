"""Instruction rows, questions with gold answers and labelled steps, opened by the trainers that read them.

Needs TRL, LLaMA-Factory, OpenRLHF, verl and axolotl (docs/trainers.md has the command): `pytest -m trainers`.
Each test compares what the trainer's own loader made of a file with the rows it was written from.
"""

from __future__ import annotations

import json
import math
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from cot_kit import EGGS, play
from test_instruct_rlvr import TWO, replies
from test_instruct_round_trip import rows

from corpusforge.instruct.export import Settings, write
from corpusforge.instruct.records import Row
from corpusforge.testing.tiny_model import END, causal_model, five_steps, make_tokenizer

pytestmark = [
    pytest.mark.trainers,
    pytest.mark.filterwarnings("ignore"),  # of the trainers and of torch, not ours
]

Turns = list[tuple[str, str]]


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("written")
    write(rows(), str(directory), settings=Settings(validation=0.0))
    return directory


@pytest.fixture(scope="module")
def reasoned(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("reasoned")
    play(folder, replies, EGGS, TWO, formats=("rlvr", "stepwise"), samples=4, hints=0,
         temperatures=(0.7,), keep_wrong=True)  # fmt: skip
    return folder / "out" / "export"


@pytest.fixture(scope="module")
def tokenizer() -> Any:
    pytest.importorskip("transformers", reason="docs/trainers.md")
    return make_tokenizer([f"{row.instruction} {row.output}" for row in rows()], 512)


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def table(path: Path, cache: Path) -> Any:
    datasets = pytest.importorskip("datasets")
    return datasets.Dataset.from_json(str(path), cache_dir=str(cache))


def asked(row: Row, between: str = "\n\n") -> Turns:
    """The turns before the answer."""
    if row.turns:
        return list(row.turns[:-1])
    system = [("system", row.system)] if row.system else []
    return [
        *system,
        ("user", f"{row.instruction}{between}{row.input}" if row.input else row.instruction),
    ]


def rendered(turns: Turns, tokenizer: Any) -> str:
    said = [{"role": role, "content": text} for role, text in turns]
    text: str = tokenizer.apply_chat_template(said, tokenize=False, add_generation_prompt=True)
    return text


def key(keys: dict[str, str]) -> Any:
    """OpenRLHF's options, as far as its data sets read them."""
    data = SimpleNamespace(apply_chat_template=True, **keys)
    return SimpleNamespace(args=SimpleNamespace(data=data), is_rank_0=lambda: False)


@pytest.mark.parametrize("name", ["messages", "trl", "openai"])
def test_five_steps_of_sft(name: str, written: Path, tmp_path: Path, tokenizer: Any) -> None:
    pytest.importorskip("trl", reason="docs/trainers.md")
    given = table(written / name / "train.jsonl", tmp_path)
    trainer, losses = five_steps("SFT", causal_model(tokenizer), given, tokenizer, tmp_path)
    texts = sorted(tokenizer.decode(row["input_ids"]) for row in trainer.train_dataset)
    for text, row in zip(
        texts, sorted(rendered(asked(row), tokenizer) for row in rows()), strict=True
    ):
        assert text.startswith(row)
    assert len(losses) == 5 and all(map(math.isfinite, losses)) and losses[-1] < losses[0]


def test_openrlhf_reads_the_messages(written: Path, tmp_path: Path, tokenizer: Any) -> None:
    loader = pytest.importorskip("openrlhf.datasets", reason="docs/trainers.md")
    given = table(written / "messages" / "train.jsonl", tmp_path)
    made = loader.SFTDataset(
        given, tokenizer, 4096, key({"input_key": "messages", "output_key": None}), num_processors=1
    )
    assert sorted(made.prompts) == sorted(rendered(asked(row), tokenizer) for row in rows())
    assert len(made.responses) == len(rows())
    answers = {row.output for row in rows()}
    assert all(
        one.removesuffix(END).split("</think>")[-1].strip() in answers for one in made.responses
    )


def test_llamafactory_reads_the_rows(
    written: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DISABLE_VERSION_CHECK", "1")  # it wants an older TRL than the other tests
    loader = pytest.importorskip("llamafactory.data.loader", reason="docs/trainers.md")
    from llamafactory.hparams import DataArguments, ModelArguments
    from transformers import Seq2SeqTrainingArguments

    (entry,) = json.loads((written / "llamafactory" / "dataset_info.json").read_text("utf-8"))
    given = DataArguments(dataset=entry, dataset_dir=str(written / "llamafactory"))
    made = loader._get_merged_dataset(
        given.dataset, ModelArguments(model_name_or_path="none", cache_dir=str(tmp_path / "cache")),
        given, Seq2SeqTrainingArguments(output_dir=str(tmp_path), use_cpu=True), "sft",
    )  # fmt: skip
    found = []
    for row in made:
        system = [("system", row["_system"])] if row["_system"] else []
        (answer,) = row["_response"]
        turns = [*row["_prompt"], answer]
        found.append([*system, *((turn["role"], turn["content"]) for turn in turns)])
    # Alpaca's form: instruction and input are two lines
    assert sorted(found) == sorted([*asked(row, "\n"), ("assistant", row.output)] for row in rows())


def test_axolotl_reads_the_messages(written: Path, tokenizer: Any, tmp_path: Path) -> None:
    chat = pytest.importorskip("axolotl.prompt_strategies.chat_template", reason="docs/trainers.md")
    prompter = chat.ChatTemplatePrompter(tokenizer, tokenizer.chat_template, max_length=4096)
    strategy = chat.ChatTemplateStrategy(
        prompter, tokenizer=tokenizer, train_on_inputs=False, sequence_len=4096,
        roles_to_train=["assistant"], train_on_eos="turn",
    )  # fmt: skip
    for row in table(written / "messages" / "train.jsonl", tmp_path):
        made = strategy.tokenize_prompt(row)
        learnt = [
            i for i, label in zip(made["input_ids"], made["labels"], strict=True) if label != -100
        ]
        said = [turn["content"] for turn in row["messages"] if turn["role"] == "assistant"]
        assert tokenizer.decode(learnt) == "".join(text + END for text in said)


def test_trl_reads_the_questions_and_its_reward_the_gold(reasoned: Path, tmp_path: Path) -> None:
    rewards = pytest.importorskip("trl.rewards", reason="docs/trainers.md")
    pytest.importorskip("math_verify", reason="docs/trainers.md")
    given = table(reasoned / "rlvr" / "trl" / "train.jsonl", tmp_path)
    for right, row in zip(("14", "12"), given, strict=True):
        said = [
            [{"role": "assistant", "content": f"So it is $\\boxed{{{n}}}$."}] for n in (right, "7")
        ]
        gold = [row["solution"]] * 2
        assert rewards.accuracy_reward(said, gold) == [1.0, 0.0]


def test_five_steps_of_grpo(reasoned: Path, tmp_path: Path, tokenizer: Any) -> None:
    pytest.importorskip("trl", reason="docs/trainers.md")
    seen: list[str] = []

    def reward(completions: list[Any], solution: list[str], **_: Any) -> list[float]:
        seen.extend(solution)  # columns beside the prompt come to the reward
        return [float(len(one[0]["content"]) % 7) for one in completions]

    rows = table(reasoned / "rlvr" / "trl" / "train.jsonl", tmp_path / "cache")
    trainer, _ = five_steps(
        "GRPO", causal_model(tokenizer), rows, tokenizer, tmp_path,
        more={"num_generations": 4, "max_completion_length": 8}, reward_funcs=reward,
    )  # fmt: skip
    assert trainer.state.global_step == 5 and set(seen) == {"$14$", "$12$"}


def test_openrlhf_reads_questions_and_labels(
    reasoned: Path, tmp_path: Path, tokenizer: Any
) -> None:
    loader = pytest.importorskip("openrlhf.datasets", reason="docs/trainers.md")
    given = table(reasoned / "rlvr" / "openrlhf" / "train.jsonl", tmp_path)
    made = loader.PromptDataset(given, tokenizer, key({"input_key": "input", "label_key": "label"}))
    assert [(source, label) for source, _, label, _ in made] == [
        ("q.jsonl", "14"),
        ("q.jsonl", "12"),
    ]
    for (_, prompt, *_), question in zip(made, (EGGS, TWO), strict=True):
        assert prompt == rendered([("user", question["question"])], tokenizer)


def test_verl_reads_questions_and_scores_replies(
    reasoned: Path, tmp_path: Path, tokenizer: Any
) -> None:
    loader = pytest.importorskip("verl.utils.dataset.rl_dataset", reason="docs/trainers.md")
    from omegaconf import OmegaConf
    from verl.utils.reward_score import default_compute_score

    config = OmegaConf.create({"cache_dir": str(tmp_path), "filter_overlong_prompts_workers": 1})
    made = loader.RLHFDataset(str(reasoned / "rlvr" / "verl" / "train.parquet"), tokenizer, config)
    assert len(made) == 2
    for place, (question, gold) in enumerate(((EGGS, "14"), (TWO, "12"))):
        row = made[place]
        assert row["raw_prompt"] == [{"role": "user", "content": question["question"]}]
        assert row["index"] == place and row["reward_model"]["ground_truth"] == gold
        scores = [
            default_compute_score("openai/gsm8k", f"#### {n}", row["reward_model"]["ground_truth"])
            for n in (gold, "7")
        ]
        assert scores == [1.0, 0.0]


def test_axolotl_reads_labelled_steps(reasoned: Path, tmp_path: Path, tokenizer: Any) -> None:
    steps = pytest.importorskip(
        "axolotl.prompt_strategies.stepwise_supervised", reason="docs/trainers.md"
    )
    strategy = steps.StepwiseSupervisedPromptTokenizingStrategy(tokenizer, step_separator="\n")
    given = table(reasoned / "stepwise" / "train.jsonl", tmp_path)
    assert len(given) >= 2
    for row in given:
        made = strategy.tokenize_prompt(row)
        labels = [label for label in made["labels"] if label != -100]
        assert labels == [int(label) for label in row["labels"]]
