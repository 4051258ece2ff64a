"""The embedded sample: a small crawl, two wiki dumps, books and code, written for this project.

`sources/` holds what people edit; `python -m examples.sample_corpus.build` packs it into the
containers that a run reads. `planted.json` says what was planted, where, and what must come of it.
"""
