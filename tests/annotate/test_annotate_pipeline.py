"""The whole way out by its command, against replies on disk; and a rater who leaves."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from corpusforge.annotate.erasure import forget
from corpusforge.annotate.jobs import read_job, read_tasks
from corpusforge.annotate.private import load_private, read_raters
from corpusforge.cli import main as corpusforge
from corpusforge.errors import InputError
from pipelines.export_labelling import main

TOPICS = ("tides", "bees", "glass", "bread", "maps", "snow", "ink", "salt", "kites", "clocks")
ZH = ("潮汐", "蜜蜂", "玻璃", "面包", "地图")


def jsonl(path: Path, rows: list[dict[str, Any]]) -> str:
    path.write_text(
        "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8"
    )
    return str(path)


@pytest.fixture
def inputs(tmp_path: Path) -> dict[str, str]:
    texts = [f"Explain how {topic} came to matter in trade, with one example" for topic in TOPICS]
    texts += [f"请说明{topic}在历史上为什么重要，并举一个例子" for topic in ZH]
    prompts = [{"prompt": text, "user": f"user-{n % 4}"} for n, text in enumerate(texts)]
    answers = [
        {
            "prompt": text,
            "answers": [
                {"text": f"{text} 回答 {place} " + " ".join(f"w{n}x{place}y{m}" for m in range(9)),
                 "model": f"model-{place}"}
                for place in range(5)
            ],
        }
        for n, text in enumerate(texts)
    ]  # fmt: skip
    (tmp_path / "salt").write_text("a salt of thirty-two characters.")
    return {
        "prompts": jsonl(tmp_path / "prompts.jsonl", prompts),
        "answers": jsonl(tmp_path / "answers.jsonl", answers),
        "salt": str(tmp_path / "salt"),
    }


def export(inputs: dict[str, str], output: Path, *more: str) -> int:
    return main([
        "--prompts", inputs["prompts"], "--answers", inputs["answers"], "--pool", "all",
        "--salt-file", inputs["salt"], "--raters", "3", "-k", "4", "--output", str(output), *more,
    ])  # fmt: skip


def files_of(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_one_command_makes_a_job_for_every_target(
    inputs: dict[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    targets = ("label-studio", "argilla", "csv", "html")
    assert export(inputs, tmp_path / "job", "--target", *targets) == 0
    said = capsys.readouterr().out
    assert said.index("cost estimate: 45 tasks") < said.index("job j_")
    job = read_job(str(tmp_path / "job"))
    assert (job.tasks, job.prompts, job.k, job.overlap, len(job.raters)) == (45, 15, 4, 3, 3)
    assert job.targets == targets
    for target in targets:
        shown = b"".join(files_of(tmp_path / "job" / target).values())
        assert shown
        for secret in (b"model-0", b"model-4", b"user-1", b"rater-1"):
            assert secret not in shown, (target, secret)
    report = json.loads((tmp_path / "job" / "export.json").read_text())
    assert report["tasks"] == 45
    assert report["prompts"]["languages"] == {"en": 10, "zh": 5}
    assert report["checksum"] == job.checksum


def test_the_same_command_gives_the_same_bytes(inputs: dict[str, str], tmp_path: Path) -> None:
    for name in ("a", "b"):
        assert export(inputs, tmp_path / name, "--target", "csv", "html") == 0
    assert files_of(tmp_path / "a") == files_of(tmp_path / "b")


def test_an_unfinished_export_is_done_again_and_a_finished_one_is_kept(
    inputs: dict[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    job = tmp_path / "job"
    assert export(inputs, job) == 0
    whole = files_of(job)
    assert export(inputs, job) == 2
    assert "holds a finished job" in capsys.readouterr().err
    (job / "export.json").unlink()
    (job / "job.json").unlink()
    assert export(inputs, job) == 0
    assert files_of(job) == whole


def test_plan_writes_nothing(
    inputs: dict[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert export(inputs, tmp_path / "job", "--plan") == 0
    assert "45 tasks" in capsys.readouterr().out
    assert not (tmp_path / "job").exists()


def test_demonstrations_need_no_answers(inputs: dict[str, str], tmp_path: Path) -> None:
    code = main(["--prompts", inputs["prompts"], "--raters", "2", "--kind", "demonstration",
                 "--pool", "all", "--overlap", "1", "--output", str(tmp_path / "job")])  # fmt: skip
    assert code == 0
    tasks = list(read_tasks(str(tmp_path / "job")))
    assert len(tasks) == 15
    assert all(task.candidates == task.presented_order == () for task in tasks)
    assert read_job(str(tmp_path / "job")).guidelines_version == "demonstration.v1"


def test_a_replayed_journal_gives_the_job_offline(inputs: dict[str, str], tmp_path: Path) -> None:
    from test_annotate_candidates import Scripted, different

    from corpusforge.annotate.candidates import Source
    from corpusforge.annotate.create_job import Request, export
    from corpusforge.annotate.settings import Settings
    from corpusforge.models.client import Client
    from corpusforge.models.records import Sampling

    journal = tmp_path / "replies.jsonl"
    warm = Source(sampling=Sampling(temperature=0.7, top_p=0.9))  # the default
    request = Request(
        prompts=[("user", inputs["prompts"])], output=str(tmp_path / "live"), raters="3",
        targets=[], salt_file=inputs["salt"], pool="all",
    )  # fmt: skip
    with Client(Scripted(different), journal) as client:
        export(request, Settings(), client, [warm], say=lambda _: None)
    code = main(["--prompts", inputs["prompts"], "--engine", "replay", "--journal", str(journal),
                 "--raters", "3", "--pool", "all", "--salt-file", inputs["salt"],
                 "--output", str(tmp_path / "again")])  # fmt: skip
    assert code == 0
    for name in ("tasks.jsonl", "job.json"):
        assert (tmp_path / "live" / name).read_bytes() == (tmp_path / "again" / name).read_bytes()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (["--raters", "0"], "expected 1 to"),
        (["--raters", "nobody.txt"], "neither a number"),
        (["-k", "12"], "2 to 9"),
        (["--rubric", "instructgtp.v1"], "instructgpt.v1"),
        (["--gold", "missing.jsonl"], "matches no file"),
        (["--languages", "fr"], "is empty"),
        (["--prompts", "nothing*.jsonl"], "matches no file"),
        (["--overlap-ratio", "7"], "assign.overlap_ratio"),
    ],
)
def test_wrong_options_end_with_two_and_a_sentence(
    inputs: dict[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str],
    change: list[str], message: str,
) -> None:  # fmt: skip
    assert export(inputs, tmp_path / "job", *change) == 2
    assert message in capsys.readouterr().err


def test_without_answers_or_model_it_says_what_is_missing(
    inputs: dict[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code = main(["--prompts", inputs["prompts"], "--raters", "1", "--pool", "all",
                 "--output", str(tmp_path / "job")])  # fmt: skip
    assert code == 2
    assert "--answers FILES" in capsys.readouterr().err


def test_raters_from_a_file_read_their_languages(inputs: dict[str, str], tmp_path: Path) -> None:
    names = tmp_path / "raters.txt"
    names.write_text("Ana, en\n# gone\n李雷\tzh\nSam\n", encoding="utf-8")
    assert export(inputs, tmp_path / "job", "--raters", str(names), "--overlap", "1") == 0
    private = load_private(str(tmp_path / "job"))
    assert set(private.raters) == {"Ana", "李雷", "Sam"}
    seen = {(task.rater, task.prompt.language) for task in read_tasks(str(tmp_path / "job"))}
    assert (private.raters["Ana"], "zh") not in seen
    assert (private.raters["李雷"], "en") not in seen
    text = (tmp_path / "job" / "tasks.jsonl").read_text(encoding="utf-8")
    assert "Ana" not in text
    assert "李雷" not in text
    with pytest.raises(InputError, match="different names"):
        names.write_text("Ana\nAna\n")
        read_raters(str(names), private)


def test_the_salt_is_secret_and_random_where_none_is_given(
    inputs: dict[str, str], tmp_path: Path
) -> None:
    found = set()
    for name in ("a", "b"):
        main(["--prompts", inputs["prompts"], "--answers", inputs["answers"], "--raters", "1",
              "--pool", "all", "--output", str(tmp_path / name)])  # fmt: skip
        secret = tmp_path / name / "private" / "raters.json"
        assert secret.stat().st_mode & 0o077 == 0
        found.add(load_private(str(tmp_path / name)).salt)
        salt = load_private(str(tmp_path / name)).salt.encode()
        others = [body for key, body in files_of(tmp_path / name).items() if "private" not in key]
        assert not any(salt in body for body in others)
    assert len(found) == 2


def test_a_rater_is_forgotten_everywhere(
    inputs: dict[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    job = tmp_path / "job"
    assert export(inputs, job, "--target", "html", "csv") == 0
    before = read_job(str(job))
    rater = load_private(str(job)).raters["rater-2"]
    mine = [task.id for task in read_tasks(str(job)) if task.rater == rater]
    results = tmp_path / "results"
    (results / "training").mkdir(parents=True)
    (results / "training" / "pairs.jsonl").write_text("{}\n")
    (results / "report.html").write_text("x")
    rows = [{"task": task.id, "rater": task.rater, "text": "x"} for task in read_tasks(str(job))]
    jsonl(results / "rankings.jsonl", rows)
    jsonl(results / "refused.jsonl", [{"task": task["task"], "rater": ""} for task in rows])
    code = corpusforge(["annotate", "forget", "--job", str(job), "--rater", "rater-2",
                        "--import", str(results)])  # fmt: skip
    assert code == 0
    assert "15 tasks" in capsys.readouterr().out
    for folder in (job, results):
        for name, body in files_of(folder).items():
            assert rater.encode() not in body, name
            assert rater not in name
            assert b"rater-2" not in body, name
            assert not any(task.encode() in body for task in mine), name
    after = read_job(str(job))
    assert (after.id, after.tasks, len(after.raters)) == (before.id, 30, 2)
    assert after.accepts(before.checksum) is True
    for name in ("rankings.jsonl", "refused.jsonl"):
        assert len((results / name).read_text().splitlines()) == 30
    with pytest.raises(InputError, match="not in job"):
        forget(str(job), "rater-2")


def test_a_killed_deletion_is_done_again(inputs: dict[str, str], tmp_path: Path) -> None:
    job = tmp_path / "job"
    assert export(inputs, job) == 0
    whole, old = read_job(str(job)), (job / "job.json").read_bytes()
    forget(str(job), "rater-1")
    done = files_of(job)
    (job / "job.json").write_bytes(old)  # killed after tasks.jsonl, before job.json
    private = json.loads((job / "private" / "raters.json").read_text())
    private["raters"]["rater-1"] = next(r for r in whole.raters if r not in read_job_raters(done))
    (job / "private" / "raters.json").write_text(json.dumps(private))
    with pytest.raises(InputError, match="checksum"):
        read_job(str(job))
    forget(str(job), "rater-1")
    assert files_of(job) == done


def read_job_raters(files: dict[str, bytes]) -> list[str]:
    return json.loads(files["job.json"])["raters"]


def test_prompts_that_a_job_leaves_out_are_named(
    inputs: dict[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "job"
    assert export(inputs, output, "--pool", "rm") == 0
    told = capsys.readouterr().out
    ppo = (output / "pool" / "ppo.jsonl").read_bytes().count(b"\n")
    assert ppo > 0
    assert f"  {ppo} kept prompts make no task here" in told
    assert f"ppo {ppo} ({output}/pool/ppo.jsonl)" in told and "--pool all" in told
    assert export(inputs, tmp_path / "all") == 0
    assert "make no task here" not in capsys.readouterr().out


def test_what_a_killed_export_was_writing_is_swept(inputs: dict[str, str], tmp_path: Path) -> None:
    output = tmp_path / "job"
    (output / "pool").mkdir(parents=True)
    left = [output / "tasks.jsonl.tmp-0123456789ab", output / "pool" / "rm.jsonl.tmp-ba9876543210"]
    for path in left:
        path.write_text("torn")
    assert export(inputs, output) == 0
    assert not any(path.exists() for path in left)


def test_a_server_needs_no_model_name_and_cut_answers_are_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("openai", reason="extra openai")
    from tests.models.fault_server import Handler, serve

    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    plain = Handler.value

    def cut(self: Handler, body: Any, prompt: str, **changes: Any) -> dict[str, Any]:
        made = plain(self, body, prompt, **changes)
        words = " ".join(f"w{body['seed']}x{n}" if "seed" in body else "w" for n in range(9))
        made["choices"][0]["message"]["content"] = f"{words} {self.server.answers[prompt]}" * 5
        made["choices"][0]["finish_reason"] = "length"
        return made

    monkeypatch.setattr(Handler, "value", cut)
    prompts = jsonl(tmp_path / "p.jsonl", [{"prompt": f"Explain {topic}."} for topic in TOPICS])
    with serve() as server:
        assert main([
            "--engine", "openai", "--base-url", server.url, "--prompts", prompts, "--pool", "all",
            "--raters", "2", "-k", "2", "--max-tokens", "70", "--answer-similar", "1",
            "--output", str(tmp_path / "job"),
        ]) == 0  # fmt: skip
    assert (
        "warning: 20 of 20 answers of annotate.candidate end at their limit of 70 tokens: raise "
        "--max-tokens, or raters see answers that break off"
    ) in capsys.readouterr().err
