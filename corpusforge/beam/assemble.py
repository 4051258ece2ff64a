"""A job server of Flink or Spark from Beam's published parts, where its ready jar is not served.

    python -m corpusforge.beam.assemble flink
    python -m corpusforge.beam.assemble spark

Maven resolves the runner and the job service with all they need, checks each file's published
checksum, and copies them into one folder; a small jar beside it names them in its Class-Path, so that
Beam starts it like the ready one (300 MB). Limits: the parts of Beam's own release are not always all
published, hence the releases of `ENGINES`, older ones on whose Java side this package's pipelines were
run; they speak the same portable protocol. `--flink_submit_uber_jar` needs the ready jar.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from apache_beam.utils.subprocess_server import JavaJarServer

from corpusforge.errors import InputError
from corpusforge.options import Parser
from corpusforge.printing import say
from corpusforge.program import guard

__all__ = ["ENGINES", "OPENED", "Engine", "assemble", "assembled_jar", "main", "write_launcher"]

_BEAM = "org.apache.beam:beam-runners"


@dataclass(frozen=True, slots=True)
class Engine:
    """What a job server is made of: Maven coordinates (group:artifact:version) and its main class."""

    beam: str
    """Beam's release: the newest of which runner and job service are both published."""
    runner: str
    parts: tuple[str, ...]
    main: str


ENGINES: dict[str, Engine] = {
    "flink": Engine(
        beam="2.62.0",
        runner="flink-1.19",
        parts=("org.slf4j:slf4j-simple:1.7.30",),
        main="org.apache.beam.runners.flink.FlinkJobServerDriver",
    ),
    "spark": Engine(
        beam="2.62.0",
        runner="spark-3",
        parts=(  # a cluster has Spark; the embedded one does not
            "org.apache.spark:spark-core_2.12:3.5.0",
            "org.apache.spark:spark-sql_2.12:3.5.0",
            "org.apache.spark:spark-streaming_2.12:3.5.0",
        ),
        main="org.apache.beam.runners.spark.SparkJobServerDriver",
    ),
}

OPENED = (
    "java.lang java.lang.invoke java.lang.reflect java.io java.net java.nio java.util "
    "java.util.concurrent java.util.concurrent.atomic sun.nio.ch sun.nio.cs sun.security.action "
    "sun.util.calendar"
)
"""What the engines' and Beam's serialization look into; a jar's manifest may open it, as a flag would."""

_DEPENDENCY = """    <dependency><groupId>{}</groupId>
      <artifactId>{}</artifactId><version>{}</version></dependency>
"""
_POM = """<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>corpusforge</groupId><artifactId>job-server</artifactId><version>1</version>
  <packaging>pom</packaging>
  <dependencies>
{}  </dependencies>
</project>
"""


def assembled_jar(name: str, cache: str | None = None) -> Path:
    """Return where the assembled job server of an engine stands, or will stand."""
    engine = ENGINES[name]
    file = f"beam-runners-{engine.runner}-job-server-{engine.beam}-assembled.jar"
    return Path(cache or JavaJarServer.JAR_CACHE) / file


def assemble(name: str, cache: str | None = None) -> Path:
    """Put an engine's job server together, unless it is there; return its jar.

    Raises InputError where Maven is not installed or a part cannot be had; nothing is left then.
    """
    target = assembled_jar(name, cache)
    if target.exists():
        return target
    maven = shutil.which("mvn")
    if maven is None:
        raise InputError("a job server is put together by Maven: no program `mvn` is on the path.")
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent) as scratch:
        _copy_parts(maven, Path(scratch), ENGINES[name])
        launcher = Path(scratch) / "launcher.jar"
        folder = target.with_suffix("")
        jars = sorted(path.name for path in (Path(scratch) / "lib").glob("*.jar"))
        write_launcher(launcher, ENGINES[name].main, [f"{folder.name}/{jar}" for jar in jars])
        shutil.rmtree(folder, ignore_errors=True)
        (Path(scratch) / "lib").rename(folder)
        launcher.rename(target)  # last: a jar that is there is whole
    return target


def _copy_parts(maven: str, scratch: Path, engine: Engine) -> None:
    beam = [f"{_BEAM}-{part}:{engine.beam}" for part in (engine.runner, "java-job-service")]
    parts = "".join(_DEPENDENCY.format(*part.split(":")) for part in (*beam, *engine.parts))
    (scratch / "pom.xml").write_text(_POM.format(parts), encoding="utf-8")
    goal = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies"
    command = [maven, "--batch-mode", "--quiet", "--strict-checksums", goal,
               "-DincludeScope=runtime", f"-DoutputDirectory={scratch / 'lib'}"]  # fmt: skip
    done = subprocess.run(command, cwd=scratch, capture_output=True, text=True, check=False)
    if done.returncode:
        told = [line for line in done.stdout.splitlines() if line.startswith("[ERROR]")]
        raise InputError(
            f"Maven could not get Beam {engine.beam}'s runner {engine.runner}: "
            f"{' '.join(told[:1])[:400]}"
        )


def write_launcher(path: Path, main_class: str, jars: list[str]) -> None:
    """Write a jar of a manifest and a log level; manifest lines hold 72 bytes, then go on after a blank.

    `jars`: paths relative to the launcher's folder.
    """
    entries = {
        "Manifest-Version": "1.0",
        "Main-Class": main_class,
        "Add-Opens": " ".join(f"java.base/{package}" for package in OPENED.split()),
        "Class-Path": " ".join(jars),
    }
    lines = []
    for name, value in entries.items():
        line = f"{name}: {value}"
        lines.append(line[:70])
        lines += [f" {line[start : start + 69]}" for start in range(70, len(line), 69)]
    with zipfile.ZipFile(path, "w") as jar:
        jar.writestr("META-INF/MANIFEST.MF", "\r\n".join([*lines, "", ""]))
        jar.writestr("simplelogger.properties", "org.slf4j.simpleLogger.defaultLogLevel=warn\n")


def main(argv: Sequence[str] | None = None) -> int:
    """Put a job server into Beam's jar cache; 0 when it is there, 2 with a message where it cannot be."""
    options = Parser(
        prog="python -m corpusforge.beam.assemble",
        description="Put a Beam job server together from its published parts, with Maven.",
    )
    options.add_argument("engine", choices=sorted(ENGINES), help="whose job server is put together")
    options.add_argument("--cache", help="directory (default: where Beam looks)")

    def work() -> None:
        told = options.parse_args(argv)
        say(f"{assemble(told.engine, told.cache)}  is there, each part's checksum right")

    return guard(work)


if __name__ == "__main__":
    sys.exit(main())
