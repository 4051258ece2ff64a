"""One file over https: resumed by Range, retried with backoff, throttled, checked, then renamed.

Method: RFC 9110 (Range, If-Range, Retry-After). What arrived stays in `NAME.part` beside the
target (or in a local spool for remote targets), with the server's validator in `NAME.part.tag`,
so a killed fetch goes on where it stopped and never mixes two versions. Limit: without a
published checksum a file is only as right as the length that the server states.
"""

from __future__ import annotations

import hashlib
import http.client
import re
import tempfile
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import urlsplit

from corpusforge.errors import InputError
from corpusforge.fetch.settings import Settings
from corpusforge.io import files
from corpusforge.printing import printable

__all__ = ["Fetched", "Remote", "download", "fetch_all", "read_small"]

_CHUNK = 1 << 16
_AGAIN = frozenset({408, 425, 429, 500, 502, 503, 504})
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
_RANGE = re.compile(r"bytes (?:(\d+)-\d+|\*)/(\d+|\*)")
_FAULTS = (OSError, http.client.HTTPException)  # a timeout and a cut connection are OSErrors
_LISTING_BYTES = 1 << 26
"""Most bytes of a publisher's list as it is sent: Common Crawl's are some 2 MB."""


@dataclass(frozen=True, slots=True)
class Remote:
    """A file to fetch: address, name below the target directory, "sha1:…" checksum or ""."""

    url: str
    name: str
    checksum: str = ""
    size: int = 0


@dataclass(frozen=True, slots=True)
class Fetched:
    """What became of one file; `requests` is 0 where it was there already, `error` "" where it is."""

    path: str
    size: int
    requests: int
    error: str = ""


@dataclass(frozen=True, slots=True)
class Clock:
    """Time as the downloader sees it, so that tests need not wait."""

    now: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep


class _WrongError(Exception):
    """The server's answer contradicts what we hold: start over."""


def fetch_all(
    remotes: Iterable[Remote],
    directory: str,
    settings: Settings,
    report: Callable[[Fetched], None] = lambda fetched: None,
    clock: Clock | None = None,
) -> list[Fetched]:
    """Fetch files below a directory; one that cannot be had is reported with its error.

    Raises InputError, before anything is asked for, where a name would leave the directory or two files
    would have one name.
    """
    clock = clock or Clock()
    done: list[Fetched] = []
    remotes = list(remotes)
    _check_names([remote.name for remote in remotes])
    for number, remote in enumerate(remotes):
        if number:
            clock.sleep(settings.pause)
        target = files.join(directory, remote.name)
        try:
            fetched = download(remote, target, settings, clock)
        except InputError as error:
            fetched = Fetched(target, 0, settings.tries, str(error))
        report(fetched)
        done.append(fetched)
    return done


def _check_names(names: list[str]) -> None:
    """Raise InputError for a name that is no plain file name: lists come from a server."""
    for name in names:
        plain = PurePosixPath(name).name == name and printable(name) == name and "\\" not in name
        if not plain or name in {"", ".", ".."} or name.endswith((".part", ".part.tag")):
            raise InputError(
                f"the list names a file {name!r}: expected a plain file name, which stays in the "
                "directory. Look at the list, or ask another server (--base)."
            )
    for name, times in Counter(names).items():
        if times > 1:
            raise InputError(
                f"{times} of the files to fetch are called {name!r}; fetch them apart."
            )


def download(
    remote: Remote, target: str, settings: Settings, clock: Clock | None = None
) -> Fetched:
    """Fetch one file to `target` (a path or scheme://…); it appears there only when complete.

    Raises InputError for an address that is neither https nor loopback, an answer that retrying cannot
    change (404, 403…), a wrong checksum, or when the tries are used up.
    """
    _check_url(remote.url)
    clock = clock or Clock()
    if files.exists(target) and _matches(remote, target):
        return Fetched(target, files.list_files(target)[0].size, 0)
    if not files.is_remote(target):
        files.make_directory(str(Path(target).parent))
        return _to_local(remote, Path(target), settings, clock)
    with tempfile.TemporaryDirectory(prefix="corpusforge-fetch-") as spool:
        local = Path(spool) / "file"
        fetched = _to_local(remote, local, settings, clock)
        with files.atomic_write(target) as out, local.open("rb") as stream:
            while chunk := stream.read(_CHUNK):
                out.write(chunk)
    return Fetched(target, fetched.size, fetched.requests)


def read_small(
    url: str, settings: Settings, clock: Clock | None = None, most: int = _LISTING_BYTES
) -> bytes:
    """Return a small file's bytes (a list of paths, a status page).

    Raises InputError where it cannot be had, or has more than `most` bytes.
    """
    with tempfile.TemporaryDirectory(prefix="corpusforge-fetch-") as spool:
        target = Path(spool) / "file"
        _check_url(url)
        _to_local(Remote(url, "file"), target, settings, clock or Clock(), most)
        return target.read_bytes()


def _check_url(url: str) -> None:
    """Raise InputError for an address that is neither https nor http on this machine."""
    if not (_is(url, "https") or (_is(url, "http") and _on_loopback(url))):
        raise InputError(
            f"cannot fetch {url!r}: expected an https:// address of plain ASCII without blanks."
        )


def _is(url: str, scheme: str) -> bool:
    try:
        parts = urlsplit(url)
        _ = parts.port  # raises where it is no number
    except ValueError:
        return False
    plain = url.isascii() and url.isprintable() and " " not in url
    return plain and parts.scheme == scheme and bool(parts.hostname)


def _on_loopback(url: str) -> bool:
    return urlsplit(url).hostname in _LOOPBACK


class _Redirects(urllib.request.HTTPRedirectHandler):
    """Follows a redirect only to where the first address might have pointed, never to this machine."""

    def redirect_request(
        self, req: Any, fp: Any, code: int, msg: str, headers: Any, newurl: str
    ) -> Any:
        _check_url(newurl)
        if _on_loopback(newurl) and not _on_loopback(req.full_url):
            raise InputError(
                f"cannot fetch {req.full_url!r}: it sends us to {newurl!r}, on this machine."
            )
        return super().redirect_request(req, fp, code, msg, headers, newurl)


_OPENER = urllib.request.build_opener(_Redirects)


def _matches(remote: Remote, path: str) -> bool:
    """Whether a file that is there is the one published: by checksum, else by size, else yes."""
    if remote.checksum:
        return _digest(remote.checksum, path) == remote.checksum.partition(":")[2].lower()
    return not remote.size or files.list_files(path)[0].size == remote.size


def _digest(checksum: str, path: str) -> str:
    digest = hashlib.new(checksum.partition(":")[0])
    with files.open_raw(path) as stream:
        while chunk := stream.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def _to_local(
    remote: Remote, target: Path, settings: Settings, clock: Clock, most: int = 0
) -> Fetched:
    """Fetch to a local path, trying again; `most` bytes at the most (0: as many as there are)."""
    part = target.with_name(target.name + ".part")
    requests = failures = 0
    restarted = False
    while True:
        before = _size(part)
        try:
            requests += 1
            _request(remote, part, settings, clock, most)
        except _WrongError:
            _forget(part)
            why, wait, failures = "the server's answers contradict each other", 0.0, failures + 1
        except urllib.error.HTTPError as error:
            error.close()
            if error.code not in _AGAIN:
                raise InputError(f"cannot fetch {remote.url!r}: HTTP {error.code}.") from error
            failures += 1
            why, wait = f"HTTP {error.code}", _retry_after(error.headers.get("Retry-After"))
        except _FAULTS as error:
            failures = 0 if _size(part) > before else failures + 1
            why, wait = str(error) or type(error).__name__, 0.0
        else:
            if not remote.checksum or _matches(remote, str(part)):
                break
            _forget(part)
            if restarted:
                raise InputError(f"{remote.url!r}: checksum is not {remote.checksum}, twice.")
            restarted = True
            continue
        if failures >= settings.tries:
            raise InputError(
                f"cannot fetch {remote.url!r}: {why}, {failures} times. Try again later."
            )
        clock.sleep(
            min(settings.longest_wait, max(wait, settings.backoff * 2.0 ** max(0, failures - 1)))
        )
    size = _size(part)
    part.replace(target)
    _tag(part).unlink(missing_ok=True)
    return Fetched(str(target), size, requests)


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _tag(part: Path) -> Path:
    return part.with_name(part.name + ".tag")


def _forget(part: Path) -> None:
    part.unlink(missing_ok=True)
    _tag(part).unlink(missing_ok=True)


def _retry_after(value: str | None) -> float:
    """Seconds that a Retry-After header asks for: a number, or a date."""
    if not value:
        return 0.0
    if value.strip().isdecimal():
        return float(value)
    try:
        when = parsedate_to_datetime(value)
    except ValueError:
        return 0.0
    return max(0.0, (when - datetime.now(UTC)).total_seconds())


def _request(remote: Remote, part: Path, settings: Settings, clock: Clock, most: int) -> None:
    """Make one request and append what it brings; return only where the file is complete."""
    have = _size(part)
    tag = _tag(part).read_text("utf-8") if have and _tag(part).exists() else ""
    if have and not tag:
        have = 0  # nothing says that the rest belongs to the same version
    headers = {"User-Agent": settings.user_agent, "Accept-Encoding": "identity"}
    if have:
        headers |= {"Range": f"bytes={have}-", "If-Range": tag}
    request = urllib.request.Request(remote.url, headers=headers)  # noqa: S310 checked: https
    try:
        with _OPENER.open(request, timeout=settings.timeout) as answer:
            begin, total = _place(answer, have)
            _tag(part).write_text(
                answer.headers.get("ETag") or answer.headers.get("Last-Modified") or ""
            )
            if most and max(total, 0) > most:
                raise InputError(f"{remote.url!r} has {total} bytes; expected at most {most}.")
            _append(answer, part, begin, settings, clock, most)
    except urllib.error.HTTPError as error:
        if error.code != 416 or not have:
            raise
        total = _total(error.headers.get("Content-Range", ""))
        error.close()
        if total != have:
            raise _WrongError from error
    if total >= 0 and _size(part) < total:
        raise ConnectionError(f"the connection ended at byte {_size(part)} of {total}")
    if total >= 0 and _size(part) > total:
        raise _WrongError


def _place(answer: Any, have: int) -> tuple[int, int]:
    """Return where the answer's bytes begin and the file's length (-1: not said)."""
    if answer.status == 206:
        found = _RANGE.fullmatch(answer.headers.get("Content-Range", ""))
        if not found or found[1] is None or int(found[1]) != have:
            raise _WrongError
        return have, int(found[2]) if found[2] != "*" else -1
    length = answer.headers.get("Content-Length") or ""
    return 0, int(length) if length.isdecimal() else -1


def _total(content_range: str) -> int:
    found = _RANGE.fullmatch(content_range)
    return int(found[2]) if found and found[2] != "*" else -1


def _append(
    answer: Any, part: Path, begin: int, settings: Settings, clock: Clock, most: int
) -> None:
    """Write the answer's bytes from `begin` on, no faster than the settings allow."""
    started, got = clock.now(), 0
    with part.open("r+b" if part.exists() else "wb") as out:
        out.truncate(begin)
        out.seek(begin)
        while chunk := answer.read(_CHUNK):
            out.write(chunk)
            got += len(chunk)
            if most and begin + got > most:
                raise InputError(
                    f"{answer.url!r} has more than the {most} bytes expected of a list."
                )
            if settings.bytes_per_second:
                ahead = got / settings.bytes_per_second - (clock.now() - started)
                if ahead > 0:
                    clock.sleep(ahead)
