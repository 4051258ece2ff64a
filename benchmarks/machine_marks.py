"""What the detector's bands say of people's and models' texts, and the watermark of marked and unmarked ones.

    python -m benchmarks.machine_marks --data DIR --model DIR_OR_GGUF --journal FILE
    python -m benchmarks.machine_marks --data DIR --marked TEXTS.jsonl --tokenizer tokenizer.json

People's: labelled web documents (English), a French reader, the Mengzi. Models': the answers of the Magpie
sample (English). Of each text the first 1,000 characters. The curve is fitted to every second English text of
both kinds, and the bands are those of the others and of all texts in other languages. Limits: few texts, one
scoring model, answers of one family of models; no Chinese machine text was to be had.
"""

from __future__ import annotations

import gzip
import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from benchmarks import harness
from corpusforge.marks.detector import BANDS, FLOOR, band_of, curvature, fit
from corpusforge.models.likelihood import ask_likelihood, read_likelihood

Text = tuple[str, str]
"""Language and text."""


def lines(path: Path) -> list[str]:
    """The lines of a packed text file."""
    with gzip.open(path, "rt", encoding="utf-8") as stream:
        return stream.read().split("\n")


def human(data: Path, each: int) -> list[Text]:
    """Texts of people that are long enough."""
    rows = [
        json.loads(line)
        for line in lines(data / "quality" / "human-quality-labels.jsonl.gz")
        if line
    ]
    found = [("en", row["text"]) for row in rows if len(row["text"]) >= FLOOR][: 2 * each]
    french = "\n".join(lines(data / "books" / "fr-entre-nous-44157-0.txt.gz"))
    found += [("fr", french[20_000 + 8_000 * n :][:FLOOR]) for n in range(each // 2)]
    with gzip.open(data / "books" / "zh-mengzi.json.gz", "rt", encoding="utf-8") as stream:
        chinese = "".join(part for chapter in json.load(stream) for part in chapter["paragraphs"])
    return found + [("zh", chinese[3_000 * n :][:FLOOR]) for n in range(each // 2)]


def machine(data: Path, each: int) -> list[Text]:
    """Answers of models that are long enough, at most four to a question."""
    rows = json.loads((data / "preference" / "magpie-5res-armorm.json").read_text(encoding="utf-8"))
    long = [[text for text in row["responses"] if len(text) >= FLOOR][:4] for row in rows]
    return [("en", text) for texts in long for text in texts][: 2 * each]


def curvatures(texts: Sequence[Text], model: str, journal: str) -> list[float]:
    """The curvature of the beginning of each text."""
    from corpusforge.models.client import Client
    from corpusforge.models.local import LocalEngine
    from corpusforge.models.settings import Settings

    asked = [ask_likelihood(text[:FLOOR], "machine_marks") for _, text in texts]
    with Client(LocalEngine(Settings(model=model, threads=1)), journal) as client:
        found = [read_likelihood(one) for one in client.complete(asked)]
    values = [curvature(one) if one else None for one in found]
    return [value for value in values if value is not None]


def bands(
    people: Sequence[Text], models: Sequence[Text], values: Sequence[float], name: str
) -> None:
    """Print mean curvature and bands of the texts that the curve was not fitted to."""
    kinds = [("people", *text) for text in people] + [("model", *text) for text in models]
    rows = [
        (kind, language, value) for (kind, language, _), value in zip(kinds, values, strict=True)
    ]
    english = {
        kind: [v for one, tongue, v in rows if (one, tongue) == (kind, "en")]
        for kind in ("people", "model")
    }
    curve = fit(english["people"][::2], english["model"][::2], name)
    print(f"curve: {curve}\n")
    held = {(kind, "en"): found[1::2] for kind, found in english.items()}
    for kind, language, value in rows:
        if language != "en":
            held.setdefault((kind, language), []).append(value)
    names = [name for _, name in BANDS]
    harness.heads(
        "written by", "language", "n", "mean curvature", *names, "possible or likely, 95 %"
    )
    for (kind, language), found in held.items():
        count = Counter(band_of(curve.probability(value)) for value in found)
        flagged = count["possible"] + count["likely"]
        low, high = harness.wilson(flagged, len(found))
        harness.row(
            kind, language, len(found), f"{sum(found) / len(found):.2f}", *(count[one] for one in names),
            f"{flagged} of {len(found)} ({low:.2f}-{high:.2f})",
        )  # fmt: skip


def watermark(data: Path, marked: Path, tokenizer: str) -> None:
    """Print z of marked texts and of people's."""
    import pyarrow as pa

    from corpusforge.marks.watermark import green_tokens, z_score
    from corpusforge.tokenize import Settings, load

    loaded = load(Settings(tokenizer=tokenizer))

    def z(text: str) -> float:
        ids = loaded.encode(pa.array([text], pa.large_string()))[0].tolist()
        return z_score(*green_tokens(ids, 0.25, 15485863, loaded.vocab_size), 0.25)

    made = [json.loads(line) for line in marked.read_text(encoding="utf-8").splitlines()]
    groups = {"watermarked": [row["text"] for row in made]}
    groups |= {
        f"people, {name}": [t[:FLOOR] for one, t in human(data, 20) if one == name]
        for name in ("en", "fr")
    }
    harness.heads("texts", "n", "mean z", "least", "most", "z > 4")
    for name, texts in groups.items():
        found = [z(text) for text in texts]
        mean = sum(found) / len(found)
        harness.row(name, len(found), f"{mean:.2f}", f"{min(found):.2f}", f"{max(found):.2f}",
                    sum(one > 4 for one in found))  # fmt: skip
    if made and "reference_z" in made[0]:
        theirs = sum(row["reference_z"] for row in made) / len(made)
        print(f"\nmean z of the same texts by transformers' WatermarkDetector: {theirs:.2f}")


def main() -> None:
    """Print the tables."""
    parser = harness.arguments(__doc__, data=True)
    parser.add_argument("--model", default="", help="the scoring model")
    parser.add_argument(
        "--journal", default="marks.jsonl", help="file of replies (default: marks.jsonl)"
    )
    parser.add_argument("--each", type=int, default=10, help="half the English texts of each kind")
    parser.add_argument("--marked", type=Path, help="JSON lines with `text`, watermarked")
    parser.add_argument(
        "--tokenizer", default="", help="tokenizer.json of the model that marked them"
    )
    given = parser.parse_args()
    if given.model:
        people, models = human(given.data, given.each), machine(given.data, given.each)
        texts = [*people, *models]
        bands(people, models, curvatures(texts, given.model, given.journal), Path(given.model).name)
    if given.marked:
        watermark(given.data, given.marked, given.tokenizer)


if __name__ == "__main__":
    main()
