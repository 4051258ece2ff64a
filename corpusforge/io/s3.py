"""What s3:// needs besides Beam's file system: one patient client, and uploads that may be repeated.

Beam 2.77 makes a client per call (measured: 0.17 s each, twenty times the call itself). Whatever has no
HTTP status (no server, no credentials, a cut answer) it asks again after 5, 10, 20 … 320 s, without a word,
on top of boto3's own attempts; but an upload it does not ask again at all. And it cannot write an empty
object: a multipart upload without parts is refused.

Here only boto3 tries again: ten times with growing waits, about a minute while a server restarts or
throttles, with a line every few seconds. Before the first call the server must be reachable and credentials
there. An object of one piece is put whole, in one call; of many, a completion whose answer was lost is looked
up. Limit: a server that is gone for longer ends the run, which goes on when it is started again.
"""

from __future__ import annotations

import functools
import time
from typing import Any

from corpusforge.errors import InputError
from corpusforge.io.reach import check_reachable
from corpusforge.printing import say
from corpusforge.startup import correct_s3, without_unused

with without_unused("pandas", "pymongo"):
    from apache_beam.io.aws import s3io
    from apache_beam.io.aws.clients.s3 import boto3_client
    from apache_beam.io.aws.clients.s3.messages import S3ClientError

__all__ = ["prepare"]

ATTEMPTS = 10
"""Of one call. boto3 waits up to 1, 2, 4, 8, 16, 20 … s between them, half of that on average."""
CONNECT, READ = 5, 30
"""Seconds until a call without a connection, or without an answer, counts as failed."""
_READS = 3
"""How often an object's stretch is asked for again after the answer broke off."""
_GIVEN_UP = 400
"""Stands for errors that boto3 has given up on: Beam asks again after 408, 500 and above, and no status."""
_TELL_EVERY = 5.0


@functools.cache
def prepare() -> None:
    """Correct Beam's S3 file system, once; without boto3 nothing is done (Beam says that it is missing)."""
    if s3io.BOTO3_INSTALLED and boto3_client.boto3 is not None:
        correct_s3(_Boto3, _status, _reads(boto3_client.Client.get_range), _Uploader)


def _reads(patient: Any) -> Any:
    """Return Beam's reading of a stretch of an object, without its waits."""
    once = patient.__wrapped__

    def get_range(client: Any, request: Any, start: int, end: int) -> bytes:
        for left in reversed(range(_READS)):
            try:
                return bytes(once(client, request, start, end))
            except S3ClientError as error:
                if error.code != _GIVEN_UP or not left:
                    raise
        raise AssertionError

    return get_range


class _Boto3:
    """Stands where Beam looks for boto3: sessions whose clients are shared."""

    class session:  # noqa: N801 - boto3's own name
        """Holds the class of sessions, as boto3's module does."""

        class Session:
            """A session that hands out one client for equal options."""

            def client(self, **options: Any) -> Any:
                """Return the client; raises InputError where it could not do anything."""
                return _client(tuple(sorted(options.items())))


@functools.cache
def _client(options: tuple[tuple[str, Any], ...]) -> Any:
    import boto3.session
    from botocore.config import Config

    session = boto3.session.Session()
    given = dict(options)
    if not given.get("aws_access_key_id") and session.get_credentials() is None:
        raise InputError(
            "no credentials for S3. Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE"
        )
    retries: Any = {"mode": "standard", "total_max_attempts": ATTEMPTS}
    client = session.client(
        **given, config=Config(connect_timeout=CONNECT, read_timeout=READ, retries=retries)
    )
    check_reachable(client.meta.endpoint_url, "the object store")
    client.meta.events.register("needs-retry.s3", _Teller())
    return client


class _Teller:
    """Says on standard error that calls are tried again; asked by boto3 after each attempt."""

    def __init__(self) -> None:
        self._last = 0.0

    def __call__(
        self, attempts: int, response: Any = None, caught_exception: Any = None, **_: Any
    ) -> None:
        status = response[0].status_code if response is not None else 0
        failed = caught_exception is not None or status >= 500 or status == 429
        now = time.monotonic()
        if failed and 1 < attempts < ATTEMPTS and now - self._last >= _TELL_EVERY:
            self._last = now
            reason = caught_exception or f"HTTP {status}"
            say(
                f"object store: {reason}; attempt {attempts} of {ATTEMPTS}, trying again",
                error=True,
            )


def _status(error: Any) -> int:
    """Return an error's HTTP status, where it says more than that the server was not to be had."""
    metadata = getattr(error, "response", {}).get("ResponseMetadata", {})
    status = int(metadata.get("HTTPStatusCode") or _GIVEN_UP)
    return _GIVEN_UP if status >= 500 or status == 408 else status


class _Uploader(s3io.S3Uploader):
    """An upload that begins with its first full piece."""

    size = 0
    last_error: Any

    def _start_upload(self) -> None:
        """Do nothing: most objects are of one piece."""

    def _write_to_s3(self, data: bytes) -> None:
        if self.upload_id is None:
            super()._start_upload()
        super()._write_to_s3(data)
        self.size += len(data)

    def finish(self) -> None:
        """Make the object appear; raises what an earlier piece raised, without asking again."""
        if self.last_error is not None:
            raise self.last_error
        if self.upload_id is None:
            self._put()
            return
        try:
            super().finish()
        except S3ClientError as error:
            if error.code != 404 or not self._appeared():
                self.last_error = error  # the stream's finaliser comes here again
                raise

    def _put(self) -> None:
        try:
            self._client.client.put_object(
                Bucket=self._bucket,
                Key=self._name,
                Body=self.buffer,
                ContentType=self._mime_type,
            )
        except Exception as error:
            self.last_error = S3ClientError(str(error), _status(error))
            raise self.last_error from error

    def _appeared(self) -> bool:
        """Whether this upload is the object: the store made it, and its answer was lost."""
        try:
            found = self._client.client.head_object(Bucket=self._bucket, Key=self._name)
        except Exception:  # whatever it is, the upload's own error says more
            return False
        pieces = str(found["ETag"]).strip('"').partition("-")[2]
        return bool(found["ContentLength"] == self.size and pieces == str(len(self.parts)))
