"""PyTorch's own files, written by PyTorch, and its answers; and pickles that want more than to be read."""

from __future__ import annotations

import os
import pickle
import zipfile
from collections import OrderedDict
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from resnext_gui.engine.weights.load import CheckpointError, load_checkpoint
from resnext_gui.engine.weights.torch_pickle import read_torch_file, strip_prefixes

torch: Any = pytest.importorskip("torch", reason="PyTorch is not installed: nothing to compare with")

from tests.engine.torch_reference import ResNeXt, shake  # noqa: E402 - needs torch

SMALL: dict[str, Any] = {"blocks": (1, 1, 1, 1), "groups": 4, "base_width": 4, "classes": 6}


def reference(seed: int = 0, trained: bool = True, **options: Any) -> Any:
    torch.manual_seed(seed)
    model = ResNeXt(**options).eval()
    if trained:
        shake(model, seed)
    return model


def answers(model: Any, pixels: np.ndarray) -> np.ndarray:
    with torch.no_grad():
        return np.asarray(model(torch.from_numpy(pixels.transpose(0, 3, 1, 2).copy())))


def same_answers(path: Path, model: Any, size: int = 45) -> Any:
    """Load `path` and hold the largest difference of a logit to 1e-4 of the largest logit."""
    pixels = np.random.default_rng(0).normal(size=(2, size, size + 6, 3)).astype("float32")
    found = load_checkpoint(path)
    want = answers(model, pixels)
    got = np.asarray(keras.ops.convert_to_numpy(found.model(pixels, training=False)))
    assert np.abs(got - want).max() <= 1e-4 * np.abs(want).max()
    return found


@pytest.mark.parametrize(
    ("options", "name"),
    [
        (SMALL, "ResNeXt-14 4x4d"),
        ({"blocks": (1, 2, 1), "groups": 3, "base_width": 5, "classes": 11, "stem": 20}, "ResNeXt-14 3x5d"),
        ({"blocks": (2, 1), "groups": 32, "base_width": 1, "classes": 3}, "ResNeXt-11 32x1d"),
        ({"blocks": (1, 1, 1, 1), "groups": 1, "base_width": 64, "classes": 4}, "ResNet-14"),
        ({"blocks": (1,), "groups": 2, "base_width": 8, "classes": 3, "stem": 256}, "ResNeXt-5 2x8d"),
    ],
    ids=str,
)
def test_answers_are_pytorchs(options: dict[str, Any], name: str, tmp_path: Path) -> None:
    model = reference(**options)
    torch.save(model.state_dict(), tmp_path / "a.pth")
    found = same_answers(tmp_path / "a.pth", model)
    assert found.report.architecture == name
    assert not any("untrained" in warning for warning in found.report.warnings)
    assert sum("num_batches_tracked" in ignored for ignored in found.report.ignored) > 3


@pytest.mark.parametrize("layout", ["zip", "legacy", "safetensors"])
@pytest.mark.parametrize(
    ("options", "trained"),
    [
        ({"blocks": (1, 2, 1, 1), "groups": 64, "base_width": 1, "classes": 7}, True),
        ({"blocks": (1, 2, 1, 1), "groups": 1, "base_width": 5, "classes": 2}, True),
        ({"blocks": (2, 2, 7, 2), "groups": 4, "base_width": 1, "classes": 9}, False),
    ],
    ids=str,
)
def test_odd_networks_in_every_layout(options: dict[str, Any], trained: bool, layout: str, tmp_path: Path) -> None:
    from safetensors.torch import save_file

    model = reference(trained=trained, **options)
    path = tmp_path / f"a.{'safetensors' if layout == 'safetensors' else 'pth'}"
    if layout == "safetensors":
        save_file(model.state_dict(), path)
    else:
        torch.save(model.state_dict(), path, _use_new_zipfile_serialization=layout == "zip")
    assert same_answers(path, model).architecture["cardinality"] == options["groups"]


def test_a_few_steps_on_noise_are_no_reason_to_refuse(tmp_path: Path) -> None:
    """Statistics that fit no photograph, in a network that has hardly learnt anything."""
    model = reference(blocks=(1, 1, 6, 2), groups=4, base_width=2, classes=9, trained=False).train()
    optimizer = torch.optim.SGD(model.parameters(), 0.05)
    for _ in range(4):
        optimizer.zero_grad()
        answers = model(torch.randn(8, 3, 48, 48))
        torch.nn.functional.cross_entropy(answers, torch.randint(0, 9, (8,))).backward()
        optimizer.step()
    torch.save(model.eval().state_dict(), tmp_path / "a.pth")
    same_answers(tmp_path / "a.pth", model)


def test_untrained_statistics_are_accepted_with_a_warning(tmp_path: Path) -> None:
    model = reference(trained=False, **SMALL)
    torch.save(model.state_dict(), tmp_path / "a.pth")
    assert any("untrained" in warning for warning in same_answers(tmp_path / "a.pth", model).report.warnings)


def test_resnext50_32x4d_answers_are_pytorchs(tmp_path: Path) -> None:
    """The network of the paper, at full width and depth; small pictures keep it short."""
    model = reference(blocks=(3, 4, 6, 3))
    torch.save(model.state_dict(), tmp_path / "resnext50_32x4d.pth")
    found = same_answers(tmp_path / "resnext50_32x4d.pth", model, size=96)
    assert found.report.parameters == 25_028_904
    assert found.labels is not None


@pytest.mark.slow
def test_resnext101_32x8d_answers_are_pytorchs(tmp_path: Path) -> None:
    model = reference(blocks=(3, 4, 23, 3), base_width=8)
    torch.save(model.state_dict(), tmp_path / "a.pth")
    assert same_answers(tmp_path / "a.pth", model, size=224).report.parameters == 88_791_336


@pytest.mark.parametrize("zipped", [True, False], ids=["zip", "legacy"])
@pytest.mark.parametrize("wrapper", [None, "state_dict", "model"])
def test_wrappers_prefixes_and_both_layouts(zipped: bool, wrapper: str | None, tmp_path: Path) -> None:
    model = reference(**SMALL)
    state: Any = {f"module.{name}": value for name, value in model.state_dict().items()}
    if wrapper:
        state = {wrapper: OrderedDict(state), "epoch": 7, "arch": "resnext", "best": 0.5, "history": [1, None, (2,)]}
    torch.save(state, tmp_path / "a.pth", _use_new_zipfile_serialization=zipped)
    same_answers(tmp_path / "a.pth", model)


@pytest.mark.parametrize("zipped", [True, False], ids=["zip", "legacy"])
@pytest.mark.parametrize("kind", ["float64", "float32", "float16", "bfloat16", "int64", "uint8", "bool"])
def test_every_kind_of_number(kind: str, zipped: bool, tmp_path: Path) -> None:
    values = (torch.arange(24).reshape(2, 3, 4) % 2 if kind == "bool" else torch.arange(24).reshape(2, 3, 4)).to(
        getattr(torch, kind)
    )
    torch.save({"a": values, "empty": values[:0]}, tmp_path / "a.pth", _use_new_zipfile_serialization=zipped)
    found = read_torch_file(tmp_path / "a.pth")
    np.testing.assert_array_equal(found["a"].astype("float64"), values.double().numpy())
    assert found["empty"].shape == (0, 3, 4)
    assert (found["a"].dtype == np.float32) == values.is_floating_point()


@pytest.mark.parametrize("zipped", [True, False], ids=["zip", "legacy"])
def test_views_and_shared_numbers(zipped: bool, tmp_path: Path) -> None:
    whole = torch.arange(60.0).reshape(3, 4, 5)
    views = {
        "whole": whole,
        "turned": whole.permute(2, 0, 1),
        "part": whole[1:, ::2, 3],
        "scalar": whole[2, 3, 4],
        "channels last": whole[None].to(memory_format=torch.channels_last),
        "parameter": torch.nn.Parameter(whole.mT * 2),
    }
    torch.save(views, tmp_path / "a.pth", _use_new_zipfile_serialization=zipped)
    found = read_torch_file(tmp_path / "a.pth")
    for name, value in views.items():
        np.testing.assert_array_equal(found[name], value.detach().numpy())
        assert found[name].flags.c_contiguous


def test_prefixes_come_off_only_where_all_have_them() -> None:
    assert strip_prefixes(["module.model.a", "module.model.b"]) == {"module.model.a": "a", "module.model.b": "b"}
    assert strip_prefixes(["module.a", "b"]) == {"module.a": "module.a", "b": "b"}


# --------------------------------------------------------------------------------------------------------------------
# Hostile


class Payload:
    """Runs a function with arguments when it is unpickled by somebody careless."""

    def __init__(self, function: Any, *arguments: Any) -> None:
        self.call = (function, arguments)

    def __reduce__(self) -> Any:
        return self.call


def as_zip(path: Path, content: Any) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr("archive/data.pkl", pickle.dumps(content, protocol=2))
        archive.writestr("archive/version", "3\n")


def refusal(path: Path) -> CheckpointError:
    with pytest.raises(CheckpointError) as caught:
        load_checkpoint(path)
    assert path.name in caught.value.message
    return caught.value


@pytest.mark.parametrize("layout", ["zip", "bare", "torch"])
def test_no_code_runs(layout: str, tmp_path: Path) -> None:
    ran, path = tmp_path / "ran", tmp_path / "evil.pth"
    for function, arguments in (
        (os.system, (f"touch {ran}",)),
        (eval, (f"open({str(ran)!r}, 'w')",)),
        (open, (str(ran), "w")),
    ):
        content = {"state_dict": Payload(function, *arguments)}
        if layout == "zip":
            as_zip(path, content)
        elif layout == "bare":
            path.write_bytes(pickle.dumps(content))
        else:
            torch.save(content, path)
        error = refusal(path)
        assert not ran.exists()
        assert error.code == "hostile_checkpoint"
        assert "asks to run code" in error.reason


def test_nothing_else_is_found_by_name(tmp_path: Path) -> None:
    path = tmp_path / "evil.pth"
    for name in (b"collections\nnamedtuple", b"torch\nload", b"builtins\ngetattr", b"torch._utils\n_rebuild_qtensor"):
        path.write_bytes(b"\x80\x02c" + name + b"\n.")
        assert refusal(path).code == "hostile_checkpoint"


def test_whole_models_are_refused_with_the_reason(tmp_path: Path) -> None:
    torch.save(reference(**SMALL), tmp_path / "model.pth")
    assert "asks to run code (tests.engine.torch_reference.ResNeXt)" in refusal(tmp_path / "model.pth").reason


def forged(path: Path, tensor: Any, storage: bytes = bytes(16)) -> None:
    """Write an archive whose one tensor is described by hand."""
    offset, shape, strides = tensor

    class Rebuilt:
        def __reduce__(self) -> Any:
            return torch._utils._rebuild_tensor_v2, (Stored(), offset, shape, strides, False, OrderedDict())

    class Stored:
        pass

    class Writer(pickle.Pickler):
        def persistent_id(self, thing: Any) -> Any:
            return ("storage", torch.FloatStorage, "0", "cpu", len(storage) // 4) if isinstance(thing, Stored) else None

    with zipfile.ZipFile(path, "w") as archive:
        with archive.open("archive/data.pkl", "w") as file:
            Writer(file, protocol=2).dump({"conv1.weight": Rebuilt()})
        archive.writestr("archive/data/0", storage)


@pytest.mark.parametrize(
    "tensor",
    [
        (0, (5,), (1,)),
        (3, (2,), (1,)),
        (0, (2, 2), (3, 1)),
        (0, (1 << 40,), (0,)),
        (-1, (2,), (1,)),
        (0, (2,), (-1,)),
        (0, (2, 2), (1,)),
        (0, ("2",), (1,)),
        (1 << 70, (1,), (1,)),
    ],
    ids=str,
)
def test_views_beyond_the_numbers_are_refused(tensor: Any, tmp_path: Path) -> None:
    forged(tmp_path / "a.pth", tensor)
    refusal(tmp_path / "a.pth")
    forged(tmp_path / "good.pth", (1, (3,), (1,)))
    assert read_torch_file(tmp_path / "good.pth")["conv1.weight"].shape == (3,)


@pytest.mark.parametrize("zipped", [True, False], ids=["zip", "legacy"])
def test_any_cut_is_refused(zipped: bool, tmp_path: Path) -> None:
    whole = tmp_path / "whole.pth"
    torch.save(reference(**SMALL).state_dict(), whole, _use_new_zipfile_serialization=zipped)
    data = whole.read_bytes()
    for length in (1, 50, 500, len(data) // 2, len(data) - 100, len(data) - 1):
        cut = tmp_path / f"cut{length}.pth"
        cut.write_bytes(data[:length])
        refusal(cut)


def test_compressed_archives_are_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "bomb.pth", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("archive/data.pkl", pickle.dumps({}))
        archive.writestr("archive/data/0", bytes(1 << 20))
    assert "compressed" in refusal(tmp_path / "bomb.pth").reason


def test_a_table_without_tensors_is_refused(tmp_path: Path) -> None:
    for content in ({"epoch": 3}, [1, 2], {"state_dict": {}}):
        as_zip(tmp_path / "a.pth", content)
        assert "no table of weights" in refusal(tmp_path / "a.pth").reason
