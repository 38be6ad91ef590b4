"""Files made to do harm, or broken: each is refused by name, soon, in little memory, and nothing in it runs."""

from __future__ import annotations

import functools
import io
import json
import os
import pickle
import random
import struct
import time
import tracemalloc
import warnings
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import h5py
import keras
import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from resnext_gui.engine import CheckpointError, inference_model, load_checkpoint
from resnext_gui.engine.network.resnext import build_resnext, state_of
from resnext_gui.engine.weights import catalogue
from resnext_gui.engine.weights.load import save_weights
from resnext_gui.engine.weights.torch_pickle import read_torch_file

State = dict[str, np.ndarray]


@pytest.fixture(scope="module")
def small() -> keras.Model:
    keras.utils.set_random_seed(3)
    return build_resnext((1,), 4, 4, classes=5)


@pytest.fixture
def state(small: keras.Model) -> State:
    return {name: value.copy() for name, value in state_of(small).items()}


def refusal(path: Path, seconds: float = 10, megabytes: float = 100) -> CheckpointError:
    """Return the error that refuses `path`; it must name the file, come soon, and cost little memory."""
    tracemalloc.start()
    began = time.monotonic()
    try:
        with pytest.raises(CheckpointError) as caught:
            load_checkpoint(path)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert time.monotonic() - began < seconds
    assert peak < megabytes * 2**20
    assert path.name in caught.value.message
    assert caught.value.hint
    assert caught.value.message.isprintable()
    return caught.value


def written(tmp_path: Path, state: State, metadata: dict[str, str] | None = None) -> Path:
    path = tmp_path / "weights.safetensors"
    save_file({name: np.ascontiguousarray(value) for name, value in state.items()}, path, metadata)
    return path


# --------------------------------------------------------------------------------------------------------------------
# Broken by chance


@pytest.mark.parametrize("suffix", [".safetensors", ".keras", ".h5"])
def test_cut_or_scribbled_over_anywhere(suffix: str, small: keras.Model, tmp_path: Path) -> None:
    """Cuts are refused; a changed byte may be one of a number, and is otherwise refused too."""
    whole = tmp_path / f"whole{suffix}"
    if suffix == ".safetensors":
        save_weights(whole, small)
    else:
        small.save(whole) if suffix == ".keras" else small.save_weights(whole := tmp_path / "whole.weights.h5")
    data, rng = whole.read_bytes(), random.Random(1)
    for _ in range(25):
        path = tmp_path / f"cut{suffix}"
        path.write_bytes(data[: rng.randrange(len(data))])
        refusal(path)
        scribbled = bytearray(data)
        for _ in range(3):
            scribbled[rng.randrange(min(len(data), 20_000))] = rng.randrange(256)
        path.write_bytes(scribbled)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                load_checkpoint(path)
            except CheckpointError as error:
                assert path.name in error.message


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize(
    "name",
    [
        "conv1.weight",
        "bn1.weight",
        "layer1.0.bn2.bias",
        "layer1.0.bn1.running_mean",
        "layer1.0.bn3.running_var",
        "layer1.0.conv2.weight",
        "layer1.0.downsample.0.weight",
        "fc.weight",
        "fc.bias",
    ],
)
def test_one_number_that_is_none(name: str, value: float, state: State, tmp_path: Path) -> None:
    state[name].reshape(-1)[state[name].size // 2] = value
    assert f"{name} holds values that are not numbers" in refusal(written(tmp_path, state)).reason


def beyond_float32(state: State) -> State:
    return {name: value.astype("float64") * (1e300 if name == "fc.bias" else 1) for name, value in state.items()} | {
        "fc.bias": np.full(5, 1e300)
    }


ODD: dict[str, tuple[Callable[[State], Any], str]] = {
    "numbers too large for float32": (beyond_float32, "fc.bias holds values"),
    "whole numbers": (
        lambda s: {**s, "conv1.weight": s["conv1.weight"].astype("int32")},
        "holds whole numbers (int32)",
    ),
    "quantised": (lambda s: {**s, "fc.weight": s["fc.weight"].astype("int8")}, "holds whole numbers (int8)"),
    "no classes": (lambda s: {**s, "fc.weight": s["fc.weight"][:0], "fc.bias": s["fc.bias"][:0]}, "which none has"),
    "head without rows": (lambda s: {**s, "fc.weight": s["fc.bias"]}, "which none has"),
    "empty stem": (lambda s: {**s, "conv1.weight": s["conv1.weight"][:0]}, "which none has"),
    "grey pictures": (lambda s: {**s, "conv1.weight": s["conv1.weight"][:, :1]}, "conv1.weight has the shape"),
    "numbers without a shape": (lambda s: dict.fromkeys(s, np.float32(1)), "no convolution"),
    "no stem statistics": (lambda s: {n: v for n, v in s.items() if n != "bn1.running_var"}, "bn1.running_var is"),
    "a block far away": (lambda s: {**s, "layer1.999999999.conv1.weight": np.ones((4, 4, 1, 1), "f4")}, "blocks are"),
    "nothing": (lambda s: {}, "no tensors"),
    "a terminal's commands": (lambda s: {"\x1b[2J\x07" + "x" * 9000: np.ones(1, "f4")}, "?[2J?xxx"),
}


@pytest.mark.parametrize("odd", ODD)
def test_odd_tables(odd: str, state: State, tmp_path: Path) -> None:
    change, reason = ODD[odd]
    assert reason in refusal(written(tmp_path, change(state))).reason


@pytest.mark.parametrize(
    ("names", "what"),
    [
        (["features.0.0.weight", "features.1.0.layer_scale"], "ConvNeXt"),
        (["stages.0.blocks.0.conv_dw.weight", "stem.0.weight"], "ConvNeXt"),
        (["class_token", "conv_proj.weight", "encoder.layers.encoder_layer_0.ln_1.weight"], "vision transformer"),
        (["layers.0.blocks.0.attn.relative_position_bias_table"], "Swin"),
        (["s1.b1.conv1.conv.weight"], "RegNet"),
        (["conv1.weight", "layer1.0.conv1.weight", "layer1.0.conv2.weight", "fc.weight"], "ResNet-18 or 34"),
        (["visual.conv1.weight", "visual.layer1.0.conv1.weight", "positional_embedding"], "not a ResNeXt"),
    ],
)
def test_more_networks_are_told_apart(names: list[str], what: str, tmp_path: Path) -> None:
    error = refusal(written(tmp_path, {name: np.ones((4, 4, 1, 1), "float32") for name in names}))
    assert what in error.reason
    assert error.code == "wrong_architecture"


def prep(**changes: Any) -> dict[str, str]:
    usual = {"size": 224, "crop": 0.9, "interpolation": "bicubic", "mean": [0, 0, 0], "std": [1, 1, 1], "order": "rgb"}
    return {"preprocessing": json.dumps(usual | changes)}


@pytest.mark.parametrize(
    "metadata",
    [
        {"norm_epsilon": "small"},
        {"norm_epsilon": "nan"},
        {"norm_epsilon": "-1"},
        {"norm_epsilon": "0"},
        {"pooling": "swimming"},
        {"preprocessing": "{"},
        {"preprocessing": "[]"},
        {"preprocessing": "[" * 50_000},
        prep(size=10**9),
        prep(size=0),
        prep(size="224"),
        prep(crop=-1),
        prep(interpolation="magic"),
        prep(order="bgra"),
        prep(mean=[float("nan"), 0, 0]),
        prep(mean=["a", 0, 0]),
        prep(mean=[0]),
        prep(std=[0, 1, 1]),
        {"mean": "0,0,0", "std": "1,1,1", "input_size": "-4"},
        {"mean": "0,0,0", "std": "1,1,1", "input_size": "large"},
    ],
    ids=lambda metadata: str(metadata)[:60],
)
def test_metadata_that_make_no_sense(metadata: dict[str, str], state: State, tmp_path: Path) -> None:
    assert "makes no sense" in refusal(written(tmp_path, state, metadata)).reason


def test_labels_that_make_no_sense_are_passed_over(state: State, tmp_path: Path) -> None:
    for labels in ("[" * 50_000, "[1", '{"a": 1}', '["one"]'):
        assert load_checkpoint(written(tmp_path, state, {"labels": labels})).labels is None


# --------------------------------------------------------------------------------------------------------------------
# Tensors in the wrong place, in trained weights


@pytest.fixture(scope="module")
def trained() -> State:
    return load_file(catalogue.starter_path())


@pytest.mark.parametrize(
    ("one", "other", "reason"),
    [
        ("layer2.0.conv3.weight", "layer2.1.conv3.weight", "layer2.0.conv3 fits the statistics of layer2.1.conv3"),
        ("layer1.0.bn1.running_mean", "layer1.1.bn1.running_mean", "layer1.0.conv1 fits the statistics of layer1.1"),
    ],
)
def test_swapped_tensors_of_one_shape(one: str, other: str, reason: str, trained: State, tmp_path: Path) -> None:
    assert reason in refusal(written(tmp_path, {**trained, one: trained[other], other: trained[one]})).reason


def test_numbers_in_the_order_of_another_layout(trained: State, tmp_path: Path) -> None:
    """The shape is right, the numbers were laid down as Keras does."""
    name = "layer3.1.conv3.weight"
    kernel = trained[name]
    laid = np.ascontiguousarray(kernel.transpose(2, 3, 1, 0)).reshape(kernel.shape)
    assert "layer3.1.conv3 does not fit" in refusal(written(tmp_path, {**trained, name: laid})).reason


def test_a_foreign_kernel_without_proof_is_only_noted(trained: State, tmp_path: Path) -> None:
    """It may be right, in a network that was trained on something else."""
    name = "layer2.1.conv3.weight"
    kernel = np.random.default_rng(0).normal(0, trained[name].std(), trained[name].shape).astype("float32")
    assert "layer2.1.conv3" in load_checkpoint(written(tmp_path, {**trained, name: kernel})).report.warnings[0]


# --------------------------------------------------------------------------------------------------------------------
# safetensors that lie


def lying(path: Path, header: dict[str, Any] | bytes, data: bytes = bytes(64), length: int | None = None) -> Path:
    head = header if isinstance(header, bytes) else json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(head) if length is None else length) + head + data)
    return path


def entry(begin: int, end: int, shape: list[int] | None = None, dtype: str = "F32") -> dict[str, Any]:
    return {"dtype": dtype, "shape": shape or [(end - begin) // 4], "data_offsets": [begin, end]}


@pytest.mark.parametrize(
    "lie",
    [
        {"a": entry(0, 64), "b": entry(0, 64)},
        {"a": entry(0, 40), "b": entry(32, 64)},
        {"a": entry(0, 32), "b": entry(40, 64)},
        {"a": entry(0, 1 << 40)},
        {"a": entry(64, 128)},
        {"a": entry(64, 0, [4])},
        {"a": entry(0, 64, [1 << 62, 1 << 62])},
        {"a": entry(0, 64, [17])},
        {"a": entry(0, 64, [16], "F8_E4M3")},
        {"a": {"dtype": "F32", "shape": "all", "data_offsets": [0, 64]}},
        {"a": {"dtype": "F32"}},
        {"a": 7},
        {"__metadata__": {"a": {"b": 1}}, "a": entry(0, 64)},
        b"{" * 30_000,
        b'{"a":' * 30_000,
        b"[]",
        b"{}",
    ],
    ids=lambda lie: str(lie)[:50],
)
def test_safetensors_that_lie(lie: Any, tmp_path: Path) -> None:
    refusal(lying(tmp_path / "lie.safetensors", lie))


@pytest.mark.parametrize("length", [0, 1, 1 << 20, 1 << 40, (1 << 63) - 1, (1 << 64) - 1])
def test_safetensors_with_a_header_of_another_length(length: int, tmp_path: Path) -> None:
    refusal(lying(tmp_path / "lie.safetensors", {"a": entry(0, 64)}, length=length))


def test_a_file_larger_than_any_weights(tmp_path: Path) -> None:
    path = tmp_path / "huge.safetensors"
    path.write_bytes(struct.pack("<Q", 2) + b"{}")
    os.truncate(path, 1 << 35)
    assert "larger" in refusal(path).reason


# --------------------------------------------------------------------------------------------------------------------
# Pickles


def archive(path: Path, content: bytes, entries: dict[str, bytes] | None = None) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as file:
        file.writestr("archive/data.pkl", content)
        for name, data in (entries or {}).items():
            file.writestr(name, data)
    return path


class Call:
    """Is unpickled by calling something."""

    def __init__(self, function: Any, *arguments: Any, state: Any = None) -> None:
        self.parts = (function, arguments, state)

    def __reduce__(self) -> Any:
        return self.parts


def both(path: Path, content: bytes) -> Iterator[Path]:
    """Yield a file with this pickle for each of PyTorch's layouts."""
    yield archive(path, content)
    magic = [pickle.dumps(part, 2) for part in (0x1950A86A20F9469CFC6C, 1001, {"little_endian": True})]
    path.write_bytes(b"".join(magic) + content)
    yield path
    path.write_bytes(content)
    yield path


@pytest.mark.parametrize(
    "way", ["os.system", "eval", "exec", "getattr", "partial", "state", "nested name", "stack", "extension", "instance"]
)
def test_no_way_to_code(way: str, tmp_path: Path) -> None:
    ran = tmp_path / "ran"
    code = f"open({str(ran)!r}, 'w').close()"
    contents: dict[str, bytes] = {
        "os.system": pickle.dumps({"state_dict": Call(os.system, f"touch {ran}")}, 2),
        "eval": pickle.dumps({"a": Call(eval, code)}, 2),
        "exec": pickle.dumps([Call(exec, code)], 4),
        "getattr": pickle.dumps(Call(getattr, "a", "upper"), 2),
        "partial": pickle.dumps(functools.partial(exec, code), 2),
        "state": pickle.dumps({"a": Call(dict, (), state=Call(exec, code))}, 2),
        # a name with dots, as protocol 4 allows: an attribute of what is allowed
        "nested name": b"\x80\x04\x8c\x0bcollections\x8c\x15OrderedDict.__class__\x93.",
        "stack": b"\x80\x04\x8c\x05torch\x8c\x0eserialization.\x8c\x04load\x93).",
        "extension": b"\x80\x02\x82\x01.",
        "instance": b"(S'" + code.encode() + b"'\nibuiltins\nexec\n.",
    }
    for path in both(tmp_path / "evil.pth", contents[way]):
        error = refusal(path)
        assert not ran.exists()
        if way in ("os.system", "eval", "exec", "getattr", "partial", "nested name"):
            assert error.code == "hostile_checkpoint"


@pytest.mark.parametrize(
    "name",
    ["_rebuild_tensor", "_rebuild_from_type_v2", "_rebuild_wrapper_subclass", "_rebuild_device_tensor_from_numpy"],
)
def test_other_makers_of_tensors_are_not_called(name: str, tmp_path: Path) -> None:
    for path in both(tmp_path / "evil.pth", b"\x80\x02ctorch._utils\n" + name.encode() + b"\n(tR."):
        assert refusal(path).code == "hostile_checkpoint"


BOMBS = {
    "a place far away": b"\x80\x02Nr\xff\xff\xff\x7f.",
    "a place far away in words": b"Np2000000000\n.",
    "tuples in tuples": b"\x80\x02}N" + b"\x85" * 2_000_000 + b"Ns.",
    "pairs in pairs": b"\x80\x02}N" + b"N\x86" * 1_000_000 + b"Ns.",
    "lists in lists": b"\x80\x02" + b"]" * 10_000 + b"a" * 9_999 + b".",
    "a text of terabytes": b"\x80\x04\x8d" + (1 << 42).to_bytes(8, "little") + b"a.",
    "bytes of terabytes": b"\x80\x05\x96" + (1 << 42).to_bytes(8, "little") + b"a.",
    "a frame of terabytes": b"\x80\x04\x95" + (1 << 42).to_bytes(8, "little") + b"N.",
    "marks without end": b"(" * 60_000 + b".",
    "nothing to take": b"\x80\x02\x85.",
    "nothing to remember": b"\x80\x02q\x00.",
    "nothing remembered": b"\x80\x02h\x07.",
    "many digits": b"I" + b"9" * 1_000_000 + b"\n.",
    "itself": b"\x80\x02}q\x00X\x0a\x00\x00\x00state_dicth\x00s.",
}


@pytest.mark.parametrize("bomb", BOMBS)
def test_pickles_that_swell(bomb: str, tmp_path: Path) -> None:
    for path in both(tmp_path / "bomb.pth", BOMBS[bomb]):
        refusal(path)


STORED = (
    b"\x80\x02ctorch._utils\n_rebuild_tensor_v2\n((X\x07\x00\x00\x00storagectorch\nFloatStorage\n"
    b"X\x01\x00\x00\x000X\x03\x00\x00\x00cpuJ\x00\x00\x04\x00tQ"
)
"""The beginning of a tensor: its storage "0" of 0x40000 numbers."""


def test_one_storage_under_many_names(tmp_path: Path) -> None:
    """A megabyte that would become gigabytes."""
    tensor = STORED[2:] + b"K\x00J\x00\x00\x04\x00\x85K\x01\x85\x89}tR"
    names = b"".join(b"X\x06\x00\x00\x00" + f"t{number:05}".encode() + tensor for number in range(3000))
    path = archive(tmp_path / "many.pth", b"\x80\x02}(" + names + b"u.", {"archive/data/0": bytes(4 * 0x40000)})
    assert "claim more numbers" in refusal(path).reason


def test_archives_that_claim_more_than_they_hold(tmp_path: Path) -> None:
    path = archive(tmp_path / "overlap.pth", b"\x80\x02}.", {"archive/data/0": bytes(1 << 16)})
    with zipfile.ZipFile(path, "a") as file:
        whole = file.getinfo("archive/data/0")
        for number in range(1, 2000):
            twin = zipfile.ZipInfo(f"archive/data/{number}")
            twin.header_offset, twin.file_size, twin.compress_size = whole.header_offset, 1 << 16, 1 << 16
            twin.CRC = whole.CRC
            file.filelist.append(twin)
            file.NameToInfo[twin.filename] = twin
        file._didModify = True  # type: ignore[attr-defined]
    assert "claims more" in refusal(path).reason


def test_names_that_lead_out_of_the_archive(tmp_path: Path) -> None:
    for name in ("../../slipped", "/slipped", "archive/data/../../../slipped", "archive\\..\\slipped"):
        refusal(archive(tmp_path / "slip.pth", b"\x80\x02}.", {name: b"x"}))
    stored = (
        STORED.replace(b"X\x01\x00\x00\x000", b"X\x0c\x00\x00\x00../../secret") + b"K\x00K\x04\x85K\x01\x85\x89}tR."
    )
    (tmp_path / "secret").write_bytes(bytes(4 * 0x40000))
    assert "missing" in refusal(archive(tmp_path / "slip.pth", stored)).reason
    assert sorted(p.name for p in tmp_path.iterdir()) == ["secret", "slip.pth"]


# --------------------------------------------------------------------------------------------------------------------
# HDF5 and Keras' own files


def h5_network(path: Path, change: Callable[[h5py.Group, h5py.File], None]) -> Path:
    """Write the beginning of a keras-applications file whose first kernel `change` provides."""
    with h5py.File(path, "w") as file:
        layer = file.create_group("conv1_conv")
        change(layer, file)
        layer.attrs["weight_names"] = ["kernel"]
        file.attrs["layer_names"] = ["conv1_conv"]
    return path


def test_hdf5_that_points_elsewhere(tmp_path: Path) -> None:
    secret = tmp_path / "secret.h5"
    with h5py.File(secret, "w") as file:
        file["kernel"] = np.ones((7, 7, 3, 64), "f4")
    (tmp_path / "secret.bin").write_bytes(bytes(4 * 7 * 7 * 3 * 64))
    layout = h5py.VirtualLayout((7, 7, 3, 64), "f4")
    layout[:] = h5py.VirtualSource(str(secret), "kernel", (7, 7, 3, 64))
    shape, place = (7, 7, 3, 64), str(tmp_path / "secret.bin")

    def soft(layer: h5py.Group, file: h5py.File) -> None:
        file["elsewhere"] = h5py.ExternalLink(str(secret), "/")
        layer["kernel"] = h5py.SoftLink("/elsewhere/kernel")

    ways: list[Callable[[h5py.Group, h5py.File], Any]] = [
        lambda layer, _: layer.__setitem__("kernel", h5py.ExternalLink(str(secret), "kernel")),
        soft,
        lambda layer, _: layer.create_virtual_dataset("kernel", layout),
        lambda layer, _: layer.create_dataset("kernel", shape, "f4", external=[(place, 0, 4 * 7 * 7 * 3 * 64)]),
    ]
    for way in ways:
        reason = refusal(h5_network(tmp_path / "a.h5", way)).reason
        assert "another place" in reason or "no table of numbers" in reason
    with h5py.File(tmp_path / "b.h5", "w") as file:
        file["layers"] = h5py.ExternalLink(str(secret), "/")
    refusal(tmp_path / "b.h5")


def test_hdf5_that_swells(tmp_path: Path) -> None:
    ways: list[Callable[[h5py.Group, h5py.File], Any]] = [
        lambda layer, _: layer.create_dataset("kernel", (1 << 20, 1 << 12), "f4", chunks=(1 << 10, 1 << 10)),
        lambda layer, _: layer.create_dataset(
            "kernel", data=np.zeros((1 << 11, 1 << 12), "f4"), chunks=(1 << 10, 1 << 10), compression="gzip"
        ),
    ]
    for way in ways:
        assert "claim more" in refusal(h5_network(tmp_path / "a.h5", way)).reason


def test_hdf5_of_other_things(tmp_path: Path) -> None:
    for data in (np.arange(4), np.array([b"text"]), np.zeros(3, "complex64"), np.zeros(2, [("a", "f4")])):
        refusal(h5_network(tmp_path / "a.h5", lambda layer, _, data=data: layer.create_dataset("kernel", data=data)))
    refusal(h5_network(tmp_path / "a.h5", lambda layer, _: layer.create_group("kernel").create_group("kernel")))
    refusal(h5_network(tmp_path / "a.h5", lambda layer, file: layer.__setitem__("kernel", file)))


def rewritten(tmp_path: Path, model: keras.Model, change: Callable[[dict[str, Any]], Any]) -> Path:
    """Save a model and let `change` have its parts."""
    model.save(tmp_path / "good.keras")
    with zipfile.ZipFile(tmp_path / "good.keras") as file:
        parts: dict[str, Any] = {name: file.read(name) for name in file.namelist()}
    parts["config.json"] = json.loads(parts["config.json"])
    change(parts)
    if not isinstance(parts["config.json"], bytes):
        parts["config.json"] = json.dumps(parts["config.json"]).encode()
    with zipfile.ZipFile(tmp_path / "bad.keras", "w", zipfile.ZIP_DEFLATED) as file:
        for name, data in parts.items():
            file.writestr(name, data)
    return tmp_path / "bad.keras"


def test_keras_files_are_read_without_keras(
    small: keras.Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keras.saving, "load_model", None)
    path = rewritten(tmp_path, small, lambda parts: None)
    found = load_checkpoint(path)
    for name, value in state_of(small).items():
        np.testing.assert_array_equal(state_of(found.model)[name], value)


def test_a_folded_network_is_told_apart(small: keras.Model, tmp_path: Path) -> None:
    inference_model(small).save(tmp_path / "folded.keras")
    assert "folded" in refusal(tmp_path / "folded.keras").reason


def test_keras_files_that_name_code(small: keras.Model, tmp_path: Path) -> None:
    ran = tmp_path / "ran"
    pixels = keras.Input((8, 8, 3))
    custom = keras.Model(pixels, keras.layers.Lambda(lambda x: x + 1, name="evil")(pixels))
    custom.save(tmp_path / "lambda.keras")
    assert refusal(tmp_path / "lambda.keras").code == "hostile_checkpoint"

    def call(parts: dict[str, Any]) -> None:
        evil = {"module": "os", "class_name": "function", "config": "system", "registered_name": "system"}
        parts["config.json"]["config"]["layers"][2]["config"]["activation"] = evil

    def base(parts: dict[str, Any]) -> None:
        parts["config.json"]["module"] = "subprocess"

    for change in (call, base):
        assert refusal(rewritten(tmp_path, small, change)).code == "hostile_checkpoint"
    assert not ran.exists()


def numbers(change: Callable[[h5py.File], Any]) -> Callable[[dict[str, Any]], None]:
    def apply(parts: dict[str, Any]) -> None:
        memory = io.BytesIO(parts["model.weights.h5"])
        with h5py.File(memory, "r+") as file:
            change(file)
        parts["model.weights.h5"] = memory.getvalue()

    return apply


def test_keras_files_that_swell_or_lack_something(small: keras.Model, tmp_path: Path) -> None:
    changes: list[Callable[[dict[str, Any]], Any]] = [
        lambda parts: parts.update({"config.json": b"[" * (1 << 26)}),
        lambda parts: parts.update({"config.json": b"[" * 100_000}),
        lambda parts: parts.update({"config.json": b"{}"}),
        lambda parts: parts.update({"config.json": b"[]"}),
        lambda parts: parts.update({"model.weights.h5": bytes(1 << 27)}),
        lambda parts: parts.update({"model.weights.h5": b""}),
        lambda parts: parts.pop("model.weights.h5"),
        lambda parts: parts["config.json"]["config"].update(layers=[]),
        numbers(lambda file: file.__delitem__("layers")),
        numbers(lambda file: file["layers"].__delitem__("batch_norm_1")),
        numbers(lambda file: file["layers/batch_norm_1/vars"].__delitem__("2")),
        numbers(lambda file: file["layers/batch_norm_1"].__setitem__("more", h5py.ExternalLink("/etc/passwd", "/"))),
    ]
    for change in changes[:-1]:
        refusal(rewritten(tmp_path, small, change))
    # what nobody asks for does no harm
    load_checkpoint(rewritten(tmp_path, small, changes[-1]))


# --------------------------------------------------------------------------------------------------------------------
# What training programs write beside the weights


def test_tables_wherever_they_are_kept(state: State, tmp_path: Path) -> None:
    torch: Any = pytest.importorskip("torch", reason="PyTorch is not installed: nothing writes its files")
    from argparse import Namespace
    from collections import Counter, defaultdict

    weights = {name: torch.from_numpy(value) for name, value in state.items()}
    beside = {
        "args": Namespace(lr=0.1, path=tmp_path),
        "history": defaultdict(list, loss=[1.0, 2.0]),
        "seen": Counter("ab"),
        "kinds": (torch.float32, torch.Size([1, 2]), torch.device("cpu"), {1, 2}, 1 + 2j, b"bytes", slice(1)),
        "best": np.float64(3.5),
        "curve": np.arange(3.0),
        "step": torch.tensor(7),
        "optimizer": {"state": {0: {"exp_avg": torch.zeros(3)}}, "param_groups": [{"lr": 0.1, "params": [0]}]},
    }
    module = {f"module.{name}": value for name, value in weights.items()}
    contents = [
        {"state_dict": weights, **beside},
        {"checkpoint": {"model": weights}, **beside},
        {"ema_state_dict": module},
        {"params_ema": weights},
        {"teacher": {"module": {"state_dict": weights}}},
        {**module, "n_averaged": torch.tensor(5)},
        {"state_dict": {f"model.{name}": value for name, value in weights.items()}, "hyper_parameters": {"lr": 0.1}},
    ]
    for zipped in (True, False):
        for content in contents:
            torch.save(content, tmp_path / "a.pth", _use_new_zipfile_serialization=zipped)
            found = read_torch_file(tmp_path / "a.pth")
            assert found.keys() == state.keys()
            assert all(np.array_equal(found[name], value) for name, value in state.items())
