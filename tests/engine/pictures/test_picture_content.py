"""JPEGs without an end, and files that are exchanged: what is decoded is what was hashed."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from resnext_gui.engine.ingest.check import check_photographs
from resnext_gui.engine.pictures import decode, files
from resnext_gui.engine.pictures.decode import Preprocessing, load_uint8, open_rgb
from resnext_gui.engine.pictures.files import ImageError
from resnext_gui.messages import Source
from tests.engine.odd_files import encoded, scene
from tests.jobs import in_job

NOISE = Image.fromarray(np.random.default_rng(0).integers(0, 255, (800, 96, 3), np.uint8))
"""Every row takes about as many bytes."""

FORMS = {
    "plain": {},
    "fine": {"quality": 95, "subsampling": 0},
    "progressive": {"progressive": True},
    "restarts": {"restart_marker_rows": 1},
    "grey": {},
}


def jpeg(form: str) -> bytes:
    return encoded(NOISE.convert("L") if form == "grey" else NOISE, "JPEG", **FORMS[form])


class TestEnds:
    @pytest.mark.parametrize("form", FORMS)
    @pytest.mark.parametrize("at_least", [None, 90])
    def test_only_the_end_marker_is_missing(self, tmp_path: Path, form: str, at_least: int | None):
        path = tmp_path / "a.jpg"
        whole = jpeg(form)
        path.write_bytes(whole)
        assert decode.decode(path).remark == ""
        wanted = open_rgb(path, at_least)
        for cut in (1, 2):
            path.write_bytes(whole[:-cut])
            decoded = decode.decode(path, at_least)
            # the decoder may come to the end of the picture without having to look for the end of the file
            assert decoded.remark in ("", f"'{path}' ends too early; all of the picture is there.")
            assert (decoded.pixels == wanted).all()

    @pytest.mark.parametrize("form", ["plain", "fine", "restarts", "grey"])
    def test_the_last_rows_are_missing(self, tmp_path: Path, form: str):
        path = tmp_path / "a.jpg"
        whole = jpeg(form)
        path.write_bytes(whole)
        wanted = open_rgb(path)
        path.write_bytes(whole[: int(len(whole) * 0.98)])
        decoded = decode.decode(path)
        assert "% of the picture, at its bottom, is missing" in decoded.remark
        same = (decoded.pixels == wanted).all(axis=(1, 2))
        assert same[: int(0.94 * len(same))].all()

    @pytest.mark.parametrize("form", FORMS)
    @pytest.mark.parametrize("share", [0.3, 0.6, 0.9])
    def test_when_more_is_missing_it_is_refused(self, tmp_path: Path, form: str, share: float):
        path = tmp_path / "a.jpg"
        whole = jpeg(form)
        path.write_bytes(whole[: int(len(whole) * share)])
        with pytest.raises(ImageError) as caught:
            decode.decode(path)
        assert caught.value.code == "broken"

    def test_a_blurred_first_pass_is_no_picture(self, tmp_path: Path):
        path = tmp_path / "a.jpg"
        whole = jpeg("progressive")
        scans = [n for n in range(len(whole) - 1) if whole[n : n + 2] == b"\xff\xda"]
        assert len(scans) > 4
        for scan in scans[1:]:  # every row is there, but not in full
            path.write_bytes(whole[:scan])
            with pytest.raises(ImageError):
                decode.decode(path)

    def test_the_check_remarks_on_it(self, tmp_path: Path):
        for label in ("a", "b"):
            (tmp_path / label).mkdir()
            for n in range(5):
                picture = Image.fromarray(np.asarray(NOISE) ^ np.uint8(n + (16 if label == "a" else 0)))
                (tmp_path / label / f"{n}.jpg").write_bytes(encoded(picture, "JPEG"))
        short = tmp_path / "a" / "3.jpg"
        short.write_bytes(short.read_bytes()[:-200])
        findings = check_photographs([Source(str(tmp_path))], in_job())
        assert [found["finding"] for found in findings[:-1]] == ["incomplete"]
        assert findings[0]["paths"] == [str(short)]
        assert "ends too early" in findings[0]["message"]
        assert findings[-1]["summary"]["photographs"] == 10


class TestContent:
    def digest(self, path: Path) -> str:
        return hashlib.blake2b(path.read_bytes(), digest_size=16).hexdigest()

    @pytest.mark.parametrize("at_once", [1 << 20, 100])
    def test_another_content_is_not_taken_for_the_one_that_was_hashed(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at_once: int
    ):
        monkeypatch.setattr(files, "AT_ONCE", at_once)
        path = tmp_path / "a.png"
        path.write_bytes(encoded(scene(), "PNG"))
        before = self.digest(path)
        assert decode.decode(path).digest == before
        assert decode.decode(path, digest=before).pixels.shape == (48, 64, 3)
        path.write_bytes(encoded(scene(99, 77), "PNG"))
        for read in (
            lambda: decode.decode(path, digest=before),
            lambda: load_uint8(path, Preprocessing(size=32), before),
            lambda: open_rgb(path, digest=before),
        ):
            with pytest.raises(ImageError) as caught:
                read()
            assert caught.value.code == "changed"
            assert f"'{path}' has changed" in caught.value.message
        assert decode.decode(path).digest == self.digest(path)

    def test_a_large_file_that_is_written_to_while_it_is_decoded(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
        monkeypatch.setattr(files, "AT_ONCE", 10)
        path = tmp_path / "a.png"
        path.write_bytes(encoded(scene(), "PNG"))
        before = self.digest(path)
        original = decode.to_rgb

        def written_to(*arguments: Any) -> Image.Image:
            os.utime(path, (1, 1))
            return original(*arguments)

        monkeypatch.setattr(decode, "to_rgb", written_to)
        with pytest.raises(ImageError) as caught:
            decode.decode(path, digest=before)
        assert caught.value.code == "changed"

    def test_a_sparse_giant_is_refused_at_once(self, tmp_path: Path):
        path = tmp_path / "giant.jpg"
        with path.open("wb") as file:
            file.write(encoded(scene(), "JPEG"))
            file.truncate(5 << 30)
        with pytest.raises(ImageError) as caught:
            decode.decode(path)
        assert caught.value.code == "too_large"
        assert "gigabytes" in caught.value.message
