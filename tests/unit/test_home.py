"""The home is made, recognised or refused, and a file in it is whole or absent."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from tidegate.errors import HomeRefused
from tidegate.home import FORMAT, Home, exclusive, open_home, sweep, working, write_whole


def test_a_home_is_made_once_and_found_again(tmp_path: Path) -> None:
    root = tmp_path / "deep" / "home"
    home = open_home(root)
    assert json.loads(home.marker.read_text()) == {"format": FORMAT}
    before = home.marker.stat().st_mtime_ns
    (root / "storage").mkdir()
    assert open_home(root) == home
    assert home.marker.stat().st_mtime_ns == before


def test_naming_places_creates_nothing(tmp_path: Path) -> None:
    home = Home(tmp_path)
    places = [home.marker, home.storage, home.tracking, home.ledger, home.quarantine, home.data, home.scratch, home.secrets]
    assert len(set(places)) == len(places)
    assert all(place.parent == tmp_path for place in places)
    assert list(tmp_path.iterdir()) == []


def test_the_root_of_a_fresh_disk_may_become_a_home(tmp_path: Path) -> None:
    (tmp_path / "lost+found").mkdir()
    assert open_home(tmp_path).marker.exists()


def test_a_marker_that_another_process_is_writing_does_not_disturb(tmp_path: Path) -> None:
    (tmp_path / ".home.json.123-456.part").write_bytes(b"")
    assert open_home(tmp_path).marker.exists()


def test_a_folder_with_other_files_is_left_as_it_was(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(HomeRefused, match="not a Tidegate home"):
        open_home(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


@pytest.mark.parametrize(
    ("marker", "says"),
    [
        (json.dumps({"format": FORMAT + 1}), "newer Tidegate"),
        ("", "damaged"),
        ("{", "damaged"),
        ("[]", "damaged"),
        ("{}", "damaged"),
        ('{"format": null}', "damaged"),
        ('{"format": "1"}', "damaged"),
        ('{"format": true}', "damaged"),
        ('{"format": 0}', "damaged"),
        ("\udcff", "damaged"),
        ("[" * 100_000, "damaged"),
    ],
)
def test_a_strange_marker_is_refused_and_kept(tmp_path: Path, marker: str, says: str) -> None:
    path = tmp_path / "home.json"
    path.write_text(marker, encoding="utf-8", errors="surrogateescape")
    with pytest.raises(HomeRefused, match=says):
        open_home(tmp_path)
    assert path.read_text(encoding="utf-8", errors="surrogateescape") == marker


def test_what_is_no_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    for place in (tmp_path / "file", tmp_path / "file" / "below", tmp_path / "loop", tmp_path / ("x" * 300)):
        with pytest.raises(HomeRefused):
            open_home(place)


def test_a_folder_without_the_right_to_write_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    open_home(tmp_path)
    monkeypatch.setattr(os, "access", lambda *_: False)
    with pytest.raises(HomeRefused, match="cannot be written"):
        open_home(tmp_path)


def test_a_file_is_replaced_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "folder" / "file"
    write_whole(path, b"first")
    write_whole(path, b"second")
    assert path.read_bytes() == b"second"

    def failing(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", failing)
    with pytest.raises(OSError, match="No space"):
        write_whole(path, b"third")
    assert path.read_bytes() == b"second"
    assert [entry.name for entry in path.parent.iterdir()] == ["file"]


def test_threads_that_write_one_file_leave_one_whole_content(tmp_path: Path) -> None:
    path, faults = tmp_path / "file", []

    def write(content: bytes) -> None:
        try:
            for _ in range(30):
                write_whole(path, content)
        except OSError as error:
            faults.append(error)

    contents = [bytes([65 + number]) * 50_000 for number in range(4)]
    threads = [threading.Thread(target=write, args=(content,)) for content in contents]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert faults == []
    assert path.read_bytes() in contents
    assert len(list(tmp_path.iterdir())) == 1


def test_one_process_at_a_time_works_in_a_home(tmp_path: Path) -> None:
    home = open_home(tmp_path)
    code = (
        "import sys\nfrom pathlib import Path\nfrom tidegate.home import Home, exclusive\n"
        "with exclusive(Home(Path(sys.argv[1])), 'training'): print('in')"
    )

    def another() -> subprocess.CompletedProcess[str]:
        return subprocess.run([sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=False)

    with exclusive(home, "training"):
        with pytest.raises(HomeRefused, match="promoting cannot start"), exclusive(home, "promoting"):
            pass
        assert "HomeRefused" in another().stderr
    assert another().stdout == "in\n"
    with exclusive(home, "promoting"):
        pass


def test_work_in_progress_is_removed_also_that_of_a_killed_process(tmp_path: Path) -> None:
    home = open_home(tmp_path / "home")
    home.scratch.mkdir()
    dead, alive = home.scratch / "serve.99999999.x", home.scratch / f"serve.{os.getpid()}.y"
    dead.mkdir()
    alive.mkdir()
    with working(home, "train") as folder:
        assert folder.is_dir()
        assert not dead.exists()
        assert alive.exists()
    assert not folder.exists()


def test_what_killed_processes_left_half_written_is_swept_and_nothing_else(tmp_path: Path) -> None:
    home = open_home(tmp_path / "home")
    gone, me, alive = "999999999", str(os.getpid()), "1"
    for folder in ("", "quarantine", "data", "mlflow", "evaluations"):
        (home.root / folder).mkdir(exist_ok=True)
    left = [f".home.json.{gone}-1.part", f"quarantine/.bank.csv.{gone}-7f11c542cd90.part", f"data/.bank_3000_1.{gone}.part.csv"]
    left += [f"mlflow/.mlflow.db.{gone}.part", f"mlflow/.mlflow.db.{gone}.part-journal", f"evaluations/.1.{me}.part"]
    kept = [
        "home.json",
        f"quarantine/.bank.csv.{alive}-1.part",
        "quarantine/bank.part",
        "data/.part",
        "data/.x.part",
        f"data/.y.{gone}.csv",
    ]
    for name in (*left, *kept[1:]):
        (home.root / name).write_bytes(b"x")
    (home.root / f"evaluations/.2.{gone}.part").mkdir()
    (home.root / f"evaluations/.2.{gone}.part" / "deep.csv").write_bytes(b"x")
    sweep(home)
    assert sorted(str(path.relative_to(home.root)) for path in home.root.rglob("*") if path.is_file()) == sorted(kept)
    assert list((home.root / "evaluations").iterdir()) == []
