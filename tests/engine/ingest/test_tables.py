"""Tables as people have them: which column is what, which photograph is meant, in whatever encoding and dialect."""

from __future__ import annotations

import csv
import io
import json
import ntpath
import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from resnext_gui.engine.ingest.tables.encoding import decoded
from resnext_gui.engine.ingest.tables.table import Table, read_table
from resnext_gui.messages import UserError

NAMES = [f"Train_{n}.jpg" for n in range(12)]


def turns(*labels: str) -> list[str]:
    return [labels[n % len(labels)] for n in range(12)]


def lines(*columns: list[object], head: str = "", mark: str = ",") -> str:
    rows = [mark.join(str(cell) for cell in row) for row in zip(*columns, strict=True)]
    return "\n".join([*([head] if head else []), *rows]) + "\n"


class Folder:
    """A table among files; which of them are pictures does not matter here."""

    def __init__(self, home: Path) -> None:
        self.home = home

    def put(self, *names: str) -> None:
        for name in names:
            path = self.home / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(b"x")

    def read(
        self, text: str | bytes, encoding: str = "utf-8", column: str | None = None, where: str = "t.csv"
    ) -> Table:
        path = self.home / where
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(text if isinstance(text, bytes) else text.encode(encoding))
        return read_table(str(path), column)

    def labels(self, text: str | bytes, encoding: str = "utf-8", column: str | None = None) -> dict[str, str | None]:
        table = self.read(text, encoding, column)
        assert not table.missing
        return {Path(path).relative_to(self.home).as_posix(): label for path, label in table.rows}

    def refusal(self, text: str | bytes, column: str | None = None, where: str = "t.csv") -> UserError:
        with pytest.raises(UserError) as caught:
            self.read(text, column=column, where=where)
        assert where in caught.value.message
        assert caught.value.hint
        return caught.value


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    made = Folder(tmp_path)
    made.put(*NAMES)
    return made


STEMS = [name[:-4] for name in NAMES]
AB = dict(zip(NAMES, turns("a", "b"), strict=True))


class TestColumns:
    def test_one_column_a_label(self, folder: Folder):
        bits = [[int(n % 3 == k) for n in range(12)] for k in range(3)]
        wanted = dict(zip(NAMES, turns("healthy", "rust", "scab"), strict=True))
        head = "image_id,healthy,rust,scab"
        assert folder.labels(lines(STEMS, *bits, head=head)) == wanted
        spelled = [["TRUE" if bit else "FALSE" for bit in column] for column in bits]
        assert folder.labels(lines(STEMS, *spelled, head=head)) == wanted
        assert folder.labels(lines(NAMES, *[[f"{bit}.0" for bit in b] for b in bits], head=head)) == wanted
        table = folder.read(lines(STEMS, *bits, head=head))
        assert table.column == "healthy, rust, scab"
        assert table.columns == {"healthy, rust, scab": {"healthy": 4, "rust": 4, "scab": 4}}

    def test_a_row_of_no_label_or_of_several_has_none(self, folder: Folder):
        bits = [[int(n % 3 == k) for n in range(12)] for k in range(3)]
        bits[0][1], bits[2][2] = 1, 0
        table = folder.read(lines(STEMS, *bits, head="image_id,healthy,rust,scab"))
        assert [label for _, label in table.rows][:4] == ["healthy", None, None, "healthy"]
        assert any("2 lines" in remark for remark in table.remarks)

    @pytest.mark.parametrize("signs", [("0", "1"), ("False", "True"), ("no", "yes"), ("-1", "1"), ("", "x")])
    def test_marks_of_several_labels_at_once_are_no_labels(self, folder: Folder, signs: tuple[str, str]):
        marks = [[signs[n >> k & 1] for n in range(12)] for k in range(3)]
        error = folder.refusal(lines(NAMES, *marks, head="image,smiling,young,male"))
        assert "several labels" in error.message and "smiling, young, male" in error.hint
        beside = lines(NAMES, *marks, turns("a", "b", "c"), head="image,blurred,young,male,what")
        table = folder.read(beside)
        assert (table.column, table.certain, list(table.columns)) == ("what", True, ["what"])
        assert set(folder.labels(beside, column="young").values()) <= {*signs, None}

    @pytest.mark.parametrize("cell", ["rust|scab", "rust; mould", "rust, scab", "scab rust", "rust & scab"])
    def test_several_labels_in_one_cell_are_none(self, folder: Folder, cell: str):
        table = folder.read(lines(NAMES, turns("rust", "scab", "no rust"), [""] * 12, head="image,label,x"))
        assert set(table.columns["label"]) == {"rust", "scab", "no rust"}
        table = folder.read(lines(NAMES, turns("rust", "scab", f'"{cell}"'), head="image,label"))
        assert table.columns["label"] == {"rust": 4, "scab": 4} and "4 lines" in table.remarks[0]

    def test_a_class_that_all_have_does_not_go_before_the_species(self, folder: Folder):
        text = lines(NAMES, ["Aves"] * 12, turns("robin", "wren"), head="image,class,species")
        assert (folder.read(text).column, folder.read(text).certain) == ("species", True)

    def test_words_go_before_numbers_for_the_same(self, folder: Folder):
        text = lines(NAMES, turns("747", "A320", "B52"), turns("0", "1", "2"), head="filename,Classes,Labels")
        assert (folder.read(text).column, folder.read(text).certain) == ("Classes", True)

    def test_a_title_above_the_headings(self, folder: Folder):
        text = "Summer 2023;;\n;;\n" + lines(NAMES, turns("a", "b"), head="image;label", mark=";")
        assert folder.labels(text) == AB

    def test_an_answer_in_json(self, folder: Folder):
        made = [{"classifications": [{"title": "Which?", "answer": {"title": label}}]} for label in turns("a", "b")]
        cells = ['"' + json.dumps(one).replace('"', '""') + '"' for one in made]
        assert folder.labels(lines(NAMES, cells, head="External ID,Label")) == AB

    def test_probabilities_are_no_labels(self, folder: Folder):
        error = folder.refusal(lines(NAMES, [n / 20 for n in range(12)], [1 - n / 20 for n in range(12)], head="f,a,b"))
        assert "a, b" in error.hint

    def test_metadata(self, folder: Folder):
        text = lines(
            [f"HAM_{n // 2}" for n in range(12)], STEMS, turns("nv", "mel", "bkl"), turns("histo", "follow_up"),
            [f"{40 + n}.0" for n in range(12)], [("male", "female")[n // 2 % 2] for n in range(12)],
            head="lesion_id,image_id,dx,dx_type,age,sex",
        )  # fmt: skip
        table = folder.read(text)
        assert (table.column, table.certain) == ("dx", True)
        assert list(table.columns) == ["dx", "dx_type", "sex"]
        assert dict(table.rows)[str(folder.home / "Train_1.jpg")] == "mel"
        assert folder.labels(text, column="Sex")["Train_2.jpg"] == "female"
        assert "dx_type" in folder.refusal(text, column="label").hint

    def test_two_columns_that_make_sense_are_a_question(self, folder: Folder):
        halves = ["arm"] * 6 + ["leg"] * 6
        table = folder.read(lines(NAMES, turns("male", "female"), halves, head="image,sex,place"))
        assert not table.certain
        assert set(table.columns) == {"sex", "place"}
        # The same twice, as number and as word, is none.
        table = folder.read(lines(NAMES, turns("0", "1"), turns("rust", "scab"), head="image,label,category"))
        assert (table.certain, table.column) == (True, "category")

    def test_what_photographs_are_for_is_no_label(self, folder: Folder):
        wanted = dict(zip(NAMES, turns("pug", "lab"), strict=True))
        halves = ["train"] * 8 + ["test"] * 4
        text = lines(NAMES, halves, [64] * 12, turns("pug", "lab"), head="file_name,split,width,breed")
        assert folder.labels(text) == wanted
        assert any("'split'" in remark for remark in folder.read(text).remarks)
        assert folder.labels(lines(NAMES, halves, turns("pug", "lab"))) == wanted
        assert (
            folder.labels(lines(NAMES, [int(n < 8) for n in range(12)], wanted.values(), head="f,is_train,k")) == wanted
        )

    def test_numbers_of_rows_are_no_photographs(self, folder: Folder):
        folder.put(*(f"{n}.jpg" for n in range(12)))
        numbers = list(range(12))
        assert folder.labels(lines(numbers, NAMES, turns("a", "b"), head=",filename,label")) == AB
        assert folder.labels(lines(numbers, NAMES, turns("a", "b"), head="filename,label")) == AB  # as R writes it
        table = folder.read(lines(numbers, ["none.jpg", *NAMES[1:]], turns("a", "b"), head=",filename,label"))
        assert len(table.missing) == 1

    def test_unique_words_are_no_labels(self, folder: Folder):
        assert (
            "caption" in folder.refusal(lines(NAMES, [f"word {n} of many" for n in range(12)], head="f,caption")).hint
        )

    def test_headings_are_told_from_photographs(self, folder: Folder):
        assert folder.labels(lines(NAMES, turns("a", "b"), head="имена,вид")) == AB
        table = folder.read(lines(["Train_99", *STEMS], ["a", *turns("b", "a")]))
        assert table.missing == [str(folder.home / "Train_99")]
        assert table.column is None
        assert folder.read(
            lines(NAMES, turns("a", "b"), turns("c", "d", "e"), head="f,label,label")
        ).columns.keys() == {
            "label",
            "label (2)",
        }


class TestExports:
    def test_choices(self, folder: Folder):
        numbers = list(range(12))
        days = [f"2024-01-{n + 1:02}T10:00:00Z" for n in numbers]
        for image in (
            "{}",
            "/data/upload/1/1f3a9c2e-{}",
            "/data/local-files/?d=photos/{}",
            "https://h.example/a/{}?x=1",
        ):
            names = [image.format(name) for name in NAMES]
            for choice in ("{}", '"{{""type"": ""{}""}}"', '"[{{""choice"": ""{}""}}]"', '"{{""choices"": [""{}""]}}"'):
                cells = [choice.format(label) for label in turns("a", "b")]
                text = lines(
                    numbers, [1] * 12, cells, days, names, head="annotation_id,annotator,choice,created_at,image"
                )
                assert folder.labels(text) == AB

    def test_annotators_agree_or_are_named(self, folder: Folder):
        text = lines(
            [NAMES[n // 2] for n in range(12)], turns("ann", "bob"),
            ["a", "b", *(("a", "b")[n // 2 % 2] for n in range(2, 12))], head="image,annotator,choice",
        )  # fmt: skip
        table = folder.read(text)
        assert table.conflicts == [(str(folder.home / NAMES[0]), ("a", "b"))]
        assert [label for _, label in table.rows] == [None, "b", "a", "b", "a", "b"]
        assert any("Train_0.jpg (a / b)" in remark for remark in table.remarks)

    def test_boxes(self, folder: Folder):
        names = [NAMES[n // 4] for n in range(12)]
        kinds = ["cat", "dog", "dog", "dog", *["cat"] * 4, *["dog"] * 4]
        table = folder.read(lines(names, kinds, *[list(range(12))] * 2, head="filename,class,xmin,ymin"))
        assert [label for _, label in table.rows] == [None, "cat", "dog"]
        assert any("draws boxes" in remark for remark in table.remarks)

    def test_the_same_row_twice_is_no_conflict(self, folder: Folder):
        table = folder.read(lines(NAMES, turns("a", "b"), head="path,label") + lines(NAMES, turns("a", "b")))
        assert table.conflicts == []
        assert len(table.rows) == 12


class TestPlaces:
    @pytest.mark.parametrize("suffix", [".tif", ".JPG", ".heic", ".webp"])
    def test_ids(self, tmp_path: Path, suffix: str):
        folder = Folder(tmp_path)
        stems = [f"2019.03.12_Plot{n}" for n in range(12)]
        folder.put(*(stem + suffix for stem in stems))
        text = lines([stem.lower() for stem in stems], turns("a", "b"), head="id,label")
        assert folder.labels(text) == dict(zip((stem + suffix for stem in stems), turns("a", "b"), strict=True))

    def test_composed_and_decomposed_names(self, tmp_path: Path):
        folder = Folder(tmp_path)
        folder.put("Ka\u0308fer 1.jpg", "K\u00e4fer 2.jpg")
        table = folder.read("path,label\nK\u00e4fer 1.jpg,x\nKa\u0308fer 2.jpg,y\n")
        assert [label for _, label in table.rows] == ["x", "y"]
        assert not table.missing

    @pytest.mark.parametrize(
        "before",
        ["C:\\Users\\x\\rust\\", "/home/x/rust/", "\\\\server\\share\\", "./", "photos/", "https://h.example/"],
    )
    def test_paths_of_another_computer(self, tmp_path: Path, before: str):
        folder = Folder(tmp_path)
        folder.put(*(f"deep/rust/{name}" for name in NAMES))
        wanted = {f"deep/rust/{name}": label for name, label in AB.items()}
        assert folder.labels(lines([before + name for name in NAMES], turns("a", "b"), head="path,label")) == wanted

    def test_other_computers_are_not_asked(self, folder: Folder, monkeypatch: pytest.MonkeyPatch):
        asked: list[str] = []
        whole = os.path.lexists
        monkeypatch.setattr(os.path, "lexists", lambda path: asked.append(path) or whole(path))
        for cell in ("\\\\server\\share\\a.jpg", "//server/share/a.jpg", "https://h.example/a.jpg"):
            with pytest.raises(UserError):
                folder.read(f"path,label\n{cell},x\n" * 2, column="no")
        assert not [path for path in asked if "server" in path or "example" in path]

    def test_numbers_without_their_zeros(self, tmp_path: Path):
        folder = Folder(tmp_path)
        folder.put("007.jpg", "008.jpg", "09.jpg", "009.jpg")
        table = folder.read("id,label\n7,a\n8,b\n9,b\n")
        assert [(Path(path).name, label) for path, label in table.rows] == [("007.jpg", "a"), ("008.jpg", "b")]
        assert any("'9' may be" in remark for remark in table.remarks)

    def test_two_photographs_of_one_name_are_never_guessed(self, tmp_path: Path):
        folder = Folder(tmp_path)
        folder.put("x/1.jpg", "y/1.jpg", "x/2.jpg", "3.jpg", "x/3.jpg")
        table = folder.read("path,label\n1.jpg,a\n2.jpg,b\ny/1.jpg,c\n3,d\n")
        found = {Path(path).relative_to(tmp_path).as_posix(): label for path, label in table.rows}
        assert found == {"x/2.jpg": "b", "y/1.jpg": "c", "3.jpg": "d"}
        assert any("'1.jpg' may be" in remark for remark in table.remarks)
        assert "more than once" in folder.refusal("path,label\n1.jpg,a\n").message

    def test_the_one_that_is_there_does_not_stand_for_the_other(self, tmp_path: Path):
        folder = Folder(tmp_path)
        folder.put("pictures/1.jpg", "test/2.jpg")
        table = folder.read("path,label\ntrain/1.jpg,a\nval/1.jpg,b\ntrain/2.jpg,c\ntest/2.jpg,d\n")
        assert [label for _, label in table.rows] == ["d"]
        assert [Path(path).parent.name for path in table.missing] == ["train", "val", "train"]

    def test_files_elsewhere(self, tmp_path: Path):
        folder = Folder(tmp_path)
        folder.put(*(f"images/{name}" for name in NAMES))
        path = tmp_path / "labels" / "t.csv"
        path.parent.mkdir()
        path.write_text(lines(STEMS, turns("a", "b"), head="id,label"))
        files = [str(tmp_path / "images" / name) for name in NAMES]
        assert read_table(str(path), files=files).rows == list(zip(files, turns("a", "b"), strict=True))
        assert len(read_table(str(path)).missing) == 12


class TestDialects:
    @pytest.mark.parametrize(
        "text",
        [
            "sep=;\npath;label\n{}",
            "\ufeffpath;label\n{}",
            "# made by hand\n#\n\npath;label\n{}\n\n;;\n",
            "#path;label\n{}",
            " Path ; LABEL \n{}",
            "path;weight;label\n{wide}",
            "{wide}",
        ],
    )
    def test_semicolons(self, folder: Folder, text: str):
        plain = lines(NAMES, turns("a", "b"), mark=";")
        wide = lines(NAMES, [f"1,{n}" for n in range(12)], turns("a", "b"), mark=";")
        for ends in ("\n", "\r\n", "\r"):
            assert folder.labels(text.replace("{}", plain).replace("{wide}", wide).replace("\n", ends)) == AB

    def test_quotation_marks(self, folder: Folder):
        text = 'path,label\n"Train_0.jpg","a, ""b""\n c"\n\'Train_1.jpg\',\'b\'\nTrain_2.jpg,5" pipe\n'
        assert list(folder.labels(text).values()) == ['a, "b"\n c', "b", '5" pipe']
        error = folder.refusal('path,label\nTrain_0.jpg,"a\nTrain_1.jpg,b\nTrain_2.jpg,b\n')
        assert "line 2" in error.message

    def test_lines_that_are_too_long_are_named(self, folder: Folder):
        table = folder.read(lines(NAMES, turns("a", "b"), head="path,label") + "Train_0.jpg,rust, old\n")
        assert any("Train_0.jpg, rust, old" in remark for remark in table.remarks)

    def test_what_is_refused(self, folder: Folder):
        assert "workbook" in folder.refusal(b"PK\x03\x04 and so on").message
        assert "CSV" in folder.refusal(b"PK\x03\x04", where="photos.xlsx").hint
        assert "131,000" in folder.refusal('path,label\nTrain_0.jpg,"' + "a" * 200_000 + '"\n').message
        assert "text" in folder.refusal(b"path,label\nTrain_0.jpg,\x00\x01\n").message

    def test_words_for_nothing(self, folder: Folder):
        labels = folder.labels(lines(NAMES, turns("a", "nan", "b", "NULL"), head="path,label"))
        assert set(labels.values()) == {"a", "b", None}


WORDS = {
    "cp1251": ["кошка", "собака", "Здоровый", "Ржавчина"],
    "koi8_r": ["кошка", "собака", "здоровый лист", "ржавчина"],
    "cp866": ["Собака", "Кошка"],
    "iso8859_5": ["собака", "здоровый лист", "ржавчина"],
    "mac_cyrillic": ["собака", "здоровый лист", "ржавчина"],
    "gbk": ["猫", "狗", "锈病", "健康"],
    "big5": ["貓", "狗", "健康"],
    "cp932": ["ネコ", "犬", "さび病"],
    "euc_jp": ["さび病", "健全"],
    "cp949": ["고양이", "강아지", "정상"],
    "cp1252": ["Grün", "forêt", "crème brûlée"],
    "mac_roman": ["Grün", "Äpfel"],
    "cp850": ["Grün", "Blätter"],
    "cp1250": ["kočka", "liška"],
    "iso8859_2": ["zdrowy", "rdza źdźbłowa"],
    "cp1253": ["γάτα", "σκύλος"],
    "cp1254": ["sağlıklı", "kırmızı"],
    "cp1256": ["قطة", "كلب"],
    "cp874": ["แมว", "สุนัข"],
}


class TestEncodings:
    @pytest.mark.parametrize("codec", WORDS)
    def test_labels_of_many_languages(self, folder: Folder, codec: str):
        text = lines(NAMES, turns(*WORDS[codec]), head="path,label")
        assert set(folder.labels(text, codec).values()) == set(WORDS[codec])
        assert folder.read(text, codec).remarks

    @pytest.mark.parametrize("codec", WORDS)
    def test_another_encoding_is_never_taken_for_this_one(self, codec: str):
        for word in WORDS[codec]:
            data = f"path,label\n1.jpg,{word}\n".encode(codec)
            found = decoded(data, lambda _cell: False) if not word.isascii() else None
            assert found is None or word in found[0]

    @pytest.mark.parametrize("codec", ["utf-16", "utf-16-le", "utf-16-be", "utf-8-sig", "utf-32"])
    def test_unicode(self, folder: Folder, codec: str):
        text = lines(NAMES, turns("кошка", "猫"), head="путь,метка")
        assert set(folder.labels(text, codec).values()) == {"кошка", "猫"}

    def test_names_of_files_decide(self, tmp_path: Path):
        folder = Folder(tmp_path)
        names = [f"뚱{n}.jpg" for n in range(12)]
        text = lines(names, turns("뷁", "쀍"), head="path,label")
        path = tmp_path / "t.csv"
        path.write_bytes(text.encode("cp949"))
        assert "UTF-8" in folder.refusal(path.read_bytes()).hint
        folder.put(*names)
        assert folder.labels(text, "cp949") == dict(zip(names, turns("뷁", "쀍"), strict=True))

    @pytest.mark.parametrize(("word", "codec"), [("плохой", "koi8_r"), ("öl", "mac_roman"), ("šroub", "cp852")])
    def test_a_few_letters_of_a_rare_encoding_are_not_taken_for_another_language(self, word: str, codec: str):
        assert decoded(f"path,label\n1.jpg,{word}\n2.jpg,a\n".encode(codec), lambda _cell: False) is None

    def test_what_is_no_word_in_any_language_is_refused(self, folder: Folder):
        assert "UTF-8" in folder.refusal(b"path,label\nTrain_0.jpg,Gr\xc3\xbcn\nTrain_1.jpg,Gr\xfcn\n").hint

    def test_what_an_earlier_program_broke_is_mended(self, folder: Folder):
        broken = "Grün".encode().decode("cp1252")
        assert folder.labels(f"path,label\nTrain_0.jpg,{broken}\n") == {"Train_0.jpg": "Grün"}


CODECS = ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", *WORDS]


@st.composite
def tables(draw: st.DrawFn) -> tuple[dict[str, str], bytes]:
    """A mapping of files to labels, and a table of it in some dialect, encoding and order of columns."""
    codec = draw(st.sampled_from(CODECS))
    words = WORDS.get(codec) or ["rust", "Grün", "猫", "a, b; c", 'say "x"', "кошка"]
    count = draw(st.integers(6, 16))
    names = draw(
        st.lists(
            st.from_regex(r"[A-Z]{2,5}[_ -][0-9]{1,3}(\.[a-z]{2}[0-9])?", fullmatch=True),
            min_size=count, max_size=count, unique_by=str.lower,
        )
    )  # fmt: skip
    folder = draw(st.sampled_from(["", "p/", "p/q/"]))
    files = {f"{folder}{name}.jpg": words[n % len(words)] for n, name in enumerate(names)}
    write = draw(
        st.sampled_from(
            [
                lambda name: name,
                lambda name: "./" + name,
                lambda name: name[:-4],
                lambda name: name.upper(),
                lambda name: ntpath.join("C:\\Users\\x", name.replace("/", "\\")),
                lambda name: "https://h.example/" + name.replace(" ", "%20"),
            ]
        )
    )
    columns = {
        draw(st.sampled_from(["path", "Image", "file name", "image_id"])): [write(name) for name in files],
        draw(st.sampled_from(["label", "Class", "breed"])): list(files.values()),
    }
    extra: dict[str, list[str]] = {
        "width": ["64"] * count,
        "split": [("train", "test")[n % 2] for n in range(count)],
        "taken": [f"2024-01-{n + 1:02}" for n in range(count)],
        "weight": [f"{n},5" for n in range(count)],
    }
    for name in draw(st.lists(st.sampled_from(sorted(extra)), unique=True)):
        columns[name] = extra[name]
    order = draw(st.permutations(sorted(columns)))
    out = io.StringIO()
    ends = draw(st.sampled_from(["\n", "\r\n", "\r"]))
    quoting = draw(st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]))
    mark = draw(st.sampled_from(",;\t|"))
    if draw(st.booleans()):
        out.write(f"sep={mark}{ends}")
    writer = csv.writer(out, delimiter=mark, lineterminator=ends, quoting=quoting)
    if draw(st.booleans()):
        writer.writerow(order)
    writer.writerows(zip(*(columns[name] for name in order), strict=True))
    return files, out.getvalue().encode(codec)


@settings(
    max_examples=40,
    deadline=None,
    phases=(Phase.generate,),
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(tables())
def test_what_was_written_is_read_or_refused(tmp_path: Path, case: tuple[dict[str, str], bytes]):
    files, data = case
    path = tmp_path / "t.csv"
    path.write_bytes(data)
    wanted = {str(tmp_path / name): label for name, label in files.items()}
    try:
        table = read_table(str(path), files=list(wanted))
    except UserError as error:
        assert error.code == "bad_table"
        assert "UTF-8" in error.hint
        return
    assert dict(table.rows) == wanted
    assert table.missing == []
    assert table.conflicts == []


@settings(
    max_examples=40,
    deadline=None,
    phases=(Phase.generate,),
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    st.one_of(st.binary(max_size=400), st.text(alphabet=",;\t\"'\n\r#ab.jpg01=[{\\/:%~é", max_size=300).map(str.encode))
)
def test_whatever_it_is_it_is_read_or_refused(tmp_path: Path, data: bytes):
    path = tmp_path / "t.csv"
    path.write_bytes(data)
    try:
        table = read_table(str(path), files=[str(tmp_path / "a.jpg"), str(tmp_path / "b" / "01.png")])
    except UserError as error:
        assert "t.csv" in error.message
    else:
        assert table.rows or table.missing
