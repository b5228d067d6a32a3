"""`trees.npz`: the trees of a bundle as plain arrays, read without trusting them."""

from __future__ import annotations

import io
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import numpy as np
from numpy.typing import NDArray

from tidegate.errors import BundleRefused

LARGEST_ARRAY_BYTES = 256 << 20
TREE_ARRAYS: dict[str, type[np.generic]] = {
    "feature": np.int32,
    "threshold": np.float64,
    "missing_left": np.bool_,
    "left": np.int32,
    "right": np.int32,
    "left_is_leaf": np.bool_,
    "right_is_leaf": np.bool_,
    "leaf": np.float64,
    "leaf_cover": np.float64,
    "roots": np.int32,
    "tree_member": np.int32,
    "offset": np.float64,
    "divisor": np.float64,
}
INNER = ("feature", "threshold", "missing_left", "left", "right", "left_is_leaf", "right_is_leaf")


@dataclass(frozen=True)
class TreeArrays:
    """Joined trees of m models with i inner nodes, l leaves and t trees.

    A row goes left at inner node k where x[feature[k]] ≤ threshold[k], or where it is missing and `missing_left[k]`; `left`, `right` (i,)
    are positions of inner nodes, or of leaves where the flag says so. `leaf`, `leaf_cover` (l,); `roots`, `tree_member` (t,);
    `offset`, `divisor` (m,): a model's margin is the sum of the leaves reached / divisor + offset.
    """

    feature: NDArray[np.int32]
    threshold: NDArray[np.float64]
    missing_left: NDArray[np.bool_]
    left: NDArray[np.int32]
    right: NDArray[np.int32]
    left_is_leaf: NDArray[np.bool_]
    right_is_leaf: NDArray[np.bool_]
    leaf: NDArray[np.float64]
    leaf_cover: NDArray[np.float64]
    roots: NDArray[np.int32]
    tree_member: NDArray[np.int32]
    offset: NDArray[np.float64]
    divisor: NDArray[np.float64]


def read_tree_arrays(path: Path, features: int, members: int) -> TreeArrays:
    """The arrays of `trees.npz`, fit for `features` columns and `members` models. Raises BundleRefused on anything else."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise _unreadable(path.parent.name, error) from None
    return parse_tree_arrays(content, path.parent.name, features, members)


def parse_tree_arrays(content: bytes, bundle: str, features: int, members: int) -> TreeArrays:
    """The arrays in the bytes of a `trees.npz`; `bundle` names it in the refusal. Raises BundleRefused."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            stored = {info.filename: info for info in archive.infolist()}
            if set(stored) != {f"{name}.npy" for name in TREE_ARRAYS} or len(archive.infolist()) != len(stored):
                raise ValueError("other arrays")
            if sum(info.file_size for info in stored.values()) > LARGEST_ARRAY_BYTES:
                raise ValueError("too large")
            found = {name: _read_array(archive, stored[f"{name}.npy"], kind) for name, kind in TREE_ARRAYS.items()}
        arrays = TreeArrays(**found)  # type: ignore[arg-type]
        _check(arrays, features, members)
    except (OSError, ValueError, EOFError, NotImplementedError, RuntimeError, zipfile.BadZipFile, zlib.error) as error:
        raise _unreadable(bundle, error) from None
    return arrays


def _unreadable(bundle: str, error: Exception) -> BundleRefused:
    return BundleRefused(f"The trees of bundle {bundle} cannot be read ({type(error).__name__}).", "Promote another version.")


def _read_array(archive: zipfile.ZipFile, info: zipfile.ZipInfo, kind: type[np.generic]) -> NDArray[np.generic]:
    """One vector. Bytes are read before anything of the length that its header claims is allocated."""
    with archive.open(info) as file:
        length, dtype = _header(file)
        if dtype != np.dtype(kind):
            raise ValueError("other kind")
        content = file.read(length * dtype.itemsize + 1)
    if len(content) != length * dtype.itemsize:
        raise ValueError("other length")
    return np.frombuffer(content, dtype)


def _header(file: IO[bytes]) -> tuple[int, np.dtype[np.generic]]:
    if np.lib.format.read_magic(file) != (1, 0):
        raise ValueError("another version")
    shape, _, dtype = np.lib.format.read_array_header_1_0(file)
    if len(shape) != 1 or dtype.hasobject:
        raise ValueError("no vector")
    return shape[0], dtype


def _check(trees: TreeArrays, features: int, members: int) -> None:
    """Every index lies inside, every number is usable, and every node and leaf hangs under exactly one parent or is a root."""
    inner, leaves = len(trees.feature), len(trees.leaf)
    lengths = {len(getattr(trees, name)) for name in INNER}
    if lengths != {inner} or len(trees.leaf_cover) != leaves or len(trees.tree_member) != len(trees.roots):
        raise ValueError("lengths differ")
    if {len(trees.offset), len(trees.divisor)} != {members} or not np.array_equal(np.unique(trees.tree_member), np.arange(members)):
        raise ValueError("other members")
    if inner and not 0 <= trees.feature.min() <= trees.feature.max() < features:
        raise ValueError("other features")
    numbers = (trees.leaf, trees.leaf_cover, trees.offset, trees.divisor)
    if not all(np.isfinite(each).all() for each in numbers) or np.isnan(trees.threshold).any():
        raise ValueError("not a number")
    if (trees.leaf_cover < 0).any() or (trees.divisor <= 0).any():
        raise ValueError("negative weights")
    children, are_leaves = np.concatenate([trees.left, trees.right]), np.concatenate([trees.left_is_leaf, trees.right_is_leaf])
    for found, count in ((children[are_leaves], leaves), (np.concatenate([children[~are_leaves], trees.roots]), inner)):
        if not np.array_equal(np.sort(found), np.arange(count)):
            raise ValueError("no trees")
