"""Two corrections to Beam 2.77's S3 file system, applied once per process when an s3:// path is used.

Beam makes a new boto3 client for every call (measured: 0.17 s each, twenty times the call itself), so
one is shared here; boto3 clients are safe to share between threads. And its uploader cannot write
an empty object: a multipart upload without parts is refused, so an empty one is put whole.
"""

from __future__ import annotations

import functools
from typing import Any

__all__ = ["correct"]


@functools.cache
def correct() -> None:
    """Apply the corrections, once; does nothing where boto3 is not installed (Beam says so itself)."""
    try:
        import boto3.session
        from apache_beam.io.aws import s3io
        from apache_beam.io.aws.clients.s3 import boto3_client
    except ImportError:
        return
    make = boto3.session.Session.client

    @functools.cache
    def shared(options: tuple[tuple[str, Any], ...]) -> Any:
        return make(boto3.session.Session(), **dict(options))

    class OneClient:
        """Stands where Beam looks for boto3: sessions whose clients are shared."""

        class session:  # noqa: N801 - boto3's own name
            class Session:
                """A session that hands out one client for equal options."""

                def client(self, **options: Any) -> Any:
                    return shared(tuple(sorted(options.items())))

    boto3_client.boto3 = OneClient
    finish = s3io.S3Uploader.finish

    def finish_empty_too(self: Any) -> None:
        if self.parts or self.buffer or self.last_error is not None:
            finish(self)
            return
        client = self._client.client
        client.abort_multipart_upload(Bucket=self._bucket, Key=self._name, UploadId=self.upload_id)
        client.put_object(Bucket=self._bucket, Key=self._name, Body=b"")

    s3io.S3Uploader.finish = finish_empty_too
