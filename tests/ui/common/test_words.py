import time

from resnext_gui.ui.common import words


def test_what_to_expect_in_words() -> None:
    assert words.in_hundred(46, 50) == "81 to 98 in 100"
    assert words.in_hundred(0, 6) == "0 to 46 in 100"
    assert words.in_hundred(0, 0) == "0 to 100 in 100"


def test_close_answers_are_unsure_and_named() -> None:
    top = [("rust", 0.48), ("scratch", 0.41), ("good", 0.11)]
    assert words.is_unsure(top)
    assert words.headline(top) == "Unsure: rust or scratch"
    assert words.how_sure(top) == "Not sure, 48 in 100"


def test_sure_answers_say_how_sure() -> None:
    assert words.how_sure([("rust", 0.78), ("good", 0.22)]) == "Fairly sure, 78 in 100"
    assert words.how_sure([("rust", 0.9998), ("good", 0.0002)]) == "Very sure, 99 in 100"
    assert {words.how_sure([("rust", p), ("good", 1 - p)]) for p in (0.946, 0.954)} == {"Very sure, 95 in 100"}
    assert not words.is_unsure([("rust", 0.78), ("good", 0.22)])


def test_durations() -> None:
    seconds = (0.2, 8, 59, 720, 3900, 7200, 90_000, 400_000)
    expected = ["1 s", "8 s", "59 s", "12 min", "1 h 05 min", "2 h", "25 h", "5 days"]
    assert [words.duration(s) for s in seconds] == expected
    assert words.duration(None) == words.duration(float("nan")) == ""


def test_overnight_ends_in_the_morning_and_is_long_enough() -> None:
    midnight = time.mktime((2026, 6, 15, 0, 0, 0, 0, 0, -1))
    for hour in range(24):
        now = midnight + hour * 3600
        minutes = words.overnight_minutes(now)
        assert 4 * 60 <= minutes <= 26 * 60
        assert time.localtime(now + minutes * 60).tm_hour == max(7, hour + 4 if hour < 5 else 0)
        assert (time.localtime(now + minutes * 60).tm_mday == 15) == (hour < 5)


def test_clock_names_another_day() -> None:
    noon = time.mktime((*time.localtime()[:3], 12, 0, 0, 0, 0, -1))
    assert words.clock(noon) == "12:00"
    assert words.clock(noon + 86400) == "12:00 tomorrow"
    assert words.when(noon - 86400) == "Yesterday 12:00"
