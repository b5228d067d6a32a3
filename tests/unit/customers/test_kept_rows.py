"""Kept customers come back as they were, from a file that only its owner reads."""

import numpy as np
import pytest

from tidegate.customers.kept_rows import BATCH, KeptRows, read_kept, write_kept
from tidegate.customers.rows import MISSING_LEVEL, OTHER_LEVEL, Rows
from tidegate.customers.spec import parse_spec
from tidegate.errors import HomeRefused

SPEC = """
name = "t"
[columns.age]
kind = "integer"
nullable = true
[columns.plan]
kind = "category"
levels = ["a", "b"]
unknown = "other"
nullable = true
"""


def kept() -> KeptRows:
    rows = Rows(np.array([[1.0, np.nan, 3.0, 0.1 + 0.2]]), np.array([[0, MISSING_LEVEL, OTHER_LEVEL, 1]], np.int32))
    probability = np.array([0.1, 0.2, 1 / 3, 1.0])
    ids = np.array(["A", None, "C", "D"], object)
    return KeptRows(rows, ids, np.array([1, 0, -1, 0], np.int8), np.array([BATCH] * 4, object), probability, {"digest": "d"})


def test_kept_customers_come_back_bit_for_bit(tmp_path):
    spec, path = parse_spec(SPEC), tmp_path / "new" / "kept.parquet"
    write_kept(path, spec, kept())
    found = read_kept(path, spec)
    assert found.rows.numbers.tobytes() == kept().rows.numbers.tobytes()
    assert (found.rows.codes == kept().rows.codes).all()
    assert found.probability.tobytes() == kept().probability.tobytes()
    assert found.ids.tolist() == ["A", None, "C", "D"]
    assert found.label.tolist() == [1, 0, -1, 0]
    assert found.about["digest"] == "d"
    assert path.stat().st_mode & 0o777 == 0o600


def test_no_customers_are_kept_too(tmp_path):
    spec, path = parse_spec(SPEC), tmp_path / "kept.parquet"
    write_kept(path, spec, kept().take(np.zeros(4, bool)))
    assert len(read_kept(path, spec)) == 0


@pytest.mark.parametrize("damage", ["absent", "cut", "other spec", "no table of ours"])
def test_what_is_not_such_a_file_is_refused_by_its_path(tmp_path, damage):
    spec, path = parse_spec(SPEC), tmp_path / "kept.parquet"
    write_kept(path, spec, kept())
    if damage == "absent":
        path.unlink()
    elif damage == "cut":
        path.write_bytes(path.read_bytes()[:-20])
    elif damage == "other spec":
        spec = parse_spec(SPEC.replace('"a"', '"z"'))
    else:
        import pyarrow as pa
        import pyarrow.parquet

        pyarrow.parquet.write_table(pa.table({"a": [1]}), path)
    with pytest.raises(HomeRefused, match=r"kept\.parquet"):
        read_kept(path, spec)
