"""Fetch: raw sources from where they are published, into a directory or a Beam filesystem.

`download` gets one file, surviving cuts, stalls, throttling and lying lengths; the modules
`commoncrawl`, `wikipedia` and `gutenberg` say which files a source consists of; `fetch_all` gets
a list of them. Nothing here runs unless it is called: a pipeline run fetches nothing.
"""

from __future__ import annotations

from corpusforge.fetch.download import Fetched, Remote, download, fetch_all
from corpusforge.fetch.settings import Settings

__all__ = ["Fetched", "Remote", "Settings", "download", "fetch_all"]
