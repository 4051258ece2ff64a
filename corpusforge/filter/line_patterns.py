"""Patterns of `lines.v1`, as data: which lines are furniture, and what markup residue looks like.

`NAVIGATION` holds whole lines (lower case, closing signs left out); every alternative of `MARKS`
is a named group, whose name is the rule that counts show, and matches a whole trimmed line. Limit:
English and Chinese phrases.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

__all__ = [
    "CLOSING",
    "ESCAPES",
    "FRONT_MATTER",
    "MARKS",
    "NAVIGATION",
    "QUERY",
    "TRACKER",
    "Mark",
]

FRONT_MATTER = re.compile(
    r"\ufeff?(?:"
    r"---[ \t]*+\r?\n(?>[ \t]*+(?:[\w.-]++[ \t]*+:|-[ \t]|#).*+\n|[ \t]++\S.*+\n){1,80}?---"
    r"|\+\+\+[ \t]*+\r?\n(?>[ \t]*+(?:[\w.-]++[ \t]*+=|\[|#|\]).*+\n|[ \t]*+\r?\n){1,80}?\+\+\+"
    r")[ \t]*+(?:\r?\n)++"
)
"""YAML between "---" or TOML between "+++", at the very start of a text.

A line is read in one way only: lines that two alternatives take would be tried in all 2^80 ways.
"""

_IMAGE = r"!\[[^\]]*+\]\([^)]*+\)"
_IMAGES = rf"(?:{_IMAGE}|\[{_IMAGE}\]\([^)]*+\)|\[(?:image|img|图片)(?::[^\]]*+)?\]|\s)++"

ESCAPES = re.compile(r"\\([_*#>~`\[\]+!-])")

QUERY = re.compile(
    r"(https?://[^\s?#<>\"'()\[\]]++)(?:\?([^\s#<>\"'()\[\]]++)(#[^\s<>\"'()\[\]]*+)?)?"
)
"""An address, with its query and fragment where it has a query."""
TRACKER = re.compile(
    r"(?:utm_\w+|fbclid|gclid|dclid|gbraid|wbraid|msclkid|yclid|twclid|igshid|mc_[ce]id|_hsenc|_hsmi"
    r"|mkt_tok|vero_id|oly_(?:anon|enc)_id|spm|scm|from_source|share_(?:token|source|from)"
    r"|bd_vid|hmsr|ref_src|ref_url|cmpid|ncid|s_cid|wickedid|_openstat)=",
    re.IGNORECASE,
)

CLOSING = " .:…»>→!：。》"
_ENGLISH = """
read more|show more|see more|view more|load more|learn more|see all|view all|show all|show less
click here to read more|continue reading|skip to content|skip to main content|skip to navigation
back to top|back to the top|jump to navigation|sign in|sign up|sign out|log in|log out|login|logout
sign in or register|log in or sign up|sign in / register|log in / register|register|subscribe
subscribe now|home|menu|search|close|next|previous|prev|add to cart|add to basket|add to wishlist
share|tweet|share this|share on facebook|share on twitter|share on linkedin|share via email|pin it
email this|print this|print|follow us|follow us on twitter|follow us on facebook|leave a reply
leave a comment|post a comment|advertisement|advertisements|sponsored|sponsored content
related articles|related article|related posts|related stories|related links|you may also like
you might also like|table of contents|cookie policy|privacy policy|cookie settings|privacy notice
privacy statement|cookie notice|terms of use|terms of service|terms and conditions
all rights reserved
"""
_CHINESE = """
上一篇|下一篇|上一页|下一页|上一章|下一章|返回顶部|返回首页|返回列表|设为首页|加入收藏|网站地图|友情链接|友情鏈接
联系我们|关于我们|阅读全文|查看更多|更多|点击查看|点击进入|点击下载|点击查看更多|点击查看详情|点击阅读全文
发表评论|我要评论|相关阅读|相关文章|相关推荐|相关新闻|延伸阅读|热门推荐|热门文章|猜你喜欢|关注我们|关注公众号
登录|注册|首页|打印本页|关闭窗口|分享到|收藏本文|全文完
"""
NAVIGATION = frozenset(re.split(r"[|\n]", f"{_ENGLISH.strip()}\n{_CHINESE.strip()}"))

_POLICY = (
    r"(?:we|this (?:web)?site|our (?:web)?site|our partners)\b.{0,60}\buse[sd]? (?:of )?cookies\b.*"
    r"|.*\b(?:accept|manage|reject) (?:all )?cookies\b.*"
    r"|by (?:using|continuing|visiting|clicking|signing)\b.{0,90}"
    r"\b(?:cookies?|privacy policy|terms of)\b.*"
    r"|.{0,20}(?:隐私政策|隱私政策|用户协议|服务条款|使用条款).{0,20}"
)
_SCRIPT = (
    r".*\bjavascript\b.{0,40}\b(?:disabled|enabled?|required|turned (?:on|off)|support(?:ed)?)\b.*"
    r"|.*\b(?:enable|requires?|turn on|activate)\b.{0,20}\bjavascript\b.*"
    r"|.*您的浏览器(?:不支持|版本|没有启用).*"
)
_MENU = (
    r"(?:上一[篇页章]|下一[篇页章])[:： ].{0,60}|\d+ items? in (?:your )?cart"
    r"|(?:您(?:的|现在的|所在的)?)?(?:当前)?位置[:：].{0,80}"
    r"|(?:扫一扫|(?:扫描|长按).{0,6}二维码|关注.{0,8}公众号).{0,16}"
)
_COUNTER = (
    r"(?:[\d.,]++[km]?\s*+(?:likes?|shares?|comments?|views?|repl(?:y|ies)|retweets?|followers?|votes?"
    r"|downloads?|points?|reads?|answers?|favou?rites?)\b[\s|·,.•]*+)++"
    r"|(?:likes?|shares?|comments?|views?|replies|followers?)\s*+[:(]?\s*+[\d.,]++[km]?\)?"
    r"|(?:(?:阅读|浏览|评论|点赞|转发|收藏|点击|人气|回复)(?:量|数|次数)?\s*+[:：(（]?\s*+[\d.,]++万?[)）次]?[\s|·,]*+)++"
    r"|[\d.,]++万?\s*+(?:次|人|条)?(?:阅读|浏览|评论|点赞|转发|收藏|回复)"
)
_COPYRIGHT = (
    r"(?:(?:copyright\s*)?(?:©|\(c\)|&copy;)\s*(?:copyright\s*)?.{0,20}|copyright\s*)"
    r"\b(?:19|20)\d\d\b.{0,110}"
    r"|.{0,60}\ball rights reserved\b.{0,60}|powered by \S.{0,40}"
    r"|.{0,40}(?:版权所有|版權所有|著作权归).{0,60}|.{0,30}(?:ICP备|ICP证|公网安备|增值电信).{0,60}"
    r"|(?:责任编辑|責任編輯|编辑|校对|审核)[:：].{0,30}|.{0,10}(?:转载请注明|轉載請註明|未经授权).{0,60}"
)
_COPYRIGHT_WORDS = (
    "copyright © (c) reserved powered 版权所有 版權所有 著作权 icp 公网安备 增值电信 "
    "编辑 編輯 校对 审核 转载 轉載 未经授权"
)
_PAGE = (
    r"(?:slide|page)\s*\d{1,4}(?:\s*(?:of|/)\s*\d{1,4})?|\d{1,4}\s*(?:of|/)\s*\d{1,4}"
    r"|第\s*\d{1,4}\s*页(?:\s*[,，/]?\s*共\s*\d{1,4}\s*页)?|-\s*\d{1,4}\s*-"
)


@dataclass(frozen=True, slots=True)
class Mark:
    """A rule for whole lines of at most `longest` characters.

    `keywords` (lower case): a text that holds none of them is not searched; empty = always search.
    """

    rule: str
    longest: int
    keywords: tuple[str, ...]
    pattern: re.Pattern[str]


def _mark(rule: str, longest: int, keywords: str, pattern: str) -> Mark:
    compiled = re.compile(rf"(?:{pattern})$", re.IGNORECASE)
    return Mark(rule, longest, tuple(keywords.split()), compiled)


MARKS = (
    _mark("image_only", 400, "![ [image [img [图片", _IMAGES),
    _mark("policy", 160, "cookie privacy terms 隐私 隱私 用户协议 服务条款 使用条款", _POLICY),
    _mark("javascript", 160, "javascript 浏览器", _SCRIPT),
    _mark("navigation", 100, "一篇 一页 一章 cart 位置 二维码 公众号 扫一扫", _MENU),
    _mark("counter", 80, "", _COUNTER),
    _mark("copyright", 160, _COPYRIGHT_WORDS, _COPYRIGHT),
    _mark("page_number", 30, "", _PAGE),
)
