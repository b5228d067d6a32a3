"""Routes about trainings: start one, watch it, stop it."""

from __future__ import annotations

import shutil
from typing import Any

from fastapi import FastAPI, Request

from tidegate.errors import InputRefused
from tidegate.operations.desk.desk import Desk, asking
from tidegate.operations.desk.uploads import Upload, form_body, received

TRAIN = "/train"
# Options of `tidegate train`, by the same names: what this route takes is what a person could type.
FIELDS = {
    "label": "column that says whether a customer left; the spec is inferred",
    "spec": "name of a shipped spec, for example bank",
    "spec_toml": "the text of a spec",
    "budget": "quick, standard or thorough",
    "minutes": "time limit of the search, with budget thorough",
    "search": "tpe or random",
    "trials": "configurations of each tuned algorithm",
    "algorithms": "names with commas between them",
    "seed": "of the split and the models",
    "model_seed": "of folds, models and search",
}


def add_trainings(app: FastAPI, desk: Desk) -> None:
    """The routes."""

    @app.post(
        TRAIN, status_code=202, summary="Start a training: a table, or none for a simulated bank", openapi_extra=form_body(FIELDS, False)
    )
    async def train(request: Request) -> dict[str, Any]:
        upload = await received(request, desk.scratch, FIELDS)
        try:
            words, shown = _words(upload)
            return desk.jobs.start([*words, "--home", str(desk.home.root.resolve())], shown, asking(request), upload.folder).document()
        except BaseException:
            shutil.rmtree(upload.folder, ignore_errors=True)
            raise

    @app.get(TRAIN, summary="Trainings of this server's life, newest first")
    def trainings() -> dict[str, Any]:
        return {"trainings": [job.document() for job in desk.jobs.newest_first()]}

    @app.get("/train/{job}", summary="One training: progress, then its result or why it failed")
    def training(job: str) -> dict[str, Any]:
        return desk.jobs.find(job).document()

    @app.delete("/train/{job}", summary="Stop a training; what its search found is kept")
    def stopped(job: str) -> dict[str, Any]:
        return desk.jobs.stop(job).document()


def _words(upload: Upload) -> tuple[list[str], list[str]]:
    """The words for the child, and the same without paths of this machine. Raises InputRefused."""
    fields = dict(upload.fields)
    text, name = fields.pop("spec_toml", None), fields.get("spec")
    if text is not None and name is not None:
        raise InputRefused("Both spec and spec_toml are given.", "Give one of them.")
    if name is not None and not name.replace("_", "").isalnum():
        raise InputRefused("spec is not the name of a shipped spec.", "Send a spec of your own as spec_toml.")
    # An equals sign, so that a value that begins with a dash stays a value.
    options = [f"--{field.replace('_', '-')}={value}" for field, value in fields.items() if value]
    words, shown = list(options), list(options)
    if text is not None:
        (upload.folder / "spec.toml").write_text(text, encoding="utf-8")
        words.append(f"--spec={upload.folder / 'spec.toml'}")
        shown.append("--spec=spec.toml")
    if upload.file is not None:
        words.insert(0, str(upload.file))
        shown.insert(0, upload.file.name)
    return words, shown
