"""The split of a run exactly as training sees it, so that both sides and the truth are judged on the same rows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from holdouts.run import Run


def split_of(run: Run, folder: str) -> tuple[Any, Any, Any]:
    """Spec, history and split exactly as training sees them."""
    from tidegate.customers.history import load_history
    from tidegate.customers.inspection.infer import infer_spec
    from tidegate.customers.spec import load_spec
    from tidegate.customers.split import split_history

    data = Path(run.data)
    spec = load_spec(run.spec) if run.spec else infer_spec(data, str(run.label)).spec
    history = load_history(data, spec, Path(folder) / "quarantine.csv", 0.2)
    return spec, history, split_history(history, run.seed)


def require_same(run: Run, here: int, there: int) -> None:
    if here != there:
        raise RuntimeError(
            f"{run.table}, seed {run.seed}: {here:,} holdout rows here, {there:,} in the answer of train: not the same split"
        )
