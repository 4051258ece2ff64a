"""From a request to token ids and back: chat templates, text kept data, stop strings, decoding.

A message that contains a control token's text (`<|im_end|>`, `</s>`) must not end the turn: such
content is cut into tokens apart from the template, as plain text. Models without a template get
`ROLE: text` paragraphs. A chat that ends in an empty user turn asks for the words of that turn. Limits:
content that a template rewrites cannot be kept apart and is refused; a byte sequence cut inside a
character shows as U+FFFD.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from corpusforge.models.records import Message, Request
from corpusforge.models.thoughts import ends_open

__all__ = ["BadPrompt", "Prompts"]

_ROLES = {"system": "System", "user": "User", "assistant": "Assistant"}
NEXT_TURN = "\n\nUser:"
"""Ends an answer of a model without a template, which would write the next question as well."""
NEXT_ANSWER = "\n\nAssistant:"
"""Ends a question that such a model writes."""
_OPEN = "\ue000user\ue001"
"""Stands for the words of a user's turn that the model is to write."""


def _opens(messages: Sequence[Message]) -> bool:
    """Whether the chat ends in an empty user turn: the model is to write that turn."""
    return bool(messages) and messages[-1].role == "user" and not messages[-1].content


class BadPrompt(Exception):
    """A request that this model cannot be asked; the text says why."""


class Prompts:
    """The tokenizer's side of a model."""

    def __init__(self, tokenizer: Any) -> None:
        self.tokenizer = tokenizer
        self._special = tuple(token for token in tokenizer.all_special_tokens if token)

    def encode(self, request: Request) -> list[int]:
        """Return the prompt's token ids, at least one. Raises BadPrompt."""
        if not request.messages:
            ids = self._plain(request.prompt, start=True)
        elif getattr(self.tokenizer, "chat_template", None):
            ids = self._chat(request.messages)
        else:
            parts = [f"{_ROLES[message.role]}: {message.content}" for message in request.messages]
            if _opens(request.messages):
                parts[-1] = parts[-1].rstrip()
            elif request.messages[-1].role != "assistant":
                parts.append("Assistant:")
            ids = self._plain("\n\n".join(parts), start=True)
        if not ids:
            raise BadPrompt("the tokenizer makes no tokens of the prompt")
        return ids

    def stops(self, request: Request) -> tuple[str, ...]:
        """Return the strings before which an answer ends."""
        bare = request.messages and not getattr(self.tokenizer, "chat_template", None)
        ends = (NEXT_TURN, NEXT_ANSWER) if _opens(request.messages) else (NEXT_TURN,)
        return (*request.sampling.stop, *ends) if bare else request.sampling.stop

    def _plain(self, text: str, *, start: bool = False) -> list[int]:
        """Return the ids of text in which no control token counts."""
        held = any(token in text for token in self._special)
        ids = self.tokenizer(text, add_special_tokens=start, split_special_tokens=held)["input_ids"]
        return [int(number) for number in ids]

    def ends(self, text: str) -> list[int]:
        """Return where each token of a plain prompt ends, in characters; 0 for one that is not of the text.

        Raises BadPrompt where the tokenizer does not know.
        """
        held = any(token in text for token in self._special)
        try:
            made = self.tokenizer(text, split_special_tokens=held, return_offsets_mapping=True)
        except NotImplementedError as error:
            raise BadPrompt(
                "this model's tokenizer does not tell where its tokens stand"
            ) from error
        return [int(end) for _, end in made["offset_mapping"]]

    def _chat(self, messages: Sequence[Message]) -> list[int]:
        if _opens(messages):
            text, found, _ = self._render([*messages[:-1], Message("user", _OPEN)]).rpartition(
                _OPEN
            )
            if not found:
                raise BadPrompt("the chat template does not let a user's turn be begun")
            return self._template_ids(text)
        risky = any(token in message.content for message in messages for token in self._special)
        if not risky:
            return self._template_ids(self._render(messages))
        marks = [f"\ue000{number}\ue001" for number in range(len(messages))]
        rest = self._render(
            [Message(message.role, mark) for message, mark in zip(messages, marks, strict=True)]
        )
        ids: list[int] = []
        for message, mark in zip(messages, marks, strict=True):
            before, found, rest = rest.partition(mark)
            if not found or mark in rest:
                raise BadPrompt(
                    "a message holds a control token of the model, and the chat template does not "
                    "let messages be kept apart from it"
                )
            ids += self._template_ids(before) + self._plain(message.content)
        return ids + self._template_ids(rest)

    def _template_ids(self, text: str) -> list[int]:
        return [
            int(number) for number in self.tokenizer(text, add_special_tokens=False)["input_ids"]
        ]

    def _render(self, messages: Sequence[Message]) -> str:
        turns = [{"role": message.role, "content": message.content} for message in messages]
        continues = turns[-1]["role"] == "assistant"
        try:
            return self._apply(turns, continues)
        except Exception as error:
            # templates without a system role raise; its text then opens the first question
            if turns[0]["role"] != "system" or len(turns) < 2:
                raise BadPrompt(f"the chat template refuses the messages: {error}") from error
        merged = {
            "role": turns[1]["role"],
            "content": f"{turns[0]['content']}\n\n{turns[1]['content']}",
        }
        try:
            return self._apply([merged, *turns[2:]], continues)
        except Exception as error:
            raise BadPrompt(f"the chat template refuses the messages: {error}") from error

    def _apply(self, turns: list[dict[str, str]], continues: bool) -> str:
        return str(
            self.tokenizer.apply_chat_template(
                turns,
                tokenize=False,
                add_generation_prompt=not continues,
                continue_final_message=continues,
            )
        )

    def decode(self, prompt: Sequence[int], answer: Sequence[int]) -> str:
        """Return the answer's text; the prompt's last token keeps a leading space where one was."""
        anchor = self._text(prompt[-1:])
        whole = self._text([*prompt[-1:], *answer])
        return whole[len(anchor) :] if whole.startswith(anchor) else self._text(answer)

    def stopped(
        self, prompt: Sequence[int], answer: Sequence[int], stops: Sequence[str]
    ) -> str | None:
        """Return the text before the first stop string, or None where there is none yet.

        Only the tail is decoded: a stop string of n characters ends within 2n + 8 tokens.
        """
        if not stops:
            return None
        tail = self._text(answer[-(2 * max(len(stop) for stop in stops) + 8) :])
        if not any(stop in tail for stop in stops):
            return None
        text = self.decode(prompt, answer)
        cuts = [text.index(stop) for stop in stops if stop in text]
        return text[: min(cuts)] if cuts else None

    def thinks(self, prompt: Sequence[int]) -> bool:
        """Whether the chat template ended the prompt inside a thought (R1, QwQ, GLM)."""
        # control tokens count here: some families' marks are such tokens
        return ends_open(str(self.tokenizer.decode(list(prompt[-24:]))))

    def _text(self, ids: Sequence[int]) -> str:
        return str(
            self.tokenizer.decode(
                list(ids), skip_special_tokens=True, clean_up_tokenization_spaces=False
            )
        )
