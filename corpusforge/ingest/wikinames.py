"""Words that MediaWiki localises: redirects, disambiguation templates, names of databases.

Collected from the localisation of MediaWiki itself and the template names of the larger
Wikipedias. Limit: a small wiki's own template name for a disambiguation page is not known here,
and that page counts as an article.
"""

from __future__ import annotations

import re

__all__ = ["DISAMBIGUATION", "REDIRECT", "language_of"]

_REDIRECTS = (
    "REDIRECT|WEITERLEITUNG|REDIRECTION|REDIRECCI[ÓO]N|RINVIA|RINVIO|RIMANDO|REDIRECIONAMENTO|"
    "ПЕРЕНАПРАВЛЕНИЕ|ПЕРЕНАПР|ПЕРЕАДРЕСАЦІЯ|ПЕРЕНАПРАВЛЕННЯ|ПРЕНАСОЧВАНЕ|ВИЖ|ПРЕУСМЕРИ|"
    "重定向|転送|リダイレクト|넘겨주기|PATRZ|PRZEKIERUJ|TAM|DOORVERWIJZING|OMDIRIGERING|"
    "OMDIRIGER|OHJAUS|UUDELLEENOHJAUS|YÖNLENDİRME|YÖNLENDİR|ĐỔI|PRESMERUJ|PŘESMĚRUJ|ÁTIRÁNYÍTÁS|"
    "تحويل|تغییر_مسیر|تغییرمسیر|הפניה|अनुप्रेषित|पुनर्निर्देशित|เปลี่ยนทาง|வழிமாற்று|ALIH|LENCONG|"
    "ΑΝΑΚΑΤΕΥΘΥΝΣΗ|REDIRECȚIONEAZA|ALIDIREKTU|REDIRECTAMENTO|BIRZUZENDU"
)
REDIRECT = re.compile(rf"\s*#\s*(?:{_REDIRECTS})\s*+:?\s*+\[\[", re.IGNORECASE)
"""Matches the text of a redirect page."""

_DISAMBIGUATIONS = (
    r"disambig(?:uation|uazione)?|disambiguation page|dab|hndis|geodis|numberdis|mil-unit-dis|"
    r"(?:letter-number combination|school|hospital|airport) disambiguation|"
    r"begriffsklärung|homonymie|bandeau standard pour page d'homonymie|paronymie|"
    r"desambiguaci[óo]n|desambig|desambigua[çc][ãa]o|disambigua|dp|doorverwijspagina|"
    r"неоднозначность|багатозначність|пояснение|ujednoznacznienie|förgrening|gren|flertydig|pekerside|"
    r"täsmennyssivu|rozcestník|egyért(?:elműsítő lap)?|anlam ayrımı|trang định hướng|định hướng|"
    r"消歧义|消歧義|消歧义页|消歧義頁|aimai|曖昧さ回避|동음이의|توضيح|توضیح|"
    r"ابهام[‌ ]?زدایی|פירושונים|"
    r"बहुविकल्पी(?: शब्द)?|แก้ความกำกวม|பக்கவழி நெறிப்படுத்தல்|"
    r"αποσαφήνιση|dezambiguizare|apartigilo|argitzeko"
)
DISAMBIGUATION = re.compile(
    rf"\{{\{{\s*(?:template:)?(?:{_DISAMBIGUATIONS})\s*(?:\||\}}\}})|__DISAMBIG__",
    re.IGNORECASE,
)
"""Found in the text of a disambiguation page."""

_DATABASE = re.compile(r"^([a-z]{2,}(?:_[a-z]+)*?)wiki(?=$|[-.])")
_LANGUAGES = {
    "simple": "en",
    "zh_classical": "lzh",
    "zh_yue": "yue",
    "zh_min_nan": "nan",
    "be_x_old": "be",
    "bat_smg": "sgs",
    "fiu_vro": "vro",
    "roa_rup": "rup",
    "roa_tara": "nap",
    "als": "gsw",
    "nds_nl": "nds",
    "cbk_zam": "cbk",
    "map_bms": "jv",
    "no": "nb",
    "sh": "sh",
}
_NOT_A_LANGUAGE = frozenset({"commons", "species", "meta", "media", "wikidata", "incubator"})


def language_of(file_name: str, database: str) -> tuple[str, str]:
    """Return (language code, subdomain) of a dump from its file name, else its database name.

    ("", "") where neither names a Wikipedia.
    """
    for name in (file_name, database):
        found = _DATABASE.match(name)
        if found and found[1] not in _NOT_A_LANGUAGE:
            code = found[1]
            host = code.replace("_", "-")
            return _LANGUAGES.get(code, host), host
    return "", ""
