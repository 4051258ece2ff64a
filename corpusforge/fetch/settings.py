"""How politely and how stubbornly files are fetched."""

from __future__ import annotations

from dataclasses import dataclass, fields

from corpusforge.errors import RecipeError

__all__ = ["Settings"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Limits of every request; times in seconds."""

    tries: int = 8
    """Requests for one file before it is given up; progress starts the count anew."""
    timeout: float = 60.0
    """Longest silence of a server before the request is made again."""
    backoff: float = 1.0
    """Wait after the first failure; doubled after each further one."""
    longest_wait: float = 300.0
    """Bound of every wait, a server's Retry-After included."""
    bytes_per_second: float = 0.0
    """Bound on speed, 0 for none."""
    pause: float = 0.0
    """Wait between two files, for servers that ask for it."""
    user_agent: str = "corpusforge (fetch; https download of published corpora)"
    """What the requests call themselves."""

    def __post_init__(self) -> None:
        for item in fields(self):
            value = getattr(self, item.name)
            least = 1 if item.name == "tries" else 0
            if not isinstance(value, str) and value < least:
                raise RecipeError(f"fetch.{item.name} = {value}: expected at least {least}.")
        if self.timeout <= 0:
            raise RecipeError("fetch.timeout = 0: expected a time above 0.")
