"""The five things on the table, as distance fields: what is inside, how high it stands, what it is made of.

Every function takes coordinates in the thing's own units (its radius is about 1) and the size of a pixel in them, and
returns a `Shape` over the same grid.  A distance is negative inside.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont

Field = npt.NDArray[np.float32]
Random = np.random.Generator


@dataclass(slots=True)
class Shape:
    """A thing on a grid ``(rows, columns)``.

    Attributes:
        cover: 0..1, how much of a pixel it covers.
        height: above the table, in the grid's units.
        colour: ``(rows, columns, 3)``, linear light, 0..1.
        metal: 0 reflects like plastic, 1 like metal.
        gloss: exponent of its highlight.
        shine: strength of its highlight.
        thickness: how far it lifts off the table, for its shadow.
    """

    cover: Field
    height: Field
    colour: Field
    metal: float
    gloss: float
    shine: float
    thickness: float


def mix(low: Field | float, high: Field | float, share: Field) -> Field:
    """Blend between two values."""
    return np.asarray(low + (high - low) * share, np.float32)


def step(edge0: float, edge1: float, value: Field) -> Field:
    """Rise smoothly from 0 at `edge0` to 1 at `edge1`."""
    t = np.clip((value - edge0) / (edge1 - edge0), 0.0, 1.0)
    return np.asarray(t * t * (3.0 - 2.0 * t), np.float32)


def cover_of(distance: Field, pixel: float) -> Field:
    """Turn a distance into the covered share of each pixel."""
    return np.asarray(np.clip(0.5 - distance / (1.5 * pixel), 0.0, 1.0), np.float32)


def rounded(distance: Field, width: float) -> Field:
    """Rise from 0 at the edge to 1 at `width` inside, as a quarter of a circle does."""
    t = np.clip(-distance / width, 0.0, 1.0)
    return np.asarray(np.sqrt(np.clip(1.0 - (1.0 - t) ** 2, 0.0, 1.0)), np.float32)


def disc(u: Field, v: Field, radius: float, x: float = 0.0, y: float = 0.0) -> Field:
    """Distance from a circle."""
    return np.asarray(np.hypot(u - x, v - y) - radius, np.float32)


def box(u: Field, v: Field, half_width: float, half_height: float, x: float = 0.0, y: float = 0.0) -> Field:
    """Distance from a rectangle."""
    a, b = np.abs(u - x) - half_width, np.abs(v - y) - half_height
    outside = np.hypot(np.maximum(a, 0), np.maximum(b, 0))
    return np.asarray(outside + np.minimum(np.maximum(a, b), 0), np.float32)


def polygon(u: Field, v: Field, sides: int, radius: float, turn: float = 0.0) -> Field:
    """Distance from a regular polygon whose sides touch a circle of `radius`."""
    angles = turn + np.arange(sides) * (2 * np.pi / sides)
    return np.asarray(np.max([u * np.cos(a) + v * np.sin(a) for a in angles], axis=0) - radius, np.float32)


def cloud(shape: tuple[int, int], cells: float, rng: Random, stretch: float = 1.0) -> Field:
    """Smooth noise, about -1..1, with `cells` patches across; `stretch` draws them out sideways."""
    rows, columns = shape
    down = max(2, round(cells * rows / max(shape)) + 1)
    across = max(2, round(cells * columns / max(shape) / stretch) + 1)
    coarse = rng.standard_normal((down, across)).astype(np.float32)
    fine = Image.fromarray(coarse).resize((columns, rows), Image.Resampling.BICUBIC)
    return np.asarray(fine, np.float32) * 0.7


def linear(red: int, green: int, blue: int) -> npt.NDArray[np.float32]:
    """Turn a colour of a screen, 0..255, into linear light."""
    return np.asarray((np.array([red, green, blue], np.float32) / 255.0) ** 2.2, np.float32)


def _pick(rng: Random, colours: list[tuple[int, int, int]], spread: float = 0.12) -> npt.NDArray[np.float32]:
    colour = linear(*colours[int(rng.integers(len(colours)))])
    return np.clip(colour * rng.uniform(1 - spread, 1 + spread, 3), 0, 1).astype(np.float32)


def _painted(shape: tuple[int, int], colour: npt.NDArray[np.float32]) -> Field:
    return np.broadcast_to(colour, (*shape, 3)).astype(np.float32)


_METALS = [(205, 168, 92), (196, 198, 202), (150, 152, 158), (184, 118, 78), (222, 205, 160)]


def key(u: Field, v: Field, pixel: float, rng: Random) -> Shape:
    """A door key: bow with a hole, blade with teeth and a groove."""
    v = v * rng.uniform(0.92, 1.08)
    bow_at, radius = -0.62, rng.uniform(0.3, 0.38)
    form = int(rng.integers(4))
    if form == 0:
        bow = disc(u, v, radius, bow_at)
    elif form == 1:
        bow = box(u, v, radius * 0.62, radius * 0.72, bow_at) - 0.14
    elif form == 2:
        bow = polygon(u - bow_at, v, 6, radius * 0.95)
    else:  # a clover
        bow = np.minimum.reduce(
            [
                disc(u, v, radius * 0.62, bow_at - 0.16),
                disc(u, v, radius * 0.62, bow_at + 0.06, 0.21),
                disc(u, v, radius * 0.62, bow_at + 0.06, -0.21),
            ]
        )
    hole = disc(u, v, rng.uniform(0.09, 0.16), bow_at - rng.uniform(0.02, 0.12))
    blade_half = rng.uniform(0.1, 0.135)
    # One edge is straight, the other is filed down to a depth that changes from tooth to tooth.
    knots = np.linspace(0.06, 0.94, 14)
    depths = rng.uniform(0.15, 0.95, 14) * blade_half
    depths[0], depths[-1] = 0.0, 0.9 * blade_half
    filed = np.interp(u, knots, depths, left=0.0).astype(np.float32)
    blade = np.maximum(np.maximum(v - blade_half, (filed - blade_half - v) * 0.75), np.abs(u - 0.33) - 0.62)
    blade = np.maximum(blade, (u - 0.97) + np.abs(v) * 0.9 + 0.03)
    body = np.minimum(np.minimum(bow, blade), box(u, v, 0.07, blade_half * 1.55, bow_at + radius + 0.02))
    body = np.maximum(body, -hole)
    height = 0.05 * rounded(body, 0.045)
    groove = np.abs(v - rng.uniform(-0.01, 0.04)) - 0.022
    height -= 0.022 * cover_of(np.maximum(groove, np.abs(u - 0.4) - 0.5).astype(np.float32), 0.02)
    rim = np.abs(bow + 0.055) - 0.018
    height += 0.012 * cover_of(np.asarray(rim, np.float32), 0.02)
    wear = cloud(u.shape, 9, rng)
    height += 0.0012 * wear
    colour = _painted(u.shape, _pick(rng, _METALS, 0.05)) * (0.92 + 0.08 * wear)[..., None]
    return Shape(cover_of(body, pixel), height, colour, 0.9, 40.0, 0.5, 0.05)


def bolt(u: Field, v: Field, pixel: float, rng: Random) -> Shape:
    """A hexagon bolt, lying on its side, or standing on its thread and seen from above."""
    steel = [(168, 170, 174), (120, 122, 128), (198, 200, 205), (196, 176, 120), (92, 90, 90)]
    tint = _pick(rng, steel, 0.08)
    if rng.random() < 0.22:
        head = polygon(u, v, 6, 0.78, rng.uniform(0, 1))
        radius = np.hypot(u, v).astype(np.float32)
        height = 0.2 - 0.55 * np.clip(radius - 0.74, 0, 1) + 0.03 * rounded(head, 0.05)
        ring = np.abs(radius - rng.uniform(0.5, 0.62)) - 0.012
        height -= 0.012 * cover_of(np.asarray(ring, np.float32), 0.02)
        marks = int(rng.integers(0, 4))
        for n in range(marks):
            a = n * 2 * np.pi / max(marks, 1) + 0.4
            along, aside = u * np.cos(a) + v * np.sin(a), -u * np.sin(a) + v * np.cos(a)
            height += 0.02 * cover_of(box(along.astype(np.float32), aside.astype(np.float32), 0.1, 0.03, 0.36), 0.03)
        if rng.random() < 0.4:  # a washer under it
            washer = disc(u, v, 1.0)
            inside = cover_of(head, pixel)
            height = mix(0.05 * rounded(washer, 0.04), height + 0.06, inside)
            head = np.minimum(head, washer)
        thickness = 0.3
        body = head
    else:
        thread = rng.uniform(0.2, 0.27)
        length = rng.uniform(0.55, 0.68)
        pitch = rng.uniform(46, 70)
        smooth = rng.uniform(-0.35, 0.05)
        groove = np.abs(((u * pitch + np.sign(v) * 0 + v * 3.0) / (2 * np.pi)) % 1.0 - 0.5) * 2
        threaded = step(smooth, smooth + 0.03, u)
        shaft = box(u, v, length, thread, 0.3) - 0.012 * (groove - 0.5) * threaded
        shaft = np.maximum(shaft, (u - 0.3 - length) + np.clip(np.abs(v) - thread * 0.72, 0, 1) * 0.9)
        round_part = np.sqrt(np.clip(1.0 - (v / thread) ** 2, 0.0, 1.0))
        height = thread * 0.8 * round_part - 0.035 * (1.0 - groove) * threaded * (shaft < 0)
        half = thread * rng.uniform(1.75, 2.0)
        head_at, head_half = -0.56, rng.uniform(0.12, 0.17)
        head = box(u, v, head_half, half, head_at) - 0.02
        facet = np.where(np.abs(v) < half * 0.5, half * 0.85, half * 0.85 * (1 - (np.abs(v) / half - 0.5) * 0.95))
        chamfer = np.clip(head_at - head_half * 0.55 - u, 0, 1) * 0.8
        height = np.where(head < 0, facet - chamfer * (0.5 + np.abs(v) / half), height)
        flange = box(u, v, 0.03, half * 1.12, head_at + head_half)
        if rng.random() < 0.4:
            height = np.where(flange < 0, half * 0.8 * np.sqrt(np.clip(1 - (v / (half * 1.14)) ** 2, 0, 1)), height)
            head = np.minimum(head, flange)
        body = np.minimum(shaft, head)
        thickness = thread
    rust = np.clip(cloud(u.shape, 7, rng) + rng.uniform(-1.2, 0.35), 0, 1)[..., None]
    colour = _painted(u.shape, tint) * (1 - rust) + linear(124, 66, 36) * rust
    wear = cloud(u.shape, 30, rng)
    return Shape(
        cover_of(np.asarray(body, np.float32), pixel),
        np.asarray(height + 0.002 * wear, np.float32),
        np.asarray(colour, np.float32),
        0.85 - 0.4 * float(rust.mean()),
        30.0,
        0.45,
        thickness,
    )


_YARNS = ((226, 220, 206), (44, 42, 46), (150, 44, 48), (60, 84, 130), (196, 152, 84), (84, 110, 84))


def button(u: Field, v: Field, pixel: float, rng: Random) -> Shape:
    """A shirt or coat button with two or four holes, sometimes with a bit of thread left."""
    radius = np.hypot(u, v).astype(np.float32)
    body = radius - 0.92
    rim_at = rng.uniform(0.62, 0.8)
    height = 0.12 * rounded(body, 0.12)
    style = int(rng.integers(3))
    if style == 0:  # a dish with a rim
        height -= 0.06 * (1 - step(rim_at - 0.06, rim_at + 0.02, radius))
    elif style == 1:  # a dome
        height += 0.08 * np.sqrt(np.clip(1 - (radius / 0.95) ** 2, 0, 1)) - 0.05 * (1 - step(0.4, 0.46, radius))
    else:  # two steps
        height -= 0.04 * (1 - step(rim_at - 0.03, rim_at, radius)) + 0.03 * (1 - step(0.46, 0.49, radius))
    count = 4 if rng.random() < 0.7 else 2
    spread, size = rng.uniform(0.17, 0.23), rng.uniform(0.075, 0.11)
    turn = rng.uniform(0, np.pi)
    around = [turn + n * 2 * np.pi / count for n in range(count)]
    places = [(spread * 1.25 * np.cos(a), spread * 1.25 * np.sin(a)) for a in around]
    holes = np.minimum.reduce([disc(u, v, size, x, y) for x, y in places])
    height -= 0.05 * cover_of(np.asarray(holes - 0.03, np.float32), 0.05)
    body = np.maximum(body, -holes)
    colours = [
        (235, 230, 218), (40, 42, 50), (38, 66, 120), (160, 36, 44), (110, 74, 46), (70, 110, 84), (226, 180, 70),
        (200, 150, 160), (150, 152, 158), (196, 158, 92),
    ]  # fmt: skip
    tint = _pick(rng, colours)
    swirl = cloud(u.shape, 5, rng, 2.5)
    colour = _painted(u.shape, tint) * np.clip(1 + rng.uniform(0.05, 0.3) * swirl, 0.5, 1.5)[..., None]
    cover = cover_of(np.asarray(body, np.float32), pixel)
    if rng.random() < 0.45:  # thread through the holes
        yarn = linear(*_YARNS[int(rng.integers(len(_YARNS)))])
        for (x0, y0), (x1, y1) in zip(places[: count // 2], places[count // 2 :], strict=True):
            dx, dy = x1 - x0, y1 - y0
            long = float(np.hypot(dx, dy))
            along = ((u - x0) * dx + (v - y0) * dy) / long
            aside = ((u - x0) * -dy + (v - y0) * dx) / long
            line = np.maximum(np.abs(aside) - 0.05, np.maximum(-along - 0.02, along - long - 0.02))
            here = cover_of(np.asarray(line, np.float32), pixel)
            height = mix(height, 0.16 + 0.05 * rounded(np.asarray(line, np.float32), 0.05), here)
            twist = 0.8 + 0.2 * np.sin(along * 90 + aside * 30)
            colour = mix(colour, twist[..., None] * yarn, here[..., None])
            cover = np.maximum(cover, here)
    plated = rng.random() < 0.15
    return Shape(
        cover, np.asarray(height, np.float32), np.asarray(np.clip(colour, 0, 1), np.float32),
        0.8 if plated else 0.0, rng.uniform(25, 80), rng.uniform(0.2, 0.6), 0.1,
    )  # fmt: skip


def _stamp(text: str, shape: tuple[int, int], u: Field, v: Field, scale: float) -> Field:
    """Return `text` as relief in the thing's own coordinates, 0..1."""
    side = 128
    canvas = Image.new("L", (side, side), 0)
    font = ImageFont.load_default(size=side * 0.8)
    ImageDraw.Draw(canvas).text((side / 2, side / 2), text, fill=255, font=font, anchor="mm")
    relief = np.asarray(canvas, np.float32) / 255.0
    x = np.clip(((u / scale + 1) * side / 2).astype(np.int32), 0, side - 1)
    y = np.clip(((v / scale + 1) * side / 2).astype(np.int32), 0, side - 1)
    inside = (np.abs(u) < scale) & (np.abs(v) < scale)
    return np.where(inside, relief[y, x], 0.0).astype(np.float32).reshape(shape)


def coin(u: Field, v: Field, pixel: float, rng: Random) -> Shape:
    """A coin: raised rim, beads, a number or a head, often worn."""
    radius = np.hypot(u, v).astype(np.float32)
    angle = np.arctan2(v, u)
    body = radius - 0.92
    if rng.random() < 0.2:
        body = polygon(u, v, int(rng.choice([7, 9, 12])), 0.88)
    height = 0.07 * rounded(np.asarray(body, np.float32), 0.05)
    height -= 0.025 * (1 - step(0.8, 0.84, radius))
    worn = rng.uniform(0.35, 1.0)
    relief = np.zeros_like(radius)
    if rng.random() < 0.6:
        count = int(rng.integers(40, 80))
        beads = np.hypot((radius - 0.75) * 1.0, ((angle * count / (2 * np.pi)) % 1 - 0.5) * 2 * np.pi * 0.75 / count)
        relief += cover_of(np.asarray(beads - 0.018, np.float32), 0.02)
    if rng.random() < 0.55:
        text = str(rng.choice(["1", "2", "5", "10", "20", "50"]))
        relief += _stamp(text, radius.shape, u, v, 0.62 if len(text) == 1 else 0.52)
        leaves = np.cos(angle * int(rng.integers(18, 30)) + radius * 14) * step(0.55, 0.58, radius)
        relief += 0.5 * np.clip(leaves, 0, 1) * (radius < 0.7)
    else:  # a rosette, a star or a tree
        turn = rng.uniform(0, 2 * np.pi)
        form = int(rng.integers(3))
        if form == 0:
            petals = int(rng.integers(5, 9))
            emblem = radius - 0.3 - 0.16 * np.cos(angle * petals + turn)
        elif form == 1:
            emblem = radius * (1 + 0.45 * np.abs(((angle + turn) * 5 / (2 * np.pi)) % 1 - 0.5) * 2) - 0.48
        else:
            crown = np.minimum.reduce([disc(u, v, 0.24, x, y) for x, y in ((0, -0.22), (-0.2, 0.02), (0.2, 0.02))])
            emblem = np.minimum(crown, box(u, v, 0.045, 0.3, 0.0, 0.24))
        relief += 1.2 * rounded(np.asarray(emblem, np.float32), 0.14)
        relief += 0.25 * np.cos(radius * 60) * (np.abs(radius - 0.62) < 0.05)
        letters = (np.sin(angle * 30) > 0) & (np.abs(radius - 0.66) < 0.04) & (np.abs(angle - 1.57) > 0.6)
        relief += 0.5 * letters
    height += 0.028 * worn * relief
    tint = _pick(rng, [(188, 112, 72), (206, 170, 96), (196, 198, 202), (150, 104, 70), (214, 196, 150)], 0.08)
    colour = _painted(radius.shape, tint)
    if rng.random() < 0.25:  # two metals
        other = _pick(rng, [(206, 170, 96), (200, 202, 206)], 0.05)
        ring = step(0.6, 0.62, radius)[..., None]
        colour = mix(colour, np.asarray(other, np.float32), ring)
    dirt = np.clip(cloud(radius.shape, 6, rng) * 0.5 + rng.uniform(-0.3, 0.4), 0, 0.7)
    colour = colour * (1 - 0.55 * dirt * (1 - 0.5 * np.clip(relief, 0, 1)))[..., None]
    height = np.asarray(height + 0.0015 * cloud(radius.shape, 24, rng), np.float32)
    return Shape(
        cover_of(np.asarray(body, np.float32), pixel), height,
        np.asarray(colour, np.float32), 0.85, 35.0, 0.5 * worn, 0.06,
    )  # fmt: skip


def leaf(u: Field, v: Field, pixel: float, rng: Random) -> Shape:
    """A leaf with midrib, veins and a stalk, green, yellow, red or brown."""
    bend = rng.uniform(-0.25, 0.25)
    v = np.asarray(v - bend * (u * u - 0.3), np.float32)
    along = np.clip((u + 0.75) / 1.65, 0.0, 1.0)
    width = rng.uniform(0.3, 0.52)
    fore, aft = rng.uniform(0.55, 1.0), rng.uniform(0.75, 1.25)
    peak = fore / (fore + aft)
    edge = width * (along**fore) * ((1 - along) ** aft) / (peak**fore * (1 - peak) ** aft)
    teeth = int(rng.integers(14, 34))
    form = rng.random()
    if form < 0.35:  # saw-toothed
        edge = edge * (1 - 0.13 * ((along * teeth) % 1.0))
    elif form < 0.6:  # lobed like an oak
        edge = edge * (0.76 + 0.24 * np.cos(along * 2 * np.pi * int(rng.integers(4, 6))))
    edge = edge * (1 + 0.05 * cloud(u.shape, 6, rng))
    body = np.maximum(np.abs(v) - edge, np.maximum(-0.75 - u, u - 0.9)) * 0.85
    stalk = np.maximum(np.abs(v + 0.1 * (u + 0.75)) - 0.022, np.maximum(u + 0.6, -1.05 - u))
    outline = np.minimum(body, stalk)
    slope = rng.uniform(0.7, 1.5)
    count = rng.uniform(5, 9)
    side = (u - np.abs(v) * slope) * count
    vein = np.abs((side % 1.0) - 0.5) * 2
    veins = step(0.86, 0.97, vein.astype(np.float32)) * (np.abs(v) < edge)
    rib = cover_of(np.asarray(np.abs(v) - 0.018 * (1.4 - along), np.float32), 0.012)
    curl = rng.uniform(0.05, 0.3)
    height = 0.02 + curl * v * v / width + 0.05 * curl * cloud(u.shape, 4, rng)
    height += 0.022 * np.abs(np.sin(side * np.pi)) - 0.02 * rib + 0.004 * cloud(u.shape, 28, rng)
    palettes = [
        ((58, 104, 40), (96, 140, 56)), ((46, 84, 44), (70, 116, 60)), ((150, 150, 50), (196, 170, 60)),
        ((176, 88, 34), (206, 140, 52)), ((140, 40, 34), (186, 74, 40)), ((104, 70, 40), (140, 100, 60)),
        ((90, 120, 70), (140, 160, 110)),
    ]  # fmt: skip
    dark, light = palettes[int(rng.integers(len(palettes)))]
    share = np.clip(0.5 + 0.6 * cloud(u.shape, 4, rng) + 0.25 * cloud(u.shape, 14, rng), 0, 1)[..., None]
    colour = mix(linear(*dark), linear(*light), share)
    pale = np.clip(np.maximum(veins * 0.45, rib * 0.8), 0, 1)[..., None]
    colour = mix(colour, np.asarray(linear(*light) * 1.25 + 0.05, np.float32), pale)
    spots = np.clip(cloud(u.shape, 16, rng) - rng.uniform(0.9, 2.2), 0, 1)[..., None]
    colour = mix(colour, linear(70, 44, 26), np.clip(spots * 2, 0, 1))
    stem = (cover_of(np.asarray(stalk, np.float32), pixel) * (body > 0))[..., None]
    colour = mix(colour, linear(120, 96, 60), stem)
    return Shape(
        cover_of(np.asarray(outline, np.float32), pixel), np.asarray(height, np.float32),
        np.asarray(np.clip(colour, 0, 1), np.float32), 0.0, 12.0, rng.uniform(0.05, 0.3), 0.05 + 0.2 * curl,
    )  # fmt: skip


KINDS: dict[str, Callable[[Field, Field, float, Random], Shape]] = {
    "bolt": bolt,
    "button": button,
    "coin": coin,
    "key": key,
    "leaf": leaf,
}
