"""Article text → an HTML page with everything around it that a crawler meets.

The text has one block a paragraph: `## heading`, `- list item` lines, `> quotation`, `| a | row |`
lines, a ``` code fence, `[name, when]` opening a forum post, or prose. The layouts differ in
element names and order, so that an extractor cannot lean on one template.
"""

from __future__ import annotations

from collections.abc import Mapping
from html import escape

__all__ = ["render"]

_SCRIPT = (
    "(function(w,d){var q=w.dataQueue=w.dataQueue||[];q.push({event:'view',t:+new Date()});"
    "var s=d.createElement('script');s.async=1;s.src='/static/metrics.js';"
    "d.head.appendChild(s);})(window,document);"
)
_STYLE = (
    "body{font:17px/1.5 Georgia,serif;margin:0}nav li{display:inline;margin-right:1em}"
    ".cookie{position:fixed;bottom:0;background:#222;color:#eee}aside{float:right;width:16em}"
)
_WORDS = {
    "en": {
        "cookie": "We use cookies to make this site work and to count visits. "
        "By continuing to browse you accept our cookie policy.",
        "accept": "Accept all",
        "manage": "Manage settings",
        "share": "Share this page",
        "posted": "Posted on",
        "rights": "All rights reserved.",
        "terms": "Terms of use",
        "privacy": "Privacy policy",
        "related": "You may also like",
        "search": "Search",
    },
    "zh": {
        "cookie": "本站使用Cookie来改善您的浏览体验，继续浏览即表示您同意我们的Cookie政策。",
        "accept": "全部接受",
        "manage": "管理设置",
        "share": "分享本页",
        "posted": "发布于",
        "rights": "版权所有。",
        "terms": "使用条款",
        "privacy": "隐私政策",
        "related": "相关阅读",
        "search": "搜索",
    },
}


def _table(lines: list[str]) -> str:
    rows = [[cell.strip() for cell in line.strip("| ").split("|")] for line in lines]
    head = "".join(f"<th>{escape(cell)}</th>" for cell in rows[0])
    rest = "".join(
        "<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>\n" for row in rows[1:]
    )
    return f"<table>\n<tr>{head}</tr>\n{rest}</table>"


def _fence(lines: list[str]) -> str:
    return f"<pre><code>{escape(chr(10).join(lines[1:-1]))}</code></pre>"


def _list(lines: list[str]) -> str:
    return "<ul>\n" + "".join(f"<li>{escape(line[2:])}</li>\n" for line in lines) + "</ul>"


def _quotation(lines: list[str]) -> str:
    text = " ".join(line.removeprefix("> ") for line in lines)
    return f"<blockquote><p>{escape(text)}</p></blockquote>"


def _heading(lines: list[str]) -> str:
    return f"<h2>{escape(lines[0][3:])}</h2>"


def _post(lines: list[str]) -> str:
    return f'<div class="post-by"><span class="user">{escape(lines[0][1:-1])}</span></div>'


_BLOCKS = {
    "```": _fence,
    "## ": _heading,
    "- ": _list,
    "|": _table,
    "> ": _quotation,
    "[": _post,
}


def _block(block: str) -> str:
    for start, make in _BLOCKS.items():
        if block.startswith(start):
            return make(block.split("\n"))
    return f"<p>{escape(block)}</p>"


def _blocks(text: str) -> list[str]:
    out: list[str] = []
    for part in text.split("\n\n"):
        if out and out[-1].startswith("```") and not out[-1].rstrip().endswith("\n```"):
            out[-1] += "\n\n" + part  # a blank line inside a code fence
        else:
            out.append(part.strip("\n"))
    return [block for block in out if block.strip()]


def _links(items: str, kind: str) -> str:
    rows = "".join(
        f'<li><a href="/{kind}/{number}">{escape(item.strip())}</a></li>\n'
        for number, item in enumerate(items.split("|"))
    )
    return f"<ul>\n{rows}</ul>"


def _parts(
    site: Mapping[str, str], title: str, date: str, text: str, words: dict[str, str]
) -> dict[str, str]:
    name = escape(site["name"])
    return {
        "cookie": f'<div class="cookie" id="consent" role="dialog"><p>{words["cookie"]}</p>'
        f"<button>{words['accept']}</button> <button>{words['manage']}</button></div>",
        "nav": f"<nav>\n{_links(site['nav'], 'section')}</nav>",
        "header": f'<header class="top"><a class="brand" href="/">{name}</a>'
        f'<form action="/search"><input name="q" placeholder="{words["search"]}"></form></header>',
        "aside": f'<aside class="sidebar"><h3>{words["related"]}</h3>\n'
        f"{_links(site['sidebar'], 'read')}</aside>",
        "footer": f'<footer class="site-footer"><p>© {date[:4]} {name}. {words["rights"]}</p>\n'
        f'<p>{escape(site["footer"])}</p><ul><li><a href="/terms">{words["terms"]}</a></li>'
        f'<li><a href="/privacy">{words["privacy"]}</a></li></ul></footer>',
        "share": f'<div class="share"><span>{words["share"]}</span> <a href="#">Facebook</a> '
        '<a href="#">X</a> <a href="#">RSS</a></div>',
        "title": f"<h1>{escape(title)}</h1>",
        "byline": f'<p class="meta">{words["posted"]} '
        f'<time datetime="{date}">{date[:10]}</time></p>',
        "body": "\n".join(_block(block) for block in _blocks(text)),
    }


_LAYOUTS = {
    "blog": """{header}
{nav}
<main><article>
{title}
{byline}
{body}
</article>
{share}</main>
{aside}
{footer}
{cookie}""",
    "news": """{cookie}
<div id="masthead">{header}{nav}</div>
<div class="columns">{aside}
<div class="story" role="main">
{title}
{byline}
{share}
{body}
</div></div>
{footer}""",
    "docs": """{header}
<div class="layout"><div class="left">{nav}{aside}</div>
<section id="content">
{title}
{body}
{byline}
</section></div>
{footer}
{cookie}""",
    "forum": """{header}
{nav}
{cookie}
<div class="thread">
{title}
{body}
</div>
{aside}
{footer}""",
}


def render(site: Mapping[str, str], title: str, date: str, text: str, charset: str) -> str:
    """Return the whole HTML page; `site` has name, lang, layout, nav, sidebar and footer."""
    lang = site["lang"]
    parts = _parts(site, title, date, text, _WORDS["zh" if lang == "zh" else "en"])
    return (
        f'<!DOCTYPE html>\n<html lang="{lang}">\n<head>\n<meta charset="{charset}">\n'
        f"<title>{escape(title)} | {escape(site['name'])}</title>\n"
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f'<meta property="og:title" content="{escape(title)}">\n'
        f'<link rel="stylesheet" href="/static/site.css">\n<style>{_STYLE}</style>\n'
        f"<script>{_SCRIPT}</script>\n</head>\n<body>\n"
        f"{_LAYOUTS[site['layout']].format(**parts)}\n</body>\n</html>\n"
    )
