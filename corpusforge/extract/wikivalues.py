"""Functions of the templates that carry quantities: ranges, fractions, uncertainties, dates, names.

Each takes a template's arguments by name and number ("1" first) and the wiki's language, and returns what
a reader of the page sees, or None where the arguments do not fit: then nothing is shown, as a number is
whole or absent. Written from the templates' public documentation; conversions are not computed, the
quantity that the author wrote is kept.
Limits: English month names in English wikis, Spanish ones in Spanish, else numbers; no ages as of today.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import date

from corpusforge.extract.mathml import script

__all__ = ["FUNCTIONS"]

Values = Mapping[str, str]


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


_NUMBER = re.compile(r"[+\-−±~≈]?\s?\.?\d[\d,.\u00a0\u2009 '+/⁄–-]{0,60}(?:e[+-]?\d{1,4})?", re.I)
"""A number as authors write it: 1,234.5, 1+1/2, 60–170, 12e3."""
_RANGES = {
    "-": "-", "–": "–", "—": "—", "to": " to ", "to(-)": " to ", "to-": " to ", "and": " and ",
    "and(-)": " and ", "&": " & ", "or": " or ", "by": " by ", "x": " x ", "×": " × ", "xx": " × ",
    "*": " × ", "+": " + ", "±": " ± ", "+/-": " ± ", "+/−": " ± ", ",": ", ", ", and": ", and ",
    ", or": ", or ", "/": "/", "to about": " to about ", "til": " til ", "and up to": " and up to ",
    "a": " a ", "y": " y ", "o": " o ", "à": " à ", "et": " et ", "ou": " ou ", "bis": " bis ",
    "und": " und ", "e": " e ", "至": "至", "到": "到", "和": "和", "或": "或", "乘": " × ",
}  # fmt: skip
_INNER_UNITS = _words("in ft yd oz lb st lboz ch chain furlong fur min s sec cm mm m dwt cwt qtr d")
_UNITS = {
    "C": "°C", "F": "°F", "R": "°R", "sqmi": "sq mi", "sqft": "sq ft", "sqin": "sq in", "sqyd": "sq yd",
    "cuft": "cu ft", "cuin": "cu in", "cumi": "cu mi", "cuyd": "cu yd", "USgal": "US gal",
    "usgal": "US gal", "impgal": "imp gal", "USoz": "US fl oz", "impoz": "imp fl oz", "acre": "acres",
    "LT": "long tons", "ST": "short tons", "MT": "metric tons", "e3m3": "thousand m3", "e6m3": "million m3",
    "e9m3": "billion m3", "e6km2": "million km2", "e3km2": "thousand km2", "e6acre": "million acres",
    "e3acre": "thousand acres", "e6ha": "million ha", "km/hr": "km/h", "kph": "km/h", "deg": "°",
    "Mcuft": "million cu ft", "Gcuft": "billion cu ft", "Tcuft": "trillion cu ft", "oilbbl": "barrels",
    "koilbbl": "thousand barrels", "Moilbbl": "million barrels", "Goilbbl": "billion barrels",
    "oilbbl/d": "barrels per day", "koilbbl/d": "thousand barrels per day", "MUSgal": "million US gal",
    "Moilbbl/d": "million barrels per day",
}  # fmt: skip
_HIDDEN_INPUT = frozenset(
    ("unit", "unit2", "u2", "number", "output number only", "output only", "out")
)


def _numbered(values: Values) -> list[str]:
    """Return the arguments "1", "2", … up to the first that is missing."""
    found: list[str] = []
    while (key := str(len(found) + 1)) in values:
        found.append(values[key])
    return found


def _is_number(text: str) -> bool:
    return text[-1:].isdigit() and _NUMBER.fullmatch(text) is not None


def convert(values: Values, lang: str) -> str | None:
    """{{convert|60|-|170|kg|lb}}: the quantity as written, ranges and pairs of units whole."""
    parts = _numbered(values)
    if values.get("disp", "") in _HIDDEN_INPUT or not parts or not _is_number(parts[0]):
        return None
    text, place = parts[0], 1
    while place + 1 < len(parts) and (joint := _RANGES.get(parts[place].lower())) is not None:
        if not _is_number(parts[place + 1]):
            break
        text += joint + parts[place + 1]
        place += 2
    unit = parts[place] if place < len(parts) else ""
    if (
        not unit
        or _is_number(unit)
        or (unit.lower() in _RANGES and place > 1 and unit not in ("e",))
    ):
        return None
    if place == 1 and unit.lower() in _RANGES and unit.lower() not in ("a", "e", "y", "o"):
        return None
    text += f" {_UNITS.get(unit, unit)}"
    place += 1
    while place + 1 < len(parts) and _is_number(parts[place]) and parts[place + 1] in _INNER_UNITS:
        text += f" {parts[place]} {parts[place + 1]}"
        place += 2
    return text


def fraction(values: Values, lang: str) -> str | None:
    """{{frac|3|1|2}}: 3 1/2."""
    parts = _numbered(values)
    if not 1 <= len(parts) <= 3 or not all(parts):
        return None
    bracketed = [f"({part})" if re.search(r"\w\s?[+\-−]\s?\w", part) else part for part in parts]
    whole = f"{bracketed[0]} " if len(parts) == 3 else ""
    above = bracketed[-2] if len(parts) > 1 else "1"
    return f"{whole}{above}/{bracketed[-1]}"


def _unit(values: Values) -> str:
    """Return the unit of {{val}}: "m.s-2" as m·s^{-2}."""
    unit = values.get("u") or values.get("ul") or ""
    per = values.get("up") or values.get("upl") or ""
    unit = f"{unit}/{per}" if per else unit
    unit = re.sub(r"(?<=\w)\.(?=[^\W\d])", "·", unit)
    return re.sub(r"(?<=[^\W\d])[-−]\d+", lambda power: script("^", power[0]), unit)


def _power(values: Values) -> str:
    exponent = values.get("e", "")
    return f"×10{script('^', exponent)}" if exponent else ""


def value(values: Values, lang: str) -> str | None:
    """{{val|1.2|0.1|e=5|u=m}}: number, uncertainty, power of ten and unit."""
    parts = _numbered(values)
    power, unit = _power(values), _unit(values)
    prefix, suffix = values.get("p", ""), values.get("s", "")
    if not 1 <= len(parts) <= 3 or not _is_number(parts[0]) or not all(map(_measured, parts[1:])):
        return None
    text = parts[0]
    if len(parts) == 2:
        if parts[1].startswith("("):
            text += parts[1]
        else:
            text += f" ± {parts[1].lstrip('±')}"
            text = f"({text})" if power else text
    elif len(parts) == 3:
        high, low = parts[1].lstrip("+"), parts[2].lstrip("-−")
        text += f" +{high}/-{low}"
        text = f"({text})" if power else text
    end = values.get("end", "")
    return f"{prefix}{text}{end}{power}{suffix}{' ' if unit else ''}{unit}"


def _measured(text: str) -> bool:
    return _is_number(text.strip("()±"))


def gaps(values: Values, lang: str) -> str | None:
    """{{gaps|12|345}}: the digits of one number, which small spaces part on the page."""
    parts = _numbered(values)
    if not parts or not all(
        re.fullmatch(r"[\d.,+\-−]+(?:\(\d+\))?|\(\d+\)", part) for part in parts
    ):
        return None
    unit = _unit(values)
    return "".join(parts) + _power(values) + (f" {unit}" if unit else "")


def height(values: Values, lang: str) -> str | None:
    """{{height|ft=6|in=2}}: 6 ft 2 in."""
    shown = [
        f"{values[unit]} {unit}"
        for unit in ("m", "cm", "ft", "in", "h", "hand")
        if _is_number(values.get(unit, ""))
    ]
    return " ".join(shown) or None


def ordinal(values: Values, lang: str) -> str | None:
    """{{ordinal|5}}: 5th."""
    number = values.get("1", "")
    if not re.fullmatch(r"\d[\d,]*", number):
        return None
    teen = number[-2:-1] == "1"
    return number + ("th" if teen else {"1": "st", "2": "nd", "3": "rd"}.get(number[-1], "th"))


def name(values: Values, lang: str) -> str | None:
    """{{sortname|Ada|Brook}}: Ada Brook."""
    return " ".join(filter(None, (values.get("1"), values.get("2")))) or None


_MONTHS = {
    "en": _words(
        "January February March April May June July August September October November December"
    ),
    "es": _words(
        "enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre"
    ),
}


def _month(text: str) -> int:
    """Return a month's number, 0 where the text is none."""
    if text.isdigit():
        return int(text) if 1 <= int(text) <= 12 else 0
    short = text[:3].lower()
    names = [month[:3].lower() for month in _MONTHS["en"]]
    return names.index(short) + 1 if len(text) >= 3 and short in names else 0


def _date(year: str, month: str, day: str, lang: str, *, day_first: bool) -> str | None:
    """Return a date as the wiki writes it; month and day may be "". None where it is no date."""
    number = _month(month) if month else 0
    if not re.fullmatch(r"-?\d{1,5}", year) or (month and not number):
        return None
    if day and (not day.isdigit() or not 1 <= int(day) <= 31 or not month):
        return None
    era = " BC" if year.startswith("-") else ""
    year = year.lstrip("-")
    if not month:
        return year + era
    names = _MONTHS.get(lang)
    if names is None:
        return "-".join((year, f"{number:02}", *((f"{int(day):02}",) if day else ()))) + era
    if lang == "es":
        return (f"{int(day)} de " if day else "") + f"{names[number - 1]} de {year}{era}"
    if not day:
        return f"{names[number - 1]} {year}{era}"
    spelled = f"{int(day)} {names[number - 1]}" if day_first else f"{names[number - 1]} {int(day)},"
    return f"{spelled} {year}{era}"


def dated(values: Values, lang: str) -> str | None:
    """{{dts|2001|3|1}}, {{birth date|…}}: year, month, day; or one argument that is a date in words."""
    parts = _numbered(values)
    if not parts or not parts[0]:
        return None
    if not re.fullmatch(r"-?\d{1,5}", parts[0]):
        return parts[0] if len(parts) == 1 and any(sign.isdigit() for sign in parts[0]) else None
    day_first = (
        values.get("df", "")[:1] in "yY1" if values.get("df") else values.get("format") == "dmy"
    )
    year, month, day, *_ = [*parts, "", ""]
    return _date(year, month, day, lang, day_first=day_first)


def day_month_year(values: Values, lang: str) -> str | None:
    """{{fecha|1|3|2001}}: day, month, year."""
    day, month, year = (values.get(key, "") for key in "123")
    return _date(year, month, day, lang, day_first=True) if year else None


def as_of(values: Values, lang: str) -> str | None:
    """{{as of|2010|5|3|lc=y}}: as of 3 May 2010."""
    year, month, day = (values.get(key, "") for key in "123")
    when = _date(year, month, day, lang, day_first=values.get("df") != "us")
    lead = "Since" if values.get("since") else "As of"
    return None if when is None else f"{lead.lower() if values.get('lc') else lead} {when}"


def age(values: Values, lang: str) -> str | None:
    """{{age|1900|5|1|1950|4|30}}: whole years between two dates; nothing as of today."""
    parts = _numbered(values)
    if len(parts) != 6 or not all(part.isdigit() for part in parts):
        return None
    try:
        born, then = date(*map(int, parts[:3])), date(*map(int, parts[3:]))
    except ValueError:
        return None
    years = then.year - born.year - ((then.month, then.day) < (born.month, born.day))
    return str(years) if years >= 0 else None


def circa(values: Values, lang: str) -> str | None:
    """{{circa|1900|1950}}: c. 1900 – c. 1950."""
    parts = [part for part in _numbered(values) if part]
    return " – ".join(f"c. {part}" for part in parts[:2]) or None


_CHINESE = {
    "c": "Chinese", "s": "simplified Chinese", "t": "traditional Chinese", "p": "pinyin", "hp": "pinyin",
    "w": "Wade–Giles", "j": "Jyutping", "cy": "Yale", "y": "Yale", "poj": "Pe̍h-ōe-jī", "l": "lit.",
    "first": "",
}  # fmt: skip


def chinese(values: Values, lang: str) -> str | None:
    """{{zh|s=汉语|t=漢語|p=Hànyǔ}} of the English wiki: each form behind its name."""
    bare = values.get("labels") == "no"
    shown = []
    for key, label in _CHINESE.items():
        if label and (form := values.get(key)):
            form = f"'{form}'" if key == "l" else form
            gap = " " if key == "l" else ": "
            shown.append(form if bare else f"{label}{gap}{form}")
    return "; ".join(shown) or values.get("1") or None


def nihongo(values: Values, lang: str) -> str | None:
    """{{nihongo|Tokyo|東京|Tōkyō}}: Tokyo (東京, Tōkyō)."""
    first, *rest = (values.get(key, "") for key in "1234")
    inside = ", ".join(filter(None, rest))
    return (f"{first} ({inside})" if first and inside else first or inside) or None


def life(values: Values, lang: str) -> str | None:
    """{{bd|1893年|12月26日|1976年|9月9日}} of the Chinese wiki: dates of birth and death."""
    born = values.get("1", "") + values.get("2", "")
    died = values.get("3", "") + values.get("4", "")
    return f"（{born}—{died}）" if born or died else None


_CHARGE = re.compile(r"\d{0,3}[+\-−]{1,9}")


def chemistry(values: Values, lang: str) -> str | None:
    """{{chem|SO|4|2-}}: SO4^{2-}."""
    parts = _numbered(values)
    shown = (script("^", part) if _CHARGE.fullmatch(part) else part for part in parts)
    return "".join(shown) or None


def chemistry2(values: Values, lang: str) -> str | None:
    """{{chem2|SO4(2-)}}: SO4^{2-}."""
    text = re.sub(r"\((\d*[+\-−])\)", lambda charge: script("^", charge[1]), values.get("1", ""))
    text = re.sub(r"(?<=[\w\])])([+−]|-(?![>\w]))(?=\s|$)", lambda sign: script("^", sign[1]), text)
    return text or None


def root(values: Values, lang: str) -> str | None:
    """{{sqrt|x + 1}}: √(x + 1)."""
    inside, degree = values.get("1", ""), values.get("2", "")
    if not inside:
        return None
    grouped = inside if re.fullmatch(r"\w+(?:\.\w+)?", inside) else f"({inside})"
    return f"{grouped}{script('^', f'1/{degree}')}" if degree else f"√{grouped}"


def interlanguage(values: Values, lang: str) -> str | None:
    """{{ill|Lake|fr|Lac|lt=the lake}}: the lake; in an older order the language stood first."""
    if shown := values.get("lt") or values.get("display"):
        return shown
    parts = _numbered(values)
    if len(parts) > 2 and re.fullmatch(r"[a-z]{2,3}", parts[0]):
        return parts[3] if len(parts) > 3 and parts[3] else parts[2]
    return parts[0] if parts else None


def braced(values: Values, lang: str) -> str | None:
    """{{mset|a, b}}: {a, b}."""
    return f"{{{values['1']}}}" if values.get("1") else None


_RUPEES = {
    "k": "thousand", "l": "lakh", "m": "million", "c": "crore", "b": "billion", "t": "trillion",
    "lc": "lakh crore",
}  # fmt: skip


def rupees(values: Values, lang: str) -> str | None:
    """{{INRConvert|5|c}}: ₹5 crore."""
    number, size = values.get("1", ""), values.get("2", "")
    if not _is_number(number) or (size and size not in _RUPEES):
        return None
    return f"₹{number} {_RUPEES[size]}" if size else f"₹{number}"


def duration(values: Values, lang: str) -> str | None:
    """{{duration|h=1|m=2|s=3}}: 1:02:03."""
    parts = [
        values.get(name) or values.get(key) or ""
        for name, key in (("h", "1"), ("m", "2"), ("s", "3"))
    ]
    while parts and not parts[0]:
        parts.pop(0)
    if not parts or not all(part.isdigit() for part in parts if part):
        return None
    return ":".join((parts[0], *(f"{int(part or 0):02}" for part in parts[1:])))


def unite(values: Values, lang: str) -> str | None:
    """{{unité|2,4|e=6|km}} of the French wiki: number, power of ten, units with their exponents."""
    parts = _numbered(values)
    if not parts or not re.match(r"[+\-−]?\d", parts[0]):
        return None
    text = parts[0]
    for key, joint in (
        ("à", " à "),
        ("et", " et "),
        ("ou", " ou "),
        ("-", "-"),
        ("±", " ± "),
        ("/", "/"),
        ("x", " × "),
    ):
        if values.get(key):
            text += joint + values[key]
    units = ""
    for place in range(1, len(parts), 2):
        exponent = parts[place + 1] if place + 1 < len(parts) else ""
        if exponent and not _is_number(exponent):
            return None
        units += ("·" if units and parts[place] else "") + parts[place]
        units += script("^", exponent) if exponent not in ("", "1") else ""
    return text + _power(values) + (f" {units}" if units else "")


def french_date(values: Values, lang: str) -> str | None:
    """{{date|1|janvier|2000}}: 1er janvier 2000."""
    parts = [part for part in _numbered(values)[:3] if part]
    if not parts:
        return None
    if parts[0] == "1" and len(parts) > 1:
        parts[0] = "1er"
    return " ".join(parts)


def centuries(values: Values, lang: str) -> str | None:
    """{{sp|XIX|e|au|XX|e|s}}: XIXe au XXe siècle."""
    parts = _numbered(values)
    if len(parts) < 5 or not all(parts[:5]):
        return None
    return f"{parts[0]}{parts[1]} {parts[2]} {parts[3]}{parts[4]} siècle"


FUNCTIONS: Mapping[str, Callable[[Values, str], str | None]] = {
    function.__name__: function
    for function in (
        convert, fraction, value, gaps, height, ordinal, name, dated, day_month_year, as_of, age, circa,
        chinese, nihongo, life, chemistry, chemistry2, root, interlanguage,
        braced, rupees, duration, unite, french_date,
        centuries,
    )
}  # fmt: skip
"""The functions by the name that `prose_templates.tsv` gives behind "@"."""
