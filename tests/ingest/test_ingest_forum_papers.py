"""Forums, papers and curated links: small files of each shape, answers known by hand."""

from __future__ import annotations

import gzip
import io
import json
import tarfile
from pathlib import Path
from xml.sax.saxutils import quoteattr

import pytest

from corpusforge.errors import InputError
from corpusforge.ingest import Settings, read
from corpusforge.ingest.links import link_key, load
from corpusforge.ingest.stackexchange import Thread, threads, tree
from corpusforge.records import Failed, RawDocument, Skipped

POSTS = [
    {"Id": "1", "PostTypeId": "1", "Score": "7", "Title": "How to sort?", "AcceptedAnswerId": "4",
     "Body": "<p>I have a <code>list</code>.</p>", "Tags": "<python><sorting>",
     "CreationDate": "2019-05-01T10:00:00.123", "ContentLicense": "CC BY-SA 4.0"},
    {"Id": "2", "PostTypeId": "1", "Title": "Lonely", "Body": "<p>Nobody?</p>", "Score": "0"},
    {"Id": "3", "PostTypeId": "2", "ParentId": "1", "Score": "-2", "Body": "<p>Don't.</p>"},
    {"Id": "4", "PostTypeId": "2", "ParentId": "1", "Score": "5", "Body": "<p>Use this:</p>"
     "<pre><code>sorted(x)\n  # &lt;here&gt;</code></pre>"},
    {"Id": "5", "PostTypeId": "2", "ParentId": "1", "Score": "9", "Body": "<p>用排序。</p>"},
    {"Id": "6", "PostTypeId": "2", "ParentId": "99", "Score": "1", "Body": "<p>To whom?</p>"},
    {"Id": "7", "PostTypeId": "5", "Body": "wiki"},
]  # fmt: skip


def posts(path: Path) -> Path:
    rows = [
        "  <row " + " ".join(f"{k}={quoteattr(v)}" for k, v in p.items()) + " />" for p in POSTS
    ]
    head = '<?xml version="1.0" encoding="utf-8"?>\n<posts>\n'
    path.write_text(head + "\n".join([*rows, "  <row Id=broken"]) + "\n</posts>\n", "utf-8")
    return path


def test_threads_of_a_forum(tmp_path: Path) -> None:
    items = list(read("stackexchange", str(posts(tmp_path / "Posts.xml")), Settings()))
    (found,) = [item for item in items if isinstance(item, RawDocument)]
    assert found.locator == "Posts.xml:1"
    assert (found.format, found.licence, found.date) == (
        "dialogue", "CC-BY-SA-4.0", "2019-05-01T10:00:00Z",
    )  # fmt: skip
    text = str(found.content)
    assert text.startswith("Q: How to sort?\n\nI have a list.")
    assert text.index("用排序。") < text.index("sorted(x)")
    assert "# <here>" in text
    assert "Don't" not in text
    assert "<p>" not in text
    rules = sorted(item.rule for item in items if isinstance(item, Skipped))
    assert rules == ["orphan_answer", "post_type", "unanswered"]
    assert sum(isinstance(item, Failed) for item in items) == 1


def test_forum_threads_as_trees(tmp_path: Path) -> None:
    path = str(posts(tmp_path / "Posts.xml"))
    found = [
        item for item in threads(path, Settings(min_answer_votes=-9)) if isinstance(item, Thread)
    ]
    made = tree(found[0])
    replies = made["prompt"]["replies"]
    assert [reply["score"] for reply in replies] == [9, 5, -2]
    assert [reply["rank"] for reply in replies] == [0, 1, 2]
    assert [reply["accepted"] for reply in replies] == [False, True, False]
    assert made["prompt"]["role"] == "prompter"


MAIN = r"""\documentclass{article} % a comment
\newcommand{\R}{\mathbb{R}}
\def\eps{\varepsilon}
\newcommand{\two}[1]{#1#1}
\title{On \emph{Things}
  and More}
\begin{document}
\maketitle
% hidden remark
We show 50\% of $x \in \R$ with $\eps > 0$.% trailing
 More.
\input{part}
\include{loop}
\begin{thebibliography}{9}
\bibitem{a} A. Author, Secret reference.
\end{thebibliography}
\end{document}
after the end
"""
PART = "\\section{Results}\n\\label{sec:r}\nThe formula \\[ a^2 + b^2 = c^2 \\] holds, \\two{x}.\n"
LOOP = "Loop begins. \\input{loop} Loop ends.\n"


def paper_tar() -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for name, text in (
            ("paper.tex", MAIN),
            ("part.tex", PART),
            ("loop.tex", LOOP),
            ("f.eps", "x"),
        ):
            info = tarfile.TarInfo(name)
            info.size = len(text.encode())
            archive.addfile(info, io.BytesIO(text.encode()))
    return out.getvalue()


def check(found: RawDocument) -> None:
    text = str(found.content)
    assert found.title == r"On \emph{Things} and More"
    assert text.startswith(r"We show 50\% of $x \in \mathbb{R}$ with $\varepsilon > 0$.")
    assert r"\[ a^2 + b^2 = c^2 \]" in text
    assert r"\section{Results}" in text
    assert r"\two{x}" in text
    assert "Loop begins.  Loop ends." in text
    for gone in (
        "documentclass",
        "hidden",
        "trailing",
        "Secret",
        "after the end",
        "label",
        "comment",
    ):
        assert gone not in text


def test_papers_single_and_in_bulk(tmp_path: Path) -> None:
    single = tmp_path / "2401.00001.gz"
    single.write_bytes(gzip.compress(paper_tar()))
    (found,) = read("arxiv", str(single), Settings())
    assert isinstance(found, RawDocument)
    check(found)
    bulk = tmp_path / "arXiv_src_2401_001.tar"
    with tarfile.open(bulk, "w") as archive:
        for name, data in (
            ("2401/2401.00001.gz", gzip.compress(paper_tar())),
            ("2401/2401.00002.gz", gzip.compress(MAIN.encode("latin-1"))),
            ("2401/2401.00003.pdf", b"%PDF-1.4"),
            ("2401/2401.00004.gz", b"\x1f\x8bdamaged"),
            ("2401/2401.00005.gz", gzip.compress(b"%auto-ignore\nwithdrawn")),
        ):
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    items = list(read("arxiv", str(bulk), Settings()))
    kinds = [type(item).__name__ for item in items]
    assert kinds == ["RawDocument", "RawDocument", "Skipped", "Failed", "Skipped"]
    assert isinstance(items[0], RawDocument)
    check(items[0])
    assert items[0].locator == "arXiv_src_2401_001.tar:2401/2401.00001.gz"


def test_macros_that_grow_stop(tmp_path: Path) -> None:
    macros = "".join(
        "\\newcommand{\\m" + chr(97 + n) + "}{" + ("\\m" + chr(98 + n)) * 10 + "}\n"
        for n in range(9)
    )
    path = tmp_path / "bomb.tex"
    path.write_text(f"\\documentclass{{a}}\n{macros}\\begin{{document}}\\ma\\end{{document}}")
    (found,) = read("arxiv", str(path), Settings())
    assert isinstance(found, RawDocument)
    assert len(found.content) < 100_000
    files = {f"f{n}.tex": f"\\input{{f{n + 1}}}" * 10 for n in range(9)}
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for name, text in {"main.tex": "\\documentclass{a}\\input{f0}", **files}.items():
            info = tarfile.TarInfo(name)
            info.size = len(text)
            archive.addfile(info, io.BytesIO(text.encode()))
    path.write_bytes(out.getvalue())
    (failed,) = read("arxiv", str(path), Settings())
    assert isinstance(failed, Failed)
    assert "multiply" in failed.error


def test_curated_links(data: Path, tmp_path: Path) -> None:
    archive = data / "web" / "warc" / "warcio" / "example.warc.gz"
    links = tmp_path / "links.tsv"
    links.write_text(
        "https://www.example.com\t2\nhttp://example.com/#top\t1\nhttp://other.org/\t9\n"
    )
    items = list(read("web", str(archive), Settings(links=str(links), min_votes=3)))
    assert [type(item).__name__ for item in items] == ["RawDocument", "Skipped"]
    items = list(read("web", str(archive), Settings(links=str(links), min_votes=4)))
    assert isinstance(items[0], Skipped)
    assert (items[0].rule, items[0].value, items[0].bound) == ("curated_links", "3", "4")


def test_lists_of_links(tmp_path: Path) -> None:
    path = tmp_path / "links.jsonl"
    rows = [{"url": "http://a.org/x", "score": 5}, {"url": "HTTP://A.org:80/x/", "votes": 2}]
    path.write_text("\n".join(json.dumps(row) for row in rows))
    assert load(str(path), 3).votes == {link_key("http://a.org/x"): 7}
    bad = tmp_path / "bad.tsv"
    bad.write_text("http://a.org\tmany\n")
    with pytest.raises(InputError, match=r"bad\.tsv:1"):
        load(str(bad), 3)
    with pytest.raises(InputError, match="no such file"):
        load(str(tmp_path / "none"), 3)
