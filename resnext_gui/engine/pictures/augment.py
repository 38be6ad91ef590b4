"""Variations of a learning photograph: what it might also have looked like.

Everything follows from a seed sequence handed in, so that a resumed run sees exactly what an uninterrupted one sees.
The work is done by Pillow and NumPy on decoding threads (both release the interpreter lock); it costs about a
millisecond a photograph, a small part of one training step on a CPU.

Sources: random resized crops: Szegedy et al. 2015, arXiv:1409.4842; RandAugment: Cubuk et al. 2020, arXiv:1909.13719;
MixUp: Zhang et al. 2018, arXiv:1710.09412; CutMix: Yun et al. 2019, arXiv:1905.04899; erasing: Zhong et al. 2020,
arXiv:1708.04896.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageEnhance, ImageOps

from resnext_gui.engine.pictures.decode import FILTERS, Preprocessing, crop_resized

Pixels = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Augmentation:
    """How far variations go.

    Attributes:
        scale: smallest part of the photograph's area that a crop keeps, 0..1; 1 keeps the plain centre crop.
        flip: whether left and right may be swapped.
        colour: largest relative change of brightness, contrast and saturation.
        operations: how many of RandAugment's operations are applied.
        magnitude: how strong they are, 0..1.
        erase: probability that a rectangle is blanked.
        mixup: alpha of MixUp's Beta distribution, 0 for none.
        cutmix: alpha of CutMix's Beta distribution, 0 for none; with both, each batch takes one of them.
    """

    scale: float = 1.0
    flip: bool = False
    colour: float = 0.0
    operations: int = 0
    magnitude: float = 0.3
    erase: float = 0.0
    mixup: float = 0.0
    cutmix: float = 0.0


LEVELS = {
    "none": Augmentation(),
    "light": Augmentation(scale=0.5, flip=True, colour=0.15),
    "medium": Augmentation(scale=0.3, flip=True, colour=0.3, operations=1, magnitude=0.3),
    "strong": Augmentation(
        scale=0.2, flip=True, colour=0.4, operations=2, magnitude=0.4, erase=0.2, mixup=0.2, cutmix=0.5
    ),
}
"""The levels a person can choose."""


def generator(*numbers: int) -> np.random.Generator:
    """Return a random generator that depends on `numbers` (each >= 0) alone: seed, epoch, index."""
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence(numbers)))


def vary(rgb: Pixels, prep: Preprocessing, how: Augmentation, rng: np.random.Generator) -> Pixels:
    """Return a random variation of a photograph.

    Args:
        rgb: uint8 (height, width, 3) of any size.
        prep: gives the side of the result and the way of resampling.
        how: how far to go.
        rng: all randomness comes from it.

    Returns:
        uint8 (size, size, 3).
    """
    if how.scale >= 1.0:
        picture = Image.fromarray(crop_resized(rgb, prep))
    else:
        height, width = rgb.shape[:2]
        box = _crop_box(width, height, how.scale, rng)
        picture = Image.fromarray(rgb).resize((prep.size, prep.size), FILTERS[prep.interpolation], box=box)
    if how.flip and rng.random() < 0.5:
        picture = picture.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    if how.colour:
        for enhancer in (ImageEnhance.Brightness, ImageEnhance.Contrast, ImageEnhance.Color):
            picture = enhancer(picture).enhance(1.0 + float(rng.uniform(-how.colour, how.colour)))
    for _ in range(how.operations):
        picture = _random_operation(picture, how.magnitude, rng)
    pixels: Pixels = np.array(picture, dtype=np.uint8)
    if how.erase and rng.random() < how.erase:
        _erase(pixels, rng)
    return pixels


def _crop_box(width: int, height: int, smallest: float, rng: np.random.Generator) -> tuple[float, float, float, float]:
    """Return left, top, right, bottom of a crop of random area and shape (3:4 to 4:3), inside the photograph."""
    for _ in range(10):
        area = width * height * float(rng.uniform(smallest, 1.0))
        ratio = math.exp(float(rng.uniform(math.log(3 / 4), math.log(4 / 3))))
        across, down = math.sqrt(area * ratio), math.sqrt(area / ratio)
        if across <= width and down <= height:
            left, top = float(rng.uniform(0, width - across)), float(rng.uniform(0, height - down))
            return left, top, left + across, top + down
    side = min(width, height)
    across, down = min(width, side * 4 / 3), min(height, side * 4 / 3)
    left, top = (width - across) / 2, (height - down) / 2
    return left, top, left + across, top + down


def _random_operation(picture: Image.Image, magnitude: float, rng: np.random.Generator) -> Image.Image:
    choice = int(rng.integers(9))
    signed = magnitude if rng.random() < 0.5 else -magnitude
    grey = (124, 116, 104)  # the mean colour of photographs: an empty corner then says nothing
    if choice == 0:
        return ImageOps.autocontrast(picture)
    if choice == 1:
        return ImageOps.equalize(picture)
    if choice == 2:
        return picture.rotate(30 * signed, Image.Resampling.BILINEAR, fillcolor=grey)
    if choice == 3:
        return _affine(picture, (1, 0.3 * signed, -0.15 * signed * picture.height, 0, 1, 0), grey)
    if choice == 4:
        return _affine(picture, (1, 0, 0, 0.3 * signed, 1, -0.15 * signed * picture.width), grey)
    if choice == 5:
        return ImageEnhance.Sharpness(picture).enhance(1 + 0.9 * signed)
    if choice == 6:
        return ImageOps.posterize(picture, max(3, 8 - round(5 * magnitude)))
    if choice == 7:
        return ImageOps.solarize(picture, 256 - round(110 * magnitude))
    return ImageEnhance.Color(picture).enhance(1 + 0.9 * signed)


def _affine(picture: Image.Image, numbers: tuple[float, ...], fill: tuple[int, int, int]) -> Image.Image:
    return picture.transform(picture.size, Image.Transform.AFFINE, numbers, Image.Resampling.BILINEAR, fillcolor=fill)


def _erase(pixels: Pixels, rng: np.random.Generator) -> None:
    side = pixels.shape[0]
    area = side * side * float(rng.uniform(0.02, 0.2))
    ratio = math.exp(float(rng.uniform(math.log(0.4), math.log(2.5))))
    down = min(side, max(1, round(math.sqrt(area * ratio))))
    across = min(side, max(1, round(math.sqrt(area / ratio))))
    top, left = int(rng.integers(side - down + 1)), int(rng.integers(side - across + 1))
    pixels[top : top + down, left : left + across] = rng.integers(0, 256, 3, dtype=np.uint8)


def mix(images: Floats, targets: Floats, how: Augmentation, rng: np.random.Generator) -> tuple[Floats, Floats]:
    """Blend each photograph of a batch with another one, and their targets alike.

    Args:
        images: float32 (batch, height, width, channels); not changed.
        targets: float32 (batch, labels), rows that sum to 1; not changed.
        how: its `mixup` and `cutmix`; with neither, the batch comes back as it is.
        rng: all randomness comes from it.

    Returns:
        Images and targets of the same shapes.
    """
    kinds = [name for name in ("mixup", "cutmix") if getattr(how, name) > 0]
    if not kinds or len(images) < 2:
        return images, targets
    kind = kinds[int(rng.integers(len(kinds)))]
    share = float(rng.beta(getattr(how, kind), getattr(how, kind)))
    share = max(share, 1 - share)  # the photograph itself stays the larger part, which a small batch needs
    partner = rng.permutation(len(images))
    if kind == "mixup":
        mixed = images * np.float32(share) + images[partner] * np.float32(1 - share)
    else:
        height, width = images.shape[1:3]
        down, across = (round(side * math.sqrt(1 - share)) for side in (height, width))
        top, left = int(rng.integers(height - down + 1)), int(rng.integers(width - across + 1))
        mixed = images.copy()
        mixed[:, top : top + down, left : left + across] = images[partner, top : top + down, left : left + across]
        share = 1 - down * across / (height * width)
    return mixed, targets * np.float32(share) + targets[partner] * np.float32(1 - share)
