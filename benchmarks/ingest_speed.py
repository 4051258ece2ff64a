"""MB of source per CPU-second of every reader, with peers on the same files in the same run.

    python -m benchmarks.ingest_speed [--data DIR] [--peers PYTHON] [--megabytes 20] [--rounds 5]

DIR holds real files (web/html_gold, wiki, books, code/trees). From them one file per kind is made, of
about the asked size: a WARC of the gold pages (one gzip member a record, each with a request and a
metadata record), a MediaWiki dump of all pages of wiki/, JSON lines of their text. MB counts bytes
after decompression. Each reader runs to the end of its file, records looked at, in one process;
the table gives the median of the rounds and their range in CPU seconds. Peers run in the
interpreter PYTHON, which needs fastwarc, warcio, datatrove[io], mwxml, gensim; a missing one is said.
"""

from __future__ import annotations

import bz2
import gzip
import json
import statistics
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import UUID

from benchmarks import harness

OURS = ("web", "wikipedia", "books", "code", "documents", "html")


def pages(data: Path) -> list[bytes]:
    """The gold pages, decompressed."""
    found = sorted((data / "web" / "html_gold" / "aeb60" / "html").glob("*.gz"))
    return [gzip.decompress(path.read_bytes()) for path in found]


def make_warc(path: Path, data: Path, size: int) -> int:
    """Write a WARC of the gold pages, repeated to `size` bytes; return its bytes unpacked."""
    total = number = 0
    everything = pages(data)
    with path.open("wb") as out:
        while total < size:
            body = everything[number % len(everything)]
            url = f"http://example.org/{number}"
            http = b"HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\n\r\n" + body
            for kind, block in (
                ("request", b"GET / HTTP/1.1\r\nHost: example.org\r\n\r\n"),
                ("response", http),
                ("metadata", b"fetchTimeMs: 100\r\n"),
            ):
                number += 1
                head = (
                    f"WARC/1.0\r\nWARC-Type: {kind}\r\nWARC-Record-ID: <urn:uuid:{UUID(int=number)}>\r\n"
                    f"WARC-Date: 2024-05-01T00:00:00Z\r\nWARC-Target-URI: {url}\r\n"
                    f"Content-Type: application/http; msgtype={kind}\r\n"
                    "WARC-Identified-Payload-Type: text/html\r\n"
                    f"Content-Length: {len(block)}\r\n\r\n"
                )
                record = head.encode() + block + b"\r\n\r\n"
                out.write(gzip.compress(record, 6, mtime=0))
                total += len(record)
    return total


def make_dump(path: Path, data: Path, size: int) -> int:
    """Write a bzip2 dump of all pages of wiki/, repeated to `size` bytes; return its bytes unpacked."""
    source = next((data / "wiki").glob("enwiki-latest*"))
    text = bz2.decompress(source.read_bytes())
    begin, end = text.index(b"<page>"), text.rindex(b"</page>") + 7
    times = max(1, size // (end - begin))
    xml = text[:begin] + (text[begin:end] + b"\n") * times + text[end:]
    path.write_bytes(bz2.compress(xml))
    return len(xml)


def make_lines(path: Path, data: Path, size: int) -> int:
    """Write gzip JSON lines of the pages' bytes as text; return their bytes unpacked."""
    texts = [page.decode("utf-8", "replace") for page in pages(data)]
    rows = [json.dumps({"text": t, "id": n}, ensure_ascii=False) for n, t in enumerate(texts)]
    block = ("\n".join(rows) + "\n").encode()
    content = block * max(1, size // len(block))
    path.write_bytes(gzip.compress(content, 6, mtime=0))
    return len(content)


def ours(kind: str) -> Callable[[list[Path]], int]:
    """Return a function that reads all files of a kind and counts the documents."""

    def run(paths: list[Path]) -> int:
        from corpusforge.ingest import Settings, read
        from corpusforge.records import RawDocument

        return sum(
            isinstance(item, RawDocument)
            for path in paths
            for item in read(kind, str(path), Settings())
        )

    return run


def warcio_reader(paths: list[Path]) -> int:
    """Count HTML 200 responses with warcio, bodies read."""
    from warcio.archiveiterator import ArchiveIterator

    count = 0
    for path in paths:
        with path.open("rb") as stream:
            for record in ArchiveIterator(stream):
                if record.rec_type == "response" and record.http_headers.get_statuscode() == "200":
                    count += bool(record.content_stream().read())
    return count


def fastwarc_reader(paths: list[Path]) -> int:
    """Count HTML 200 responses with fastwarc, bodies read."""
    from fastwarc.warc import ArchiveIterator, WarcRecordType

    count = 0
    for path in paths:
        with path.open("rb") as stream:
            for record in ArchiveIterator(stream, record_types=WarcRecordType.response):
                if record.http_headers is not None and record.http_headers.status_code == 200:
                    count += bool(record.reader.read())
    return count


def datatrove_warc(paths: list[Path]) -> int:
    """Count documents of datatrove's WarcReader."""
    from datatrove.pipeline.readers import WarcReader

    folder, name = str(paths[0].parent), paths[0].name
    return sum(1 for _ in WarcReader(folder, glob_pattern=name).run(None, 0, 1))


def datatrove_lines(paths: list[Path]) -> int:
    """Count documents of datatrove's JsonlReader."""
    from datatrove.pipeline.readers import JsonlReader

    folder, name = str(paths[0].parent), paths[0].name
    return sum(1 for _ in JsonlReader(folder, glob_pattern=name).run(None, 0, 1))


def mwxml_reader(paths: list[Path]) -> int:
    """Count articles of namespace 0 that are no redirects with mwxml."""
    import mwxml

    count = 0
    for path in paths:
        with bz2.open(path) as stream:
            for page in mwxml.Dump.from_file(stream):
                texts = [revision.text for revision in page]
                count += page.namespace == 0 and page.redirect is None and bool(texts)
    return count


def gensim_reader(paths: list[Path]) -> int:
    """Count articles with gensim's extract_pages, namespace 0."""
    from gensim.corpora.wikicorpus import extract_pages

    count = 0
    for path in paths:
        with bz2.open(path) as stream:
            for _, text, _ in extract_pages(stream, filter_namespaces=("0",)):
                count += not (text or "").lstrip().lower().startswith("#redirect")
    return count


def json_reader(paths: list[Path]) -> int:
    """Count rows with gzip and json of the standard library."""
    count = 0
    for path in paths:
        with gzip.open(path) as stream:
            for line in stream:
                count += bool(json.loads(line)["text"])
    return count


def tar_reader(paths: list[Path]) -> int:
    """Count the regular files of archives, read with tarfile."""
    import tarfile

    count = 0
    for path in paths:
        with tarfile.open(path) as archive:
            for info in archive:
                if info.isreg():
                    opened = archive.extractfile(info)
                    count += opened is not None and bool(opened.read())
    return count


PEERS: dict[str, dict[str, Callable[[list[Path]], int]]] = {
    "web": {"warcio": warcio_reader, "fastwarc": fastwarc_reader, "datatrove": datatrove_warc},
    "wikipedia": {"mwxml": mwxml_reader, "gensim": gensim_reader},
    "documents": {"json": json_reader, "datatrove": datatrove_lines},
    "code": {"tarfile": tar_reader},
}


def timed(run: Callable[[list[Path]], int], paths: list[Path], rounds: int) -> dict[str, object]:
    """Run once unmeasured, then `rounds` times; return the count and the CPU seconds of each."""
    count = run(paths)
    (seconds,) = harness.by_turns({"it": lambda: run(paths)}, rounds).values()
    return {"count": count, "seconds": seconds}


def inputs(data: Path, work: Path, size: int) -> Iterator[tuple[str, list[Path], int]]:
    """Yield (kind, files, bytes unpacked)."""
    yield "web", [work / "pages.warc.gz"], make_warc(work / "pages.warc.gz", data, size)
    yield "wikipedia", [work / "enwiki.xml.bz2"], make_dump(work / "enwiki.xml.bz2", data, size)
    books = sorted((data / "books").glob("*.txt.gz")) * 5
    yield "books", books, sum(len(gzip.decompress(path.read_bytes())) for path in books)
    trees = sorted((data / "code" / "trees").glob("*.tar.gz"))
    yield "code", trees, sum(len(gzip.decompress(path.read_bytes())) for path in trees)
    yield "documents", [work / "rows.jsonl.gz"], make_lines(work / "rows.jsonl.gz", data, size)
    html = sorted((data / "web" / "html_gold" / "aeb60" / "html").glob("*.gz"))
    yield "html", html, sum(len(gzip.decompress(path.read_bytes())) for path in html)


def show(kind: str, name: str, size: int, found: dict[str, object] | None) -> None:
    """Print one line of the table; None for a reader that could not run."""
    if found is None:
        harness.row(kind, name, "–", "–", "not run")
        return
    seconds = sorted(found["seconds"])  # type: ignore[arg-type, type-var]
    speeds = [size / 1e6 / second for second in seconds]
    spread = f"{speeds[-1]:.1f}–{speeds[0]:.1f}"
    harness.row(kind, name, found["count"], f"{statistics.median(speeds):.1f}", spread)


def main() -> None:
    """Make the inputs, time our readers and their peers, print the table."""
    if sys.argv[1:2] == ["--peer"]:
        kind, name, rounds, *paths = sys.argv[2:]
        harness.figures(timed(PEERS[kind][name], [Path(p) for p in paths], int(rounds)))
        return
    parser = harness.arguments(__doc__, data=True)
    parser.add_argument("--peers", default=sys.executable)
    parser.add_argument("--megabytes", type=float, default=20)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    print(harness.machine("fastwarc"))
    harness.heads("kind", "reader", "documents", "MB/CPU-s (median)", "range")
    with tempfile.TemporaryDirectory() as folder:
        size = int(options.megabytes * 1e6)
        for kind, paths, total in inputs(options.data, Path(folder), size):
            show(
                kind,
                f"corpusforge ({total / 1e6:.1f} MB)",
                total,
                timed(ours(kind), paths, options.rounds),
            )
            for name in PEERS.get(kind, {}):
                given = ("--peer", kind, name, options.rounds, *paths)
                show(kind, name, total, harness.peer(options.peers, "ingest_speed", *given))


if __name__ == "__main__":
    main()
