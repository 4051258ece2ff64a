"""Redaction: what is replaced in real books, articles and source files, and at what speed.

    python -m benchmarks.redact [--data DIR] [--show]

`--show` prints every hit with what stands around it, to be looked at by hand. Where detect-secrets
is installed, its findings in the fake-secrets fixtures are compared as well. CPU seconds, one core.
"""

from __future__ import annotations

import gzip
import tarfile
from collections import Counter
from pathlib import Path

from benchmarks import harness
from benchmarks.decontaminate import pages
from corpusforge import ingest
from corpusforge.errors import InputError
from corpusforge.extract import Extracted, Settings, extract
from corpusforge.filter.redact import redact, spans
from corpusforge.ingest.names import kind_of
from corpusforge.records import RawDocument


def code_files(data: Path) -> list[str]:
    texts = []
    for path in sorted((data / "code/trees").glob("*.tar.gz")):
        with tarfile.open(path) as archive:
            for member in archive:
                stream = archive.extractfile(member) if member.isfile() else None
                if stream is not None:
                    try:
                        texts.append(stream.read().decode())
                    except UnicodeDecodeError:
                        continue
    return texts


def read(folders: list[Path]) -> list[str]:
    """The extracted text of everything in some folders that ingest reads."""
    texts = []
    for path in sorted(item for folder in folders for item in folder.rglob("*") if item.is_file()):
        try:
            kind = kind_of(str(path))
        except InputError:
            continue
        rows = ingest.read(kind, str(path), ingest.Settings())
        found = (extract(row, Settings()) for row in rows if isinstance(row, RawDocument))
        texts += [item.text for item in found if isinstance(item, Extracted)]
    return texts


def chinese(data: Path) -> list[str]:
    texts = []
    for path in sorted((data / "books").glob("zh-*")):
        text = gzip.decompress(path.read_bytes()).decode()
        texts += [text[k : k + 5000] for k in range(0, len(text), 5000)]
    return texts


def show(name: str, text: str) -> None:
    raw = text.encode()
    for _, start, end, label in spans(text):
        around = raw[max(0, start - 40) : start], raw[start:end][:80], raw[end : end + 20]
        before, found, after = (part.decode(errors="replace") for part in around)
        print(f"{name} {label} {before!r} [{found}] {after!r}")


def speed(texts: list[str]) -> float:
    size = sum(len(text.encode()) for text in texts)
    repeats = max(1, round(4e6 / size))
    best = harness.least(lambda: [redact(text) for _ in range(repeats) for text in texts])
    return size * repeats / 1e6 / best


def scanner(data: Path) -> None:
    """Print how many of detect-secrets' findings in its own fixtures are gone after redaction."""
    try:
        from detect_secrets.core import scan
        from detect_secrets.settings import default_settings, get_settings
    except ImportError:
        print("detect-secrets is not installed: comparison skipped")
        return
    seen = gone = 0
    for path in sorted((data / "code/fake-secrets").iterdir()):
        with default_settings():
            get_settings().disable_filters("detect_secrets.filters.allowlist.is_line_allowlisted")
            found = {
                (f.line_number, f.secret_value.split("  #")[0]) for f in scan.scan_file(str(path))
            }
        redacted = redact(path.read_text("utf-8"), ("secrets.v1",)).text
        lines = redacted.split("\n") if "<PRIVATE_KEY>" not in redacted else [redacted]
        seen += len(found)
        gone += sum(value not in lines[number - 1] for number, value in found)
    print(f"detect-secrets findings in the fixtures gone after redaction: {gone} of {seen}")


def main() -> None:
    options = harness.arguments(__doc__, data=True)
    options.add_argument("--show", action="store_true")
    arguments = options.parse_args()
    sets = {
        **pages(arguments.data),
        "zh books": chinese(arguments.data),
        "code": code_files(arguments.data),
        "web pages": read([arguments.data / "web"]),
        "rows": read([arguments.data / name for name in ("quality", "neardup", "decontam")]),
    }
    harness.heads("texts", "MB", "hits", "MB/s")
    for name, texts in sets.items():
        counts: Counter[str] = Counter()
        for text in texts:
            counts.update(redact(text).counts)
            if arguments.show:
                show(name, text)
        size = sum(len(text.encode()) for text in texts) / 1e6
        hits = ", ".join(f"{label} {count}" for label, count in sorted(counts.items())) or "none"
        harness.row(name, f"{size:.2f}", hits, f"{speed(texts):.0f}")
    print()
    harness.heads("texts without a hit, cut at 5,000 characters", "n", "MB/s")
    for name, texts in sets.items():
        pieces = [text[k : k + 5000] for text in texts for k in range(0, len(text), 5000)]
        clean = [piece for piece in pieces if not redact(piece).counts]
        harness.row(name, len(clean), f"{speed(clean):.0f}")
    scanner(arguments.data)


if __name__ == "__main__":
    main()
