"""Reads the tensors in a PyTorch checkpoint (``.pth``, ``.pt``, ``.bin``) without PyTorch and without running its code.

Such a file is a pickle, and a pickle may name any function to be called.  The unpickler here knows the handful of
names that a dictionary of tensors needs, each replaced by our own code, and refuses every other: nothing in the file
is ever looked up in an installed module.

Both layouts are read: the zip archive (PyTorch 1.6 and later) and the sequence of pickles before that.
"""

from __future__ import annotations

import io
import math
import pickle
import pickletools
import struct
import zipfile
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np

from resnext_gui.engine.weights.report import CheckpointError

_Array = np.ndarray[Any, Any]

_LEGACY_MAGIC = 0x1950A86A20F9469CFC6C
_LEGACY_PROTOCOL = 1001

# Storage class -> element type.  bfloat16 is unknown to NumPy: its bits are the upper half of a float32's.
_STORAGES = {
    "DoubleStorage": "<f8",
    "FloatStorage": "<f4",
    "HalfStorage": "<f2",
    "BFloat16Storage": "bfloat16",
    "LongStorage": "<i8",
    "IntStorage": "<i4",
    "ShortStorage": "<i2",
    "CharStorage": "<i1",
    "ByteStorage": "<u1",
    "BoolStorage": "?",
}
_WRAPPERS = ("state_dict", "model", "model_state_dict", "model_state", "state_dict_ema", "model_ema", "net", "weights")
"""Where training programs keep the weights, the usual places first; others are found by what they hold."""
_PREFIXES = ("module.", "_orig_mod.", "model.", "backbone.", "encoder.", "net.")


def read_torch_file(path: Path) -> dict[str, _Array]:
    """Return the tensors of a checkpoint by name: float32 arrays (int64 for counters) in PyTorch's layout.

    Wrappers such as ``{"state_dict": ...}`` and prefixes such as ``module.`` are taken off.

    Raises:
        CheckpointError: the file is truncated, asks for code, or holds no tensors.
    """
    try:
        if zipfile.is_zipfile(path):
            content = _read_zip(path)
        else:
            with path.open("rb") as file:
                content = _read_legacy(path, file)
    except CheckpointError:
        raise
    except (pickle.UnpicklingError, zipfile.BadZipFile, EOFError, struct.error) as error:
        raise CheckpointError(path, f"it is damaged or cut off ({error or type(error).__name__})") from error
    except (ValueError, TypeError, KeyError, IndexError, AttributeError, UnicodeDecodeError, RecursionError) as error:
        raise CheckpointError(path, f"it is no PyTorch checkpoint ({type(error).__name__}: {error})") from error
    except (OverflowError, MemoryError, NotImplementedError) as error:
        raise CheckpointError(path, f"its contents make no sense ({type(error).__name__})") from error
    return _state(path, content)


def strip_prefixes(names: list[str]) -> dict[str, str]:
    """Return {name: name without what wrappers such as DataParallel put before all of them}."""
    bare = {name: name for name in names}
    changed = True
    while changed and bare:
        changed = False
        for prefix in _PREFIXES:
            if all(name.startswith(prefix) for name in bare.values()):
                bare = {name: short.removeprefix(prefix) for name, short in bare.items()}
                changed = True
    return bare


# --------------------------------------------------------------------------------------------------------------------
# The only things a pickle may name


@dataclass(eq=False)
class _Storage:
    """A run of numbers in the file; its data is filled in when it has been reached."""

    key: str
    kind: str
    count: int
    data: _Array | None = None


@dataclass(eq=False)
class _Tensor:
    """A view into a storage, in elements, checked when it is made real."""

    storage: _Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]

    def array(self) -> _Array:
        data = self.storage.data
        if data is None:
            raise ValueError("a tensor's numbers are missing")
        count = math.prod(self.shape)
        if min((self.offset, *self.shape, *self.strides), default=0) < 0:
            raise ValueError("a tensor has a negative size")
        if count == 0:
            return np.zeros(self.shape, data.dtype)
        last = self.offset + sum((side - 1) * step for side, step in zip(self.shape, self.strides, strict=True))
        # More elements than the storage has would come from overlapping rows: a small file that fills the memory.
        if last >= data.size or count > data.size:
            raise ValueError("a tensor reaches beyond its numbers")
        steps = tuple(step * data.itemsize for step in self.strides)
        view = np.lib.stride_tricks.as_strided(data[self.offset :], self.shape, steps, writeable=False)
        return np.array(view, order="C")


@dataclass(frozen=True)
class _StorageKind:
    kind: str


class _RebuildTensor:
    """Stands in for ``torch._utils._rebuild_tensor_v2``."""

    __slots__ = ()

    def __call__(self, storage: Any, offset: Any, shape: Any, strides: Any, *_: Any) -> _Tensor:
        if not isinstance(storage, _Storage):
            raise pickle.UnpicklingError("a tensor without a storage")
        if len(shape) != len(strides) or not all(type(n) is int for n in (offset, *shape, *strides)):
            raise pickle.UnpicklingError("a tensor without a shape")
        return _Tensor(storage, offset, tuple(shape), tuple(strides))


class _RebuildParameter:
    """Stands in for ``torch._utils._rebuild_parameter``."""

    __slots__ = ()

    def __call__(self, data: Any, *_: Any) -> _Tensor:
        if not isinstance(data, _Tensor):
            raise pickle.UnpicklingError("a parameter without a tensor")
        return data


_KNOWN: dict[tuple[str, str], Any] = {
    ("collections", "OrderedDict"): OrderedDict,
    ("torch._utils", "_rebuild_tensor_v2"): _RebuildTensor(),
    ("torch._utils", "_rebuild_parameter"): _RebuildParameter(),
    **{("torch", name): _StorageKind(kind) for name, kind in _STORAGES.items()},
}


class _Left:
    """Stands in for what training programs put beside the weights and nobody needs here: keeps and does nothing."""

    def __new__(cls, *_: Any, **__: Any) -> _Left:
        return object.__new__(cls)

    def __init__(self, *_: Any, **__: Any) -> None:
        pass

    def __setstate__(self, _: Any) -> None:
        pass

    def __setitem__(self, _: Any, __: Any) -> None:
        pass

    def append(self, _: Any) -> None:
        """Take an item of a list and drop it."""

    def add(self, _: Any) -> None:
        """Take an item of a set and drop it."""


_KINDS = "float16 float32 float64 bfloat16 complex64 complex128 uint8 int8 int16 int32 int64 bool"
_BUILTINS = "set frozenset complex bytearray list dict tuple int float str slice range"
_HARMLESS = {
    ("argparse", "Namespace"), ("collections", "defaultdict"), ("collections", "Counter"), ("_codecs", "encode"),
    ("pathlib", "PosixPath"), ("pathlib", "WindowsPath"), ("pathlib", "PurePosixPath"), ("datetime", "datetime"),
    ("numpy", "dtype"), ("numpy", "ndarray"),
    ("numpy.core.multiarray", "scalar"), ("numpy._core.multiarray", "scalar"),
    ("numpy.core.multiarray", "_reconstruct"), ("numpy._core.multiarray", "_reconstruct"),
    ("torch", "Size"), ("torch", "device"),
    *(("torch", kind) for kind in _KINDS.split()),
    *((module, name) for module in ("builtins", "__builtin__") for name in _BUILTINS.split()),
}  # fmt: skip
"""Names of plain values; what they stand for is never looked up, a `_Left` takes its place."""


class _Reader(pickle.Unpickler):
    def __init__(self, file: IO[bytes], path: Path) -> None:
        super().__init__(file, encoding="utf-8")
        self._path = path
        self.storages: dict[str, _Storage] = {}

    def find_class(self, module: str, name: str) -> Any:
        """Return our stand-in for a known name, and refuse every other."""
        found = _KNOWN.get((module, name))
        if found is None and (module, name) in _HARMLESS:
            return _Left
        if found is None:
            raise CheckpointError(
                self._path,
                f"it asks to run code ({module}.{name}), which weights never need",
                "Do not trust this file. Files ending in .safetensors cannot hold code.",
                code="hostile_checkpoint",
            )
        return found

    def persistent_load(self, pid: Any) -> _Storage:
        """Return the storage a tensor refers to: ("storage", kind, key, location, count, ...)."""
        if not isinstance(pid, tuple) or len(pid) < 5 or pid[0] != "storage" or not isinstance(pid[1], _StorageKind):
            raise pickle.UnpicklingError("an unknown reference")
        key, count = str(pid[2]), pid[4]
        if type(count) is not int or count < 0 or (len(pid) > 5 and pid[5] is not None):
            raise pickle.UnpicklingError("an unknown storage")
        storage = self.storages.setdefault(key, _Storage(key, pid[1].kind, count))
        if (storage.kind, storage.count) != (pid[1].kind, count):
            raise pickle.UnpicklingError("a storage with two meanings")
        return storage


_DEEPEST = 200
_TUPLES = ("TUPLE", "TUPLE1", "TUPLE2", "TUPLE3", "FROZENSET")
_PUTS = ("PUT", "BINPUT", "LONG_BINPUT")
_GETS = ("GET", "BINGET", "LONG_BINGET")


def _load(reader: _Reader, file: IO[bytes]) -> Any:
    """Read the next pickle of `file`, after a look at its instructions, which are not carried out in it.

    Two harmless-looking ones bring Python's own reader down: a number of a place that makes it fill the memory, and
    tuples so deep in one another that hashing them overflows the stack.
    """
    start = file.tell()
    depths: list[int] = []
    marks: list[int] = []
    memo: dict[int, int] = {}
    for steps, (instruction, argument, _) in enumerate(pickletools.genops(file)):
        name = instruction.name
        if name == "MARK":
            marks.append(len(depths))
        elif name in _PUTS or name == "MEMOIZE":
            place = len(memo) if name == "MEMOIZE" else int(argument or 0)
            if place > steps:
                raise pickle.UnpicklingError("a place without a thing")
            memo[place] = depths[-1]
        elif name in _GETS:
            depths.append(memo[int(argument or 0)])
        else:
            wanted = instruction.stack_before
            if pickletools.markobject in wanted:
                count = len(depths) - marks.pop() + wanted.index(pickletools.markobject)
            else:
                count = len(wanted)
            if count > len(depths):
                raise pickle.UnpicklingError("an empty stack")
            taken = depths[len(depths) - count :]
            del depths[len(depths) - count :]
            depth = max(taken, default=0) + (name in _TUPLES)
            if depth > _DEEPEST:
                raise pickle.UnpicklingError("values nested without end")
            depths += [depth] * len(instruction.stack_after)
    file.seek(start)
    return reader.load()


# --------------------------------------------------------------------------------------------------------------------
# The two layouts


def _read_zip(path: Path) -> Any:
    with zipfile.ZipFile(path) as archive:
        entries = {info.filename: info for info in archive.infolist()}
        pickles = [name for name in entries if name.count("/") == 1 and name.endswith("/data.pkl")]
        if len(pickles) != 1:
            raise CheckpointError(path, "it is an archive, but not one that PyTorch writes")
        if any(info.compress_type != zipfile.ZIP_STORED for info in entries.values()):
            raise CheckpointError(path, "its archive is compressed, which PyTorch never does")
        if sum(info.file_size for info in entries.values()) > path.stat().st_size:
            raise CheckpointError(path, "its archive claims more than the file holds")
        root = pickles[0].removesuffix("data.pkl")
        if root + "byteorder" in entries and archive.read(root + "byteorder").strip() != b"little":
            raise CheckpointError(path, "it was written on a big-endian computer")
        file = io.BytesIO(archive.read(pickles[0]))
        reader = _Reader(file, path)
        content = _load(reader, file)
        for storage in reader.storages.values():
            name = f"{root}data/{storage.key}"
            if name not in entries:
                raise CheckpointError(path, f"the numbers of a tensor are missing ({name})")
            storage.data = _numbers(storage, archive.read(name))
    return content


def _read_legacy(path: Path, file: IO[bytes]) -> Any:
    if file.read(1) != b"\x80":
        raise CheckpointError(path, "it is no PyTorch checkpoint")
    file.seek(0)

    def following() -> Any:
        return _load(_Reader(file, path), file)

    if following() != _LEGACY_MAGIC or following() != _LEGACY_PROTOCOL:
        raise CheckpointError(path, "it is a pickle, but not one that PyTorch writes")
    system = following()
    if not isinstance(system, dict) or not system.get("little_endian", True):
        raise CheckpointError(path, "it was written on a big-endian computer")
    reader = _Reader(file, path)
    content = _load(reader, file)
    keys = following()
    if not isinstance(keys, list):
        raise pickle.UnpicklingError("no list of storages")
    for key in map(str, keys):
        (count,) = struct.unpack("<q", file.read(8))
        storage = reader.storages.get(key)
        if storage is None or storage.count != count:
            raise pickle.UnpicklingError("a storage that nothing refers to")
        storage.data = _numbers(storage, file.read(count * _item_size(storage.kind)))
    return content


def _item_size(kind: str) -> int:
    return 2 if kind == "bfloat16" else np.dtype(kind).itemsize


def _numbers(storage: _Storage, data: bytes) -> _Array:
    if len(data) != storage.count * _item_size(storage.kind):
        raise pickle.UnpicklingError("a tensor's numbers are cut off")
    if storage.kind == "bfloat16":
        return (np.frombuffer(data, "<u2").astype("<u4") << 16).view("<f4")
    return np.frombuffer(data, storage.kind)


def _state(path: Path, content: Any) -> dict[str, _Array]:
    """Find the dictionary of tensors and make them real."""
    tensors = {str(name): value for name, value in _table(content).items() if isinstance(value, _Tensor)}
    if not tensors:
        raise CheckpointError(path, "it holds no table of weights")
    storages = {id(tensor.storage): tensor.storage.count for tensor in tensors.values()}
    # Views of the same numbers under many names: a small file that fills the memory.
    if sum(math.prod(tensor.shape) for tensor in tensors.values()) > 2 * sum(storages.values()):
        raise CheckpointError(path, "its tensors claim more numbers than the file holds")
    # Counts of steps that wrappers add beside the network itself.
    tensors = {name: tensor for name, tensor in tensors.items() if name not in _COUNTERS}
    bare = strip_prefixes(list(tensors))
    found: dict[str, _Array] = {}
    for name, tensor in tensors.items():
        try:
            array = tensor.array()
        except ValueError as error:
            raise CheckpointError(path, f"{error} ({name})") from error
        found[bare[name]] = as_float32(array)
    return found


_COUNTERS = ("n_averaged", "global_step")


def as_float32(array: _Array) -> _Array:
    """Return fractions as float32, where they may become infinite, and whole numbers as they are."""
    if array.dtype.kind != "f":
        return array
    with np.errstate(over="ignore", invalid="ignore"):
        return array.astype("float32", copy=False)


def _table(content: Any) -> dict[Any, Any]:
    """Return the dictionary that holds the weights: in the usual places, or else the one with most tensors."""
    seen: dict[int, int] = {}
    for _ in range(_WRAPPED):
        if not isinstance(content, dict):
            return {}
        fullest = {key: _fullest(value, seen) for key, value in content.items() if isinstance(value, dict)}
        if _tensors_in(content) > max(fullest.values(), default=-1) or not any(fullest.values()):
            break
        usual = next((key for key in _WRAPPERS if fullest.get(key)), None)
        content = content[usual if usual is not None else max(fullest, key=lambda key: fullest[key])]
    return content if isinstance(content, dict) else {}


_WRAPPED = 5
"""So many dictionaries may lie around the weights."""


def _fullest(table: dict[Any, Any], seen: dict[int, int], depth: int = _WRAPPED) -> int:
    """Return how many tensors the fullest dictionary in `table` holds, itself included; each is looked at once."""
    if id(table) not in seen:
        seen[id(table)] = _tensors_in(table)
        deeper = [value for value in table.values() if isinstance(value, dict)] if depth else []
        seen[id(table)] = max([seen[id(table)], *(_fullest(value, seen, depth - 1) for value in deeper)])
    return seen[id(table)]


def _tensors_in(table: dict[Any, Any]) -> int:
    return sum(isinstance(value, _Tensor) for value in table.values())
