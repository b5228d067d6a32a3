"""The notebooks: committed without outputs, no logic of their own, and every cell runs on the simulator and on the real table."""

from __future__ import annotations

import ast
import os
import re
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient
from nbformat import NotebookNode
from traitlets.config import Config

FOLDER = Path(__file__).parents[2] / "notebooks"
FIGURES = {"preprocessing": 6, "modeling": 8, "mlflow_tracking": 2}
LONGEST_CELL, LONGEST_FUNCTION, SECONDS_A_CELL = 30, 3, 900
ABSOLUTE_PATH = re.compile(r"(?<![\w:/.])/(?:home|root|work|tmp|mnt|opt|srv|var|data|Users)\b|\b[A-Z]:\\")
SERVERS = ("MLFLOW_TRACKING_URI", "MLFLOW_REGISTRY_URI", "TIDEGATE_LEDGER_URL")
NOWHERE = "http://127.0.0.1:9"  # the port of "discard", where nothing answers


def read(name: str) -> NotebookNode:
    return nbformat.read(FOLDER / f"{name}.ipynb", as_version=nbformat.NO_CONVERT)


def code_of(notebook: NotebookNode) -> list[str]:
    return [cell.source for cell in notebook.cells if cell.cell_type == "code"]


def test_every_notebook_is_tested() -> None:
    assert {path.stem for path in FOLDER.glob("*.ipynb")} == set(FIGURES)


@pytest.mark.parametrize("name", FIGURES)
def test_a_notebook_is_committed_without_outputs(name: str) -> None:
    notebook = read(name)
    nbformat.validate(notebook)
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert [cell.id for cell in cells if cell.outputs or cell.execution_count is not None] == []
    assert set(notebook.metadata) == {"kernelspec", "language_info"}
    assert notebook.metadata.kernelspec.name == "python3"
    assert notebook.metadata.language_info == {"name": "python"}
    assert [cell.id for cell in notebook.cells if cell.metadata or not re.fullmatch(r"[a-z]+(-[a-z]+)*", cell.id)] == []
    assert [cell.id for cell in notebook.cells if ABSOLUTE_PATH.search(cell.source)] == []


@pytest.mark.parametrize("name", FIGURES)
def test_a_notebook_holds_calls_and_no_logic(name: str) -> None:
    notebook = read(name)
    assert [source.splitlines()[0] for source in code_of(notebook) if len(source.splitlines()) > LONGEST_CELL] == []
    nodes = [node for source in code_of(notebook) for node in ast.walk(ast.parse(source))]
    functions = [node for node in nodes if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    assert [one.name for one in functions if (one.end_lineno or 0) - one.lineno >= LONGEST_FUNCTION] == []
    assert [node.name for node in nodes if isinstance(node, ast.ClassDef)] == []


def run(name: str, folder: Path, monkeypatch: pytest.MonkeyPatch, **environment: str) -> None:
    """Execute a notebook with this interpreter, in an empty folder, and look at what it shows and leaves behind."""
    # The environment's own kernel, whatever kernels the account has installed
    monkeypatch.setenv("JUPYTER_PREFER_ENV_PATH", "1")
    for variable in ("JUPYTER_DATA_DIR", "JUPYTER_CONFIG_DIR", "JUPYTER_RUNTIME_DIR"):
        monkeypatch.setenv(variable, str(folder / "jupyter"))
    beside, temporary = folder / "beside", folder / "temporary"
    for place in (beside, temporary, folder / "jupyter"):
        place.mkdir()
    given = {**os.environ, **environment, "TMPDIR": str(temporary), "IPYTHONDIR": str(folder / "ipython")}
    # An analyst's own servers must not hear of a notebook's trainings
    given |= dict.fromkeys(SERVERS, NOWHERE)
    notebook, channel = read(name), {"transport": "ipc", "ip": str(folder / "kernel")}
    client = NotebookClient(
        notebook,
        timeout=SECONDS_A_CELL,
        kernel_name="python3",
        resources={"metadata": {"path": str(beside)}},
        config=Config({"KernelManager": channel}),
    )
    client.execute(env=given)

    outputs = [output for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs]
    assert all(cell.execution_count for cell in notebook.cells if cell.cell_type == "code")
    assert [output.text for output in outputs if output.output_type == "stream"] == [], "a cell printed, or a library warned"
    assert sum("image/png" in output.get("data", {}) for output in outputs) >= FIGURES[name]
    assert list(beside.iterdir()) == [], "written beside the notebook"
    assert list(temporary.glob("tidegate-notebook-*")) == [], "its temporary folder outlived the kernel"


@pytest.mark.notebooks
@pytest.mark.parametrize("name", FIGURES)
def test_a_notebook_runs_on_the_simulator(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run(name, tmp_path, monkeypatch)


@pytest.mark.notebooks
@pytest.mark.real_data
@pytest.mark.parametrize("name", FIGURES)
def test_a_notebook_runs_on_the_real_table(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, real_data: Path) -> None:
    run(name, tmp_path, monkeypatch, TIDEGATE_NOTEBOOK_DATA=str(real_data / "bank_churners.csv"), TIDEGATE_NOTEBOOK_SPEC="bank")
