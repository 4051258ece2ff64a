"""Selection by rounds of cliques gives the survivors of the sequential selection."""

from __future__ import annotations

import random
import tempfile
from pathlib import Path

import apache_beam as beam
import pyarrow as pa
import pytest
from apache_beam.runners.portability.fn_api_runner import FnApiRunner

from corpusforge.beam.dedup import DedupExact, DedupMinHash
from corpusforge.dedup.cliques import cliques_of, select, sign_rows, zone
from corpusforge.dedup.ranked import _policy_order  # the staged order itself is the reference
from corpusforge.dedup.select import find_duplicates
from corpusforge.dedup.settings import Settings
from corpusforge.dedup.sign import sign_part
from corpusforge.errors import InputError
from corpusforge.records import Document, document_batch
from corpusforge.testing.collect import Collect, collected

WORDS = [f"word{number}" for number in range(400)]


def varied(text: str, share: float, chance: random.Random) -> str:
    """The text with a share of its words replaced."""
    words = text.split()
    for place in chance.sample(range(len(words)), int(share * len(words))):
        words[place] = chance.choice(WORDS)
    return " ".join(words)


def corpus(seed: int, families: int = 25) -> list[Document]:
    """Families of near copies at every distance, equal copies, chains, equal addresses, short texts."""
    chance = random.Random(seed)
    texts: list[str] = []
    for _ in range(families):
        text = " ".join(chance.choices(WORDS, k=chance.randint(30, 120)))
        for _ in range(chance.randint(1, 6)):
            texts.append(text)
            if chance.random() < 0.3:
                texts.append(text.upper())
            text = varied(text, chance.choice([0.01, 0.03, 0.06, 0.1]), chance)
    texts += ["", "two words", "two words"]
    return [
        Document(
            id=f"{chance.getrandbits(64):016x}",
            source=chance.choice(["web", "books", "news"]),
            category="",
            format="text",
            text=text,
            locator=str(place),
            url=f"http://example.org/{chance.randint(0, 30)}" if chance.random() < 0.3 else "",
            date=chance.choice(["", "2024", "2024-05-01", "2023-01-02"]),
            lang="en",
        )
        for place, text in enumerate(texts)
    ]


def staged(documents: list[Document], settings: Settings, folder: Path) -> dict[str, str]:
    """Removed id → method, by the sequential selection."""
    rows = document_batch(documents)
    prefix = str(folder / "part")
    sign_part([rows], settings, prefix)
    texts = rows.column("text")
    found = find_duplicates([prefix], settings, lambda _, places: texts.take(pa.array(places)))
    return {row["removed"]: row["method"] for row in found.table(0).to_pylist()}


def by_rounds(documents: list[Document], settings: Settings, rounds: int) -> dict[str, str]:
    """Removed id → method, by the Beam transform, the documents in several batches."""
    batches = [
        document_batch(documents[n : n + 17], flags=[""] * len(documents[n : n + 17]))
        for n in range(0, len(documents), 17)
    ]
    with tempfile.TemporaryDirectory() as folder:
        with beam.Pipeline(runner=FnApiRunner()) as pipeline:
            out = pipeline | beam.Create(batches) | DedupMinHash(settings, rounds)
            _ = out.dropped | Collect(Path(folder))
        return {row.id: row.rule for row in collected(Path(folder))}


SETTINGS = Settings(
    sources=("books", "web"), url_sources=("web",), order=("source", "newest", "longest")
)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("rounds", [0, 1, 4])
def test_rounds_give_the_survivors_of_the_sequence(seed: int, rounds: int, tmp_path: Path) -> None:
    documents = corpus(seed)
    assert by_rounds(documents, SETTINGS, rounds) == staged(documents, SETTINGS, tmp_path)


def test_scopes_and_exact_alone(tmp_path: Path) -> None:
    documents = corpus(9)
    for settings in (Settings(scope="source"), Settings(method="exact", url_sources=("*",))):
        assert by_rounds(documents, settings, 1) == staged(documents, settings, tmp_path)
    rows = document_batch(documents, flags=[""] * len(documents))
    with beam.Pipeline(runner=FnApiRunner()) as pipeline:
        out = pipeline | beam.Create([rows]) | DedupExact(Settings(method="exact"))
        _ = out.rows | Collect(tmp_path / "kept")
    kept = [name for batch in collected(tmp_path / "kept") for name in batch["id"].to_pylist()]
    removed = set(staged(documents, Settings(method="exact"), tmp_path))
    assert sorted(kept) == sorted({document.id for document in documents} - removed)


def test_a_bucket_of_equal_signatures_is_as_long_as_its_members() -> None:
    text = " ".join(WORDS[:60])
    documents = [Document(f"{n:05d}", "web", "", "text", text, str(n)) for n in range(5_000)]
    signed = sign_rows(document_batch(documents), Settings(order=()), "b")
    cliques = list(cliques_of([(s.member, s.signature) for s in signed], 0, zone(Settings())))
    assert [len(clique.members) for clique in cliques] == [5_000]
    assert (
        sum(
            len(c.members)
            for c in cliques_of([(s.member, s.signature) for s in signed], 1, zone(Settings()))
        )
        == 0
    )
    removed = select(cliques)
    assert len(removed) == 4_999 and {kept for _, kept, _ in removed.values()} == {"00000"}


@pytest.mark.parametrize("key", ["source", "score", "newest", "oldest", "longest", "shortest"])
def test_the_order_of_members_is_the_policys(key: str, tmp_path: Path) -> None:
    chance = random.Random(key)
    documents = corpus(4)
    rows = document_batch(documents, flags=[""] * len(documents))
    scores = [chance.choice([None, 0.25, 0.5, 0.75]) for _ in documents]
    rows = pa.RecordBatch.from_arrays(
        [*rows.columns, pa.array(scores, type=pa.float32())], names=[*rows.schema.names, "score"]
    )
    settings = Settings(order=(key,), sources=("news",))
    sign_part([rows], settings, str(tmp_path / "p"))
    from corpusforge.dedup.ranked import _encoded, _read_part

    table = _encoded(_read_part(str(tmp_path / "p"), settings)).unify_dictionaries()
    ids = table["id"].to_pylist()
    expected = [ids[place] for place in _policy_order(table, settings, 0)]
    assert [s.member.id for s in sorted(sign_rows(rows, settings, ""))] == expected


@pytest.mark.parametrize("setting", [{"action": "mark"}, {"selection": "components"}, {"spans": "line"},
                                     {"scope": "snapshot"}, {"method": "off"}])  # fmt: skip
def test_what_the_transforms_cannot_do_is_refused(setting: dict[str, str]) -> None:
    with pytest.raises(InputError, match=f"dedup.{next(iter(setting))}"):
        DedupMinHash(Settings(**setting))  # type: ignore[arg-type]
