"""Names and order of the statistics that the kernel writes: the columns of a run's `stats` table.

Counts only, all int64; every ratio is formed when a rule decides, so that a threshold can be swept
without reading a text again. Limits: lengths are code points; a line is what stands between LF,
CRLF or CR, trimmed, and blank lines are never counted.
"""

from __future__ import annotations

from corpusforge.filter.phrases import PHRASES, STOP_WORDS

__all__ = ["CHARACTERS", "COLUMNS", "GRAMS", "LINES", "WORDS"]

CHARACTERS = (
    "chars",  # code points
    "letters",
    "digits",
    "upper",
    "spaces",
    "punctuation",
    "han",
    "kana",
    "unspaced",  # characters of scripts without spaces: a word each
    "simplified",  # Han that only the simplified standard has
    "traditional",
    "garbled",  # U+FFFD, control and private-use characters
    "non_ascii",
    "hashes",  # "#"
    "curly",  # "{"
    "colons",  # ":" and "："
    "ellipses",  # each three full stops, each "…"
    "spaced_han",  # Han characters with white space on both sides
    "sentences",  # ends of sentences
    "tokens",  # runs without white space
    "alpha_tokens",  # of them with a letter
)
LINES = (
    "breaks",
    "lines",
    "line_chars",
    "longest_line",
    "short_lines",  # at most 30 wide, a Han character or kana being 3 wide
    "bullet_lines",
    "ellipsis_lines",
    "terminal_lines",  # end a sentence
    "wrapped_lines",  # of 40 characters and more that go on, in lower case, on the next line
    "comment_lines",  # open like a comment of a programming language
    "duplicate_lines",
    "duplicate_line_chars",
    "paragraphs",
    "duplicate_paragraphs",
    "duplicate_paragraph_chars",
)
WORDS = (
    "words",
    "word_chars",
    "alpha_words",
    "unique_words",
    "longest_word",
    "long_word_chars",  # in words of 64 characters and more
)
GRAMS = (
    "top_2_gram_chars",
    "top_3_gram_chars",
    "top_4_gram_chars",
    "duplicate_5_gram_chars",
    "duplicate_6_gram_chars",
    "duplicate_7_gram_chars",
    "duplicate_8_gram_chars",
    "duplicate_9_gram_chars",
    "duplicate_10_gram_chars",
)
COLUMNS = (
    *CHARACTERS,
    *LINES,
    *WORDS,
    *GRAMS,
    *(f"stop_words_{language}" for language in STOP_WORDS),
    *(f"phrase_{group}" for group in PHRASES),
)
