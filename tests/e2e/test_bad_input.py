"""Bad input: one sentence that names the place and the remedy, exit 2, and the home as it was."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest

from tidegate.home import Home


def tidegate(*words: object, environment: dict[str, str] | None = None, limit: str = "") -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "tidegate", *map(str, words)]
    if limit:
        command = ["bash", "-c", f'{limit}; exec "$@"', "limited", *command]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False, env={**os.environ, **(environment or {})})


def table(rows: int = 300, positive: float = 0.3) -> list[str]:
    """Lines of a small customer table: id, two numbers, a category, the label."""
    generator = np.random.default_rng(1)
    lines = ["id,visits,spend,plan,left"]
    for row in range(rows):
        left = "yes" if row < rows * positive else "no"
        visits, spend = generator.integers(0, 30), generator.normal(50, 10)
        lines.append(f"K{row},{visits + 5 * (left == 'no')},{spend:.2f},{'SML'[row % 3]},{left}")
    return lines


def text(lines: list[str]) -> bytes:
    return ("\n".join(lines) + "\n").encode()


def truncated_parquet(path: Path) -> None:
    sound = path.with_name("sound.parquet")
    pyarrow.parquet.write_table(pa.table({"visits": list(range(1000)), "left": ["yes", "no"] * 500}), sound)
    path.write_bytes(sound.read_bytes()[:-40])


def with_text(lines: list[str], word: str) -> list[str]:
    return [lines[0], *(line.replace(line.split(",")[2], word) for line in lines[1:])]


BAD: dict[str, tuple[Callable[[Path], object], str]] = {
    "empty": (lambda path: path.write_bytes(b""), "is empty"),
    "header only": (lambda path: path.write_bytes(b"id,visits,left\n"), "no rows"),
    "binary": (lambda path: path.write_bytes(bytes(range(256)) * 50), "NUL"),
    "merge conflict": (lambda path: path.write_bytes(text([*table()[:50], "<<<<<<< HEAD", *table()[50:]])), "merge-conflict"),
    "unclosed quote": (lambda path: path.write_bytes(text([*table()[:50], 'K9,1,"2,S,yes', *table()[50:]])), "never properly closed"),
    "truncated parquet": (truncated_parquet, "truncated"),
    "100,000 columns": (lambda path: path.write_bytes(text([",".join(f"c{n}" for n in range(100_000))])), "columns"),
    "missing label": (lambda path: path.write_bytes(text([line.rsplit(",", 1)[0] for line in table()])), "left"),
    "one class": (lambda path: path.write_bytes(text(table(positive=1.0))), "left"),
    "ten rows": (lambda path: path.write_bytes(text(table(10, 0.5))), "too few"),
    "duplicate columns": (lambda path: path.write_bytes(text([table()[0].replace("spend", "Visits"), *table()[1:]])), "isits"),
}


def files_of(home: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(home)): path.read_bytes()
        for path in sorted(home.rglob("*"))
        if path.is_file() and "ledger.db-" not in path.name
    }


def assert_refused(answer: subprocess.CompletedProcess[str], says: str) -> None:
    assert answer.returncode == 2, (answer.returncode, answer.stderr)
    sentence = answer.stderr.strip().splitlines()[-1]
    assert sentence.startswith("tidegate: ")
    assert says in sentence
    assert "Traceback" not in answer.stderr
    assert answer.stdout == ""


@pytest.mark.parametrize("name", BAD)
def test_a_table_that_cannot_be_learned_from(name: str, tmp_path: Path) -> None:
    make, says = BAD[name]
    data = tmp_path / ("data.parquet" if "parquet" in name else "data.csv")
    make(data)
    home = tmp_path / "home"
    assert_refused(tidegate("train", data, "--label", "left", "--home", home, "--json"), says)
    assert not home.exists(), "a refused command left a home behind"


def test_a_refused_table_leaves_a_used_home_as_it_was(own_home: Home, tmp_path: Path) -> None:
    before = files_of(own_home.root)
    (tmp_path / "ten.csv").write_bytes(text(table(10, 0.5)))
    assert_refused(tidegate("train", tmp_path / "ten.csv", "--label", "left", "--home", own_home.root), "too few")
    after = files_of(own_home.root)
    # The inferred spec stays, because the sentence is about what it led to; nothing else may differ.
    assert {name: content for name, content in after.items() if not name.startswith("specs/")} == before


@pytest.mark.parametrize("encoding", ["latin-1", "utf-16", "utf-8-sig"])
@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r"])
def test_unusual_text_is_read_as_it_is(encoding: str, ending: str, tmp_path: Path) -> None:
    lines = [line.replace(",S,", ",Été,") for line in table()]
    data = tmp_path / "data.csv"
    data.write_bytes((ending.join(lines) + ending).encode(encoding))
    answer = tidegate("inspect", data, "--label", "left", "--json")
    assert answer.returncode == 0, answer.stderr
    told = json.loads(answer.stdout)
    assert told["rows"] == 300
    assert "Été" in told["text"]


def test_an_all_missing_column_is_left_out_with_its_reason(tmp_path: Path) -> None:
    lines = table()
    data = tmp_path / "data.csv"
    data.write_bytes(text([lines[0] + ",empty", *(line + "," for line in lines[1:])]))
    told = json.loads(tidegate("inspect", data, "--label", "left", "--json").stdout)
    assert "empty" in told["text"]
    assert "[columns.empty]" not in [line for line in told["text"].splitlines() if not line.startswith("#")]


@pytest.mark.parametrize("word", ["many", "inf", "1e999"])
def test_numbers_that_are_none_stop_a_table_that_is_full_of_them(word: str, tmp_path: Path) -> None:
    sound, data, home = tmp_path / "sound.csv", tmp_path / "data.csv", tmp_path / "home"
    sound.write_bytes(text(table()))
    assert tidegate("inspect", sound, "--label", "left", "--out", tmp_path / "spec.toml").returncode == 0
    data.write_bytes(text(with_text(table(), word)))
    answer = tidegate("train", data, "--spec", tmp_path / "spec.toml", "--home", home)
    assert_refused(answer, "spend")
    assert word not in answer.stderr
    assert list((home / "quarantine").iterdir()), "the quarantine file is the evidence"


def test_a_table_of_another_kind_does_not_fit_the_spec(own_home: Home, tmp_path: Path) -> None:
    (tmp_path / "other.csv").write_bytes(text(table()))
    assert_refused(tidegate("train", tmp_path / "other.csv", "--spec", "bank", "--home", own_home.root), "lacks")
    assert_refused(tidegate("score", tmp_path / "other.csv", tmp_path / "out.csv", "--home", own_home.root), "lacks")
    assert not (tmp_path / "out.csv").exists()


def test_a_home_of_a_newer_version_is_not_touched(own_home: Home) -> None:
    own_home.marker.write_text('{"format": 99}')
    before = files_of(own_home.root)
    for words in (("verify",), ("train", "x.csv", "--label", "left"), ("serve",)):
        assert_refused(tidegate(*words, "--home", own_home.root), "newer")
    assert files_of(own_home.root) == before


def test_a_folder_of_other_things_is_no_home(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("mine")
    assert_refused(tidegate("train", "--home", tmp_path), "not a Tidegate home")
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


def test_a_home_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert_refused(tidegate("train", "--home", tmp_path / "file" / "home"), "cannot be used as a home")


def test_a_full_disk_leaves_no_half_written_output(own_home: Home, tmp_path: Path) -> None:
    """A limit on the size of written files stands for the full disk: the kernel refuses the write in the same place."""
    data = tmp_path / "bank.csv"
    assert tidegate("simulate", data, "--rows", 20_000).returncode == 0
    answer = tidegate("score", data, tmp_path / "scored.csv", "--home", own_home.root, limit="trap '' XFSZ; ulimit -f 1000")
    assert_refused(answer, "scored.csv")
    assert sorted(path.name for path in tmp_path.iterdir() if path.name.startswith((".", "scored"))) == []
    answer = tidegate("simulate", tmp_path / "more.csv", "--rows", 50_000, limit="trap '' XFSZ; ulimit -f 1000")
    assert_refused(answer, "more.csv")
    assert not list(tmp_path.glob("*more*"))


def test_an_output_that_is_the_input_or_of_another_kind(own_home: Home, tmp_path: Path) -> None:
    data = tmp_path / "bank.csv"
    assert tidegate("simulate", data, "--rows", 300).returncode == 0
    before = data.read_bytes()
    assert_refused(tidegate("score", data, data, "--home", own_home.root), "also the input")
    assert_refused(tidegate("score", data, tmp_path / "out.xlsx", "--home", own_home.root), "out.xlsx")
    assert data.read_bytes() == before


def test_scoring_never_writes_over_its_input_or_somebody_elses_file(own_home: Home, tmp_path: Path) -> None:
    data = tmp_path / "out.quarantine.csv"
    assert tidegate("simulate", data, "--rows", 300).returncode == 0
    before = data.read_bytes()
    assert_refused(tidegate("score", data, tmp_path / "out.csv", "--home", own_home.root), "also the input")
    assert data.read_bytes() == before
    (tmp_path / "other.csv").write_bytes(text(table()))
    (tmp_path / "keep.quarantine.csv").write_text("mine")
    assert_refused(tidegate("score", tmp_path / "other.csv", tmp_path / "keep.csv", "--home", own_home.root), "lacks")
    assert (tmp_path / "keep.quarantine.csv").read_text() == "mine"


# A library that is called when Ctrl-C comes, and makes an error of its own of it.
INTERRUPTED = """
import os, signal, sys
from tidegate.customers import load
how = sys.argv.pop()
def sniff(path):
    try:
        os.kill(os.getpid(), signal.SIGINT if how == "interrupted" else 0)
        signal.sigtimedwait([], 0)
    except KeyboardInterrupt:
        pass
    raise TypeError("an argument that nobody gave")
load.sniff = sniff
from tidegate.cli import main
main()
"""


@pytest.mark.parametrize(("how", "code"), [("interrupted", 130), ("not interrupted", 1)])
def test_what_a_library_makes_of_ctrl_c_is_ctrl_c(how: str, code: int, tmp_path: Path) -> None:
    (tmp_path / "bank.csv").write_bytes(text(table()))
    command = [sys.executable, "-c", INTERRUPTED, "inspect", str(tmp_path / "bank.csv"), "--label", "left", how]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert ended.returncode == code, ended.stderr
    assert (ended.stderr == "tidegate: stopped.\n") == (how == "interrupted"), ended.stderr


def test_two_trainings_of_one_new_home_leave_the_winner_alone(tmp_path: Path) -> None:
    data = tmp_path / "data.csv"
    data.write_bytes(text(table(600)))
    home = tmp_path / "home"
    command = [sys.executable, "-m", "tidegate", "train", str(data), "--label", "left", "--algorithms", "lightgbm", "--budget", "quick"]
    command += ["--home", str(home)]
    both = [subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(2)]
    said = [process.communicate(timeout=200)[1] for process in both]
    codes = sorted(process.returncode for process in both)
    assert codes in ([0, 0], [0, 2]), said
    assert not any("Traceback" in one for one in said), said
    assert (home / "home.json").exists()
    assert list(home.glob("storage/bundles/*/manifest.json"))
