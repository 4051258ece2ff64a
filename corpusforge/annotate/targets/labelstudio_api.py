"""Label Studio over HTTP: a project from a sheet's files, its tasks in, its annotations out.

Three calls of its public interface by the standard library alone. A personal access token of newer
servers (three parts with dots) is exchanged for short-lived ones; a legacy token is sent as it is. Limit:
exports are asked for in one reply, which the server makes in its memory.
"""

from __future__ import annotations

import json
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from corpusforge.errors import InputError
from corpusforge.io import files
from corpusforge.io.decoding import DecodingError, decode_json, read_json

__all__ = ["Server"]

_SECONDS = 120.0
_TASKS_A_CALL = 500


@dataclass(frozen=True, slots=True)
class Server:
    """A server's address ("http://host:8080") and a user's token. Failures raise InputError."""

    url: str
    token: str

    def create(self, project_file: str, tasks_file: str) -> int:
        """Create a project from NAME.project.json, import NAME.json, return the project's number."""
        body = read_json(project_file)
        tasks = read_json(tasks_file)
        project = int(self._call("POST", "/api/projects", body)["id"])
        for start in range(0, len(tasks), _TASKS_A_CALL):
            some = tasks[start : start + _TASKS_A_CALL]
            made = self._call("POST", f"/api/projects/{project}/import", some)
            if made.get("task_count") != len(some):
                raise InputError(
                    f"project {project}: {made.get('task_count')} of {len(some)} tasks were taken. "
                    "Delete the project and look at the server's log."
                )
        return project

    def export(self, project: int, path: str, *, short: bool = False) -> None:
        """Save the project's export, JSON or (`short`) JSON-MIN, as it comes from the server."""
        kind = "JSON_MIN" if short else "JSON"
        query = urllib.parse.urlencode({"exportType": kind, "download_all_tasks": "true"})
        files.write_bytes(path, self._raw("GET", f"/api/projects/{project}/export?{query}", None))

    def delete(self, project: int) -> None:
        """Delete a project with its tasks and annotations."""
        self._raw("DELETE", f"/api/projects/{project}", None)

    def _call(self, method: str, place: str, body: Any) -> Mapping[str, Any]:
        answer = self._decoded(place, self._raw(method, place, body) or b"{}")
        return answer if isinstance(answer, dict) else {}

    def _decoded(self, place: str, answer: bytes) -> Any:
        try:
            return decode_json(answer)
        except DecodingError as error:
            raise InputError(f"{place}: {self.url} answered with no JSON ({error}).") from error

    def _raw(self, method: str, place: str, body: Any, authorized: bool = True) -> bytes:
        if not self.url.startswith(("http://", "https://")):
            raise InputError(f"server is {self.url!r}; expected http://… or https://…")
        request = urllib.request.Request(  # noqa: S310  # the scheme was checked
            self.url.rstrip("/") + place,
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Content-Type": "application/json"},
        )
        if authorized:
            request.add_header("Authorization", self._authorization())
        try:
            with urllib.request.urlopen(request, timeout=_SECONDS) as reply:  # noqa: S310  # as above
                answer: bytes = reply.read()
                return answer
        except urllib.error.HTTPError as error:
            said = error.read(500).decode("utf-8", "replace")
            raise InputError(f"{method} {place}: the server said {error.code}: {said}") from error
        except OSError as error:
            raise InputError(f"{method} {place}: no answer from {self.url}: {error}.") from error

    def _authorization(self) -> str:
        if self.token.count(".") != 2:
            return f"Token {self.token}"
        body = {"refresh": self.token}
        place = "/api/token/refresh"
        answer = self._decoded(place, self._raw("POST", place, body, authorized=False))
        if not isinstance(answer, dict) or "access" not in answer:
            raise InputError(f"{place}: {self.url} gave no access token.")
        return f"Bearer {answer['access']}"
