"""The calculator: arithmetic on exact fractions, of an expression that a model wrote.

The expression is parsed by Python's own parser and walked over a list of allowed nodes; nothing is
evaluated. Numbers are read from their digits, so 0.1 + 0.2 is 0.3. Results are whole, or rounded half up
to two decimals as in Toolformer (Schick et al. 2023: 400/1400 is 0.29), small ones to two significant
figures. Limits: the four operations, // and % of Python, and whole powers; no functions, since their
results are not exact.
"""

from __future__ import annotations

import ast
import re
import unicodedata
from decimal import ROUND_HALF_UP, Context, Decimal
from fractions import Fraction

from corpusforge.instruct.tools.errors import ToolError

__all__ = ["calculate", "shown"]

_LENGTH = 200  # characters of an expression
_BITS = 2048  # of a numerator or denominator: 600 digits
_POWER = 256  # largest exponent
_DIGITS = re.compile(r"\d{1,30}(?:\.\d{1,30})?|\.\d{1,30}")
_GROUPED = re.compile(r"(?<![\d.,])\d{1,3}(?:,\d{3})++(?![\d,])")
_PERCENT = re.compile(r"(\d)[ ]?%(?!\s*[\d(.])")
_WRITTEN = str.maketrans({"×": "*", "÷": "/", "−": "-", "–": "-", "^": "\x00"})


def calculate(expression: str) -> str:
    """Return the value of an expression as it is shown. Raises ToolError."""
    return shown(evaluate(expression))


def evaluate(expression: str) -> Fraction:
    """Return the exact value of an expression. Raises ToolError."""
    plain = unicodedata.normalize("NFKC", expression[: 2 * _LENGTH]).strip()
    text = plain.removesuffix("=").strip().translate(_WRITTEN).replace("\x00", "**")
    text = _PERCENT.sub(r"\1/100", _GROUPED.sub(lambda found: found[0].replace(",", ""), text))
    if not text or len(expression) > _LENGTH or not text.isascii():
        raise ToolError(f"an expression has 1 to {_LENGTH} characters of ASCII")
    try:
        tree = ast.parse(text, mode="eval")
        return _value(tree.body, text)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise ToolError("not an arithmetic expression") from error


def shown(value: Fraction) -> str:
    """Return a result in figures: whole, else two decimals, else two significant figures."""
    if value.denominator == 1:
        return str(value.numerator)
    exact = Decimal(value.numerator)
    places = Decimal("0.01")
    wide = Context(prec=1000, rounding=ROUND_HALF_UP)
    quotient = wide.divide(exact, Decimal(value.denominator))
    if abs(value) < Fraction(1, 10):
        rounded = Context(prec=2, rounding=ROUND_HALF_UP).plus(quotient)
    else:
        rounded = quotient.quantize(places, ROUND_HALF_UP, wide)
    text = format(rounded, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def _value(node: ast.expr, text: str) -> Fraction:
    if isinstance(node, ast.Constant):
        written = ast.get_source_segment(text, node) or ""
        if not _DIGITS.fullmatch(written):
            raise ToolError(f"{written!r} is no plain number")
        return Fraction(written)
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, (ast.UAdd, ast.USub)):
        value = _value(node.operand, text)
        return -value if isinstance(node.op, ast.USub) else value
    if isinstance(node, ast.BinOp):
        return _small(_operate(node.op, _value(node.left, text), _value(node.right, text)))
    raise ToolError(
        f"{type(node).__name__} is not allowed; numbers, + - * / // % ** and brackets are"
    )


def _operate(operation: ast.operator, left: Fraction, right: Fraction) -> Fraction:
    if isinstance(operation, ast.Pow):
        return _power(left, right)
    if isinstance(operation, (ast.Div, ast.FloorDiv, ast.Mod)) and not right:
        raise ToolError("division by zero")
    match operation:
        case ast.Add():
            return left + right
        case ast.Sub():
            return left - right
        case ast.Mult():
            return left * right
        case ast.Div():
            return left / right
        case ast.FloorDiv():
            return Fraction(left // right)
        case ast.Mod():
            return left % right
    raise ToolError(f"{type(operation).__name__} is no operation of arithmetic")


def _power(base: Fraction, exponent: Fraction) -> Fraction:
    if exponent.denominator != 1 or abs(exponent) > _POWER:
        raise ToolError(f"an exponent is a whole number up to {_POWER}")
    if not base and exponent < 0:
        raise ToolError("division by zero")
    if _bits(base) * max(1, abs(exponent.numerator)) > _BITS:
        raise ToolError("the result is too large")
    return Fraction(base ** int(exponent))


def _bits(value: Fraction) -> int:
    return max(value.numerator.bit_length(), value.denominator.bit_length())


def _small(value: Fraction) -> Fraction:
    if _bits(value) > _BITS:
        raise ToolError("the result is too large")
    return value
