"""The table spec: the only definition of a customer table's schema.

Contract, features, request schema, form and drift columns are all derived from it. It is read from TOML; an unknown key is refused by name.
"""

from __future__ import annotations

import hashlib
import tomllib
from functools import cached_property
from importlib import resources
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from tidegate.customers.names import snake_case
from tidegate.customers.rules import names_in
from tidegate.errors import SpecRefused

Kind = Literal["integer", "number", "category", "boolean", "date"]
Normalisation = Literal["strip", "lower", "decimal_comma", "thousands_comma"]
Range = tuple[float, float]
RESERVED = frozenset({"customer_id", "churn_probability", "churn_prediction", "model_version", "refused"})
OTHER = "(other)"


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=True)


class Column(_Part):
    """One column of the table, named in snake_case; a header matches when its snake_case form does."""

    name: str = ""
    kind: Kind = Field(description="integer, number, category, boolean or date (days, read from YYYY-MM-DD)")
    meaning: str = Field("", description="one line that a colleague understands")
    unit: str = Field("", description="unit of a number, for people")
    limit: Range | None = Field(None, description="[low, high]: outside is impossible, so the row is refused; a date counts days from 1970")
    expected: Range | None = Field(None, description="[low, high] seen so far: outside is scored, counted and sent to drift")
    levels: tuple[str, ...] = Field((), description="the known levels of a category")
    unknown: Literal["refuse", "other"] = Field("refuse", description="an unlisted level is refused, or scored as `other`")
    nullable: bool = Field(False, description="whether the value may be missing")
    feature: bool = Field(True, description="false keeps the column out of the model")
    actionable: bool = Field(False, description="whether the bank can change it")
    actions: tuple[str, ...] = Field((), description="suggested actions when this column is the reason")
    normalise: tuple[Normalisation, ...] = Field((), description="text repairs in order; each is counted and reported")
    replace: dict[str, str] = Field({}, description="spelling → level, applied after `normalise`; counted and reported")

    def repaired(self, text: str) -> str:
        """The text after the declared normalisations, in order, and the replacement."""
        for step in self.normalise:
            if step == "strip":
                text = text.strip()
            elif step == "lower":
                text = text.lower()
            elif step == "decimal_comma":
                text = text.replace(".", "").replace(",", ".") if "," in text else text
            else:
                text = text.replace(",", "")
        return self.replace.get(text, text)

    @model_validator(mode="after")
    def _coherent(self) -> Column:
        if self.kind == "category":
            if self.limit is not None or self.expected is not None:
                raise ValueError("a category has `levels`, not a range: remove `limit` and `expected`")
            if not self.levels and self.unknown == "refuse":
                raise ValueError('a category needs `levels`, or `unknown = "other"`')
            if len(set(self.levels)) != len(self.levels):
                raise ValueError("`levels` lists a level twice: keep one")
            if self.unknown == "other" and OTHER in self.levels:
                raise ValueError(f"`levels` holds {OTHER!r}, which stands for every unlisted level: remove it")
            if any(not _encodable(level) for level in self.levels):
                raise ValueError("`levels` holds a text that is not valid Unicode: retype it")
        elif self.levels or self.unknown == "other":
            raise ValueError(f"`levels` and `unknown` belong to a category, and this column is of kind {self.kind}")
        for text in (*self.levels, *self.replace.values()):
            if self.repaired(text) != text:
                raise ValueError(f"{text!r} can never be read, `normalise` and `replace` make {self.repaired(text)!r} of it: write that")
        for key, bounds in (("limit", self.limit), ("expected", self.expected)):
            if bounds is not None and not bounds[0] <= bounds[1]:
                raise ValueError(f"`{key}` must be [low, high] with low ≤ high")
        return self


class Ratio(_Part):
    """A ratio feature: numerator / (denominator · factor); missing where the denominator is zero or either side is missing."""

    name: str
    numerator: str
    denominator: str
    factor: float = Field(1.0, description="multiplies the denominator")
    meaning: str = ""

    @model_validator(mode="after")
    def _finite(self) -> Ratio:
        if not 0 < abs(self.factor) < float("inf"):
            raise ValueError("`factor` must be a finite number other than zero")
        return self


class Rule(_Part):
    """A cross-field rule: an expression over number columns that must hold; not applied where a column is missing."""

    name: str
    check: str = Field(description="for example `months_as_customer <= age * 12`; + - * / abs() and one comparison")
    tolerance: float = Field(0.0, ge=0, allow_inf_nan=False, description="how far the two sides may miss each other")
    severity: Literal["warn", "refuse"] = Field("warn", description="warn counts the row, refuse quarantines it")
    meaning: str = ""


class Segment(_Part):
    """A grouping in which quality is reported: the levels of a category, or a number cut at `edges`."""

    column: str
    edges: tuple[float, ...] = ()


class Money(_Part):
    """What keeping a customer is worth and what trying costs, in one currency."""

    currency: str = "EUR"
    customer_value: float | None = Field(None, gt=0, allow_inf_nan=False, description="value of a kept customer, the same for all")
    customer_value_column: str | None = Field(None, description="or the number column that holds it")
    contact_cost: float = Field(ge=0, allow_inf_nan=False, description="cost of contacting one customer")
    incentive_cost: float = Field(0.0, ge=0, allow_inf_nan=False, description="cost of the offer when it is accepted")
    acceptance_rate: float = Field(gt=0, le=1, description="share of contacted churners who stay because of the offer")

    @model_validator(mode="after")
    def _one_value(self) -> Money:
        if (self.customer_value is None) == (self.customer_value_column is None):
            raise ValueError("give either `customer_value` or `customer_value_column`")
        return self


class TableSpec(_Part):
    """A customer table: roles of columns, the columns themselves, and what is derived from them."""

    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]{0,62}$", description="name of the table and of its registered model")]
    meaning: str = ""
    id: str | None = Field(None, description="column that names the customer")
    label: str | None = Field(None, description="column that says whether the customer left; a missing label is not 'stayed'")
    positive: str | None = Field(None, description="the label's value for a customer who left")
    negative: str | None = Field(None, description="the label's value for one who stayed; without it, every other value")
    time: str | None = Field(None, description="period of the row (integer or date column): the latest is held out")
    group: str | None = Field(None, description="rows of one group stay on one side of the split")
    opt_out: str | None = Field(None, description="boolean column: never contact")
    last_contact: str | None = Field(None, description="date column: last contacted on")
    missing: tuple[str, ...] = Field(("",), description="texts that mean missing")
    columns: dict[str, Column]
    ratios: tuple[Ratio, ...] = ()
    rules: tuple[Rule, ...] = ()
    segments: tuple[Segment, ...] = ()
    money: Money | None = None
    text: str = Field("", exclude=True, repr=False)

    @model_validator(mode="before")
    @classmethod
    def _named(cls, data: object) -> object:
        if isinstance(data, dict) and isinstance(data.get("columns"), dict):
            columns = {key: {"name": key, **part} if isinstance(part, dict) else part for key, part in data["columns"].items()}
            return {**data, "columns": columns}
        return data

    @model_validator(mode="after")
    def _consistent(self) -> TableSpec:
        _check_names(self)
        _check_roles(self)
        _check_derived(self)
        return self

    @cached_property
    def feature_columns(self) -> tuple[Column, ...]:
        """The columns a model may see, in the order of the spec: what `/predict` takes."""
        roles = {self.id, self.label, self.time, self.group, self.opt_out, self.last_contact}
        return tuple(column for column in self.columns.values() if column.feature and column.name not in roles)

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the spec's meaning (not of its spacing or comments)."""
        return hashlib.sha256(self.model_dump_json().encode()).hexdigest()


def _encodable(text: str) -> bool:
    return not any("\ud800" <= character <= "\udfff" for character in text)


def _check_names(spec: TableSpec) -> None:
    for key, column in spec.columns.items():
        if column.name != key:
            raise ValueError(f"columns.{key}: `name` is taken from the heading, remove it")
        if not key or snake_case(key) != key:
            raise ValueError(f"columns.{key}: names are in snake_case, write [columns.{snake_case(key) or 'column'}]")
        if key in RESERVED and key != spec.id:
            raise ValueError(f"columns.{key}: this name is reserved for what requests and scored files carry, rename the column")
    for role in ("id", "label", "time", "group", "opt_out", "last_contact"):
        name = getattr(spec, role)
        if name is not None and (not name or snake_case(name) != name):
            raise ValueError(f"{role}: names are in snake_case, write {snake_case(name) or 'column'!r}")
    derived = [ratio.name for ratio in spec.ratios]
    for name in derived:
        if not name or name in spec.columns or derived.count(name) > 1 or snake_case(name) != name:
            raise ValueError(f"ratios: the name {name!r} is taken or not in snake_case, choose another")
    if len({rule.name for rule in spec.rules}) != len(spec.rules):
        raise ValueError("rules: two rules share a name, rename one")


def _check_roles(spec: TableSpec) -> None:
    if spec.label is not None and spec.positive is None:
        raise ValueError("positive: say which value of the label means that the customer left")
    if spec.positive is not None and spec.positive == spec.negative:
        raise ValueError("positive and negative are the same value")
    for key, value in (("positive", spec.positive), ("negative", spec.negative)):
        if value is not None and (value in spec.missing or not value.strip()):
            raise ValueError(f"{key}: this value means missing, and a missing label says neither")
    if spec.label is not None and spec.label in {spec.id, spec.time, spec.group}:
        raise ValueError(f"label: {spec.label!r} already has another role")
    for role, kinds in (("time", ("integer", "date")), ("opt_out", ("boolean",)), ("last_contact", ("date",))):
        name = getattr(spec, role)
        if name is not None and (name not in spec.columns or spec.columns[name].kind not in kinds):
            raise ValueError(f"{role}: declare [columns.{name}] with kind {' or '.join(kinds)}")
    if not spec.feature_columns:
        raise ValueError("columns: no column is left for the model, declare at least one")


def _check_derived(spec: TableSpec) -> None:
    numbers = {c.name for c in spec.columns.values() if c.kind in ("integer", "number")}
    features = {c.name for c in spec.feature_columns}
    for ratio in spec.ratios:
        for side in (ratio.numerator, ratio.denominator):
            if side not in numbers & features:
                raise ValueError(f"ratios.{ratio.name}: {side!r} is not a number column of the model")
    for rule in spec.rules:
        for name in names_in(rule.check):
            if name not in numbers & features:
                raise ValueError(f"rules.{rule.name}: {name!r} is not a number column of the model")
    for segment in spec.segments:
        if segment.column not in spec.columns:
            raise ValueError(f"segments: {segment.column!r} is not a column of this spec")
        if segment.edges and segment.column not in numbers:
            raise ValueError(f"segments: {segment.column!r} is not a number, so `edges` cannot cut it")
    value = spec.money.customer_value_column if spec.money else None
    if value is not None and value not in numbers:
        raise ValueError(f"money.customer_value_column: {value!r} is not a number column of this spec")


def parse_spec(text: str, place: str = "spec") -> TableSpec:
    """A spec from TOML text. Raises SpecRefused naming `place`, the key and the remedy."""
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise SpecRefused(f"{place} is not TOML: {error}.", "Correct the line named.") from None
    except (ValueError, RecursionError):
        raise SpecRefused(f"{place} holds a number too long or tables nested too deeply.", "Write a simpler document.") from None
    if "text" in data:
        raise SpecRefused(f"{place}: unknown key `text`.", "Correct the spec; every key is listed in docs/spec.md.")
    try:
        return TableSpec.model_validate({**data, "text": text})
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        said = first["msg"].removeprefix("Value error, ").replace("Input should be", "must be")
        sentence = f"unknown key `{where}`" if first["type"] == "extra_forbidden" else f"{where + ': ' if where else ''}{said}"
        raise SpecRefused(f"{place}: {sentence}.", "Correct the spec; every key is listed in docs/spec.md.") from None


def load_spec(source: str) -> TableSpec:
    """A spec from a TOML file's path, or by the name of one that ships with the package (`bank`)."""
    path = Path(source)
    if path.suffix != ".toml" and not path.exists():
        shipped = resources.files("tidegate") / "specs" / f"{source}.toml"
        if "/" in source or not shipped.is_file():
            raise SpecRefused(f"There is no spec {source!r}.", "Give the path of a TOML file or the name of a shipped spec: bank.")
        return parse_spec(shipped.read_text(encoding="utf-8"), f"spec {source}")
    try:
        return parse_spec(path.read_text(encoding="utf-8"), str(path))
    except OSError as error:
        raise SpecRefused(f"{path} cannot be read: {error.strerror}.", "Give the path of a TOML file that you may read.") from None
    except UnicodeDecodeError:
        raise SpecRefused(f"{path} is not UTF-8 text.", "Save it as UTF-8.") from None
