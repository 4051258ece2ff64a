"""Modes that start from files: Super-NaturalInstructions, labelled sets, xP3's prompts, sequences, shots."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from loop_kit import Told

from corpusforge.errors import InputError, RecipeError, RunError
from corpusforge.instruct.modes import labelled
from corpusforge.instruct.modes.labelled import load_sets
from corpusforge.instruct.modes.natural import read_task
from corpusforge.instruct.modes.records import Demonstration
from corpusforge.instruct.modes.run import job
from corpusforge.instruct.modes.settings import Settings
from corpusforge.instruct.modes.shots import with_shots
from corpusforge.instruct.modes.templated import variant
from corpusforge.instruct.records import Row
from corpusforge.instruct.session import run
from corpusforge.models.client import Client
from corpusforge.models.engines import no_client
from pipelines import modes as command

HERE = Path(__file__).resolve().parents[2] / "examples" / "modes"
TASKS, SETS = (str(HERE / "tasks"),), (str(HERE / "sets.toml"),)
SET = 'name = "a"\ndata = "a.jsonl"\nlanguage = "en"\n'
FORM = f'[[sets]]\n{SET}form = "%s"\n'
ASKED = 'question = "text", label = "z"'
OWN = '[[templates]]\nset = "a"\nname = "t"\nlanguage = "en"\n'


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def made(tmp_path: Path, **settings: Any) -> list[dict[str, Any]]:
    with no_client() as client:
        done = run(job(Settings(**settings)), str(tmp_path), client, formats=("shots",))
    assert done.error is None
    return lines(tmp_path / "rows.jsonl")


def test_a_task_file_as_published_in_its_first_form(tmp_path: Path) -> None:
    """The keys of the project's files of 2021: a definition as text, no languages, no ids."""
    path = tmp_path / "task069_abductivenli_classification.json"
    path.write_text(
        json.dumps(
            {
                "Contributors": ["A"], "Source": ["Abductive NLI"], "URL": ["https://example.org"],
                "Categories": ["Reasoning -> Commonsense Reasoning", "Classification"],
                "Definition": "Choose the middle that makes the story plausible: write 1 or 2.",
                "Positive Examples": [{"input": "B. M1. M2. E.", "output": "1", "explanation": "x"}],
                "Negative Examples": [{"input": "-", "output": "-", "explanation": "-"}, "-"],
                "Instances": [{"input": " Beginning: … ", "output": ["1", "1"]},
                              {"id": "x-2", "input": "Other", "output": "2"}],
            }
        )
    )  # fmt: skip
    task = read_task(str(path))
    assert task.name == "task069_abductivenli_classification"
    assert (task.language, task.family) == ("en", "Reasoning -> Commonsense Reasoning")
    assert task.instances == (("1", "Beginning: …", ("1",)), ("x-2", "Other", ("2",)))
    assert len(task.positive) == 1


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ({"Definition": "x", "Instances": []}, "`Instances` is"),
        ({"Definition": [], "Instances": [{}]}, "`Definition` is"),
        ({"Definition": "x", "Instances": [{"input": "a"}]}, "instance 1: `output` is"),
        ({"Definition": "x", "Instances": [{"output": ["a"]}]}, "instance 1: expected"),
        ([], "expected an object"),
    ],
)
def test_task_files_that_do_not_fit(table: Any, said: str, tmp_path: Path) -> None:
    path = tmp_path / "task.json"
    path.write_text(json.dumps(table))
    with pytest.raises(InputError, match=said):
        read_task(str(path))


def test_natural_instructions_as_counted_by_hand(tmp_path: Path) -> None:
    rows = made(tmp_path, modes=("natural_instructions",), tasks=TASKS, languages=("en", "zh"))
    assert Counter(row["task"] for row in rows) == {
        "task001_river_question": 4,
        "task002_zh_antonym": 4,
    }
    river = {row["input"]: row for row in rows}["A ferry crosses the Dart every twenty minutes."]
    assert river["output"] == "How often does a ferry cross the Dart?"
    assert river["lineage"]["parents"] == ["task001_river_question#task001-b"]
    assert river["lineage"]["engine"] == "none" and river["lineage"]["requests"] == []
    rejects = lines(tmp_path / "rejects.jsonl")
    assert {one["rule"] for one in rejects} == {"duplicate", "ends_with_colon"}
    notes = {one["task"]: one for one in lines(tmp_path / "tasks.jsonl")}
    assert notes["task003_en_de_translation"]["language"] == "German"
    assert notes["task001_river_question"]["licence"] == "CC0 1.0"
    shown = lines(tmp_path / "demonstrations.jsonl")
    assert Counter(one["positive"] for one in shown) == {True: 3, False: 2}
    report = json.loads((tmp_path / "report.json").read_text())
    assert report["figures"]["tasks left out by language"] == {"German": 1}
    assert report["engine"] == "none" and report["usage"] == []
    assert not (tmp_path / "journal.jsonl").exists()


def test_a_larger_draw_begins_with_a_smaller_and_a_reference_is_drawn(tmp_path: Path) -> None:
    few, all_ = (
        made(
            tmp_path / str(each),
            modes=("natural_instructions",),
            tasks=TASKS,
            languages=("zh",),
            each=each,
        )
        for each in (2, 0)
    )
    assert all_[:2] == few and len(all_) == 4
    found = set()
    for seed in range(8):
        rows = made(
            tmp_path / f"s{seed}",
            modes=("natural_instructions",),
            tasks=TASKS,
            languages=("zh",),
            seed=seed,
        )
        found |= {row["output"] for row in rows if row["input"] == "明亮"}
    assert found == {"昏暗", "黑暗"}


def test_shots_none_one_and_several(tmp_path: Path) -> None:
    made(tmp_path, modes=("natural_instructions",), tasks=TASKS, shots=3, negatives=1)
    none, one, three = (
        lines(tmp_path / "export" / "shots" / f"train.{k}.jsonl") for k in (0, 1, 3)
    )
    assert [len(x) for x in (none, one, three)] == [4, 4, 4]
    by_id = {row["id"]: row for row in lines(tmp_path / "rows.jsonl")}
    for row in (*none, *one, *three):
        own = by_id[row["id"]]
        assert row["completion"] == own["output"]
        assert row["prompt"].startswith(own["instruction"])
        assert row["prompt"].endswith(f"Input: {own['input']}\nOutput:")
        assert row["prompt"].count(own["input"]) == 1, "its own example is not shown"
    assert {row["shots"] for row in none} == {0} and "wrong" not in none[0]["prompt"]
    assert all("Example 1\nInput: The Otter Brook is nine" in row["prompt"] for row in one)
    assert all("This answer is wrong: Why is the Tarn blue?" in row["prompt"] for row in one)
    assert all(len(row["shown"]) == 1 and row["shots"] == 3 for row in three)


def test_no_example_says_what_the_row_says() -> None:
    def row(name: str, given: str, output: str) -> Row:
        return Row(
            id=name, task="t", instruction="Do it.", input=given, output=output, language="en"
        )

    rows = [
        row("a", "one", "1"),
        row("b", "one", "uno"),
        row("c", "two", "2"),
        row("d", "two", "dos"),
    ]
    own = [Demonstration(task="t", language="en", positive=True, input="one", output="1")]
    found = with_shots(rows, own, 3, Settings())
    assert [one["shots"] for one in found if one] == [1, 1, 2, 2]
    for shaped, given in zip(found, ("one", "one", "two", "two"), strict=True):
        assert shaped and shaped["prompt"].count(f"Input: {given}\n") == 1
    dialogue = replace(rows[0], turns=(("user", "x"), ("assistant", "y")))
    assert with_shots([dialogue], own, 1, Settings()) == [None]


def test_the_export_s_settings_may_change_in_a_directory(tmp_path: Path) -> None:
    settings: dict[str, Any] = {"modes": ("natural_instructions",), "tasks": TASKS}
    made(tmp_path, shots=3, **settings)
    made(tmp_path, shots=2, negatives=1, dominant=0.9, **settings)
    assert (tmp_path / "export" / "shots" / "train.2.jsonl").exists()
    with pytest.raises(RunError, match="seed"):
        made(tmp_path, seed=1, **settings)


def test_templates_of_a_set_and_of_its_form(tmp_path: Path) -> None:
    settings: dict[str, Any] = {"modes": ("templates",), "sets": SETS, "languages": ("en", "zh")}
    rows = made(tmp_path / "one", **settings)
    assert Counter((row["task"], row["language"]) for row in rows) == {
        ("storms", "en"): 4, ("storms", "zh"): 3, ("same", "en"): 3, ("quiz", "en"): 3, ("reviews", "zh"): 4,
    }  # fmt: skip
    review = next(row for row in rows if "隔音" in row["instruction"])
    assert (
        review["instruction"]
        == "一位客人写道：“隔音很差，半夜还能听见楼上挪椅子。”\n这是好评还是差评？"
    )
    assert review["output"] == "差评" and review["flags"] == ["template_guest"]
    assert review["is_classification"] is True
    rows = made(tmp_path / "all", each_template=0, **settings)
    assert Counter(row["task"] for row in rows) == {
        "storms": 21,
        "same": 9,
        "quiz": 9,
        "reviews": 4,
    }
    letters = [row for row in rows if row["flags"] == ["template_pick_letter"]]
    assert {row["instruction"].splitlines()[0]: row["output"] for row in letters} == {
        "Which of these floats on water?": "A", "What do bees carry back to the hive?": "B",
        "Which tool measures temperature?": "C",
    }  # fmt: skip


def test_sequences_of_every_form(tmp_path: Path) -> None:
    rows = made(tmp_path, modes=("templates",), sets=SETS, languages=("en", "zh"))
    found = {one["id"]: one for one in lines(tmp_path / "sequences.jsonl")}
    assert found["same.en#2"]["sequences"] == [
        "<|start|>She bought three loaves.<|delimiter|>She baked three loaves.<|extract|>",
        "<|start|>She baked three loaves.<|delimiter|>She bought three loaves.<|extract|>",
    ]
    assert found["same.en#1"]["label"] == "true" and found["same.en#1"]["choice"] == -1
    assert found["storms.zh#3"]["sequences"] == [
        "<|start|>这家面馆只收现金。<|delimiter|>在这家面馆可以用手机付款。<|extract|>"
    ]
    assert found["quiz.en#2"]["sequences"] == [
        f"<|start|>What do bees carry back to the hive?<|delimiter|>{one}<|extract|>"
        for one in ("gravel", "nectar", "leaves")
    ]
    assert (found["quiz.en#2"]["label"], found["quiz.en#2"]["choice"]) == ("B", 1)
    assert found["reviews.zh#1"]["sequences"][0].startswith("<|start|>房间干净")
    assert {name for one in found.values() for name in one["rows"]} == {row["id"] for row in rows}


def test_caps_hold_for_a_task_and_for_a_task_in_a_language(tmp_path: Path) -> None:
    settings: dict[str, Any] = {"modes": ("templates",), "sets": SETS, "languages": ("en", "zh")}
    rows = made(tmp_path, each_template=0, per_task=15, per_task_language=8, **settings)
    found = Counter((row["task"], row["language"]) for row in rows)
    assert found["storms", "en"] <= 8 and found["storms", "zh"] <= 8
    assert found["storms", "en"] + found["storms", "zh"] == 15
    rules = Counter(one["rule"] for one in lines(tmp_path / "rejects.jsonl"))
    assert rules["task_cap"] + rules["task_language_cap"] == 21 - 15 + (9 - 8) * 2
    report = json.loads((tmp_path / "report.json").read_text())
    assert report["figures"]["rows by family"]["entailment"] == 15


def test_a_family_that_takes_over_is_warned_of(tmp_path: Path) -> None:
    settings: dict[str, Any] = {"modes": ("templates",), "sets": SETS, "languages": ("zh",)}
    made(tmp_path / "a", dominant=0.5, **settings)
    report = json.loads((tmp_path / "a" / "report.json").read_text())
    assert report["figures"]["warning"].startswith(
        "sentiment has 4 of 7 rows in zh (57%); above 50%"
    )
    made(tmp_path / "b", dominant=0.6, **settings)
    assert "warning" not in json.loads((tmp_path / "b" / "report.json").read_text())["figures"]


def test_prompts_in_english_in_the_data_s_language_and_translated(tmp_path: Path) -> None:
    """The translator keeps the holes but for one template, whose translation is refused."""

    def reply(request: Any) -> str:
        text = request.messages[-1].content.split("<data>\n")[1].split("\n</data>")[0]
        if "Suppose we know" in text:
            return text.replace("{{hypothesis}}", "假设").replace(
                "Suppose we know only this", "假定如下"
            )
        if "Premise" in text:
            return text  # not translated at all
        if "A guest" in text:
            return "客人的中文评论如下：{{text}}\n它是{{choices|join(' or ')}}？ ||| {{answer}}"
        return "{{premise}}\n\n由上可知“{{hypothesis}}”吗？请答{{choices|join(' or ')}}。 ||| {{answer}}"

    settings = Settings(
        modes=("xp3",), sets=SETS, languages=("zh",), each_template=0,
        prompts=("english", "native", "translated"),
    )  # fmt: skip
    engine = Told(reply)
    with Client(engine, tmp_path / "journal.jsonl") as client:
        done = run(job(settings), str(tmp_path), client, formats=("messages",))
    assert done.error is None
    rows = lines(tmp_path / "rows.jsonl")
    assert Counter((row["task"], row["flags"][1]) for row in rows) == {
        ("storms", "prompt_english"): 9, ("storms", "prompt_native"): 9, ("storms", "prompt_translated"): 3,
        ("reviews", "prompt_english"): 4, ("reviews", "prompt_native"): 4,
        ("reviews", "prompt_translated"): 4,
    }  # fmt: skip
    assert {row["language"] for row in rows} == {"zh"}
    answers = {row["flags"][1]: row["output"] for row in rows if "隔音" in row["instruction"]}
    assert answers == {
        "prompt_english": "complaint",
        "prompt_native": "差评",
        "prompt_translated": "差评",
    }
    by = {row["flags"][1]: row["lineage"] for row in rows}
    assert by["prompt_translated"]["engine"] == "told" and by["prompt_translated"]["requests"]
    assert by["prompt_english"]["engine"] == "none" and not by["prompt_english"]["requests"]
    assert {(one["step"], one["rule"], one["value"]) for one in lines(tmp_path / "rejects.jsonl")} == {
        ("xp3.translate", "lost_hole", "{{hypothesis}}"), ("xp3.translate", "language", "0.00 Han"),
    }  # fmt: skip
    assert len(engine.sent) == 4


@pytest.mark.parametrize(
    ("translated", "rule"),
    [
        ("{% for c in choices %}{{c}}{% endfor %} 是哪个？{{text}} ||| {{answer}}", ""),
        ("{% endfor %}{{c}}{% for c in choices %} 是哪个？{{text}} ||| {{answer}}", "lost_hole"),
        ("{{text}} 是哪个？{% for c in choices %}{{ c }}{%endfor%}{{answer}}", "lost_hole"),
        ("{{text}} 是哪个？{% for c in choices %}{% endfor %}{{c}} ||| {{answer}}", "lost_hole"),
    ],
)
def test_a_translation_must_still_be_a_template(translated: str, rule: str, tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text('{"text": "你好。", "label": "x"}\n')
    english = "{{text}} {% for c in choices %}{{c}}{% endfor %} ||| {{answer}}"
    own = f"{OWN}text = {json.dumps(english)}"
    (tmp_path / "sets.toml").write_text(f"[[sets]]\n{SET.replace('en', 'zh')}\n{own}")
    settings = Settings(
        modes=("xp3",), sets=(str(tmp_path / "sets.toml"),), languages=("zh",),
        prompts=("translated",),
    )  # fmt: skip
    with Client(Told(lambda request: translated)) as client:
        run(job(settings), str(tmp_path / "x"), client, formats=("messages",))
    rejects = lines(tmp_path / "x" / "rejects.jsonl")
    assert [one["rule"] for one in rejects] == ([rule] if rule else [])


@pytest.mark.parametrize(
    ("language", "translated", "data", "expected"),
    [("en", False, "en", "english"), ("en", False, "zh", "english"), ("zh", False, "zh", "native"),
     ("zh", True, "zh", "translated"), ("zh", False, "en", ""), ("zh", True, "en", "")],
)  # fmt: skip
def test_variants(language: str, translated: bool, data: str, expected: str) -> None:
    from corpusforge.instruct.modes.labelled import Template

    template = Template(name="t", language=language, text="x", translated=translated)
    assert variant(template, data) == expected


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (f"[[sets]]\n{SET}", "no template"),
        (f'[[sets]]\n{SET}form = "entailmnt"', "entailment"),
        (f'[[sets]]\n{SET}colums = {{}}', "columns"),
        (f'[[sets]]\n{SET}form = "entailment"', "no column 'premise'"),
        (f'{FORM % "classification"}columns = {{ label = "y" }}\nlabels = {{ 1 = "x" }}', "label '0'"),
        (f'{FORM % "choices"}columns = {{ {ASKED}, options = ["text", "y"] }}', "names none of 2 options"),
        (f'{FORM % "choices"}columns = {{ {ASKED}, options = "y" }}', "a list of two"),
        (f"[[sets]]\n{SET}\n{OWN}text = \"{{{{nothing}}}} ||| x\"", "needs 'nothing'"),
        (f"[[sets]]\n{SET}\n{OWN}text = \"{{{{text\"", "Jinja"),
        (f"[[sets]]\n{SET}\n{OWN}text = \"a ||| b ||| c\"", "more than once"),
        (f"[[sets]]\n{SET}\n[[sets]]\n{SET}\n{OWN}text = \"x ||| y\"", "comes twice"),
        (f"[[sets]]\n{SET}\n{OWN}text = \"{{{{text}}}}\"", "needs 'answer'"),
        (f"[[sets]]\n{SET}\n{OWN}text = \"{{{{text}}}} ||| {{{{answer}}}}\"", "needs 'answer'"),
        (f'{FORM % "classification"}columns = {{ label = "none" }}', "needs 'answer'"),
        ("x = ", "not TOML"),
        ('[[sets]]\nname = "a"\ndata = "b.jsonl"\nlanguage = "en"\nform = "choices"', "does not exist"),
    ],
)  # fmt: skip
def test_files_of_sets_that_cannot_work(text: str, said: str, tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text('{"text": "Hello.", "y": 0, "z": 7, "none": null}\n')
    (tmp_path / "sets.toml").write_text(text)
    with pytest.raises((RecipeError, InputError), match=said):
        load_sets([str(tmp_path / "sets.toml")], ["en"])


@pytest.mark.parametrize(
    ("path", "data"), [("s3://b/d/sets.toml", "s3://b/d/a.jsonl"), ("sets.toml", "./a.jsonl")]
)
def test_data_lies_beside_the_file_of_sets_in_a_store_too(
    path: str, data: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = (FORM % "classification").encode()
    monkeypatch.setattr(labelled.files, "exists", lambda name: name == path)
    monkeypatch.setattr(labelled.files, "read_bytes", {path: table}.__getitem__)
    with pytest.raises(InputError, match=f"'{data}' does not exist"):
        load_sets([path], ["en"])


def test_what_a_row_holds_is_no_template_and_templates_reach_no_python(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text(
        json.dumps({"text": "{{answer}} ||| {% for %}", "label": "x"}) + "\n"
    )
    text = f'[[sets]]\n{SET}\n{OWN}text = "{{{{text}}}} {{{{text.__class__.__mro__}}}}"'
    (tmp_path / "sets.toml").write_text(text)
    with pytest.raises(InputError, match="unsafe"):
        load_sets([str(tmp_path / "sets.toml")], ["en"])
    (tmp_path / "sets.toml").write_text(
        text.replace(" {{text.__class__.__mro__}}", " Name a letter.")
    )
    rows = made(tmp_path / "y", modes=("templates",), sets=(str(tmp_path / "sets.toml"),))
    assert rows[0]["instruction"] == "{{answer}} ||| {% for %} Name a letter."
    assert rows[0]["output"] == "x"


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--mode", "natural_instruction"], "natural_instructions"),
        (["--mode", "natural_instructions"], "--tasks"),
        (["--mode", "xp3"], "--sets"),
        (["--mode", "natural_instructions", "--tasks", "none"], "none"),
        (["--mode", "templates", "--sets", "none.toml"], "does not exist"),
        (["--mode", "templates", "--sets", SETS[0], "--dominant", "0"], "dominant"),
    ],
)
def test_wrong_options(options: list[str], said: str, tmp_path: Path, capsys: Any) -> None:
    assert command.main(["--output", str(tmp_path / "x"), *options]) == 2
    assert said in capsys.readouterr().err
    assert not (tmp_path / "x").exists()


def test_the_command_asks_for_no_engine_and_gives_the_same_bytes_again(
    tmp_path: Path, capsys: Any
) -> None:
    given = ["--mode", "natural_instructions,templates,xp3", "--tasks", TASKS[0], "--sets", SETS[0],
             "--language", "en,zh", "--format", "shots,trl"]  # fmt: skip
    for name in ("a", "b", "a"):
        assert command.main(["--output", str(tmp_path / name), *given]) == 0
    assert "rows by family" in capsys.readouterr().out
    one, two = (
        {
            p.relative_to(tmp_path / n): p.read_bytes()
            for p in (tmp_path / n).rglob("*")
            if p.is_file()
        }
        for n in ("a", "b")
    )
    assert one == two and len(one) > 8
