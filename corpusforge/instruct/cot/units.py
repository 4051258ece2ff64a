"""Units by name: their dimension and their size in it, exact.

Only conversions that schools teach and that are exact. Other words after a number (eggs, 名学生) are
counted things and say nothing. Limits: "pounds" may be money or weight and is such a word, too; "in"
is never inches; currencies are not converted into each other.
"""

from __future__ import annotations

from fractions import Fraction

__all__ = ["CURRENCIES", "SCALES", "UNITS"]

F = Fraction

_TABLE: dict[str, dict[Fraction | int, str]] = {
    "percent": {F(1, 100): "% percent per·cent percentage·points percentage·point"},
    "length": {
        F(1, 1000): "mm millimeter millimeters millimetre millimetres 毫米",
        F(1, 100): "cm centimeter centimeters centimetre centimetres 厘米",
        F(1, 10): "dm 分米",
        1: "m meter meters metre metres 米",
        1000: "km kilometer kilometers kilometre kilometres 千米 公里",
    },
    "feet": {F(1, 12): "inch inches", 1: "ft foot feet", 3: "yd yard yards", 5280: "mile miles mi"},
    "mass": {
        F(1, 10**6): "mg milligram milligrams 毫克",
        F(1, 1000): "g gram grams 克",
        F(1, 20): "两",
        F(1, 2): "斤",
        1: "kg kilogram kilograms 千克 公斤",
        1000: "tonne tonnes 吨",
    },
    "volume": {
        F(1, 1000): "ml milliliter milliliters millilitre millilitres 毫升",
        1: "l liter liters litre litres 升",
    },
    "time": {
        1: "s sec second seconds 秒 秒钟",
        60: "min mins minute minutes 分钟",
        3600: "h hr hrs hour hours 小时 个小时",
        86400: "day days 天 日",
        604800: "week weeks 周 星期 个星期",
    },
    "months": {1: "month months 个月", 12: "year years 年"},
    "money:USD": {F(1, 100): "cent cents ¢", 1: "$ usd dollar dollars us·dollars 美元"},
    "money:EUR": {1: "€ eur euro euros 欧元"},
    "money:GBP": {F(1, 100): "pence", 1: "£ gbp 英镑"},
    "money:CNY": {F(1, 100): "分", F(1, 10): "角 毛", 1: "¥ cny rmb yuan 元 块 块钱 人民币"},
    "speed:mph": {1: "mph miles·per·hour mile·per·hour"},
    "speed:km/h": {1: "km/h kmh kph kilometers·per·hour kilometres·per·hour 千米/小时 公里/小时"},
    "angle": {1: "° degree degrees 度"},
    "celsius": {1: "°c 摄氏度"},
    "fahrenheit": {1: "°f 华氏度"},
    "area": {1: "平方米 square·meters square·metres m^2 m2 m²"},
    "power": {1: "w 瓦", 1000: "kw 千瓦"},
}

UNITS: dict[str, tuple[str, Fraction]] = {
    name.replace("·", " "): (dimension, F(size))
    for dimension, sizes in _TABLE.items()
    for size, names in sizes.items()
    for name in names.split()
}
"""Name in lower case to (dimension, size in it)."""

CURRENCIES = {"$": "$", "€": "€", "£": "£", "¥": "¥", "usd": "$", "us$": "$", "rmb": "¥",
              "eur": "€", "gbp": "£", "cny": "¥"}  # fmt: skip
"""Signs that stand before a number."""

SCALES = {
    "dozen": 12, "hundred": 10**2, "thousand": 10**3, "million": 10**6, "billion": 10**9,
    "trillion": 10**12, "百": 10**2, "千": 10**3, "万": 10**4, "百万": 10**6, "千万": 10**7,
    "亿": 10**8, "万亿": 10**12,
}  # fmt: skip
"""Words that multiply the number before them."""
