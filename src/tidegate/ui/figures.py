"""Numbers, shares, money and times as people of a language write them (Unicode's CLDR, by Babel)."""

from __future__ import annotations

from datetime import datetime

from babel import dates, numbers

_LOCALES = {"en": "en_GB", "fr": "fr_FR"}
NONE = "–"


def number(value: float | None, language: str, digits: int = 0) -> str:
    """A number with so many digits after its decimal sign.

    >>> number(1234.5, "en", 1), number(None, "en")
    ('1,234.5', '–')
    """
    return NONE if value is None else str(numbers.format_decimal(value, _shape("#,##0", digits), locale=_LOCALES[language]))


def percent(share: float | None, language: str, digits: int = 1) -> str:
    """A share of one as a percentage; one that is not nothing is not written as nothing, nor one that is not all as all.

    >>> percent(0.1234, "en"), percent(0.00001, "en"), percent(0.99999, "en"), percent(0.0, "en")
    ('12.3%', '<0.1%', '>99.9%', '0.0%')
    """
    if share is None:
        return NONE
    least = 10.0 ** -(digits + 2)
    sign, shown = ("<", least) if 0 < share < least / 2 else (">", 1 - least) if 1 - least / 2 < share < 1 else ("", share)
    pattern = _shape("#,##0", digits) + ("\u00a0%" if language == "fr" else "%")
    return sign + str(numbers.format_percent(shown, pattern, locale=_LOCALES[language]))


def money(amount: float | None, currency: str, language: str) -> str:
    """An amount without cents.

    >>> money(1234.4, "EUR", "en")
    '€1,234'
    """
    if amount is None:
        return NONE
    return str(numbers.format_currency(round(amount), currency, locale=_LOCALES[language], currency_digits=False, format=_money(language)))


def moment(text: str | None, language: str) -> str:
    """An ISO time as a date and a time of day in UTC."""
    if not text:
        return NONE
    return f"{dates.format_datetime(datetime.fromisoformat(text), 'd MMM y, HH:mm', locale=_LOCALES[language])} UTC"


def _money(language: str) -> str:
    return "#,##0\u00a0¤" if language == "fr" else "¤#,##0"


def _shape(whole: str, digits: int) -> str:
    return f"{whole}.{'0' * digits}" if digits else whole
