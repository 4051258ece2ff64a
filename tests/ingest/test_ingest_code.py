"""Code: licences, generated and minified files against a list made by hand before the detector."""

from __future__ import annotations

import functools
import gzip
import io
import json
import tarfile
import zipfile
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from corpusforge.ingest import Settings, read
from corpusforge.ingest.codekind import flags
from corpusforge.ingest.languages import language_of
from corpusforge.ingest.licences import of_header, of_text
from corpusforge.ingest.spdx import expression, licence_class
from corpusforge.records import Failed, RawDocument, Skipped

GOLD = json.loads((Path(__file__).parent / "gold_licences.json").read_text("utf-8"))


@functools.cache
def tree(path: Path) -> tuple[RawDocument | Skipped | Failed, ...]:
    return tuple(read("code", str(path), Settings()))


def documents(path: Path) -> list[RawDocument]:
    return [item for item in tree(path) if isinstance(item, RawDocument)]


@pytest.mark.parametrize("name", sorted(GOLD["licences"]))
def test_licence_of_every_tree(data: Path, name: str) -> None:
    found = documents(data / "code" / "trees" / f"{name}.tar.gz")
    licence, kind = GOLD["licences"][name]
    assert found
    assert {item.licence for item in found} == {licence}
    assert {item.meta["licence_class"] for item in found} == {kind}


def test_generated_and_minified_files(data: Path) -> None:
    everything = [
        item for p in sorted((data / "code" / "trees").iterdir()) for item in documents(p)
    ]
    for flag in ("generated", "minified"):
        found = {item.meta["path"] for item in everything if flag in item.meta}
        assert found == set(GOLD[flag])


def test_every_member_is_accounted(data: Path) -> None:
    for path in sorted((data / "code" / "trees").iterdir()):
        with tarfile.open(path) as archive:
            regular = sum(info.isreg() for info in archive)
        assert len(tree(path)) == regular
        assert not [item for item in tree(path) if isinstance(item, Failed)]


def test_languages_of_the_trees(data: Path) -> None:
    main = {
        "bash-completion_1_3a2.11-6_all": "Shell",
        "chardet-5.2.0-py3-none-any": "Python",
        "golang-github-pkg-errors-dev_0.9.1-2_all": "Go",
        "jquery-3.7.1": "JavaScript",
        "librust-itoa-dev_1.0.1-2_amd64": "Rust",
        "libtap-formatter-junit-perl_0.11-2_all": "Perl",
        "lua-inspect_3.1.1-2_all": "Lua",
        "php-psr-log_1.1.4-2_all": "PHP",
        "ruby-rainbow_3.1.1-1_all": "Ruby",
        "uthash-dev_2.3.0-1_b1_amd64": "C",
    }
    for name, language in main.items():
        found = [d.meta["language"] for d in documents(data / "code" / "trees" / f"{name}.tar.gz")]
        code = [one for one in found if one not in ("Text", "Markdown", "HTML")]
        assert max(sorted(set(code)), key=code.count) == language


def test_readme_is_prose_and_comments_stay(data: Path) -> None:
    found = {d.meta["path"]: d for d in documents(data / "code" / "trees" / "mitt-3.0.1.tar.gz")}
    assert found["mitt-3.0.1/README.md"].format == "text"
    assert found["mitt-3.0.1/index.d.ts"].format == "code"
    path = data / "code" / "trees" / "left-pad-1.3.0.tar.gz"
    with tarfile.open(path) as archive:
        member = archive.extractfile("left-pad-1.3.0/index.js")
        assert member is not None
        assert {d.meta["path"]: d.content for d in documents(path)}["left-pad-1.3.0/index.js"] == (
            member.read().decode()
        )


def test_fake_secrets_are_still_there(data: Path) -> None:
    for path in sorted((data / "code" / "fake-secrets").iterdir()):
        (item,) = read("code", str(path), Settings())
        assert isinstance(item, RawDocument)
        assert item.content == path.read_text("utf-8")


FIXTURES = {  # folder of licensee's fixtures → SPDX; "" = no known licence (modified texts, notices)
    "bom": "MIT",
    "bsl": "BSL-1.0",
    "bsd-plus-patents/PATENTS": "",
    "bsd-plus-patents": "BSD-3-Clause",
    "apache-with-readme-notice/LICENSE.header": "",
    "apache-with-readme-notice": "Apache-2.0",
    "cc-by-nc-sa": "CC-BY-NC-SA-4.0",
    "cc-by-nd": "CC-BY-ND-4.0",
    "cc-by-sa-mdlinks": "CC-BY-SA-4.0",
    "cc-by-sa-nocclicensor": "CC-BY-SA-4.0",
    "cc0-": "CC0-1.0",
    "crlf-bsd": "BSD-3-Clause",
    "crlf-license": "GPL-3.0-only",
    "eupl-cal2017": "EUPL-1.2",
    "fcpl-modified-mpl": "",
    "gpl3-without-instructions": "GPL-3.0-only",
    "html/": "EPL-1.0",
    "lgpl/COPYING.lesser": "LGPL-3.0-only",
    "lgpl/LICENSE": "GPL-3.0-only",
    "licenses-dir-with-top-level-license": "Apache-2.0",
    "license": "MIT",
    "mpl-without-hrs": "MPL-2.0",
    "multiple-arrs": "BSD-3-Clause",
    "multiple-license-files/LICENSE.txt": "MIT",
    "multiple-license-files/LICENSE": "MPL-2.0",
    "pixar-modified-apache": "",
    "wrk-modified-apache": "",
    "unlicense": "Unlicense",
    "vim": "Vim",
    "mit": "MIT",
    "bsd-2": "BSD-2-Clause",
    "bsd-3": "BSD-3-Clause",
    "agpl-3.0": "AGPL-3.0-only",
    "apache-2.0": "Apache-2.0",
    "artistic-2.0": "Artistic-2.0",
    "cc-by-4.0": "CC-BY-4.0",
    "cc-by-sa-4.0": "CC-BY-SA-4.0",
    "epl-1.0": "EPL-1.0",
    "gfdl-1.3": "GFDL-1.3-only",
    "gpl-2.0": "GPL-2.0-only",
    "gpl-3.0": "GPL-3.0-only",
    "lgpl-2.1": "LGPL-2.1-only",
    "lgpl-3.0": "LGPL-3.0-only",
    "mpl-2.0": "MPL-2.0",
}


def test_licence_texts_in_sixty_layouts(data: Path) -> None:
    lines = gzip.decompress((data / "neardup" / "licensee-fixtures.jsonl.gz").read_bytes()).split(
        b"\n"
    )
    rows = [json.loads(line) for line in lines if line]
    assert len(rows) == 60
    for row in rows:
        expected = next(spdx for prefix, spdx in FIXTURES.items() if row["id"].startswith(prefix))
        assert of_text(row["text"]) == expected, row["id"]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("GPL-2+", "GPL-2.0-or-later"),
        ("GPL-2", "GPL-2.0-only"),
        ("GPL-3.0+", "GPL-3.0-or-later"),
        ("LGPL-2.1+", "LGPL-2.1-or-later"),
        ("GPLv3", "GPL-3.0-only"),
        ("GNU General Public License v3 or later (GPLv3+)", "GPL-3.0-or-later"),
        ("Expat", "MIT"),
        ("MIT/Apache-2.0", "MIT OR Apache-2.0"),
        ("(MIT OR CC0-1.0)", "MIT OR CC0-1.0"),
        ("Artistic or GPL-1+", "Artistic-1.0-Perl OR GPL-1.0-or-later"),
        ("Apache License, Version 2.0", "Apache-2.0"),
        ("Apache-2.0 WITH LLVM-exception", "Apache-2.0 WITH LLVM-exception"),
        ("BSD", ""),
        ("LGPL", ""),
        ("SEE LICENSE IN LICENSE.md", ""),
        ("UNLICENSED", ""),
        ("", ""),
    ],
)
def test_licence_names(name: str, expected: str) -> None:
    assert expression(name) == expected


def test_class_of_expressions() -> None:
    assert licence_class("GPL-3.0-only OR MIT") == "permissive"
    assert licence_class("GPL-3.0-only AND MIT") == "copyleft"
    assert licence_class("MIT AND CC-BY-NC-4.0") == "unknown"
    assert licence_class("") == "unknown"


def test_headers() -> None:
    assert of_header("// SPDX-License-Identifier: GPL-2.0-only\nint x;") == "GPL-2.0-only"
    assert of_header("/* SPDX-License-Identifier: MIT OR Apache-2.0 */") == "MIT OR Apache-2.0"
    gpl = (
        "# This program is free software; you can redistribute it and/or modify it under the\n"
        "# terms of the GNU General Public License as published by the Free Software\n"
        "# Foundation; either version 2, or (at your option) any later version.\n"
    )
    assert of_header(gpl) == "GPL-2.0-or-later"
    assert of_header("print('no licence here')") == ""


def packed(kind: str, files: dict[str, str]) -> bytes:
    out = io.BytesIO()
    if kind == "zip":
        with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, text in files.items():
                archive.writestr(name, text)
        return out.getvalue()
    mode = {"tar": "w", "tar.gz": "w:gz", "tar.bz2": "w:bz2", "tar.xz": "w:xz", "tar.zst": "w"}
    with tarfile.open(fileobj=out, mode=mode[kind]) as tarball:  # type: ignore[call-overload]
        for name, text in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(text.encode())
            tarball.addfile(info, io.BytesIO(text.encode()))
    if kind == "tar.zst":
        import zstandard

        return zstandard.ZstdCompressor().compress(out.getvalue())
    return out.getvalue()


@pytest.mark.parametrize("kind", ["tar", "tar.gz", "tar.bz2", "tar.xz", "tar.zst", "zip"])
def test_archives_of_every_packing(tmp_path: Path, kind: str) -> None:
    mit = (
        "MIT License\n\nPermission is hereby granted, free of charge, to any person obtaining a "
        "copy of this software, to deal in it without restriction. This notice shall be included in "
        "all copies or substantial portions of the Software.\n"
    )
    files = {"p/a.py": "x = 1\n", "p/vendor/lib/b.js": "let y = 2;\n", "p/LICENSE": mit}
    files["p/vendor/lib/package.json"] = '{"license": "GPL-3.0-or-later"}'
    path = tmp_path / f"p.{kind}"
    path.write_bytes(packed(kind, files))
    found = {d.meta["path"]: d for d in documents(path)}
    assert set(found) == set(files)
    assert found["p/a.py"].licence == "MIT"
    assert found["p/a.py"].locator == f"p.{kind}:p/a.py"
    assert found["p/vendor/lib/b.js"].licence == "GPL-3.0-or-later"
    assert found["p/vendor/lib/b.js"].meta["vendored"] == "1"
    assert found["p/a.py"].meta["repository"] == "p"


def test_stack_parquet(tmp_path: Path) -> None:
    path = tmp_path / "data.parquet"
    table = pa.table(
        {
            "content": ["def f():\n    return 1\n", "", "SELECT 1;"],
            "max_stars_repo_path": ["src/f.py", "e.py", "q.sql"],
            "max_stars_repo_name": ["me/r", "me/r", "me/s"],
            "max_stars_repo_licenses": [["MIT", "Apache-2.0"], [], ["GPL-3.0"]],
            "lang": ["Python", "Python", "SQL"],
        }
    )
    pq.write_table(table, path)
    first, second, third = read("code", str(path), Settings())
    assert isinstance(first, RawDocument)
    assert (first.licence, first.meta["repository"]) == ("MIT AND Apache-2.0", "me/r")
    assert first.meta["licence_class"] == "permissive"
    assert isinstance(second, Skipped)
    assert second.rule == "empty_file"
    assert isinstance(third, RawDocument)
    assert (third.meta["language"], third.meta["licence_class"]) == ("SQL", "copyleft")


def test_single_file_takes_the_licence_above(data: Path, tmp_path: Path) -> None:
    with tarfile.open(data / "code" / "trees" / "left-pad-1.3.0.tar.gz") as archive:
        archive.extractall(tmp_path, filter="data")
    path = tmp_path / "left-pad-1.3.0" / "perf" / "perf.js"
    (item,) = read("code", str(path), Settings(), root=str(tmp_path))
    assert isinstance(item, RawDocument)
    assert item.licence == "WTFPL"
    assert item.locator == "left-pad-1.3.0/perf/perf.js"


@pytest.mark.parametrize(
    ("path", "text", "language"),
    [
        ("a/b.h", "class X {\n};\n", "C++"),
        ("a/b.h", "int f(void);\n", "C"),
        ("run", "#!/usr/bin/env python3\nprint(1)\n", "Python"),
        ("run", "#!/bin/sh\n", "Shell"),
        ("Makefile", "all:\n", "Makefile"),
        ("x.pl", "use strict;\n", "Perl"),
        ("x.pl", ":- module(x, []).\n", "Prolog"),
        ("README", "hello", "Text"),
        ("unknown.qqq", "hello", ""),
    ],
)
def test_language_by_name_and_content(path: str, text: str, language: str) -> None:
    assert language_of(path, text) == language


def test_flags_of_small_cases() -> None:
    assert flags("a.go", "// Code generated by protoc-gen-go. DO NOT EDIT.\n", "Go") == {
        "generated": "1"
    }
    assert flags("third_party/x.c", "int a;\n", "C") == {"vendored": "1"}
    assert flags("x.py", "def generated():\n    return 'generated by hand'\n", "Python") == {}
    numbers = "TABLE = [\n" + "    1, 2, 3, 4, 5, 6, 7, 8, 9, 10,\n" * 500 + "]\n"
    assert flags("t.py", numbers, "Python") == {"data_like": "1"}
