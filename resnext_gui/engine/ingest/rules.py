"""Reads labels off the folders that photographs lie in."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import PurePath

from resnext_gui.project.labels import alike

Parts = tuple[str, ...]
"""The folders between the chosen folder and a file."""


def name_words(text: str) -> frozenset[str]:
    """Return the words of a list, spelled as `_words` does."""
    return frozenset(_bare(text).split())


def _bare(text: str) -> str:
    """Return a text without accents."""
    return "".join(c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c))


_TRAIN = name_words(
    """
    train training trn learn learning lernen lern trainieren trainings apprentissage entrainement entrenamiento
    entrenar treino treinamento treinar addestramento trenowanie treningowy treningowe uczenie egitim
    обучение обучающая обучающий тренировка тренировочная 训练 训练集 訓練 訓練集 学习 学習 学習用 훈련 학습
    """
)
_CHECK = name_words(
    """
    val valid validation validate validating test tests testing tst eval evaluation evaluate dev devel holdout
    heldout exam practice validierung pruefung prufung essai prueba pruebas validacion evaluacion teste testes
    validacao convalida validazione prova testowy testowe walidacja walidacyjny walidacyjne validatie dogrulama
    тест тестовая тестовый тестирование валидация проверка 测试 测试集 验证 验证集 測試 測試集 驗證 驗證集 检验
    検証 評価 テスト 검증 테스트 시험 평가
    """
)
_NONE = name_words(
    """
    unlabeled unlabelled unlabel nolabel nolabels prediction predictions predict predicted pred preds inference
    sample samples unsorted unsortiert unbeschriftet 未标注 未标记
    """
)
_UNKNOWN = name_words("unknown unknowns unbekannt inconnu inconnus desconocido desconocidos sconosciuto dummy")
"""What photographs are put under that are to be answered, where a program wants a folder for each."""
_FILL = name_words(
    """
    set sets data dataset datasets daten datos donnees image images img imgs bild bilder photo photos picture
    pictures pic pics file files folder folders split splits subset subsets single jpg jpeg png all alle my the
    menge satz
    """
)
"""Words that change nothing when they stand beside ``train`` or ``test``."""
_GLUED = re.compile(
    rf"({'|'.join(sorted(_TRAIN | _CHECK, key=len, reverse=True))})(set|sets|data|daten|images|imgs|img)"
)

_CONTAINERS = name_words(
    """
    image images img imgs photo photos picture pictures pic pics jpg jpeg jpgs png pngs data dataset datasets files
    bild bilder foto fotos daten imagenes datos donnees immagini imagens
    """
)
"""Names of folders that hold pictures, whatever they show."""
_ASIDE = name_words(
    """
    doc docs documentation screenshot screenshots asset assets figure figures readme notebook notebooks script
    scripts result results output outputs
    """
)
"""Names of folders that lie in downloads beside the photographs."""
_DRAWN = name_words(
    "mask masks truth groundtruth gt annotation annotations segmentation segmentations heatmap heatmaps"
)
"""Names of folders with pictures drawn over photographs, sorted as these are."""
_SORTING = name_words(
    """
    camera cameras cam dcim session sessions day days date week month year run roll shoot shooting batch batches
    folder visit export round trip tour tag tage woche monat jahr jour fecha dia january february march april may
    june july august september october november december jan feb mar apr jun jul aug sep sept oct nov dec januar
    februar maerz marz mai juni juli oktober dezember okt dez janvier fevrier mars avril juin juillet aout septembre
    octobre novembre decembre enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre
    diciembre
    """
)
"""What people sort the pictures of one label by."""
_WEAK = name_words(
    """
    new old other others misc original originals raw part parts more neu alt andere nouveau ancien nuevo viejo
    """
)
"""Words that can be labels, but sort more often."""
_CAMERA_NAMES = name_words(
    """
    img image dsc dscn dscf imag pict pic photo picture bild foto pxl mvimg screenshot scan whatsapp frame untitled
    vid snapshot capture file p
    """
)

_FEW = 5


# --------------------------------------------------------------------------------------------------------------------
# Words in names


@lru_cache(maxsize=50_000)
def _words(name: str) -> tuple[str, ...]:
    """Return the words of a name without accents, digits and case: ``TestSet_2`` -> ``test``, ``set``."""
    bare = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", _bare(name)).casefold()
    bare = re.sub(r"\b(hold|no)[\W_](?=out\b|labels?\b)", r"\1", re.sub(r"\bnot[\W_](?=label)", "un", bare))
    found: list[str] = []
    for word in re.findall(r"[^\W\d_]+", bare):
        glued = _GLUED.fullmatch(word)
        found += glued.groups() if glued else [word]
    return tuple(found)


@lru_cache(maxsize=50_000)
def _split(name: str) -> tuple[str, tuple[str, ...]] | None:
    """Return the word of a name that says who learns from it, and the words that say something else; None without."""
    words = [word for word in _words(name) if len(word) > 1]
    said = [word for word in words if word in _TRAIN or word in _CHECK or word in _NONE]
    if not said or (said[0] in ("sample", "samples") and re.search(r"\d|\b[^\W\d_]\b", name)):
        return None
    rest = tuple(word for word in words if word not in said and word not in _FILL)
    return said[0], rest


def is_split_name(name: str) -> bool:
    """Tell whether a folder's name says who should learn from it rather than what it shows."""
    found = _split(name)
    return found is not None and not found[1]


def is_learning_name(name: str) -> bool:
    """Tell whether a folder's name says that its photographs are learnt from, as ``train`` does."""
    found = _split(name)
    return found is not None and found[0] in _TRAIN


def _is_container(name: str) -> bool:
    words = [word for word in _words(name) if len(word) > 1]
    return bool(words) and all(word in _CONTAINERS for word in words)


def _is_aside(name: str) -> bool:
    words = _words(name)
    return bool(words) and all(word in _ASIDE for word in words)


def says_nothing(name: str) -> bool:
    """Tell whether a label would be a word like ``train``, ``images`` or ``data``, which no photograph shows."""
    return is_split_name(name) or _is_container(name)


# --------------------------------------------------------------------------------------------------------------------
# Levels


@dataclass(slots=True)
class Levels:
    """What the folders below a root say about labels.

    Attributes:
        first, last: for each folder, the label that its first and its last level give; None where there is none.
        choice: ``"first"`` or ``"last"``, the better reading.
        certain: whether the other one can be left unmentioned.
        why: what decided: ``one_level``, ``same``, ``one_name``, ``sorted``, ``small``, ``repeated``, ``series``,
            ``numbers``, ``weak``, ``mixed``, ``uneven`` or ``kinds``.
        splits: for each folder, the names of the parts (``train``, ``test``) that it lies in.
        aside: folders without a label, although they have a name: what lies beside ``train`` and ``test``.
    """

    first: dict[Parts, str | None]
    last: dict[Parts, str | None]
    choice: str
    certain: bool
    why: str
    splits: dict[Parts, Parts] = field(default_factory=dict)
    aside: dict[Parts, str] = field(default_factory=dict)

    @property
    def labels(self) -> dict[Parts, str | None]:
        """For each folder, the label of the better reading."""
        return self.first if self.choice == "first" else self.last


def read_levels(folders: Mapping[Parts, int]) -> Levels:
    """Read labels off folders.

    What says nothing is taken away first: a folder around everything, parts called ``train`` or ``test`` at any level
    and in any common spelling, folders called ``images``, what lies beside the parts.  Of what is left one level
    carries the labels.  It is the last one where its names repeat under different folders (``camera 2/rust``), and
    the first one where the last sorts by date or number (``rust/2024-05-01``).  Names that never repeat
    (``animals/cats``, ``plants/roses``) can be read both ways: that is a question.

    Args:
        folders: the levels of each folder with the number of pictures directly in it.
    """
    simple = _Simple(folders)
    simple.simplify()
    counts: Counter[Parts] = Counter()
    for parts, count in folders.items():
        counts[simple.now[parts]] += count
    choice, certain, why = _decide({parts: count for parts, count in counts.items() if parts and count})
    first = {parts: now[0] if now else None for parts, now in simple.now.items()}
    last = {parts: now[-1] if now else None for parts, now in simple.now.items()}
    for reading in (first, last):
        _forget_unknown(reading, simple)
    if first == last:
        certain = True
    labels = {label for label in (first if choice == "first" else last).values() if label is not None}
    if any(says_nothing(label) for label in labels):
        certain = False
    return Levels(first, last, choice, certain, why, simple.splits, simple.aside)


def _forget_unknown(labels: dict[Parts, str | None], simple: _Simple) -> None:
    """Take the label ``unknown`` away where it occurs under ``test`` alone: those there are to be answered."""
    unknown = {parts for parts, label in labels.items() if label and _UNKNOWN.issuperset(_words(label) or ("",))}
    for parts in unknown:
        if any(map(is_learning_name, simple.splits.get(parts, ()))) or parts not in simple.splits:
            return
    if len(unknown) < sum(label is not None for label in labels.values()):
        simple.aside.update({parts: str(labels[parts]) for parts in unknown})
        labels.update(dict.fromkeys(unknown))


class _Simple:
    """Folders, and what is left of each when everything that says nothing is taken away."""

    def __init__(self, folders: Mapping[Parts, int]) -> None:
        self.counts = folders
        self.now: dict[Parts, Parts] = {parts: parts for parts in folders}
        self.splits: dict[Parts, Parts] = {}
        self.aside: dict[Parts, str] = {}

    def simplify(self) -> None:
        """Take away until nothing is left to take."""
        steps = (self._wrapper, self._parts, self._containers, self._beside, self._dates)
        while any(step() for step in steps):
            pass

    def _move(self, change: Callable[..., Parts], *given: object) -> bool:
        after = {parts: change(now, *given) for parts, now in self.now.items()}
        changed = after != self.now
        self.now = after
        return changed

    def _children(self) -> dict[int, dict[Parts, dict[str, bool]]]:
        """Return, for each depth, the folders there with their sub-folders, and whether these have sub-folders."""
        found: dict[int, dict[Parts, dict[str, bool]]] = {}
        for now in set(self.now.values()):
            for depth, name in enumerate(now):
                names = found.setdefault(depth, {}).setdefault(now[:depth], {})
                names[name] = names.get(name, False) or len(now) > depth + 1
        return dict(sorted(found.items()))

    # ---- what is taken away

    def _wrapper(self) -> bool:
        """One folder around everything."""
        deep = [now for now in self.now.values() if now]
        if len({now[0] for now in deep}) != 1 or all(len(now) == 1 for now in deep):
            return False
        self._note_splits(0, {(): {deep[0][0]} if is_split_name(deep[0][0]) else set()})
        return self._move(lambda now: now[1:])

    def _note_splits(self, depth: int, parts: Mapping[Parts, set[str]]) -> None:
        for original, now in self.now.items():
            if len(now) > depth and now[depth] in parts.get(now[:depth], ()):
                self.splits[original] = (*self.splits.get(original, ()), now[depth])

    def _parts(self) -> bool:
        """Folders such as ``train`` and ``test``, the outermost first, and what lies beside them."""
        for depth, folders in self._children().items():
            found = {prefix: _parts_among(names) for prefix, names in folders.items()}
            found = {prefix: among for prefix, among in found.items() if among[0] or among[1]}
            if not found:
                continue
            self._note_splits(depth, {prefix: parts | set(renamed) for prefix, (parts, renamed) in found.items()})
            leaves = self._leaves(depth, found)
            gone: set[Parts] = set()
            loose: set[Parts] = set()
            for prefix, (parts, renamed) in found.items():
                names = folders[prefix]
                gone |= {(*prefix, name) for name in parts}
                known = {leaf for name in parts if names[name] for leaf in leaves[(*prefix, name)]}
                for name in names if known else ():
                    if name in parts or name in renamed:
                        continue
                    drawn = not _DRAWN.isdisjoint(_words(name))
                    if names[name] and known & leaves[(*prefix, name)] and not drawn:
                        gone.add((*prefix, name))  # a copy of everything in a folder of its own
                    elif names[name] or alike(name) not in known:
                        loose.add((*prefix, name))
            self._note_aside(depth, loose)
            changes = {prefix: renamed for prefix, (_, renamed) in found.items()}
            return self._move(_without, depth, gone, loose, changes)
        return False

    def _leaves(self, depth: int, among: Mapping[Parts, object]) -> dict[Parts, set[str]]:
        """Return, for each folder in these, what the innermost folders in it are called, parts and containers apart."""
        found: dict[Parts, set[str]] = defaultdict(set)
        for now in self.now.values():
            if len(now) > depth + 1 and now[:depth] in among:
                inner = next((name for name in reversed(now[depth + 1 :]) if not says_nothing(name)), None)
                if inner is not None:
                    found[now[: depth + 1]].add(alike(inner))
        return found

    def _containers(self) -> bool:
        """Folders called ``images`` or ``data``, unless others beside them say something; what is drawn is left out."""
        for depth, folders in self._children().items():
            gone: set[Parts] = set()
            drawn: set[Parts] = set()
            for prefix, names in folders.items():
                holders = {name for name in names if _is_container(name)}
                over = {name for name in names if not _DRAWN.isdisjoint(_words(name))}
                if holders and all(name in holders or name in over or _is_aside(name) for name in names):
                    gone |= {(*prefix, name) for name in holders}
                    drawn |= {(*prefix, name) for name in over}
            if gone:
                self._note_aside(depth, drawn)
                return self._move(_without, depth, gone, drawn)
        return False

    def _note_aside(self, depth: int, loose: set[Parts]) -> None:
        self.aside.update({original: now[depth] for original, now in self.now.items() if now[: depth + 1] in loose})

    def _beside(self) -> bool:
        """A few pictures in ``docs`` or ``screenshots`` beside labels."""
        for depth, folders in self._children().items():
            wanted = {prefix: names for prefix, names in folders.items() if any(map(_is_aside, names))}
            if not wanted:
                continue
            sums: Counter[Parts] = Counter()
            for original, now in self.now.items():
                if len(now) > depth and now[:depth] in wanted:
                    sums[now[: depth + 1]] += self.counts[original]
            loose: set[Parts] = set()
            for prefix, names in wanted.items():
                others = [name for name in names if not _is_aside(name)]
                most = max((sums[(*prefix, name)] for name in others), default=0)
                if len(others) > 1 or any(names[name] for name in others):
                    asides = [(*prefix, name) for name in names if _is_aside(name) and not names[name]]
                    loose |= {place for place in asides if sums[place] < min(_FEW, most / 4)}
            if loose:
                self.aside.update({original: now[-1] for original, now in self.now.items() if now in loose})
                return self._move(_without, depth, set(), loose)
        return False

    def _dates(self) -> bool:
        """A last level of dates below two others."""
        deep = [now for now in self.now.values() if now]
        if not deep or any(len(now) < 3 or not _sorts(now[-1]) for now in deep):
            return False
        return self._move(lambda now: now[:-1])


def _without(
    now: Parts,
    depth: int,
    gone: set[Parts],
    loose: set[Parts] | frozenset[Parts] = frozenset(),
    renamed: Mapping[Parts, Mapping[str, str]] | None = None,
) -> Parts:
    """Return a folder's levels without the one at `depth` if it is `gone`, or without what is below if `loose`."""
    if len(now) <= depth:
        return now
    prefix, name, rest = now[:depth], now[depth], now[depth + 1 :]
    if (*prefix, name) in loose:
        return prefix
    if (*prefix, name) in gone:
        return prefix + rest
    other = (renamed or {}).get(prefix, {}).get(name)
    return now if other is None else (*prefix, other, *rest)


def _parts_among(names: Mapping[str, bool]) -> tuple[set[str], dict[str, str]]:
    """Return which of some neighbouring folders are parts, and those that are a label's part, with the label.

    Args:
        names: whether each folder has sub-folders.
    """
    parts = {name for name in names if is_split_name(name)}
    stems: dict[tuple[str, ...], dict[str, str]] = defaultdict(dict)
    for name in names:
        found = _split(name)
        if found is not None and found[1]:
            stems[found[1]][name] = found[0]
    members = {name for group in stems.values() for name in group}
    others = set(names) - members - parts
    pairs = any(len(set(group.values())) > 1 for group in stems.values())
    renamed: dict[str, str] = {}
    if len(stems) == 1 and (pairs or parts) and (not others or any(names[name] for name in members)):
        parts |= members  # seg_train, seg_test, seg_pred
    elif pairs:  # cats_train, cats_test, dogs_train
        renamed = {name: _without_split(name) for name in members if not names[name]}
    others = set(names) - parts
    flat = not any(names[name] for name in names)
    if flat and len(others) >= 2 and len(parts) == 1 and all(is_learning_name(name) for name in parts):
        return set(), renamed  # bus, car, train: what is learnt from would have labels
    return parts, renamed


def _without_split(name: str) -> str:
    kept = [bit for bit in re.split(r"([\s_\-.]+)", name) if not (_split(bit) is not None and is_split_name(bit))]
    return "".join(kept).strip(" _-.") or name


# --------------------------------------------------------------------------------------------------------------------
# Which level


def _sorts(name: str) -> bool:
    """Tell whether a name is a date, or says what pictures of one label are sorted by."""
    words = [word for word in _words(name) if len(word) > 1]
    if words:
        return all(word in _SORTING for word in words)
    numbers = re.findall(r"\d+", name)
    year = any(re.fullmatch(r"(19|20)\d\d(\d\d){0,2}", number) for number in numbers)
    return year or len(numbers) >= 3


def _kind(names: Mapping[str, int]) -> str:
    """Return what a level's names are like: ``sorting``, ``numbered``, ``weak`` or ``words``."""
    total = sum(names.values())

    def most(test: Callable[[str], bool]) -> bool:
        return sum(count for name, count in names.items() if test(name)) >= 0.6 * total

    if most(_sorts):
        return "sorting"
    stems = Counter(tuple(word for word in _words(name) if len(word) > 1) for name in names)
    if len(names) >= 2 and stems.most_common(1)[0][1] >= max(2, 0.8 * len(names)):
        return "numbered"
    return "weak" if most(lambda name: all(len(word) < 2 or word in _WEAK for word in _words(name))) else "words"


def _decide(deep: Mapping[Parts, int]) -> tuple[str, bool, str]:
    """Return the level that carries the labels, whether that is certain, and what decided."""
    depths = {len(parts) for parts in deep}
    if not deep or depths == {1}:
        return "last", True, "one_level"
    first, last = Counter[str](), Counter[str]()
    above: dict[str, set[Parts]] = defaultdict(set)
    below: dict[Parts, set[str]] = defaultdict(set)
    for parts, count in deep.items():
        name = alike(parts[-1])
        first[parts[0]] += count
        last[parts[-1]] += count
        above[name].add(parts[:-1])
        below[parts[:-1]].add(name)
    total = sum(deep.values())
    repeated = sum(count for name, count in last.items() if len(above[alike(name)]) > 1) >= 0.5 * total
    if len(above) == 1:
        return "first", True, "one_name"
    grouping, kind = _kind(first), _kind(last)
    series = grouping in ("sorting", "numbered")
    if kind == "sorting":
        return ("last", False, "numbers") if series and repeated else ("first", not series, "sorted")
    if repeated and (kind == "words" or series):
        # "cats/indoor, dogs/indoor" are sorted by two things.  "cats, animals/cats" is a copy.
        depth: dict[str, set[int]] = defaultdict(set)
        for parts in deep:
            depth[alike(parts[-1])].add(len(parts))
        copied = any(len(found) > 1 for found in depth.values())
        return "last", series or copied or any(map(says_nothing, first)), "repeated"
    if not repeated and total / len(last) < 4 <= total / len(first) and len(last) > 2 * len(first):
        return "first", not (series and kind == "words"), "small"
    if kind == "numbered":
        same = len(below) > 1 and len({frozenset(names) for names in below.values()}) == 1
        if repeated or series:
            return ("last" if same else "first"), False, "numbers"
        return "first", True, "sorted"
    if len(depths) > 1:
        mixed = {parts for parts in deep if any(other != parts and other[: len(parts)] == parts for other in deep)}
        if mixed:
            inner = sum(count for parts, count in deep.items() if len(parts) > 1)
            return "first", 2 * inner <= total or kind == "weak", "mixed"
        return "last", False, "uneven"
    if kind == "weak":
        return ("last" if series else "first"), False, "weak"
    return "last", series, "series" if series else "kinds"


# --------------------------------------------------------------------------------------------------------------------
# File names


def from_name(path: str) -> str | None:
    """Return what a file's name says up to its trailing digits: ``rust_0012.jpg`` -> ``rust``; None if nothing."""
    stem = PurePath(path).stem
    stem = re.sub(r"[\s_\-.]*\(\d+\)$", "", stem)
    stem = re.sub(r"[\s_\-.#]*\d+$", "", stem)
    return stem.strip(" _-.#") or None


def is_date(name: str) -> bool:
    """Tell whether a folder's name says when its pictures were taken, or is one that cameras give."""
    words = [word for word in _words(name) if len(word) > 1]
    if re.search(r"(?<!\d)(19|20)\d\d(?!\d)", name) and all(
        word in _SORTING | _CONTAINERS | {"from"} for word in words
    ):
        return True  # "Photos from 2021"
    return _sorts(name) or re.fullmatch(r"[1-9]\d\d[A-Z][A-Z_]{4}|[1-9]\d\d_[A-Z]{4}", name) is not None


def only_dates(levels: Levels) -> bool:
    """Tell whether all labels are dates, or days and months below years: nothing that photographs show."""
    labels = {label for label in levels.labels.values() if label is not None}
    years = all(re.match(r"(19|20)\d\d(\D|$)", label) for label in levels.first.values() if label is not None)
    return all(is_date(label) or (years and re.fullmatch(r"0?[1-9]|[12]\d|3[01]", label)) for label in labels)


def names_say_labels(paths: Iterable[str]) -> bool:
    """Tell whether file names look as if they began with labels: a few words, each of them often."""
    found: Counter[str] = Counter()
    total = 0
    for path in paths:
        total += 1
        name = from_name(path)
        words = [word for word in _words(name or "") if len(word) > 1]
        if name and words and name != PurePath(path).stem and words[0] not in _CAMERA_NAMES and not says_nothing(name):
            found[name] += 1
    often = sum(count for count in found.values() if count > 1)
    return len(found) >= 2 and 2 * often >= total and sum(found.values()) >= 3 * len(found)
