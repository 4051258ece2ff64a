"""C4's rules that judge a whole document (Raffel et al. 2020; its public code for the numbers).

The paper also cuts lines (terminal punctuation, JavaScript, policy notices): that is
`lines_c4.v1`; the phrases are counted here as statistics only, since an article about JavaScript
holds them too. Three sentences a page and five words a line are the numbers of the code that made
C4; datatrove has five and three. The word list of obscene terms is left to a recipe's own file. A
curly bracket drops a page as in the paper, but in a set of its own, `c4_curly.v1`, because it
throws away every article that quotes code or formulas. Limit: an end of sentence is a sign, so
"Mr." counts as one.
"""

from __future__ import annotations

from corpusforge.filter.rules import Bound, Ratio, RuleSet

__all__ = ["CURLY", "DOCUMENT"]

_PAPER = "Raffel et al. 2020"

DOCUMENT = RuleSet(
    name="c4.v1",
    bounds=(
        Bound(
            name="lorem_ipsum",
            statistic=Ratio(("phrase_lorem_ipsum",)),
            high=0,
            unit="occurrences",
            source=_PAPER,
        ),
        Bound(
            name="sentences",
            statistic=Ratio(("sentences",)),
            low=3,
            unit="ends of sentences",
            source=_PAPER,
            by_language=dict.fromkeys(("th", "lo", "my", "km", "bo", "dz"), (None, None)),
            reason="no sign ends a sentence there",
        ),
    ),
)

CURLY = RuleSet(
    name="c4_curly.v1",
    bounds=(
        Bound(
            name="curly_bracket",
            statistic=Ratio(("curly",)),
            high=0,
            unit="'{' in the document",
            source=_PAPER,
        ),
    ),
)
