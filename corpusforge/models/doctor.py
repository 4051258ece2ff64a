"""What a model and its server can do, found by asking one request of each form.

Some fifteen short requests, none of them journalled: chat, system turn, plain completion, JSON Schema, stop
strings, a seed asked twice, all sampling parameters at once, and a prompt of some 600 tokens for speed.
Limits: a check is one question, so a weak model may fail one that it passes at other times, and its answer is
shown; speed is the wall time of one request at a time, on whatever else the machine does meanwhile.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from corpusforge.errors import InputError
from corpusforge.hashing import word64
from corpusforge.io.decoding import DecodingError, decode_json
from corpusforge.models.client import Client, failure
from corpusforge.models.mask import without_credentials
from corpusforge.models.records import Completion, Engine, Message, Request, Sampling
from corpusforge.models.settings import Settings

__all__ = ["Check", "Examination", "Probe", "Speed", "examine"]

TRIES = 1
"""Times a check is asked again after a failure: a doctor says soon that nobody is there."""
_SCHEMA = (
    '{"type":"object","properties":{"title":{"type":"string","maxLength":60},"lines":{"type":"integer"}},'
    '"required":["title","lines"],"additionalProperties":false}'
)
_NUMBERS = 150  # of up to four digits: some 600 tokens, more than any cache block
_SHOWN = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One thing that was tried. `ok` is None where the answer does not tell."""

    name: str
    ok: bool | None
    told: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Speed:
    """Tokens per second of one request alone, and prompt tokens that the server says came from its cache
    when the same prompt was sent again (None: it does not say)."""

    prompt_tokens: int
    prompt_per_second: float
    new_tokens: int
    new_per_second: float
    cached_tokens: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Examination:
    """What was found about one model. `context` in tokens, 0 where it is not known."""

    engine: str
    model: str
    server: str
    context: int
    checks: tuple[Check, ...]
    speed: Speed | None

    def passed(self, name: str) -> bool:
        """Whether the check of that name was passed."""
        return any(check.name == name and check.ok for check in self.checks)


class Probe:
    """Asks single requests, and keeps what came back: the answer, its seconds, the reply's body.

    Args:
        settings: the engine to ask; its retries are cut to `TRIES`.
        clock: seconds, monotonic.
        show: is given a line before each request; a slow server is then no silent one.

    """

    def __init__(
        self,
        settings: Settings,
        *,
        clock: Callable[[], float] = time.perf_counter,
        show: Callable[[str], object] = lambda line: None,
    ) -> None:
        """Open the engine. Raises InputError where it cannot be had."""
        self.settings = replace(settings, retries=min(settings.retries, TRIES))
        self._clock, self._show = clock, show
        self._bodies: list[bytes] = []
        self._lock = threading.Lock()
        self.engine = self._open()
        self.left_out: set[str] = set()
        self.counted = True
        """Whether every answer so far came with its token counts."""

    def _open(self) -> Engine:
        if self.settings.engine == "openai":
            from corpusforge.models.openai_engine import OpenAIEngine

            return OpenAIEngine(self.settings, watch=self._keep)
        if self.settings.engine == "replay":
            raise InputError("engine replay is no model; give --engine openai or local.")
        from corpusforge.models.engines import open_engine

        return open_engine(self.settings)

    def _keep(self, body: bytes) -> None:
        with self._lock:
            self._bodies.append(body)

    def close(self) -> None:
        """End worker processes and connections, where the engine has some."""
        Client(self.engine).close()
        end = getattr(self.engine, "disconnect", None)
        if end is not None:
            end()

    def ask(self, request: Request) -> tuple[Completion, float]:
        """Return the answer and the seconds it took; a refusal is an error completion."""
        self._bodies.clear()
        self._show(f"asking: {request.purpose}, up to {request.sampling.max_tokens} tokens")
        client = Client(self.engine, retries=self.settings.retries)
        start = self._clock()
        try:
            [made] = client.complete([request])
        except InputError as error:
            made = failure(request, str(error))
        seconds = self._clock() - start
        if made.finish_reason != "error":
            self.left_out |= set(filter(None, made.left_out.split(",")))
            self.counted = (
                self.counted and made.usage.completion_tokens > 0 and not made.wasted.prompt_tokens
            )
        return made, seconds

    def cached(self) -> int | None:
        """Return the prompt tokens that the latest reply says were not read anew."""
        try:
            reply = decode_json(self._bodies[-1])
        except (IndexError, DecodingError):
            return None
        for path in (
            ("usage", "prompt_tokens_details", "cached_tokens"),  # OpenAI, vLLM, llama.cpp
            ("usage", "prompt_cache_hit_tokens"),  # DeepSeek
            ("timings", "cache_n"),  # llama.cpp
        ):
            value: Any = reply
            for name in path:
                value = value.get(name) if isinstance(value, dict) else None
            if isinstance(value, int):
                return value
        return None


def examine(probe: Probe) -> Examination:
    """Return what the probe's model can do. Raises InputError where it answers neither chat nor text."""
    engine = probe.engine
    chat, answer = _chat(probe)
    plain = _plain(probe)
    if not chat.ok and not plain.ok:
        raise InputError(f"no request was answered: {answer.error or chat.told}")
    checks = [chat, _thought(answer), plain]
    if chat.ok:
        checks += [_system(probe), _schema(probe)]
    checks += [
        _stop(probe, bool(chat.ok)),
        _seed(probe, bool(chat.ok)),
        _parameters(probe, bool(chat.ok)),
    ]
    speed = _speed(probe, bool(chat.ok))
    told = (
        "every answer says how many tokens it was"
        if probe.counted
        else "missing: costs are bounded"
    )
    checks.append(Check(name="token counts", ok=probe.counted, told=told))
    settings = probe.settings
    server = without_credentials(settings.base_url) if settings.engine == "openai" else ""
    return Examination(
        engine=engine.name, model=engine.model, server=server, context=engine.context,
        checks=tuple(checks), speed=speed,
    )  # fmt: skip


def _question(purpose: str, text: str, chat: bool = True, **values: Any) -> Request:
    sampling = Sampling(**{"max_tokens": 32, **values})
    if chat:
        return Request(messages=(Message("user", text),), sampling=sampling, purpose=purpose)
    return Request(prompt=text, sampling=sampling, purpose=purpose)


def _said(made: Completion) -> str:
    if made.finish_reason == "error":
        return f"refused: {made.error}"
    text = " ".join(made.text.split())
    return repr(text if len(text) <= _SHOWN else text[:_SHOWN] + "…")


def _chat(probe: Probe) -> tuple[Check, Completion]:
    asked = _question(
        "chat", "What is the capital of France? Answer with the name alone.", max_tokens=200
    )
    made, _ = probe.ask(asked)
    ok = made.finish_reason != "error" and bool(made.text.strip() or made.reasoning)
    return Check(name="chat", ok=ok, told=_said(made)), made


def _thought(made: Completion) -> Check:
    if made.finish_reason == "error":
        return Check(name="thinks aloud", ok=None, told="not known without a chat answer")
    if not made.reasoning:
        return Check(name="thinks aloud", ok=False, told="no mark of thought, no field of thought")
    words = len(made.reasoning.split())
    end = (
        ""
        if made.text.strip()
        else ", cut in its thought at 200 tokens: give --max-tokens 2000 or more"
    )
    return Check(
        name="thinks aloud", ok=True, told=f"{words} words of thought, kept apart from answers{end}"
    )


def _plain(probe: Probe) -> Check:
    made, _ = probe.ask(
        _question("plain completion", "The capital of France is", chat=False, max_tokens=8)
    )
    ok = made.finish_reason != "error" and bool(made.text.strip() or made.reasoning)
    return Check(name="plain completion", ok=ok, told=_said(made))


def _system(probe: Probe) -> Check:
    turns = (
        Message("system", "You answer every question with the one word BANANA and nothing else."),
        Message("user", "What colour is the sky?"),
    )
    asked = Request(messages=turns, sampling=Sampling(max_tokens=24), purpose="system turn")
    made, _ = probe.ask(asked)
    if made.finish_reason == "error":
        return Check(name="system turn", ok=False, told=_said(made))
    if "system" in made.left_out.split(",") or _folded(probe.engine, asked):
        return Check(
            name="system turn", ok=False, told="refused; its text opens the first question instead"
        )
    heard = "banana" in made.text.lower()
    return Check(
        name="system turn", ok=True,
        told=f"taken, and {'followed' if heard else 'not followed'}: {_said(made)}",
    )  # fmt: skip


def _folded(engine: Engine, asked: Request) -> bool:
    """Whether the engine's own template has no system turn: it then makes the same tokens of both."""
    prompts = getattr(engine, "prompts", None)
    if prompts is None:
        return False
    system, user = asked.messages
    one = Message("user", f"{system.content}\n\n{user.content}")
    return bool(prompts.encode(asked) == prompts.encode(replace(asked, messages=(one,))))


def _schema(probe: Probe) -> Check:
    if probe.engine.name == "local":
        return Check(name="JSON Schema", ok=False, told="engine local holds no answer to a schema")
    # a question that nobody answers in JSON of himself: an answer of the schema was held to it
    asked = replace(
        _question("JSON Schema", "Write two lines about rain.", max_tokens=80), json_schema=_SCHEMA
    )
    made, _ = probe.ask(asked)
    try:
        value = decode_json(made.text.encode())
    except DecodingError:
        value = None
    good = isinstance(value, dict) and sorted(value) == ["lines", "title"]
    if not good and made.finish_reason == "length":
        return Check(name="JSON Schema", ok=None, told=f"cut at 80 tokens: {_said(made)}")
    refused = "response_format" in made.left_out.split(",")
    told = "answers are held to it" if good else (
        f"{'refused; ' if refused else ''}answers are not held to it: {_said(made)}"
    )  # fmt: skip
    good = good and not refused
    return Check(name="JSON Schema", ok=good, told=told)


def _stop(probe: Probe, chat: bool) -> Check:
    text = "Count from 1 to 20 in digits, parted by commas." if chat else "1, 2, 3, 4, 5,"
    made, _ = probe.ask(_question("stop strings", text, chat, stop=("8",), max_tokens=60))
    if made.finish_reason == "error":
        return Check(name="stop strings", ok=False, told=_said(made))
    if "8" in made.text or "stop" in made.left_out.split(","):
        return Check(name="stop strings", ok=False, told=f"ignored: {_said(made)}")
    if "7" in made.text:
        return Check(name="stop strings", ok=True, told="an answer ends before them")
    return Check(name="stop strings", ok=None, told=f"the model did not come to one: {_said(made)}")


def _seed(probe: Probe, chat: bool) -> Check:
    text = "Write a sentence about any animal." if chat else "Once upon a time"
    texts = [
        probe.ask(_question("seed", text, chat, temperature=1.0, seed=seed, max_tokens=24))[0]
        for seed in (7, 7, 8)
    ]
    if any(made.finish_reason == "error" for made in texts):
        return Check(name="seed", ok=False, told=_said(texts[0]))
    first, again, other = (made.text for made in texts)
    if first != again:
        return Check(
            name="seed", ok=False, told="the same seed gave two texts; the journal makes them final"
        )
    told = "the same text twice, another by another seed" if other != first else (
        "the same text by every seed: is the temperature ignored?"
    )  # fmt: skip
    return Check(name="seed", ok=True if other != first else None, told=told)


def _parameters(probe: Probe, chat: bool) -> Check:
    every = {
        "temperature": 0.7, "top_p": 0.9, "top_k": 40, "frequency_penalty": 0.1,
        "presence_penalty": 0.1, "repetition_penalty": 1.1, "seed": 1, "stop": ("\n\n\n\n",),
    }  # fmt: skip
    text = "Say hello." if chat else "Hello"
    made, _ = probe.ask(_question("parameters", text, chat, max_tokens=8, **every))
    if made.finish_reason == "error":
        return Check(name="parameters", ok=False, told=_said(made))
    refused = sorted(
        probe.left_out - {"system", "response_format"}
    )  # they have checks of their own
    told = f"refused, and left out from then on: {', '.join(refused)}" if refused else (
        f"none refused of {', '.join(sorted(every))}"
    )  # fmt: skip
    return Check(name="parameters", ok=not refused, told=told)


def _speed(probe: Probe, chat: bool) -> Speed | None:
    nonce = time.time_ns()  # no cache of an earlier examination may help
    numbers = " ".join(str(word64("doctor", nonce, n) % 10_000) for n in range(_NUMBERS))
    text = f"{numbers}\n\nForget these numbers. Tell a long story about a river."
    read, reading = probe.ask(_question("speed", text, chat, max_tokens=1))
    written, seconds = probe.ask(_question("speed", text, chat, max_tokens=48))
    if "error" in (read.finish_reason, written.finish_reason):
        return None
    cached = probe.cached()
    if not cached or cached < read.usage.prompt_tokens // 2:
        seconds = max(seconds - reading, 0.0)  # the prompt was read again
    new = max(written.usage.completion_tokens - 1, 0)
    return Speed(
        prompt_tokens=read.usage.prompt_tokens,
        prompt_per_second=read.usage.prompt_tokens / max(reading, 1e-6),
        new_tokens=new,
        new_per_second=new / seconds if seconds > 0 else 0.0,
        cached_tokens=cached,
    )
