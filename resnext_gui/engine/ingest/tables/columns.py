"""Which column of a table names the photographs and which holds their labels: by headings and by content."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

from resnext_gui.engine.ingest.tables.places import EXACT, NUMBER, Places, looks_like_picture

_PATH_NAMES = {
    "path", "file", "filename", "file_name", "filepath", "file_path", "image", "image_path", "img", "photo", "picture",
    "image_name", "image_id", "id", "name", "relative_path", "images", "img_path", "img_name", "image_file", "photo_id",
    "file_id", "image_url", "url", "datei", "dateiname", "bild", "fichier", "archivo", "imagen", "plik", "файл", "фото",
    "имя_файла", "путь", "文件", "文件名", "图片", "图像",
    "檔案", "檔名", "圖片", "画像", "ファイル", "ファイル名", "파일", "파일명", "이미지",
}  # fmt: skip

_LABEL_NAMES = {
    "label", "labels", "class", "class_name", "classname", "class_label", "label_name", "category", "category_name",
    "target", "tag", "species", "diagnosis", "dx", "breed", "choice", "disease", "annotation", "ground_truth", "y_true",
    "etikett", "klasse", "kategorie", "diagnose", "art", "classe", "étiquette", "espèce", "clase", "etiqueta",
    "categoría", "etykieta", "klasa", "метка", "класс", "категория", "标签", "类别", "类", "標籤", "類別",
    "ラベル", "クラス", "分類", "라벨", "클래스", "분류",
}  # fmt: skip

_LABEL_WORDS = {
    "label", "class", "category", "target", "species", "diagnosis", "disease", "breed", "type", "choice", "variety",
    "defect", "condition", "kind",
}  # fmt: skip

_SPLIT_NAMES = {"split", "set", "subset", "fold", "is_train", "is_test", "is_valid", "is_val", "usage", "partition",
                "phase", "data_set", "dataset", "train_test", "kfold"}  # fmt: skip

_SPLIT_VALUES = {
    "train",
    "training",
    "val",
    "valid",
    "validation",
    "test",
    "testing",
    "dev",
    "eval",
    "public",
    "private",
}

_NEVER_WORDS = {
    "age", "width", "height", "size", "x", "y", "w", "h", "xmin", "ymin", "xmax", "ymax", "x1", "x2", "y1", "y2",
    "bbox", "date", "time", "datetime", "timestamp", "created", "updated", "at", "confidence", "score", "probability",
    "prob", "url", "path", "file", "filename", "latitude", "longitude", "lat", "lon", "lng", "annotator", "labeler",
    "user", "email", "comment", "comments", "notes", "description", "md5", "sha1", "sha256", "hash", "index", "count",
    "area", "channels", "truncated", "occluded", "difficult", "pose", "license", "copyright", "author", "photographer",
    "agreement",
}  # fmt: skip
"""Words in headings of what a photograph is not told apart by, unless nothing else is there."""

_BOXES = {"xmin", "ymin", "x_min", "y_min", "bbox", "bbox_x", "x1", "left", "bbox_xmin", "box"}

_ON = {"1", "1.0", "1.00", "true", "yes", "y", "x"}
_OFF = {"0", "0.0", "0.00", "-1", "false", "no", "n", ""}

_NOTHING = {"", "nan", "null", "<na>", "#n/a", "n/a"}
"""How programs write that a cell is empty."""

_CHOSEN = (
    "choice", "choices", "label", "labels", "class", "rectanglelabels", "classifications", "answer", "answers", "title",
)  # fmt: skip
"""Where labelling tools put what was chosen, into cells that hold JSON."""

_NUMBER = re.compile(r"[+-]?(?:\d+(?:[.,]\d*)?|[.,]\d+)(?:e[+-]?\d+)?%?", re.IGNORECASE)
_DATE = re.compile(r"\d{1,4}[-/.:]\d{1,2}([-/.:]\d{1,4})?([T ].*)?|\d{1,2}:\d{2}.*")


def heading_key(name: str) -> str:
    """Return how headings are compared: without capitals, with ``_`` for blanks and hyphens."""
    return re.sub(r"[\s\-]+", "_", name.strip().strip("#").strip().casefold())


@dataclass(slots=True)
class Candidate:
    """A reading of a table: where the labels stand.

    Attributes:
        name: the heading; of several columns of which one is 1, theirs.
        values: for each row its label, or None.
        rank: how much speaks for it, above 0.
        number: whether its labels are numbers.
        one_hot: whether it is several columns of which one is 1.
        unclear: how many rows hold several labels, or, of several columns, none.
    """

    name: str
    values: list[str | None]
    rank: float
    number: bool = False
    one_hot: bool = False
    unclear: int = 0
    counts: Counter[str] = field(init=False)

    def __post_init__(self) -> None:
        self.counts = Counter(value for value in self.values if value)


@dataclass(slots=True)
class Columns:
    """What the columns of a table are.

    Attributes:
        path: index of the column that names photographs.
        rows: the rows below the headings, all as wide as the widest.
        headings: of the columns, each once; ``column 2`` where it has none.
        headed: whether the table has headings.
        candidates: what may be the labels, best first.
        splits: headings of the columns that say which photographs are for learning.
        marks: headings of columns of 0 and 1 of which often several are 1; none of them is a label by itself.
        boxes: whether the table gives places of objects within photographs.
        overlong: rows with more cells than there are headings.
    """

    path: int
    rows: list[list[str]]
    headings: list[str]
    headed: bool
    candidates: list[Candidate] = field(default_factory=list)
    splits: list[str] = field(default_factory=list)
    marks: list[str] = field(default_factory=list)
    boxes: bool = False
    overlong: list[list[str]] = field(default_factory=list)

    def named(self, name: str) -> Candidate | None:
        """Return the reading that a person names, also one that no content speaks for; None if there is none."""
        key = heading_key(name)
        for candidate in self.candidates:
            if heading_key(candidate.name) == key:
                return candidate
        for at, heading in enumerate(self.headings):
            if heading_key(heading) == key and at != self.path:
                return _candidate(self, at, 1)
        return None

    @property
    def certain(self) -> bool:
        """Whether one reading stands out.  Two that divide the photographs alike are one."""
        if not self.candidates:
            return True
        best = self.candidates[0]
        rivals = [one for one in self.candidates[1:] if one.rank == best.rank]
        return not any(_divides_differently(best, one) for one in rivals)


def _divides_differently(one: Candidate, other: Candidate) -> bool:
    pairs = {(a, b) for a, b in zip(one.values, other.values, strict=True) if a and b}
    return not len(pairs) == len(one.counts) == len(other.counts)


def columns_of(cells: Sequence[list[str]], places: Places) -> Columns:
    """Return what the columns of a table are.

    Args:
        cells: its rows, the headings among them.
        places: finds the photographs that cells name.
    """
    cells = _with_row_names(_without_title(_without_comments(cells, places)))
    usual = Counter(len(_trimmed(row)) for row in cells).most_common(1)[0][0]
    head = cells[0]
    width = max(len(_trimmed(head)), usual)
    sample = cells[1:] if len(cells) > 1 else cells
    sample = sample[:: max(1, len(sample) // 60)][:60]
    path = max(range(width), key=lambda at: _path_score(sample, at, head, places))
    headed = _is_headed(cells, path, places)
    body = list(cells[1:] if headed else cells)
    overlong = [row for row in body if len(_trimmed(row)) > width]
    rows = [(row + [""] * width)[:width] for row in body if len(_trimmed(row)) <= width]
    names = _headings(head if headed else [], width)
    found = Columns(path, rows, names, headed, overlong=overlong)
    keys = [heading_key(re.sub(r" \(\d+\)$", "", name)) for name in names]
    found.boxes = headed and bool(set(keys) & _BOXES)
    if rows:
        _sort(found, keys)
    return found


def _sort(found: Columns, keys: list[str]) -> None:
    values = {at: Counter(row[at] for row in found.rows) for at in range(len(keys)) if at != found.path}
    binary = []
    for at, counts in values.items():
        if _is_split(keys[at], counts):
            found.splits.append(found.headings[at])
        elif found.headed and _is_binary(counts) and keys[at] not in _LABEL_NAMES and not _never(keys[at]):
            binary.append(at)
    one_hot = _one_hot(found, binary)
    if one_hot is not None:
        found.candidates.append(one_hot)
    elif len(binary) > 1:
        found.marks = [found.headings[at] for at in binary]
    for at, counts in values.items():
        if found.headings[at] in found.splits or (len(binary) > 1 and at in binary):
            continue
        rank, number = _rank(keys[at], counts)
        if rank:
            read = _candidate(found, at, rank, number)
            if read.counts:
                found.candidates.append(read)
    if any(one.rank >= 1 for one in found.candidates):
        found.candidates = [one for one in found.candidates if one.rank >= 0.7]
    elif found.marks:
        found.candidates.clear()
    found.candidates.sort(key=lambda one: (-one.rank, one.number))
    if found.candidates and found.candidates[0].number:  # words for the same numbers say more
        best = found.candidates[0]
        words = [one for one in found.candidates[1:] if not one.number and not _divides_differently(best, one)]
        for one in words[:1]:
            found.candidates.remove(one)
            found.candidates.insert(0, replace(one, rank=best.rank))


def _candidate(found: Columns, at: int, rank: float, number: bool = False) -> Candidate:
    cells = [row[at] for row in found.rows]
    labels = {cell: _value(cell) for cell in set(cells)}
    several = _lists({label for label in labels.values() if label})
    labels.update({cell: None for cell, label in labels.items() if label in several})
    unclear = sum(labels[cell] is None and (cell[:1] in ("[", "{") or cell in several) for cell in cells)
    return Candidate(found.headings[at], [labels[cell] for cell in cells], rank, number, unclear=unclear)


def _lists(labels: set[str]) -> set[str]:
    """Return the labels that are several in one cell, "Edema|Mass" where other cells say "Edema" alone."""
    found = set()
    for label in labels:
        for mark, enough in ((r"[|;]", any), (r"\s*[,+&/]\s*|\s+", all)):
            parts = [part.strip() for part in re.split(mark, label)]
            if len(parts) > 1 and enough(part in labels for part in parts):
                found.add(label)
    return found


def _trimmed(row: list[str]) -> list[str]:
    end = len(row)
    while end and not row[end - 1]:
        end -= 1
    return row[:end]


def _without_comments(cells: Sequence[list[str]], places: Places) -> list[list[str]]:
    """Leave out lines that begin with ``#``, but for headings written so and photographs that are named so."""
    usual = Counter(len(row) for row in cells).most_common(1)[0][0]
    kept: list[list[str]] = []
    for row in cells:
        if row[0].startswith("#") and not places.is_name(row[0]):
            bare = [row[0].lstrip("# "), *row[1:]]
            if not kept and len(row) == usual and {heading_key(cell) for cell in bare} & (_PATH_NAMES | _LABEL_NAMES):
                kept.append(bare)
            continue
        kept.append(row)
    return kept or list(cells)


def _without_title(cells: list[list[str]]) -> list[list[str]]:
    """Leave out what people write above a table: lines of one cell above lines of several."""
    begin = next((at for at, row in enumerate(cells) if sum(map(bool, row)) > 1), 0)
    return cells[begin:] if begin < 5 and 2 * begin < len(cells) else cells


def _with_row_names(cells: list[list[str]]) -> list[list[str]]:
    """R numbers the rows without a heading for the numbers."""
    head, body = cells[0], cells[1:]
    if body and all(len(row) == len(head) + 1 for row in body) and any(row[-1] for row in body):
        return [["", *head], *body]
    return cells


def _path_score(sample: Sequence[list[str]], at: int, head: list[str], places: Places) -> tuple[float, ...]:
    found = [places.find(row[at]) for row in sample if at < len(row)]
    sure = {match.path for match in found if match.path and match.how != NUMBER}
    loose = {match.path for match in found if match.path}
    torn = sum(bool(match.others) for match in found)
    looks = sum(looks_like_picture(row[at]) for row in sample if at < len(row))
    exact = sum(match.path is not None and match.how == EXACT for match in found)
    named = at < len(head) and heading_key(head[at]) in _PATH_NAMES
    # Rows that are numbered from 0 must not be taken for the pictures 0.jpg, 1.jpg, ...
    if at < len(head) and heading_key(head[at]) in ("", "unnamed:_0", "index") and any(head):
        return (0, 0, 0, 0, looks, False, -at)
    weight = 2 if looks * 2 > len(sample) else 1
    return (len(sure) * weight, exact, torn, len(loose) if named or not at else 0, looks, named, -at)


def _is_headed(cells: list[list[str]], path: int, places: Places) -> bool:
    head = cells[0]
    first = head[path] if path < len(head) else ""
    if places.find(first).path is not None or places.find(first).others:
        return False
    keys = {heading_key(cell) for cell in head}
    if keys & (_PATH_NAMES | _LABEL_NAMES | _SPLIT_NAMES):
        return True
    if len(cells) == 1 or looks_like_picture(first):
        return False
    # A photograph that is not there, in a table without headings, is written as the others are.
    shapes = {_shape(row[path]) for row in cells[1:200] if path < len(row)}
    below = Counter(cell for row in cells[1:200] for at, cell in enumerate(row) if at != path and cell)
    if _shape(first) in shapes or any(below[cell] > 1 for at, cell in enumerate(head) if at != path):
        return False
    if all(_NUMBER.fullmatch(cell) for cell in head if cell):
        return False
    names = [row[path] for row in cells[1:200] if path < len(row)]
    known = sum(places.is_name(name) or looks_like_picture(name) for name in names)
    return known * 2 >= len(names) > 0


def _shape(cell: str) -> str:
    return re.sub(r"\d+", "0", cell)


def _headings(head: list[str], width: int) -> list[str]:
    names: list[str] = []
    for at in range(width):
        name = " ".join(head[at].split()) if at < len(head) else ""
        name = name or f"column {at + 1}"
        again = 2
        unique = name
        while unique in names:
            unique = f"{name} ({again})"
            again += 1
        names.append(unique)
    return names


def _is_split(key: str, counts: Counter[str]) -> bool:
    values = {value.lower() for value in counts if value}
    if not values:
        return False
    if values <= _SPLIT_VALUES and (len(values) > 1 or key in _SPLIT_NAMES or key not in _LABEL_NAMES):
        return True
    return key in _SPLIT_NAMES and (
        values <= _ON | _OFF | {"t", "f"} or (len(values) <= 20 and all(value.isdecimal() for value in values))
    )


def _is_binary(counts: Counter[str]) -> bool:
    return any(counts) and {value.lower() for value in counts} <= _ON | _OFF


def _never(key: str) -> bool:
    words = key.split("_")
    return key not in _LABEL_NAMES and (bool(set(words) & _NEVER_WORDS) or words[-1] in ("id", "ids"))


def _rank(key: str, counts: Counter[str]) -> tuple[float, bool]:
    """Return how much speaks for a column, and whether it holds numbers.

    3 a heading that says label and values that repeat, 2 a heading with such a word, 1 few values that repeat, 0.7
    numbers that do or a heading of something else, 0.5 what is left, 0 what cannot be a label.
    """
    filled = {value: count for value, count in counts.items() if value}
    total, distinct = sum(filled.values()), len(filled)
    if not total:
        return 0, False
    strong = key in _LABEL_NAMES
    likely = bool(set(key.split("_")) & _LABEL_WORDS)
    some = list(filled)[:500]
    number = all(_NUMBER.fullmatch(value) for value in some)
    if sum(looks_like_picture(value) for value in some) * 2 > len(some) or any(len(value) > 1000 for value in some):
        return 0, number
    if all(_DATE.fullmatch(value) and not _NUMBER.fullmatch(value) for value in some):
        return 0, False
    if number and not all(re.fullmatch(r"[+-]?\d+([.,]0+)?", value) for value in some):
        return 0, True
    repeats = distinct * 2 <= total
    small = total < 10
    if strong:  # but "class: Aves" of all photographs does not go before the species
        return (1.0 if distinct == 1 else 3.0 if repeats or small else 0.6), number
    if number and (distinct > 50 or not repeats):
        return 0, True
    if _never(key):
        return (0.3 if repeats and not number and not key.endswith(("id", "ids")) else 0), number
    if not small and distinct * 10 > total * 9:
        return 0, number
    if not repeats or distinct == 1:
        return 0.5, number
    if number:
        return 0.7, True
    return (2.0 if likely else 1.0), False


def _one_hot(found: Columns, binary: list[int]) -> Candidate | None:
    """Return the reading of columns of 0 and 1 of which one is 1 in most rows: the heading of that one."""
    if len(binary) < 2:
        return None
    values: list[str | None] = []
    right = 0
    for row in found.rows:
        on = [at for at in binary if row[at].lower() in _ON]
        right += len(on) == 1
        values.append(found.headings[on[0]] if len(on) == 1 else None)
    if right <= len(found.rows) * (0.8 if len(binary) == 2 else 0.5):
        return None
    return Candidate(
        ", ".join(found.headings[at] for at in binary), values, 2.5, one_hot=True, unclear=len(values) - right
    )


def _value(cell: str) -> str | None:
    """Return the label that a cell holds; a list of one choice, as labelling tools write it, is that choice."""
    if cell[:1] not in "[{":
        return None if cell.lower() in _NOTHING else cell
    try:
        data = json.loads(cell)
    except ValueError:
        try:
            data = json.loads(cell.replace("'", '"'))
        except ValueError:
            return cell
    chosen = list(dict.fromkeys(_choices(data)))
    return chosen[0].strip() or None if len(chosen) == 1 else None


def _choices(data: object) -> Iterable[str]:
    if isinstance(data, str):
        yield data
    elif isinstance(data, list):
        for one in data:
            yield from _choices(one)
    elif isinstance(data, dict):
        known = [key for key in _CHOSEN if key in data]
        if known or len(data) == 1:
            yield from _choices(data[known[0]] if known else next(iter(data.values())))
