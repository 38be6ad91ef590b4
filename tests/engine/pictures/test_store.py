"""Decoding threads and the store of decoded pixels."""

from __future__ import annotations

import hashlib
import threading
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from resnext_gui.engine.pictures.decode import ImageError, Preprocessing, normalise
from resnext_gui.engine.pictures.store import DecodePool, PixelStore, denormalise, reduced
from resnext_gui.messages import UserError
from tests.engine.odd_files import encoded

CONTENT = encoded(Image.fromarray(np.random.default_rng(0).integers(0, 256, (60, 90, 3), dtype=np.uint8)), "PNG")


@dataclass
class Drawn:
    path: str
    hash: str = hashlib.blake2b(CONTENT, digest_size=16).hexdigest()


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    path = tmp_path / "picture.png"
    path.write_bytes(CONTENT)
    return path


def test_results_come_in_order_and_refusals_in_their_place() -> None:
    def work(number: int) -> int:
        if number % 5 == 3:
            raise UserError("odd", f"{number} is refused.")
        return number * number

    with DecodePool(4) as pool:
        for number, (item, outcome) in enumerate(pool.in_order(work, range(40), ahead=7)):
            assert item == number
            assert isinstance(outcome, UserError) if number % 5 == 3 else outcome == number * number


def test_leaving_early_leaves_no_thread() -> None:
    before = threading.active_count()
    with DecodePool(3) as pool:
        for item, _ in pool.in_order(lambda number: number, range(1000)):
            if item == 5:
                break
    assert threading.active_count() == before


def test_a_fault_of_ours_is_raised() -> None:
    with DecodePool(2) as pool, pytest.raises(ZeroDivisionError):
        list(pool.in_order(lambda number: 1 // number, [0]))


def test_kept_in_memory(picture: Path) -> None:
    store = PixelStore([Drawn(str(picture))], 20, memory_limit=1 << 20)
    pixels = store.get(0)
    assert pixels.shape == (20, 30, 3)
    picture.unlink()
    assert store.get(0) is pixels


def test_kept_on_disk_without_any_loss(picture: Path, tmp_path: Path) -> None:
    folder = tmp_path / "cache"
    fresh = PixelStore([Drawn(str(picture))], 20, folder, memory_limit=0, disk_limit=1 << 20).get(0)
    picture.unlink()
    again = PixelStore([Drawn(str(picture))], 20, folder, memory_limit=0, disk_limit=1 << 20)
    assert (again.get(0) == fresh).all()
    file = next(folder.rglob("*.npy"))
    file.write_bytes(file.read_bytes()[:-10])
    with pytest.raises(ImageError):
        again.get(0)


def test_disk_budget_is_kept(picture: Path, tmp_path: Path) -> None:
    store = PixelStore([Drawn(str(picture))], 20, tmp_path / "cache", memory_limit=0, disk_limit=100)
    store.get(0)
    assert not list((tmp_path / "cache").rglob("*.npy"))


def test_small_pictures_are_not_made_larger() -> None:
    rgb = np.zeros((10, 30, 3), np.uint8)
    assert reduced(rgb, 20) is rgb
    assert reduced(np.zeros((100, 300, 3), np.uint8), 20).shape == (20, 60, 3)


@pytest.mark.parametrize("order", ["rgb", "bgr"])
def test_there_and_back(order: str) -> None:
    prep = Preprocessing(size=8, order=order)
    pixels = np.random.default_rng(0).integers(0, 256, (8, 8, 3), dtype=np.uint8)
    assert (denormalise(normalise(pixels, prep), prep) == pixels).all()
