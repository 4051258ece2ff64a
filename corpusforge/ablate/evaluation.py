"""What every model is measured on: held-out texts, choices and last words that nothing was trained on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from corpusforge.ablate import held_out
from corpusforge.ablate.corpus import Corpus
from corpusforge.ablate.held_out import HeldOut
from corpusforge.ablate.items import Choice, Cloze, read_choices, read_cloze
from corpusforge.ablate.measure import Bits, Tally, bits_per_byte
from corpusforge.ablate.report import Checked, checked
from corpusforge.ablate.settings import Settings
from corpusforge.errors import InputError

__all__ = ["WHOLE", "Evaluation", "Sets", "evaluation"]

WHOLE = "bits_per_byte/all"
"""The measure of every held-out text."""
_FEWEST = 10  # texts of a language that is told apart: a label of a few is often wrong


@dataclass(frozen=True, slots=True, kw_only=True)
class Sets:
    """What models are measured on, by name: globs of held-out texts, files of choices and of texts with a
    last word.
    """

    held_out: dict[str, str] = field(default_factory=dict)
    choices: dict[str, str] = field(default_factory=dict)
    cloze: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        names = ["all", *self.held_out, *self.choices, *self.cloze]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise InputError(
                f"{twice[0]!r} names two sets of texts, or all of them together. Give each set another name."
            )


@dataclass(frozen=True, slots=True, eq=False)
class Evaluation:
    """What every model is measured on."""

    texts: Sequence[HeldOut]
    choices: Mapping[str, Sequence[Choice]]
    cloze: Mapping[str, Sequence[Cloze]]
    checked: tuple[Checked, ...]

    def groups(self) -> dict[str, list[int]]:
        """Return the places of the texts of each measure: all, a set, a language of ten texts or more.

        A text of several sets (runs of one corpus hold out the same) is once in all and in its language.
        """
        found: dict[str, list[int]] = {}
        known: set[str] = set()
        for place, text in enumerate(self.texts):
            whole = () if text.text in known else ("all", f"lang:{text.lang}")
            known.add(text.text)
            for name in (*whole, text.set):
                found.setdefault(name, []).append(place)
        return {
            name: rows
            for name, rows in found.items()
            if len(rows) >= _FEWEST or not name.startswith("lang:")
        }

    def per_byte(self, bits: Bits, corpus: Corpus) -> dict[str, Tally]:
        """Return bits per byte of every group of texts."""
        whole = bits_per_byte(bits, corpus, [text.text for text in self.texts])
        return {
            f"bits_per_byte/{name}": Tally(whole.above[rows], whole.below[rows])
            for name, rows in self.groups().items()
        }


def evaluation(
    sets: Sets, corpora: Sequence[Corpus], trained: Iterable[str], settings: Settings
) -> Evaluation:
    """Read everything that is measured, the runs' own validation splits too, without what is in `trained`.

    Raises InputError where nothing is left.
    """
    texts: list[HeldOut] = []
    for name, pattern in sets.held_out.items():
        found = held_out.read_texts(pattern, f"--held-out {name}")
        texts += held_out.draw(name, found, settings)
    for corpus in corpora:
        if own := corpus.validation():
            texts += held_out.draw(f"val:{corpus.name}", own, settings)
    questions = {name: read_choices(path, settings.items) for name, path in sets.choices.items()}
    words = {name: read_cloze(path, settings.items) for name, path in sets.cloze.items()}
    if not texts:
        raise InputError(
            "no held-out text: give --held-out NAME=GLOB, or runs with mix.validation."
        )
    passages = [(row.set, row.text) for row in texts]
    passages += [(name, one.question) for name, items in questions.items() for one in items]
    passages += [(name, one.before + one.last) for name, items in words.items() for one in items]
    shares = held_out.overlaps([text for _, text in passages], trained)
    clean = iter((shares <= settings.overlap).tolist())
    kept = [row for row in texts if next(clean)]
    if not kept:
        raise InputError(
            f"each of {len(texts)} held-out texts is too short to be searched for, or some run is trained on "
            "it. Give others, or a larger --overlap."
        )
    asks = {name: [one for one in items if next(clean)] for name, items in questions.items()}
    ends = {name: [one for one in items if next(clean)] for name, items in words.items()}
    return Evaluation(
        kept,
        {name: items for name, items in asks.items() if items},
        {name: items for name, items in ends.items() if items},
        checked(passages, shares, settings.overlap),
    )
