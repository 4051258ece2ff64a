"""Jobs to and from a Label Studio server: a project a batch, since its free edition assigns nothing.

    python -m pipelines.label_studio push --job JOB --url http://host:8080 --token-file token.txt
    python -m pipelines.label_studio pull --job JOB --url http://host:8080 --token-file token.txt --output DIR

`push` creates the projects of JOB/label-studio (written by the labelling export) and notes their
numbers in JOB/label-studio/projects.json; a batch that has one is passed over, so it can be run again.
`pull` saves each project's answers as DIR/BATCH.json for `python -m pipelines.import_rankings`.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence

from corpusforge.errors import InputError
from corpusforge.options import Parser
from corpusforge.printing import say
from corpusforge.program import guard

__all__ = ["main"]

_END = ".project.json"


def parser() -> Parser:
    """Return the command line's parser."""
    options = Parser.of("label_studio", __doc__)
    commands = options.add_subparsers(dest="command", required=True, metavar="push|pull")
    for name, said in (("push", "create projects"), ("pull", "save their answers")):
        command = commands.add_parser(name, help=said)
        add = command.add_argument
        add("--job", required=True, metavar="DIR", help="the directory that the export made")
        add("--url", required=True, help="the server's address")
        add("--token-file", required=True, metavar="FILE", help="holds an access token")
        if name == "pull":
            add("--output", required=True, metavar="DIR", help="for the answer files")
    return options


def run(options: argparse.Namespace) -> int:
    """Push or pull; return the exit code."""
    from corpusforge.annotate.targets.labelstudio_api import Server
    from corpusforge.io import files
    from corpusforge.io.decoding import read_json

    token = files.read_bytes(options.token_file).decode().strip()
    server = Server(options.url, token)
    folder = files.join(options.job, "label-studio")
    book = files.join(folder, "projects.json")
    projects: dict[str, int] = read_json(book) if files.exists(book) else {}
    if options.command == "push":
        found = [info.path for info in files.list_files(folder) if info.path.endswith(_END)]
        if not found:
            raise InputError(f"no projects in {folder!r}. Export with --target label-studio.")
        for path in found:
            name = path.removesuffix(_END)
            batch = name.rpartition("/")[2]
            if batch not in projects:
                projects[batch] = server.create(path, f"{name}.json")
                files.write_bytes(book, json.dumps(projects, indent=1).encode() + b"\n")
            say(f"{batch}: project {projects[batch]}")
        return 0
    if not projects:
        raise InputError(f"{book!r} names no project. Run push first.")
    for batch, project in projects.items():
        server.export(project, files.join(options.output, f"{batch}.json"))
        say(f"{batch}: project {project} saved")
    return 0


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point; exit code 2 for a wrong input or option."""
    return guard(lambda: run(parser().parse_args(argv)))


if __name__ == "__main__":
    sys.exit(main())
