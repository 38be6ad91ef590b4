"""The table, the lamp and the camera: puts things on a ground, lights them and takes the picture."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageFilter

from resnext_gui.samples.shapes import KINDS, Field, Random, Shape, cloud, cover_of, linear, mix, rounded, step

WIDTH, HEIGHT = 320, 240
_LARGE = 66
"""Things of at least this radius are drawn at the picture's own resolution, smaller ones at twice that."""


@dataclass(frozen=True, slots=True)
class Light:
    """A lamp: where it stands, how large it looks, and its colour."""

    direction: npt.NDArray[np.float32]
    softness: float
    ambient: float
    strength: float
    colour: npt.NDArray[np.float32]


def _light(rng: Random) -> Light:
    around, up = rng.uniform(0, 2 * np.pi), rng.uniform(0.45, 1.15)
    direction = np.array([np.cos(around) * np.cos(up), np.sin(around) * np.cos(up), np.sin(up)], np.float32)
    warm = rng.uniform(-1, 1)
    colour = np.array([1 + 0.16 * warm, 1.0, 1 - 0.22 * warm], np.float32)
    return Light(direction, rng.uniform(0.15, 1.0), rng.uniform(0.22, 0.5), rng.uniform(0.75, 1.25), colour)


# --------------------------------------------------------------------------------------------------------------------
# Grounds: each returns linear light (HEIGHT, WIDTH, 3)


def _grid() -> tuple[Field, Field]:
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH].astype(np.float32)
    return x, y


def _tinted(grey: Field, colour: npt.NDArray[np.float32]) -> Field:
    return np.asarray(np.clip(grey, 0, 3)[..., None] * colour, np.float32)


def _wood(rng: Random) -> Field:
    x, y = _grid()
    grain = cloud((HEIGHT, WIDTH), 90, rng, 14) * 0.12 + cloud((HEIGHT, WIDTH), 14, rng, 6) * 0.14
    rings = np.sin(y * rng.uniform(0.12, 0.3) + 5 * cloud((HEIGHT, WIDTH), 4, rng, 4)) * 0.1
    tones = [(176, 128, 84), (132, 90, 58), (206, 168, 122), (98, 68, 48), (190, 150, 110)]
    board = rng.uniform(70, 150)
    seam = np.abs((y + rng.uniform(0, board)) % board - board / 2)
    shade = 1 + grain + rings - 0.6 * step(1.6, 0.2, np.asarray(seam, np.float32))
    del x
    return _tinted(np.asarray(shade, np.float32), linear(*tones[int(rng.integers(len(tones)))]))


def _cloth(rng: Random) -> Field:
    x, y = _grid()
    turn, pitch = rng.uniform(0, np.pi), rng.uniform(1.1, 2.2)
    a, b = x * np.cos(turn) + y * np.sin(turn), -x * np.sin(turn) + y * np.cos(turn)
    weave = np.sin(a * pitch + cloud((HEIGHT, WIDTH), 12, rng)) * np.sin(b * pitch + cloud((HEIGHT, WIDTH), 12, rng))
    folds = cloud((HEIGHT, WIDTH), 2.5, rng, 1.4) * 0.16
    shade = 1 + 0.12 * weave + folds + 0.08 * cloud((HEIGHT, WIDTH), 120, rng)
    tones = [(206, 198, 180), (120, 132, 150), (152, 82, 76), (78, 92, 84), (60, 62, 78), (214, 206, 200)]
    colour = _tinted(np.asarray(shade, np.float32), linear(*tones[int(rng.integers(len(tones)))]))
    if rng.random() < 0.3:  # checked
        check = ((a % 46) < 20).astype(np.float32) + ((b % 46) < 20).astype(np.float32)
        colour = colour * (1 - 0.22 * check)[..., None]
    return np.asarray(colour, np.float32)


def _stone(rng: Random) -> Field:
    shape = (HEIGHT, WIDTH)
    shade = 1 + 0.12 * cloud(shape, 5, rng) + 0.1 * cloud(shape, 22, rng) + 0.12 * cloud(shape, 140, rng)
    specks = cloud(shape, 110, rng)
    shade = shade - 0.4 * step(1.1, 1.5, specks) + 0.25 * step(1.2, 1.6, -specks)
    tones = [(148, 146, 142), (96, 98, 102), (60, 62, 68), (176, 168, 154), (120, 110, 100)]
    return _tinted(np.asarray(shade, np.float32), linear(*tones[int(rng.integers(len(tones)))]))


def _paper(rng: Random) -> Field:
    shade = 1 + 0.02 * cloud((HEIGHT, WIDTH), 140, rng) + 0.03 * cloud((HEIGHT, WIDTH), 4, rng)
    tones = [(236, 234, 226), (244, 242, 240), (222, 208, 176), (196, 214, 224), (232, 206, 200), (210, 222, 200)]
    colour = _tinted(np.asarray(shade, np.float32), linear(*tones[int(rng.integers(len(tones)))]))
    kind = rng.random()
    if kind < 0.45:  # ruled or squared
        x, y = _grid()
        turn, pitch = rng.uniform(-0.3, 0.3), rng.uniform(14, 26)
        down = (y * np.cos(turn) + x * np.sin(turn)) % pitch
        line = step(1.3, 0.3, np.asarray(np.abs(down - pitch / 2), np.float32))
        if kind < 0.25:
            across = (x * np.cos(turn) - y * np.sin(turn)) % pitch
            line = np.maximum(line, step(1.3, 0.3, np.asarray(np.abs(across - pitch / 2), np.float32)))
        colour = mix(colour, linear(120, 150, 190), (0.5 * line)[..., None])
    return colour


def _leather(rng: Random) -> Field:
    shape = (HEIGHT, WIDTH)
    pores = np.abs(cloud(shape, 60, rng)) * 0.5 + np.abs(cloud(shape, 30, rng)) * 0.3
    shade = 1.15 - 0.35 * np.exp(-pores * 5) + 0.1 * cloud(shape, 4, rng)
    tones = [(84, 50, 34), (46, 44, 48), (122, 40, 36), (52, 66, 58), (40, 54, 84), (150, 110, 74)]
    return _tinted(np.asarray(shade, np.float32), linear(*tones[int(rng.integers(len(tones)))]))


_GROUNDS: tuple[Callable[[Random], Field], ...] = (_wood, _cloth, _stone, _paper, _leather)


# --------------------------------------------------------------------------------------------------------------------
# Things


def _normals(height: Field, pixel: float) -> tuple[Field, Field, Field]:
    down, across = np.gradient(height, pixel)
    across, down = np.clip(across, -4, 4), np.clip(down, -4, 4)
    length = 1.0 / np.sqrt(across * across + down * down + 1.0)
    return -across * length, -down * length, np.asarray(length, np.float32)


def _shade(shape: Shape, pixel: float, light: Light) -> Field:
    """Return the lit thing, linear light."""
    nx, ny, nz = _normals(shape.height, pixel)
    lx, ly, lz = (float(x) for x in light.direction)
    facing = np.clip(nx * lx + ny * ly + nz * lz, 0, None)
    diffuse = light.ambient * (0.75 + 0.25 * nz) + light.strength * facing
    # The camera looks straight down; reflect its ray to see what the surface mirrors.
    rx, ry, rz = 2 * nz * nx, 2 * nz * ny, 2 * nz * nz - 1
    towards = np.clip(rx * lx + ry * ly + rz * lz, 0, 1)
    lamp = towards ** (shape.gloss * (1.2 - 0.8 * light.softness))
    window = step(0.35, 0.8, towards) * light.softness
    room = 0.32 + 0.3 * step(-0.5, 0.6, np.asarray(rz, np.float32)) + 0.16 * np.sin(5 * rx + 3 * ry)
    mirror = light.ambient * 1.2 * room + light.strength * (0.55 * window + 1.3 * lamp + 0.3 * facing)
    plastic = shape.colour * diffuse[..., None]
    plastic = plastic + (shape.shine * light.strength * (lamp + 0.2 * window))[..., None]
    metal = shape.colour * mirror[..., None] * 1.25 + 0.05 * lamp[..., None]
    out = plastic * (1 - shape.metal) + metal * shape.metal
    return np.asarray(out * light.colour, np.float32)


def _halved(field: Field) -> Field:
    return np.asarray(
        (field[::2, ::2] + field[1::2, ::2] + field[::2, 1::2] + field[1::2, 1::2]) * 0.25,
        np.float32,
    )


def _place(picture: Field, shape: Shape, lit: Field, left: int, top: int, radius: float, light: Light) -> Field:
    """Put a lit thing, drawn at the picture's resolution, and its shadow on the picture."""
    cover = shape.cover
    mask = np.zeros((HEIGHT, WIDTH), np.float32)
    rows, columns = cover.shape
    y0, y1, x0, x1 = max(0, top), min(HEIGHT, top + rows), max(0, left), min(WIDTH, left + columns)
    if y0 >= y1 or x0 >= x1:
        return picture
    inner = (slice(y0 - top, y1 - top), slice(x0 - left, x1 - left))
    mask[y0:y1, x0:x1] = cover[inner]
    shadow = Image.fromarray((mask * 255).astype(np.uint8))
    reach = shape.thickness * radius / max(0.35, float(light.direction[2])) * 1.3
    moved = Image.new("L", shadow.size, 0)
    moved.paste(shadow, (round(-float(light.direction[0]) * reach), round(-float(light.direction[1]) * reach)))
    cast = np.asarray(moved.filter(ImageFilter.GaussianBlur(0.8 + reach * 0.5 * light.softness)), np.float32) / 255
    contact = np.asarray(shadow.filter(ImageFilter.GaussianBlur(1.5 + radius * 0.03)), np.float32) / 255
    dark = 1 - (0.72 - 0.35 * light.ambient) * np.maximum(cast, 0) - 0.22 * contact
    picture = np.asarray(picture * np.clip(dark, 0.12, 1)[..., None], np.float32)
    share = cover[inner][..., None]
    picture[y0:y1, x0:x1] = picture[y0:y1, x0:x1] * (1 - share) + lit[inner] * share
    return np.asarray(picture, np.float32)


def _around(half: int, fine: int) -> tuple[Field, Field]:
    """Return the pixels' offsets from the middle of a square of twice `half`."""
    ticks = (np.arange(2 * half * fine, dtype=np.float32) + 0.5) / fine - half
    x, y = np.meshgrid(ticks, ticks)
    return np.asarray(x, np.float32), np.asarray(y, np.float32)


def _put(picture: Field, label: str, rng: Random, light: Light, at: tuple[float, float], radius: float) -> Field:
    half = int(radius * 1.2) + 2
    fine = 1 if radius >= _LARGE else 2
    x, y = _around(half, fine)
    turn = rng.uniform(0, 2 * np.pi)
    # Seen a little from the side: one direction is shortened.
    lean, squeeze = rng.uniform(0, np.pi), rng.uniform(0.82, 1.0)
    a, b = x * np.cos(lean) + y * np.sin(lean), (-x * np.sin(lean) + y * np.cos(lean)) / squeeze
    x, y = a * np.cos(lean) - b * np.sin(lean), a * np.sin(lean) + b * np.cos(lean)
    u = ((x * np.cos(turn) + y * np.sin(turn)) / radius).astype(np.float32)
    v = ((-x * np.sin(turn) + y * np.cos(turn)) / radius).astype(np.float32)
    pixel = 1.0 / (fine * radius)
    shape = KINDS[label](u, v, pixel, rng)
    lit = _shade(shape, pixel, light)
    if fine == 2:
        lit, shape.cover = _halved(lit), _halved(shape.cover)
    return _place(picture, shape, lit, int(at[0]) - half, int(at[1]) - half, radius, light)


_STICKS = (
    (214, 168, 60), (176, 60, 52), (62, 98, 150), (66, 112, 84), (226, 220, 208), (60, 58, 60), (150, 110, 76),
    (206, 196, 172), (120, 60, 80),
)  # fmt: skip


def _stick(picture: Field, rng: Random, light: Light, at: tuple[float, float]) -> Field:
    """Lay a pencil, a strip of paper or a cord across."""
    half = 150
    x, y = _around(half, 1)
    turn = rng.uniform(0, np.pi)
    u = np.asarray(x * np.cos(turn) + y * np.sin(turn), np.float32)
    v = np.asarray(-x * np.sin(turn) + y * np.cos(turn), np.float32)
    wide = rng.uniform(3.5, 10)
    v = np.asarray(v + rng.uniform(-12, 12) * np.sin(u / rng.uniform(40, 90)), np.float32)
    body = np.asarray(np.maximum(np.abs(v) - wide, np.abs(u) - rng.uniform(80, 150)), np.float32)
    tint = linear(*_STICKS[int(rng.integers(len(_STICKS)))])
    colour = np.broadcast_to(tint, (*u.shape, 3)).astype(np.float32)
    height = np.asarray(wide * 0.8 * rounded(body, wide), np.float32)
    shape = Shape(cover_of(body, 0.7), height, colour, 0.0, 30.0, 0.25, 0.1)
    return _place(picture, shape, _shade(shape, 1.0, light), int(at[0]) - half, int(at[1]) - half, 60, light)


_CRUMBS = ((60, 50, 44), (228, 220, 204), (150, 120, 84), (110, 108, 104), (96, 110, 70))


def _crumbs(picture: Field, rng: Random) -> Field:
    specks = cloud((HEIGHT, WIDTH), 100, rng) > rng.uniform(1.6, 2.2)
    soft = Image.fromarray((specks * 255).astype(np.uint8)).filter(ImageFilter.GaussianBlur(0.7))
    share = (np.asarray(soft, np.float32) / 255.0)[..., None]
    tint = linear(*_CRUMBS[int(rng.integers(len(_CRUMBS)))])
    return np.asarray(mix(picture, tint, share), np.float32)


# --------------------------------------------------------------------------------------------------------------------
# The picture


def take_picture(label: str, rng: Random) -> Image.Image:
    """Return one photograph of a thing of this kind, 320 x 240, RGB.  All that varies comes from `rng`."""
    light = _light(rng)
    ground = _GROUNDS[int(rng.integers(len(_GROUNDS)))](rng)
    if rng.random() < 0.5:
        ground = ground[::-1, ::-1]
    flat = light.ambient + light.strength * float(light.direction[2])
    picture = np.ascontiguousarray(ground * flat * light.colour, np.float32)
    if rng.random() < 0.4:
        picture = _crumbs(picture, rng)
    radius = float(np.exp(rng.uniform(np.log(72), np.log(112))))
    # Near the middle as a rule, now and then half out of the picture.
    at = (
        WIDTH / 2 + float(np.clip(rng.normal(0, 0.075), -0.25, 0.25)) * WIDTH,
        HEIGHT / 2 + float(np.clip(rng.normal(0, 0.075), -0.25, 0.25)) * HEIGHT,
    )
    if rng.random() < 0.18:  # a second one of the same kind
        other = (at[0] + rng.choice([-1, 1]) * radius * rng.uniform(1.2, 2), at[1] + rng.uniform(-1, 1) * radius)
        picture = _put(picture, label, rng, light, other, radius * rng.uniform(0.8, 1.1))
    picture = _put(picture, label, rng, light, at, radius)
    if rng.random() < 0.2:
        beside = (at[0] + rng.uniform(-1, 1) * radius, at[1] + rng.uniform(-1, 1) * radius)
        picture = _stick(picture, rng, light, beside)
    return _develop(picture, rng, light)


def _develop(picture: Field, rng: Random, light: Light) -> Image.Image:
    """Fall-off of the lamp, exposure, blur of the lens, noise of the sensor."""
    y, x = np.mgrid[-1 : 1 : HEIGHT * 1j, -1 : 1 : WIDTH * 1j].astype(np.float32)
    slope = 0.28 * (x * float(light.direction[0]) + y * float(light.direction[1]))
    picture = picture * (1 + slope - 0.14 * (x * x + y * y))[..., None]
    if rng.random() < 0.15:  # the shadow of a window's bar, or of a hand
        turn, where = rng.uniform(0, np.pi), rng.uniform(-0.8, 0.8)
        across = x * np.cos(turn) + y * np.sin(turn) - where
        bar = step(0.3, 0.18, np.asarray(np.abs(across), np.float32))
        picture = picture * (1 - 0.5 * bar)[..., None]
    exposure = np.exp(rng.normal(0.0, 0.22)) * 0.75 / max(0.2, float(np.percentile(picture[::4, ::4], 97)))
    picture = picture * (0.55 * exposure + 0.45)
    screen = np.clip(picture, 0, 4) / (1 + 0.18 * np.clip(picture, 0, 4))
    screen = np.clip(screen, 0, 1) ** (1 / 2.2)
    image = Image.fromarray((screen * 255 + 0.5).astype(np.uint8))
    blur = rng.random()
    if blur < 0.15:
        image = image.filter(ImageFilter.GaussianBlur(rng.uniform(0.7, 2.0)))
    noise = rng.uniform(0.5, 3.0) if rng.random() < 0.8 else rng.uniform(4, 10)
    grain = rng.standard_normal((HEIGHT, WIDTH, 1), np.float32) * noise
    grain = grain + rng.standard_normal((HEIGHT, WIDTH, 3), np.float32) * (noise * 0.5)
    return Image.fromarray(np.clip(np.asarray(image, np.float32) + grain, 0, 255).astype(np.uint8))
