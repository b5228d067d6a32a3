"""A seeded bank: any number of customers in the BankChurners schema, each with a known churn probability.

Four steps per block of 65,536 customers, each a function of the one before:
latent draws → columns → churn probability → label. The label is a Bernoulli draw from the probability, and the
probability is a formula of the columns alone, so what a perfect model could reach is known.

A block depends on the seed and its own number only: the first n customers are the same whatever the total, and
whoever reads them in whatever pieces. The numbers behind the draws are in `simulated_bank`.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute
import pyarrow.csv
import pyarrow.parquet
from numpy.typing import NDArray

from tidegate.customers import simulated_bank as bank
from tidegate.errors import InputRefused, SettingRefused

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Columns = dict[str, NDArray[Any]]

BLOCK_ROWS = 65_536
MOST_ROWS = 900_000_000  # as many as there are 9-digit numbers: CLIENTNUM is unique up to here
HISTOGRAM_BINS = 10_000


@dataclass(frozen=True)
class Simulated:
    """Customers and the truth about them.

    `table` has the columns of the public BankChurners table (int64, float64, string; no nulls).
    `churn_probability` is float64 (rows,), the probability each label was drawn with.
    """

    table: pa.Table
    churn_probability: Floats


@dataclass(frozen=True)
class Latent:
    """What chance decides, before any column exists: name → float64 (rows,)."""

    scores: dict[str, Floats]
    """Independent standard normal scores."""
    uniforms: dict[str, Floats]
    """Independent uniform draws from [0, 1)."""


def simulate_blocks(rows: int, seed: int) -> Iterator[Simulated]:
    """Customers in blocks of at most 65,536, in a fixed order, in memory that does not grow with `rows`.

    Raises:
        SettingRefused: `rows` is below 1 or above 900 million, or `seed` is negative.
    """
    _check(rows, seed)
    return (_simulate_block(start, min(BLOCK_ROWS, rows - start), seed) for start in range(0, rows, BLOCK_ROWS))


def simulate_table(rows: int, seed: int) -> Simulated:
    """All `rows` customers at once; the same customers as `simulate_blocks`."""
    blocks = list(simulate_blocks(rows, seed))
    table = pa.concat_tables([block.table for block in blocks]).combine_chunks()
    return Simulated(table, np.concatenate([block.churn_probability for block in blocks]))


def _check(rows: int, seed: int) -> None:
    if not 1 <= rows <= MOST_ROWS:
        raise SettingRefused(f"{rows} customers cannot be simulated.", f"Ask for 1 to {MOST_ROWS} rows.")
    if seed < 0:
        raise SettingRefused(f"{seed} is not a seed.", "Give a seed of 0 or more.")


def _simulate_block(start: int, rows: int, seed: int) -> Simulated:
    latent = draw_latent(start // BLOCK_ROWS, rows, seed)
    columns = draw_columns(latent)
    probability = churn_probability(columns)
    columns["CLIENTNUM"] = client_numbers(start, rows, seed)
    columns["Attrition_Flag"] = (latent.uniforms["label"] < probability).astype(np.int64)
    return Simulated(as_table(columns), probability)


def draw_latent(block: int, rows: int, seed: int) -> Latent:
    """The draws of one block, cut to its first `rows`: a full block is always drawn, so a shorter total changes nothing."""
    generator = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(block,)))
    scores = {name: generator.standard_normal(BLOCK_ROWS)[:rows] for name in bank.SCORES}
    uniforms = {name: generator.random(BLOCK_ROWS)[:rows] for name in bank.UNIFORMS}
    return Latent(scores, uniforms)


def draw_columns(latent: Latent) -> Columns:
    """Latent draws to the bank's columns (without id and label): numbers as int64 or float64, categories as int64 codes.

    The segment only shapes the columns: once they are drawn it is forgotten.
    """
    segment = _pick(latent.uniforms["segment"], [bank.SHARE])
    person = _person(latent, segment)
    return person | _card_use(latent, segment) | _credit(latent, segment, person["Income_Category"])


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


def _credit(latent: Latent, segment: Integers, income: Integers) -> Columns:
    """The card and its limit (by income), the balance carried on it, and the two columns that follow from these."""
    score, uniform = latent.scores, latent.uniforms
    premium = uniform["premium"] < np.array(bank.PREMIUM)[segment]
    card = np.where(premium, 1 + _pick(uniform["card"], [bank.PREMIUM_CARDS]), 0)
    limit_score = bank.LIMIT_SPREAD * score["limit"] + np.array(bank.LIMIT_SHIFT)[segment]
    tables = bank.BLUE_LIMIT + bank.PREMIUM_LIMIT
    limit = np.rint(np.minimum(_by_score(limit_score, tables, income + len(bank.BLUE_LIMIT) * premium), bank.HIGHEST_LIMIT))
    limit[limit < bank.LOWEST_LIMIT] = bank.LOWEST_LIMIT
    balance = _balance(latent, segment, limit)
    return {
        "Card_Category": card,
        "Credit_Limit": limit,
        "Total_Revolving_Bal": balance,
        # one decimal, as in the public table: 1438.3 - 780 must read 658.3
        "Avg_Open_To_Buy": np.round(limit - balance, 1),
        "Avg_Utilization_Ratio": np.round(balance / limit, 3),
    }


def _balance(latent: Latent, segment: Integers, limit: Floats) -> Integers:
    """The revolving balance: nothing, the ceiling of 2517, or between; never above the limit."""
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


def churn_probability(columns: Columns) -> Floats:
    """The formula: a logistic function of products of standardised columns, with coefficients per band of spending.

    Needs the columns named in `simulated_bank.standardised`; returns float64 (rows,).
    """
    amount = columns["Total_Trans_Amt"].astype(np.float64)
    band = np.searchsorted(bank.BAND_EDGES, amount, side="right")
    standardised = bank.standardised(columns, band)
    log_odds = np.zeros(len(amount))
    for names, coefficients in bank.LOG_ODDS.items():
        term = np.array(coefficients)[band]
        for name in names:
            term = term * standardised[name]
        log_odds += term
    return 1 / (1 + np.exp(-log_odds))


def client_numbers(start: int, rows: int, seed: int) -> Integers:
    """Nine digits each, unique over every row of a simulation: an affine permutation of the row number."""
    offset = int(np.random.SeedSequence(seed).generate_state(1, np.uint64)[0] % MOST_ROWS)
    return 100_000_000 + (np.arange(start, start + rows, dtype=np.int64) * bank.NUMBER_STEP + offset) % MOST_ROWS


def as_table(columns: Columns) -> pa.Table:
    """Columns in the order and types of the public table: codes become strings."""
    arrays = {}
    for name in bank.COLUMNS:
        levels = bank.LEVELS.get(name)
        values = pa.array(columns[name])
        arrays[name] = values if levels is None else pa.DictionaryArray.from_arrays(values.cast(pa.int8()), levels).cast(pa.string())
    return pa.table(arrays)


def write_simulated(out: Path, rows: int, seed: int, progress: Callable[[int], None] | None = None) -> dict[str, object]:
    """Stream `rows` customers to `out` (.csv or .parquet) and the truth to `<stem>.truth.<suffix>` beside it.

    The files appear when the last row is written, or not at all. `progress` is told the number of rows written so far.

    Returns:
        `rows`, `seed`, `output`, `truth`, `base_rate` (share of churners) and `best_possible_roc_auc`
        (the true probability against the drawn labels; None when only one label was drawn).

    Raises:
        SettingRefused: `rows` or `seed` is out of range.
        InputRefused: the suffix is neither .csv nor .parquet, or the file cannot be written.
    """
    if out.is_dir():
        raise InputRefused(f"'{out}' is a folder.", "Name a file that ends in .csv or .parquet.")
    if out.suffix not in (".csv", ".parquet"):
        raise InputRefused(f"'{out.name}' ends in neither .csv nor .parquet.", "Name the output with one of these suffixes.")
    blocks = simulate_blocks(rows, seed)
    truth = out.with_name(f"{out.stem}.truth{out.suffix}")
    parts = {path: path.with_name(f".{path.stem}.{os.getpid()}.part{path.suffix}") for path in (truth, out)}
    try:
        histogram = _write_blocks(blocks, parts[out], parts[truth], progress)
        for path, part in parts.items():
            part.replace(path)
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno else "input or output error"  # Arrow's own text names the temporary file
        raise InputRefused(
            f"'{out}' cannot be written ({reason}).", "Name a file in a folder that you may write to, with room for it."
        ) from error
    finally:
        for part in parts.values():
            with suppress(OSError):
                part.unlink(missing_ok=True)
    base_rate = float(histogram[1].sum() / rows)
    auc = roc_auc_of_histogram(histogram)
    return {"rows": rows, "seed": seed, "output": str(out), "truth": str(truth), "base_rate": base_rate, "best_possible_roc_auc": auc}


def _open_writer(path: Path, schema: pa.Schema) -> Any:
    if path.suffix == ".parquet":
        return pyarrow.parquet.ParquetWriter(path, schema)
    return pyarrow.csv.CSVWriter(path, schema, write_options=pyarrow.csv.WriteOptions(quoting_style="none", quoting_header="none"))


def _write_blocks(blocks: Iterator[Simulated], out: Path, truth: Path, progress: Callable[[int], None] | None) -> Integers:
    """Each block to both files; returns how often each probability was drawn, by label: int64 (2, bins)."""
    histogram = np.zeros(2 * HISTOGRAM_BINS, np.int64)
    done = 0
    with ExitStack() as open_files:
        writers: list[Any] = []
        for block in blocks:
            tables = (block.table, pa.table({"CLIENTNUM": block.table["CLIENTNUM"], "churn_probability": block.churn_probability}))
            if not writers:
                writers = [open_files.enter_context(_open_writer(path, one.schema)) for path, one in zip((out, truth), tables, strict=True)]
            for writer, one in zip(writers, tables, strict=True):
                writer.write_table(one)
            churned = pyarrow.compute.equal(block.table["Attrition_Flag"], bank.LEVELS["Attrition_Flag"][1]).to_numpy()
            bins = np.minimum((block.churn_probability * HISTOGRAM_BINS).astype(np.int64), HISTOGRAM_BINS - 1)
            histogram += np.bincount(bins + HISTOGRAM_BINS * churned, minlength=2 * HISTOGRAM_BINS)
            done += block.table.num_rows
            if progress is not None:
                progress(done)
    return histogram.reshape(2, HISTOGRAM_BINS)


def roc_auc_of_histogram(histogram: Integers) -> float | None:
    """Area under the ROC curve from counts (2, bins) of stayers and churners by rising score; ties count half.

    None when a label is absent.

    >>> roc_auc_of_histogram(np.array([[8, 2], [1, 9]]))
    0.85
    """
    stayed, churned = histogram.astype(np.float64)
    pairs = stayed.sum() * churned.sum()
    if pairs == 0:
        return None
    stayed_below = np.cumsum(stayed) - stayed / 2
    return float((churned * stayed_below).sum() / pairs)
