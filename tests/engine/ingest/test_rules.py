"""Labels from folders: layouts that people have, and what must hold for any."""

from __future__ import annotations

import random
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from resnext_gui.engine.ingest.rules import (
    Levels,
    from_name,
    is_split_name,
    names_say_labels,
    read_levels,
    says_nothing,
)
from resnext_gui.project.labels import alike, clean_label


def read(layout: str) -> tuple[dict[str, int], Levels]:
    """Read a layout such as ``train/cats:9 test/:3``, nine pictures in a folder unless it says another number."""
    folders: Counter[tuple[str, ...]] = Counter()
    for item in layout.split(", "):
        name, _, count = item.partition(":")
        folders[tuple(part for part in name.split("/") if part)] += int(count or 9)
    levels = read_levels(folders)
    found: Counter[str] = Counter()
    for parts, count in folders.items():
        found[levels.labels[parts] or ""] += count
    return dict(found), levels


@pytest.mark.parametrize(
    ("layout", "labels"),
    [
        ("training_set/cats, training_set/dogs, test_set/cats, single_prediction:2", {"cats": 18, "dogs": 9, "": 2}),
        ("seg_train/seg_train/sea, seg_train/seg_train/ice, seg_test/seg_test/sea, seg_pred/seg_pred:4",
         {"sea": 18, "ice": 9, "": 4}),
        ("train/cats, train/dogs, test1:30", {"cats": 9, "dogs": 9, "": 30}),
        ("Train/cats, Train/dogs, VALID/cats, Test/dogs", {"cats": 18, "dogs": 18}),
        ("train2017/cats, train2017/dogs, val2017/cats", {"cats": 18, "dogs": 9}),
        ("TrainSet/a1, TrainSet/b1, hold-out/a1", {"a1": 18, "b1": 9}),
        ("Entraînement/chat, Entraînement/chien, Évaluation/chat", {"chat": 18, "chien": 9}),
        ("Trainingsdaten/Hund, Trainingsdaten/Katze, Testdaten/Hund, Validierung/Katze", {"Hund": 18, "Katze": 18}),
        ("entrenamiento/gato, entrenamiento/perro, prueba/gato", {"gato": 18, "perro": 9}),
        ("train/cats, train/dogs, unlabeled:5", {"cats": 9, "dogs": 9, "": 5}),
        ("train/cats, train/dogs, Unlabelled data:5", {"cats": 9, "dogs": 9, "": 5}),
        ("train/cats, train/dogs, val/cats, sample:5", {"cats": 18, "dogs": 9, "": 5}),
        ("train/cats, train/dogs, val/cats, sample/cats:2", {"cats": 20, "dogs": 9}),
        ("train/cats, train/dogs, val/cats, docs:1", {"cats": 18, "dogs": 9, "": 1}),
        ("train/cats, train/dogs, assets/img/icons:3", {"cats": 9, "dogs": 9, "": 3}),
        ("repo/train/cats, repo/train/dogs, docs:1", {"cats": 9, "dogs": 9, "": 1}),
        ("cats, dogs, docs:1", {"cats": 9, "dogs": 9, "": 1}),
        ("cats, dogs, docs:90", {"cats": 9, "dogs": 9, "docs": 90}),
        ("cats, dogs, test:3", {"cats": 9, "dogs": 9, "": 3}),
        ("chest/train/NORMAL, chest/train/PNEUMONIA, chest/test/NORMAL, chest/chest/train/NORMAL, "
         "chest/chest/train/PNEUMONIA", {"NORMAL": 27, "PNEUMONIA": 18}),
        ("bottle/train/good, bottle/test/good, bottle/test/broken, bottle/ground_truth/broken",
         {"good": 18, "broken": 9, "": 9}),
        ("set_1/images/bag, set_1/images/mug, set_2/images/bag, set_2/images/mug", {"bag": 18, "mug": 18}),
        ("art/dog, art/cat, photo/dog, photo/cat", {"dog": 18, "cat": 18}),
        ("cats, dogs, animals/cats, animals/dogs", {"cats": 18, "dogs": 18}),
        ("train/cats, train/dogs, train/no_label:4, test/not labelled:3", {"cats": 9, "dogs": 9, "": 7}),
        ("train/cats, train/dogs, test/unknown:4", {"cats": 9, "dogs": 9, "": 4}),
        ("train/cats, train/unknown, test/unknown:4", {"cats": 9, "unknown": 13}),
        ("cats, unknown", {"cats": 9, "unknown": 9}),
        ("images/cats, images/dogs, masks/cats, masks/dogs", {"cats": 9, "dogs": 9, "": 18}),
        ("sample A, sample B", {"sample A": 9, "sample B": 9}),
        ("rust/train, rust/test, good/train", {"rust": 18, "good": 9}),
        ("cats_train, cats_test, dogs_train, dogs_test", {"cats": 18, "dogs": 18}),
        ("train:4, test:4", {"": 8}),
        ("train/images:4, test/images:4", {"": 8}),
        ("cats/images, dogs/pictures", {"cats": 9, "dogs": 9}),
        ("photos/cats, photos/dogs, drawings/cats, drawings/dogs", {"cats": 18, "dogs": 18}),
        ("camera 1/new, camera 1/old, camera 2/new, camera 2/old", {"new": 18, "old": 18}),
        ("camera 1/rust, camera 1/good, camera 2/rust, camera 2/good", {"rust": 18, "good": 18}),
        ("camera 1/rust/2024-01-01, camera 1/good/2024-01-02, camera 2/rust/2024-01-03", {"rust": 18, "good": 9}),
        ("camera 1/rust, camera 2/good", {"rust": 9, "good": 9}),
        ("fold1/apple, fold1/pear, fold2/apple, fold2/pear", {"apple": 18, "pear": 18}),
        ("cats/2021-05-01, cats/2021-05-02, dogs/2021-06-01", {"cats": 18, "dogs": 9}),
        ("cats/2021, cats/2022, dogs/2021, dogs/2022", {"cats": 18, "dogs": 18}),
        ("cats/session 1, cats/session 2, dogs/session 1", {"cats": 18, "dogs": 9}),
        ("cats, cats/more, dogs", {"cats": 18, "dogs": 9}),
        ("a1/visit by k:1, a1/visit by l:1, a1/visit by m:1, a1/visit by n:1, a1/visit by o:1, b1/visit by p:1, "
         "b1/visit by q:1, b1/visit by r:1, b1/visit by s:1, b1/visit by t:1", {"a1": 5, "b1": 5}),
        ("new, old", {"new": 9, "old": 9}),
        (".22 LR, .45 ACP, 9 mm", {".22 LR": 9, ".45 ACP": 9, "9 mm": 9}),
        ("test tube, sample glass, express train", {"test tube": 9, "sample glass": 9, "express train": 9}),
        ("/:3, cats, dogs", {"": 3, "cats": 9, "dogs": 9}),
    ],
)  # fmt: skip
def test_layouts_that_are_clear(layout: str, labels: dict[str, int]) -> None:
    found, levels = read(layout)
    assert found == labels and levels.certain


@pytest.mark.parametrize(
    ("layout", "choice"),
    [
        ("animals/cats, animals/dogs, cars/vans, cars/lorries", "last"),
        ("arial/0, arial/1, times/0, times/1", "last"),
        ("cats/new, cats/old, dogs/new, dogs/old", "first"),
        ("cats/indoor, cats/outdoor, dogs/indoor, dogs/outdoor", "last"),
        ("amazon/images/bag, amazon/images/mug, dslr/images/bag, dslr/images/mug", "last"),
        ("flowers/rose, flowers/tulip, trees", "last"),
        ("bus, car, train", "last"),
        ("images, cats, dogs", "last"),
        ("photos, drawings", "last"),
    ],
)
def test_layouts_that_are_a_question(layout: str, choice: str) -> None:
    _, levels = read(layout)
    assert not levels.certain and levels.choice == choice


def test_which_parts_a_label_lies_under() -> None:
    _, levels = read("data/train/cats, data/train/dogs, data/test/birds, data/docs:1")
    assert levels.splits[("data", "test", "birds")] == ("test",)
    assert levels.aside == {("data", "docs"): "docs"}


@pytest.mark.parametrize(
    "name",
    ["train", "Training", "training_set", "trainset", "TrainSet", "train2017", "train_images", "val", "valid", "dev",
     "VALIDATION",
     "Test1", "test-set", "testing", "eval", "hold_out", "holdout", "single_prediction", "predict",
     "pred", "unlabeled", "unlabelled", "sample", "samples",
     "Lernen", "Prüfung", "évaluation", "entraînement", "prueba", "训练集", "테스트", "学習", "テスト",
     "обучение", "Тест", "testowy"],
)  # fmt: skip
def test_names_of_parts(name: str) -> None:
    assert is_split_name(name) and says_nothing(name)


@pytest.mark.parametrize("name", ["rust", "trainer", "contest", "test tube", "valley", "sample 2", "1", ""])
def test_names_of_labels(name: str) -> None:
    assert not is_split_name(name)


# --------------------------------------------------------------------------------------------------------------------
# What holds for any folders

WORDS = ["cats", "dogs", "rust", "good", "new", "0", "1", "camera 1", "camera 2", "2024-05-01", "train", "test",
         "Valid", "images", "docs", "unlabeled", "seg_train", "seg_test", "a", "b"]  # fmt: skip
PLAIN = ["cats", "dogs", "rust", "good", "birds", "oak", "elm"]

folders = st.dictionaries(
    st.lists(st.sampled_from(WORDS), max_size=4).map(tuple), st.integers(1, 50), min_size=1, max_size=14
)
one_level = st.dictionaries(st.sampled_from(PLAIN).map(lambda name: (name,)), st.integers(5, 50), min_size=2)


@given(folders)
@settings(max_examples=150, deadline=None)
def test_no_answer_names_a_part_and_no_file_is_lost(given_folders: dict[tuple[str, ...], int]) -> None:
    levels = read_levels(given_folders)
    assert set(levels.first) == set(levels.last) == set(given_folders)
    if levels.certain:
        assert not [label for label in levels.labels.values() if label is not None and says_nothing(label)]


@given(folders, st.randoms())
@settings(max_examples=100, deadline=None)
def test_the_order_of_folders_does_not_matter(given_folders: dict[tuple[str, ...], int], chance: random.Random) -> None:
    shuffled = list(given_folders.items())
    chance.shuffle(shuffled)
    one, other = read_levels(given_folders), read_levels(dict(shuffled))
    assert (one.first, one.last, one.choice, one.certain) == (other.first, other.last, other.choice, other.certain)


@given(folders, st.sampled_from(["my set", "cats", "train", "data"]))
@settings(max_examples=100, deadline=None)
def test_a_folder_around_everything_changes_nothing(given_folders: dict[tuple[str, ...], int], around: str) -> None:
    if not any(given_folders):
        return  # a single folder of pictures may be one label's
    one = read_levels(given_folders)
    other = read_levels({(around, *parts): count for parts, count in given_folders.items()})
    assert [other.labels[(around, *parts)] for parts in given_folders] == list(one.labels.values())
    assert one.certain == other.certain


@given(one_level, st.lists(st.sampled_from(["train", "Val", "test1", "seg_pred"]), min_size=1, unique=True))
def test_a_level_of_parts_changes_nothing(labels: dict[tuple[str, ...], int], parts: list[str]) -> None:
    levels = read_levels({(part, *label): count for part in parts for label, count in labels.items()})
    assert levels.certain and all(label == key[1] for key, label in levels.labels.items())
    below = read_levels({(*label, part): count for part in parts for label, count in labels.items()})
    assert below.certain and all(label == key[0] for key, label in below.labels.items())


@given(one_level, st.sampled_from(["copy", "chest", "data", "old"]))
def test_a_copy_in_a_folder_of_its_own_changes_nothing(labels: dict[tuple[str, ...], int], name: str) -> None:
    levels = read_levels({**labels, **{(name, *label): count for label, count in labels.items()}})
    assert all(label == key[-1] for key, label in levels.labels.items()) and levels.certain


# --------------------------------------------------------------------------------------------------------------------
# Names


def test_file_names_that_say_labels() -> None:
    assert names_say_labels(f"/x/{kind}.{n}.jpg" for kind in ("cat", "dog") for n in range(6))
    assert not names_say_labels(f"/x/{kind}_{n}.jpg" for kind in ("IMG", "DSC") for n in range(6))
    assert not names_say_labels(f"/x/cat.{n}.jpg" for n in range(6))
    assert not names_say_labels(["/x/portrait.jpg", "/x/garden.jpg", "/x/house.jpg"])
    assert from_name("/x/cat.12.jpg") == "cat"


@pytest.mark.parametrize(
    ("one", "other"),
    [("Cats", "cats"), ("ｃats", "cats"), ("cats\u200b", "cats"), ("Ka\u0308fer", "Käfer"), ("old  car", "old car"),
     ("stra\u00dfe", "STRASSE"), ("cat\ufe0f", "cat"), ("\u2066cats", "cats")],
)  # fmt: skip
def test_names_that_look_alike(one: str, other: str) -> None:
    assert alike(one) == alike(other)


def test_names_that_do_not_look_alike() -> None:
    assert len({alike(name) for name in ("cat", "cats", "kat", "cát", "c at", "")}) == 6


@given(st.text(min_size=100, max_size=300), st.text(max_size=3), st.text(max_size=3))
def test_long_names_that_differ_stay_two_labels(start: str, one: str, other: str) -> None:
    left, right = clean_label(start + one), clean_label(start + other)
    assert len(left) <= 120 and clean_label(left) == left
    if " ".join((start + one).split()) != " ".join((start + other).split()) and left == right:
        assert alike(start + one) == alike(start + other)  # only what nobody sees is dropped
