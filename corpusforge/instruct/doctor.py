"""Whether a model can do what self_instruct asks of it: its own first request, in each form it has.

The answers go through the parser and the rules of a run, against the built-in seeds; what is accepted here a
run would accept. Limit: one answer per form says which form to begin with, not what a run will yield.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from corpusforge.instruct.accounts import Made
from corpusforge.instruct.novelty import Gate
from corpusforge.instruct.profile import profile
from corpusforge.instruct.replies import take_generate
from corpusforge.instruct.requests import ask_generate, open_pool
from corpusforge.instruct.seeds import load
from corpusforge.instruct.settings import FORMS, Settings
from corpusforge.models.doctor import Examination, Probe, examine
from corpusforge.models.settings import SAMPLING
from corpusforge.models.settings import Settings as ModelSettings

__all__ = ["Diagnosis", "FormTrial", "diagnose", "lines"]

MAX_TOKENS = 320
"""Seven tasks are some 200 tokens; one that thinks aloud needs more (--max-tokens)."""
_WHOLE = ("no_list", "request_failed", "content_filter", "only_reasoning")
"""Rules that refuse a whole answer, in which no task was read."""
_FIRST_TRY = ("--target", "20", "--prompts", "4", "--max-rounds", "1")


@dataclass(frozen=True, slots=True, kw_only=True)
class FormTrial:
    """One answer to self_instruct's generation prompt in one form.

    `asked` tasks were wanted, `items` were read out of the answer, `accepted` pass the rules and are new;
    `refused` counts the others by rule. `finish` is how the answer ended; `error` why there was none.
    """

    form: str
    asked: int
    items: int
    accepted: int
    refused: dict[str, int]
    finish: str
    new_tokens: int
    error: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnosis:
    """What the model can do, how it follows each form, and the command to begin with ("" for none)."""

    examination: Examination
    forms: tuple[FormTrial, ...]
    command: str


def diagnose(
    models: ModelSettings, language: str = "en", show: Callable[[str], object] = lambda line: None
) -> Diagnosis:
    """Return what a model can do for self_instruct in a language; `show` is given a line before each request.

    Raises InputError where no request is answered.
    """
    probe = Probe(models, show=show)
    try:
        found = examine(probe)
        forms = tuple(
            _try(probe, models, form, language) for form in FORMS if _askable(form, found)
        )
    finally:
        probe.close()
    return Diagnosis(
        examination=found, forms=forms, command=_command(models, found, forms, language)
    )


def _askable(form: str, found: Examination) -> bool:
    return found.passed("plain completion" if form == "plain" else "chat")


def _try(probe: Probe, models: ModelSettings, form: str, language: str) -> FormTrial:
    own = Settings(languages=(language,), form=form, prompts=1)
    sampling = models.sampling(replace(own.generate, max_tokens=MAX_TOKENS))
    own = replace(own, generate=sampling)
    rules = profile(language)
    pool = open_pool(rules, Gate(rules, own.numerator, own.denominator), load(language), own)
    [asked] = ask_generate(pool, 0, own)
    completion, _ = probe.ask(replace(asked.request, purpose=f"self_instruct --form {form}"))
    made = Made()
    accepted = take_generate(pool, asked, completion, 0, own, made)
    account = made.accounts(language)["generate"]
    lacking = sum(account.rejected.get(rule, 0) for rule in _WHOLE)
    return FormTrial(
        form=form, asked=own.asked, items=account.seen - lacking, accepted=len(accepted),
        refused=dict(account.ranked()), finish=completion.finish_reason,
        new_tokens=completion.usage.completion_tokens, error=completion.error,
    )  # fmt: skip


def _best(forms: Sequence[FormTrial]) -> FormTrial | None:
    """Return the form that gave most tasks, the earlier of `FORMS` where two gave the same; None for none."""
    able = [trial for trial in forms if trial.accepted]
    return max(able, key=lambda trial: trial.accepted) if able else None


def _command(
    models: ModelSettings, found: Examination, forms: Sequence[FormTrial], language: str
) -> str:
    trial = _best(forms)
    if trial is None:
        return ""
    options = ["--engine", models.engine]
    default = ModelSettings()
    for name in ("model", "base_url", "api_key_env", "device", "threads", *SAMPLING):
        value = getattr(models, name, None)
        if value is not None and value != getattr(default, name, None) and name != "max_tokens":
            options += [f"--{name.replace('_', '-')}", str(value)]
    longest = models.max_tokens or (MAX_TOKENS if trial.finish == "stop" else 2 * MAX_TOKENS)
    options += ["--language", language, "--form", trial.form, "--max-tokens", str(longest)]
    return f"python -m pipelines.self_instruct {shlex.join([*options, *_FIRST_TRY])} --output run"


def lines(diagnosis: Diagnosis) -> list[str]:
    """Return the diagnosis for a terminal."""
    found = diagnosis.examination
    where = f" at {found.server}" if found.server else ""
    window = f", a window of {found.context} tokens" if found.context else ""
    told = [f"{found.model} by engine {found.engine}{where}{window}", ""]
    marks = {True: "yes", False: "no", None: "?"}
    told += [f"  {check.name:<18}{marks[check.ok]:<5}{check.told}" for check in found.checks]
    if found.speed is not None:
        speed = found.speed
        cached = (
            "the server does not say" if speed.cached_tokens is None else str(speed.cached_tokens)
        )
        told += [
            "",
            f"  speed, one request alone: {speed.prompt_per_second:.3g} prompt tokens per second "
            f"({speed.prompt_tokens}), {speed.new_per_second:.3g} new tokens per second "
            f"({speed.new_tokens});",
            f"  the prompt sent again: {cached} of its tokens came from a cache",
        ]
    told += ["", "  self_instruct's first request, one answer per form:"]
    told += [_row(trial) for trial in diagnosis.forms]
    if diagnosis.command:
        return [*told, "", "begin with:", f"  {diagnosis.command}"]
    return [
        *told, "",
        "no form gave a task that self_instruct can use: take a larger instruction-tuned model, or raise "
        "--max-tokens where answers end at `length`",
    ]  # fmt: skip


def _row(trial: FormTrial) -> str:
    if trial.error:
        return f"  {trial.form:<7}no answer: {trial.error}"
    refused = ", ".join(f"{count} {rule}" for rule, count in trial.refused.items())
    return (
        f"  {trial.form:<7}{trial.items} items of {trial.asked} asked, {trial.accepted} accepted"
        f"{f' ({refused})' if refused else ''}; {trial.new_tokens} tokens, ended by {trial.finish}"
    )
