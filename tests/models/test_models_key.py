"""The key of a request is the hash of what the docstring says, whatever way it is computed."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, replace

import pytest

from corpusforge.models.records import Message, Request, Sampling

FULL = Request(
    messages=(Message("system", "规则\n\t\"x\" \u2028"), Message("user", "b")), model="m", repeat=3,
    sampling=Sampling(temperature=0.1, stop=("a", "乙"), seed=4), json_schema='{"a": 1}', purpose="p",
)  # fmt: skip


@pytest.mark.parametrize("request_", [FULL, Request(prompt="half a pair \ud800"), Request()])
def test_the_key_is_blake2b_of_the_canonical_json(request_: Request) -> None:
    content = asdict(request_)
    del content["purpose"]
    assert (
        content.pop("echo") is False
    )  # keys from before there was such a question stay as they are
    text = json.dumps(content, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    digest = hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16)
    assert request_.key == digest.hexdigest()


def test_all_but_the_purpose_is_in_the_key() -> None:
    changes = {
        "messages": FULL.messages[:1], "prompt": "x", "model": "n", "repeat": 4, "json_schema": "{}",
        "echo": True,
        "sampling": replace(FULL.sampling, top_k=1),
    }  # fmt: skip
    keys = {FULL.key, *(replace(FULL, **{name: value}).key for name, value in changes.items())}
    assert len(keys) == 1 + len(changes)
    assert replace(FULL, purpose="q").key == FULL.key
