"""An engine that answers the instruction loop at once, out of the request's key.

For tests and for measuring the loop itself. Its texts are made-up words and random Han characters
in the forms that the prompts ask for, with the usual faults in known shares: preambles, near
copies, forbidden words, cut replies. Limit: it knows the loop's own prompts only.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from corpusforge.hashing import word64
from corpusforge.models.records import Completion, Request, Usage

__all__ = ["Scripted", "reply"]

_SYLLABLES = ("ba", "ce", "di", "fo", "gu", "ha", "je", "ki", "lo", "mu", "na", "pe", "qui", "ro", "su",
              "ta", "ve", "wi", "xo", "zu")  # fmt: skip
_VERBS = (
    "Describe",
    "Compare",
    "Explain",
    "Rewrite",
    "Summarise",
    "Sort",
    "Invent",
    "Judge",
    "List",
)
_HAN = "天地人山水火木金土日月星云风雨春夏秋冬花草鸟鱼虫书画琴棋诗酒茶米面油盐门窗桌椅车船路桥城村河湖海江"
_HAN_VERBS = ("请描述", "请比较", "请解释", "请改写", "请概括", "请判断", "请列出", "请翻译")


def _word(*key: object) -> str:
    drawn = word64("word", *key)
    return "".join(
        _SYLLABLES[(drawn >> (8 * place)) % len(_SYLLABLES)] for place in range(2 + drawn % 2)
    )


def _sentence(language: str, size: int, *key: object) -> str:
    if language == "zh":
        return "".join(
            _HAN[word64("han", *key, place) % len(_HAN)] for place in range(2 * size)
        ) + "。"  # fmt: skip
    return " ".join(_word(*key, place) for place in range(size)) + "."


def _instruction(language: str, *key: object) -> str:
    drawn = word64("kind", *key)
    verbs = _HAN_VERBS if language == "zh" else _VERBS
    gap = "" if language == "zh" else " "
    fault = drawn % 20
    if fault == 0:
        return verbs[0]  # too short
    if fault == 1:
        return (
            verbs[1]
            + gap
            + ("这张图片里的风景和人物" if language == "zh" else "the picture of it all")
        )
    if fault in (2, 3):  # near copies of one another
        return verbs[2] + gap + _sentence(language, 12, "common", fault)
    return verbs[drawn // 20 % len(verbs)] + gap + _sentence(language, 8 + drawn % 9, *key)


def _list(language: str, key: str) -> str:
    first = 9
    lines = [f"{first + n}. {_instruction(language, key, n)}" for n in range(7)]
    opening = "Here are the tasks:\n\n" if word64("talk", key) % 4 == 0 else ""
    return opening + "\n".join(lines)


def _instances(language: str, key: str, *, labelled: bool) -> str:
    zh = language == "zh"
    example, given, output, label = (
        ("示例 {}", "输入：", "输出：", "类别：")
        if zh
        else ("Example {}", "Input: ", "Output: ", "Class label: ")
    )
    labels = ("好", "坏") if zh else ("good", "bad")
    parts = []
    for place in range(1 + word64("count", key) % 3):
        text = _sentence(language, 6, key, place, "input")
        if labelled:
            parts.append(f"{label}{labels[word64('label', key, place) % 2]}\n{given}{text}")
        else:
            answer = (
                text if word64("copy", key, place) % 10 == 0 else _sentence(language, 9, key, place)
            )
            parts.append(f"{example.format(place + 1)}\n{given}{text}\n{output}{answer}")
    return "\n\n".join(parts)


def reply(request: Request) -> Completion:
    """Return the answer to a request of the loop, the same for the same key for ever."""
    key = request.key
    rules = request.messages[0].content
    language = "zh" if any("\u4e00" <= character <= "\u9fff" for character in rules) else "en"
    cut = word64("cut", key) % 12 == 0
    if request.purpose == "instruct.generate":
        text = _list(language, key)
    elif request.purpose == "instruct.classify":
        yes, no = ("是", "否") if language == "zh" else ("Yes", "No")
        text, cut = (yes if word64("class", key) % 6 == 0 else no), False
    else:
        labelled = "类别：" in rules or "Class label:" in rules
        text = _instances(language, key, labelled=labelled)
    return Completion(
        key=key, text=text[:-4] if cut else text, finish_reason="length" if cut else "stop",
        model=request.model, usage=Usage(prompt_tokens=100, completion_tokens=len(text) // 4),
    )  # fmt: skip


class Scripted:
    """The engine; `before` is called with each request before it is answered."""

    name = "scripted"
    model = "scripted-1"
    context = 0

    def __init__(self, before: Callable[[Request], None] = lambda request: None) -> None:
        self._before = before

    def complete(self, requests: Sequence[Request]) -> Iterator[Completion]:
        """Yield one answer per request, in an order that is not that of the requests."""
        for request in sorted(requests, key=lambda one: word64("order", one.key)):
            self._before(request)
            yield reply(request)
