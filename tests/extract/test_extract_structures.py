"""Tables, lists and code of generated pages: whole or gone, every row, cell and line accounted for.

Each page is drawn from a fixed seed, and the lines expected are made from the drawn values, never by
reading the page again. A cut row is worse than a lost one: figures under another name are false data.
"""

from __future__ import annotations

import random

import pytest

from corpusforge.errors import RecipeError
from corpusforge.extract import Extracted, Settings, extract
from corpusforge.extract.html import main_text
from corpusforge.records import RawDocument

NAMES = [
    "Ada",
    "Berta",
    "Carl",
    "Dora",
    "Emil",
    "Frida",
    "Gustav",
    "Hanna",
    "Ivo",
    "Jana",
    "Karl",
    "Lena",
]
LAST = ["Holm", "Brook", "Stein", "Vale", "Marsh", "Ford", "Hale", "Lund", "Reed", "Thorn"]
THINGS = [
    "basin",
    "gauge",
    "ladder",
    "bridge",
    "window",
    "harvest",
    "ledger",
    "lantern",
    "engine",
    "orchard",
]
VERBS = ["measured", "carried", "painted", "counted", "repaired", "followed", "described", "lifted"]
HEADS = ["Place", "Name", "Points", "Goals", "Year", "Weight", "Price", "Depth", "Colour", "Note"]


def sentence(draw: random.Random) -> str:
    return (
        f"The {draw.choice(THINGS)} was {draw.choice(VERBS)} by {draw.choice(NAMES)} before dawn, and the "
        f"{draw.choice(THINGS)} near the weir was {draw.choice(VERBS)} {draw.randint(2, 90)} times that year."
    )


def paragraph(draw: random.Random, sentences: int = 3) -> str:
    return " ".join(sentence(draw) for _ in range(sentences))


def shell(body: str, title: str) -> str:
    return (
        f'<!doctype html><html><head><meta charset="utf-8"><title>{title}</title></head><body><header>'
        '<a href="/">Home</a> <a href="/about">About</a> <a href="/shop">Shop</a></header><main><article>'
        f"<h1>{title}</h1>{body}</article></main><footer><p>Imprint and privacy</p></footer></body></html>"
    )


def around(draw: random.Random, body: str, place: str) -> str:
    """Put a structure behind one short line, between paragraphs, or alone under the title."""
    if place == "short":
        body = f"<p>Standings of the {draw.choice(THINGS)} league.</p>{body}"
    elif place == "paragraphs":
        body = "".join(f"<p>{paragraph(draw)}</p>" for _ in range(3)) + body
        body += f"<p>{paragraph(draw)}</p>" if draw.random() < 0.5 else ""
    return shell(body, f"Report of the {draw.choice(THINGS)} and {draw.choice(THINGS)}")


def lines_of(page: str) -> list[str]:
    return [" ".join(line.split()) for line in main_text(page.encode()).text.split("\n")]


def number(draw: random.Random) -> str:
    return str(draw.choice((draw.randint(1, 99), draw.randint(100, 9999), draw.random() * 50)))[:6]


def words(draw: random.Random, most: int) -> str:
    return " ".join(draw.choice(THINGS + VERBS + NAMES) for _ in range(draw.randint(1, most)))


def table(draw: random.Random, kind: str) -> tuple[str, list[list[str]]]:
    """Return a table's markup and its rows as lists of fields."""
    columns = draw.randint(2, 6)
    rows = [[HEADS[n] for n in range(columns)]]
    for place in range(draw.randint(3, 14)):
        name = f"{draw.choice(NAMES)} {draw.choice(LAST)} {place}"
        cells = [number(draw) if kind == "numbers" else words(draw, 8) for _ in range(columns - 1)]
        rows.append([name, *cells])
    head = "th" if draw.random() < 0.7 else "td"
    section = draw.random() < 0.5
    wrap = draw.choice(("{}", "<p>{}</p>", "<div>{}</div>", "<span>{}</span>", "<b>{}</b>"))
    made = []
    for row, cells in enumerate(rows):
        tag = head if row == 0 else "td"
        made.append("<tr>" + "".join(f"<{tag}>{wrap.format(c)}</{tag}>" for c in cells) + "</tr>")
    body = "".join(made)
    if section:
        body = f"<thead>{made[0]}</thead><tbody>{''.join(made[1:])}</tbody>"
    return f"<table>{body}</table>", rows


@pytest.mark.parametrize("kind", ["numbers", "words"])
@pytest.mark.parametrize("place", ["short", "paragraphs", "alone"])
def test_no_row_of_a_data_table_is_cut_and_none_in_an_article_is_lost(kind, place):
    draw = random.Random(f"{kind} {place}")
    cut = lost = 0
    for _ in range(60):
        markup, rows = table(draw, kind)
        found = lines_of(around(draw, markup, place))
        whole = [" | ".join(row) for row in rows]
        lost += sum(line not in found for line in whole)
        fields = {field for row in rows for field in row if len(field) > 2}
        cut += sum(line not in whole and line in fields for line in found)
    assert (cut, lost) == (0, 0)


@pytest.mark.parametrize("place", ["short", "paragraphs"])
def test_every_row_keeps_its_number_of_fields(place):
    """Empty cells, spans and lists in cells: a value never stands under another heading."""
    draw = random.Random(place)
    for _ in range(60):
        columns, count = draw.randint(3, 5), draw.randint(3, 9)
        grid = [
            [f"{phrase(draw)} {row}{column}" for column in range(columns)] for row in range(count)
        ]
        marks = [[f"<td>{cell}</td>" for cell in row] for row in grid]
        for _ in range(draw.randint(1, 4)):
            row, column = draw.randrange(1, count), draw.randrange(columns - 1)
            what = draw.choice(
                ("empty", "nbsp", "image", "paragraph", "colspan", "rowspan", "list")
            )
            if not all(
                "span" not in mark and mark for line in marks[row - 1 : row + 2] for mark in line
            ):
                continue
            empty = {"empty": "", "nbsp": "&nbsp;", "image": "<img src=x>", "paragraph": "<p></p>"}
            if what in empty:
                grid[row][column], marks[row][column] = "", f"<td>{empty[what]}</td>"
            elif what == "colspan":
                marks[row][column] = f"<td colspan=2>{grid[row][column]}</td>"
                grid[row][column + 1] = marks[row][column + 1] = ""
            elif what == "rowspan" and row + 1 < count:
                marks[row][column] = f"<td rowspan=2>{grid[row][column]}</td>"
                grid[row + 1][column] = marks[row + 1][column] = ""
            elif what == "list":
                first, second = phrase(draw), phrase(draw)
                grid[row][column] = f"{first}; {second}"
                marks[row][column] = f"<td><ul><li>{first}</li><li>{second}</li></ul></td>"
        head = "".join(f"<th>{HEADS[n]}</th>" for n in range(columns))
        body = "".join(f"<tr>{''.join(line)}</tr>" for line in marks)
        page = around(draw, f"<table><tr>{head}</tr>{body}</table>", place)
        found = main_text(page.encode()).text.split("\n")
        start = found.index(" | ".join(HEADS[:columns]))
        for row, line in zip(grid, found[start + 1 :], strict=False):
            assert [" ".join(field.split()) for field in line.split("|")] == row


def listed(draw: random.Random, kind: str) -> tuple[str, list[str]]:
    count = draw.randint(3, 12)
    if kind == "ingredients":
        items = [f"{draw.randint(1, 500)} g {draw.choice(THINGS)} {n}" for n in range(count)]
    elif kind == "bullets":
        items = [f"{words(draw, 5)} {n}" for n in range(count)]
    else:
        items = [f"{sentence(draw)[:-1]} {n}." for n in range(count)]
    wrap = draw.choice(
        ("<li>{}</li>", "<li><p>{}</p></li>", "<li><span>{}</span></li>", "<li> {}\n")
    )
    tag = draw.choice(("ul", "ol"))
    return f"<{tag}>{''.join(map(wrap.format, items))}</{tag}>", items


@pytest.mark.parametrize("kind", ["ingredients", "bullets", "stories"])
@pytest.mark.parametrize("place", ["short", "paragraphs"])
def test_a_list_of_an_article_stays_whole_under_its_heading(kind, place):
    draw = random.Random(f"{kind} {place}")
    lost, heads = 0, 0
    for number_of in range(40):
        markup, items = listed(draw, kind)
        head = f"Needed {number_of}"
        found = lines_of(around(draw, f"<h2>{head}</h2>{markup}", place))
        lost += sum(f"- {item}" not in found for item in items)
        heads += head not in found
    assert (lost, heads) == (0, 0)


def code(draw: random.Random) -> list[str]:
    """Return lines of a made program, indented, no two alike."""
    lines = [f"def {draw.choice(VERBS)}_{draw.choice(THINGS)}(value, limit):"]
    for n in range(draw.randint(2, 12)):
        step = draw.choice(THINGS)
        lines += [f"    if value[{n}] > limit:", f"        {step}_{n} = value[{n}] + {n}"]
    return [*lines, f"    return {draw.choice(THINGS)}_0"]


def numbered(lines: list[str]) -> str:
    return "\n".join(str(n) for n in range(1, len(lines) + 1))


CODE = {
    "pre": lambda s: f"<pre>{chr(10).join(s)}</pre>",
    "pre code": lambda s: f"<pre><code>{chr(10).join(s)}</code></pre>",
    "pre br": lambda s: f"<pre>{'<br>'.join(s)}</pre>",
    "pre divs": lambda s: "<pre>" + "".join(f"<div class='line'>{x}</div>" for x in s) + "</pre>",
    "pre divs and feeds": lambda s: "<pre>" + "\n".join(f"<div>{x}</div>" for x in s) + "</pre>",
    "pre items": lambda s: "<pre><ol>" + "".join(f"<li>{x}</li>" for x in s) + "</ol></pre>",
    "pre blocks": lambda s: "<pre><code>"
    + "".join(f"<span style='display: block'>{x}</span>" for x in s)
    + "</code></pre>",
    "line numbers": lambda s: "<table class='highlighttable'><tr>"
    f"<td class='linenos'><pre>{numbered(s)}</pre></td><td class='code'>"
    f"<pre>{chr(10).join(s)}</pre></td></tr></table>",
    "row per line": lambda s: "<table>"
    + "".join(
        f"<tr><td class='blob-num' data-line-number='{n}'></td>"
        f"<td class='blob-code' style='white-space: pre'>{x}</td></tr>"
        for n, x in enumerate(s, 1)
    )
    + "</table>",
    "row with number": lambda s: "<table>"
    + "".join(f"<tr><td>{n}</td><td><pre>{x}</pre></td></tr>" for n, x in enumerate(s, 1))
    + "</table>",
    "pre per line": lambda s: "<div class='code'>" + "".join(f"<pre>{x}</pre>" for x in s) + "</div>",
    "style pre": lambda s: f"<div style='white-space:pre'>{chr(10).join(s)}</div>",
    "code block": lambda s: f"<code style='display:block;white-space:pre-wrap'>{chr(10).join(s)}</code>",
    "code br": lambda s: "<div><code>"
    + "<br>".join(x.replace("    ", "&nbsp;" * 4) for x in s)
    + "</code></div>",
    "textarea": lambda s: f"<textarea rows='9'>{chr(10).join(s)}</textarea>",
    "number spans": lambda s: "<pre>"
    + "\n".join(f"<span class='lineno'>{n:3} </span>{x}" for n, x in enumerate(s, 1))
    + "</pre>",
}  # fmt: skip


@pytest.mark.parametrize("place", ["short", "paragraphs", "alone"])
@pytest.mark.parametrize("shape", sorted(CODE))
def test_code_keeps_its_lines_and_indents_and_the_page_its_title(shape, place):
    draw = random.Random(f"{shape} {place}")
    for _ in range(12):
        lines = code(draw)
        escaped = [line.replace(">", "&gt;") for line in lines]
        page = around(draw, CODE[shape](escaped), place)
        text = main_text(page.encode()).text
        assert "\n".join(lines) in text
        if place != "paragraphs":
            title = page.split("<h1>")[1].split("</h1>")[0]
            assert title in text.split("\n")


def test_two_blocks_of_code_stay_two():
    draw = random.Random(7)
    first, second = "\n".join(code(draw)), "\n".join(code(draw))
    page = shell(f"<p>{paragraph(draw)}</p><div><pre>{first}</pre><pre>{second}</pre></div>", "Two")
    assert f"{first}\n\n{second}" in main_text(page.encode()).text


def test_a_layout_table_is_no_data_table():
    """Old pages stand in tables: menu and text are judged apart, and no bar stands between them."""
    draw = random.Random(8)
    menu = "".join(f"<a href='/{n}'>Menu {n}</a><br>" for n in range(9))
    body = "".join(f"<p>{paragraph(draw)}</p>" for _ in range(4))
    page = f"<body><table><tr><td width=150>{menu}</td><td>{body}</td></tr></table></body>"
    text = main_text(page.encode()).text
    assert "Menu 3" not in text
    assert " | " not in text
    assert text.count("\n\n") == 3


@pytest.mark.parametrize("comments", [5, 12])
def test_comments_under_an_article_go(comments):
    draw = random.Random(comments)
    for mark in ("<div class='entry'><b>user{n}</b><p>{text}</p></div>",
                 "<li><a href='/u{n}'>user{n}</a> <span>2 days ago</span>"
                 "<div>{text}</div></li>"):  # fmt: skip
        told = [sentence(draw) for _ in range(comments)]
        rows = "".join(mark.format(n=n, text=text) for n, text in enumerate(told))
        main = [paragraph(draw) for _ in range(3)]
        body = "".join(f"<p>{text}</p>" for text in main)
        page = (
            f"<body><article><h1>The basin</h1>{body}</article><div id='below'>{rows}</div></body>"
        )
        text = main_text(page.encode()).text
        assert all(part in text for part in main)
        assert not any(part in text for part in told)


def test_headings_and_bold_leads_stay_with_what_they_head():
    draw = random.Random(9)
    for shape in ("<h2>{}</h2>", "<h4>{}</h4>", "<p><b>{}</b></p>", "<p><strong>{}</strong></p>"):
        parts = [(f"Part {n} {phrase(draw)}", paragraph(draw)) for n in range(4)]
        body = "".join(shape.format(head) + f"<p>{text}</p>" for head, text in parts)
        found = lines_of(shell(f"<p><b>{sentence(draw)}</b></p>{body}", "Heads"))
        for head, text in parts:
            assert found[found.index(" ".join(head.split())) + 2] == text


POSTS = {
    "twitter-tweet": "We saw it all from the weir. #flood",
    "instagram-media": "昨夜的洪水淹没了老磨坊，今晨水已退去。",
    "mastodon-embed": "Thanks!",
    "": "It rained, and then it rained again.",
}


@pytest.mark.parametrize("name", POSTS)
@pytest.mark.parametrize("place", ["between", "last"])
def test_posts_quoted_in_an_article_stay_whole_with_their_authors(name, place):
    draw = random.Random(f"post {name} {place}")
    wanted, body = [], f"<p>{paragraph(draw)}</p>"
    for number, author in enumerate(("Ada Holm (@ada)", "Emil (@emil_b)", "Ivo Stein (@ivo)")):
        address = f"https://post.example/a{number}"
        body += (
            f'<div class="social embed share"><blockquote class="{name}" data-lang="en"><p lang="en">'
            f"{POSTS[name]} "
            f'<a href="{address}">{address}</a></p>&mdash; {author} <a href="{address}">May 3, 2019</a>'
            '</blockquote></div><script async src="widgets.js"></script>'
        )
        wanted += [f"{POSTS[name]} {address}", f"— {author} May 3, 2019"]
        if number < 2 or place == "between":
            body += f"<p>{sentence(draw)}</p>"
    lines = lines_of(shell(body, "The flood at the weir"))
    assert [line for line in lines if line in wanted] == wanted


def test_a_quotation_among_what_is_dropped_is_dropped():
    said = "Great deals on lanterns this week only, order today!"
    ads = (
        '<div class="footer ads"><ul><li><a href="/a">Ads</a></li></ul><blockquote class="twitter-tweet">'
        f'<p>{said}</p></blockquote><a href="/b">More</a></div></body>'
    )
    page = shell(f"<p>{paragraph(random.Random(5))}</p>", "A title of words")
    assert said not in lines_of(page.replace("</body>", ads))


SIGNS = ["¶", "#", "§", "🔗", "\uf0c1", "&para;", "&#182;", "&#xb6;", "&sect;"]
HEADINGS = {
    "contents": '<h2 id="s"><a class="toc-backref" href="#id3">{title}</a>{sign}</h2>',
    "itself": '<h3 id="s"><span><a href="#s">{title}</a></span>{sign}</h3>',
    "opens": '<h4><a data-toggle="collapse" href="#answer">{title}</a>{sign}</h4>',
    "plain": '<h2 id="s">{title}{sign}</h2>',
    "before": '<h2 id="s">{sign}{title}</h2>',
}


@pytest.mark.parametrize("shape", HEADINGS)
@pytest.mark.parametrize("markup", ["text", "markdown"])
def test_headings_that_link_to_their_own_page_stay_without_the_sign(shape, markup):
    for sign in SIGNS:
        draw = random.Random(f"own {shape} {sign}")
        title = "How the ledger was repaired"
        link = f'<a class="headerlink" href="#s" title="Permalink">{sign}</a>'
        heading = HEADINGS[shape].format(title=title, sign=link)
        page = shell(f"<p>{paragraph(draw)}</p>{heading}<p>{paragraph(draw)}</p>", "The mill")
        settings = Settings(markup=markup, markup_links=markup == "markdown")
        found = extract(RawDocument("a", page.encode(), "html"), settings)
        level = int(heading[2]) * "#" + " " if markup == "markdown" else ""
        assert level + title in found.text.split("\n"), sign


def test_a_short_text_that_links_to_its_own_page_is_no_sign():
    titles = ["§ 5", "序", "C#", "A"]
    body = "".join(
        f'<h3 id="p{n}"><a href="#p{n}">{title}</a></h3><p>{paragraph(random.Random(n))}</p>'
        for n, title in enumerate(titles)
    )
    lines = lines_of(shell(body, "The law of the mill"))
    assert [line for line in lines if line in titles] == titles


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("<p>He said <q>go on</q> twice.</p>", "He said “go on” twice."),
        ("<p>a <q>b <q>c</q> d</q></p>", "a “b ‘c’ d”"),
        ("<p>a “<q>b</q>” c</p>", "a “b” c"),
    ],
)
def test_a_short_quotation_keeps_its_marks(source, expected):
    assert main_text(source.encode()).text == expected


def test_markdown_marks_what_the_text_holds():
    """The expected page is written by hand from CommonMark and GitHub's tables."""
    draw = random.Random(3)
    lead, end = paragraph(draw), paragraph(draw)
    body = (
        f"<p>{lead}</p><h2>Marks</h2><table><tr><th>Place</th><th>Low</th></tr><tr><td>North</td>"
        "<td></td></tr><tr><td>South</td><td>4</td></tr></table><h3>Steps of it</h3><ol><li>Walk up the "
        "hill</li><li>Read it<ul><li>twice in a row</li></ul></li></ol>"
        f"<pre><code>if x:\n    y = 1\n</code></pre><p>{end}</p>"
    )
    page = shell(body, "The north basin")
    expected = (
        f"# The north basin\n\n{lead}\n\n## Marks\n\n| Place | Low |\n| --- | --- |\n| North |  |\n"
        "| South | 4 |\n\n### Steps of it\n\n1. Walk up the hill\n1. Read it\n   - twice in a row\n\n"
        "```\nif x:\n    y = 1\n```"
        f"\n\n{end}"
    )
    row = extract(RawDocument("a", page, "html"), Settings(markup="markdown"))
    assert isinstance(row, Extracted)
    assert row.text == expected


ADDRESSES = {
    "https://a.example/x": "https://a.example/x",
    "/top?a=1&amp;copy=2&copy=3": "https://site.example/top?a=1&copy=2&copy=3",
    "next%20page.html": "https://site.example/folder/next%20page.html",
    "two words (2).html": "https://site.example/folder/two%20words%20%282%29.html",
    "//other.example/a|b": "https://other.example/a%7Cb",
    "../up.html#part": "https://site.example/up.html#part",
    "  \n/blank\n ": "https://site.example/blank",
    "?page=2": "https://site.example/folder/page.html?page=2",
    "/größe": "https://site.example/größe",
    "&#x2F;by&#47;number": "https://site.example/by/number",
    "#part": "",
    "": "",
    "javascript:go(1)": "",
    "data:text/html,a": "",
    "mailto:a@b.example": "",
    "http://[half": "",
}
"""Addresses on a page at https://site.example/folder/page.html, resolved by hand as RFC 3986, section 5.2,
says; what Markdown takes for an end is percent-encoded; "" where there is no use of them outside."""


def phrase(draw: random.Random) -> str:
    return f"the {draw.choice(THINGS)} of {draw.choice(NAMES)}"


def links_of(text: str) -> list[tuple[str, str]]:
    """Return (text, address) of each link as a Markdown parser of others reads them."""
    parser = pytest.importorskip("markdown_it").MarkdownIt().enable("table")
    parser.normalizeLink = str
    found = []
    for block in parser.parse(text):
        open_at = None
        for place, token in enumerate(block.children or ()):
            if token.type == "link_open":
                open_at = place
            elif token.type == "link_close":
                inner = block.children[open_at + 1 : place]
                text = "".join(part.content or "\n" for part in inner)
                found.append((text, block.children[open_at].attrs["href"]))
    return found


@pytest.mark.parametrize("shape", ["<p>{}</p>", "<h3>{}</h3>", "<ul><li>{}</li></ul>", "table"])
def test_links_in_markdown(shape):
    """Every address in every structure, read back by a Markdown parser."""
    draw = random.Random(4)
    row = f"<tr><th>Place</th><th>Link</th></tr><tr><td>{phrase(draw)}</td><td>{{}}</td></tr>"
    shape = f"<table>{row}<tr><td>one</td><td>two</td></tr></table>" if shape == "table" else shape
    for href, address in ADDRESSES.items():
        name = f"{phrase(draw)} [1] <b>{draw.choice(THINGS)}</b>"
        piece = shape.format(f'{phrase(draw)} <a class=x href="{href}">{name}</a>, {phrase(draw)}.')
        body = f"<p>{paragraph(draw)}</p>{piece}<p>{paragraph(draw)}</p>"
        url = "https://site.example/folder/page.html"
        page = RawDocument("a", shell(body, "The north basin"), "html", url=url)
        found = extract(page, Settings(markup="markdown", markup_links=True))
        plain = extract(page, Settings(markup="markdown"))
        name = name.replace("<b>", "").replace("</b>", "")
        assert links_of(found.text) == ([(name, address)] if address else []), href
        assert found.text.replace(f"[{name}]({address})", name) == plain.text


def test_links_of_other_shapes():
    """A link around several blocks stands on the first; brackets, <base> and a page without address."""
    draw = random.Random(5)
    lead, second, end = (paragraph(draw) for _ in range(3))
    body = (
        f'<a href="/a"><p>{lead}</p><p>{second}</p></a><p>See <code><a href="i"><br>below</a></code> '
        '<a href="b">this ] one</a> <a href="c">and</a>'
        f'<a href="d"> that</a><a href="e"><img src="x.png"></a>. {end} <a href="f" href="g">Last</a></p>'
        '<pre><a href="h">code = 1\nmore = 2</a></pre>'
    )
    expected = (
        f"[{lead}]({{0}}/a)\n\n{second}\n\nSee\n[below]({{1}}i) [this \\] one]({{1}}b) "
        f"[and]({{1}}c) [that]({{1}}d). {end} "
        "[Last]({1}f)\n\n```\ncode = 1\nmore = 2\n```"
    )
    base = '<base href="/deep/"><base href="/not/">'
    for url, head, top, folder in (
        ("https://s.example/x/y", "", "https://s.example", "https://s.example/x/"),
        ("https://s.example/x/y", base, "https://s.example", "https://s.example/deep/"),
        ("", "", "", ""),
    ):
        page = shell(body, "").replace("<head>", "<head>" + head)
        row = extract(
            RawDocument("a", page, "html", url=url), Settings(markup="markdown", markup_links=True)
        )
        assert expected.format(top, folder) in row.text


def test_links_need_markdown():
    with pytest.raises(RecipeError, match=r"set extract\.markup to 'markdown'"):
        Settings(markup_links=True)
