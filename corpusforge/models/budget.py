"""What model calls cost: a hard budget, and what every step that asked has spent.

Before a request is sent its highest possible bill is reserved: prompt tokens (counted by the
engine's tokenizer, else bounded by the prompt's UTF-8 bytes, since a byte-level tokenizer makes no
more tokens than bytes) plus `max_tokens`. A request whose reservation does not fit is not sent, so
the budget cannot be overspent by any number of requests in flight. Limits: a server that adds a
longer template than `MARGIN` allows, or bills what it does not report, is beyond this bound.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from corpusforge.errors import CorpusforgeError, RecipeError
from corpusforge.models.journal import Entry
from corpusforge.models.records import Completion, Request, Usage

__all__ = ["MARGIN", "Bill", "Budget", "BudgetSpent", "Spending", "Usages", "prompt_bound"]

MARGIN = 32
"""Tokens allowed a request, and again a message, for the chat template's own words."""
VERDICT = 16
"""Tokens of the longest answer that is one word: it may end anywhere behind it."""


class BudgetSpent(CorpusforgeError):
    """The next request could not be paid. Everything answered so far is in the journal."""


@dataclass(frozen=True, slots=True)
class Bill:
    """Requests and tokens, paid or reserved."""

    requests: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0

    def __add__(self, other: Bill) -> Bill:
        return Bill(
            self.requests + other.requests,
            self.prompt_tokens + other.prompt_tokens,
            self.completion_tokens + other.completion_tokens,
        )

    @property
    def tokens(self) -> int:
        """Prompt and completion tokens together."""
        return self.prompt_tokens + self.completion_tokens

    @classmethod
    def of(cls, completion: Completion) -> Bill:
        """Return what one answer or failed try was, or may have been, billed."""
        paid = (completion.usage, completion.wasted)
        tokens = [use.prompt_tokens + use.completion_tokens for use in paid]
        return cls(
            1 if completion.finish_reason != "error" or any(tokens) else 0,
            sum(use.prompt_tokens for use in paid),
            sum(use.completion_tokens for use in paid),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """The most that a journal's requests may take, over all runs that write it; None: no limit.

    `max_cost` is in the currency of the prices, which are for 10^6 tokens.
    """

    max_tokens: int | None = None
    max_requests: int | None = None
    max_cost: float | None = None
    price_in: float = 0.0
    price_out: float = 0.0

    def __post_init__(self) -> None:
        for key in ("max_tokens", "max_requests", "max_cost", "price_in", "price_out"):
            value = getattr(self, key)
            if value is not None and not 0 <= value < float("inf"):
                raise RecipeError(f"models.{key} is {value!r}; expected 0 or more.")
        if self.max_cost is not None and not self.price_in + self.price_out:
            raise RecipeError(
                "models.max_cost is set but price_in and price_out are 0; give the prices of 10^6 "
                "tokens, or limit tokens instead."
            )

    def cost(self, bill: Bill) -> float:
        """Return the money a bill comes to."""
        return (bill.prompt_tokens * self.price_in + bill.completion_tokens * self.price_out) / 1e6

    def excess(self, bill: Bill) -> str:
        """Return which limit a bill breaks, in words, or an empty text."""
        if self.max_requests is not None and bill.requests > self.max_requests:
            return f"{self.max_requests} requests (--max-requests)"
        if self.max_tokens is not None and bill.tokens > self.max_tokens:
            return f"{self.max_tokens} tokens (--max-tokens-total)"
        if self.max_cost is not None and self.cost(bill) > self.max_cost:
            return f"{self.max_cost:g} of money (--max-cost)"
        return ""


def prompt_bound(request: Request) -> int:
    """Return the most tokens a byte-level tokenizer can make of a request's prompt."""
    texts = [
        request.prompt,
        request.json_schema,
        *(message.content for message in request.messages),
    ]
    return sum(len(text.encode("utf-8", "surrogatepass")) for text in texts) + MARGIN * (
        1 + len(request.messages)
    )


@dataclass(slots=True)
class Spending:
    """One step's requests. Answers and their tokens are the same however often a run was killed;
    `paid` and `replayed` tell this process's share.
    """

    answers: int = 0
    errors: int = 0
    replayed: int = 0
    usage: Usage = field(default_factory=Usage)
    paid: Bill = field(default_factory=Bill)
    cut: int = 0
    """Answers that ended at their limit of tokens."""
    limit: int = 0
    """The largest such limit, in tokens."""

    def count(self, completion: Completion, *, replayed: bool, limit: int = 0) -> None:
        """Book one completion; `limit` is its request's `max_tokens`."""
        if completion.finish_reason == "error":
            self.errors += 1
            return
        self.answers += 1
        self.replayed += replayed
        if completion.finish_reason == "length":
            self.cut += 1
            self.limit = max(self.limit, limit)
        self.usage = Usage(
            prompt_tokens=self.usage.prompt_tokens + completion.usage.prompt_tokens,
            completion_tokens=self.usage.completion_tokens + completion.usage.completion_tokens,
        )


class Usages:
    """Spending by purpose, and what the whole journal has cost."""

    def __init__(self) -> None:
        self.purposes: dict[str, Spending] = {}
        self.spent = Bill()
        self._seen: set[str] = set()

    def of(self, purpose: str) -> Spending:
        """Return the spending of a purpose, at first zero."""
        return self.purposes.setdefault(purpose, Spending())

    def carry(self, entry: Entry) -> None:
        """Take over what an earlier process paid."""
        self.spent += Bill.of(entry.completion)

    def pay(self, purpose: str, completion: Completion) -> None:
        """Book the bill of one answer or failed try."""
        bill = Bill.of(completion)
        self.spent += bill
        self.of(purpose).paid += bill

    def count(
        self, purpose: str, completion: Completion, *, replayed: bool, limit: int = 0
    ) -> None:
        """Book a result once for each key, however often it is asked for; see `Spending.count`."""
        if completion.key not in self._seen:
            self._seen.add(completion.key)
            self.of(purpose).count(completion, replayed=replayed, limit=limit)

    def cut_lines(self, options: Mapping[str, str] | None = None) -> list[str]:
        """Return one line for each purpose of which more than half of the answers ended at their limit.

        `options` names the option that raises the limit of a purpose, --max-tokens where it names none.
        Limits of up to `VERDICT` tokens are of yes or no, whose first word counts.
        """
        return [
            f"{spending.cut} of {spending.answers} answers of {purpose or 'the model'} end at their limit of "
            f"{spending.limit} tokens: raise {(options or {}).get(purpose, '--max-tokens')}"
            for purpose, spending in sorted(self.purposes.items())
            if 2 * spending.cut > spending.answers and spending.limit > VERDICT
        ]

    def table(self) -> list[dict[str, str | int]]:
        """Return one row a purpose, by name: what was answered and what tokens that took."""
        return [
            {
                "purpose": purpose,
                "answers": spending.answers,
                "errors": spending.errors,
                "prompt_tokens": spending.usage.prompt_tokens,
                "completion_tokens": spending.usage.completion_tokens,
            }
            for purpose, spending in sorted(self.purposes.items())
        ]
