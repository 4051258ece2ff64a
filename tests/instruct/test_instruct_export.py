"""Exports load where they are meant to, are the same bytes each time, and keep near copies together."""

from __future__ import annotations

import csv
import json
import re
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from corpusforge.errors import InputError, RecipeError
from corpusforge.instruct.export import FORMATS, Settings, write
from corpusforge.instruct.export.review import QUESTIONS, read_review, sample, wilson, write_review
from corpusforge.instruct.export.shapes import conversation, llamafactory, sharegpt, trl
from corpusforge.instruct.export.split import divide, groups
from corpusforge.instruct.records import Lineage, Row, Similar
from corpusforge.io.cells import original

NUMBERS = ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")


def rows() -> list[Row]:
    lineage = Lineage(seeds=("seed_1",), engine="local", model="m", model_licence="Apache-2.0",
                      prompt_version="generate.v1@0", sampling="T=0.7", requests=("k1", "k2"))  # fmt: skip
    similar = (Similar("seed_1", 3, 5, 6),)
    made = [
        Row(id=f"r{k}", task=f"t{k // 2}", instruction=f"{word} {k // 2}: name the {k // 2}th star",
            input="在南方" if k % 2 else "", output=f"星 {k}\n\"x\"", language="en",
            is_classification=k % 5 == 0, reasoning="count" if k % 3 == 0 else "", lineage=lineage,
            most_similar=similar, pass_rate=(k % 4, 4), flags=("hinted",) if k == 1 else ())
        for k in range(40) for word in [NUMBERS[k // 2 % 10]]
    ]  # fmt: skip
    made.append(Row(id="d1", task="d", instruction="", input="", output="再见", language="zh",
                    kind="dialogue", system="简短回答", reasoning="想",
                    turns=(("user", "你好"), ("assistant", "你好！"), ("user", "再见"),
                           ("assistant", "再见"))))  # fmt: skip
    return made


def everything(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_the_same_rows_give_the_same_bytes(tmp_path) -> None:
    for name in ("a", "b"):
        write(rows(), str(tmp_path / name), settings=Settings(validation=0.3))
    first, second = everything(tmp_path / "a"), everything(tmp_path / "b")
    assert first == second
    assert {name.split("/")[0] for name in first} == {*FORMATS, "export.jsonl"}


@pytest.mark.parametrize(
    "name", ["alpaca", "llamafactory", "messages", "openai", "sharegpt", "trl"]
)
def test_every_json_form_loads_in_datasets(tmp_path, name) -> None:
    datasets = pytest.importorskip("datasets")
    write(rows(), str(tmp_path / "out"), [name], Settings(validation=0.3))
    listed = [json.loads(line) for line in (tmp_path / "out/export.jsonl").read_text().splitlines()]
    for item in listed:
        if item["split"]:
            loaded = datasets.load_dataset(
                "json",
                data_files=str(tmp_path / "out" / item["path"]),
                cache_dir=str(tmp_path / "c"),
            )["train"]
            assert loaded.num_rows == item["rows"] > 0
    kept = sum(item["rows"] for item in listed)
    assert (kept, sum(item["left_out"] for item in listed)) == (
        (40, 1) if name == "alpaca" else (41, 0)
    )


def test_the_datasets_directory_loads_with_its_splits(tmp_path) -> None:
    datasets = pytest.importorskip("datasets")
    write(rows(), str(tmp_path / "out"), ["datasets"], Settings(validation=0.3))
    loaded = datasets.load_dataset(str(tmp_path / "out/datasets"), cache_dir=str(tmp_path / "c"))
    assert sorted(loaded) == ["train", "validation"]
    both = [*loaded["train"], *loaded["validation"]]
    assert sorted(row["id"] for row in both) == sorted(row.id for row in rows())
    dialogue = next(row for row in both if row["id"] == "d1")
    assert [turn["role"] for turn in dialogue["messages"]] == [
        "system", "user", "assistant", "user", "assistant",
    ]  # fmt: skip
    card = (tmp_path / "out/datasets/README.md").read_text()
    assert card.startswith('---\nlanguage:\n- "en"\n- "zh"\n') and "41 examples of 21 tasks" in card
    assert "| Apache-2.0 | 40 | 97.6% |" in card


def test_parquet_keeps_every_field(tmp_path) -> None:
    write(rows(), str(tmp_path / "out"), ["parquet"], Settings(validation=0))
    table = pq.read_table(tmp_path / "out/parquet/train.parquet").to_pylist()
    assert [row["id"] for row in table] == [row.id for row in rows()]
    one = table[1]
    assert one["lineage"] == {
        "seeds": ["seed_1"], "parents": [], "prompt_version": "generate.v1@0", "engine": "local",
        "model": "m", "model_licence": "Apache-2.0", "sampling": "T=0.7", "round": 0,
        "requests": ["k1", "k2"],
    }  # fmt: skip
    assert one["most_similar"] == [{"id": "seed_1", "lcs": 3, "left": 5, "right": 6, "f1": 6 / 11}]
    assert (one["passed"], one["tried"], one["flags"]) == (1, 4, ["hinted"])
    assert table[-1]["turns"][0] == {"role": "user", "content": "你好"}


def test_reasoning_is_rendered_only_as_asked() -> None:
    row = rows()[0]
    assert conversation(row, "none")["messages"][-1]["content"] == row.output
    thought = conversation(row, "think")["messages"][-1]["content"]
    assert thought == "<think>\ncount\n</think>\n\n" + row.output
    assert conversation(row, "plain")["messages"][-1]["content"] == "count\n\n" + row.output
    contents = [turn["content"] for turn in conversation(rows()[-1], "think")["messages"]]
    assert [text.startswith("<think>") for text in contents] == [False, False, False, False, True]


def test_shapes_of_a_dialogue() -> None:
    row = rows()[-1]
    assert [turn["from"] for turn in sharegpt(row, "none")["conversations"]] == [
        "system", "human", "gpt", "human", "gpt",
    ]  # fmt: skip
    made = trl(row, "none")
    assert made is not None and len(made["prompt"]) == 4
    assert made["completion"] == [{"role": "assistant", "content": "再见"}]
    assert llamafactory(row, "none") == {
        "instruction": "再见", "input": "", "output": "再见", "system": "简短回答",
        "history": [["你好", "你好！"]],
    }  # fmt: skip
    open_ended = Row(id="o", task="o", instruction="", input="", output="", language="zh",
                     turns=(("user", "你好"),))  # fmt: skip
    assert trl(open_ended, "none") is None and llamafactory(open_ended, "none") is None


def test_llamafactory_names_its_files(tmp_path) -> None:
    write(rows(), str(tmp_path), ["llamafactory"], Settings(validation=0.3, name="stars"))
    info = json.loads((tmp_path / "llamafactory/dataset_info.json").read_text())
    assert sorted(info) == ["stars_train", "stars_validation"]
    columns = info["stars_train"]["columns"]
    first = json.loads((tmp_path / "llamafactory" / info["stars_train"]["file_name"]).read_text())[
        0
    ]
    assert set(columns.values()) == set(first)


def parsed(raw: str, classification: bool) -> list[tuple[str, str]]:
    """The original's parser of instances, written again from its description."""
    if classification:
        parts = re.split(r"Class label:", raw)[1:]
        return [(part.strip().partition("\n")[2].strip(), part.strip().partition("\n")[0])
                for part in parts]  # fmt: skip
    found = []
    for part in re.split(r"Example\s?\d*\.?", raw):
        if part.strip():
            given, _, answer = part.partition("Output:")
            found.append((given.strip(), answer.strip()))
    return found


def test_self_instruct_files_are_read_by_its_own_steps(tmp_path) -> None:
    write(rows(), str(tmp_path), ["selfinstruct"], Settings(validation=0))
    folder = tmp_path / "selfinstruct"
    lines = {path.name: [json.loads(line) for line in path.read_text().splitlines()]
             for path in folder.glob("*.jsonl")}  # fmt: skip
    assert sorted(lines) == [
        "all_generated_instances.jsonl", "gpt3_finetuning_data_40.jsonl",
        "is_clf_or_not_local_template_1.jsonl", "machine_generated_instances.jsonl",
        "machine_generated_instructions.jsonl",
    ]  # fmt: skip
    first = lines["machine_generated_instructions.jsonl"][0]
    assert list(first) == ["instruction", "most_similar", "avg_similarity_score", "metadata",
                           "request_idx"]  # fmt: skip
    assert first["most_similar"] == {"seed_1": 6 / 11} and first["avg_similarity_score"] == 0.0
    # "one 0: name the 0th star" and "two 1: name the 1th star": name, the, star of 6 and 6 words
    assert lines["machine_generated_instructions.jsonl"][1]["avg_similarity_score"] == 0.5
    labels = {row["instruction"]: row["is_classification"]
              for row in lines["is_clf_or_not_local_template_1.jsonl"]}  # fmt: skip
    assert set(labels.values()) == {" Yes", " No"}
    for row in lines["machine_generated_instances.jsonl"]:
        expected = [(r.input, r.output) for r in rows() if r.instruction == row["instruction"]]
        if labels[row["instruction"]] == " No":
            assert parsed(row["raw_instances"], False) == expected
    assert lines["gpt3_finetuning_data_40.jsonl"][1]["prompt"].endswith("Input: 在南方\n\nOutput:")


def test_near_copies_stand_on_one_side() -> None:
    def row(name: str, text: str, **options: str) -> Row:
        return Row(id=name, instruction=text, input="", output=name, language="zh",
                   **{"task": name, **options})  # fmt: skip

    made = [
        row("a", "请写一首关于春天的短诗"),
        row("b", "请写一首关于春天的诗"),  # a near copy of a
        row("c", "解释为什么天空是蓝色的"),
        row("d", "把下面的数字从小到大排列", group="g"),
        row("e", "列出三种常见的水果名称", group="g"),
        row("f", "介绍一下长城的历史", task="c"),
    ]
    assert groups(made) == ["a", "a", "c", "d", "d", "c"]
    for seed in range(20):
        parts = divide(made, 0.5, seed)
        sides = {item.id: split for split, part in parts.items() for item in part}
        assert len(sides) == 6
        assert sides["a"] == sides["b"] and sides["c"] == sides["f"] and sides["d"] == sides["e"]
        assert [item.id for item in parts["train"]] == sorted(item.id for item in parts["train"])
    assert list(divide(made, 0.0)) == ["train"]
    assert list(divide([], 0.5)) == ["train"]


def test_the_share_held_out_is_near_what_was_asked() -> None:
    made = [Row(id=str(k), task=str(k), instruction=f"w{k} x{k} y{k} z{k}", input="", output="o",
                language="en") for k in range(2000)]  # fmt: skip
    held = len(divide(made, 0.1)["validation"])
    assert abs(held - 200) < 4 * (2000 * 0.1 * 0.9) ** 0.5


def test_settings_and_names_are_checked(tmp_path) -> None:
    with pytest.raises(RecipeError, match="Did you mean 'alpaca'"):
        write(rows(), str(tmp_path), ["alpacca"])
    for wrong in ({"reasoning": "loud"}, {"validation": 0.7}, {"name": "a b"}):
        with pytest.raises(RecipeError):
            Settings(**wrong)


def test_no_rows_give_empty_files(tmp_path) -> None:
    written = write([], str(tmp_path / "out"))
    assert {item.rows for item in written} == {0}


def test_review_sheet_and_its_answers(tmp_path) -> None:
    many = rows()
    sheet, page = write_review(many, str(tmp_path), size=10)
    assert len(sample(many, 10)) == 10 and sample(many, 10) != sample(many, 10, seed=1)
    assert "<script" not in Path(page).read_text()
    with Path(sheet).open(encoding="utf-8-sig", newline="") as stream:
        filled = list(csv.DictReader(stream))
    assert [row["output"] for row in filled] == [row.output for row in sample(many, 10)]
    for k in range(8):
        filled[k] |= dict.fromkeys(QUESTIONS, "yes")
        filled[k]["output_right"] = "No" if k < 2 else "是"
    with Path(sheet).open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, filled[0].keys())
        writer.writeheader()
        writer.writerows(filled)
    answers = read_review(sheet)
    assert (answers.rows, answers.open, answers.all_valid.yes, answers.all_valid.judged) == (
        10,
        2,
        6,
        8,
    )
    assert answers.shares["valid_task"].share == 1.0
    # Wilson 1927, as in Agresti & Coull: 6 of 8 gives 0.409 to 0.929
    assert (answers.all_valid.low, answers.all_valid.high) == pytest.approx(
        (0.409, 0.929), abs=5e-4
    )
    assert wilson(0, 0) == (0.0, 1.0)


def test_a_wrong_sheet_is_refused(tmp_path) -> None:
    path = tmp_path / "sheet.csv"
    path.write_text("id,valid_task\n1,yes\n")
    with pytest.raises(InputError, match="input_fits"):
        read_review(str(path))
    path.write_text("id,valid_task,input_fits,output_right\n1,yes,maybe,no\n")
    with pytest.raises(InputError, match=r"row 2.*'maybe'"):
        read_review(str(path))
    path.write_text("id,valid_task,input_fits,output_right\n1,yes,no,no\n2,,,\n1,yes,yes,yes\n")
    with pytest.raises(InputError, match=r"row '1' stands there twice"):
        read_review(str(path))


def test_cells_are_no_formulas(tmp_path) -> None:
    row = Row(
        id="1", task="1", instruction='=HYPERLINK("x")', input="", output="<b>", language="en"
    )
    sheet, page = write_review([row], str(tmp_path))
    assert "'=HYPERLINK" in Path(sheet).read_text(encoding="utf-8")
    assert "&lt;b&gt;" in Path(page).read_text()


@pytest.mark.parametrize(
    "text", ["=1", "\n=1", " \t@x", '"=1', "＝1", "-5 degrees", "'=1", "plain"]
)
def test_texts_of_a_sheet_come_back(tmp_path, text: str) -> None:
    row = Row(id="1", task="1", instruction=text, input=text, output=text, language="en")
    sheet, _ = write_review([row], str(tmp_path))
    with Path(sheet).open(encoding="utf-8-sig", newline="") as stream:
        (cells,) = csv.DictReader(stream)
    for name in ("instruction", "input", "output"):
        assert cells[name] == (text if text == "plain" else "'" + text)
        assert original(cells[name]) == text
