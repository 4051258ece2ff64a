"""`corpusforge view RUN`: a local page over a run."""

from __future__ import annotations

import argparse
import webbrowser
from contextlib import suppress
from typing import Any

from corpusforge.errors import InputError
from corpusforge.printing import flush, say

__all__ = ["add_parser"]

_PORTS = 65_535


def add_parser(subparsers: Any) -> None:
    """Mount `view` under the command line."""
    parser = subparsers.add_parser(
        "view", help="look at a run in the browser: what was dropped, and where a bound should lie"
    )
    parser.add_argument("run", metavar="RUN", help="its directory")
    parser.add_argument(
        "--beside", metavar="RUN", help="another run: what changed hands between the two"
    )
    parser.add_argument("--port", type=int, default=0, metavar="N",
        help="the port on 127.0.0.1 (default 0: a free one)")  # fmt: skip
    parser.add_argument(
        "--no-browser", action="store_true", help="print the address, open no browser"
    )
    parser.set_defaults(run_command=_view)


def _view(options: argparse.Namespace) -> int:
    if not 0 <= options.port <= _PORTS:
        raise InputError(f"--port {options.port}: expected 0 to {_PORTS}.")
    from corpusforge.view.run_site import run_site
    from corpusforge.view.server import serve
    from corpusforge.view.tables import open_run

    other = open_run(options.beside) if options.beside else None
    with serve(run_site(open_run(options.run), other), options.port) as server:
        say(
            f"{options.run}: {server.url}",
            "Ctrl-C ends it. The address is its key: share it with no one.",
        )
        flush()
        if not options.no_browser:
            webbrowser.open(server.url)
        with suppress(KeyboardInterrupt):
            server.serve_forever()
    return 0
