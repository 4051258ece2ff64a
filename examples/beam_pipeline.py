"""A Beam pipeline of one's own over corpusforge's verbs: own source in, own sink out.

    python -m examples.beam_pipeline --output quotes

A Kafka topic, a table or any other PCollection takes the place of `NOTES`; every dropped document comes
out with its rule, value and bound.
"""

import argparse

import apache_beam as beam

from corpusforge.beam.dedup import DedupMinHash
from corpusforge.beam.transforms import Clean, Filter, FromDocuments, Identify, Redact, ToDocuments
from corpusforge.records import Document

NOTES = [
    "The ferry leaves at seven, and it is the only one that stops at the small island on Sundays.",
    "The ferry leaves at seven, and it is the only one that stops at the small island on Sunday.",
    "Too short.",
    "渡船早上七点开，星期天只有这一班在小岛停靠，要去的人请写信到 ann@example.org 预订。",
]


def main(argv: list[str] | None = None) -> None:
    """Build the pipeline and run it; unknown options are Beam's (--runner, --flink_master …)."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", default="quotes", help="prefix of the files that are written")
    own, options = parser.parse_known_args(argv)
    with beam.Pipeline(argv=options or ["--runner=FnApiRunner"]) as pipeline:
        notes = pipeline | beam.Create(enumerate(NOTES)) | beam.MapTuple(document) | FromDocuments()
        kept = notes | Identify() | Clean() | Filter(long_enough) | Redact() | DedupMinHash()
        texts = kept | ToDocuments() | beam.Map(lambda document: f"{document.lang} {document.text}")
        _ = texts | "Kept" >> beam.io.WriteToText(own.output + "-kept", ".txt")
        _ = kept.dropped | beam.Map(str) | "Dropped" >> beam.io.WriteToText(own.output + "-dropped")


def document(number: int, text: str) -> Document:
    """Return what the source holds as a document."""
    return Document(f"note-{number}", "notes", "notes", "text", text, locator=str(number))


def long_enough(text: str) -> bool:
    """A rule of one's own: True keeps the text."""
    return len(text) >= 20


if __name__ == "__main__":
    main()
