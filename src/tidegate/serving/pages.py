"""The routes that say what serves and how it is: root, health, readiness, model, features, metrics."""

from __future__ import annotations

from functools import partial
from typing import Any

from fastapi import FastAPI
from starlette.responses import Response

from tidegate import __version__
from tidegate.errors import LedgerUnavailable
from tidegate.ledger.store import check_ledger
from tidegate.serving.documents import answer
from tidegate.serving.metrics import CONTENT_TYPE
from tidegate.serving.patience import asked_ledger
from tidegate.serving.schemas import REFUSALS, feature_page
from tidegate.serving.service import Service
from tidegate.serving.vitals import sample

OK = "ok"


def add_pages(app: FastAPI, service: Service) -> None:
    """The pages."""

    @app.get("/", summary="What this is and where to go")
    async def root() -> dict[str, str]:
        name = service.scorer.manifest.name
        return {"service": "tidegate", "version": __version__, "model": name, "model_version": service.scorer.version, "docs": "/docs"}

    @app.get("/health", summary="Alive: the process answers")
    async def health() -> dict[str, str]:
        return {"status": "alive"}

    @app.get("/ready", summary="Ready: a verified model is loaded and the ledger answers", responses={503: REFUSALS[503]})
    async def ready() -> dict[str, str]:
        state = OK
        if service.ledger is not None:
            state = await asked_ledger(service, 1, partial(check_ledger, service.ledger, thorough=False))
        if state == OK and service.commit is not None and service.commit.overdue():
            state = "The ledger does not record."
        if state != OK:
            raise LedgerUnavailable(state, "Restore the ledger's database; nothing is answered that is not recorded.")
        return {"status": "ready", "model_version": service.scorer.version}

    @app.get("/model-info", summary="The serving version: algorithm, metrics, threshold, origin")
    async def model_info() -> Response:
        shown = {"name", "algorithm", "created_at", "threshold", "threshold_rule", "metrics", "training"}
        manifest = service.scorer.manifest.model_dump(include=shown)
        return answer({"model_version": service.scorer.version, "digest": service.scorer.digest, **manifest})

    @app.get("/features", summary="Columns that a customer must have, and the features computed from them")
    async def features() -> dict[str, Any]:
        return feature_page(service.scorer.contract.spec, service.scorer.plan.names)

    @app.get("/metrics", summary="Prometheus metrics", response_class=Response)
    async def metrics() -> Response:
        sample(service)
        return Response(service.metrics.page(), media_type=CONTENT_TYPE)
