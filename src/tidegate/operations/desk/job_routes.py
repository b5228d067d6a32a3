"""The two routes that every long verb has: how a run stands, and stop it."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI

from tidegate.operations.desk.answers import JobAnswer
from tidegate.operations.desk.jobs import Jobs


def add_job_routes(app: FastAPI, jobs: Jobs, path: str, stopping: str) -> None:
    """GET and DELETE of one run below `path`; `stopping` says what becomes of a run that is stopped."""

    @app.get(f"{path}/{{job}}", summary="One run: progress, then its result or why it failed", response_model=JobAnswer)
    def running(job: str) -> dict[str, Any]:
        return jobs.find(job).document()

    @app.delete(f"{path}/{{job}}", summary=stopping, response_model=JobAnswer)
    def stopped(job: str) -> dict[str, Any]:
        return jobs.stop(job).document()
