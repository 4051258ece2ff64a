"""One way to load a page's template: autoescaped, strict, with the number formats as filters."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

from corpusforge.report import numbers

__all__ = ["template"]


@cache
def template(
    name: str, filters: tuple[tuple[str, Callable[..., Any]], ...] = (), package: str = "report"
) -> Any:
    """Return the jinja2 template `name` of `corpusforge.<package>/templates`, loaded once.

    `filters` are (name, function) pairs beside those of `report.numbers`. An undefined name raises.
    """
    import jinja2

    environment = jinja2.Environment(
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        loader=jinja2.PackageLoader(f"corpusforge.{package}"),
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update({name: getattr(numbers, name) for name in numbers.__all__})
    environment.filters.update(filters)
    return environment.get_template(name)
