"""Hostile bundles: copies of a sealed one, spoilt, some of them sealed again so that every digest is right."""

from __future__ import annotations

import hashlib
import io
import json
import os
import random
import shutil
import zipfile
from collections.abc import Callable
from itertools import cycle, islice
from pathlib import Path

import numpy as np

from tidegate.bundle.manifest import Manifest, seal
from trials.hostile.planted import pickled

FILES = ("manifest.json", "model.onnx", "model.json", "golden.json", "spec.toml", "trees.npz", "reference.json")


def hostile_bundles(good: Path, bundles: Path, marker: Path, seed: int, count: int) -> list[tuple[str, str, str]]:
    """`count` bundles below `bundles`: (kind, version, the digest that a pointer promises). Each has to be refused."""
    chance, made = random.Random(seed), []
    for number, (kind, spoil) in enumerate(islice(cycle(_spoilers(marker)), count)):
        folder = bundles / f"hostile-{number}"
        shutil.copytree(good, folder)
        digest = spoil(folder, chance) or _digest(good)
        made.append((kind, folder.name, digest))
    return made


def _digest(folder: Path) -> str:
    return hashlib.sha256((folder / "manifest.json").read_bytes()).hexdigest()


Spoil = Callable[[Path, random.Random], str | None]


def _spoilers(marker: Path) -> list[tuple[str, Spoil]]:
    """What is done to a folder; a digest where it is sealed again."""
    return [
        ("a flipped bit", lambda folder, chance: _change(folder, chance, _flip)),
        ("a truncation", lambda folder, chance: _change(folder, chance, lambda content, at: content[: at(len(content))])),
        ("a truncated model, sealed again", lambda folder, chance: _sealed(folder, _cut_model(folder, chance))),
        ("a pickle beside", lambda folder, _: _write(folder / "model.pkl", pickled(marker))),
        ("a pickle as the model, sealed again", lambda folder, _: _sealed(folder, _write(_model(folder), pickled(marker)))),
        ("a pickle as trees, sealed again", lambda folder, _: _sealed(folder, _write(folder / "trees.npz", pickled(marker)))),
        ("arrays of objects, sealed again", lambda folder, _: _sealed(folder, _objects(folder, marker))),
        ("arrays of a terabyte, sealed again", lambda folder, _: _sealed(folder, _huge_array(folder))),
        ("a zip bomb as trees, sealed again", lambda folder, _: _sealed(folder, _zip_bomb(folder))),
        ("ONNX with data elsewhere, sealed again", lambda folder, _: _sealed(folder, _external(folder))),
        ("JSON a million deep, sealed again", lambda folder, _: _sealed(folder, _write(folder / "golden.json", b"[" * 1_000_000))),
        ("a manifest a million deep, promised", lambda folder, _: _promised(folder, b'{"a":' * 1_000_000)),
        ("a file of another folder named, promised", lambda folder, _: _promised(folder, _renamed(folder))),
        ("a link out of the folder", lambda folder, _: _linked(folder)),
        ("a folder that is a link", lambda folder, _: _link_itself(folder)),
        ("other golden rows, sealed again", lambda folder, _: _sealed(folder, _other_golden(folder))),
        ("a spec that is no TOML, sealed again", lambda folder, _: _sealed(folder, _write(folder / "spec.toml", b"\xff\x00[["))),
    ]


def _model(folder: Path) -> Path:
    return next(path for path in (folder / "model.onnx", folder / "model.json") if path.exists())


def _write(path: Path, content: bytes) -> None:
    path.write_bytes(content)


def _sealed(folder: Path, _: None) -> str:
    manifest = Manifest.model_validate_json((folder / "manifest.json").read_bytes())
    return seal(folder, manifest)


def _change(folder: Path, chance: random.Random, change: Callable[[bytes, Callable[[int], int]], bytes]) -> None:
    path = chance.choice([folder / name for name in FILES if (folder / name).exists()])
    path.write_bytes(change(path.read_bytes(), chance.randrange))


def _flip(content: bytes, at: Callable[[int], int]) -> bytes:
    changed = bytearray(content)
    changed[at(len(changed))] ^= 1 << at(8)
    return bytes(changed)


def _cut_model(folder: Path, chance: random.Random) -> None:
    content = _model(folder).read_bytes()
    _write(_model(folder), content[: chance.randrange(1, len(content) - 1)])


def _objects(folder: Path, marker: Path) -> None:
    place = io.BytesIO()
    array = np.empty(1, object)
    array[0] = marker
    np.save(place, array, allow_pickle=True)
    header = place.getvalue()
    with zipfile.ZipFile(folder / "trees.npz", "w") as archive:
        archive.writestr("feature.npy", header[: header.index(b"\n") + 1] + pickled(marker))


def _huge_array(folder: Path) -> None:
    head = b"{'descr': '<f8', 'fortran_order': False, 'shape': (137438953472,), }"
    head += b" " * (63 - (10 + len(head)) % 64) + b"\n"
    _rewrite(folder / "trees.npz", "leaf.npy", b"\x93NUMPY\x01\x00" + len(head).to_bytes(2, "little") + head + b"\0" * 64)


def _zip_bomb(folder: Path) -> None:
    _rewrite(folder / "trees.npz", "leaf.npy", bytes(300 << 20))


def _rewrite(path: Path, name: str, content: bytes) -> None:
    kept = {}
    if path.exists():
        with zipfile.ZipFile(path) as archive:
            kept = {one: archive.read(one) for one in archive.namelist()}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for one, old in {**kept, name: content}.items():
            archive.writestr(one, old)


def _external(folder: Path) -> None:
    import onnx
    from onnx import TensorProto, helper

    tensor = TensorProto(name="w", data_type=TensorProto.FLOAT, dims=[1], data_location=TensorProto.EXTERNAL)
    tensor.external_data.add(key="location", value="../../../../../../etc/passwd")
    entry, result = (helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", 1]) for name in ("x", "y"))
    graph = helper.make_graph([helper.make_node("Add", ["x", "w"], ["y"])], "g", [entry], [result], [tensor])
    (folder / "model.onnx").write_bytes(onnx.helper.make_model(graph).SerializeToString())
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["members"], manifest["combination"] = [{"name": "trees", "kind": "trees"}], "single"
    (folder / "manifest.json").write_text(json.dumps(manifest))


def _promised(folder: Path, manifest: bytes) -> str:
    """Another manifest, whose digest the pointer names."""
    _write(folder / "manifest.json", manifest)
    return _digest(folder)


def _renamed(folder: Path) -> bytes:
    return (folder / "manifest.json").read_bytes().replace(b'"golden.json"', b'"../../../home.json"')


def _linked(folder: Path) -> None:
    path = folder / "golden.json"
    content = path.read_bytes()
    outside = folder.parent.parent / f"{folder.name}.golden"
    outside.write_bytes(content)
    path.unlink()
    path.symlink_to(os.path.relpath(outside, folder))


def _link_itself(folder: Path) -> None:
    shutil.rmtree(folder)
    folder.symlink_to("/etc")


def _other_golden(folder: Path) -> None:
    golden = json.loads((folder / "golden.json").read_text())
    golden["probabilities"] = [min(1.0, one + 1e-6) for one in golden["probabilities"]]
    (folder / "golden.json").write_text(json.dumps(golden))
