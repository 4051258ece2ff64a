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

import numpy as np

from benchmarks import harness

OPTIONS = harness.arguments(__doc__)
OPTIONS.add_argument("job", choices=("whole", "buckets"))
OPTIONS.add_argument("source", help="a file of JSON lines, or a number of documents")
OPTIONS.add_argument("work", type=Path)
GIVEN = OPTIONS.parse_args()  # before datatrove is asked for, so that --help needs none

from datatrove.pipeline.dedup import minhash  # noqa: E402
from datatrove.pipeline.readers import JsonlReader  # noqa: E402
from datatrove.pipeline.writers import JsonlWriter  # noqa: E402
from datatrove.utils.hashing import HashConfig  # noqa: E402

CONFIG = minhash.MinhashConfig(hash_config=HashConfig(precision=64))


def stages_2_and_3(work: Path) -> float:
    """Run buckets and cluster over the signatures in WORK/sig; return CPU seconds."""
    clock = harness.Clock()
    for rank in range(CONFIG.num_buckets):
        step = minhash.MinhashDedupBuckets(f"{work}/sig", f"{work}/buckets", config=CONFIG)
        step.run(None, rank, CONFIG.num_buckets)
    minhash.MinhashDedupCluster(f"{work}/buckets", f"{work}/remove", config=CONFIG).run(None, 0, 1)
    return clock.cpu()


def whole(source: Path, work: Path) -> dict[str, float]:
    """Run all stages on a file; return seconds of each and the rows kept."""
    signature = minhash.MinhashDedupSignature(f"{work}/sig", config=CONFIG)
    signature.get_shingles("load the word splitter before the clock starts, please")
    reader = JsonlReader(str(source.parent), glob_pattern=source.name)
    _, first = harness.timed(lambda: signature.run(reader.run(None, 0, 1), 0, 1))
    texts = [json.loads(line)["text"] for line in source.read_text("utf-8").split("\n") if line]
    clock = harness.Clock()
    for text in texts:
        shingles = signature.get_shingles(text)
        if shingles.size:
            signature.get_signature(shingles)
    memory = clock.cpu()
    second = stages_2_and_3(work)
    clock = harness.Clock()
    keep = minhash.MinhashDedupFilter(f"{work}/remove")
    writer = JsonlWriter(f"{work}/kept")
    kept = 0
    reader = JsonlReader(str(source.parent), glob_pattern=source.name)
    for _ in writer.run(keep.run(reader.run(None, 0, 1), 0, 1), 0, 1):
        kept += 1
    fourth = clock.cpu()
    return {"sign": first, "sign_memory": memory, "buckets": second, "filter": fourth, "kept": kept}


def buckets(documents: int, work: Path) -> dict[str, float]:
    """Write synthetic signature files in datatrove's layout, then time stages 2 and 3."""
    generator = np.random.default_rng(1)
    fields = [(f"f{i}", "<u8") for i in range(8)] + [("doc", "<u4")]
    numbers = np.arange(documents, dtype=np.uint32)
    for bucket in range(CONFIG.num_buckets):
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
    return {"buckets": stages_2_and_3(work)}


if __name__ == "__main__":
    if GIVEN.job == "whole":
        harness.figures(whole(Path(GIVEN.source), GIVEN.work))
    else:
        harness.figures(buckets(int(GIVEN.source), GIVEN.work))
