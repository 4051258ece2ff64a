"""The engine `openai`: any server that speaks the OpenAI interface, by the `openai` package.

The package sends and gives errors their classes; retries, rate limits and the check of replies are
ours (`limits`, `wire`). What was certainly not billed (429, 5xx, no connection) is tried again
here; a try that may have been (time-out, cut or malformed reply) goes back to the client, which
asks its budget first. Every request carries its key as `Idempotency-Key`. Limits: no streaming.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import replace
from functools import cached_property
from itertools import islice
from typing import Any

from corpusforge.errors import InputError
from corpusforge.io.decoding import DecodingError, decode_json
from corpusforge.models.budget import MARGIN, prompt_bound
from corpusforge.models.client import failure
from corpusforge.models.limits import Limiter, backoff, retry_after
from corpusforge.models.mask import Mask, credentials, without_credentials
from corpusforge.models.records import Completion, Request, Usage
from corpusforge.models.settings import Settings
from corpusforge.models.wire import (
    Form,
    Malformed,
    ServerError,
    asked_with,
    decode,
    left_out,
    named,
    payload,
)
from corpusforge.printing import say

__all__ = ["OpenAIEngine"]

UNSENT = ("ConnectError", "ConnectTimeout", "PoolTimeout", "UnsupportedProtocol", "InvalidURL")
"""Causes of a connection error that come before the request could reach the server."""
UNKNOWN_BILL = (408, 504, 524)
"""Time-outs of a gateway: the server behind it may have answered, and billed."""
OUTAGE = 24
"""Failures in a row, without one answer, that mean the server is down rather than busy."""


_REFUSED = {
    "system": ("a system turn", "it opens the first question"),
    "response_format": ("structured output", "the question alone asks for it"),
}
"""What a server refuses, and what is done instead, where it is no plain parameter."""

_CLOSING_SEEN, _OPENING_SEEN = b"</think", b"<think"
"""A thought that the template opens: its closing mark comes without the opening one."""


class OpenAIEngine:
    """A server behind `settings.base_url`.

    `clock` is monotonic; `sleep` takes seconds. Both are arguments for tests. `watch` is given the body
    of every reply as it came, from the threads that wait for replies.
    """

    name = "openai"

    def __init__(
        self,
        settings: Settings,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], object] | None = None,
        watch: Callable[[bytes], object] | None = None,
    ) -> None:
        """Prepare the connection; nothing is sent. Raises InputError without package or key."""
        self.settings = settings
        self._watch = watch
        self.context = settings.context
        self.together = settings.concurrency
        key = _key(settings)
        self._mask = Mask.of([key, *credentials(settings.base_url)])
        self._server = without_credentials(settings.base_url)
        self._client = _connect(settings, key)
        self._stop = threading.Event()
        self._sleep = sleep or self._stop.wait
        self._limits = Limiter(settings.requests_per_minute, settings.tokens_per_minute, clock)
        self._lost: dict[str, int] = {}
        self._form = Form(max_tokens_field=settings.max_tokens_field)
        self._answered = False
        self._failures = 0
        self._thinks = self._unknown_end = False

    @cached_property
    def model(self) -> str:
        """The model's name; without a setting, the only one the server has."""
        if self.settings.model:
            return self.settings.model
        try:
            listed = self._client.models.list().data
            found = sorted(self._mask.hide(str(item.id)) for item in listed)
        except Exception as error:
            raise InputError(
                f"cannot ask {self._server} for its models: {self._words(error)}. Start "
                "the server, or set --model."
            ) from error
        if len(found) != 1:
            raise InputError(
                f"{self._server} has {len(found)} models ({', '.join(found[:20])}). Say "
                "which by --model."
            )
        return found[0]

    def count(self, requests: Sequence[Request]) -> list[int] | None:
        """Return prompt tokens by `settings.tokenizer`, template allowance included, or None."""
        if not self.settings.tokenizer:
            return None
        import pyarrow as pa

        texts = [
            "\n".join([request.prompt, request.json_schema, *(m.content for m in request.messages)])
            for request in requests
        ]
        _, offsets = self._tokenizer.encode(pa.array(texts, pa.large_string()))
        lengths = (offsets[1:] - offsets[:-1]).tolist()
        return [
            length + MARGIN * (1 + len(request.messages))
            for length, request in zip(lengths, requests, strict=True)
        ]

    @cached_property
    def _tokenizer(self) -> Any:
        from corpusforge.tokenize import Settings as TokenizeSettings
        from corpusforge.tokenize import load

        return load(TokenizeSettings(tokenizer=self.settings.tokenizer))

    def complete(self, requests: Sequence[Request]) -> Iterator[Completion]:
        """Yield one answer per request as they come, `concurrency` in flight.

        An error that no request can escape (wrong key, no such model, server down) and Ctrl-C are
        raised after the answers in flight have been yielded.
        """
        queue = iter(requests)
        fatal: BaseException | None = None
        with ThreadPoolExecutor(self.settings.concurrency) as pool:
            running: set[Future[Completion]] = set()
            while True:
                room = self.settings.concurrency - len(running)
                if fatal is None:
                    running |= {pool.submit(self._kept, item) for item in islice(queue, room)}
                if not running:
                    break
                try:
                    done, running = wait(running, return_when=FIRST_COMPLETED)
                except KeyboardInterrupt as stop:
                    fatal = stop
                    self._stop.set()
                    say(
                        f"stopping: the answers of {len(running)} requests in flight are waited for; the "
                        "same signal again ends at once",
                        error=True,
                    )
                    continue
                for future in done:
                    problem = future.exception()
                    if problem is None:
                        yield future.result()
                    fatal = fatal or problem or self._outage()
        if fatal is not None:
            raise fatal

    def disconnect(self) -> None:
        """Close the connections; no request can be sent afterwards. A client does not call it: an
        engine may serve several, one after another."""
        self._client.close()

    def _outage(self) -> BaseException | None:
        if self._failures < max(OUTAGE, 2 * self.settings.concurrency):
            return None
        return InputError(
            f"{self._server} failed {self._failures} requests in a row. What was answered "
            "is in the journal; run the same command again when the server is back."
        )

    def _kept(self, request: Request) -> Completion:
        return self._hidden(self._answer(request))

    def _answer(self, request: Request) -> Completion:
        """Return a request's answer, or why it has none; raises only what stops every request."""
        bound = _bound(request)
        lost = self._lost.get(request.key, 0)
        if lost:
            self._sleep(backoff(request.key, lost, self.settings.seed))
        problem, tries = "", 0
        while tries <= self.settings.retries:
            form = self._form
            self._wait(bound.prompt_tokens + bound.completion_tokens)
            try:
                made = self._read(self._post(request, form), request, bound)
                return self._received(replace(made, left_out=left_out(request, form)))
            except Malformed as error:
                return self._lose(request, bound, str(error))
            except Exception as error:
                if self._adapt(error, request, form):
                    continue
                tries += 1
                again = self._judge(error, request, bound, tries)
            if isinstance(again, Completion):
                return again
            problem, pause = again
            if pause:
                self._sleep(pause)
        self._failures += 1
        return failure(request, f"gave up after {tries} tries: {problem}")

    def _read(self, body: bytes, request: Request, bound: Usage) -> Completion:
        """Read a reply, and learn from it whether this model's thoughts begin in its prompt."""
        completion = decode(body, request, bound, opened=self._thinks)
        if not self._thinks and _CLOSING_SEEN in body:
            self._thinks = bool(completion.reasoning) and _OPENING_SEEN not in body
        if completion.finish_reason == "unknown" and not self._unknown_end:
            self._unknown_end = True
            say(
                f"warning: {self._server} does not say in a known word how answers end; they are kept "
                "as finish_reason unknown, cut ones among them",
                error=True,
            )
        return completion

    def _wait(self, tokens: int) -> None:
        seconds = self._limits.reserve(tokens)
        if seconds > 0:
            self._sleep(seconds)
        if self._stop.is_set():
            raise KeyboardInterrupt

    def _post(self, request: Request, form: Form) -> bytes:
        asked = payload(request, form)
        interface = self._client.chat.completions if request.messages else self._client.completions
        reply = interface.with_raw_response.create(
            **asked, extra_headers={"Idempotency-Key": request.key}
        )
        self._limits.observe(reply.headers)
        body = bytes(reply.http_response.content)
        if self._watch is not None:
            self._watch(body)
        return body

    def _received(self, completion: Completion) -> Completion:
        self._answered = True
        self._failures = 0
        self._lost.pop(completion.key, None)
        return completion

    def _lose(self, request: Request, bound: Usage, problem: str) -> Completion:
        """Return the failure of a try that may have been billed."""
        self._failures += 1
        self._lost[request.key] = self._lost.get(request.key, 0) + 1
        return Completion(
            key=request.key,
            text="",
            finish_reason="error",
            model=request.model,
            error=problem,
            wasted=bound,
        )

    def _judge(
        self, error: Exception, request: Request, bound: Usage, tries: int
    ) -> Completion | tuple[str, float]:
        """Return the failure to report, or the problem and the seconds to wait for another try."""
        import openai

        words = self._words(error)
        pause = backoff(request.key, tries, self.settings.seed)
        if isinstance(error, ServerError):
            return self._judge_told(error, words, request, pause)
        if isinstance(error, openai.APIStatusError):
            return self._judge_status(error, words, request, bound, pause)
        if not isinstance(error, openai.APIConnectionError):
            return failure(request, f"cannot be sent: {words}")
        if type(error.__cause__).__name__ in UNSENT:
            return words, pause
        return self._lose(request, bound, f"the reply was lost: {words}")

    def _judge_status(
        self, error: Any, words: str, request: Request, bound: Usage, pause: float
    ) -> Completion | tuple[str, float]:
        status, headers = int(error.status_code), error.response.headers
        self._limits.observe(headers)
        asked = retry_after(headers, time.time())
        if status in UNKNOWN_BILL:
            return self._lose(request, bound, words)
        if status in (409, 425, 429) or status >= 500:
            if error.code == "insufficient_quota":
                raise InputError(f"the server's account is used up: {words}") from error
            if asked is None:
                return words, pause
            if asked > self.settings.max_wait:
                return failure(request, f"{words}; it asks to wait {asked:.0f} s (--max-wait)")
            self._limits.pause(asked)
            return words, 0.0
        self._stop_if_hopeless(status, words)
        if error.code == "content_filter":
            return Completion(
                key=request.key, text="", finish_reason="content_filter", model=request.model
            )
        return failure(request, words)

    def _judge_told(
        self, error: ServerError, words: str, request: Request, pause: float
    ) -> Completion | tuple[str, float]:
        """Judge an error that came with HTTP 200 as one that came with the status it names."""
        status = error.status_code
        if status in (0, 408, 409, 425, 429) or status >= 500:
            return words, pause
        self._stop_if_hopeless(status, words)
        return failure(request, words)

    def _stop_if_hopeless(self, status: int, words: str) -> None:
        # some servers answer 403 or 404 to single requests (moderation), so these stop nothing
        # once an answer has been had
        if status in (401, 402) or (status in (403, 404) and not self._answered):
            raise InputError(
                f"{self._server} refuses: {words}. Check --base-url, --model and the key "
                f"in the environment variable {self.settings.api_key_env}."
            )

    def _adapt(self, error: Exception, request: Request, form: Form) -> bool:
        """Leave out, from now on, what this server refuses; whether `form` held such a thing."""
        if getattr(error, "status_code", 0) not in (400, 422, 501):
            return False
        fields = _fields(error)
        told = self._words(error).lower()
        if form.max_tokens_field == "max_tokens" and "max_completion_tokens" in told:
            self._form = replace(self._form, max_tokens_field="max_completion_tokens")
            return True
        sent = asked_with(request, form)
        # a server that knows no structured output complains of the schema in words of its own
        schema = "response_format" in sent and ("response_format" in told or "schema" in told)
        name = "response_format" if schema else named(told, fields, sent)
        if name and name not in self._form.refused:
            self._form = replace(self._form, refused=(*self._form.refused, name))
            what, without = _REFUSED.get(name, (f"the parameter {name}", "it is left out"))
            say(
                f"warning: {self._server} refuses {what} ({told}); {without} from now on",
                error=True,
            )
        return bool(name)

    def _words(self, error: BaseException) -> str:
        """Return an error's text in one line, without the key."""
        told = str(error)
        detail = _detail(error)
        if detail and detail not in told:
            told = f"{told}: {detail}"
        text = " ".join(self._mask.hide(told).split())[:500]
        cause = f" ({type(error.__cause__).__name__})" if error.__cause__ else ""
        return text + cause

    def _hidden(self, completion: Completion) -> Completion:
        """Return what is kept of a completion: without the key, which a server may send back."""
        hide = self._mask.hide
        return replace(
            completion,
            text=hide(completion.text),
            reasoning=hide(completion.reasoning),
            model=hide(completion.model),
            error=hide(completion.error),
        )


def _body(error: BaseException) -> Any:
    """What a server sent with an error; the package keeps the part under `error` alone, or nothing."""
    response = getattr(error, "response", None)
    try:
        return decode_json(bytes(response.content)) if response is not None else None
    except (DecodingError, RuntimeError):  # no JSON, or a body that was not read
        return None


def _fields(error: BaseException) -> list[str]:
    """The parameters that an error names by itself: `param`, or the places of a 422."""
    body = _body(error)
    told = body.get("error") if isinstance(body, dict) else None
    found = [told.get("param")] if isinstance(told, dict) else []
    detail = body.get("detail") if isinstance(body, dict) else None
    for one in detail if isinstance(detail, list) else []:
        place = one.get("loc") if isinstance(one, dict) else None
        found += place[-1:] if isinstance(place, list) else []
    return [name for name in found if isinstance(name, str)]


def _detail(error: BaseException) -> str:
    """The words of a 422, which the package may leave out."""
    body = _body(error)
    detail = body.get("detail") if isinstance(body, dict) else None
    parts = detail if isinstance(detail, list) else [detail]
    words = [
        f"{'.'.join(map(str, one.get('loc') or ()))}: {one.get('msg')}"
        if isinstance(one, dict)
        else str(one)
        for one in parts
        if one
    ]
    return "; ".join(words)


def _bound(request: Request) -> Usage:
    return Usage(prompt_tokens=prompt_bound(request), completion_tokens=request.sampling.max_tokens)


def _key(settings: Settings) -> str:
    key = os.environ.get(settings.api_key_env, "") if settings.api_key_env else ""
    if not key and settings.base_url == Settings().base_url:
        raise InputError(
            f"environment variable {settings.api_key_env!r} holds no key for {settings.base_url}. "
            "Export it, or name another by --api-key-env."
        )
    return key


def _connect(settings: Settings, key: str) -> Any:
    try:
        import openai
    except ImportError as error:
        raise InputError(
            "engine openai needs the package openai: pip install 'corpusforge[openai]'."
        ) from error
    return openai.OpenAI(
        api_key=key or "no-key-was-given",  # the package wants one; servers at home take any
        base_url=settings.base_url,
        timeout=settings.timeout,
        max_retries=0,
    )
