"""A run's settings with what they name: prompts, styles and bounds, checked before anything is asked."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from functools import cached_property

from corpusforge.errors import RecipeError, nearest
from corpusforge.io import files
from corpusforge.models.prompts import Prompt, own_prompt, prompt
from corpusforge.rephrase.settings import Settings
from corpusforge.rephrase.styles import STYLES, Bounds, Style, read_bounds

__all__ = ["Plan"]


@dataclass(frozen=True)
class Plan:
    """The settings with the files that they name: what a worker is told."""

    settings: Settings

    @cached_property
    def prompts(self) -> dict[tuple[str, str], Prompt]:
        """The prompt of each (style, language). Raises InputError."""
        own = {(one.name, one.language): one for one in map(own_prompt, self.settings.prompts)}
        known = sorted({*STYLES, *(name for name, _ in own)})
        found = {}
        for style in self.settings.weights:
            if style not in known:
                raise RecipeError(f"[rephrase] no style {style!r}.{nearest(style, known)}")
            for language in self.settings.languages:
                if (style, language) not in own and style not in STYLES:
                    raise RecipeError(
                        f"[rephrase] style {style!r} has no prompt in {language!r}: give --prompts "
                        f"{style}.{language}.v1.txt, or --language without it."
                    )
                made = own.get((style, language)) or prompt(f"rephrase_{style}", language)
                if made.placeholders != {"passage"}:
                    holes = ", ".join(sorted(made.placeholders)) or "none"
                    raise RecipeError(
                        f"prompt {made.version} ({language}) has the holes [{holes}], not passage alone."
                    )
                found[style, language] = made
        return found

    @cached_property
    def styles(self) -> dict[str, Style]:
        """The styles by name, with the bounds of the file of bounds."""
        known = {name: STYLES.get(name, Style()) for name in self.settings.weights}
        bounds: dict[str, Bounds] = read_bounds(self.settings.bounds, known)
        return {name: replace(style, bounds=bounds[name]) for name, style in known.items()}

    def facts(self) -> dict[str, object]:
        """Return all that the rewrites depend on beside documents and model; of files the contents count."""
        told = asdict(self.settings)
        for name in ("prompts", "bounds", "evaluation", "unit"):
            told.pop(name)
        return {
            **told,
            "prompts": {
                f"{name} {tongue}": p.version for (name, tongue), p in self.prompts.items()
            },
            "bounds": {name: asdict(style.bounds) for name, style in self.styles.items()},
            "evaluation": files.sha256(self.settings.evaluation)
            if self.settings.evaluation
            else "",
            "unit": _told(self.settings.unit),
        }


def _told(unit: str) -> str:
    """A unit's name, or the digest of its file."""
    return files.sha256(unit) if files.exists(unit) else unit
