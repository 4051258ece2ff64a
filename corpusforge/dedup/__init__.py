"""Deduplication: exact copies, equal URLs and verified near copies; nothing else is removed.

`sign.sign_part` writes signatures and band keys beside each document part; `select.find_duplicates`
reads them and names every document that has a better-ranked copy. Method: MinHash with banding
(Broder 1997), candidates verified, greedy selection without chaining. Limit: a copy is what shares
word n-grams; paraphrases are not found.
"""

from corpusforge.dedup.settings import Settings

__all__ = ["Settings"]
