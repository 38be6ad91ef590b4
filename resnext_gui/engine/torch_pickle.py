"""Reads the tensors in a PyTorch checkpoint (``.pth``, ``.pt``, ``.bin``) without PyTorch and without running its code.

Such a file is a pickle, and a pickle may name any function to be called.  The unpickler here knows the handful of
names that a dictionary of tensors needs, each replaced by our own code, and refuses every other: nothing in the file
is ever looked up in an installed module.

Both layouts are read: the zip archive (PyTorch 1.6 and later) and the sequence of pickles before that.
"""

from __future__ import annotations

import math
import pickle
import struct
import zipfile
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np

from resnext_gui.engine.checkpoint_report import CheckpointError

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


class _Reader(pickle.Unpickler):
    def __init__(self, file: IO[bytes], path: Path) -> None:
        super().__init__(file, encoding="utf-8")
        self._path = path
        self.storages: dict[str, _Storage] = {}

    def find_class(self, module: str, name: str) -> Any:
        """Return our stand-in for a known name, and refuse every other."""
        found = _KNOWN.get((module, name))
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
        root = pickles[0].removesuffix("data.pkl")
        if root + "byteorder" in entries and archive.read(root + "byteorder").strip() != b"little":
            raise CheckpointError(path, "it was written on a big-endian computer")
        with archive.open(pickles[0]) as file:
            reader = _Reader(file, path)
            content = reader.load()
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
    if _Reader(file, path).load() != _LEGACY_MAGIC or _Reader(file, path).load() != _LEGACY_PROTOCOL:
        raise CheckpointError(path, "it is a pickle, but not one that PyTorch writes")
    system = _Reader(file, path).load()
    if not isinstance(system, dict) or not system.get("little_endian", True):
        raise CheckpointError(path, "it was written on a big-endian computer")
    reader = _Reader(file, path)
    content = reader.load()
    keys = _Reader(file, path).load()
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
    for _ in range(4):
        if not isinstance(content, dict) or any(isinstance(value, _Tensor) for value in content.values()):
            break
        content = next((content[key] for key in _WRAPPERS if isinstance(content.get(key), dict)), None)
    if not isinstance(content, dict):
        raise CheckpointError(path, "it holds no table of weights")
    tensors = {str(name): value for name, value in content.items() if isinstance(value, _Tensor)}
    if not tensors:
        raise CheckpointError(path, "it holds no table of weights")
    bare = strip_prefixes(list(tensors))
    found: dict[str, _Array] = {}
    for name, tensor in tensors.items():
        try:
            array = tensor.array()
        except ValueError as error:
            raise CheckpointError(path, f"{error} ({name})") from error
        found[bare[name]] = array.astype("float32") if array.dtype.kind == "f" else array
    return found
