"""Pages of many kinds and languages, made from a seed, each with the text that a reader came for.

The words are the articles of the declaration of human rights (shared data), in twelve languages; the
mark-up, class names and furniture (menus, cards, comments, appeals, notices) are drawn anew for each
page. They train the extractor on what its real pages hold too little of, and other seeds measure it by
kind (`benchmarks.extract_kinds`). Made pages are no web pages: they say whether structures hold, not how
the web looks.
"""

from __future__ import annotations

import html
import random
import re
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache

from benchmarks.harness import DATA, ROOT

FILES = {
    "en": "eng", "de": "deu", "fr": "fra", "es": "spa", "it": "ita", "pt": "por_PT", "nl": "nld",
    "pl": "pol", "ru": "rus", "tr": "tur", "zh": "cmn_hans", "ja": "jpn", "ko": "kor", "ar": "arb",
}  # fmt: skip
FURNITURE = {
    line.split("\t")[0]: line.split("\t")[1]
    for line in (ROOT / "benchmarks" / "extract_furniture.tsv").read_text("utf-8").splitlines()
    if not line.startswith("#")
}
NAMES = ["ada", "bert", "carl", "dora", "emil", "frida", "gus", "hanna", "ivo", "jana"]
_END = re.compile(r"(?<=[.!?؟])\s+|(?<=[。！？])")


@cache
def sentences(lang: str) -> list[str]:
    """Return the sentences of the declaration in a language."""
    with zipfile.ZipFile(DATA / "langid" / "udhr2.zip") as packed:
        text = packed.read(f"udhr2/{FILES[lang]}.txt").decode("utf-8-sig")
    found = [" ".join(part.split()) for line in text.split("\n") for part in _END.split(line)]
    return [part for part in found if 20 <= len(part.encode()) <= 700]


@dataclass
class Maker:
    """Draws one page: what is added by `say` is text to keep, everything else furniture."""

    draw: random.Random
    lang: str
    gold: list[str] = field(default_factory=list)
    elements: dict[str, list[str]] = field(default_factory=dict)
    pool: int = 0
    """0 while the text to keep is made, 1 for furniture: no sentence serves both."""

    def sentence(self) -> str:
        return self.draw.choice(sentences(self.lang)[self.pool :: 2])

    def words(self, least: int, most: int) -> str:
        text = self.sentence()
        want = self.draw.randint(least, most)
        if self.lang in ("zh", "ja"):
            return text.strip("。、，「」 ")[: 2 * want]
        parts = text.strip(".,;:!?").split()
        start = self.draw.randrange(max(len(parts) - want, 1))
        return " ".join(parts[start : start + want]).strip(".,;:")

    def prose(self, least: int = 2, most: int = 4) -> str:
        glue = "" if self.lang in ("zh", "ja") else " "
        return glue.join(self.sentence() for _ in range(self.draw.randint(least, most)))

    def name(self) -> str:
        return self.draw.choice(NAMES) + str(self.draw.randint(1, 999))

    def ui(self, number: int) -> str:
        return FURNITURE[self.lang].split("|")[number]

    def say(self, text: str, element: str = "") -> str:
        """Note a text as one to keep; return it escaped."""
        self.gold.append(text)
        if element:
            self.elements.setdefault(element, []).append(text)
        return html.escape(text, quote=False)

    def one(self, *choices: str) -> str:
        return self.draw.choice(choices)

    def link(self, text: str) -> str:
        return f'<a href="/{self.draw.randrange(9999)}">{text}</a>'

    def paragraphs(self, least: int, most: int) -> str:
        tag = self.one("p", "p", "p", "div")
        found = []
        for _ in range(self.draw.randint(least, most)):
            text = self.say(self.prose())
            cut = text.find(" ", len(text) // 2)
            if cut > 0 and self.draw.random() < 0.3:
                end = text.find(" ", cut + 1)
                if end > 0:
                    text = f"{text[:cut]} {self.link(text[cut + 1 : end])}{text[end:]}"
            found.append(f"<{tag}>{text}</{tag}>")
        return "".join(found)

    def title(self) -> str:
        return f"<h1>{self.say(self.words(3, 8), 'title')}</h1>"

    def heading(self) -> str:
        text = self.say(self.words(1, 5))
        return self.one(f"<h2>{text}</h2>", f"<h3>{text}</h3>", f"<p><b>{text}</b></p>")

    def items(self, least: int, most: int, low: int = 2, high: int = 8, tag: str = "") -> str:
        tag = tag or self.one("ul", "ul", "ol")
        wrap = self.one("{}", "{}", "<p>{}</p>", "<span>{}</span>")
        made = [
            self.say(f"{self.words(low, high)} {n + 1}", "list")
            for n in range(self.draw.randint(least, most))
        ]
        return f"<{tag}>{''.join(f'<li>{wrap.format(x)}</li>' for x in made)}</{tag}>"

    def table(self, least: int = 3, most: int = 12, columns: int = 0, numbers: bool = True) -> str:
        columns = columns or self.draw.randint(2, 6)
        head = self.one("th", "th", "td")
        wrap = self.one("{}", "{}", "<p>{}</p>", "<span>{}</span>")
        rows = [[self.words(1, 2) for _ in range(columns)]]
        for n in range(self.draw.randint(least, most)):
            cells = [f"{self.words(1, 4)} {n}"]
            for _ in range(columns - 1):
                figure = f"{self.draw.uniform(0, 5000):.{self.draw.randint(0, 2)}f}"
                cells.append(figure if numbers else self.words(1, 9))
            rows.append(cells)
        made = []
        for n, row in enumerate(rows):
            self.gold.append(" ".join(row))
            self.elements.setdefault("table", []).append(" ".join(row))
            tag = head if n == 0 else "td"
            cells = (f"<{tag}>{wrap.format(html.escape(c))}</{tag}>" for c in row)
            made.append(f"<tr>{''.join(cells)}</tr>")
        return f"<table>{''.join(made)}</table>"

    def code(self) -> str:
        verbs = ["read", "count", "draw", "join", "split", "fill"]
        things = ["row", "page", "key", "node", "part"]
        lines = [f"def {self.one(*verbs)}_{self.one(*things)}{self.draw.randrange(99)}(value):"]
        for n in range(self.draw.randint(1, 8)):
            lines += [f"    if value[{n}] > {self.draw.randrange(99)}:",
                      f"        {self.one(*things)} = {self.one(*verbs)}(value, {n})"]  # fmt: skip
        lines.append(f"    return {self.one(*things)}")
        self.elements.setdefault("code", []).append("\n".join(lines))
        self.gold += lines
        safe = [html.escape(line, quote=False) for line in lines]
        text = "\n".join(safe)
        numbers = "\n".join(str(n) for n in range(1, len(safe) + 1))
        return self.one(
            f"<pre>{text}</pre>",
            f"<pre><code class='language-python'>{text}</code></pre>",
            f"<div class='highlight'><pre>{text}</pre></div>",
            "<pre>" + "".join(f"<div class='line'>{x}</div>" for x in safe) + "</pre>",
            "<pre><ol>" + "".join(f"<li>{x}</li>" for x in safe) + "</ol></pre>",
            f"<table class='highlighttable'><tr><td class='linenos'><pre>{numbers}</pre></td>"
            f"<td class='code'><pre>{text}</pre></td></tr></table>",
            "<div><code>"
            + "<br>".join(x.replace("    ", "&nbsp;" * 4) for x in safe)
            + "</code></div>",
            f"<div style='white-space: pre'>{text}</div>",
            f"<textarea readonly>{text}</textarea>",
        )

    def formula(self) -> str:
        source = (
            f"\\frac{{{self.one('a', 'b', 'x')}}}{{{self.one('n', 'k')}+{self.draw.randint(1, 9)}}}"
        )
        self.elements.setdefault("formula", []).append(source)
        marks = "<math><mfrac><mi>a</mi><mn>1</mn></mfrac>%s</math>"
        note = f'<annotation encoding="application/x-tex">{source}</annotation>'
        return self.one(
            f'<span class="katex"><span class="katex-mathml"><math><semantics><mrow><mi>a</mi></mrow>{note}'
            '</semantics></math></span><span class="katex-html" aria-hidden="true"><span>a1</span></span>'
            "</span>",
            f'<script type="math/tex">{source}</script>',
            f'<img class="latex" src="f.png" alt="{source}">',
            marks.replace("<math>", f'<math alttext="{source}">') % "",
            f"\\({source}\\)",
        )

    # Furniture.
    def cards(self) -> str:
        box = self.one("related", "more-stories", "teasers", "x-grid", "recommended", "c17")
        made = []
        for _ in range(self.draw.randint(3, 7)):
            text = self.words(4, 10)
            extra = self.one(
                "", f"<p>{self.sentence()}</p>", f"<span>{self.draw.randint(1, 28)}.5.2021</span>"
            )
            made.append(self.one("<div class='item'>{}</div>", "<li>{}</li>", "<article>{}</article>").format(
                self.one(f"<h3>{self.link(text)}</h3>", self.link(text), f"<h4>{self.link(text)}</h4>")
                + extra
            ))  # fmt: skip
        head = self.one("h2", "h3", "div", "b")
        body = "".join(made)
        if "<li>" in body:
            body = f"<ul>{body}</ul>"
        opened = f"<{self.one('div', 'section', 'aside')} class='{box}'>"
        return f"{opened}<{head}>{self.ui(7)}</{head}>{body}</div>"

    def comments(self) -> str:
        box = self.one("comments", "discussion", "below", "responses", "k9")
        shape = self.draw.randrange(4)
        made = []
        for _ in range(self.draw.randint(3, 12)):
            name, text = self.name(), self.prose(1, 3)
            made.append((
                f"<div class='entry'><b>{name}</b><p>{text}</p></div>",
                f"<li><a href='/u'>{name}</a> <span>{self.draw.randint(1, 28)}.5.2021</span>"
                f"<div>{text}</div></li>",
                f"<div class='c-item'><span class='who'>{name}</span>"
                f"<time>12:{self.draw.randint(10, 59)}</time><p>{text}</p><a href='#'>+1</a></div>",
                f"<article><header>{name}</header><p>{text}</p></article>",
            )[shape])  # fmt: skip
        body = "".join(made) if shape != 1 else f"<ul>{''.join(made)}</ul>"
        head = self.one(f"<h3>{self.ui(6)}</h3>", f"<h2>{self.ui(6)} ({len(made)})</h2>", "")
        return f"<div id='{box}'>{head}{body}</div>"

    def appeal(self) -> str:
        box = self.one("support", "newsletter", "cta", "b2", "promo")
        return f"<div class='{box}'><p>{self.ui(9)}. {self.sentence()}</p>{self.link(self.ui(9))}</div>"

    def legal(self) -> str:
        tag = self.one("p", "div", "small")
        return f"<{tag}>© {self.draw.randint(1999, 2024)} {self.ui(10)}. {self.sentence()}</{tag}>"

    def menu(self) -> str:
        entries = [self.ui(n) for n in range(5)] + [
            self.words(1, 2) for _ in range(self.draw.randint(2, 9))
        ]
        if self.draw.random() < 0.5:
            return f"<ul class='{self.one('menu', 'nav', 'm1')}'>" + "".join(
                f"<li>{self.link(x)}</li>" for x in entries
            ) + "</ul>"  # fmt: skip
        return "<div>" + self.one(" | ", " ", "").join(map(self.link, entries)) + "</div>"


def _article(m: Maker) -> str:
    meta = f"<div class='{m.one('meta', 'byline', 'q3')}'>{m.name()} | {m.draw.randint(1, 28)}.5.2021</div>"
    body = m.title() + meta + m.paragraphs(2, 5)
    for _ in range(m.draw.randint(0, 2)):
        body += m.heading() + m.paragraphs(1, 3)
    if m.draw.random() < 0.3:
        body += m.items(3, 6, 4, 14)
    return body


def _forum(m: Maker) -> str:
    posts = []
    shape = m.draw.randrange(3)
    for _ in range(m.draw.randint(2, 9)):
        text = "".join(f"<p>{m.say(m.prose(1, 3))}</p>" for _ in range(m.draw.randint(1, 2)))
        name = m.name()
        posts.append((
            f"<div class='post'><div class='author'>{m.link(name)}<br>{m.draw.randint(2, 999)}</div>"
            f"<div class='message'>{text}</div></div>",
            f"<table><tr><td class='u'>{name}</td><td class='t'>{text}</td></tr></table>",
            f"<article><header>{m.link(name)} <time>2.5.2021</time></header>"
            f"<div class='body'>{text}</div></article>",
        )[shape])  # fmt: skip
    return m.title() + "".join(posts)


def _documentation(m: Maker) -> str:
    body = m.title() + m.paragraphs(1, 2) + m.code()
    for _ in range(m.draw.randint(1, 4)):
        body += m.heading() + m.paragraphs(1, 2)
        body += m.draw.choice((m.code, lambda: m.table(2, 6, 3, False), lambda: m.items(2, 6)))()
    return body


def _recipe(m: Maker) -> str:
    body = m.title() + m.paragraphs(1, 2) + m.heading() + m.items(3, 10, 1, 4)
    body += m.heading() + m.items(3, 7, 8, 20, "ol")
    return body + (m.table(3, 6, 2) if m.draw.random() < 0.4 else "")


def _shop(m: Maker) -> str:
    body = m.title() + m.paragraphs(1, 3) + m.items(3, 7, 2, 7)
    body += f"<form><button>{m.words(1, 2)}</button></form>"
    return body + m.heading() + m.table(3, 10, 2, m.draw.random() < 0.3)


def _reference(m: Maker) -> str:
    box = m.table(3, 8, 2, False) if m.draw.random() < 0.5 else ""
    body = m.title() + box + m.paragraphs(2, 4)
    for _ in range(m.draw.randint(1, 4)):
        body += m.heading() + m.paragraphs(1, 3)
    if m.draw.random() < 0.4:
        made = [m.say(m.words(2, 5), "list") for _ in range(5)]
        body += m.heading() + "<ul>" + "".join(f"<li>{m.link(x)}</li>" for x in made) + "</ul>"
    return body + (m.table() if m.draw.random() < 0.4 else "")


def _answers(m: Maker) -> str:
    def post(name: str) -> str:
        text = m.paragraphs(1, 3) + (m.code() if m.draw.random() < 0.5 else "")
        return (
            f"<div class='{name}'><div class='vote'>{m.draw.randint(0, 99)}</div>"
            f"<div class='post-text'>{text}</div><div class='user'>{m.link(m.name())} 2.5.2021</div></div>"
        )

    return (
        m.title() + post("question") + "".join(post("answer") for _ in range(m.draw.randint(1, 4)))
    )


def _tables(m: Maker) -> str:
    body = m.title() + (
        f"<p>{m.say(m.words(3, 9))}</p>" if m.draw.random() < 0.7 else m.paragraphs(1, 3)
    )
    for _ in range(m.draw.randint(1, 3)):
        body += (m.heading() if m.draw.random() < 0.5 else "") + m.table(
            3, 18, 0, m.draw.random() < 0.6
        )
    return body


def _math(m: Maker) -> str:
    body = m.title()
    for _ in range(m.draw.randint(2, 5)):
        body += f"<p>{m.say(m.prose(1, 2))} {m.formula()} {m.say(m.prose(1, 2))}</p>"
    return body


def _code(m: Maker) -> str:
    body = m.title() if m.draw.random() < 0.8 else ""
    for _ in range(m.draw.randint(1, 3)):
        body += (f"<p>{m.say(m.words(3, 12))}</p>" if m.draw.random() < 0.6 else "") + m.code()
    return body


def _portal(m: Maker) -> str:
    body = ""
    for _ in range(m.draw.randint(5, 14)):
        head = m.link(m.say(m.words(4, 9)))
        body += (
            f"<div class='story'><h2>{head}</h2><p>{m.say(m.sentence())}</p>{m.link(m.ui(5))}</div>"
        )
    return body


def _ticker(m: Maker) -> str:
    body = m.title() + m.paragraphs(0, 1)
    for _ in range(m.draw.randint(5, 15)):
        clock = f"<span class='time'>{m.draw.randint(10, 23)}:{m.draw.randint(10, 59)}</span>"
        body += f"<div class='tick'>{clock}<p>{m.say(m.prose(1, 2))}</p></div>"
    return body


def _short(m: Maker) -> str:
    body = m.title() if m.draw.random() < 0.7 else ""
    return body + f"<p>{m.say(m.sentence())}</p>" + (m.items(2, 4) if m.draw.random() < 0.3 else "")


KINDS: dict[str, Callable[[Maker], str]] = {
    "article": _article,
    "forum": _forum,
    "documentation": _documentation,
    "recipe": _recipe,
    "shop": _shop,
    "reference": _reference,
    "answers": _answers,
    "tables": _tables,
    "math": _math,
    "code": _code,
    "portal": _portal,
    "ticker": _ticker,
    "short": _short,
}


@dataclass(frozen=True, slots=True)
class MadePage:
    """A made page: kind, language, bytes, the texts to keep in order, and which are of which element."""

    kind: str
    lang: str
    html: bytes
    gold: list[str]
    elements: dict[str, list[str]]


def make(kind: str, seed: int) -> MadePage:
    """Return the page of a kind and seed."""
    draw = random.Random(f"{kind} {seed}")
    lang = draw.choice([*FILES, "en", "de"])
    m = Maker(draw, lang)
    body = KINDS[kind](m)
    m.pool = 1
    opened = m.one("<main><article>{}</article></main>", "<div id='content'>{}</div>",
                   "<div class='{c}'><div>{}</div></div>",
                   "<div class='entry-content'>{}</div>", "<article>{}</article>", "<main>{}</main>",
                   "<table width='100%'><tr><td>{}</td></tr></table>")  # fmt: skip
    main = opened.replace("{c}", f"b{draw.randrange(99)}").replace("{}", body)
    after = ""
    if kind not in ("portal", "forum", "answers") and draw.random() < 0.5:
        after += m.comments()
    if kind != "portal" and draw.random() < 0.6:
        after += m.cards()
    after += m.appeal() if draw.random() < 0.4 else ""
    foot = m.legal() + m.menu()
    frame = m.one("<header>{top}</header>{main}<footer>{foot}</footer>",
                  "<div class='top'>{top}</div>{main}<div class='foot'>{foot}</div>",
                  "<div>{top}</div><div>{main}</div><div>{foot}</div>",
                  "<nav>{top}</nav>{main}<aside>{side}</aside>"
                  "<footer>{foot}</footer>")  # fmt: skip
    side = m.cards() if draw.random() < 0.5 and kind != "portal" else m.menu()
    page = (
        frame.replace("{top}", m.menu())
        .replace("{side}", side)
        .replace("{foot}", foot)
        .replace("{main}", main + after)
    )
    head = f"<head><meta charset='utf-8'><title>{html.escape(m.words(3, 6))}</title></head>"
    source = f"<!doctype html><html lang='{lang}'>{head}<body>{page}</body></html>"
    return MadePage(kind, lang, source.encode(), m.gold, m.elements)
