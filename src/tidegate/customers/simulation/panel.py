"""The same customers month after month: who they are lasts, what they do changes a little, and whoever leaves is replaced."""

from __future__ import annotations

import calendar
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date

import numpy as np
from numpy.typing import NDArray

from tidegate.customers.simulation import bank
from tidegate.customers.simulation.draw import (
    BLOCK_ROWS,
    MONTH_SCORES,
    MONTH_UNIFORMS,
    Columns,
    Floats,
    Integers,
    Latent,
    behaviour_columns,
    client_numbers,
    lasting_columns,
    segment_of,
    stream,
)
from tidegate.customers.simulation.scenario import MOST_CUSTOMERS, WARM_UP_MONTHS

DRAWN = (*bank.UNIFORMS, "birthday", *(f"keep {name}" for name in bank.CHANGING_UNIFORMS))
"""Uniform draws of a place and month: a newcomer's, and whether a stayer keeps what was drawn before."""


@dataclass(frozen=True)
class Month:
    """One month of a block: its number (from 1), the columns with `CLIENTNUM`, the true probability and who left at its end (bool)."""

    number: int
    columns: Columns
    probability: Floats
    churned: NDArray[np.bool_]


@dataclass(frozen=True)
class _Book:
    """Who holds each place, as of one month. `joined`: int64 (rows,), the month of joining; `lasting`: columns as of joining."""

    latent: Latent
    lasting: Columns
    joined: Integers


def panel_months(start: int, rows: int, seed: int, months: int, judge: Callable[[Columns, int], tuple[Columns, Floats]]) -> Iterator[Month]:
    """Every month of one block of places, in order, after a warm-up of twelve that nobody sees.

    `judge` takes undisturbed columns and the number of the month (0 and below: warm-up) and returns them as they became, with the
    probability. A place's customers depend on the seed, the place and what `judge` said of them, not on how many places there are.
    """
    block = start // BLOCK_ROWS
    book: _Book | None = None
    gone = np.ones(rows, bool)
    for number in range(1 - WARM_UP_MONTHS, months + 1):
        book = _following(book, gone, _draws(block, rows, seed, number), number)
        columns, probability = judge(_columns(book, number), number)
        gone = book.latent.uniforms["label"] < probability
        if number >= 1:
            index = np.arange(start, start + rows, dtype=np.int64) + (book.joined + WARM_UP_MONTHS - 1) * MOST_CUSTOMERS
            yield Month(number, columns | {"CLIENTNUM": client_numbers(index, seed)}, probability, gone)


def lone_path(rows: int, seed: int, ages: int) -> Iterator[Columns]:
    """The columns of customers in each of `ages` months if nobody left: what a base rate is solved on."""
    book: _Book | None = None
    gone = np.ones(rows, bool)
    for number in range(ages):
        book = _following(book, gone, _draws(0, rows, seed, number + 1), number)
        yield _columns(book, number)
        gone = np.zeros(rows, bool)


def month_end(number: int) -> date:
    """The last day of a month counted from 1.

    >>> month_end(1), month_end(2), month_end(13)
    (datetime.date(2024, 1, 31), datetime.date(2024, 2, 29), datetime.date(2025, 1, 31))
    """
    year, month = divmod(bank.FIRST_MONTH[0] * 12 + bank.FIRST_MONTH[1] - 1 + number - 1, 12)
    return date(year, month + 1, calendar.monthrange(year, month + 1)[1])


def _draws(block: int, rows: int, seed: int, number: int) -> Latent:
    """The draws of one month, place by place, so that the first places draw the same however many there are."""
    key = number + WARM_UP_MONTHS
    scores = stream(seed, block, MONTH_SCORES, key).standard_normal((rows, len(bank.SCORES)))
    uniforms = stream(seed, block, MONTH_UNIFORMS, key).random((rows, len(DRAWN)))
    return Latent(dict(zip(bank.SCORES, scores.T, strict=True)), dict(zip(DRAWN, uniforms.T, strict=True)))


def _following(book: _Book | None, gone: NDArray[np.bool_], drawn: Latent, number: int) -> _Book:
    """The book a month later: places whose customer is gone go to newcomers, drawn like any customer but for their tenure."""
    if book is None:
        return _Book(drawn, lasting_columns(drawn, segment_of(drawn)), np.full(len(gone), number))
    change = np.sqrt(1 - bank.PERSISTENCE**2)
    scores, uniforms = {}, {}
    for name, old in book.latent.scores.items():
        fresh = drawn.scores[name]
        stayed = bank.PERSISTENCE * old + change * fresh if name in bank.CHANGING_SCORES else old
        scores[name] = np.where(gone, fresh, stayed)
    for name, old in book.latent.uniforms.items():
        fresh = drawn.uniforms[name]
        stayed = old
        if name in bank.CHANGING_UNIFORMS:
            stayed = np.where(drawn.uniforms[f"keep {name}"] < bank.PERSISTENCE, old, fresh)
        uniforms[name] = np.where(gone | (name == "label"), fresh, stayed)
    latent = Latent(scores, uniforms)
    return _Book(latent, _succeeded(book.lasting, latent, gone), np.where(gone, number, book.joined))


def _succeeded(lasting: Columns, latent: Latent, gone: NDArray[np.bool_]) -> Columns:
    """Newcomers in the places of those who are gone, with the shortest tenure of the public table: its columns look back a year."""
    if not gone.any():
        return lasting
    newcomers = latent.take(gone)
    columns = {name: values.copy() for name, values in lasting.items()}
    for name, values in lasting_columns(newcomers, segment_of(newcomers)).items():
        columns[name][gone] = values
    columns["Months_on_book"][gone] = bank.TENURE[0]
    return columns


def _columns(book: _Book, number: int) -> Columns:
    """The columns of a month: tenure (months) and age (years, a birthday each) have advanced since joining."""
    passed = number - book.joined
    birthdays = (np.floor(12 * book.latent.uniforms["birthday"]).astype(np.int64) + passed) // 12
    advanced = {
        "Customer_Age": book.lasting["Customer_Age"] + birthdays,
        "Months_on_book": book.lasting["Months_on_book"] + passed,
    }
    behaviour = behaviour_columns(book.latent, segment_of(book.latent), book.lasting["Credit_Limit"])
    return book.lasting | advanced | behaviour
