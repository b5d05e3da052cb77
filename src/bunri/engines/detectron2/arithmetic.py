"""What configs of the zoo compute in place of a value: ``[[x, x * 2**(1.0 / 3)] for x in [32, 64]]``, and no more."""

import ast
import operator
from collections.abc import Callable, Mapping
from typing import Any

MOST_LETTERS = 1_000
MOST_COMPREHENSIONS = 2
"""So that the result grows with the square of the text at most."""

LARGEST_BASE, LARGEST_POWER = 2**16, 64

Names = Mapping[str, Any]

_OPERATORS: Mapping[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.Pow: operator.pow,
}


def value_of(text: str) -> Any:
    """The value of an expression of numbers, lists, tuples, arithmetic and comprehensions over lists.

    Raises:
        ValueError: It is another one, or one too large.
    """
    if len(text) > MOST_LETTERS:
        raise ValueError(f"it must have at most {MOST_LETTERS} letters")
    try:
        tree = ast.parse(text, mode="eval")
        if sum(isinstance(node, ast.ListComp) for node in ast.walk(tree)) > MOST_COMPREHENSIONS:
            raise ValueError(f"it must have at most {MOST_COMPREHENSIONS} comprehensions")
        return _value(tree.body, {})
    except (SyntaxError, ArithmeticError, KeyError, RecursionError) as error:
        raise ValueError(f"{type(error).__name__}: {error}") from error


def _value(node: ast.expr, names: Names) -> Any:
    match node:
        case ast.Constant(value=int() | float() as number):
            return number
        case ast.Name(id=name):
            return names[name]
        case ast.List(elts=parts):
            return [_value(part, names) for part in parts]
        case ast.Tuple(elts=parts):
            return tuple(_value(part, names) for part in parts)
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return -_number(operand, names)
        case ast.BinOp(left=left, op=how, right=right) if type(how) in _OPERATORS:
            return _computed(how, _number(left, names), _number(right, names))
        case ast.ListComp(elt=part, generators=[ast.comprehension(target=ast.Name(id=name), iter=over, ifs=[])]):
            return [_value(part, {**names, name: value}) for value in _list(over, names)]
    raise ValueError(f"it must only compute numbers, but has {ast.unparse(node)}")


def _number(node: ast.expr, names: Names) -> float:
    value = _value(node, names)
    if not isinstance(value, int | float):
        raise ValueError(f"{ast.unparse(node)} must be a number")
    return value


def _list(node: ast.expr, names: Names) -> list[Any]:
    value = _value(node, names)
    if not isinstance(value, list):
        raise ValueError(f"{ast.unparse(node)} must be a list")
    return value


def _computed(how: ast.operator, left: float, right: float) -> Any:
    if isinstance(how, ast.Pow) and (abs(left) > LARGEST_BASE or abs(right) > LARGEST_POWER):
        raise ValueError(f"a power must be of at most {LARGEST_BASE}, to at most {LARGEST_POWER}")
    value = _OPERATORS[type(how)](left, right)
    if not isinstance(value, int | float):
        raise ValueError("a power must be a real number")
    return value
