"""`corpusforge view DIR`: a local page over a run, instruct rows or rankings."""

from __future__ import annotations

import argparse
import threading
import webbrowser
from contextlib import suppress
from dataclasses import fields
from pathlib import Path
from typing import Any

from corpusforge.errors import InputError
from corpusforge.printing import flush, say

__all__ = ["add_parser"]

_PORTS = 65_535


def add_parser(subparsers: Any) -> None:
    """Mount `view` under the command line."""
    parser = subparsers.add_parser(
        "view", help="look at a run, at instruct rows or at rankings in the browser"
    )
    parser.add_argument(
        "run", metavar="DIR", help="a run, an instruct pipeline's output, or one of export_rankings"
    )
    parser.add_argument(
        "--beside",
        default="",
        metavar="RUN",
        help="another run: what changed hands between the two",
    )
    parser.add_argument("--journal", default="", metavar="FILE",
        help="of instruct rows: the journal of replies, where it is not in DIR")  # fmt: skip
    parser.add_argument("--labels", default="", metavar="FOLDER",
        help="of instruct rows: read them, and keep each reader's labels here")  # fmt: skip
    parser.add_argument(
        "--reader", default="", metavar="NAME", help="who reads: names the file of labels"
    )
    parser.add_argument("--rows", type=int, default=100, metavar="N",
        help="rows drawn for reading (default 100)")  # fmt: skip
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="of that draw (default 0)")
    parser.add_argument("--port", type=int, default=0, metavar="N",
        help="the port on 127.0.0.1 (default 0: a free one)")  # fmt: skip
    parser.add_argument(
        "--no-browser", action="store_true", help="print the address, open no browser"
    )
    parser.set_defaults(run_command=_view)


def _view(options: argparse.Namespace) -> int:
    if not 0 <= options.port <= _PORTS:
        raise InputError(f"--port {options.port}: expected 0 to {_PORTS}.")
    if options.rows < 1:
        raise InputError(f"--rows {options.rows}: expected 1 or more.")
    from corpusforge.view.server import serve

    with serve(port=options.port) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            if _likely(options.run) and not options.no_browser:
                webbrowser.open(server.url)  # starts while what follows loads and opens
            from corpusforge.view.sites import Choice, site_of

            chosen = {field.name: getattr(options, field.name) for field in fields(Choice)}
            server.show(site_of(options.run, Choice(**chosen)))
            say(
                f"{options.run}: {server.url}",
                "Ctrl-C ends it. The address is its key: share it with no one.",
            )
            flush()
            with suppress(KeyboardInterrupt):
                threading.Event().wait()
        finally:
            server.shutdown()
    return 0


def _likely(directory: str) -> bool:
    """Whether something that has a page lies in a directory, as far as names tell."""
    names = ("stats", "rows.jsonl", "training")
    return any(Path(directory, name).exists() for name in names)
