"""A run's figures for experiment trackers: an MLflow file store, an offline run of Weights & Biases.

Both get the recipe as parameters and the numbers of `status`: of the run, of each stage, of the ledger. An
MLflow store is plain files, written here without MLflow; exporting again replaces the run, whose id is made
from its directory. A W&B run is written by their own library, since its format is theirs alone. Limit: the
figures of one moment, not their history.
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from corpusforge import __version__
from corpusforge.errors import InputError
from corpusforge.io import files
from corpusforge.run.status import RunStatus

__all__ = ["figures", "parameters", "write_mlflow", "write_wandb"]

_STAGE = ("documents", "input_bytes", "output_bytes", "seconds", "cpu_seconds")
_LONGEST = 500
"""Characters of a parameter that every version of MLflow takes."""
_STATES = {"complete": 3, "failed": 4, "stopped": 5}
"""MLflow's numbers: finished, failed, killed; 1 is running."""


def figures(status: RunStatus) -> dict[str, float]:
    """Return a run's numbers by name: of the run, `stage/…`, `ledger/…`, `dropped/…`."""
    found: dict[str, float] = {"documents": status.documents, "input_bytes": status.input_bytes}
    for stage in status.stages:
        if stage.made:
            found |= {f"stage/{_key(stage.name)}/{name}": getattr(stage, name) for name in _STAGE}
    for row in status.ledger:
        own = f"{_key(row['stage'])}/{_key(row['source'])}"
        found |= {f"ledger/{own}/{name}": row[name] for name in ("seen", "kept", "failed")}
        found[f"ledger/{own}/dropped"] = sum(row["dropped"].values())
        found |= {f"dropped/{own}/{_key(rule)}": n for rule, n in row["dropped"].items()}
    return found


def parameters(recipe: Mapping[str, Any], before: str = "") -> Iterator[tuple[str, str]]:
    """Yield a recipe's settings as (dotted name, text)."""
    for name, value in recipe.items():
        if isinstance(value, Mapping):
            yield from parameters(value, f"{before}{_key(str(name))}.")
        else:
            text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
            yield f"{before}{_key(str(name))}", text


def _key(text: str) -> str:
    """Return text as a part of a name that both trackers take; "" and dots alone would be folders."""
    name = re.sub(r"[^A-Za-z0-9_.-]", "_", text)
    return name if name.strip(".") else f"_{name}"


def write_mlflow(status: RunStatus, recipe: Mapping[str, Any], store: str) -> str:
    """Write the run into an MLflow file store; return the run's id. The store may hold others."""
    if files.is_remote(store):
        raise InputError(f"{store!r}: an MLflow file store is a local directory.")
    experiment = f"corpusforge {status.recipe or 'run'}"
    number = str(int(hashlib.sha256(experiment.encode()).hexdigest()[:14], 16))
    place = str(Path(status.run).resolve()) if not files.is_remote(status.run) else status.run
    run = hashlib.sha256(place.encode()).hexdigest()[:32]
    above = Path(store).resolve() / number
    folder = above / run
    shutil.rmtree(folder, ignore_errors=True)
    end = int(status.updated * 1000)
    if not (above / "meta.yaml").exists():
        _write_meta(
            above, artifact_location=above.as_uri(), creation_time=end, experiment_id=number,
            last_update_time=end, lifecycle_stage="active", name=experiment,
        )  # fmt: skip
    lasted = sum(stage.seconds for stage in status.stages if stage.state == "done")
    name = place.rstrip("/").rsplit("/", 1)[-1]
    for kind, key, text in _entries(status, recipe, name, place):
        files.write_bytes(str(folder / kind / key), text.encode())
    (folder / "artifacts").mkdir()
    _write_meta(
        folder, artifact_uri=(folder / "artifacts").as_uri(), deleted_time=None,
        end_time=end if status.state in _STATES else None, entry_point_name="", experiment_id=number,
        lifecycle_stage="active", run_id=run, run_name=name, run_uuid=run, source_name="", source_type=4,
        source_version="", start_time=end - int(lasted * 1000), status=_STATES.get(status.state, 1), tags=[],
        user_id="",
    )  # fmt: skip
    return run


def _entries(
    status: RunStatus, recipe: Mapping[str, Any], name: str, place: str
) -> Iterator[tuple[str, str, str]]:
    """Yield (kind, name, text) of what MLflow keeps in a file each."""
    moment = int(status.updated * 1000)
    for key, value in figures(status).items():
        yield "metrics", key, f"{moment} {float(value)!r} 0\n"
    for key, text in parameters(recipe):
        yield "params", key, text[:_LONGEST]
    tags = {"run": place, "state": status.state, "version": __version__}
    yield from (("tags", f"corpusforge.{key}", text) for key, text in tags.items())
    yield "tags", "mlflow.runName", name
    yield "tags", "mlflow.source.name", "corpusforge"


def _write_meta(folder: Path, **values: Any) -> None:
    # JSON is YAML, too; a run shows up when this file is there
    files.write_bytes(str(folder / "meta.yaml"), f"{json.dumps(values, indent=1)}\n".encode())


def write_wandb(status: RunStatus, recipe: Mapping[str, Any], directory: str) -> str:
    """Write the run as an offline run of W&B below `directory`; return the folder for `wandb sync`."""
    try:
        import wandb
    except ImportError as error:
        raise InputError("--wandb needs W&B's library: pip install wandb.") from error
    files.make_directory(directory)
    settings = wandb.Settings(
        console="off", disable_code=True, disable_git=True, silent=True, x_disable_stats=True
    )
    run = wandb.init(
        project="corpusforge", name=status.run.rstrip("/").rsplit("/", 1)[-1], dir=directory,
        mode="offline", config=dict(parameters(recipe)), settings=settings,
    )  # fmt: skip
    run.log(figures(status))
    run.summary["state"] = status.state
    folder = Path(run.dir).parent
    run.finish()
    wandb.teardown()  # its service writes the file on, after `finish` has returned
    return str(folder)
