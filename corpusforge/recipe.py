"""A recipe: TOML that says where documents come from and what is done to them, as frozen records.

Each verb owns the settings of its section (`corpusforge.<verb>.settings.Settings`); this module
reads, overrides, checks and lints. Unknown keys are refused with the nearest known name.
"""

from __future__ import annotations

import importlib.resources
import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from corpusforge import plugins
from corpusforge.decontaminate.settings import Settings as DecontaminateSettings
from corpusforge.dedup.settings import Settings as DedupSettings
from corpusforge.errors import RecipeError, closest, nearest
from corpusforge.extract.settings import Settings as ExtractSettings
from corpusforge.fields import build
from corpusforge.filter.settings import Settings as FilterSettings
from corpusforge.identify.settings import Settings as IdentifySettings
from corpusforge.ingest import SOURCES
from corpusforge.ingest.settings import Settings as IngestSettings
from corpusforge.io import files
from corpusforge.io.decoding import DecodingError, decode_json, decode_toml
from corpusforge.mix.settings import Settings as MixSettings
from corpusforge.printing import printable
from corpusforge.report.settings import Settings as ReportSettings
from corpusforge.score.settings import Settings as ScoreSettings
from corpusforge.shard.settings import Settings as ShardSettings
from corpusforge.tokenize.settings import Settings as TokenizeSettings

__all__ = ["Recipe", "Source", "load", "names", "parse", "resolve_path", "text"]

_NAME = re.compile(r"\w[\w.+-]{0,99}")

SECTIONS: dict[str, type[Any]] = {
    "extract": ExtractSettings,
    "identify": IdentifySettings,
    "filter": FilterSettings,
    "score": ScoreSettings,
    "dedup": DedupSettings,
    "decontaminate": DecontaminateSettings,
    "tokenize": TokenizeSettings,
    "mix": MixSettings,
    "shard": ShardSettings,
    "report": ReportSettings,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """One named source: which files, of which kind."""

    kind: str
    """How its files are read: a key of `corpusforge.ingest.SOURCES`, or "package.module:NAME"."""
    path: tuple[str, ...] = ()
    """Files, directories or globs; `package:NAME/…` looks inside an installed package."""
    optional: bool = False
    """True: a missing source is skipped by name instead of stopping the run."""
    damaged: tuple[str, ...] = ()
    """Names of its files that are known to be damaged or cut: what they lack is in the account, and no
    warning or exit code tells it again."""
    ingest: IngestSettings = field(default_factory=IngestSettings)
    """The reader's settings (keys stand in the source's own table)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """A whole recipe."""

    name: str
    """The recipe's name; runs lie in a folder of that name."""
    description: str = ""
    """One sentence that `--recipe list` shows."""
    seed: int = 0
    """Seed of every draw of the run."""
    max_failed_ratio: float = 0.5
    """A run stops where a larger share (0..1) of a source's records cannot be read."""
    sources: dict[str, Source] = field(default_factory=dict)
    extract: ExtractSettings = field(default_factory=ExtractSettings)
    identify: IdentifySettings = field(default_factory=IdentifySettings)
    filter: FilterSettings = field(default_factory=FilterSettings)
    score: ScoreSettings = field(default_factory=ScoreSettings)
    dedup: DedupSettings = field(default_factory=DedupSettings)
    decontaminate: DecontaminateSettings = field(default_factory=DecontaminateSettings)
    tokenize: TokenizeSettings = field(default_factory=TokenizeSettings)
    mix: MixSettings = field(default_factory=MixSettings)
    shard: ShardSettings = field(default_factory=ShardSettings)
    report: ReportSettings = field(default_factory=ReportSettings)
    notes: tuple[str, ...] = ()
    """What a reader of the recipe should know: references, stand-ins, figures that do not close."""

    def __post_init__(self) -> None:
        plain = self.name.strip() and printable(self.name) == self.name
        if not plain or set("/\\") & set(self.name) or self.name.startswith("."):
            raise RecipeError(
                f"name is {self.name!r}; expected a plain name, it is a folder's name."
            )
        if not 0 <= self.max_failed_ratio <= 1:
            raise RecipeError(f"max_failed_ratio is {self.max_failed_ratio}; expected 0..1.")


def names() -> list[str]:
    """Return the names of the recipes that ship with corpusforge."""
    folder = importlib.resources.files("pipelines") / "recipes"
    return sorted(item.name[:-5] for item in folder.iterdir() if item.name.endswith(".toml"))


def resolve_path(path: str) -> str:
    """Return a path with `package:NAME/rest` replaced by where that package is installed."""
    if not path.startswith("package:"):
        return path
    package, _, rest = path.removeprefix("package:").partition("/")
    try:
        return str(Path(str(importlib.resources.files(package))) / rest)
    except ModuleNotFoundError as error:
        raise RecipeError(f"path {path!r}: package {package!r} is not installed.") from error


def load(name_or_path: str, sources: Sequence[str] = (), overrides: Sequence[str] = ()) -> Recipe:
    """Return the recipe of a name, a TOML file or a run's recipe.json, with --source and --set applied.

    `sources` holds NAME=GLOB or NAME:KIND=GLOB; `overrides` holds section.key=value, the value in
    TOML or plain text. Raises RecipeError.
    """
    try:
        own = text(name_or_path)
        table = _resolved(own) if name_or_path.endswith(".json") else decode_toml(own)
    except DecodingError as error:
        form = "JSON" if name_or_path.endswith(".json") else "TOML"
        raise RecipeError(f"recipe {name_or_path!r} is not valid {form}: {error}.") from error
    _apply_sources(table, sources)
    _apply_overrides(table, overrides)
    return parse(table)


def text(name_or_path: str) -> str:
    """Return the TOML text of a recipe that is named, or of a file (JSON: a run's recipe.json).

    Raises RecipeError for neither.
    """
    if name_or_path in names():
        folder = importlib.resources.files("pipelines") / "recipes"
        return (folder / f"{name_or_path}.toml").read_text("utf-8")
    if not name_or_path.endswith((".toml", ".json")):
        raise RecipeError(f"no recipe named {name_or_path!r}.{nearest(name_or_path, names())}")
    if not files.exists(name_or_path):
        raise RecipeError(f"recipe file {name_or_path!r} does not exist.")
    return _decoded(name_or_path)


def _resolved(text: str) -> dict[str, Any]:
    """Return a run's recipe.json as the table of a recipe: a reader's settings stand in the source's own."""
    table = decode_json(text)
    if not isinstance(table, dict) or not isinstance(table.get("sources"), dict):
        raise RecipeError("the JSON file is no recipe: expected a run's recipe.json.")
    for body in table["sources"].values():
        body.update(body.pop("ingest", {}))
    return table


def _decoded(path: str) -> str:
    try:
        return files.read_bytes(path).decode("utf-8-sig")  # editors on Windows write the mark
    except UnicodeDecodeError as error:
        raise RecipeError(
            f"recipe {path!r} is not UTF-8 (byte {error.start}); TOML files are. Save it as UTF-8."
        ) from error
    except OSError as error:
        raise RecipeError(f"recipe {path!r} cannot be read: {error.strerror}.") from error


def parse(table: Mapping[str, Any]) -> Recipe:
    """Return the recipe of a TOML table; raises RecipeError naming the first wrong key."""
    table = dict(table)
    raw_sources = table.pop("sources", {})
    if not isinstance(raw_sources, Mapping):
        raise RecipeError("sources is not a table; write [sources.NAME] sections.")
    sources = {name: _source(name, body) for name, body in sorted(raw_sources.items())}
    return build(Recipe, {**table, "sources": sources}, "recipe")


def _source(name: str, body: Any) -> Source:
    if not _NAME.fullmatch(name):
        raise RecipeError(
            f"sources.{name!r}: expected letters, digits, '_', '-', '.' and '+', the first none of the "
            "last three: a source's name is a part of paths and options."
        )
    if not isinstance(body, Mapping):
        raise RecipeError(f"sources.{name} is {body!r}; write a section [sources.{name}].")
    body = dict(body)
    source_keys = {item.name for item in fields(Source)} - {"ingest"}
    reader_keys = {item.name for item in fields(IngestSettings)}
    for key in body:
        if key not in source_keys | reader_keys:
            raise RecipeError(
                f"sources.{name}.{key} is not a known key.{nearest(key, source_keys | reader_keys)}"
            )
    kind = body.get("kind", name if name in SOURCES else "")
    known = plugins.names("sources", SOURCES)
    if not isinstance(kind, str) or not (kind in known or plugins.is_plugin(kind)):
        close = closest(str(kind), known)
        raise RecipeError(
            f"sources.{name}.kind is {kind!r}; expected one of {', '.join(known)}, or your own as "
            "package.module:NAME." + (f" Did you mean {close!r}?" if close else "")
        )
    paths = body.get("path", ())
    body["path"] = [paths] if isinstance(paths, str) else paths
    if isinstance(body["path"], (list, tuple)) and "" in body["path"]:
        raise RecipeError(f"sources.{name}.path holds an empty pattern; name files or a directory.")
    settings = build(
        IngestSettings, {k: v for k, v in body.items() if k in reader_keys}, f"sources.{name}"
    )
    plain = {k: v for k, v in body.items() if k in source_keys}
    source = build(Source, {**plain, "kind": kind}, f"sources.{name}")
    return replace(source, ingest=settings)


def _apply_sources(table: dict[str, Any], options: Sequence[str]) -> None:
    given: dict[str, dict[str, Any]] = {}
    for option in options:
        left, equals, pattern = option.partition("=")
        name, _, kind = left.partition(":")
        if not equals or not name or not pattern:
            raise RecipeError(f"--source {option!r}: expected NAME=GLOB or NAME:KIND=GLOB.")
        body = given.setdefault(name, {"path": []})
        body["path"].append(pattern)
        if kind:
            body["kind"] = kind
    sources = table.setdefault("sources", {})
    for name, body in given.items():
        if name not in sources and "kind" not in body and name not in SOURCES:
            raise RecipeError(
                f"--source {name}=…: the recipe has no source {name!r}; say of which kind it is: "
                f"--source {name}:KIND=GLOB with KIND one of {', '.join(sorted(SOURCES))}, or your own as "
                "package.module:NAME."
            )
        sources[name] = {**sources.get(name, {}), **body}


def _halves(option: str) -> tuple[str, str, str]:
    """Split an override at the first "=" that is not inside quotes."""
    quote = ""
    for place, letter in enumerate(option):
        if letter == quote:
            quote = ""
        elif not quote and letter in "\"'":
            quote = letter
        elif not quote and letter == "=":
            return option[:place], "=", option[place + 1 :]
    return option, "", ""


def _keys(path: str) -> list[str]:
    """Return the keys of a dotted path; one that holds dots or colons stands in quotes, as in TOML."""
    keys: list[str] = []
    try:
        table: Any = decode_toml(f"{path} = 0")
    except DecodingError:
        return path.split(".")
    while isinstance(table, dict) and len(table) == 1:
        ((key, table),) = table.items()
        keys.append(key)
    return keys if table == 0 else path.split(".")


def _apply_overrides(table: dict[str, Any], options: Sequence[str]) -> None:
    for option in options:
        path, equals, text = _halves(option)
        keys = _keys(path.strip())
        if not equals or not all(keys):
            raise RecipeError(f"--set {option!r}: expected section.key=value.")
        value: Any = text
        with suppress(DecodingError):
            read = decode_toml(f"value = {text}")
            value = (
                read["value"] if len(read) == 1 else text
            )  # else a line feed has begun another key
        target = table
        for key in keys[:-1]:
            target = target.setdefault(key, {})
            if not isinstance(target, dict):
                raise RecipeError(f"--set {option!r}: {key!r} is a value, not a section.")
        target[keys[-1]] = value
