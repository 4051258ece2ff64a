"""The whole chain from web archives to token shards, beside datatrove with Trafilatura: CPU seconds.

    python -m benchmarks.web_chain [--data DIR] [--peer-python PATH] [--megabytes 40 160] [--turns 2]

Archives are made from real pages (`web/html_gold/aeb60`, `web/html_segments`, and the HTML responses of
the archives in `web/warc`), as often as the size asks for, one WARC record a page and copy with an id and
an address of its own. In each copy an eighth of the words of four letters and more outside mark-up, scripts
and styles are replaced by other words of the same page, drawn by page and copy, so that no two copies are
near copies. Pages that are not UTF-8 are left out.
Ours is `pipelines.pretrain_mix` with `benchmarks/web_chain.toml` and one worker; the peer is
`web_chain_peer.py` in an environment of its own, which is made where `--peer-python` gives none. What is
counted is user + system time of a process and all its children, interpreter and imports included, the
sides by turns, the lowest of the turns; a small run goes before, so that kernels are compiled and files
are cached for both. "At the margin" is the difference of the two sizes: what a large job costs.
`--profile` adds where our CPU time of the larger size goes.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import pstats
import random
import re
import sys
import tempfile
import venv
from collections.abc import Iterator
from pathlib import Path

from benchmarks import harness
from benchmarks.tokenize_speed import vocabulary_of
from benchmarks.whole_chain import Row, command, own, peer, steps_of, version
from corpusforge import ingest
from corpusforge.records import RawDocument

RECIPE = Path(__file__).with_name("web_chain.toml")
NEEDS = ("datatrove[processing,io]==0.10.1", "xxhash<4", "spacy", "tokenizers", "lxml_html_clean")
WARM_MEGABYTES, FILE_BYTES = 2.0, 32_000_000
REPLACED = 1 / 8
MARKUP = re.compile(
    r"(<script\b.*?</script\s*>|<style\b.*?</style\s*>|<!--.*?-->|<[^>]*>)", re.S | re.I
)
WORD = re.compile(r"[^\W\d_]{4,}")


def pages(data: Path) -> Iterator[tuple[str, str]]:
    """Yield (address, HTML) of every page in UTF-8."""
    gold, segments = data / "web" / "html_gold" / "aeb60", data / "web" / "html_segments"
    known = json.loads((segments / "segments.json").read_bytes())
    found = [(path.name[:-8], path) for path in sorted((gold / "html").glob("*.html.gz"))]
    rows = [(f"http://news.example/{name}", path) for name, path in found]
    rows += [(row["url"], segments / "html" / f"{name}.html.gz") for name, row in known.items()]
    raw = [(url, gzip.decompress(path.read_bytes())) for url, path in rows]
    for path in sorted((data / "web" / "warc").rglob("*.warc.gz")):
        for item in ingest.read("web", str(path), ingest.Settings()):
            if isinstance(item, RawDocument) and item.media == "html":
                content = item.content
                raw.append((item.url, content if isinstance(content, bytes) else content.encode()))
    for url, content in raw:
        try:
            yield url, content.decode()
        except UnicodeDecodeError:
            continue


def varied(html: str, name: str) -> str:
    """Return a page with an eighth of its words replaced by others of its own, drawn by `name`."""
    parts = MARKUP.split(html)
    words = [word for part in parts[::2] for word in WORD.findall(part)]
    draw = random.Random(name)

    def other(found: re.Match[str]) -> str:
        return draw.choice(words) if draw.random() < REPLACED else found[0]

    parts[::2] = [WORD.sub(other, part) for part in parts[::2]]
    return "".join(parts)


def record(url: str, html: str, name: str) -> bytes:
    """Return one WARC response."""
    key = hashlib.sha256(name.encode()).hexdigest()
    key = "-".join((key[:8], key[8:12], key[12:16], key[16:20], key[20:32]))
    body = html.encode()
    http = f"HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: {len(body)}\r\n\r\n"
    head = (
        f"WARC/1.0\r\nWARC-Type: response\r\nWARC-Record-ID: <urn:uuid:{key}>\r\n"
        "WARC-Date: 2024-05-01T00:00:00Z\r\nContent-Type: application/http; msgtype=response\r\n"
        f"WARC-Target-URI: {url}\r\nWARC-Identified-Payload-Type: text/html\r\n"
        f"Content-Length: {len(http) + len(body)}\r\n\r\n"
    )
    return gzip.compress((head + http).encode() + body + b"\r\n\r\n", 4, mtime=0)


def archives(found: list[tuple[str, str]], sizes: list[float], folders: list[Path]) -> list[int]:
    """Write archives of each size, the smaller ones being the larger one's first records; return records."""
    parts: list[list[bytes]] = [[] for _ in folders]
    counts, size, copy = [0] * len(folders), 0.0, 0
    shuffled = sorted(found, key=lambda row: hashlib.sha256(row[0].encode()).digest())
    while size < max(sizes):
        for number, (url, html) in enumerate(shuffled):
            name = f"{number} {copy}"
            made = record(f"{url}{'&' if '?' in url else '?'}copy={copy}", varied(html, name), name)
            for place, most in enumerate(sizes):
                if size < most:
                    parts[place].append(made)
                    counts[place] += 1
            size += len(html.encode()) / 1e6
        copy += 1
    for folder, records in zip(folders, parts, strict=True):
        folder.mkdir()
        number, held = 0, b""
        for place, made in enumerate(records):
            held += made
            if len(held) > FILE_BYTES or place == len(records) - 1:
                (folder / f"part-{number:05d}.warc.gz").write_bytes(held)
                number, held = number + 1, b""
    return counts


def environment(folder: Path) -> str:
    """Make an environment with the peer; return its interpreter."""
    venv.create(folder, with_pip=True)
    python = str(folder / "bin" / "python")
    harness.run([python, "-m", "pip", "install", "--quiet", *NEEDS])
    return python


def table(sizes: list[float], counts: list[int], rows: dict[str, list[Row]]) -> None:
    """Print CPU seconds, ratios, the margin and both outputs; sizes in MB of HTML."""
    ours = rows["corpusforge"]
    harness.heads("chain", *(f"{size:.1f} MB, CPU s" for size in sizes), "at the margin, ms per MB",
         "ratio at each size", "ratio at the margin")  # fmt: skip
    margin = {
        name: (both[-1].seconds - both[0].seconds) / (sizes[-1] - sizes[0]) * 1000
        for name, both in rows.items()
    }
    for name, both in rows.items():
        ratios = (f"{one.seconds / own.seconds:.2f}" for one, own in zip(both, ours, strict=True))
        harness.row(name, *(f"{row.seconds:.1f}" for row in both), f"{margin[name]:.0f}",
             ", ".join(ratios), f"{margin[name] / margin['corpusforge']:.2f}")  # fmt: skip
    print()
    harness.heads(
        "larger size",
        "records",
        "kept by the filters",
        "kept after dedup",
        "tokens",
        "filters: both keep",
    )
    for name, both in rows.items():
        last = both[-1]
        harness.row(name, counts[-1], len(last.filtered), len(last.kept), last.tokens,
             len(last.filtered & ours[-1].filtered))  # fmt: skip
    steps_of({f"{name}, larger size": both[-1] for name, both in rows.items()})


def profile(command: list[str], found: Path) -> None:
    """Print the functions of ours that take the most time of their own (cProfile, kernels by caller)."""
    harness.run([sys.executable, "-m", "cProfile", "-o", found, *command])
    pstats.Stats(str(found)).sort_stats("tottime").print_stats(25)


def main() -> None:
    """Run the command line."""
    options = harness.arguments(__doc__, data=True)
    options.add_argument("--peer-python", default="", metavar="PATH", help="has datatrove")
    options.add_argument("--megabytes", type=float, nargs=2, default=[40.0, 160.0], help="of HTML")
    options.add_argument("--turns", type=int, default=2)
    options.add_argument("--words", nargs="*", default=["split", "spacy"], help="the peer's words")
    options.add_argument("--profile", action="store_true")
    given = options.parse_args()
    ranks = str(given.data / "tokenizers" / "r50k_base.tiktoken")
    lid = given.data / "langid" / "lid.176.ftz"
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        python = given.peer_python or environment(work / "peer")
        vocabulary = vocabulary_of(ranks, work)
        sizes = [WARM_MEGABYTES, *given.megabytes]
        folders = [work / f"archives_{number}" for number in range(len(sizes))]
        counts = archives(list(pages(given.data)), sizes, folders)

        def command_of(archive: Path, run: Path) -> list[str]:
            return command(RECIPE, f"crawl={archive}/part-*.warc.gz", run, ranks)

        def ours(archive: Path, run: Path) -> Row:
            return own(command_of(archive, run), run, "url")

        names = {words: f"datatrove, {words}" for words in given.words}
        rows: dict[str, list[Row]] = {"corpusforge": [], **{name: [] for name in names.values()}}
        for number, archive in enumerate(folders):
            for turn in range(given.turns if number else 1):
                made = {"corpusforge": ours(archive, work / f"run_{number}_{turn}")}
                for words, name in names.items():
                    target = work / f"{words}_{number}_{turn}"
                    made[name] = peer(
                        python, "web_chain_peer", archive, target, vocabulary, lid, words,
                        name=lambda row: row["metadata"]["url"],
                    )  # fmt: skip
                for name, row in made.items() if number else ():
                    print(
                        f"{sizes[number]:.0f} MB, turn {turn}: {name} {row.seconds:.2f} CPU s",
                        flush=True,
                    )
                    if turn == 0:
                        rows[name].append(row)
                    elif row.seconds < rows[name][-1].seconds:
                        rows[name][-1] = row
        print(f"\n{harness.machine()}; {version(python)}; records {counts[1:]}\n")
        table(sizes[1:], counts, rows)
        if given.profile:
            profile(command_of(folders[-1], work / "profiled"), work / "profile")


if __name__ == "__main__":
    main()
