"""Settings: read once from the environment (`TIDEGATE_…`), frozen, handed on as an argument.

A value may stand in a file instead, a mounted secret for example, which `TIDEGATE_…_FILE` names.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from tidegate.errors import SettingRefused

_ORIGIN = re.compile(r"https?://(\[[0-9a-f:.]+\]|[a-z0-9._-]+)(:[0-9]{1,5})?")


class Settings(BaseSettings):
    """Everything an operator may set. Every field is also an environment variable: TIDEGATE_ and the name in capitals."""

    model_config = SettingsConfigDict(env_prefix="TIDEGATE_", frozen=True, extra="ignore", env_ignore_empty=True)

    home: Path = Field(Path("tidegate-home"), description="folder that holds everything this installation owns")
    host: str = Field("127.0.0.1", description="address the scoring API binds to")
    port: int = Field(8000, ge=1, le=65535, description="port of the scoring API")
    workers: int = Field(1, ge=1, le=64, description="processes of the scoring API that share its port")
    operate_host: str = Field("127.0.0.1", description="address the operate API binds to")
    operate_port: int = Field(8001, ge=1, le=65535, description="port of the operate API")
    max_bad_share: float = Field(0.2, ge=0, le=1, description="share of rows that may break the contract before a table is refused")
    max_body_bytes: int = Field(8 << 20, ge=1024, description="largest JSON body that the API reads, in bytes")
    max_upload_bytes: int = Field(512 << 20, ge=1024, description="largest file that /predict-csv reads, in bytes")
    max_batch_rows: int = Field(10_000, ge=1, description="most customers in one /predict-batch or /outcomes")
    max_upload_rows: int = Field(1_000_000, ge=1, description="most rows in one /predict-csv")
    max_concurrent_requests: int = Field(
        128,
        ge=1,
        description="most /predict, /explain, /feedback and /what-if at once; beyond it 429: one event loop answers so many in 100 ms",
    )
    max_concurrent_batches: int = Field(4, ge=1, description="most /predict-batch and /outcomes at once; more are refused with 429")
    max_concurrent_uploads: int = Field(2, ge=1, description="most /predict-csv at once; more are refused with 429")
    max_requests_per_second: float = Field(
        0, ge=0, description="most requests to score or record in a second, beyond it 429; 0: no such limit"
    )
    request_seconds: float = Field(
        30,
        gt=0,
        description="longest time from a request's head to its answer; a body that is not whole by then is a 408, unfinished work a 503",
    )
    upload_seconds: float = Field(600, gt=0, description="the same for /predict-csv, whose body may besides not pause for request_seconds")
    ledger_seconds: float = Field(
        0.8, gt=0, description="longest wait for the ledger, then 503; a batch has half a millisecond more for each row"
    )
    label_horizon_days: int = Field(
        30, ge=0, le=3650, description="days until it is known of a customer whether they left: younger labels count nowhere"
    )
    retention_days: int = Field(
        0,
        ge=0,
        le=36_500,
        description="days after which `watch` removes kept batches and reports; at least label_horizon_days; 0: they stay",
    )
    fewest_matured_positives: int = Field(
        30, ge=1, description="customers who left, and who stayed, that a batch needs among its matured labels to be judged by them"
    )
    renewal_drifted_features: int = Field(3, ge=0, description="a renewal begins where more features than this drifted")
    renewal_roc_auc_drop: float = Field(
        0.05, gt=0, le=1, description="or where realised or estimated ROC-AUC is below the holdout's by more than this share of it"
    )
    renewal_window: Literal["auto", "all", "new"] = Field(
        "auto", description="old customers a renewal learns from beside the new ones: all, none, or as many as foretell the new ones best"
    )
    renewal_old_weight: float = Field(
        1, gt=0, le=1, description="how much an old customer of that window counts against a new one: so large a share of them is drawn"
    )
    renewal_months: int = Field(0, ge=0, le=1200, description="a renewal learns from no batch older than this; 0: of any age")
    renewal_treated: Literal["leave_out", "keep"] = Field(
        "leave_out", description="customers of a campaign's treated arm: their label is what the campaign made of it"
    )
    renewal_reserved_share: float = Field(
        0.2, ge=0.05, le=0.5, description="share of each batch's customers that no training sees, to judge challengers on"
    )
    renewal_budget: Literal["quick", "standard", "thorough"] = Field("standard", description="budget of a renewal's training")
    renewal_algorithms: str = Field("", description="algorithms that a renewal trains, with commas between them; empty: all")
    renewal_audit_required: bool = Field(
        True, description="whether a challenger is promoted by itself only on an audit sample; without one it is then held for a person"
    )
    canary_traffic: int = Field(
        600,
        ge=1,
        description="predictions in the last hour from which a renewal goes through a canary; below it the newest batch is replayed",
    )
    canary_share: float = Field(5, gt=0, le=100, description="customers in the canary, in percent")
    canary_minutes: float = Field(60, gt=0, description="how long a canary has to go well")
    canary_fewest_answers: int = Field(200, ge=1, description="customers that a canary has to have answered by then")
    bootstrap: Literal["none", "simulated"] = Field(
        "none", description="simulated: `work` trains on a simulated bank where there is no champion; none: it waits for a training"
    )
    simulated_rows: int = Field(10_000, ge=200, description="customers that `run` simulates when it is given no table")
    seed: int = Field(42, ge=0, lt=2**32, description="seed of splits, models and simulations where none is given")
    storage_url: str = Field("", description="where bundles and the champion pointer live: s3://BUCKET/PREFIX; empty: a folder in the home")
    ledger_url: str = Field(
        "", description="database of the ledger: postgresql://USER:PASSWORD@HOST/NAME or sqlite:///PATH; empty: SQLite in the home"
    )
    api_keys_file: Path | None = Field(
        None, description="file of API keys, a mounted secret for example; unset: `secrets/api-keys.json` in the home"
    )
    customer_key_file: Path | None = Field(
        None, description="file of the customer key, a mounted secret for example: the home keeps a copy; unset: the home makes one"
    )
    cors_origins: Annotated[tuple[str, ...], NoDecode] = Field(
        (), description="origins whose pages may call the API from a browser, with commas between them: https://desk.bank.example"
    )
    log_format: Literal["auto", "json", "text"] = Field(
        "auto", description="log lines as JSON or as text; auto: text on a terminal, else JSON"
    )
    drift_significance: float = Field(
        0.01, gt=0, le=0.2, description="a column's drift has to be significant at this level, over all columns together"
    )
    smallest_drift: float = Field(
        0.1, gt=0, le=1, description="smallest drift that matters, in standard deviations; KS distance, PSI and shares of levels go along"
    )
    most_drifted_features: int = Field(3, ge=0, description="more drifted columns than this are an alarm")
    most_quarantined_share: float = Field(
        0.1, gt=0, le=1, description="share of a batch's rows that may break the contract before its data is an alarm"
    )
    access_log: bool = Field(True, description="one log line a request; without it only requests that ended in a 5xx have one")

    watch_url: str = Field("", description="scoring API whose /metrics `watch` reads; empty: that of host and port")
    watch_api_key: SecretStr = Field(SecretStr(""), description="API key, of any role, with which `watch` reads /metrics")
    inbox_url: str = Field(
        "", description="where files of recent customers arrive: s3://BUCKET/PREFIX; empty: the folder inbox in the home"
    )
    reports_host: str = Field("127.0.0.1", description="address the reports site binds to")
    reports_port: int = Field(9000, ge=1, le=65535, description="port of the reports site")
    ui_host: str = Field(
        "127.0.0.1", description="address the pages bind to; beyond loopback they show nothing unless the APIs ask for keys"
    )
    ui_port: int = Field(8501, ge=1, le=65535, description="port of the pages")
    ui_api_url: str = Field("", description="scoring API that the pages talk to; empty: that of host and port")
    ui_operate_url: str = Field("", description="operate API that the pages talk to; empty: that of operate_host and operate_port")
    report_rows: int = Field(
        100_000, ge=1_000, description="most customers of the reference and of a batch that the pages of a monitoring run are drawn from"
    )
    alert_channels: SecretStr = Field(
        SecretStr(""), description="where alerts go: Apprise URLs with spaces or commas between them (docs/alerts.md); they hold secrets"
    )
    alert_channels_file: Path | None = Field(
        None, description="text file with further Apprise URLs, one a line: a mounted secret for example"
    )
    alert_reminder_hours: float = Field(24, gt=0, description="hours after which an open alert is told again")
    alert_auc_drop: float = Field(0.05, gt=0, lt=1, description="share of the holdout's ROC-AUC that may be lost before an alert")
    alert_p95_seconds: float = Field(0.5, gt=0, description="longest P95 of /predict and /explain before an alert, in seconds")
    alert_error_rate: float = Field(0.01, gt=0, lt=1, description="share of requests that may end in a 5xx before an alert")
    alertmanager_owns_metrics: bool = Field(
        False,
        description="Alertmanager tells of drift, latency, errors, ROC-AUC and stopped canaries; the channels get only the other alerts",
    )
    reports_url: str = Field("", description="address of the reports site as people reach it, for the links of alerts")
    runbooks_url: str = Field("", description="address of the folder docs/runbooks as people reach it, for the links of alerts")

    @field_validator("cors_origins", mode="before")
    @classmethod
    def _origins(cls, given: object) -> object:
        """Origins as browsers send them. A star would let any page that a bank's employee opens call this API."""
        if not isinstance(given, str):
            return given
        found = tuple(origin.strip().lower() for origin in given.split(",") if origin.strip())
        if "*" in found:
            raise ValueError("* would let every page call this API; name the origins")
        strange = next((origin for origin in found if not _ORIGIN.fullmatch(origin)), None)
        if strange is not None:
            raise ValueError(f"{strange!r} is not scheme://host or scheme://host:port, without a path")
        return found


def read_settings(**given: object) -> Settings:
    """Settings from the environment and the files it names, overridden by what is given (None is ignored).

    Raises SettingRefused naming the setting.
    """
    try:
        return Settings.model_validate({**_from_files(), **{name: value for name, value in given.items() if value is not None}})
    except ValidationError as error:
        first = error.errors()[0]
        name = str(first["loc"][0]) if first["loc"] else "settings"
        said = first["msg"].replace("Input should be", "must be").removeprefix("Value error, ")
        raise SettingRefused(f"TIDEGATE_{name.upper()}: {said}.", "See docs/settings.md.") from None


def _from_files() -> dict[str, str]:
    """Values that stand in files which `TIDEGATE_…_FILE` names, without their line's end. One whose name ends so is none."""
    found: dict[str, str] = {}
    for name in Settings.model_fields:
        variable = f"TIDEGATE_{name.upper()}"
        path = os.environ.get(f"{variable}_FILE", "")
        if not path or name.endswith("_file") or f"{name}_file" in Settings.model_fields:
            continue
        if os.environ.get(variable):
            raise SettingRefused(f"{variable} and {variable}_FILE are both set.", "Keep one of them.")
        try:
            found[name] = Path(path).read_text(encoding="utf-8").strip("\r\n")
        except (OSError, UnicodeError) as error:
            said = getattr(error, "strerror", None) or "it is not UTF-8"
            raise SettingRefused(
                f"{variable}_FILE names {path}, which cannot be read: {said}.", "Mount it, or unset the variable."
            ) from None
    return found
