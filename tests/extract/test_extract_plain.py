"""Plain text is normalised as its definition says, whatever its bytes are."""

from hypothesis import given, settings
from hypothesis import strategies as st

from corpusforge.extract.plain import normalise

STRANGE = st.characters(codec=None, exclude_categories=())


def twin(text: str) -> str:
    kept = []
    text = text.removeprefix("\ufeff").replace("\r\n", "\n")
    for c in text:
        if c in "\r\v\f\x85":
            kept.append("\n")
        elif not (
            c < "\t" or "\x0e" <= c < " " or "\x7f" <= c <= "\x9f" or "\ud800" <= c <= "\udfff"
        ):
            kept.append(c)
    return "".join(kept)


@settings(max_examples=600, deadline=None)
@given(
    st.text(
        alphabet=st.one_of(
            STRANGE, st.sampled_from("a\n\t\r\v\f\x85\x00\x7f\xa0\xe9中\ud800í👋\ufeff")
        )
    )
)
def test_normalise_agrees_with_the_twin(text):
    assert normalise(text) == twin(text)


def test_each_single_odd_character():
    for point in (*range(0x100), 0xD7FF, 0xD800, 0xDFFF, 0xE000, 0xFEFF, 0x1F44B):
        assert normalise(f"a{chr(point)}b") == twin(f"a{chr(point)}b")
