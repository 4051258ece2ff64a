"""Options that a command hands on to Beam: read one by one, and only those that the chosen runner reads.

Beam passes over what it does not know, so a mistyped option of ours would run something else without
a word. Limit: a runner of someone else's, named by its class, may read any option that Beam has.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Sequence
from typing import NoReturn

from apache_beam.options import pipeline_options
from apache_beam.options.pipeline_options import PipelineOptions, StandardOptions

from corpusforge.errors import InputError, closest, nearest
from corpusforge.options import unknown
from corpusforge.run.local import LOCAL

__all__ = ["check", "given", "runner_named"]

_PORTABLE = ("FlinkRunner", "SparkRunner", "PrismRunner", "KafkaStreamsRunner", "PortableRunner")
_CLUSTERS = (*_PORTABLE, "DataflowRunner")
_READ_BY: dict[str, tuple[str, ...]] = {
    "DirectOptions": LOCAL,
    "FlinkRunnerOptions": ("FlinkRunner", "PortableRunner"),
    "JobServerOptions": _PORTABLE,
    "KafkaStreamsRunnerOptions": ("KafkaStreamsRunner", "PortableRunner"),
    "PortableOptions": _PORTABLE,
    "PrismRunnerOptions": ("PrismRunner", "PortableRunner"),
    "SetupOptions": _CLUSTERS,
    "SparkRunnerOptions": ("SparkRunner", "PortableRunner"),
    "TestDataflowOptions": (),
    "TestOptions": (),
    "WorkerOptions": _CLUSTERS,
    "Flink's Java options": ("FlinkRunner", "PortableRunner"),
    "Spark's Java options": ("SparkRunner", "PortableRunner"),
}
"""Which runners read a class of Beam's options. A class that is not here is read by every runner (stores,
credentials, type checks); one that nobody reads is for Beam's own tests."""

_JAVA = {
    "Flink's Java options": """
        allow_non_restored_state attached_mode auto_balance_write_files_sharding_enabled
        auto_watermark_interval checkpoint_timeout_millis checkpointing_interval checkpointing_mode
        disable_metrics enable_stable_input_drain execution_mode_for_batch execution_retry_delay
        externalized_checkpoints_enabled fail_on_checkpointing_errors faster_copy
        file_input_split_max_size_m_b finish_bundle_before_checkpointing flink_conf_dir
        force_unaligned_checkpoint_enabled job_check_interval_in_secs latency_tracking_interval
        max_bundle_size max_bundle_time_mills min_pause_between_checkpoints
        num_concurrent_checkpoints number_of_execution_retries object_reuse operator_chaining
        re_iterable_group_by_key_result report_checkpoint_duration
        retain_externalized_checkpoints_on_cancellation savepoint_path
        shutdown_sources_after_idle_ms state_backend state_backend_factory
        state_backend_storage_path unaligned_checkpoint_enabled use_data_stream_for_batch""",
    "Spark's Java options": """
        batch_interval_millis bundle_size cache_disabled checkpoint_dir checkpoint_duration_millis
        enable_spark_metric_sinks max_records_per_batch min_read_time_millis read_time_percentage
        spark_master storage_level""",
}
"""Options that the job servers' Java side reads and Beam's Python classes do not hold: the properties of
FlinkPipelineOptions and SparkPipelineOptions of Beam 2.62, as the job service spells them."""


class _Parser(pipeline_options._BeamArgumentParser):
    """Beam's parser of options, with an error for a message about a value."""

    def error(self, message: str) -> NoReturn:
        raise InputError(f"{message}.")


def runner_named(name: str) -> str:
    """Return Beam's spelling of a runner's name: `flink` is FlinkRunner; a dotted class stays.

    Raises InputError with the nearest name.
    """
    names = {spelled.lower(): spelled for spelled in StandardOptions.KNOWN_RUNNER_NAMES}
    lower = name.lower()
    found = names.get(lower) or names.get(f"{lower}runner")
    if found or not name or "." in name or lower.startswith("dask"):  # Dask's is refused elsewhere
        return found or name
    raise InputError(f"--runner {name!r} is not known.{nearest(name, names.values())}")


def check(arguments: Sequence[str], runner: str, own: Iterable[str]) -> None:
    """Raise InputError for an argument that is no option of Beam's which `runner` reads.

    `own`: the names of the command's own options, for the nearest name.
    """
    parsers = _parsers()
    reading = _Parser(
        parents=[p for name, p in parsers.items() if _reads(runner, name)],
        add_help=False, allow_abbrev=False, conflict_handler="resolve",
    )  # fmt: skip
    _, rest = reading.parse_known_args(list(arguments))
    if not rest:
        return
    for word in rest:
        flag = word.partition("=")[0]
        holders = [name for name, held in parsers.items() if flag in held._option_string_actions]
        readers = dict.fromkeys(item for name in holders for item in _READ_BY[name])
        if readers:
            like = closest(flag, own)
            hint = f" Did you mean {like}?" if like else ""
            raise InputError(
                f"{flag} is read by {', '.join(filter(None, readers))} and not by {runner}.{hint}"
            )
    raise InputError(unknown(rest, [*own, *reading._option_string_actions]))


def _reads(runner: str, name: str) -> bool:
    readers = _READ_BY.get(name, (runner,))
    return runner in readers or ("." in runner and bool(readers))


def _parsers() -> dict[str, _Parser]:
    """A parser per class of options, by the class's name."""
    parsers = {}
    for cls in PipelineOptions.__subclasses__():
        parsers[cls.__name__] = _Parser(add_help=False, allow_abbrev=False)
        cls._add_argparse_args(parsers[cls.__name__])
    for name, options in _JAVA.items():
        parsers[name] = _Parser(add_help=False, allow_abbrev=False)
        for option in options.split():
            parsers[name].add_argument(f"--{option}", nargs="?")
    return parsers


def given(options: Sequence[str], name: str) -> str | None:
    """Return the value of `--name` among Beam's options, or None where it is not given."""
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    parser.add_argument(f"--{name}", nargs="?", const="true")
    value: str | None = getattr(parser.parse_known_args(list(options))[0], name)
    return value
