"""A corpus of real text, of any size, with near copies planted and known.

    python -m benchmarks.make_corpus --megabytes 100 --output DIR [--duplicates 0.06] [--fetch]

Text: manual pages of all installed languages, package documentation and Python sources of this
machine; `--fetch` adds Chinese manual pages and the Chinese Debian Reference (apt-get download).
Copies: words replaced (1-20 %), a paragraph inserted, the end cut off, paragraphs reordered, or an
exact copy in other case. Innocents: unrelated documents that share a long passage.
Writes DIR/part-*.jsonl.zst (id, source, category, lang, url, text) and DIR/truth.jsonl (id, base,
kind, rate). Same files on the machine, same bytes. Limit: the text is of technical kind, and real
near copies lie in it too; a benchmark must compute true pairs, not trust the planted ones alone.
"""

from __future__ import annotations

import gzip
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from benchmarks import harness
from corpusforge.hashing import id_keys, make_id, uniform
from corpusforge.io.jsonl import read_jsonl, write_jsonl

PACKAGES = ("manpages-zh", "debian-reference-zh-cn")
SHORTEST = 400
KINDS = ("words", "insert", "cut", "reorder", "exact")
HAN = re.compile(r"[\u3400-\u9fff]")
TAG = re.compile(r"<(script|style)\b.*?</\1>|<[^>]*>", re.DOTALL | re.IGNORECASE)
BLANKS = re.compile(r"\n{3,}")


@dataclass(frozen=True, slots=True)
class Piece:
    """One document before it is written."""

    id: str
    source: str
    lang: str
    text: str


def chance(name: str, purpose: str, seed: int) -> float:
    """Return the number in [0, 1) that belongs to a name."""
    return float(uniform(id_keys([name]), seed, purpose)[0])


def roots() -> list[tuple[str, Path, str]]:
    """Return (source, directory, file pattern) of the text on this machine."""
    code = [Path(p) for p in sys.path if "packages" in p] + [Path(np.__file__).parents[1]]
    found = [("man", Path("/usr/share/man"), "**/*.gz"), ("doc", Path("/usr/share/doc"), "**/*")]
    found += [("python", path, "**/*.py") for path in sorted({*code, Path("/usr/lib/python3")})]
    return found


def fetch(directory: Path) -> list[tuple[str, Path, str]]:
    """Download and unpack the Chinese packages; return their roots, none without a network."""
    directory.mkdir(parents=True, exist_ok=True)
    command = ["apt-get", "download", *PACKAGES]
    done = subprocess.run(command, cwd=directory, capture_output=True, timeout=120, check=False)
    if done.returncode:
        print("apt-get download failed: no Chinese packages added", file=sys.stderr)
    for package in sorted(directory.glob("*.deb")):
        subprocess.run(["dpkg", "-x", package, directory / "root"], check=True, timeout=120)
    share = directory / "root" / "usr" / "share"
    return [("man", share / "man", "**/*.gz"), ("doc", share, "debian-reference/*.html")]


def unroff(text: str) -> str:
    """Return a manual page's source without most of its macros."""
    lines = []
    for line in text.split("\n"):
        if line.startswith(("'", '.\\"', ".so ", ".de", ".ds")):
            continue
        if line.startswith("."):
            macro, _, rest = line[1:].partition(" ")
            lines.append(
                "\n" + rest.strip('" ') if macro in ("SH", "SS", "PP", "TP", "P") else rest
            )
        else:
            lines.append(line)
    text = re.sub(r"\\f.|\\[&|^c]", "", "\n".join(lines))
    return re.sub(r"\\\((?:aq|cq)", "'", text.replace("\\-", "-").replace("\\e", "\\"))


def read(path: Path, source: str) -> str:
    """Return a file's text, "" where it is binary or cannot be read."""
    try:
        data = path.read_bytes()
        if path.suffix == ".gz":
            data = gzip.decompress(data)
        text = data.decode("utf-8")
    except (OSError, EOFError, UnicodeDecodeError, gzip.BadGzipFile):
        return ""
    if "\x00" in text:
        return ""
    if source == "man":
        text = unroff(text)
    elif path.suffix in (".html", ".htm"):
        text = TAG.sub(" ", text)
    return BLANKS.sub("\n\n", text).strip()


def pieces(text: str, longest: int) -> Iterator[str]:
    """Cut a text at paragraph ends into pieces of at most about `longest` characters."""
    part: list[str] = []
    size = 0
    for paragraph in text.split("\n\n"):
        if part and size + len(paragraph) > longest:
            yield "\n\n".join(part)
            part, size = [], 0
        part.append(paragraph[:longest])
        size += len(paragraph)
    yield "\n\n".join(part)


def base_documents(places: list[tuple[str, Path, str]], seed: int, longest: int) -> Iterator[Piece]:
    """Yield the real documents in hash order, so that any prefix is a fair sample."""
    files: dict[str, tuple[str, Path]] = {}
    for source, root, pattern in places:
        for path in root.glob(pattern):
            if path.is_file() and not path.is_symlink() and path.stat().st_size < 4_000_000:
                files[f"{source}/{path.relative_to(root).as_posix()}"] = (source, path)
    names = sorted(files)
    order = np.argsort(uniform(id_keys(names), seed, "order"), kind="stable")
    for name in (names[i] for i in order):
        source, path = files[name]
        for number, text in enumerate(pieces(read(path, source), longest)):
            if len(text) >= SHORTEST:
                lang = "zh" if len(HAN.findall(text)) > 0.15 * len(text) else "en"
                key = f"{name}#{number}"
                yield Piece(make_id(source, key), source, lang, text)


def tokens(piece: Piece) -> list[str]:
    """Return alternating words and separators; single characters in Chinese."""
    if piece.lang == "zh":
        return list(piece.text)
    return re.split(r"(\s+)", piece.text)


def replace_words(piece: Piece, other: Piece, rate: float, seed: int) -> str:
    """Return the text with a share `rate` of its words replaced by words of another document."""
    own, pool = tokens(piece), [word for word in tokens(other) if word.strip()] or ["x"]
    places = [i for i, word in enumerate(own) if word.strip()]
    draws = uniform(id_keys(str(i) for i in places), seed, piece.id)
    for place, draw in zip(places, draws, strict=True):
        if draw < rate:
            own[place] = pool[int(draw / rate * len(pool))]
    return "".join(own)


def edit(piece: Piece, other: Piece, seed: int) -> tuple[str, str, float]:
    """Return (text, kind, rate) of a planted copy."""
    kind = KINDS[int(chance(piece.id, "kind", seed) * len(KINDS))]
    rate = round(0.01 + 0.19 * chance(piece.id, "rate", seed), 3)
    text = piece.text
    paragraphs = text.split("\n\n")
    if kind == "reorder" and len(paragraphs) < 4:
        kind = "words"
    if kind == "words":
        return replace_words(piece, other, rate, seed), kind, rate
    if kind == "insert":
        middle = len(text) // 2
        added = other.text[: int(rate * len(text))]
        return f"{text[:middle]}\n\n{added}\n\n{text[middle:]}", kind, rate
    if kind == "cut":
        return text[: int((1 - rate) * len(text))], kind, rate
    if kind == "reorder":
        third = len(paragraphs) // 3
        return "\n\n".join(paragraphs[third:] + paragraphs[:third]), kind, 0.0
    return text.upper().replace("\n", "\n "), kind, 0.0


def corpus(
    base: Iterator[Piece], megabytes: float, duplicates: float, innocents: float, seed: int
) -> Iterator[tuple[Piece, dict[str, object] | None]]:
    """Yield documents with a truth row for the planted ones, until the size is reached."""
    budget, used, last = megabytes * 1e6, 0, None
    passage: dict[str, str] = {}
    for piece in base:
        if len(piece.text) > 3000 and piece.lang not in passage:
            passage[piece.lang] = piece.text[:900]
        truth: dict[str, object] | None = None
        if piece.lang in passage and chance(piece.id, "innocent", seed) < innocents:
            text = passage[piece.lang] + "\n\n" + piece.text
            piece = replace(piece, text=text)  # noqa: PLW2901
            truth = {"id": piece.id, "base": None, "kind": "boilerplate", "rate": 0.0}
        yield piece, truth
        used += len(piece.text.encode())
        if last is not None and chance(piece.id, "copy", seed) < duplicates / (1 - duplicates):
            text, kind, rate = edit(piece, last, seed)
            copy = replace(piece, id=make_id("copy", piece.id), text=text)
            yield copy, {"id": copy.id, "base": piece.id, "kind": kind, "rate": rate}
            used += len(text.encode())
        if used >= budget:
            return
        last = piece
    print(f"only {used / 1e6:.0f} MB of text found on this machine", file=sys.stderr)


def write(
    output: Path, rows: Iterator[tuple[Piece, dict[str, object] | None]], parts: int
) -> tuple[int, int]:
    """Write parts and truth; return (documents, bytes). Part contents are held in memory."""
    groups: list[list[dict[str, object]]] = [[] for _ in range(parts)]
    truths, size = [], 0
    for piece, truth in rows:
        size += len(piece.text.encode())
        row = {
            "id": piece.id,
            "source": piece.source,
            "category": "code" if piece.source == "python" else "text",
            "lang": piece.lang,
            "url": f"https://corpus.example/{piece.source}/{piece.id}",
            "text": piece.text,
        }
        groups[int(chance(piece.id, "part", 0) * parts)].append(row)
        if truth:
            truths.append(truth)
    for number, group in enumerate(groups):
        ordered = sorted(group, key=lambda row: str(row["id"]))
        write_jsonl(str(output / f"part-{number:05}.jsonl.zst"), ordered)
    write_jsonl(str(output / "truth.jsonl"), truths)
    return sum(map(len, groups)), size


def first(corpus: Path, target: Path, megabytes: float) -> tuple[int, int]:
    """Copy whole files of a corpus until their text is that long, 0: all; return documents and bytes of text.

    They are no links: a run skips those that leave their folder.
    """
    target.mkdir(parents=True)
    documents = size = 0
    for path in sorted(corpus.glob("part-*.jsonl.zst")):
        shutil.copy(path, target / path.name)
        for row in read_jsonl(str(path)):
            documents += 1
            size += len(row["text"].encode())
        if megabytes and size >= megabytes * 1e6:
            break
    return documents, size


def make(
    output: Path,
    megabytes: float,
    duplicates: float = 0.06,
    innocents: float = 0.02,
    parts: int = 8,
    seed: int = 1,
    language: str = "all",
    packages: Path | None = None,
    longest: int = 20_000,
) -> tuple[int, int]:
    """Write a corpus; return (documents, bytes of text)."""
    places = roots() + (fetch(packages) if packages else [])
    base = base_documents(places, seed, longest)
    if language != "all":
        base = (piece for piece in base if piece.lang == language)
    return write(output, corpus(base, megabytes, duplicates, innocents, seed), parts)


def main(arguments: list[str] | None = None) -> None:
    """Run the command line."""
    parser = harness.arguments(__doc__)
    parser.add_argument("--megabytes", type=float, required=True)
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--duplicates", type=float, default=0.06, help="share of planted copies")
    parser.add_argument("--innocents", type=float, default=0.02, help="share sharing boilerplate")
    parser.add_argument("--parts", type=int, default=8)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--language", choices=("all", "en", "zh"), default="all")
    parser.add_argument("--longest", type=int, default=20_000, help="characters of a document")
    parser.add_argument("--fetch", action="store_true", help="add Chinese Debian packages")
    args = parser.parse_args(arguments)
    packages = Path(tempfile.gettempdir()) / "corpusforge-packages" if args.fetch else None
    documents, size = make(
        args.output,
        args.megabytes,
        args.duplicates,
        args.innocents,
        args.parts,
        args.seed,
        args.language,
        packages,
        args.longest,
    )
    print(f"{documents} documents, {size / 1e6:.1f} MB of text in {args.output}")


if __name__ == "__main__":
    main()
