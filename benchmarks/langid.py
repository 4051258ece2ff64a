"""Language identification: slices against the full text, and accuracy beside stock lid.176.

    python -m benchmarks.langid [--data DIR]
    python -m benchmarks.langid --peers pycld2 lid176 py3langid lingua

Texts: the UDHR declarations whose language has a lid.176 label, whole, cut to 300/1,000/2,000
characters and cut into sentences (at most 40 a declaration, by hash); Genesis sentences of seven
languages; Wikipedia dumps in twenty. Accuracy is figured by the scorer's own functions.
"""

from __future__ import annotations

import hashlib
import re
import zipfile
from pathlib import Path

import fasttext
import numpy as np
import pyarrow as pa

from benchmarks import harness
from corpusforge import extract, ingest
from corpusforge.identify import Settings, by_paragraph, identify
from corpusforge.identify.model_file import open_model
from corpusforge.records import RawDocument
from corpusforge.text.packed import packed

GENESIS = {
    "english-kjv": "en", "english-web": "en", "finnish": "fi", "french": "fr", "german": "de",
    "portuguese": "pt", "swedish": "sv",
}  # fmt: skip


def declarations(data, scorer):
    with zipfile.ZipFile(data / "langid" / "udhr2.zip") as archive:
        for name in sorted(archive.namelist()):
            stem = Path(name).stem
            code = stem.split("_")[0]
            label = {"als": "sq"}.get(code) or scorer.canon(code)
            if name.endswith(".txt") and label in scorer.LID176:
                yield label, archive.read(name).decode("utf-8")


def sentences(text, most):
    found = set()
    for line in text.split("\n"):
        for piece in re.split(r"(?<=[.!?։।؟])\s+|(?<=[。！？])", line.strip()):
            sentence = " ".join(piece.split())
            if 20 <= len(sentence.encode()) <= 400 and sum(c.isalpha() for c in sentence) >= 8:
                found.add(sentence)
    return sorted(found, key=lambda s: hashlib.md5(s.encode()).digest())[:most]


def genesis(data):
    with zipfile.ZipFile(data / "langid" / "genesis.zip") as archive:
        for name in sorted(archive.namelist()):
            if Path(name).stem in GENESIS:
                raw = archive.read(name)
                try:
                    text = raw.decode("utf-8")
                except UnicodeDecodeError:
                    text = raw.decode("latin-1")
                yield GENESIS[Path(name).stem], text


def documents(data):
    dumps = [
        *sorted((data / "wiki" / "minidumps").iterdir()),
        *sorted((data / "wiki").glob("*.bz2")),
    ]
    for path in dumps:
        for raw in ingest.read("wikipedia", str(path), ingest.Settings()):
            done = extract.extract(raw, extract.Settings()) if hasattr(raw, "content") else raw
            if isinstance(done, extract.Extracted):
                yield done.text


def timed(texts, settings):
    identify(texts.slice(0, 2), settings)
    (labels, scores), seconds = harness.timed(lambda: identify(texts, settings))
    return labels, scores, seconds


def slices(data, model, texts):
    size = sum(len(text.encode()) for text in texts.to_pylist())
    print(f"\nslices against full text: {len(texts)} documents, {size / 1e6:.1f} MB")
    harness.heads("engine", "full MB/s", "sliced MB/s", "times", "equal labels")
    for engine in ("pycld2", "lid176", "blend"):
        path = "" if engine == "pycld2" else model
        full, _, slow = timed(texts, Settings(engine=engine, model=path, slice_bytes=0))
        short, _, fast = timed(texts, Settings(engine=engine, model=path))
        equal = np.mean([a == b for a, b in zip(full, short, strict=True)])
        paces = (f"{size / seconds / 1e6:.1f}" for seconds in (slow, fast))
        harness.row(engine, *paces, f"{slow / fast:.1f}", f"{equal:.4f}")
    beside_fasttext(model, texts, size)


def beside_fasttext(model, texts, size):
    """Print the pace of our kernel and of fastText itself on the same full texts, by turns."""
    predict = fasttext.FastText._FastText(model_path=model).f.predict
    ours = open_model(model, "--model")
    lines = [text.replace("\n", " ") for text in texts.to_pylist()]
    given = packed(lines)
    answers = {}

    def kernel():
        answers["ours"] = ours.predict(*given, 1)

    def library():
        answers["theirs"] = [predict(line + "\n", 1, 0.0, "strict") for line in lines]

    kernel()
    spent = {
        name: min(t) for name, t in harness.by_turns({"ours": kernel, "fastText": library}).items()
    }
    labels, scores = answers["ours"]
    pairs = [
        (ours.labels[label] == theirs[0][1], abs(score - theirs[0][0]))
        for label, score, theirs in zip(labels[:, 0], scores[:, 0], answers["theirs"], strict=True)
        if theirs
    ]
    paces = {name: size / seconds / 1e6 for name, seconds in spent.items()}
    print(
        f"lid.176 on full texts: our kernel {paces['ours']:.1f} MB/s, fastText {paces['fastText']:.1f}, "
        f"{paces['ours'] / paces['fastText']:.2f} times; labels equal {np.mean([p[0] for p in pairs]):.4f}, "
        f"scores within {max(p[1] for p in pairs):.1e}"
    )


def figures(rows, scorer):
    """Return the scorer's four figures of (gold, label, score) rows."""
    found = scorer.figures(rows)
    return [
        f"{found[key]:.4f}"
        for key in ("acc_supported", "macro_supported", "acc_lenient", "wrong@.65")
    ]


def accuracy(name, items, model, scorer):
    texts = pa.array([text for _, text in items], type=pa.large_string())
    for engine in ("stock lid.176.ftz", "lid176", "pycld2", "blend"):
        path = "" if engine == "pycld2" else model
        own = Settings(engine="lid176", model=model, slice_bytes=0)
        settings = own if engine.startswith("stock") else Settings(engine=engine, model=path)
        labels, scores, _ = timed(texts, settings)
        rows = [
            (gold, scorer.canon(label), float(score))
            for (gold, _), label, score in zip(items, labels, scores, strict=True)
        ]
        harness.row(name, len(items), engine, *figures(rows, scorer))


def peer(name, model):
    """Return a detector that carries no CLD2: (text) -> (label, score); what a Python without pycld2 has."""
    if name in ("pycld2", "lid176"):
        own = Settings(engine=name, model=model if name == "lid176" else "")

        def ours(text):
            labels, scores = identify(pa.array([text], pa.large_string()), own)
            return labels[0], float(scores[0])

        return ours
    if name == "py3langid":
        from py3langid.langid import MODEL_FILE, LanguageIdentifier

        return LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True).classify
    from lingua import LanguageDetectorBuilder

    detector = LanguageDetectorBuilder.from_all_languages().build()

    def lingua(text):
        found = detector.compute_language_confidence_values(text)
        best = found[0] if found else None
        return (best.language.iso_code_639_1.name.lower(), best.value) if best else ("und", 0.0)

    return lingua


def peers(names, sets, model, scorer):
    """Print accuracy and pace of detectors, a text at a time."""
    harness.heads("texts", "n", "detector", "acc", "macro", "lenient", "wrong@.65", "MB/s")
    for name in names:
        detect = peer(name, model)
        detect("A first sentence loads whatever is loaded.")
        for title, items in sets:
            found, spent = harness.timed(
                lambda detect=detect, items=items: [detect(text) for _, text in items]
            )
            rows = [(gold, scorer.canon(label), float(score))
                    for (gold, _), (label, score) in zip(items, found, strict=True)]  # fmt: skip
            size = sum(len(text.encode()) for _, text in items) / 1e6
            harness.row(title, len(items), name, *figures(rows, scorer), f"{size / spent:.2f}")


def mixed_pages(data, gold, long, pairs=(("en", "zh"), ("fr", "en"), ("es", "pt"), ("ru", "uk"))):
    """Print how lines of two declarations, set by turns, are labelled; and what that costs."""
    print()
    harness.heads("mixed page", "lines", "right, all", "lines of 60 bytes", "right", "bytes right")
    texts = {label: text.split("\n") for label, text in reversed(gold)}
    if "zh" not in texts:  # Chinese Wikipedia, as extracted
        dump = str(data / "wiki" / "minidumps" / "zhwiki.xml.bz2")
        found = (extract.extract(raw, extract.Settings())
                 for raw in ingest.read("wikipedia", dump, ingest.Settings())
                 if isinstance(raw, RawDocument))  # fmt: skip
        texts["zh"] = [line for page in found if isinstance(page, extract.Extracted)
                       for line in page.text.split("\n")]  # fmt: skip
    for first, second in pairs:
        lines = [
            (label, line.strip())
            for pair in zip(texts[first], texts[second], strict=False)
            for label, line in zip((first, second), pair, strict=True)
            if line.strip()
        ]
        [found] = by_paragraph(pa.array(["\n".join(line for _, line in lines)]))
        right = [a == b for (a, _), b in zip(lines, found.labels, strict=True)]
        sizes = [len(line.encode()) for _, line in lines]
        long_right = [r for r, n in zip(right, sizes, strict=True) if n >= 60]
        share = sum(n for r, n in zip(right, sizes, strict=True) if r) / sum(sizes)
        every, long_lines = (f"{sum(part) / len(part):.4f}" for part in (right, long_right))
        pair = f"{first}+{second}"
        harness.row(pair, len(lines), every, len(long_right), long_lines, f"{share:.4f}")
    array = pa.array(long, type=pa.large_string())
    size = sum(len(text.encode()) for text in long) / 1e6
    found, spent = harness.timed(lambda: by_paragraph(array))
    print(f"\nby paragraph: {size:.1f} MB, {size / spent:.1f} MB/s, {len(long)} documents")
    sizes = [page.sizes() for page in found]
    other = sum(s.total() - max(s.values()) for s in sizes if s)
    print(f"mixed: {sum(page.mixed for page in found)}; bytes of others {other / size / 1e6:.4f}")


def main():
    options = harness.arguments(__doc__, data=True)
    options.add_argument("--mixed", action="store_true", help="only pages of two languages")
    options.add_argument("--peers", nargs="+", help="only these detectors, on the same texts")
    given = options.parse_args()
    scorer = harness.scorer("score_langid", given.data)
    model = str(given.data / "langid" / "lid.176.ftz")
    gold = list(declarations(given.data, scorer))
    if given.peers:
        old = [(label, s) for label, text in genesis(given.data) for s in sentences(text, 150)]
        sets = [
            ("UDHR sentences", [(label, s) for label, text in gold for s in sentences(text, 40)])
        ]
        sets += [
            ("UDHR 1000 characters", [(label, " ".join(t.split())[:1000]) for label, t in gold])
        ]
        peers(given.peers, [*sets, ("Genesis sentences", old)], model, scorer)
        return
    long = [text for _, text in gold] + list(documents(given.data))
    long = [text for text in long if len(text.encode()) > 1500]
    mixed_pages(given.data, gold, long)
    if given.mixed:
        return
    slices(given.data, model, pa.array(long, type=pa.large_string()))
    print("\naccuracy (supported, macro, lenient; wrong label with score >= 0.65)")
    harness.heads("texts", "n", "engine", "acc", "macro", "lenient", "wrong@.65")
    cut = [(label, s) for label, text in gold for s in sentences(text, 40)]
    accuracy("UDHR sentences", cut, model, scorer)
    for n in (300, 1000, 2000):
        short = [(label, " ".join(text.split())[:n]) for label, text in gold]
        accuracy(f"UDHR {n} characters", short, model, scorer)
    accuracy("UDHR whole", gold, model, scorer)
    old = [(label, s) for label, text in genesis(given.data) for s in sentences(text, 150)]
    accuracy("Genesis sentences", old, model, scorer)


if __name__ == "__main__":
    main()
