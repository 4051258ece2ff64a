"""Agreement and aggregation beside the packages that judge them: `python -m benchmarks.annotate_agreement`.

Synthetic rankings of K = 9 answers by three noisy raters, drawn by numpy with a fixed seed. Prints CPU
seconds of ours and of a loop over each package's call, and how far the two are apart at most.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable

import numpy as np

from benchmarks import harness
from corpusforge.annotate.agreement import alpha_matrix, kendall_tau_b
from corpusforge.annotate.bradley_terry import bradley_terry, plackett_luce

__all__ = ["main"]

PROMPTS, SIZE, RATERS, SEED = 300, 9, 3, 7


def rankings() -> np.ndarray:
    """Ranks from 1 [prompts, raters, K] of raters who see an answer's worth through noise."""
    chance = np.random.default_rng(SEED)
    worth = chance.normal(size=(PROMPTS, 1, SIZE))
    seen = worth + chance.normal(size=(PROMPTS, RATERS, SIZE))
    return (np.argsort(np.argsort(-seen, axis=2), axis=2) + 1).astype(np.int16)


def wins(table: np.ndarray) -> np.ndarray:
    """Wins [K, K] of one prompt's rankings."""
    return (table[:, :, None] < table[:, None, :]).sum(axis=0).astype(float)


def cases(ranks: np.ndarray) -> dict[str, tuple[str, Callable, Callable]]:
    """By figure: the package, ours, theirs."""
    import choix
    import krippendorff
    from scipy.stats import kendalltau

    games = [
        [(i, j) for i in range(SIZE) for j in range(SIZE) for _ in range(int(wins(t)[i, j]))]
        for t in ranks
    ]
    orders = [[np.argsort(row).tolist() for row in t] for t in ranks]
    flat = ranks.transpose(1, 0, 2).reshape(RATERS, -1).astype(float)
    fine = {"alpha": 0.1, "max_iter": 100_000, "tol": 1e-10}

    def packaged_alpha() -> np.ndarray:
        return np.array([krippendorff.alpha(reliability_data=flat, level_of_measurement="ordinal")])

    return {
        "Krippendorff's alpha, ordinal": (
            "krippendorff",
            lambda: np.array([alpha_matrix(flat, "ordinal")]),
            packaged_alpha,
        ),
        "Kendall's tau-b": (
            "scipy",
            lambda: np.array(
                [kendall_tau_b(t[0].astype(float), t[1].astype(float)) for t in ranks]
            ),
            lambda: np.array([kendalltau(t[0], t[1]).statistic for t in ranks]),
        ),
        "Bradley–Terry, prior 0.1": (
            "choix",
            lambda: np.array([bradley_terry(wins(t), 0.1) for t in ranks]),
            lambda: np.array([choix.mm_pairwise(SIZE, g, **fine) for g in games]),
        ),
        "Plackett–Luce, prior 0.1": (
            "choix",
            lambda: np.array([plackett_luce(t, 0.1) for t in ranks]),
            lambda: np.array([choix.mm_rankings(SIZE, o, **fine) for o in orders]),
        ),
    }


def main() -> int:
    """Print the table; 0 also where the packages are not installed."""
    harness.arguments(__doc__).parse_args()
    warnings.simplefilter("ignore")
    try:
        rows = cases(rankings())
    except ImportError as error:
        print(f"skipped: {error}. Install the extra `test`.")
        return 0
    print(f"{PROMPTS} prompts, K = {SIZE}, {RATERS} raters")
    harness.heads(
        "figure", "package", "ours, CPU s", "package, CPU s", "ratio", "largest difference"
    )
    for name, (package, ours, theirs) in rows.items():
        apart = float(np.abs(ours() - theirs()).max())  # this call compiles
        spent = harness.by_turns({"ours": ours, "theirs": theirs}, 3)
        fast, slow = min(spent["ours"]), min(spent["theirs"])
        harness.row(
            name, package, f"{fast:.4f}", f"{slow:.3f}", f"{slow / fast:.0f}", f"{apart:.1e}"
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
