"""Which programming language a file is in: by name, by ending, by its first line, by content.

Names are those of GitHub's Linguist, so that The Stack's columns and ours compare. Prose (README,
markdown, licences) is `format` text, not code. Limit: endings that several languages share (.h,
.m, .pl, .v) are settled by a few telling words only.
"""

from __future__ import annotations

import re

__all__ = ["PROSE", "language_of"]

PROSE = frozenset({"Markdown", "reStructuredText", "AsciiDoc", "Text", "Org", "Pod", "Roff"})
"""Languages whose documents are prose."""

_ENDINGS = {
    "Ada": "adb ads",
    "Assembly": "s asm",
    "AsciiDoc": "asciidoc adoc",
    "Awk": "awk",
    "Batchfile": "bat cmd",
    "C": "c",
    "C#": "cs csx",
    "C++": "cpp cc cxx hpp hh hxx c++ ipp inl tpp",
    "CMake": "cmake",
    "COBOL": "cbl cob",
    "CSS": "css",
    "CSV": "csv tsv",
    "Clojure": "clj cljs cljc edn",
    "CoffeeScript": "coffee",
    "Common Lisp": "lisp lsp",
    "Cuda": "cu cuh",
    "Cython": "pyx pxd",
    "D": "d",
    "Dart": "dart",
    "Diff": "diff patch",
    "Dockerfile": "dockerfile",
    "Elixir": "ex exs",
    "Elm": "elm",
    "Emacs Lisp": "el",
    "Erlang": "erl hrl",
    "F#": "fs fsx fsi",
    "Fortran": "f90 f95 f03 f08 f for f77",
    "GLSL": "glsl vert frag",
    "Go": "go",
    "GraphQL": "graphql gql",
    "Groovy": "groovy gradle",
    "HCL": "tf hcl",
    "HTML": "html htm xhtml vue svelte",
    "Haskell": "hs lhs",
    "INI": "ini cfg conf env properties editorconfig",
    "JSON": "json jsonl map webmanifest ipynb geojson",
    "Java": "java",
    "JavaScript": "js mjs cjs jsx",
    "Julia": "jl",
    "Kotlin": "kt kts",
    "Less": "less",
    "Lua": "lua",
    "Makefile": "mk mak",
    "Markdown": "md markdown mkd mdx rmd",
    "MATLAB": "matlab",
    "Nix": "nix",
    "OCaml": "ml mli",
    "Objective-C": "m mm",
    "Org": "org",
    "PHP": "php php3 php4 php5 phtml",
    "Pascal": "pas dpr lpr",
    "Perl": "pl pm t perl",
    "Pod": "pod",
    "PowerShell": "ps1 psm1 psd1",
    "Prolog": "pro prolog",
    "Protocol Buffer": "proto",
    "Python": "py pyw pyi",
    "R": "r",
    "Racket": "rkt",
    "Roff": "1 2 3 4 5 6 7 8 man roff",
    "Ruby": "rb rake gemspec ru",
    "Rust": "rs",
    "SQL": "sql",
    "SVG": "svg",
    "Sass": "sass scss",
    "Scala": "scala sc sbt",
    "Scheme": "scm ss",
    "Shell": "sh bash zsh ksh fish bashrc",
    "Smalltalk": "st",
    "Solidity": "sol",
    "Swift": "swift",
    "TOML": "toml",
    "Tcl": "tcl",
    "TeX": "tex sty cls bib ltx",
    "Text": "txt text rst.txt",
    "TypeScript": "ts tsx mts cts",
    "VHDL": "vhd vhdl",
    "Verilog": "v sv svh vh",
    "Vim Script": "vim",
    "Visual Basic .NET": "vb vbs bas",
    "WebAssembly": "wat wast",
    "XML": "xml xsd xsl xslt plist csproj pom rss wsdl",
    "YAML": "yml yaml",
    "Zig": "zig",
    "reStructuredText": "rst rest",
}
_BY_ENDING = {
    ending: language for language, endings in _ENDINGS.items() for ending in endings.split()
}
_BY_NAME = {
    "makefile": "Makefile",
    "gnumakefile": "Makefile",
    "dockerfile": "Dockerfile",
    "containerfile": "Dockerfile",
    "cmakelists.txt": "CMake",
    "rakefile": "Ruby",
    "gemfile": "Ruby",
    "vagrantfile": "Ruby",
    "jenkinsfile": "Groovy",
    "gruntfile": "JavaScript",
    ".babelrc": "JSON",
    ".eslintrc": "JSON",
    ".gitignore": "INI",
    ".npmignore": "INI",
    ".gitattributes": "INI",
    "cargo.lock": "TOML",
    "pipfile": "TOML",
    "go.mod": "Go",
    "go.sum": "Text",
    "metadata": "Text",
    "record": "CSV",
    "wheel": "Text",
}
_PROSE_NAME = re.compile(
    r"(?:read.?me|licen[cs]e|copying|copyright|changes|changelog|news|authors|contributors|install|todo|"
    r"notice|thanks|history|credits|maintainers|unlicense)(?:[-._].*)?$"
)
_INTERPRETERS = {
    "python": "Python",
    "node": "JavaScript",
    "deno": "TypeScript",
    "ruby": "Ruby",
    "perl": "Perl",
    "php": "PHP",
    "bash": "Shell",
    "sh": "Shell",
    "zsh": "Shell",
    "dash": "Shell",
    "ksh": "Shell",
    "awk": "Awk",
    "gawk": "Awk",
    "lua": "Lua",
    "tclsh": "Tcl",
    "rscript": "R",
    "make": "Makefile",
    "env": "",
}
_SHEBANG = re.compile(
    r"#![ \t]*(?:\S*/)?([A-Za-z]+)[\d.]*(?:[ \t]+(?:-S[ \t]+)?(?:\S*/)?([A-Za-z]+))?"
)
_MODELINE = re.compile(
    r"-\*-\s*+(?:mode:\s*+)?([\w+#]++(?:-[\w+#]++)*+).*?-\*-|vim?:.*?\b(?:ft|filetype|syntax)=(\w+)"
)
_MODES = {
    "shell-script": "Shell",
    "sh": "Shell",
    "bash": "Shell",
    "python": "Python",
    "perl": "Perl",
    "cperl": "Perl",
    "ruby": "Ruby",
    "c": "C",
    "c++": "C++",
    "cpp": "C++",
    "lisp": "Common Lisp",
    "emacs-lisp": "Emacs Lisp",
    "makefile": "Makefile",
    "tcl": "Tcl",
    "lua": "Lua",
}
_TELLING: dict[str, tuple[tuple[str, re.Pattern[str]], ...]] = {
    "h": (
        (
            "C++",
            re.compile(r"^[^\S\n]*+(?:class\s+\w+|template\s*<|namespace\s+\w+|using\s+\w+)", re.M),
        ),
        ("Objective-C", re.compile(r"^[^\S\n]*+@(?:interface|protocol|property|end)\b", re.M)),
        ("C", re.compile(r"")),
    ),
    "m": (
        ("Objective-C", re.compile(r"^[^\S\n]*+(?:#import|@implementation|@interface)", re.M)),
        ("MATLAB", re.compile(r"^[^\S\n]*+(?:function\b|%|end\s*;?$)", re.M)),
    ),
    "pl": (
        ("Prolog", re.compile(r"^[^\S\n]*+:-\s|^\w+\(.*\)\s*:-", re.M)),
        ("Perl", re.compile(r"")),
    ),
    "t": (("Perl", re.compile(r"^[^\S\n]*+(?:use|my|package)\b", re.M)), ("Text", re.compile(r""))),
    "v": (
        ("Verilog", re.compile(r"\bendmodule\b|^[^\S\n]*+(?:module|always|assign)\b", re.M)),
        ("Text", re.compile(r"")),
    ),
    "d": (
        ("D", re.compile(r"^[^\S\n]*+(?:module|import)\s+[\w.]+;", re.M)),
        ("Makefile", re.compile(r":")),
    ),
    "ts": (("XML", re.compile(r"^[^\S\n]*+<\?xml|<TS\b", re.M)), ("TypeScript", re.compile(r""))),
    "conf": (("INI", re.compile(r"")),),
}
_HEAD = 20_000
_MODELINE_CHARS = 300


def language_of(path: str, text: str) -> str:
    """Return the language of a file, or "" where nothing tells it."""
    name = path.rsplit("/", 1)[-1].lower()
    if name in _BY_NAME:
        return _BY_NAME[name]
    ending = name.rsplit(".", 1)[-1] if "." in name else ""
    head = text[:_HEAD]
    for language, telling in _TELLING.get(ending, ()):
        if telling.search(head):
            return language
    if _PROSE_NAME.fullmatch(name) and ending not in (
        "js",
        "py",
        "ts",
        "rb",
        "go",
        "md",
        "rst",
        "html",
        "json",
    ):
        return "Text"
    if ending in _BY_ENDING:
        return _BY_ENDING[ending]
    return _by_content(head)


def _by_content(head: str) -> str:
    first = head.split("\n", 1)[0]
    found = _SHEBANG.match(first)
    if found:
        for word in (found[1], found[2]):
            language = _INTERPRETERS.get((word or "").lower(), "")
            if language:
                return language
    for line in head.split("\n", 3)[:3]:
        mode = _MODELINE.search(line[:_MODELINE_CHARS])
        if mode and (language := _MODES.get((mode[1] or mode[2]).lower(), "")):
            return language
    if first.startswith("<?php"):
        return "PHP"
    if first.startswith("<?xml"):
        return "XML"
    if re.match(r"\s*<!doctype html", head, re.IGNORECASE):
        return "HTML"
    return ""
