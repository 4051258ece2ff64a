"""Numbers and formulas as text: every expected value was written by hand, as a reader would type it."""

from __future__ import annotations

import pytest

from corpusforge.extract import formula
from corpusforge.extract.mathml import linear

MATH = "<math xmlns='http://www.w3.org/1998/Math/MathML'{}>{}</math>"


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("\\frac{a}{b}", "$\\frac{a}{b}$"),
        ("  a\n +  b ", "$a + b$"),
        ("{\\displaystyle a^{2}}", "$a^{2}$"),
        ("{\\textstyle {\\frac {a}{b}}}", "${\\frac {a}{b}}$"),
        ("\\displaystyle x", "$x$"),
        ("{\\displaystyle a}+{b}", "${\\displaystyle a}+{b}$"),
        ("$x$", "$x$"),
        ("$$x$$", "$$x$$"),
        ("\\(x\\)", "$x$"),
        ("\\[x\\]", "$$x$$"),
        ("$x$ and $y$", "$x$ and $y$"),
        ("a % a remark\n b", "$a b$"),
        ("50\\% of x", "$50\\% of x$"),
        ("", ""),
        ("  ", ""),
    ],
)
def test_tex_stands_between_dollars_once(source, text):
    assert formula.tex(source) == text


def test_a_displayed_formula_has_two_dollars():
    assert formula.tex("x", display=True) == "$$x$$"
    assert formula.tex("$x$", display=True) == "$$x$$"


@pytest.mark.parametrize(
    ("inside", "text"),
    [
        ("<mfrac><mi>a</mi><mrow><mi>b</mi><mo>+</mo><mn>1</mn></mrow></mfrac>", "a/(b+1)"),
        ("<mfrac><mrow><mi>a</mi><mo>-</mo><mi>c</mi></mrow><mn>2</mn></mfrac>", "(a-c)/2"),
        ("<mn>2</mn><mfrac><mn>1</mn><mn>2</mn></mfrac>", "2 1/2"),
        ("<mfrac><mfrac><mn>1</mn><mn>2</mn></mfrac><mn>3</mn></mfrac>", "(1/2)/3"),
        ("<msup><mi>x</mi><mn>2</mn></msup>", "x^2"),
        ("<msup><mn>10</mn><mrow><mo>−</mo><mn>7</mn></mrow></msup>", "10^{-7}"),
        ("<msup><mrow><mo>(</mo><mi>a</mi><mo>+</mo><mi>b</mi><mo>)</mo></mrow><mn>2</mn></msup>",
         "(a+b)^2"),
        ("<msup><mrow><mi>a</mi><mo>+</mo><mi>b</mi></mrow><mn>2</mn></msup>", "(a+b)^2"),
        ("<msup><mrow><mo>(</mo><mi>a</mi><mo>)</mo><mo>+</mo><mo>(</mo><mi>b</mi><mo>)</mo></mrow>"
         "<mn>2</mn></msup>", "((a)+(b))^2"),
        ("<msub><mi>x</mi><mi>i</mi></msub>", "x_i"),
        ("<msub><mi>a</mi><mrow><mi>i</mi><mi>j</mi></mrow></msub>", "a_{ij}"),
        ("<msubsup><mi>x</mi><mi>i</mi><mn>2</mn></msubsup>", "x_i^2"),
        ("<munderover><mo>∑</mo><mrow><mi>i</mi><mo>=</mo><mn>1</mn></mrow><mi>n</mi></munderover>"
         "<mi>i</mi>", "∑_{i=1}^n i"),
        ("<munder><mi>lim</mi><mrow><mi>x</mi><mo>→</mo><mn>0</mn></mrow></munder><mi>f</mi>",
         "lim_{x→0} f"),
        ("<msqrt><mi>x</mi></msqrt>", "√x"),
        ("<msqrt><mi>x</mi><mo>+</mo><mn>1</mn></msqrt>", "√(x+1)"),
        ("<mroot><mi>x</mi><mn>3</mn></mroot>", "x^{1/3}"),
        ("<mroot><mrow><mi>x</mi><mi>y</mi></mrow><mn>3</mn></mroot>", "(xy)^{1/3}"),
        ("<mover><mi>x</mi><mo>¯</mo></mover>", "x̄"),
        ("<mover accent='true'><mi>v</mi><mo>→</mo></mover>", "v⃗"),
        ("<mfenced><mi>a</mi><mi>b</mi></mfenced>", "(a,b)"),
        ("<mfenced open='[' close=')' separators=';'><mi>a</mi><mi>b</mi></mfenced>", "[a;b)"),
        ("<mi>sin</mi><mo>&#x2061;</mo><mi>x</mi>", "sin x"),
        ("<mn>2</mn><mo>&#x2062;</mo><mi>x</mi>", "2x"),
        ("<mn>2</mn><mo>&InvisibleTimes;</mo><mn>3</mn>", "2·3"),
        ("<mn>2</mn><mn>3</mn>", "2 3"),
        ("<mi>a</mi><mo>&lt;</mo><mi>b</mi>", "a<b"),
        ("<mi>x</mi><mtext> if </mtext><mi>y</mi>", "x if y"),
        ("<mo>[</mo><mtable><mtr><mtd><mi>a</mi></mtd><mtd><mi>b</mi></mtd></mtr>"
         "<mtr><mtd><mi>c</mi></mtd><mtd><mi>d</mi></mtd></mtr></mtable><mo>]</mo>", "[a, b; c, d]"),
        ("<mmultiscripts><mi>C</mi><mprescripts/><mn>6</mn><mn>14</mn></mmultiscripts>",
         "_6^14C"),
        ("<mmultiscripts><mi>F</mi><mn>1</mn><none/></mmultiscripts>", "F_1"),
        ("<mphantom><mi>x</mi></mphantom><mi>y</mi>", "y"),
        ("<semantics><mi>x</mi><annotation>junk</annotation></semantics>", "x"),
        ("<MSUP><MI>x</MI><MN>2</MN></MSUP>", "x^2"),
        ("<m:msup><m:mi>x</m:mi><m:mn>2</m:mn></m:msup>", "x^2"),
        ("<mi>x", "x"),
        ("</mrow><mi>x</mi></mfrac>", "x"),
        ("<mfrac><mi>a</mi></mfrac>", "a"),
        ("", ""),
    ],
)  # fmt: skip
def test_mathml_without_its_source_is_written_in_a_line(inside, text):
    assert linear(MATH.format("", inside)) == text


def test_mathml_as_deep_as_a_page_likes_ends():
    deep = "<msqrt>" * 50_000 + "<mi>x</mi>" + "</msqrt>" * 50_000
    assert "x" in linear(MATH.format("", deep))


X_TEX = "<annotation encoding='application/x-tex'>a &lt; b</annotation>"


@pytest.mark.parametrize(
    ("math", "text"),
    [
        (MATH.format("", f"<semantics><mi>q</mi>{X_TEX}</semantics>"), "$a < b$"),
        (MATH.format(" display='block'", f"<semantics><mi>q</mi>{X_TEX}</semantics>"), "$$a < b$$"),
        (MATH.format(' alttext="a &gt; b"', "<mi>q</mi>"), "$a > b$"),
        (MATH.format(' alttext="a > b"', "<mi>q</mi>"), "$a > b$"),
        (MATH.format(' alttext="q squared over two"', "<mi>q</mi>"), "q"),
        (MATH.format("", "<semantics><mi>q</mi><annotation encoding='LaTeX'>q</annotation></semantics>"),
         "$q$"),
        (MATH.format("", "<mi>q</mi><annotation encoding='text/plain'>no</annotation>"), "q"),
    ],
)  # fmt: skip
def test_the_source_of_a_formula_comes_before_its_marks(math, text):
    assert formula.mathml(math.encode()) == text


@pytest.mark.parametrize(
    ("before", "body", "after", "text"),
    [
        ("10", "6", " litres", "^6"),
        ("10", "−7", " g", "^{-7}"),
        ("10", "–7", " g", "^{-7}"),
        ("2", "10", " drops", "^10"),
        ("2", "10", "3", "^{10}"),
        ("x", "2", " + y", "^2"),
        ("(a+b)", "2", "", "^2"),
        ("|z|", "2", "", "^2"),
        ("5 m", "2", " of ice", "^2"),
        ("8 km", "2", "", "^2"),
        ("s", "−1", "", "^{-1}"),
        ("2", "n", " sets", "^n"),
        ("e", "n+1", "", "^{n+1}"),
        ("e", "iπ", "", "^{iπ}"),
        ("x", "1/2", "", "^{1/2}"),
        ("Na", "+", " ions", "^+"),
        ("SO4", "2−", "", "^{2-}"),
        ("the 3", "rd", " reading", "rd"),
        ("1", "st", "", "st"),
        ("le 1", "er", " mai", "er"),
        ("le XX", "e", " siècle", "e"),
        ("2", "e", "", "e"),
        ("el 1", "o", " de mayo", "o"),
        ("la 2", "a", " parte", "a"),
        ("M", "me", " Curie", "me"),
        ("n", "o", " 5", "o"),
        ("D", "r", " No", "r"),
        ("20 ", "o", "C today", "°"),
        ("20", "o", "C today", "°"),
        ("Brand", "TM", "", "™"),
        ("Brand", "®", "", "®"),
        ("a word", "3", " more", "[3]"),
        ("a word.", "3", " More", "[3]"),
        ("a word", "1,2", " more", "[1,2]"),
        ("Smith", "*", ",", "*"),
        ("", "14", "C dating", "^14"),
        ("of ", "238", "U is", "^238"),
        ("", "1", "Department of", "1 "),
        ("", "1", " Department of", "1"),
        ("x", "", "", ""),
        ("f", "(n)", "(x)", "^{(n)}"),
        ("results", "a,b", " show", "[a,b]"),
        ("水", "2", "面", "[2]"),
        ("10", "6", "人", "^6"),
    ],
)
def test_superscripts(before, body, after, text):
    assert formula.superscript(before, body, after) == text


@pytest.mark.parametrize(
    ("before", "body", "after", "text"),
    [
        ("101", "2", " marks", "_2"),
        ("101", "10", "", "_10"),
        ("H", "2", "O", "2"),
        ("CO", "2", "", "2"),
        ("log", "2", "8", "_{2}"),
        ("log", "2", " 8", "2"),
        ("x", "i", "", "_i"),
        ("a", "n+1", "", "_{n+1}"),
        ("V", "max", "", "_{max}"),
        ("3", "−1", "", "_{-1}"),
        (")", "2", "", "2"),
        ("", "2", "x", "2"),
        ("x", "", "", ""),
    ],
)
def test_subscripts(before, body, after, text):
    assert formula.subscript(before, body, after) == text


KATEX = (
    '<span class="katex-display"><span class="katex"><span class="katex-mathml">'
    + MATH.format("", f"<semantics><mi>q</mi>{X_TEX}</semantics>")
    + '</span><span class="katex-html" aria-hidden="true"><span>a</span>b</span></span></span>'
)
WIKI = (
    '<span class="mwe-math-element"><span class="mwe-math-mathml-inline" style="display: none;">'
    + MATH.format(' alttext="{\\displaystyle a^{2}}"', "<mi>a</mi>")
    + '</span><img class="mwe-math-fallback-image-inline" alt="{\\displaystyle a^{2}}"></span>'
)
MATHJAX2 = (
    '<span class="MathJax_Preview">a2</span><span class="MathJax"><nobr><span class="math">a2</span>'
    "</nobr></span><script type='math/tex' id='x'>a^2 < b</script>"
)
MATHJAX3 = (
    '<mjx-container jax="CHTML"><mjx-math aria-hidden="true"><mjx-mi>a2</mjx-mi></mjx-math>'
    "<mjx-assistive-mml>"
    + MATH.format("", "<msup><mi>a</mi><mn>2</mn></msup>")
    + "</mjx-assistive-mml></mjx-container>"
)


@pytest.mark.parametrize(
    ("html", "written"),
    [
        ("a 10<sup>6</sup> b", "a 10^6 b"),
        ("a 10<SUP>6</SUP> b", "a 10^6 b"),
        ("a <b>10</b><sup>6</sup> b", "a <b>10</b>^6 b"),
        ("1.5&nbsp;&times;&nbsp;10<sup>&minus;7</sup>", "1.5&nbsp;&times;&nbsp;10^{-7}"),
        ("2<sup>1</sup>&frasl;<sub>2</sub> cups", "2 1/2 cups"),
        ("<sup>3</sup>⁄<sub>4</sub> cups", "3/4 cups"),
        ("a <sup>1</sup>/<sub>2</sub> b", "a 1/2 b"),
        ("e<sup>x<sup>2</sup></sup>", "e^{x^2}"),
        ("x<sub>i</sub><sup>2</sup>", "x_i^2"),
        ("H<sub>2</sub>SO<sub>4</sub>", "H2SO4"),
        ("in 1990<sup><a href='#n'>2</a></sup> many", "in 1990 many"),
        ("in 1990<a href='p.html#n'><sup>2</sup></a> many", "in 1990 many"),
        ("two<sup class='reference'><a href='#r'>[1]</a></sup> frogs", "two frogs"),
        ("two<sup id='cite_ref-1'>[1]</sup> frogs", "two frogs"),
        ("two<sup>[1]</sup> frogs", "two[1] frogs"),
        ("x<sup title='power'>2</sup>", "x^2"),
        ("2<sup><a href='/wiki/Ten'>10</a></sup>", "2^10"),
        ("1<sup>st</sup>", "1st"),
        ("<p>a<sup>b<p>c</p></sup>", "<p>a<sup>b<p>c</p></sup>"),
        ("a<sup>2", "a<sup>2"),
        ("a</sup>2", "a</sup>2"),
        ("<ruby>漢字<rp>(</rp><rt>かんじ</rt><rp>)</rp></ruby>を", "漢字を"),
        ("<ruby>漢<rt>かん<rt></ruby>字", "漢字"),
        ("<ruby><rb>漢</rb><rb>字</rb><rt>かん</rt><rt>じ</rt></ruby>", "漢字"),
        ("x " + KATEX + " y", "x $$a &lt; b$$ y"),
        (WIKI, "$a^{2}$"),
        ("x " + MATHJAX2 + " y", "x $a^2 &lt; b$ y"),
        ("<script type='math/tex; mode=display'>x</script>", "$$x$$"),
        ("x " + MATHJAX3 + " y", "x a^2 y"),
        (MATH.format("", "<mi>a</mi><mo>&lt;</mo><mi>b</mi>"), "a&lt;b"),
        ('<img class="latex" src="x" alt="a&lt;b">', "$a&lt;b$"),
        ('<img class="x tex y" alt="a" />', "$a$"),
        ('<img src="https://latex.codecogs.com/gif.latex?%5Cfrac%7Ba%7D%7Bb%7D">',
         "$\\frac{a}{b}$"),
        ('<img class="photo" alt="a mill">', '<img class="photo" alt="a mill">'),
        ('<span data-expr="a^2"><i>a</i>2</span>', "$a^2$"),
        ('<div data-math="a^2"><div>a2</div></div> b', "$$a^2$$ b"),
        ('<p data-math="true">b</p>', '<p data-math="true">b</p>'),
        ("<script>if (a<sup>2) {}</script>", "<script>if (a<sup>2) {}</script>"),
        ("<!-- a<sup>2</sup> -->", "<!-- a<sup>2</sup> -->"),
        ('<a title="10<sup>6</sup>">x</a>', '<a title="10<sup>6</sup>">x</a>'),
    ],
)  # fmt: skip
def test_pages_are_written_out(html, written):
    assert formula.write_out(html.encode()).decode() == written


@pytest.mark.parametrize(
    "unit",
    ["<sup>", "</sup>", "<sup>1", "<math>", "<span class=katex>", "<ruby>", "<rt>", '<img class="tex',
     "<script type=math/tex>", "<sup>1</sup>", "<img alt='", "<sup><a ", "x<sub>", "<!--", "<mjx-container>",
     '<span data-math="a', "<math><mfrac>", "<sup>1</sup>/<sub>", "&", "<"],
)  # fmt: skip
def test_work_grows_with_the_page_and_no_faster(unit):
    def steps(times: int) -> int:
        """Count the lines that run, as a clock would on a quiet machine."""
        import sys

        seen = 0

        def trace(frame, event, arg):
            nonlocal seen
            seen += 1
            return trace

        page = unit * times
        sys.settrace(trace)
        try:
            formula.write_out(page.encode())
        finally:
            sys.settrace(None)
        return seen

    assert steps(2_000) <= 2.6 * steps(1_000) + 500
