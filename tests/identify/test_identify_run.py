"""A run with languages by paragraph: what is written, dropped and noted in the ledger."""

from __future__ import annotations

import json

import pyarrow.parquet as pq

from corpusforge.io.jsonl import write_jsonl
from pipelines import pretrain_mix

EN = "The museum opens at nine every morning except Monday, and children enter free of charge."
ZH = "博物馆每天上午九点开放，星期一除外，儿童免费入场，欢迎各界人士前来参观。"


def test_a_run_keeps_the_wanted_paragraphs(tmp_path):
    rows = [{"text": f"{EN}\n{ZH}\n{EN} Bring a coat."}, {"text": ZH}, {"text": EN}]
    write_jsonl(str(tmp_path / "in.jsonl"), rows)
    (tmp_path / "recipe.toml").write_text(
        'name = "mixed"\n[sources.pages]\nkind = "documents"\n'
        '[filter.rules]\npages = []\n[identify]\nlanguages = ["en"]\nparagraphs = "keep"\n'
    )
    output = tmp_path / "run"
    pretrain_mix.run([
        "--recipe", str(tmp_path / "recipe.toml"), "--source", f"pages={tmp_path / 'in.jsonl'}",
        "--output", str(output), "--until", "documents", "--workers", "1", "--quiet",
    ])  # fmt: skip
    written = [
        text for path in sorted(output.glob("documents/*.parquet"))
        for text in pq.read_table(path).column("text").to_pylist()
    ]  # fmt: skip
    assert sorted(written) == sorted([f"{EN}\n{EN} Bring a coat.", EN])
    dropped = [
        (row["stage"], row["rule"]) for path in output.glob("dropped/*.parquet")
        for row in pq.read_table(path).to_pylist()
    ]  # fmt: skip
    assert dropped == [("identify", "language")]
    notes = [
        json.dumps(json.loads(path.read_text()), ensure_ascii=False)
        for path in output.rglob("*.json")
        if "paragraphs_cut" in path.read_text()
    ]
    assert notes
    assert '"paragraphs_cut:zh": 2' in notes[0]
    assert '"paragraphs:en": 3' in notes[0]
