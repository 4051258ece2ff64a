"""Whether a page is a discussion: a forum thread or a question with its answers.

Two looks: the address and the page's first bytes must name forum software, a thread's path or
schema.org's types, and then the page must hold at least two marks of single posts. The marks are
the ids, classes and microdata that phpBB, vBulletin, XenForo, Discourse, Discuz!, MyBB, SMF,
Invision, NodeBB, bbPress and Stack Exchange document for themes. Limit: an index of threads is no
discussion, and comments under an article make none.
"""

from __future__ import annotations

import re

__all__ = ["is_thread"]

_HEAD = 8192
_LEAST = 2
_SOFTWARE = tuple(
    b'vbulletin phpbb xenforo id="xf" discourse discuz mybb smf_ invision ipslayout nodebb bbpress '
    b"flarum schema.org/qapage schema.org/discussionforumposting".split()
)
_PATH = re.compile(
    r"/(?:forums?|bbs|board|community)/|viewtopic|showthread|[/.]threads?[/.-]|/topics?/|/t/[\w-]+/\d"
    r"|/questions/\d|thread-\d+-|//(?:forums?|bbs|community)\.",
    re.IGNORECASE,
)
_POST = re.compile(
    rb"\bid=[\"']?((?:post|pid|p|msg|answer|comment|reply|pst|elComment)"
    rb"(?:_?message)?[_-]?\d{1,12})\b"
    rb"|itemprop=[\"'](?:suggestedAnswer|acceptedAnswer|comment)[\"']"
    rb"|data-(?:post|answer|question|comment)-?id=[\"']?\w+"
    rb"|class=[\"'][^\"']*\b(?:postbody|post_body|postcontent|topic-body|message--post|message-body"
    rb"|bbp-reply-content|ipsComment_content|reply_content)\b",
    re.IGNORECASE,
)


def is_thread(html: bytes, url: str) -> bool:
    """Return whether the page holds at least two posts of a discussion."""
    head = html[:_HEAD].lower()
    if not (any(name in head for name in _SOFTWARE) or _PATH.search(url)):
        return False
    ids: set[bytes] = set()
    plain = 0
    for found in _POST.finditer(html):
        if found[1]:
            ids.add(found[1].lower())
        else:
            plain += 1
        if len(ids) >= _LEAST or plain >= _LEAST:
            return True
    return False
