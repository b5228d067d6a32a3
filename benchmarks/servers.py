"""The services that `serving.py` compares, each started as `python benchmarks/servers.py KIND PORT HOME`.

`ours` scores without a ledger, `recorded` with the SQLite ledger, `postgres` with the database that TIDEGATE_LEDGER_URL names. `empty` is a
FastAPI endpoint with the same request schema that answers a constant. `pipeline` is the usual service at its best: FastAPI, pandas, a
scikit-learn pipeline with ColumnTransformer and LightGBM of 1,000 trees of 15 leaves from joblib, one thread, loaded once.
`mlflow models serve` of that pipeline is started by `serving.py` itself.
"""

import os
import sys
from pathlib import Path
from typing import Any

import uvicorn


def ours(home: Path, ledger_url: str) -> Any:
    from tidegate.bundle.champion import open_champion
    from tidegate.ledger.commit import GroupCommit
    from tidegate.ledger.store import open_ledger
    from tidegate.serving.api import create_app
    from tidegate.serving.metrics import Metrics
    from tidegate.serving.service import Service
    from tidegate.settings import Settings
    from tidegate.storage.files import Folder

    scorer = open_champion(Folder(home / "storage"))
    ledger = open_ledger(ledger_url) if ledger_url else None
    commit = GroupCommit(ledger) if ledger else None
    return create_app(Service(scorer, ledger, commit, bytes(32), Settings(), Metrics(), home))


def request_model() -> Any:
    from pydantic import create_model

    from tidegate.customers.spec import load_spec

    kinds: dict[str, Any] = {"integer": int, "number": float, "category": str, "boolean": bool, "date": str}
    fields: dict[str, Any] = {column.name: (kinds[column.kind], ...) for column in load_spec("bank").feature_columns}
    return create_model("Customer", **fields)


def empty() -> Any:
    from fastapi import FastAPI

    app, customer = FastAPI(), request_model()

    @app.post("/predict")
    async def predict(body: customer) -> dict[str, object]:  # type: ignore[valid-type]
        return {"prediction": 0, "prediction_label": "stayed", "probabilities": {"churn": 0.1, "non_churn": 0.9}, "threshold": 0.5}

    return app


def pipeline(home: Path) -> Any:
    import joblib
    import pandas as pd
    from fastapi import FastAPI

    app, customer, model = FastAPI(), request_model(), joblib.load(home / "pipeline.joblib")

    @app.post("/predict")
    def predict(body: customer) -> dict[str, object]:  # type: ignore[valid-type]
        churn = float(model.predict_proba(pd.DataFrame([body.model_dump()]))[0, 1])  # type: ignore[attr-defined]
        return {"prediction": int(churn >= 0.5), "probabilities": {"churn": churn, "non_churn": 1 - churn}, "threshold": 0.5}

    return app


def fit_pipeline(data: Path, place: Path) -> Any:
    """Fit and store the usual pipeline on the same table."""
    import joblib
    import pandas as pd
    from lightgbm import LGBMClassifier
    from sklearn.compose import ColumnTransformer
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    from tidegate.customers.spec import load_spec

    table = pd.read_csv(data).rename(columns=str.lower)
    columns = load_spec("bank").feature_columns
    numbers = [column.name for column in columns if column.kind != "category"]
    levels = [column.name for column in columns if column.kind == "category"]
    prepare = ColumnTransformer([("numbers", StandardScaler(), numbers), ("levels", OneHotEncoder(handle_unknown="ignore"), levels)])
    model = LGBMClassifier(n_estimators=1000, num_leaves=15, learning_rate=0.02, n_jobs=1, verbose=-1)
    fitted = make_pipeline(prepare, model).fit(table[numbers + levels], table["attrition_flag"] == "Attrited Customer")
    joblib.dump(fitted, place)
    return fitted


def save_for_mlflow(fitted: Any, place: Path) -> None:
    """The pipeline as an MLflow model; its service unpickles it, which ours never does."""
    import mlflow

    mlflow.sklearn.save_model(fitted, place, serialization_format="cloudpickle", pyfunc_predict_fn="predict_proba")


def main() -> None:
    kind, port, home = sys.argv[1], int(sys.argv[2]), Path(sys.argv[3])
    makers = {
        "ours": lambda: ours(home, ""),
        "recorded": lambda: ours(home, f"sqlite:///{home / 'ledger.db'}"),
        "postgres": lambda: ours(home, os.environ["TIDEGATE_LEDGER_URL"]),
        "empty": empty,
        "pipeline": lambda: pipeline(home),
    }
    uvicorn.run(makers[kind](), host="127.0.0.1", port=port, loop="uvloop", http="httptools", access_log=False, log_level="warning")


if __name__ == "__main__":
    main()
