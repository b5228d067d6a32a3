"""The operate API put together, and `tidegate operate`, which serves it."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, closing
from typing import Any

from fastapi import FastAPI
from starlette.responses import Response

from tidegate import __version__
from tidegate.access.file import required_keys_file
from tidegate.access.keyring import Keyring
from tidegate.access.keys import ERASE, OPERATE, ROLES
from tidegate.errors import LedgerUnavailable
from tidegate.home import Home, working
from tidegate.ledger.store import check_ledger
from tidegate.operations.desk.alerts import add_alerts
from tidegate.operations.desk.campaigns import CAMPAIGNS, add_campaigns
from tidegate.operations.desk.customers import add_customers
from tidegate.operations.desk.desk import Desk, now
from tidegate.operations.desk.experiments import add_experiments
from tidegate.operations.desk.gauges import Gauges
from tidegate.operations.desk.jobs import MONITORING as MONITORING_RUN
from tidegate.operations.desk.jobs import RENEWAL, Jobs
from tidegate.operations.desk.machine_gauges import MachineGauges
from tidegate.operations.desk.monitoring import MONITORING, PAGES, add_monitoring
from tidegate.operations.desk.outcomes import OUTCOMES, add_outcomes
from tidegate.operations.desk.renewals import add_renewals
from tidegate.operations.desk.traffic import add_traffic
from tidegate.operations.desk.trainings import TRAIN, add_trainings
from tidegate.operations.desk.trends import add_trends
from tidegate.operations.desk.versions import add_versions
from tidegate.operations.places import opened_ledger
from tidegate.operations.reports import HEADERS
from tidegate.operations.verify import OK, verify
from tidegate.registry.appoint import present_champion
from tidegate.serving.address import bound
from tidegate.serving.front.assembly import Plan, assembled
from tidegate.serving.front.authorization import ASSETS, OPEN
from tidegate.serving.front.gate import Surroundings
from tidegate.serving.front.headers import Headers
from tidegate.serving.front.logs import form_of, start_logging
from tidegate.serving.front.request_log import RequestLog
from tidegate.serving.metrics import CONTENT_TYPE, Metrics
from tidegate.serving.server import listen
from tidegate.serving.vitals import resident_bytes
from tidegate.settings import Settings
from tidegate.storage.objects import open_storage


def operate(home: Home, settings: Settings, ready: Callable[[str], None]) -> None:
    """Serve the operate API until SIGTERM or SIGINT; a training that runs is stopped with it, its search kept.

    Raises SettingRefused where the address cannot be bound, HomeRefused where the API keys are damaged, LedgerUnavailable.
    """
    keyring = Keyring(required_keys_file(home, settings.api_keys_file))
    listening = bound(settings.operate_host, settings.operate_port, keyring.has(OPERATE), OPERATE)
    with (
        closing(listening),
        working(home, "operate") as scratch,
        closing(start_logging(settings)) as lines,
        opened_ledger(home, settings) as ledger,
        closing(Jobs()) as jobs,
        closing(Jobs(MONITORING_RUN)) as monitorings,
        closing(Jobs(RENEWAL)) as renewals,
    ):
        desk = Desk(home, settings, ledger, jobs, Metrics(), scratch, monitorings, renewals)
        log = RequestLog(lines.write, form_of(settings), settings.access_log)
        listen(create_operate_app(desk, keyring, log), listening, ready)


def create_operate_app(desk: Desk, keyring: Keyring | None = None, log: RequestLog | None = None) -> FastAPI:
    """The application around a desk. Without a keyring nobody is asked for a key."""

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield

    def add_routes(app: FastAPI) -> None:
        add_versions(app, desk)
        add_trainings(app, desk)
        add_experiments(app, desk)
        add_monitoring(app, desk)
        add_trends(app, desk)
        add_alerts(app, desk)
        add_traffic(app, desk)
        add_renewals(app, desk)
        add_campaigns(app, desk)
        add_outcomes(app, desk)
        add_customers(app, desk)
        _add_pages(app, desk)

    about = "What the command line can do, over HTTP; every act is in the audit trail with the name of the key."
    plan = Plan("Tidegate operate API", about, lifespan, operate_needs, frozenset((TRAIN, CAMPAIGNS, OUTCOMES, MONITORING)), page_headers())
    desk.metrics.registry.register(Gauges(desk.home, desk.ledger, now))
    desk.metrics.registry.register(MachineGauges(desk.home.root))
    return assembled(plan, add_routes, Surroundings(desk.metrics, desk.settings, lambda: "-", keyring, log))


def operate_needs(method: str, path: str) -> frozenset[str] | None:
    """Roles for a path. What is not named needs `operate`; forgetting somebody needs `erase`."""
    if path in OPEN or path.startswith(ASSETS + "/"):
        return None
    if method == "DELETE" and path.startswith("/customers/"):
        return frozenset((ERASE,))
    return frozenset(ROLES) if path == "/metrics" else frozenset((OPERATE,))


def page_headers() -> dict[str, Headers]:
    """Evidently's pages run scripts; they come with the policy of the reports site, under which these ask nobody."""
    return dict.fromkeys(PAGES, tuple((name.lower().encode(), value.encode()) for name, value in HEADERS.items()))


def _add_pages(app: FastAPI, desk: Desk) -> None:
    @app.get("/", summary="What this is and where to go")
    def root() -> dict[str, str]:
        return {"service": "tidegate operate", "version": __version__, "docs": "/docs"}

    @app.get("/health", summary="Alive: the process answers")
    async def health() -> dict[str, str]:
        return {"status": "alive"}

    @app.get("/ready", summary="Ready: the ledger answers")
    def ready() -> dict[str, Any]:
        state = check_ledger(desk.ledger, thorough=False)
        if state != OK:
            raise LedgerUnavailable(state, "Restore the ledger's database.")
        champion = present_champion(open_storage(desk.home))
        return {"status": "ready", "model_version": champion.version if champion else None}

    @app.get("/verify", summary="Is what this home holds what it was when it was written?")
    def verified(sample: int | None = None) -> dict[str, Any]:
        return verify(desk.home, desk.ledger, sample).document()

    @app.get("/metrics", summary="Prometheus metrics", response_class=Response)
    def metrics() -> Response:
        desk.metrics.vitals(0, 0.0, resident_bytes(), time.process_time())
        return Response(desk.metrics.page(), media_type=CONTENT_TYPE)
