"""datatrove's MinHash deduplication, timed step by step; run by an interpreter that has it.

    PYTHON_WITH_DATATROVE -m benchmarks.dedup_datatrove whole DOCS.jsonl WORK
    PYTHON_WITH_DATATROVE -m benchmarks.dedup_datatrove buckets DOCUMENTS WORK

`whole` runs its four stages on a JSON-lines file, all in this process; `buckets` runs stages 2 and 3
on synthetic signatures of DOCUMENTS documents, a tenth of them copies. CPU seconds as one JSON line.
Needs datatrove[processing] with xxhash < 4 and spaCy; nothing of corpusforge.
"""

from __future__ import annotations

import json
from pathlib import Path

from benchmarks import harness


def whole(source: Path, work: Path) -> dict[str, float]:
    """Run all stages on a file; return seconds of each and the rows kept."""
    from datatrove.pipeline.dedup import minhash
    from datatrove.pipeline.readers import JsonlReader
    from datatrove.pipeline.writers import JsonlWriter

    from benchmarks import datatrove_steps as steps

    signature = minhash.MinhashDedupSignature(f"{work}/sig", config=steps.CONFIG)
    signature.get_shingles("load the word splitter before the clock starts, please")
    reader = JsonlReader(str(source.parent), glob_pattern=source.name)
    _, first = harness.timed(lambda: steps.run(reader, signature))
    texts = [json.loads(line)["text"] for line in source.read_text("utf-8").split("\n") if line]
    clock = harness.Clock()
    for text in texts:
        shingles = signature.get_shingles(text)
        if shingles.size:
            signature.get_signature(shingles)
    memory = clock.cpu()
    _, second = harness.timed(lambda: steps.clusters(work))
    keep, writer = minhash.MinhashDedupFilter(f"{work}/remove"), JsonlWriter(f"{work}/kept")
    reader = JsonlReader(str(source.parent), glob_pattern=source.name)
    kept, fourth = harness.timed(lambda: steps.run(reader, keep, writer))
    return {"sign": first, "sign_memory": memory, "buckets": second, "filter": fourth, "kept": kept}


def buckets(documents: int, work: Path) -> dict[str, float]:
    """Write synthetic signature files in datatrove's layout, then time stages 2 and 3."""
    import numpy as np

    from benchmarks import datatrove_steps as steps

    generator = np.random.default_rng(1)
    fields = [(f"f{i}", "<u8") for i in range(8)] + [("doc", "<u4")]
    numbers = np.arange(documents, dtype=np.uint32)
    for bucket in range(steps.CONFIG.num_buckets):
        values = generator.integers(0, 1 << 60, (documents, 8), dtype=np.uint64)
        copies = np.flatnonzero((numbers % 10 == 9) & (generator.random(documents) < 0.4))
        values[copies] = values[copies - 1]
        rows = np.empty(documents, dtype=fields)
        for i in range(8):
            rows[f"f{i}"] = values[:, i]
        rows["doc"] = numbers
        rows.sort(order=[name for name, _ in fields])
        target = work / "sig" / f"bucket_{bucket:03d}" / "00000.minhash.sig"
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(rows.tobytes())
    return {"buckets": harness.timed(lambda: steps.clusters(work))[1]}


def main() -> None:
    """Do one of the two jobs and print its seconds."""
    options = harness.arguments(__doc__)
    options.add_argument("job", choices=("whole", "buckets"))
    options.add_argument("source", help="a file of JSON lines, or a number of documents")
    options.add_argument("work", type=Path)
    given = options.parse_args()
    if given.job == "whole":
        harness.figures(whole(Path(given.source), given.work))
    else:
        harness.figures(buckets(int(given.source), given.work))


if __name__ == "__main__":
    main()
