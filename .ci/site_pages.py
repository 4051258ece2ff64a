"""Puts pages that lie beside docs/ on the site, the README first, and makes links work there as in the tree.

In the tree a page of docs/ points to `../benchmarks/LEADERBOARD.md`; on the site, whose root is docs/, to
`benchmarks/LEADERBOARD.md`. Links to files that are no pages become their names.
"""

from __future__ import annotations

import posixpath
import re
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File, Files, InclusionLevel

ROOT = Path(__file__).resolve().parent.parent
HOME = "index.md"
"""The README's name on the site."""
BESIDE = ("README.zh.md", "CHANGELOG.md", "CONTRIBUTING.md", "benchmarks/**/*.md")
LINK = re.compile(r"(!?)\[([^\]]*)\]\((?!https?:|#|mailto:)([^)#\s]+)(#[^)\s]*)?\)")

CODE = re.compile(r"`[^`\n]+`")
"""A bar in code in a table is escaped for readers of the tree; here it would keep its backslash."""


def on_files(files: Files, config: Any) -> Files:
    """Add the README and the pages that lie beside docs/; those of figures are reached by links alone."""
    files.append(File.generated(config, HOME, abs_src_path=str(ROOT / "README.md")))
    for pattern in BESIDE:
        for path in sorted(ROOT.glob(pattern)):
            name = path.relative_to(ROOT).as_posix()
            beside = File.generated(config, name, abs_src_path=str(path))
            if "results.d" in name:
                beside.inclusion = InclusionLevel.NOT_IN_NAV
            files.append(beside)
    return files


def on_page_markdown(markdown: str, page: Any, config: Any, files: Files) -> str:
    """Turn links of the tree into links of the site."""
    uri = page.file.src_uri
    beside = any(Path(uri).match(pattern) for pattern in BESIDE)
    where = "README.md" if uri == HOME else uri if beside else f"docs/{uri}"

    def turned(link: re.Match[str]) -> str:
        image, text, target, anchor = link.groups()
        place = posixpath.normpath(posixpath.join(posixpath.dirname(where), target))
        page_there = HOME if place == "README.md" else place.removeprefix("docs/")
        if files.get_file_from_path(page_there) is None and (ROOT / place).exists():
            return f"`{text.strip('`')}`"
        there = posixpath.relpath(page_there, posixpath.dirname(uri) or ".")
        return f"{image}[{text}]({there}{anchor or ''})"

    return CODE.sub(lambda code: code[0].replace("\\|", "|"), LINK.sub(turned, markdown))
