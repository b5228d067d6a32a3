"""One customer at a time, many at once: chance → the bank's columns. The numbers behind the draws are in `bank`.

A block of 65,536 customers depends on the seed and its own number only, so the first n customers are the same whatever the total.
Every knob draws from a stream of its own: turning one leaves what all others drew as it was.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from tidegate.customers.simulation import bank

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Columns = dict[str, NDArray[Any]]

BLOCK_ROWS = 65_536
MOST_ROWS = 900_000_000  # as many as there are 9-digit numbers: CLIENTNUM is unique up to here
REFERENCE_SEED = 20_240_131
"""Seed of the customers on which a knob is measured before it is turned: the same for every simulation."""
DRIFT, NOISE, INCIDENT, MONTH_SCORES, MONTH_UNIFORMS = range(1, 6)
"""Streams of the knobs, see `stream`."""


@dataclass(frozen=True)
class Latent:
    """What chance decides, before any column exists: name → float64 (rows,)."""

    scores: dict[str, Floats]
    """Independent standard normal scores."""
    uniforms: dict[str, Floats]
    """Independent uniform draws from [0, 1)."""

    def take(self, members: NDArray[np.bool_]) -> Latent:
        """Those of some customers only; `members` is bool (rows,)."""
        return Latent(
            {name: values[members] for name, values in self.scores.items()},
            {name: values[members] for name, values in self.uniforms.items()},
        )


def stream(seed: int, block: int, *knob: int) -> np.random.Generator:
    """The generator of one block, or of one knob in it. Draw row by row (`random((rows, n))`): then fewer rows are the first ones."""
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(block, *knob)))


def draw_latent(block: int, rows: int, seed: int) -> Latent:
    """The draws of one block, cut to its first `rows`: a full block is always drawn, so a shorter total changes nothing."""
    generator = stream(seed, block)
    scores = {name: generator.standard_normal(BLOCK_ROWS)[:rows] for name in bank.SCORES}
    uniforms = {name: generator.random(BLOCK_ROWS)[:rows] for name in bank.UNIFORMS}
    return Latent(scores, uniforms)


@cache
def reference_columns() -> Columns:
    """The 65,536 undisturbed customers on which knobs are measured. Do not write to them."""
    return draw_columns(draw_latent(0, BLOCK_ROWS, REFERENCE_SEED))


def draw_columns(latent: Latent) -> Columns:
    """Latent draws to the bank's columns (without id and label): numbers as int64 or float64, categories as int64 codes.

    The segment only shapes the columns: once they are drawn it is forgotten.
    """
    segment = segment_of(latent)
    lasting = lasting_columns(latent, segment)
    return lasting | behaviour_columns(latent, segment, lasting["Credit_Limit"])


def segment_of(latent: Latent) -> Integers:
    """The pattern of card use, a position in `bank.SEGMENTS`: int64 (rows,)."""
    return _pick(latent.uniforms["segment"], [bank.SHARE])


def lasting_columns(latent: Latent, segment: Integers) -> Columns:
    """What stays with a customer from month to month: the person, the card and its limit."""
    person = _person(latent, segment)
    return person | _card_and_limit(latent, segment, person["Income_Category"])


def behaviour_columns(latent: Latent, segment: Integers, limit: Floats) -> Columns:
    """What changes from month to month: the use of the card and of its limit (in USD)."""
    return _card_use(latent, segment) | credit_use(limit, _balance(latent, segment, limit))


def credit_use(limit: Floats, balance: Integers) -> Columns:
    """Limit and balance (USD) and the two columns that follow from them."""
    return {
        "Credit_Limit": limit,
        "Total_Revolving_Bal": balance,
        # one decimal, as in the public table: 1438.3 - 780 must read 658.3
        "Avg_Open_To_Buy": np.round(limit - balance, 1),
        "Avg_Utilization_Ratio": np.round(balance / limit, 3),
    }


def _pick(uniform: Floats, probabilities: Sequence[Sequence[float]], group: Integers | None = None) -> Integers:
    """Codes (rows,) drawn by inverse CDF from the distribution in `probabilities[group]`."""
    cumulative = np.cumsum(probabilities, axis=1)
    cumulative /= cumulative[:, -1:]
    if group is None:
        return np.searchsorted(cumulative[0, :-1], uniform, side="right").astype(np.int64)
    code = np.zeros(len(uniform), np.int64)
    for level in range(cumulative.shape[1] - 1):
        code += uniform >= cumulative[:, level][group]
    return code


def _by_score(score: Floats, table: Sequence[Sequence[float]], group: Integers) -> Floats:
    """Values (rows,) read from the quantile table of each row's group, at a normal score."""
    value = np.empty(len(score))
    for index, quantiles in enumerate(table):
        members = np.flatnonzero(group == index)
        value[members] = np.interp(score[members], bank.KNOTS, quantiles)
    return value


def _whole(value: NDArray[np.floating[Any]]) -> Integers:
    whole: Integers = np.rint(value).astype(np.int64)
    return whole


def _person(latent: Latent, segment: Integers) -> Columns:
    """Who the customer is: age in years, tenure in months, household, education, income."""
    score, uniform = latent.scores, latent.uniforms
    age = _whole(np.interp(score["age"], bank.KNOTS, bank.AGE))
    idle = np.sqrt(12) * (uniform["inactive"] - 0.5)
    known = bank.AGE_TENURE * score["age"] + bank.IDLE_TENURE * idle
    tenure_score = known + np.sqrt(1 - bank.AGE_TENURE**2 - bank.IDLE_TENURE**2) * score["tenure"]
    tenure = _whole(np.interp(tenure_score, bank.KNOTS, bank.TENURE))
    dependents = np.polynomial.polynomial.polyval((age - 46.3) / 8, bank.DEPENDENTS_BY_AGE)
    dependents += bank.DEPENDENTS_BY_LIMIT * score["limit"] + bank.DEPENDENTS_SPREAD * score["dependents"]
    male = (uniform["gender"] < np.array(bank.MALE)[segment]).astype(np.int64)
    return {
        "Customer_Age": age,
        "Gender": male,
        "Dependent_count": np.clip(_whole(dependents), 0, 5),
        "Education_Level": _pick(uniform["education"], [bank.EDUCATION]),
        "Marital_Status": _pick(uniform["marital"], [bank.MARITAL]),
        "Income_Category": _pick(uniform["income"], bank.INCOME_BY_GENDER, male),
        "Months_on_book": np.where(uniform["tenure_unknown"] < bank.TENURE_UNKNOWN, 36, tenure),
    }


def _usage_scores(latent: Latent, segment: Integers) -> Floats:
    """The scores (4, rows) of `USAGE`, correlated as in each customer's segment."""
    size = len(bank.USAGE)
    independent = [latent.scores[name] for name in bank.USAGE]
    independent[1] = bank.AGE_COUNT * latent.scores["age"] + np.sqrt(1 - bank.AGE_COUNT**2) * independent[1]
    correlation = np.tile(np.eye(size), (len(bank.SEGMENTS), 1, 1))
    below, left = np.tril_indices(size, -1)
    correlation[:, left, below] = correlation[:, below, left] = bank.USAGE_DEPENDENCE
    factor = np.linalg.cholesky(correlation)
    # element by element: a matrix product may round differently for another number of rows, and the first n would change
    rows = [sum(factor[segment, row, column] * independent[column] for column in range(row + 1)) for row in range(size)]
    return np.stack([np.asarray(row) for row in rows])


def _card_use(latent: Latent, segment: Integers) -> Columns:
    """How the card was used in twelve months: amount, count, their fourth-quarter changes, products, inactivity, contacts."""
    uniform = latent.uniforms
    amount, count, amount_change, count_change = (
        _by_score(scores, quantiles, segment) for scores, quantiles in zip(_usage_scores(latent, segment), bank.USAGE.values(), strict=True)
    )
    return {
        "Total_Relationship_Count": 1 + _pick(uniform["relationships"], bank.RELATIONSHIPS, segment),
        "Months_Inactive_12_mon": _pick(uniform["inactive"], bank.INACTIVE, segment),
        "Contacts_Count_12_mon": _pick(uniform["contacts"], bank.CONTACTS, segment),
        "Total_Amt_Chng_Q4_Q1": np.round(amount_change, 3),
        "Total_Trans_Amt": _whole(amount),
        "Total_Trans_Ct": _whole(count),
        "Total_Ct_Chng_Q4_Q1": np.round(count_change, 3),
    }


def _card_and_limit(latent: Latent, segment: Integers, income: Integers) -> Columns:
    """The card, and its limit in USD by income."""
    score, uniform = latent.scores, latent.uniforms
    premium = uniform["premium"] < np.array(bank.PREMIUM)[segment]
    card = np.where(premium, 1 + _pick(uniform["card"], [bank.PREMIUM_CARDS]), 0)
    limit_score = bank.LIMIT_SPREAD * score["limit"] + np.array(bank.LIMIT_SHIFT)[segment]
    tables = bank.BLUE_LIMIT + bank.PREMIUM_LIMIT
    limit = np.rint(np.minimum(_by_score(limit_score, tables, income + len(bank.BLUE_LIMIT) * premium), bank.HIGHEST_LIMIT))
    limit[limit < bank.LOWEST_LIMIT] = bank.LOWEST_LIMIT
    return {"Card_Category": card, "Credit_Limit": limit}


def _balance(latent: Latent, segment: Integers, limit: Floats) -> Integers:
    """The revolving balance in USD: nothing, the ceiling of 2517, or between; never above the limit."""
    uniform = latent.uniforms
    usual = np.array(bank.ZERO_BALANCE)[segment]
    odds = usual / (1 - usual) * np.interp(limit, bank.BY_LIMIT, bank.ZERO_ODDS_FACTOR)
    zero = odds / (1 + odds)
    full = zero + (1 - zero) * np.array(bank.FULL_BALANCE)[segment]
    score = latent.scores["balance"] + np.interp(limit, bank.BY_LIMIT, bank.BALANCE_SHIFT)
    balance = _by_score(score, bank.BALANCE, np.array(bank.BALANCE_TABLE)[segment])
    balance = np.where(uniform["balance"] < full, bank.HIGHEST_BALANCE, balance)
    balance = np.where(balance > 0.97 * limit, (0.12 + 0.85 * uniform["overdrawn"]) * limit, balance)
    return _whole(np.where(uniform["balance"] < zero, 0.0, balance))


def client_numbers(index: Integers, seed: int) -> Integers:
    """Nine digits each, unique while `index` (int64, 0 to 900 million) is: an affine permutation of it."""
    offset = int(np.random.SeedSequence(seed).generate_state(1, np.uint64)[0] % MOST_ROWS)
    return 100_000_000 + (index * bank.NUMBER_STEP + offset) % MOST_ROWS


def as_table(columns: Columns) -> pa.Table:
    """Columns in the order and types of the public table: codes become strings."""
    arrays = {}
    for name in bank.COLUMNS:
        levels = bank.LEVELS.get(name)
        values = pa.array(columns[name])
        arrays[name] = values if levels is None else pa.DictionaryArray.from_arrays(values.cast(pa.int8()), levels).cast(pa.string())
    return pa.table(arrays)
