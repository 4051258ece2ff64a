"""Keys, tokens and passwords in a text (`secrets.v1`).

Known key shapes follow their issuers' published formats; a value assigned to a secret-like name is
taken when it looks like a secret (the idea of detect-secrets' keyword and entropy plugins, with the
name and the shape asked for together, since entropy alone flags every hash in a source file).
Limits: a password of letters alone, or one with spaces, is not told from a word.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Iterator

from corpusforge.filter.anchors import ASSIGN, AT, TOKEN
from corpusforge.filter.pii import Span

__all__ = ["find_secrets"]

_SHAPES = {
    "aws_key": rb"(?:A3T[A-Z0-9]|AKIA|ABIA|ACCA|ASIA)[A-Z0-9]{16}(?![A-Za-z0-9])",
    "github_token": rb"gh[pousr]_[A-Za-z0-9]{36,255}|github_pat_\w{50,255}",
    "gitlab_token": rb"gl(?:pat|dt|ptt|rt|cbt|soat)-[A-Za-z0-9_-]{20,}",
    "slack_token": rb"xox[abeoprs]-(?:\d+-)*[A-Za-z0-9-]{10,}",
    "slack_webhook": rb"hooks\.slack\.com/services/T\w+/B\w+/\w{16,}",
    "stripe_key": rb"[rs]k_(?:live|test)_[0-9A-Za-z]{16,}",
    "google_key": rb"AIza[0-9A-Za-z_-]{35}(?![0-9A-Za-z_-])|ya29\.[0-9A-Za-z_-]{30,}|GOCSPX-[\w-]{28}",
    "sendgrid_key": rb"SG\.[A-Za-z0-9_-]{22}\.[A-Za-z0-9_-]{43}",
    "npm_token": rb"npm_[A-Za-z0-9]{36}",
    "pypi_token": rb"pypi-AgE[A-Za-z0-9_-]{50,}",
    "huggingface_token": rb"hf_[A-Za-z]{2}[A-Za-z0-9]{28,}",
    "model_key": rb"sk-(?:proj-|ant-|or-v1-|svcacct-)?(?=[\w-]{0,40}\d)(?=[\w-]{0,60}[A-Z]|[0-9a-f]{32})"
    rb"[A-Za-z0-9_]{20,}[A-Za-z0-9_-]*",
    "aliyun_key": rb"LTAI[A-Za-z0-9]{12,20}(?![A-Za-z0-9])",
    "tencent_key": rb"AKID[A-Za-z0-9]{32}",
    "twilio_key": rb"(?:AC|SK)[0-9a-f]{32}(?![0-9A-Za-z])",
    "square_token": rb"sq0(?:atp|csp)-[0-9A-Za-z_-]{22,}",
    "shopify_token": rb"shp(?:at|ca|pa|ss)_[0-9a-fA-F]{32}",
    "digitalocean_token": rb"do[opr]_v1_[0-9a-f]{64}",
    "mailchimp_key": rb"[0-9a-f]{32}-us\d{1,2}(?![0-9A-Za-z])",
}
_KEY = re.compile(
    rb"(?<![A-Za-z0-9])(?:"
    + b"|".join(b"(?P<" + name.encode() + b">" + shape + b")" for name, shape in _SHAPES.items())
    + rb")"
)
# A JSON Web Token, RFC 7519: two or three base64url parts, of which the first two begin an object.
# Its first part is found from the dot behind it: from each "eyJ" on, to a dot that is not there,
# would be the square of a token's length.
_JWT_FIRST = re.compile(rb"(?<![A-Za-z0-9_-])[A-Za-z0-9_-]++(?=\.eyJ[A-Za-z0-9_-]{5})")
_JWT_REST = re.compile(rb"\.eyJ[A-Za-z0-9_-]++(?:\.[A-Za-z0-9_-]*+)?")
_JWT_HEAD = re.compile(rb"(?<![A-Za-z0-9])eyJ(?=[A-Za-z0-9_-]{8})")
_TELEGRAM = re.compile(rb"(?<!\w)\d{8,10}:AA[A-Za-z0-9_-]{33}(?![\w-])")
_URL_START = re.compile(rb"[A-Za-z][A-Za-z0-9+.-]*://[^\s/:@\"'<>]*:([^\s/:@\"'<>]{3,})$")
_BEARER = re.compile(rb"\b(bearer|basic|token)[ \t]+$", re.IGNORECASE)
_HEADER = re.compile(rb"authorization[\"']?[ \t]*[:=,][ \t]*[\"']?$", re.IGNORECASE)
_PRIVATE = re.compile(
    rb"-----BEGIN (?:[A-Z0-9]+ ){0,3}PRIVATE KEY(?: BLOCK)?-----"
    rb"(?:[^-]|-(?!----)){0,16384}(?:-----END (?:[A-Z0-9]+ ){0,3}PRIVATE KEY(?: BLOCK)?-----)?"
)

_NAME = re.compile(
    rb"([A-Za-z0-9_.-]*[A-Za-z0-9]|(?:\xe5\xaf\x86|\xe5\x8f\xa3)[\x80-\xff]+)[\"'\]]*[ \t]*$"
)
_STRONG = re.compile(
    "passw(?:or)?d|passwd|pwd|passphrase|secret|api[_.-]?key|access[_.-]?key|private[_.-]?key"
    "|auth[_.-]?(?:key|token)|access[_.-]?token|credential|密码|密钥|口令".encode(),
    re.IGNORECASE,
)
_WEAK = re.compile(rb"(?:key|token|auth|KEY|TOKEN|AUTH|Key|Token|Auth)(?:[A-Z0-9])?$")
_NOT_SECRET = re.compile(
    rb"(?:id|ids|len|length|size|count|name|file|path|dir|field|type|url|uri|hint|policy|min|max|label"
    rb"|placeholder|title|text|error|expiry|hash|sha\d*|md5|digest|checksum|integrity|uuid|etag|src|href"
    rb"|image|img|commit|rev|version|fingerprint|signature|nonce|data|content|sitekey)$"
    rb"|(?:public|foreign|primary|sort|cache|shortcut|accesskey)[_.-]?key",
    re.IGNORECASE,
)
_VALUE = re.compile(
    rb"[ \t]*(?:!!binary )?(?:(?P<q>[\"'`])(?P<quoted>[^\s\"'`<>]{6,512})(?P=q)"
    rb"|(?P<bare>[^\s\"'`,;(){}\[\]<>\x80-\xff]{6,512})(?=[\s\"',;}\]<\x80-\xff]|$))"
)
_LINE = re.compile(
    rb"([ \t]+)(?:[\"']?[\w.-]+[\"']?[ \t]*[:=][ \t]*)?"
    rb"[\"']?([^\s\"',;(){}\[\]<>=]{6,512})[\"']?,?[ \t]*$"
)
_ALONE = re.compile(rb"([ \t]*)[\"']?[\w.-]+[\"']?[ \t]*")
_EMPTY = re.compile(rb"[ \t]*(?:\r?\n|$)")
_IDENTIFIER = re.compile(rb"[A-Za-z_][A-Za-z_]*\d{0,2}|[A-Za-z_]\w*(?:(?:\.|->|::)[A-Za-z_]\w*)+")
_PLACEHOLDER = re.compile(
    rb"^(?:\$|%|\{\{|<|#|@|/|\./|https?:|\\)|your|example|xxx|change|placeholder|redacted|\*\*\*|\.\.\.|^SECRET:",
    re.IGNORECASE,
)
_ASSIGNED = re.compile(rb"([\w.-]+)[\"'\]]*[ \t]*[:=][ \t]*(?:!!binary )?[\"']?$")
_HEX = re.compile(rb"[0-9a-fA-F]{10,}")
_BASE64 = re.compile(rb"[A-Za-z0-9+/_-]{20,}={0,2}")
_UUID = re.compile(rb"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_BLOCK_LINES, _LINE_REACH = 20, 700


def _entropy(value: bytes) -> float:
    """Return the Shannon entropy of the value's bytes, bits a byte."""
    size = len(value)
    return -sum(n / size * math.log2(n / size) for n in Counter(value).values())


def _mixed(value: bytes) -> bool:
    return any(48 <= c <= 57 for c in value) and any(65 <= c & ~32 <= 90 for c in value)


def _random(value: bytes) -> bool:
    """Whether the value looks drawn at random: mixed hex, or base64 of three kinds of characters."""
    if _UUID.fullmatch(value):
        return False
    if _HEX.fullmatch(value):
        return _mixed(value) and _entropy(value) >= 2.9
    kinds = re.search(rb"[a-z]", value) and re.search(rb"[A-Z]", value) and re.search(rb"\d", value)
    return bool(_BASE64.fullmatch(value) and kinds and _entropy(value) >= 4.0)


def _secret(value: bytes, strong: bool, literal: bool) -> bool:
    """Whether a value assigned to a secret-like name is one; `literal`: it cannot be a variable."""
    if _PLACEHOLDER.search(value) or _UUID.fullmatch(value):
        return False
    if not strong:
        return _random(value)
    if not literal and _IDENTIFIER.fullmatch(value):
        return False
    letters = value.isalpha() and len(value) >= 20
    return letters or _mixed(value) or (value.isdigit() and len(value) >= 6)


def _block(data: bytes, start: int, indent: int, strong: bool) -> Iterator[Span]:
    """Yield the values on the lines from `start` that are indented deeper than `indent`."""
    for _ in range(_BLOCK_LINES):
        stop = data.find(b"\n", start)
        stop = len(data) if stop < 0 else stop
        line = data[start:stop].rstrip(b"\r")
        depth = len(line) - len(line.lstrip(b" \t"))
        if not line.strip() or depth <= indent:
            return
        match = _LINE.match(line)
        if match and b"." not in match[2] and _secret(match[2], strong, literal=True):
            yield 2, start + match.start(2), start + match.end(2), "<SECRET:assigned>"
        start = stop + 1
        if start >= len(data):
            return


def _assigned(data: bytes, start: int, end: int) -> Iterator[Span]:
    name = _NAME.search(data[max(0, start - 56) : start])
    if name is None or _NOT_SECRET.search(name[1]):
        return
    strong = bool(_STRONG.search(name[1]))
    if not strong and not _WEAK.search(name[1]):
        return
    if data[end : end + 1] in (b"=", b">"):  # == is a comparison, => assigns
        if data[end : end + 1] == b"=":
            return
        end += 1
    match = _VALUE.match(data, end, end + 600)
    if match:
        group = "quoted" if match["quoted"] is not None else "bare"
        value = match[group]
        if _secret(value, strong, literal=group == "quoted"):
            yield 2, *match.span(group), "<SECRET:assigned>"
    line = data.rfind(b"\n", max(0, start - _LINE_REACH), start) + 1
    rest = data.find(b"\n", end, end + _LINE_REACH)
    if rest < 0 or (line == 0 and start > _LINE_REACH):
        return
    alone = _ALONE.fullmatch(data[line:start])
    if alone and (match or _EMPTY.match(data, end)):
        yield from _block(data, rest + 1, len(alone[1]), strong)


def _url_password(data: bytes, at: int) -> Iterator[Span]:
    window = max(0, at - 128)
    match = _URL_START.search(data[window:at])
    if (
        match
        and not _PLACEHOLDER.search(match[1])
        and match[1] not in (b"password", b"pass", b"PASSWORD")
    ):
        yield 1, window + match.start(1), at, "<SECRET:url_password>"


def _web_tokens(data: bytes, start: int, end: int) -> Iterator[Span]:
    while first := _JWT_FIRST.search(data, start, end):
        start = first.end()
        head = _JWT_HEAD.search(data, *first.span())
        rest = _JWT_REST.match(data, start, end)
        if head and rest:
            start = rest.end()
            yield 1, head.start(), start, "<SECRET:jwt>"


def _token(data: bytes, start: int, end: int) -> Iterator[Span]:
    tokens = list(_web_tokens(data, start, end)) if data.find(b".eyJ", start, end) >= 0 else []
    yield from tokens
    found = bool(tokens)
    for match in _KEY.finditer(data, start, end):
        found = True
        begin, stop, label = match.start(), match.end(), str(match.lastgroup)
        if label == "slack_webhook" and data[max(0, begin - 8) : begin] == b"https://":
            begin -= 8
        yield 1, begin, stop, f"<SECRET:{label}>"
    if found:
        return
    value = data[start:end]
    before = data[max(0, start - 48) : start]
    if before.endswith((b" ", b"\t")):
        scheme = _BEARER.search(before)
        bearer = scheme and (
            scheme[1].lower() == b"bearer" or _HEADER.search(before[: scheme.start()])
        )
        if bearer and _mixed(value):
            yield 2, start, end, "<SECRET:bearer>"
            return
    if before.endswith((b"=", b":", b'"', b"'", b" ", b"\t")) and _blob(value):
        assigned = _ASSIGNED.search(before)
        if assigned and not _NOT_SECRET.search(assigned[1]):
            yield 3, start, end, "<SECRET:assigned>"


def _blob(value: bytes) -> bool:
    """Whether a value is random enough to be a secret under any name: no path, no word, no hash."""
    plain = len(value) >= 20 and b"." not in value and value.count(b"/") < 3
    return plain and not _HEX.fullmatch(value) and _random(value) and _entropy(value) >= 4.5


def find_secrets(data: bytes, anchors: Iterable[tuple[int, int, int]]) -> Iterator[Span]:
    """Yield the spans of secrets in a UTF-8 text, in bytes; they may overlap."""
    for kind, start, end in anchors:
        if kind == TOKEN:
            yield from _token(data, start, end)
        elif kind == ASSIGN:
            yield from _assigned(data, start, end)
        elif kind == AT and end - start == 1:
            yield from _url_password(data, start)
    if b"PRIVATE KEY" in data:
        for match in _PRIVATE.finditer(data):
            yield 0, match.start(), match.end(), "<PRIVATE_KEY>"
    if b":AA" in data:
        for match in _TELEGRAM.finditer(data):
            yield 1, match.start(), match.end(), "<SECRET:telegram_token>"
