"""A Flink job server from Beam's published parts, for where its ready jar (300 MB) is not served.

    python -m corpusforge.beam.flink_jar --assemble

Maven resolves the runner and the job service with all they need, checks each file's published
checksum, and copies them into one folder; a small jar beside it names them in its Class-Path, so that
Beam starts it like the ready one. Limits: the parts of Beam's own release are not always all
published, hence `PARTS`, an older release whose Java side this package's pipelines were run on; it
speaks the same portable protocol. `--flink_submit_uber_jar` needs the ready jar.
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
import zipfile
from pathlib import Path

from apache_beam.utils.subprocess_server import JavaJarServer

from corpusforge.errors import InputError

__all__ = ["PARTS", "assemble", "assembled_jar", "write_launcher"]

PARTS = ("1.19", "2.62.0")
"""Flink's version and Beam's: the newest of which runner and job service are both published."""

_MAIN = "org.apache.beam.runners.flink.FlinkJobServerDriver"
_OPENED = "java.base/java.lang java.base/java.util java.base/java.nio"
"""What Flink's and Beam's serialization look into; a jar's manifest may open it, as a flag would."""

_POM = """<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>corpusforge</groupId><artifactId>flink-job-server</artifactId><version>1</version>
  <packaging>pom</packaging>
  <dependencies>
    <dependency><groupId>org.apache.beam</groupId>
      <artifactId>beam-runners-flink-{flink}</artifactId><version>{beam}</version></dependency>
    <dependency><groupId>org.apache.beam</groupId>
      <artifactId>beam-runners-java-job-service</artifactId><version>{beam}</version></dependency>
    <dependency><groupId>org.slf4j</groupId>
      <artifactId>slf4j-simple</artifactId><version>1.7.30</version></dependency>
  </dependencies>
</project>
"""


def assembled_jar(flink: str = PARTS[0], beam: str = PARTS[1], cache: str | None = None) -> Path:
    """Return where the assembled job server stands, or will stand."""
    name = f"beam-runners-flink-{flink}-job-server-{beam}-assembled.jar"
    return Path(cache or JavaJarServer.JAR_CACHE) / name


def assemble(flink: str = PARTS[0], beam: str = PARTS[1], cache: str | None = None) -> Path:
    """Put the job server together, unless it is there; return its jar.

    Raises InputError where Maven is not installed or a part cannot be had; nothing is left then.
    """
    target = assembled_jar(flink, beam, cache)
    if target.exists():
        return target
    maven = shutil.which("mvn")
    if maven is None:
        raise InputError("--assemble needs Maven: no program `mvn` is on the path. Install it.")
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent) as scratch:
        _copy_parts(maven, Path(scratch), flink, beam)
        launcher = Path(scratch) / "launcher.jar"
        folder = target.with_suffix("")
        jars = sorted(path.name for path in (Path(scratch) / "lib").glob("*.jar"))
        write_launcher(launcher, [f"{folder.name}/{name}" for name in jars])
        shutil.rmtree(folder, ignore_errors=True)
        (Path(scratch) / "lib").rename(folder)
        launcher.rename(target)  # last: a jar that is there is whole
    return target


def _copy_parts(maven: str, scratch: Path, flink: str, beam: str) -> None:
    (scratch / "pom.xml").write_text(_POM.format(flink=flink, beam=beam), encoding="utf-8")
    goal = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies"
    command = [maven, "--batch-mode", "--quiet", "--strict-checksums", goal,
               "-DincludeScope=runtime", f"-DoutputDirectory={scratch / 'lib'}"]  # fmt: skip
    done = subprocess.run(command, cwd=scratch, capture_output=True, text=True, check=False)
    if done.returncode:
        told = [line for line in done.stdout.splitlines() if line.startswith("[ERROR]")]
        raise InputError(
            f"Maven could not get Beam {beam}'s Flink {flink} runner: {' '.join(told[:1])[:400]}"
        )


def write_launcher(path: Path, jars: list[str]) -> None:
    """Write a jar of a manifest and a log level; manifest lines hold 72 bytes, then go on after a blank.

    `jars`: paths relative to the launcher's folder.
    """
    entries = {
        "Manifest-Version": "1.0",
        "Main-Class": _MAIN,
        "Add-Opens": _OPENED,
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
