"""Do rules, a classifier and de-duplication make a better small model? Variants of one flawed corpus.

    python -m benchmarks.ablate --output DIR [--what steps|epochs|mixtures|scaling] [--tokens N] [--fetch]

Text: manual pages and package documentation as `web`, Python sources as `code`, English Wikipedia; whole
pages of web archives with their menus. Flaws, beside those that are there: `--data-files` of web are data
files of installed packages (minified scripts, tables, file lists), `--boilerplate` stand between a
page's menus, `--duplicates` of all are near copies of some of web. Held out before that, by a hash of
the id: a tenth of Wikipedia and 2 % of the rest; two books and GSM8K's test set are in no source.
Variants: `steps`: raw, + rules, + classifier, + dedup, + all three; `epochs`: text for 1, 4 and 16 readings,
raw and with dedup; `mixtures`: three weights of web, code and Wikipedia; `scaling`: raw and all three steps,
two sizes at a quarter, a half and all of the tokens. One tokenizer, trained on raw. Tokens per model are
--tokens, or what --minutes take at the speed measured first. The same command goes on where it
was stopped.
Limit: small models on little text, much of it technical; what helps here may not help a large one.
"""

from __future__ import annotations

import contextlib
import json
import sys
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from benchmarks import harness, quality
from benchmarks.make_corpus import Piece, base_documents, chance, edit, fetch, read, roots
from corpusforge.ablate.corpus import open_corpus
from corpusforge.ablate.settings import Settings
from corpusforge.ablate.train import train
from corpusforge.hashing import make_id
from corpusforge.io.jsonl import read_jsonl, write_jsonl
from corpusforge.run.tokens import RANKS
from pipelines import ablate, pretrain_mix

RECIPE = Path(__file__).with_suffix(".toml")
RULES = [
    'filter.rules.web=["gopher_quality.v1", "gopher_repetition.v1", "c4.v1"]',
    'filter.rules.code=["code.v1"]', 'filter.rules.wikipedia=["light.v1"]', 'filter.lines=["lines.v1"]',
]  # fmt: skip
CLASSIFIER = [
    'score.train.positive=["wikipedia"]', 'score.train.negative=["web"]', "score.keep.rule=top",
    "score.keep.share=0.6", "score.keep.by=source", 'score.keep.sources=["web"]',
]  # fmt: skip
DEDUP = ["dedup.method=fuzzy"]
WEIGHTS = {"web": (90, 5, 5), "even": (34, 33, 33), "curated": (40, 10, 50)}
STEPS = {
    "rules": RULES,
    "classifier": CLASSIFIER,
    "dedup": DEDUP,
    "all": RULES + CLASSIFIER + DEDUP,
}


def variants(what: str, tokens: int) -> dict[str, list[str]]:
    """Return the settings of each variant but raw, of which models read `tokens`."""
    if what == "steps":
        return STEPS
    if what == "scaling":
        return {"all": STEPS["all"]}
    if what == "mixtures":
        names = ("web", "code", "wikipedia")
        return {
            name: [f"mix.weights.{n}={w}" for n, w in zip(names, weights, strict=True)]
            for name, weights in WEIGHTS.items()
        }
    return {
        f"{name}{epochs}x": [*dedup, f"mix.budget={tokens // epochs}"]
        for name, dedup in (("", []), ("dedup-", DEDUP))
        for epochs in (1, 4, 16)
    }


DATA_FILES = ("**/*.js", "**/*.csv", "**/*.json", "**/RECORD", "**/*.css")
SHARE = {"wikipedia": 0.1}  # held out; of the others 0.02
PROMPT = 30  # words of a text whose last one is guessed


def documents(data: Path, seed: int, packages: Path | None) -> Iterator[Piece]:
    """Yield the clean documents, Wikipedia first, the others in hash order."""
    for text in quality.reference(data)["wikipedia"]:
        yield Piece(make_id("wikipedia", text[:200]), "wikipedia", "en", text)
    for piece in base_documents(roots() + (fetch(packages) if packages else []), seed, 20_000):
        yield replace(piece, source="code" if piece.source == "python" else "web")


def data_files(longest: int) -> list[str]:
    """Return the first characters of data files of installed packages, in the order of their names."""
    folder = Path(np.__file__).parents[1]
    paths = sorted({path for pattern in DATA_FILES for path in folder.glob(pattern)})
    texts = (read(path, "data")[:longest] for path in paths if path.is_file())
    return [text for text in texts if len(text) > 400]


def menus(pages: Sequence[str]) -> list[str]:
    """Return runs of ten short lines or more, at most forty, as pages have them beside their text."""
    found, lines = [], []
    for line in "\n\n\n".join([*pages, "x" * 100]).split("\n"):
        if len(line) < 50:
            lines += [line] if line.strip() else []
            continue
        found += ["\n".join(lines[:40])] if len(lines) >= 10 else []
        lines = []
    return found


def flawed(clean: Iterable[Piece], data: Path, options, seed: int) -> Iterator[Piece]:
    """Yield documents with flaws at the stated rates, until the size is reached."""
    budget = options.megabytes * 1e6
    pages, files = quality.crawl(data), data_files(20_000)
    around, stock, used = menus(pages), [], 0
    for page in pages:
        yield Piece(make_id("page", page[:200]), "web", "en", page)
        used += len(page.encode())
    for piece in clean:
        made = piece
        if piece.source == "web" and files and chance(piece.id, "data", seed) < options.data_files:
            text = files[int(chance(piece.id, "file", seed) * len(files))]
            made = replace(piece, id=make_id("data", piece.id), text=text)
        elif piece.source == "web" and chance(piece.id, "menu", seed) < options.boilerplate:
            first, last = (around[int(chance(piece.id, k, seed) * len(around))] for k in ("a", "b"))
            made = replace(piece, text=f"{first}\n\n{piece.text}\n\n{last}")
        yield made
        used += len(made.text.encode())
        if piece.source == "web" and chance(piece.id, "stock", seed) < 0.05:
            stock.append(made)
        rate = options.duplicates / (1 - options.duplicates)
        if len(stock) > 1 and chance(piece.id, "copy", seed) < rate:
            one, other = (stock[int(chance(piece.id, k, seed) * len(stock))] for k in ("c", "d"))
            text, _, _ = edit(replace(one, id=piece.id), other, seed)
            yield replace(one, id=make_id("copy", piece.id), text=text)
            used += len(text.encode())
        if used >= budget:
            return


def cloze(texts: Iterable[str]) -> Iterator[dict[str, str]]:
    """Yield the first words of each text that end in a word of letters alone."""
    for text in texts:
        words = text.split()[:PROMPT]
        while words and not words[-1].isalpha():
            words.pop()
        if len(words) > PROMPT // 2:
            yield {"text": " ".join(words)}


def make(output: Path, options, seed: int = 1) -> None:
    """Write corpus/SOURCE.jsonl.zst, held/SET.jsonl and held/last_words.jsonl."""
    held: dict[str, list[Piece]] = {}

    def clean() -> Iterator[Piece]:
        packages = Path(tempfile.gettempdir()) / "corpusforge-packages" if options.fetch else None
        for piece in documents(options.data, seed, packages):
            if chance(piece.id, "held", seed) < SHARE.get(piece.source, 0.02):
                name = piece.lang if piece.lang == "zh" else piece.source
                held.setdefault(name, []).append(piece)
            else:
                yield piece

    rows: dict[str, list[dict[str, str]]] = {}
    for piece in flawed(clean(), options.data, options, seed):
        url = f"https://corpus.example/{piece.id}"
        rows.setdefault(piece.source, []).append({"id": piece.id, "url": url, "text": piece.text})
    texts = {name: [piece.text for piece in pieces] for name, pieces in held.items()}
    texts["books"] = [
        text[place : place + 4000]
        for text in quality.reference(options.data)["books"]
        for place in range(0, len(text), 4000)
    ]
    questions = read_jsonl(str(options.data / "decontam" / "gsm8k_test.jsonl.gz"))
    texts["qa"] = [f"{row['question']}\n{row['answer']}" for row in questions]
    for folder in ("held", "corpus"):
        (output / folder).mkdir(parents=True, exist_ok=True)
    for name, found in texts.items():
        write_jsonl(str(output / "held" / f"{name}.jsonl"), [{"text": text} for text in found])
    words = [*texts["wikipedia"], *texts["web"], *texts["books"]]
    write_jsonl(str(output / "last_words.jsonl"), list(cloze(words)))
    for source, found in sorted(rows.items()):  # Wikipedia is last: where it is, all is
        write_jsonl(str(output / "corpus" / f"{source}.jsonl.zst"), found)


def tokens_per_model(options, run: str) -> int:
    """Return what `--minutes` take at the speed of a short training, a fifth being left for measuring."""
    if options.tokens:
        return options.tokens
    path = options.output / f"tokens-{options.what}.json"
    if not path.exists():
        settings = Settings(
            size=options.size, tokens=120_000, batch=options.batch, threads=options.threads
        )
        with tempfile.TemporaryDirectory() as folder:
            state = train(
                open_corpus("raw", run, settings), settings, 0, f"{folder}/speed.pt", lambda _: None
            )
        speed = settings.tokens / state.seconds
        models = options.seeds * (1 + len(variants(options.what, 1)))
        tokens = min(options.most_tokens, int(0.8 * 60 * options.minutes * speed / models))
        path.write_text(json.dumps({"tokens": tokens, "tokens_per_second": round(speed)}))
    return json.loads(path.read_text())["tokens"]


def finished(output: Path, name: str, overrides: Sequence[str]) -> str:
    """Make a run of the corpus, or find it there; return its directory."""
    folder, raw = (output / "runs" / each for each in (name, "raw"))
    ranks = (
        ["tokenize.pattern=gpt2", f'tokenize.tokenizer="{raw}/{RANKS}"'] if name != "raw" else []
    )
    sources = sorted((output / "corpus").iterdir())
    with contextlib.redirect_stdout(sys.stderr):
        pretrain_mix.run(
            ["--recipe", str(RECIPE), "--output", str(folder), "--quiet", "--workers", "2",
             *(f"--source={path.name.partition('.')[0]}={path}" for path in sources),
             *(f"--set={text}" for text in [*overrides, *ranks])]
        )  # fmt: skip
    return str(folder)


def main() -> None:
    """Run the command line."""
    options = harness.arguments(__doc__, data=True)
    options.add_argument("--output", type=Path, required=True, help="texts, runs and reports")
    options.add_argument(
        "--what",
        choices=("steps", "epochs", "mixtures", "scaling"),
        default="steps",
        help="the variants",
    )
    options.add_argument("--tokens", type=int, default=0, help="per model; 0: by --minutes")
    options.add_argument("--size", default="nano", help="of the decoder; scaling has pico and nano")
    options.add_argument("--batch", type=int, default=4, help="sequences of a training step")
    options.add_argument("--items", type=int, default=500, help="measured of each set of questions")
    options.add_argument("--probes", type=int, default=400, help="places asked for memorised text")
    options.add_argument("--points", type=int, default=3, help="of each curve")
    options.add_argument("--minutes", type=float, default=65.0, help="of training and measuring")
    options.add_argument("--most-tokens", type=int, default=8_000_000, help="per model")
    options.add_argument("--megabytes", type=float, default=60.0, help="of text in raw")
    options.add_argument("--duplicates", type=float, default=0.3, help="share of documents")
    options.add_argument("--boilerplate", type=float, default=0.2, help="share of web documents")
    options.add_argument("--data-files", type=float, default=0.15, help="share of web documents")
    options.add_argument("--seeds", type=int, default=3, help="models per variant")
    options.add_argument("--threads", type=int, default=0, help="of torch; 0: its own choice")
    options.add_argument("--fetch", action="store_true", help="add Chinese Debian packages")
    given = options.parse_args()
    output = given.output
    if not (output / "corpus" / "wikipedia.jsonl.zst").exists():
        make(output, given)
    runs = {"raw": finished(output, "raw", [])}
    tokens = tokens_per_model(given, runs["raw"])
    for name, overrides in variants(given.what, tokens).items():
        runs[name] = finished(output, name, overrides)
    print(harness.machine("torch"), flush=True)
    settings = {"seeds": given.seeds, "threads": given.threads, "batch": given.batch}
    settings |= {"points": given.points, "items": given.items, "probes": given.probes}
    line = [
        *(f"--run={name}={folder}" for name, folder in runs.items()),
        *(f"--held-out={path.stem}={path}" for path in sorted((output / "held").iterdir())),
        *(f"--{key}={value}" for key, value in settings.items()),
        f"--output={output / given.what}",
    ]
    if given.what == "scaling":
        ablate.run([*line, f"--ladder={tokens // 4},{tokens // 2},{tokens}"])
        return
    csqa = given.data / "decontam" / "commonsenseqa_dev.jsonl.gz"
    line += [f"--choices=csqa={csqa}", f"--cloze=last_words={output / 'last_words.jsonl'}"]
    ablate.run([*line, f"--tokens={tokens}", f"--size={given.size}"])


if __name__ == "__main__":
    main()
