"""What a pipeline may say about the model it asks: engine, limits, budget, sampling.

Defaults of the retry policy follow the OpenAI client (0.5 s doubling, 600 s time-out).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from corpusforge.errors import RecipeError, nearest
from corpusforge.models.budget import Budget
from corpusforge.models.records import Sampling

__all__ = ["ENGINES", "Settings"]

ENGINES = ("local", "openai", "replay")


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The `[models]` table, and the options of every pipeline that asks a model."""

    engine: str = "local"
    """local (torch + transformers), openai (any OpenAI-compatible server) or replay (a journal)."""

    model: str = ""
    """local: directory or hub id. openai: the server's name for it (empty: its only one). replay:
    empty, unless the journal holds several."""

    echo_model: str = ""
    """Directory, hub id or GGUF file of the local model that tells how likely a text is; empty: the engine
    itself does, which local and vLLM can and llama.cpp's server cannot."""

    journal: str = ""
    """File of replies; empty: `journal.jsonl` in the output directory. replay reads this file."""

    base_url: str = "https://api.openai.com/v1"
    """openai: where the server is, `/v1` included."""

    api_key_env: str = "OPENAI_API_KEY"
    """openai: name of the environment variable that holds the key; the key itself is never stored."""

    concurrency: int = 8
    """openai: requests in flight."""

    requests_per_minute: float = 0.0
    """openai: requests sent in a minute; 0: as the server's headers say."""

    tokens_per_minute: float = 0.0
    """openai: tokens (prompt bound + max_tokens) sent in a minute; 0: as the server's headers say."""

    timeout: float = 600.0
    """openai: seconds without a byte after which a request counts as lost."""

    retries: int = 6
    """Times a request is tried again after 429, 5xx, a time-out, or a cut or malformed reply."""

    max_wait: float = 300.0
    """openai: longest wait, in seconds, that a server's Retry-After may ask for; beyond, an error."""

    seed: int = 0
    """Seed of the retry jitter; answers depend on each request's own seed."""

    context: int = 0
    """Window in tokens; 0: as the engine knows it (local) or not checked (openai)."""

    tokenizer: str = ""
    """openai: tiktoken name or tokenizer.json that counts prompts; empty: bounded by their bytes."""

    max_tokens_field: str = "max_tokens"
    """openai: the name the server wants for it: max_tokens or max_completion_tokens."""

    device: str = "auto"
    """local: auto (every CUDA device, else cpu), cpu, cuda, cuda:0, or a list `cuda:0,cuda:1`."""

    workers: int = 1
    """local, on the CPU: processes, each with its share of the cores and its own copy of the model."""

    threads: int = 0
    """local, on the CPU: threads of torch in each process; 0: as torch finds cores (OMP_NUM_THREADS). On a
    machine with other work give 1: threads that wait for each other cost more than they bring."""

    dtype: str = "auto"
    """local: auto (bfloat16 on CUDA, float32 on CPU), float32, bfloat16 or float16."""

    batch_tokens: int = 0
    """local: tokens (prompt + max_tokens) held at once on a device; 0: from its free memory."""

    batch_rows: int = 0
    """local: requests generated at once on a device; 0: 256 on CUDA, 32 on the CPU."""

    max_tokens_total: int | None = None
    """Budget: prompt and completion tokens over all runs on the journal."""

    max_requests: int | None = None
    """Budget: answers and failed tries that may have been billed, over all runs on the journal."""

    max_cost: float | None = None
    """Budget: money over all runs on the journal, in the currency of the prices."""

    price_in: float = 0.0
    """Price of 10^6 prompt tokens."""

    price_out: float = 0.0
    """Price of 10^6 completion tokens."""

    temperature: float | None = None
    """Sampling temperature in place of the step's own; 0: greedy."""

    top_p: float | None = None
    """Share of probability that is sampled from, in place of the step's own."""

    top_k: int | None = None
    """Tokens that are sampled from, in place of the step's own; 0: all."""

    max_tokens: int | None = None
    """Longest reply in tokens, in place of the step's own."""

    frequency_penalty: float | None = None
    """Penalty per occurrence of a token, in place of the step's own."""

    presence_penalty: float | None = None
    """Penalty on tokens that occurred, in place of the step's own."""

    repetition_penalty: float | None = None
    """Factor against tokens that occurred, in place of the step's own; 1: none."""

    def __post_init__(self) -> None:
        for key, known in _CHOICES.items():
            if getattr(self, key) not in known:
                value = getattr(self, key)
                raise RecipeError(f"models.{key}: {value!r} is not known.{nearest(value, known)}")
        for key, low, high in _BOUNDS:
            value = getattr(self, key)
            if value is not None and not low <= value <= high:
                raise RecipeError(f"models.{key} is {value!r}; expected {low:g} to {high:g}.")
        _ = self.budget

    @property
    def budget(self) -> Budget:
        """The budget these settings name."""
        return Budget(
            max_tokens=self.max_tokens_total,
            max_requests=self.max_requests,
            max_cost=self.max_cost,
            price_in=self.price_in,
            price_out=self.price_out,
        )

    def sampling(self, step: Sampling) -> Sampling:
        """Return a step's sampling values with those that the user set in their place."""
        given: dict[str, Any] = {
            key: getattr(self, key) for key in SAMPLING if getattr(self, key) is not None
        }
        return replace(step, **given)


SAMPLING = (
    "temperature",
    "top_p",
    "top_k",
    "max_tokens",
    "frequency_penalty",
    "presence_penalty",
    "repetition_penalty",
)

_CHOICES: dict[str, tuple[str, ...]] = {
    "engine": ENGINES,
    "dtype": ("auto", "float32", "bfloat16", "float16"),
    "max_tokens_field": ("max_tokens", "max_completion_tokens"),
}

_BOUNDS: tuple[tuple[str, float, float], ...] = (
    ("concurrency", 1, 4096),
    ("requests_per_minute", 0, 1e9),
    ("tokens_per_minute", 0, 1e12),
    ("timeout", 0.01, 86_400),
    ("retries", 0, 100),
    ("max_wait", 0, 86_400),
    ("seed", 0, (1 << 63) - 1),
    ("context", 0, 1 << 40),
    ("workers", 1, 1024),
    ("threads", 0, 1024),
    ("batch_tokens", 0, 1 << 40),
    ("batch_rows", 0, 1 << 20),
    ("temperature", 0, 100),
    ("top_p", 1e-9, 1),
    ("top_k", 0, 1 << 31),
    ("max_tokens", 1, 1 << 31),
    ("frequency_penalty", -2, 2),
    ("presence_penalty", -2, 2),
    ("repetition_penalty", 1e-3, 1e3),
)
