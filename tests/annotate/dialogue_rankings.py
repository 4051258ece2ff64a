"""Rankings of dialogues: one turn, a system text, more turns, Chinese, ties, a demonstration."""

from __future__ import annotations

from corpusforge.annotate.candidates import candidate_id
from corpusforge.annotate.prompts import prompt_id
from corpusforge.annotate.records import Candidate, Prompt, Ranking, Task
from corpusforge.models.records import Message

DIALOGUES = (
    (Message("user", "Why does bread rise?"),),
    (Message("system", "Answer in one line."), Message("user", "How long is the Loire?")),
    (
        Message("user", "说出一种鸟。"), Message("assistant", "知更鸟。"), Message("user", "再说一种。"),
    ),
    (
        Message("system", "Be kind."), Message("user", "Hi"), Message("assistant", "Hello!"),
        Message("user", "Which tool tightens a loose hinge?\n\nI have a spoon."),
    ),
)  # fmt: skip
ANSWERS = ("Yeast.", "Yeast makes gas, and the gas lifts the dough.", " It does not.\n", "酵母。")
RANKS = {  # by rater: tiers of places
    "r_0a": ((0,), (1, 2), (3,)),
    "r_0b": ((1,), (0,), (2,), (3,)),
    "r_0c": ((0,), (1,), (3,), (2,)),
}


def job() -> tuple[dict[str, Task], list[Ranking]]:
    tasks: dict[str, Task] = {}
    rankings: list[Ranking] = []
    for number, messages in enumerate(DIALOGUES):
        name = prompt_id(messages)
        prompt = Prompt(id=name, messages=messages, origin="user", language="en", use_case="qa")
        params = '{"temperature":0.7}'
        # the second answer begins with the first, word for word
        candidates = tuple(
            Candidate(id=candidate_id(name, f"m{k}", params, text), text=text, model=f"m{k}",
                      params=params)
            for k, text in enumerate(ANSWERS)
        )  # fmt: skip
        ids = tuple(one.id for one in candidates)
        raters = list(RANKS)[: 1 + number]
        for rater in raters:
            task = Task(id=f"t_{number}{rater}", job="j_1", kind="ranking", prompt=prompt,
                        candidates=candidates, presented_order=ids, rater=rater, batch="b")  # fmt: skip
            tasks[task.id] = task
            tiers = tuple(tuple(ids[place] for place in tier) for tier in RANKS[rater])
            rankings.append(
                Ranking(task=task.id, prompt=name, rater=rater, tiers=tiers, lead_time=31.5)
            )
    demo = Prompt(id="p_demo", messages=(Message("user", "Name a fish."),), origin="user")
    tasks["t_demo"] = Task(id="t_demo", job="j_1", kind="demonstration", prompt=demo, candidates=(),
                           presented_order=(), rater="r_0a", batch="b")  # fmt: skip
    rankings.append(Ranking(task="t_demo", prompt="p_demo", rater="r_0a", text="A trout."))
    return tasks, rankings
