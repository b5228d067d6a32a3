"""Cross-field rules: a small arithmetic over number columns, parsed once, never evaluated as Python."""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float64]
_ARITHMETIC: dict[type[ast.operator], Callable[[Values, Values], Values]] = {
    ast.Add: np.add,
    ast.Sub: np.subtract,
    ast.Mult: np.multiply,
    ast.Div: np.divide,
}
_COMPARISONS = (ast.LtE, ast.Lt, ast.GtE, ast.Gt, ast.Eq)
_MOST_NODES = 200


@lru_cache(maxsize=256)
def _parse(check: str) -> ast.Compare:
    try:
        tree = ast.parse(check, mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise ValueError(f"`{check}` is not an expression") from None
    nodes = list(ast.walk(tree))
    if len(nodes) > _MOST_NODES:
        raise ValueError("a rule's expression is too long, split it")
    if not isinstance(tree, ast.Compare) or len(tree.ops) != 1 or not isinstance(tree.ops[0], _COMPARISONS):
        raise ValueError(f"`{check}` needs exactly one comparison: <= < >= > ==")
    for side in (tree.left, tree.comparators[0]):
        _check(side, check)
    if not _names(tree):
        raise ValueError(f"`{check}` reads no column")
    return tree


def _names(tree: ast.Compare) -> list[ast.Name]:
    called = {id(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
    return [node for node in ast.walk(tree) if isinstance(node, ast.Name) and id(node) not in called]


def _check(node: ast.AST, check: str) -> None:
    match node:
        case ast.BinOp(left=left, op=operator, right=right) if type(operator) in _ARITHMETIC:
            _check(left, check)
            _check(right, check)
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            _check(operand, check)
        case ast.Call(func=ast.Name(id="abs"), args=[argument], keywords=[]):
            _check(argument, check)
        case ast.Name():
            pass
        case ast.Constant(value=int() | float() as value) if not isinstance(value, bool) and abs(value) < 1e300:
            pass
        case _:
            raise ValueError(f"`{check}` may hold only column names, numbers, + - * /, abs() and one comparison")


def names_in(check: str) -> tuple[str, ...]:
    """Column names that a rule reads, in order of appearance. Raises ValueError where it is no rule.

    >>> names_in("abs(a - b) <= 2 * c")
    ('a', 'b', 'c')
    """
    found = sorted(_names(_parse(check)), key=lambda node: (node.lineno, node.col_offset))
    return tuple(dict.fromkeys(node.id for node in found))


def broken(check: str, tolerance: float, columns: Mapping[str, Values]) -> NDArray[np.bool_]:
    """Rows (bool, one per row) that break the rule by more than `tolerance`; a row with a missing (NaN) side never does.

    >>> broken("a <= b", 0.0, {"a": np.array([1.0, 3.0, np.nan]), "b": np.array([2.0, 2.0, 2.0])})
    array([False,  True, False])
    """
    tree = _parse(check)
    with np.errstate(all="ignore"):
        difference = _value(tree.left, columns) - _value(tree.comparators[0], columns)
        match tree.ops[0]:
            case ast.LtE():
                result = difference > tolerance
            case ast.Lt():
                result = difference >= max(tolerance, 0.0)
            case ast.GtE():
                result = difference < -tolerance
            case ast.Gt():
                result = difference <= -tolerance
            case _:
                result = np.abs(difference) > tolerance
    return np.asarray(result, dtype=np.bool_)


def _value(node: ast.AST, columns: Mapping[str, Values]) -> Values:
    match node:
        case ast.BinOp(left=left, op=operator, right=right):
            return _ARITHMETIC[type(operator)](_value(left, columns), _value(right, columns))
        case ast.UnaryOp(operand=operand):
            return np.negative(_value(operand, columns))
        case ast.Call(args=[argument]):
            return np.abs(_value(argument, columns))
        case ast.Name(id=name):
            return columns[name]
        case ast.Constant(value=int() | float() as value):
            return np.float64(value)  # type: ignore[return-value]
    raise AssertionError(ast.dump(node))
