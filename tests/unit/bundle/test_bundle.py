from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from conftest import TrainedHome
from tidegate.bundle import check
from tidegate.bundle.calibration import calibrated
from tidegate.bundle.champion import champion_pointer, open_champion
from tidegate.bundle.check import check_bundle
from tidegate.bundle.golden import check_golden, synthetic_rows
from tidegate.bundle.linear import fixed_order_sum
from tidegate.bundle.manifest import Calibration, Manifest, read_manifest, seal
from tidegate.bundle.scorer import open_scorer, score
from tidegate.customers.cells import objects_from_rows, rows_from_objects
from tidegate.customers.contract import breaches, compile_contract
from tidegate.customers.history import load_history
from tidegate.customers.rows import Rows
from tidegate.errors import BundleRefused, NoChampion
from tidegate.home import Home, open_home
from tidegate.storage.files import Folder


def test_a_sealed_bundle_passes_every_check(own_home: Home) -> None:
    folder, digest = bundle_of(own_home)
    check_bundle(folder, digest)
    check_golden(folder, open_scorer(folder, "1", digest))


@pytest.mark.parametrize("name", ["manifest.json", "spec.toml", "model.onnx", "golden.json", "reference.json"])
def test_one_changed_byte_is_refused_by_name(own_home: Home, name: str) -> None:
    folder, digest = bundle_of(own_home)
    content = bytearray((folder / name).read_bytes())
    content[len(content) // 2] ^= 1
    (folder / name).write_bytes(content)
    with pytest.raises(BundleRefused, match="manifest" if name == "manifest.json" else name.replace(".", r"\.")):
        read_manifest(folder, digest)


def test_a_truncated_model_that_was_sealed_again_is_refused_without_ending_the_process(own_home: Home) -> None:
    folder, _ = bundle_of(own_home)
    model = folder / "model.onnx"
    model.write_bytes(model.read_bytes()[: model.stat().st_size // 2])
    digest = seal(folder, read_manifest_unchecked(folder))
    with pytest.raises(BundleRefused, match="model"):
        check_bundle(folder, digest)


def test_a_model_with_other_leaves_fails_its_golden_rows(own_home: Home) -> None:
    folder, _ = bundle_of(own_home)
    manifest = read_manifest_unchecked(folder)
    shifted = manifest.model_copy(update={"calibration": Calibration(slope=manifest.calibration.slope, intercept=0.7)})
    digest = seal(folder, shifted)
    with pytest.raises(BundleRefused, match="golden"):
        check_bundle(folder, digest)


def test_a_file_that_the_manifest_does_not_name_is_refused(own_home: Home) -> None:
    folder, digest = bundle_of(own_home)
    (folder / "extra.pkl").write_bytes(b"\x80\x04.")
    with pytest.raises(BundleRefused, match=r"extra\.pkl"):
        read_manifest(folder, digest)


def test_a_bundle_holds_no_pickle_and_no_real_customer(own_home: Home, trained: TrainedHome) -> None:
    folder, _ = bundle_of(own_home)
    assert {path.suffix for path in folder.iterdir()} <= {".json", ".onnx", ".toml", ".npz", ".html"}
    golden = json.loads((folder / "golden.json").read_text())["rows"]
    spec = open_champion(Folder(own_home.storage)).contract.spec
    history = load_history(trained.data, spec, own_home.quarantine / "q.csv", 1.0)
    real = {canonical(row) for row in objects_from_rows(compile_contract(spec), history.rows)}
    assert len(golden) > 10
    assert not {canonical(row) for row in golden} & real


def test_a_check_that_takes_too_long_is_a_refusal_and_no_fault_that_ends_who_asked(own_home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    folder, digest = bundle_of(own_home)
    monkeypatch.setattr(check, "LONGEST_SECONDS", 0.001)
    with pytest.raises(BundleRefused, match="took longer"):
        check_bundle(folder, digest)


def test_a_home_without_a_champion_says_what_to_do(tmp_path: Path) -> None:
    home = open_home(tmp_path / "home")
    with pytest.raises(NoChampion, match="tidegate train"):
        open_champion(Folder(home.storage))


def test_batches_of_1_7_and_1000_agree_bit_for_bit(own_home: Home) -> None:
    scorer = open_champion(Folder(own_home.storage))
    contract = scorer.contract
    objects = [
        row for row in synthetic_rows(contract.spec, seed=3, count=1000) if not breaches(contract, rows_from_objects(contract, [row]))
    ]
    rows = rows_from_objects(contract, objects)
    whole = score(scorer, rows)
    for size in (1, 7):
        parts = [score(scorer, rows.take(np.arange(start, min(start + size, len(rows))))) for start in range(0, len(rows), size)]
        assert np.array_equal(np.concatenate(parts), whole)


def test_no_rows_have_no_probabilities_and_no_fault(own_home: Home) -> None:
    scorer = open_champion(Folder(own_home.storage))
    rows = rows_from_objects(scorer.contract, synthetic_rows(scorer.contract.spec, count=2))
    assert score(scorer, rows.take(np.array([], np.int64))).shape == (0,)


def test_typed_rows_survive_being_written_as_json(own_home: Home) -> None:
    contract = open_champion(Folder(own_home.storage)).contract
    rows = rows_from_objects(contract, synthetic_rows(contract.spec, seed=5, count=50))
    again = rows_from_objects(contract, json.loads(json.dumps(objects_from_rows(contract, rows))))
    assert same(rows, again)


def test_calibration_never_overflows() -> None:
    extreme = calibrated(Calibration(slope=1.0, intercept=0.0), np.array([-1e308, -800.0, 0.0, 800.0, 1e308]))
    assert extreme.tolist() == [0.0, 0.0, 0.5, 1.0, 1.0]


def test_linear_sums_do_not_depend_on_the_batch() -> None:
    products = np.random.default_rng(0).normal(size=(1000, 40)) * 10.0 ** np.arange(-20, 20)
    whole = fixed_order_sum(products)
    assert np.array_equal(whole, [fixed_order_sum(products[row : row + 1])[0] for row in range(1000)])


def same(first: Rows, second: Rows) -> bool:
    return np.array_equal(first.numbers, second.numbers, equal_nan=True) and np.array_equal(first.codes, second.codes)


def canonical(row: dict[str, object]) -> str:
    return json.dumps({name: float(value) if isinstance(value, int) else value for name, value in row.items()}, sort_keys=True)


def bundle_of(home: Home) -> tuple[Path, str]:
    pointer = champion_pointer(Folder(home.storage))
    return home.storage / "bundles" / pointer.version, pointer.digest


def read_manifest_unchecked(folder: Path) -> Manifest:
    return Manifest.model_validate_json((folder / "manifest.json").read_bytes())


def test_a_bundle_of_another_format_says_so(own_home: Home) -> None:
    folder = next((own_home.storage / "bundles").iterdir())
    manifest = json.loads((folder / "manifest.json").read_text())
    (folder / "manifest.json").write_text(json.dumps(manifest | {"format": 1}))
    with pytest.raises(BundleRefused, match=r"has format 1; this Tidegate reads format 2\. Train again"):
        read_manifest(folder)


def test_a_bundle_whose_trees_for_reasons_are_damaged_does_not_pass_its_check(own_home: Home) -> None:
    folder = next((own_home.storage / "bundles").iterdir())
    (folder / "trees.npz").write_bytes((folder / "trees.npz").read_bytes()[:500])
    digest = seal(folder, read_unchecked(folder))
    with pytest.raises(BundleRefused):
        check_bundle(folder, digest)


def read_unchecked(folder: Path) -> Manifest:
    return Manifest.model_validate_json((folder / "manifest.json").read_text())


def test_scoring_phones_nobody(own_home: Home, tmp_path: Path) -> None:
    """The runtime leaves a session file in the temporary folder where its telemetry is on."""
    folder, _ = bundle_of(own_home)
    code = f"from pathlib import Path; from tidegate.bundle.scorer import open_scorer; open_scorer(Path({str(folder)!r}), '1')"
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    environment = {name: value for name, value in os.environ.items() if name != "ORT_DISABLE_TELEMETRY"} | {"TMPDIR": str(temporary)}
    subprocess.run([sys.executable, "-c", code], env=environment, check=True, timeout=60)
    assert list(temporary.iterdir()) == []
