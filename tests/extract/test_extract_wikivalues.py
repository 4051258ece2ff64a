"""Templates that carry quantities, and Chinese conversion marks: what a reader of the page sees.

Values were written by hand from the templates' and the converter's documentation, before the code.
"""

from __future__ import annotations

import pytest

from corpusforge.errors import RecipeError
from corpusforge.extract.settings import Settings
from corpusforge.extract.wikitext import to_text


def text(source: str, lang: str = "en", variant: str = "zh-cn") -> str:
    return to_text(source, "Page", lang, True, variant)


ENGLISH = {
    "{{convert|93|m|ft|abbr=off}}": "93 m",
    "{{convert|60|-|170|kg|lb}}": "60-170 kg",
    "{{convert|60|–|170|kg|lb|0}}": "60–170 kg",
    "{{convert|10|to|20|kg|lb}}": "10 to 20 kg",
    "{{convert|10|to(-)|20|kg|lb}}": "10 to 20 kg",
    "{{convert|10|and|20|km|mi}}": "10 and 20 km",
    "{{convert|10|or|20|km|mi}}": "10 or 20 km",
    "{{convert|5|x|10|m|ft}}": "5 x 10 m",
    "{{convert|5|xx|10|m|ft}}": "5 × 10 m",
    "{{convert|5|by|10|m|ft}}": "5 by 10 m",
    "{{convert|3|±|4|km|mi}}": "3 ± 4 km",
    "{{convert|3|+/-|4|km|mi}}": "3 ± 4 km",
    "{{convert|2|x|3|x|4|m|ft}}": "2 x 3 x 4 m",
    "{{convert|1|,|2|and|3|m|ft}}": "1, 2 and 3 m",
    "{{convert|6|ft|2|in|m}}": "6 ft 2 in",
    "{{convert|10|lb|4|oz|kg}}": "10 lb 4 oz",
    "{{convert|10|km|mi|1}}": "10 km",
    "{{convert|10|km|1}}": "10 km",
    "{{convert|1+1/2|in|mm}}": "1+1/2 in",
    "{{convert|1,234.5|km|mi}}": "1,234.5 km",
    "{{convert|-40|C|F}}": "-40 °C",
    "{{convert|5|sqmi|km2}}": "5 sq mi",
    "{{cvt|5|km2|sqmi}}": "5 km2",
    "{{convert|{{formatnum:1000}}|km}}": "1000 km",
    "{{convert|{{unknown|1}}|km}}": "",
    "{{convert|km}}": "",
    "{{convert|5}}": "",
    "{{convert|5|to|km}}": "",
    "{{convert|5|to||km}}": "",
    "{{convert|5|km|disp=unit}}": "",
    "{{frac|2}}": "1/2",
    "{{frac|1|2}}": "1/2",
    "{{frac|3|1|2}}": "3 1/2",
    "{{sfrac|3|1|2}}": "3 1/2",
    "{{sfrac|a + b|c}}": "(a + b)/c",
    "{{frac|1|2|3|4}}": "",
    "{{val|1.2}}": "1.2",
    "{{val|1.2|u=m}}": "1.2 m",
    "{{val|1.2|e=5|u=m}}": "1.2×10^5 m",
    "{{val|1.2|e=-5}}": "1.2×10^{-5}",
    "{{val|1.2|0.1|u=m}}": "1.2 ± 0.1 m",
    "{{val|1.2|0.1|e=3|u=m}}": "(1.2 ± 0.1)×10^3 m",
    "{{val|1.2|+0.3|-0.2}}": "1.2 +0.3/-0.2",
    "{{val|1.234|(12)|u=kg}}": "1.234(12) kg",
    "{{val|10|u=m.s-2}}": "10 m·s^{-2}",
    "{{val|10|ul=km|upl=h}}": "10 km/h",
    "{{val|about}}": "",
    "{{height|ft=6|in=2}}": "6 ft 2 in",
    "{{height|ft=6|in=0}}": "6 ft 0 in",
    "{{height|m=1.88}}": "1.88 m",
    "{{gaps|12|345|678}}": "12345678",
    "{{gaps|3|.|141|59|e=3}}": "3.14159×10^3",
    "{{ordinal|1}} {{ordinal|2}} {{ordinal|3}} {{ordinal|5}} {{ordinal|11}} {{ordinal|112}}":
        "1st 2nd 3rd 5th 11th 112th",
    "{{sort|03|three}}": "three",
    "{{sort|three}}": "three",
    "{{sortname|Ada|Brook}}": "Ada Brook",
    "{{sortname|Ada|Brook|nolink=1}}": "Ada Brook",
    "{{dts|2001|3|1}}": "March 1, 2001",
    "{{dts|format=dmy|2001|March|1}}": "1 March 2001",
    "{{dts|2001|3}}": "March 2001",
    "{{dts|1 March 2001}}": "1 March 2001",
    "{{dts|2001|14|1}}": "",
    "{{birth date|1900|1|2}}": "January 2, 1900",
    "{{birth date and age|df=yes|1900|1|2}}": "2 January 1900",
    "{{death date and age|1970|1|2|1900|3|4}}": "January 2, 1970",
    "{{start date|2001}}": "2001",
    "{{as of|2010|5}}": "As of May 2010",
    "{{as of|2010|5|3|lc=y}}": "as of 3 May 2010",
    "{{age|1900|5|1|1950|4|30}}": "49",
    "{{age|1900|5|1}}": "",
    "{{circa|1900}} {{circa|1900|1950}}": "c. 1900 c. 1900 – c. 1950",
    "{{code|x {{=}} 1|python}}": "x = 1",
    "{{code|1=x = 1|lang=python}}": "x = 1",
    "{{code|lang=python|code=x}}": "x",
    "{{w|lake|lakes}} {{w|lake}}": "lakes lake",
    "{{ill|Some Lake|fr|Lac X|lt=the lake}}": "the lake",
    "{{ill|Some Lake|fr|Lac X}}": "Some Lake",
    "{{ill|de|Der See|Some Lake|the lake}} {{ill|de|Der See|Some Lake}}": "the lake Some Lake",
    "{{nowrap|{{convert|5|km|mi}}}}": "5 km",
    "{{nowrap|E {{=}} mc{{sup|2}}}}": "E = mc^2",
    "{{nihongo|'''Tokyo'''|東京|Tōkyō}}": "Tokyo (東京, Tōkyō)",
    "{{nihongo|Tokyo}}": "Tokyo",
    "{{zh|s=汉语|t=漢語|p=Hànyǔ}}": "simplified Chinese: 汉语; traditional Chinese: 漢語; pinyin: Hànyǔ",
    "{{zh|c=文|labels=no}}": "文",
    "{{chem|H|2|O}} {{chem|SO|4|2-}} {{chem2|Na+}}": "H2O SO4^{2-} Na^+",
    "10{{sup|6}}, x{{sub|i}} and 3{{e|6}}": "10^6, x_i and 3×10^6",
    "10<sup>6</sup> and 2<sup>1</sup>⁄<sub>2</sub>": "10^6 and 2 1/2",
    "''x''<sup>2</sup> the 3<sup>rd</sup> H<sub>2</sub>O": "x^2 the 3rd H2O",
    "{{sqrt|2}} {{sqrt|x + 1}} {{pi}} {{abs|x}}": "√2 √(x + 1) π |x|",
    "{{INRConvert|5|c}} {{£|3}} {{US$|2 million}}": "₹5 crore £3 US$2 million",
    "{{ship|HMS|Beagle}} {{HMS|Beagle}}": "HMS Beagle HMS Beagle",
    "{{duration|h=1|m=2|s=3}} {{duration|4|5|6}}": "1:02:03 4:05:06",
    "{{RA|12|30|5}} {{DEC|+5|10}}": "12h 30m 5s +5° 10′",
    "{{lang|fr|mot}} {{lang|fr}}": "mot",
    "{{quote|text=Be it.|author=X}}": "Be it.",
    "{{SubSup|x|i|2}}": "x_i^2",
    "{{mset|a, b}} {{tmath|a^2}}": "{a, b} $a^2$",
    "<math display=block>x</math> <ce>H2O</ce>": "$$x$$ $\\ce{H2O}$",
    "<ruby>漢<rt>かん</rt></ruby>字": "漢字",
    "{{nowrap|a-{b|c}-d}}": "a" + "cd",
}  # fmt: skip


@pytest.mark.parametrize("source", ENGLISH)
def test_templates_of_quantities_in_english(source):
    assert (
        text(f"It was {source}, or so.").removeprefix("It was").removesuffix(", or so.").strip()
        == (ENGLISH[source])
    )


OTHERS = [
    ("fr", "{{unité|10|km}} et {{unité|12|m|2}}", "10 km et 12 m^2"),
    ("fr", "{{unité|8032926 [[Autrichiens]]}} {{unité|5,2 ‰}}", "8032926 Autrichiens 5,2 ‰"),
    ("fr", "{{unité|habitants}}x", "x"),
    ("fr", "{{unité|2,4|e=6|km}}", "2,4×10^6 km"),
    ("fr", "{{nombre|1234|habitants}}", "1234 habitants"),
    ("fr", "{{date|1|janvier|2000}} et {{date|2|mai|1900}}", "1er janvier 2000 et 2 mai 1900"),
    ("fr", "{{s|XIX}}, {{sp|XIX|e|au|XX|e|s}}", "XIXe siècle, XIXe au XXe siècle"),
    (
        "fr",
        "{{heure|10|30}} {{tmp|20|°C}} {{3e}} {{Ier}} {{XXe siècle}}",
        "10 h 30 20 °C 3e Ier XXe siècle",
    ),
    ("fr", "{{lien|Lac|lang=en|trad=Lake|texte=le lac}}", "le lac"),
    ("fr", "{{n°|5}} {{exp|2}}", "no 5 2"),
    ("fr", "{{citation|Bonjour.}}", "Bonjour."),
    ("de", "{{FormatZahl|1234}} {{Bruch|1|2|3}} {{Höhe|123|DE-NHN}}", "1234 1 2/3 123 m"),
    ("de", "{{SortKeyName|Ada|Brook}}", "Ada Brook"),
    (
        "es",
        "{{unidad|10|km}} {{fecha|1|3|2001}} {{siglo|XIX}}",
        "10 km 1 de marzo de 2001 siglo XIX",
    ),
    ("es", "{{esd|10 km}} {{convertir|10|a|20|km|mi}}", "10 km 10 a 20 km"),
    ("ru", "{{число|1234}} {{s|10 км}} {{нп5|Озеро|озера|en|Lake}}", "1234 10 км озера"),
    ("pt", "{{fmtn|1234|km}}", "1234 km"),
    ("it", "{{M|10|u=km}} {{TA|5 m}}", "10 km 5 m"),
    ("zh", "毛泽东{{bd|1893年|12月26日|1976年|9月9日}}", "毛泽东（1893年12月26日—1976年9月9日）"),
    ("zh", "某人{{bd|1990年|1月2日}}", "某人（1990年1月2日—）"),
    ("zh", "{{le|湖|Lake|大湖}}和{{le|湖|Lake}}", "大湖和湖"),
    ("zh", "{{link-en|湖|Lake|大湖}}和{{tsl|en|Lake|湖|小湖}}", "大湖和小湖"),
    ("zh", "{{僻字|㐀|x}}{{专名|曹操}}", "㐀曹操"),
    ("ja", "{{仮リンク|湖|en|Lake|label=大湖}}は{{ruby|漢|かん}}", "大湖は漢"),
]


@pytest.mark.parametrize(("lang", "source", "wanted"), OTHERS)
def test_templates_of_quantities_in_other_languages(lang, source, wanted):
    assert text(source, lang) == wanted


ZH = {
    "这台-{zh-hans:计算机;zh-hant:電腦}-很快": "这台计算机很快",
    "这台-{zh-hant:電腦;zh-hans:计算机}-很快": "这台计算机很快",
    "这台-{zh-tw:電腦;zh-cn:计算机;zh-hk:電腦;}-很快": "这台计算机很快",
    "这台-{ zh-tw : 電腦 ; zh-sg : 电脑 }-很快": "这台电脑很快",
    "这台-{zh-tw:電腦;zh-hk:機}-很快": "这台電腦很快",
    "-{H|zh-hans:计算机;zh-hant:電腦}-这台": "这台",
    "-{T|zh-hans:计算机;zh-hant:電腦}-这台": "这台",
    "-{H;T|zh-hans:计算机;zh-hant:電腦}-这台": "这台",
    "-{-|zh-hans:计算机;zh-hant:電腦}-这台": "这台",
    "-{D|zh-hans:计算机;zh-hant:電腦}-这台": "这台",
    "-{N|zh-hans}-这台": "这台",
    "这台-{A|zh-hans:计算机;zh-hant:電腦}-很快": "这台计算机很快",
    "这台-{R|zh-hans:计算机}-很快": "这台zh-hans:计算机很快",
    "这台-{zh-hans;zh-hant|电脑}-很快": "这台电脑很快",
    "-{H|電腦=>zh-cn:计算机;}-这台": "这台",
    "-{電腦=>zh-cn:计算机;}-这台": "这台",
    "{{nowrap|-{A|zh-hans:甲;zh-hant:乙}-}}很快": "甲很快",
    "-{zh-hans:{{nowrap|甲}};zh-hant:乙}-很快": "甲很快",
    "-{zh-hans:甲;zh-hant:{{nowrap|乙}}}-很快": "甲很快",
    '-{zh-hans:<span style="color:red;">甲</span>;zh-hant:乙}-很快': "甲很快",
    "-{zh-hans:A&amp;B;zh-hant:C}-很快": "A&B很快",
    "-{zh-hans:甲-{zh-hans:乙;zh-hant:丙}-;zh-hant:丁}-很快": "甲乙很快",
    "-{干}-预": "干预",
    "-{[[计算机|电脑]]}-很快": "电脑很快",
    "[[计算机|-{zh-hans:计算机;zh-hant:電腦}-]]很快": "计算机很快",
    "-{}-很快": "很快",
    "-{{{nowrap|甲}}乙}-很快": "甲乙很快",
    "-{{{nowrap|甲}}}-很快": "甲很快",
    "-{zh:丙;zh-Hans-CN:甲;zh-Hant-TW:乙}-很快": "甲很快",
    "一-{{nowrap|二}}三": "一-二三",
    "{|\n|-\n|-{A|zh-hans:甲;zh-hant:乙}-\n|二\n|}\n很快": "甲 | 二\n\n很快",
    "{|\n! -{zh-hans:甲;zh-hant:乙}- !! 二\n|-\n| 1 || -{A|zh-hans:丙;zh-hant:丁}-\n|}\n很快":
        "甲 | 二\n1 | 丙\n\n很快",
    "没完-{zh-hans:甲很快": "没完zh-hans:甲很快",
    "没完}-很快": "没完}-很快",
}  # fmt: skip


@pytest.mark.parametrize("source", ZH)
def test_conversion_marks(source):
    assert text(source, "zh") == ZH[source]


def test_one_variant_holds_for_the_page_whatever_stands_first():
    source = "-{zh-hans:甲;zh-hant:乙}--{zh-tw:丙;zh-cn:丁;zh-hk:戊}-"
    assert text(source, "zh", "zh-cn") == "甲丁"
    assert text(source, "zh", "zh-tw") == "乙丙"
    assert text(source, "zh", "zh-hk") == "乙戊"
    assert text(source, "zh", "zh-hant") == "乙丙"


def test_an_unknown_variant_is_refused_with_the_known_ones():
    with pytest.raises(RecipeError, match=r"wiki_variant is 'zh-xx'.*zh-cn"):
        Settings(wiki_variant="zh-xx")


@pytest.mark.parametrize(
    "unit", ["-{", "}-", "-{a|", "-{zh:a;", "{{convert|", "-{H|a}-", "{{-{", "}}-", "-{[["]
)
def test_marks_without_partners_take_linear_time(unit):
    assert len(text(unit * 60_000 + "end", "zh")) < 500_000
