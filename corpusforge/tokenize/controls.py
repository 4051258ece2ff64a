"""A `tokenizer.json` made safe for raw text: nothing that a text spells becomes a control id.

Control tokens are the added tokens (special or not, whatever their flags), the usual names of such tokens
(`</s>`, `[SEP]`, …) where a vocabulary holds them without saying so, and the tokens that delimit documents
or stand for what is unknown. In the copy that encodes, each has a name that nobody can spell, in the list
of added tokens and in the model's vocabulary alike, so ids stay what they were; merges that made one are
left out. Bytes' names (`<0x0A>`) are cut where a text spells them. What stays as it was: added tokens of
white space alone (indentation has ids of its own in code models), and added tokens that are words of the
model's own vocabulary. Limits: a word that was added to a vocabulary later is a control token too, so its
text is encoded by the model's other tokens; U+2581 in a text is a blank where the file makes blanks of it.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from corpusforge.tokenize.patterns import byte_letters

__all__ = ["ENDS", "STARTS", "Vocabulary", "guarded"]

ENDS = ("<|endoftext|>", "</s>", "<|end_of_text|>", "<eos>", "[EOS]", "<|im_end|>", "[SEP]")
STARTS = ("<|startoftext|>", "<s>", "<|begin_of_text|>", "<bos>", "[BOS]", "[CLS]")
_OTHERS = (
    "<pad>",
    "[PAD]",
    "<mask>",
    "[MASK]",
    "<unk>",
    "[UNK]",
    "<|pad|>",
    "<|unk|>",
    "<|im_start|>",
)
_BYTE = r"(?<=<0x[0-9A-Fa-f]{2})>"


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """What a `tokenizer.json` says of its tokens."""

    kind: str
    """BPE, WordPiece, Unigram or WordLevel."""
    words: frozenset[str]
    """Tokens of the model."""
    merged: frozenset[str]
    """Those that merges make, of BPE."""
    added: Mapping[str, Mapping[str, Any]]
    """Added tokens by content, with their flags."""
    unknown: str | None
    """The token for what has no id of its own."""

    @classmethod
    def of(cls, spec: Mapping[str, Any]) -> Vocabulary:
        """Return the vocabulary of a file's JSON."""
        model = spec["model"]
        kind = _kind(model)
        words, unknown = model["vocab"], model.get("unk_token")
        if kind == "Unigram":
            at = model.get("unk_id")
            unknown = words[at][0] if at is not None else None
            words = [piece for piece, _ in words]
        merged = (left + right for left, right in _joined(model))
        added = {token["content"]: token for token in spec.get("added_tokens") or ()}
        return cls(kind, frozenset(words), frozenset(merged), added, unknown)

    def is_text(self, token: str) -> bool:
        """Whether a token is made of what ordinary text holds, so that it can delimit nothing."""
        if token in self.added:
            return _is_blank(token)
        return _is_blank(token) or len(token) == 1 or token.isalnum() or token in self.merged

    def controls(self, delimiters: Iterable[str]) -> set[str]:
        """Return the control tokens; `delimiters` are those that begin and end documents."""
        found = {token for token, flags in self.added.items() if self._is_control(token, flags)}
        found |= {name for name in (*ENDS, *STARTS, *_OTHERS) if name in self.words - self.merged}
        if self.unknown is not None and not self.is_text(self.unknown):
            found.add(self.unknown)
        return found | set(delimiters)

    def _is_control(self, token: str, flags: Mapping[str, Any]) -> bool:
        if _is_blank(token):
            return False
        if flags.get("special"):
            return True
        return token not in self.words or not (token in self.merged or _is_word(token))


def _kind(model: Mapping[str, Any]) -> str:
    """Return the model's type; old files do not say it."""
    if model.get("type"):
        return str(model["type"])
    if "merges" in model:
        return "BPE"
    if isinstance(model["vocab"], list):
        return "Unigram"
    return "WordPiece" if "continuing_subword_prefix" in model else "WordLevel"


def _is_blank(token: str) -> bool:
    return not token.replace("\u2581", "").strip()


def _is_word(token: str) -> bool:
    return token.lstrip("\u2581\u0120 ").isalnum()


def _parts(merge: Any) -> tuple[str, str]:
    left, right = merge.split(" ") if isinstance(merge, str) else merge
    return left, right


def _joined(model: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return the merges as what is put together: a prefix of continuing tokens is taken off."""
    prefix = model.get("continuing_subword_prefix") or ""
    merges = map(_parts, model.get("merges") or ())
    return [(left, right.removeprefix(prefix)) for left, right in merges]


def guarded(
    spec: Mapping[str, Any], vocabulary: Vocabulary, controls: Iterable[str]
) -> tuple[dict[str, Any], str]:
    """Return the JSON that encodes raw text, and the name of a token for what is unknown.

    The name is "" where nothing needs it; else the file lacks such a token, and ids of this one stand
    for characters that have none. Truncation, padding, post-processor, decoder and dropout are left out.
    """
    names = {token: _unspelled() for token in controls}
    model = _renamed(spec["model"], vocabulary, names)
    probe = (
        ""
        if vocabulary.unknown in vocabulary.words or _is_complete(spec, vocabulary)
        else _unspelled()
    )
    if probe:
        _know_unknown(model, vocabulary.kind, probe)
    made = {**spec, "added_tokens": _added(vocabulary, names), "model": model}
    made |= dict.fromkeys(("truncation", "padding", "post_processor", "decoder"))
    if model.get("byte_fallback") and (vocabulary.kind == "Unigram" or model.get("ignore_merges")):
        made["pre_tokenizer"] = _cut_bytes(spec.get("pre_tokenizer"))
    return made, probe


def _unspelled() -> str:
    """Return a name that no text holds: nobody can know it before the process runs."""
    return "\ufdd0" + secrets.token_hex(16)


def _renamed(
    model: Mapping[str, Any], vocabulary: Vocabulary, names: Mapping[str, str]
) -> dict[str, Any]:
    made = dict(model)
    if vocabulary.kind == "Unigram":
        made["vocab"] = [[names.get(piece, piece), score] for piece, score in model["vocab"]]
        return made
    made["vocab"] = {names.get(token, token): number for token, number in model["vocab"].items()}
    if model.get("unk_token") is not None:
        made["unk_token"] = names.get(model["unk_token"], model["unk_token"])
    if "dropout" in model:
        made["dropout"] = None
    if "merges" in model:
        prefix = model.get("continuing_subword_prefix") or ""

        def spells(left: str, right: str) -> bool:
            return left in names or right in names or left + right.removeprefix(prefix) in names

        made["merges"] = [merge for merge in model["merges"] if not spells(*_parts(merge))]
    return made


def _know_unknown(model: dict[str, Any], kind: str, probe: str) -> None:
    """Give a model that lacks a token for what is unknown one."""
    if kind == "Unigram":
        # the least score is what the model reckons with for what is unknown: it must not change
        model["unk_id"] = len(model["vocab"])
        model["vocab"] = [*model["vocab"], [probe, min(score for _, score in model["vocab"])]]
        return
    model["vocab"][probe] = max(model["vocab"].values(), default=-1) + 1
    model["unk_token"] = probe


def _added(vocabulary: Vocabulary, names: Mapping[str, str]) -> list[dict[str, Any]]:
    """Return the added tokens, in order: ids of those that the model lacks are counted by it."""
    made = []
    for token, flags in vocabulary.added.items():
        plain = not any(flags.get(name) for name in ("lstrip", "rstrip", "single_word", "special"))
        if token not in names and not plain and token in vocabulary.words:
            continue  # the model's own word; what the flags say would take blanks from a text
        content = token if plain and token not in names else names.get(token) or _unspelled()
        made.append({**flags, "content": content})
    return made


def _is_complete(spec: Mapping[str, Any], vocabulary: Vocabulary) -> bool:
    """Whether every text has ids, byte by byte at worst."""
    if vocabulary.kind not in ("BPE", "Unigram"):
        return False
    if spec["model"].get("byte_fallback"):
        return all(f"<0x{byte:02X}>" in vocabulary.words for byte in range(256))
    steps = [spec.get(name) for name in ("normalizer", "pre_tokenizer")]
    return (
        vocabulary.kind == "BPE"
        and any(map(_is_byte_level, steps))
        and vocabulary.words >= set(byte_letters())
    )


def _is_byte_level(step: Any) -> bool:
    if not isinstance(step, dict):
        return False
    inner = step.get("pretokenizers") or step.get("normalizers") or ()
    return step.get("type") == "ByteLevel" or any(map(_is_byte_level, inner))


def _cut_bytes(step: Any) -> dict[str, Any]:
    """Return the pre-tokenizer with one behind it that cuts the names of bytes in two."""
    cut = {"type": "Split", "pattern": {"Regex": _BYTE}, "behavior": "Isolated", "invert": False}
    before = step.get("pretokenizers", [step]) if step else []
    return {"type": "Sequence", "pretokenizers": [*before, cut]}
