"""The prices of a campaign: those of the table's spec, or of today."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import ValidationError

from tidegate.customers.spec import Money, TableSpec
from tidegate.errors import SettingRefused, SpecRefused

LONGEST_CURRENCY = 12
_VALUES = ("customer_value", "customer_value_column")


def prices_of(spec: TableSpec, given: Mapping[str, object]) -> Money:
    """The spec's prices, each that is given taking the place of the spec's; one kind of customer value takes the place of the other.

    `given` has names of `Money`, amounts as numbers or as a person writes them. Raises SpecRefused where neither has prices, SettingRefused
    naming the price that cannot be used.
    """
    if not given:
        if spec.money is None:
            raise SpecRefused(
                f"The spec {spec.name!r} has no [money], so nobody knows what a contact is worth.",
                "Give prices: --spec FILE with [money] (docs/spec.md), or the price fields of POST /campaigns.",
            )
        return spec.money
    kept = {} if spec.money is None else spec.money.model_dump()
    if any(name in given for name in _VALUES):
        kept = {name: price for name, price in kept.items() if name not in _VALUES}
    try:
        prices = Money.model_validate({**kept, **given})
    except ValidationError as error:
        raise SettingRefused(_sentence(error), "Send amounts as in 12.50 and the acceptance rate as a share, as in 0.35.") from None
    _check(spec, prices)
    return prices


def value_columns(spec: TableSpec) -> tuple[str, ...]:
    """The columns that may say what a customer is worth, in the spec's order."""
    roles = {spec.id, spec.label, spec.time, spec.group}
    return tuple(name for name, column in spec.columns.items() if column.kind in ("integer", "number") and name not in roles)


def _check(spec: TableSpec, prices: Money) -> None:
    """What `Money` alone cannot know. Raises SettingRefused."""
    if not 0 < len(prices.currency.strip()) <= LONGEST_CURRENCY or not prices.currency.isprintable():
        raise SettingRefused(f"currency must be 1 to {LONGEST_CURRENCY} printable characters.", "Send its code, as in EUR.")
    column = prices.customer_value_column
    if column is not None and column not in value_columns(spec):
        columns = ", ".join(value_columns(spec)) or "none"
        raise SettingRefused(f"customer_value_column is no number column of the spec {spec.name!r}.", f"There are: {columns}.")


def _sentence(error: ValidationError) -> str:
    first = error.errors()[0]
    if not first["loc"]:
        return "Give either customer_value or customer_value_column."
    name = first["loc"][0]
    if first["type"] == "missing":
        return f"{name} is not given."
    if first["type"] == "extra_forbidden":
        return f"{name} is no price."
    return f"{name} {first['msg'].removeprefix('Input ').replace('should be', 'must be')}."
