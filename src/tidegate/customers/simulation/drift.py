"""Covariate drift: one column of a drawn block moves, and what is bound to it by an identity follows."""

from __future__ import annotations

from functools import cache

import numpy as np

from tidegate.customers.simulation import bank
from tidegate.customers.simulation.draw import DRIFT, Columns, Floats, credit_use, reference_columns, stream
from tidegate.customers.simulation.scenario import Drift, LevelDrift
from tidegate.errors import SettingRefused

STEPS = 60
REACH = 0.95
"""How much of the way to a column's bounds its mean may go."""


def drifted(columns: Columns, drift: Drift | LevelDrift, level: Floats, seed: int, block: int) -> Columns:
    """The columns after a drift of which `level` (0 to 1, float64 (rows,)) has come. A row where it is 0 stays as it is.

    The same customer of a block is rounded, or moved to the level, by the same draw in every month of a panel.
    """
    rows = len(level)
    draws = stream(seed, block, DRIFT, bank.COLUMNS.index(drift.column)).random((rows, 2))
    if isinstance(drift, LevelDrift):
        return columns | {drift.column: _relevelled(columns[drift.column], drift, level, draws)}
    moved = _moved(columns, drift.column, distance(drift.column, drift.standard_deviations) * level)
    if columns[drift.column].dtype == np.int64:
        # rounded up as often as the fraction says, so that the mean moves by fractions too
        moved = np.floor(moved + draws[:, 0]).astype(np.int64)
    return columns | _with_credit(columns, drift.column, np.where(level > 0, moved, columns[drift.column]), level)


@cache
def distance(column: str, standard_deviations: float) -> float:
    """By how much to move every value so that, after the bounds stop some, the mean moves by so many standard deviations.

    Found by bisection on the reference customers. Raises SettingRefused where the bounds leave no room for it.
    """
    reference = reference_columns()
    values = reference[column].astype(np.float64)
    low, high = _bounds(reference, column)
    reach = REACH * (np.mean(low) - values.mean()) / values.std(), REACH * (np.mean(high) - values.mean()) / values.std()
    if not reach[0] <= standard_deviations <= reach[1]:
        raise SettingRefused(
            f"{column} cannot move by {standard_deviations:g} standard deviations within its bounds.",
            f"Ask for {np.ceil(100 * reach[0]) / 100:g} to {np.floor(100 * min(reach[1], 100)) / 100:g}.",
        )
    goal = float(values.mean()) + standard_deviations * float(values.std())
    below, above = -float(np.ptp(values)) - abs(goal), float(np.ptp(values)) + abs(goal)
    for _ in range(STEPS):
        middle = (below + above) / 2
        if np.clip(values + middle, low, high).mean() < goal:
            below = middle
        else:
            above = middle
    return (below + above) / 2


def _bounds(columns: Columns, column: str) -> tuple[Floats | float, Floats | float]:
    low, high = bank.BOUNDS[column]
    if column == "Total_Revolving_Bal":
        return low, _fullest(columns["Credit_Limit"])
    if column == "Avg_Open_To_Buy":
        # what is left to use may shrink until the limit is the lowest, or the balance fills it
        least = bank.BOUNDS["Credit_Limit"][0] - columns["Total_Revolving_Bal"]
        return np.maximum(least, np.ceil(columns["Total_Revolving_Bal"] / 900)), high
    if column == "Months_on_book":
        return low, np.minimum(high, 12.0 * columns["Customer_Age"])
    return low, high


def _fullest(limit: Floats) -> Floats:
    """The highest balance in whole USD that a limit allows."""
    full: Floats = np.floor(0.999 * limit)
    return full


def _moved(columns: Columns, column: str, by: Floats) -> Floats:
    low, high = _bounds(columns, column)
    moved = np.clip(columns[column] + by, low, high)
    if columns[column].dtype == np.int64:
        return moved
    return np.rint(moved) if bank.BOUNDS[column][1] > 1_000 else np.round(moved, 3)


def _with_credit(columns: Columns, column: str, moved: Floats, level: Floats) -> Columns:
    """The moved column, and limit, balance, open to buy and utilisation in accord with it."""
    limit, balance = columns["Credit_Limit"], columns["Total_Revolving_Bal"]
    if column == "Credit_Limit":
        limit = moved
        balance = np.minimum(balance, _fullest(limit)).astype(np.int64)
    elif column == "Avg_Open_To_Buy":
        limit = np.where(level > 0, moved + balance, limit)
    elif column == "Total_Revolving_Bal":
        balance = moved.astype(np.int64)
    elif column == "Avg_Utilization_Ratio":
        balance = np.where(level > 0, np.minimum(np.rint(moved * limit), _fullest(limit)), balance).astype(np.int64)
    else:
        return {column: moved}
    return credit_use(limit, balance)


def _relevelled(codes: Floats, drift: LevelDrift, level: Floats, draws: Floats) -> Floats:
    """Codes after customers have moved to the level, or away from it to the others by their usual shares."""
    levels = bank.LEVELS[drift.column]
    wanted = levels.index(drift.level)
    shares = np.bincount(reference_columns()[drift.column], minlength=len(levels)) / len(reference_columns()[drift.column])
    usual = shares[wanted]
    if drift.share >= usual:
        moves = draws[:, 0] < level * (drift.share - usual) / (1 - usual)
        return np.where(moves, wanted, codes)
    moves = (codes == wanted) & (draws[:, 0] < level * (usual - drift.share) / usual)
    shares[wanted] = 0.0
    others = np.searchsorted(np.cumsum(shares / shares.sum())[:-1], draws[:, 1], side="right")
    return np.where(moves, others, codes)
