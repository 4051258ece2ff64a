"""Puts Beam's Flink job server into Beam's jar cache, checked, so that a run downloads nothing.

    python -m corpusforge.beam.flink_jar --flink_version 2.2

The jar (`beam-runners-flink-VERSION-job-server`, about 300 MB) comes from Maven Central, or from a mirror
given with `--base`. Its SHA-1 is the one published beside it; `--sha512` checks against one
that you trust more. Where it is not served, `corpusforge.beam.assemble` puts one
together from its parts.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from apache_beam.options.pipeline_options import FlinkRunnerOptions
from apache_beam.utils.subprocess_server import JavaJarServer
from apache_beam.version import __version__ as beam_version

from corpusforge.beam.assemble import assembled_jar
from corpusforge.errors import InputError
from corpusforge.fetch.download import Fetched, Remote, download, read_small
from corpusforge.fetch.settings import Settings
from corpusforge.options import Parser
from corpusforge.printing import say
from corpusforge.program import guard

__all__ = ["CENTRAL", "VERSIONS", "cached_jar", "fetch_jar", "find_jar", "main"]

CENTRAL = JavaJarServer.MAVEN_CENTRAL_REPOSITORY
VERSIONS: tuple[str, ...] = tuple(FlinkRunnerOptions.PUBLISHED_FLINK_VERSIONS)


def cached_jar(version: str, cache: str | None = None) -> Path:
    """Return where Beam looks for the job server of a Flink version."""
    name = f"beam-runners-flink-{version}-job-server-{beam_version}.jar"
    return Path(cache or JavaJarServer.JAR_CACHE) / name


def find_jar(version: str | None = None, cache: str | None = None) -> Path | None:
    """Return the job server of a Flink version; of None, the newest that is there, or an assembled one."""
    jars = [cached_jar(name, cache) for name in ([version] if version else reversed(VERSIONS))]
    if version is None:
        jars.append(assembled_jar("flink", cache))
    return next((jar for jar in jars if jar.exists()), None)


def fetch_jar(
    version: str, base: str = CENTRAL, sha512: str = "", cache: str | None = None
) -> Fetched:
    """Download and check the jar of a Flink version; one that is there and right stays.

    Raises InputError where it cannot be had or is not what its checksum says.
    """
    if version not in VERSIONS:
        raise InputError(
            f"--flink_version {version!r}: Beam {beam_version} has job servers for "
            f"{', '.join(VERSIONS)}."
        )
    target = cached_jar(version, cache)
    artifact = target.name.removesuffix(f"-{beam_version}.jar")
    url = f"{base.rstrip('/')}/org/apache/beam/{artifact}/{beam_version}/{target.name}"
    settings = Settings()
    checksum = f"sha512:{sha512}"
    if not sha512:
        published = read_small(f"{url}.sha1", settings).decode("ascii", "replace").split()
        if not published:
            raise InputError(f"{url}.sha1 is empty. Give --sha512 of a jar that you trust.")
        checksum = f"sha1:{published[0]}"
    return download(Remote(url, target.name, checksum), str(target), settings)


def main(argv: Sequence[str] | None = None) -> int:
    """Fetch the jar; 0 when it is there, 2 with a message when it is not to be had."""
    options = Parser(
        prog="python -m corpusforge.beam.flink_jar",
        description="Put Beam's Flink job server into Beam's jar cache.",
    )
    options.add_argument(
        "--flink_version",
        default=VERSIONS[-1],
        choices=VERSIONS,
        help=f"of the cluster (default: {VERSIONS[-1]})",
    )
    options.add_argument("--base", default=CENTRAL, help="a Maven repository (default: Central)")
    options.add_argument("--sha512", default="", help="the checksum that the jar must have")
    options.add_argument("--cache", help="directory (default: where Beam looks)")

    def work() -> None:
        told = options.parse_args(argv)
        fetched = fetch_jar(told.flink_version, told.base, told.sha512, told.cache)
        note = "already there" if not fetched.requests else "fetched"
        say(f"{fetched.path}  {fetched.size} bytes, {note}, checksum right")

    return guard(work)


if __name__ == "__main__":
    sys.exit(main())
