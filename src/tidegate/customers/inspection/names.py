"""What a column's name says: that it names the customer, a person, a period, or the outcome itself."""

from __future__ import annotations

import re

_PEOPLE = frozenset({"customer", "client", "cust", "user", "member", "subscriber", "party", "person", "consumer", "policyholder"})
_THINGS = frozenset({"account", "acct", "card", "contract", "policy", "household", "loan", "line"})
_MARKS = frozenset({"id", "number", "num", "no", "nr", "key", "code", "uuid", "guid", "ref", "identifier"})
_ROWS = frozenset({"row", "rows", "index", "record", "unnamed", "rownumber", "rowid", "seq", "sequence"})
_JOINED = re.compile(f"({'|'.join(sorted(_PEOPLE))}|{'|'.join(sorted(_THINGS))})s?({'|'.join(sorted(_MARKS))})")
_PERSONAL = frozenset(
    {"surname", "lastname", "firstname", "forename", "fullname", "email", "phone", "telephone", "msisdn", "iban", "ssn", "passport"}
)
_NAMED = frozenset({"last", "first", "full", "family", "customer", "client"})
_PERIODS = frozenset({"month", "period", "quarter", "year", "week", "snapshot", "date", "day", "wave", "cycle", "yearmonth", "yyyymm"})

_OUTCOME_STARTS = ("churn", "attrit", "unsubscri", "cancel", "terminat", "deactivat", "defect")
_COUNTED = frozenset(
    {"order", "orders", "flight", "flights", "booking", "bookings", "payment", "payments", "transaction", "transactions", "trans"}
    | {"trip", "trips", "product", "products", "transfer", "transfers", "fee", "fees", "count", "ct", "num", "number", "total", "rate"}
)
_LEAVING = frozenset(
    {"exit", "exited", "leave", "leaving", "departure", "closed", "closure", "close", "closing", "quit", "lapse", "lapsed"}
)
_CIRCUMSTANCES = frozenset(
    {"date", "day", "month", "year", "time", "timestamp", "ts", "at", "on", "reason", "cause", "survey", "interview", "flag"}
)
_OUTCOMES = frozenset(
    {"exited", "closed", "left", "lapsed", "target", "label", "outcome", "is_closed", "account_closed", "has_left", "is_lost", "date_left"}
)


def id_rank(name: str) -> int | None:
    """How strongly a name says "this is the customer": 0 most, 3 least; 9 numbers rows, not customers; None says nothing.

    >>> [id_rank(name) for name in ("customer_id", "clientno", "id", "account_number", "branch_id", "row_number", "price_index")]
    [0, 0, 1, 2, 3, 9, None]
    """
    words = name.split("_")
    if _ROWS & set(words) and all(word in _ROWS | _MARKS or word.isdigit() for word in words):
        return 9
    known, marked = set(words) <= _PEOPLE | _THINGS | _MARKS, bool(_MARKS & set(words))
    joined = _JOINED.fullmatch("".join(words))
    if (known and marked and _PEOPLE & set(words)) or (joined and joined[1] in _PEOPLE):
        return 0
    if name in ("id", "uuid", "guid", "identifier"):
        return 1
    if (known and marked and _THINGS & set(words)) or joined or name in ("customer", "client"):
        return 2
    return 3 if words[-1] in ("id", "uuid", "guid") else None


def names_a_person(name: str) -> bool:
    """Whether a column holds names, addresses or numbers of people.

    >>> names_a_person("surname"), names_a_person("last_name"), names_a_person("plan_name"), names_a_person("phone_service")
    (True, True, False, False)
    """
    words = name.split("_")
    if words[-1] == "name":
        return len(words) == 1 or words[-2] in _NAMED
    return words[-1] in _PERSONAL or words[-2:] == ["phone", "number"]


def names_a_period(name: str) -> bool:
    """Whether a column says which month or snapshot a row belongs to.

    >>> names_a_period("snapshot_month"), names_a_period("months_as_customer")
    (True, False)
    """
    return bool(_PERIODS & set(name.split("_")))


def names_the_outcome(name: str) -> bool:
    """Whether a name speaks of customers leaving, as a reason, a score or a date of it does.

    >>> [names_the_outcome(name) for name in ("churn_reason", "closed_at", "naive_bayes_attrition_flag", "cancellation_date", "exit_date")]
    [True, True, True, True, True]
    >>> [names_the_outcome(name) for name in ("closing_balance", "total_visits", "cancelled_orders", "days_left_on_contract", "cltv")]
    [False, False, False, False, False]
    """
    words = name.split("_")
    leaving = _LEAVING & set(words) or words[0] == "left"  # not "days_left_on_contract"
    if name in _OUTCOMES or (leaving and _CIRCUMSTANCES & set(words)):
        return True
    speaking = [word for word in words if word.startswith(_OUTCOME_STARTS)]
    # A cancelled order or a closed complaint is behaviour; only the customer's own leaving is the outcome.
    counted = bool(_COUNTED & set(words)) and not any(word.startswith(("churn", "attrit")) for word in speaking)
    return bool(speaking) and not counted
