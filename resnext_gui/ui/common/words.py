"""Numbers and times in plain words: counts before percentages, clock times before durations.  No widgets here."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence

from PySide6.QtCore import QCoreApplication, QDateTime, QLocale

from resnext_gui.figures import hundredth, span

UNSURE_BELOW = 0.5
"""An answer less probable than this is called unsure."""

CLOSE_CALL = 0.15
"""Two answers whose probabilities differ by less than this are called close."""


def _tr(text: str) -> str:
    return QCoreApplication.translate("words", text)


# --------------------------------------------------------------------------------------------------------------------
# Scores


def in_hundred(right: int, total: int) -> str:
    """Return such as "81 to 98 in 100": what to expect where `right` of `total` photographs were answered right."""
    low, high = span(right, total)
    return _tr("{low} to {high} in 100").format(low=low, high=high)


def number(value: int) -> str:
    """Return the integer with the language's thousands separator, "4,000"."""
    locale = QLocale()
    if locale.language() == QLocale.Language.C:  # which separates nothing
        locale = QLocale(QLocale.Language.English)
    return locale.toString(int(value))


def of(right: int, total: int) -> str:
    """Return such as "46 of 50"."""
    return _tr("{right} of {total}").format(right=number(right), total=number(total))


def photographs(count: int) -> str:
    """Return "1 photograph" or "4,000 photographs"."""
    return _tr("1 photograph") if count == 1 else _tr("{count} photographs").format(count=number(count))


# --------------------------------------------------------------------------------------------------------------------
# How sure


def close_call(top: Sequence[tuple[str, float]]) -> bool:
    """Whether the two most probable of `top` (label, probability) are too near each other to choose."""
    return len(top) > 1 and top[0][1] - top[1][1] < CLOSE_CALL


def is_unsure(top: Sequence[tuple[str, float]]) -> bool:
    """Whether an answer should be looked at by a person."""
    return bool(top) and (top[0][1] < UNSURE_BELOW or close_call(top))


def headline(top: Sequence[tuple[str, float]]) -> str:
    """Return the answer in large letters: the label, or "Unsure: rust or scratch"."""
    if not top:
        return ""
    if close_call(top):
        return _tr("Unsure: {first} or {second}").format(first=top[0][0], second=top[1][0])
    return str(top[0][0])


def how_sure(top: Sequence[tuple[str, float]]) -> str:
    """Return such as "Fairly sure, 78 in 100"."""
    if not top:
        return ""
    probability = top[0][1]
    shown = hundredth(probability) / 100  # the same number must not have two words
    if is_unsure(top):
        word = _tr("Not sure")
    elif shown >= 0.95:
        word = _tr("Very sure")
    elif shown >= 0.85:
        word = _tr("Sure")
    elif shown >= 0.65:
        word = _tr("Fairly sure")
    else:
        word = _tr("Not very sure")
    return _tr("{word}, {figure} in 100").format(word=word, figure=hundredth(probability))


# --------------------------------------------------------------------------------------------------------------------
# Time


def duration(seconds: float | None) -> str:
    """Return such as "8 s", "12 min", "1 h 05 min" or "3 days"; an empty string for None."""
    if seconds is None or not math.isfinite(seconds) or seconds < 0:
        return ""
    if seconds < 60:
        return _tr("{n} s").format(n=max(1, round(seconds)))
    minutes = round(seconds / 60)
    if minutes < 60:
        return _tr("{n} min").format(n=minutes)
    if minutes < 48 * 60:
        hours, rest = divmod(minutes, 60)
        return _tr("{h} h {m:02d} min").format(h=hours, m=rest) if rest else _tr("{h} h").format(h=hours)
    return _tr("{n} days").format(n=round(minutes / 1440))


def clock(at: float) -> str:
    """Return the time of day of Unix time `at`, "14:32", with the day when it is not today's."""
    moment = QDateTime.fromSecsSinceEpoch(int(at))
    text = moment.toString("HH:mm")
    days = QDateTime.currentDateTime().date().daysTo(moment.date())
    if days == 0:
        return text
    if days == 1:
        return _tr("{time} tomorrow").format(time=text)
    return f"{QLocale().toString(moment.date(), 'ddd')} {text}"


def part_done(progress: float) -> str:
    """Return how much of something unfinished is done, 0..1: "62 % done"; never "100 %"."""
    return _tr("{n} % done").format(n=min(99, int(progress * 100)))


def when(at: float | None, inside: bool = False) -> str:
    """Return when something past happened: "Today 14:32", "Yesterday 23:14", "Tuesday 23:14" or "3 Mar 2026".

    Args:
        at: Unix time.
        inside: whether it stands inside a sentence: "today 14:32".
    """
    if not at:
        return ""
    moment = QDateTime.fromSecsSinceEpoch(int(at))
    text = moment.toString("HH:mm")
    days = moment.date().daysTo(QDateTime.currentDateTime().date())
    if days <= 0:
        return (_tr("today {time}") if inside else _tr("Today {time}")).format(time=text)
    if days == 1:
        return (_tr("yesterday {time}") if inside else _tr("Yesterday {time}")).format(time=text)
    if days < 7:
        return f"{QLocale().toString(moment.date(), 'dddd')} {text}"
    return QLocale().toString(moment.date(), "d MMM yyyy")


def overnight_minutes(now: float | None = None, end_hour: int = 7, least_hours: float = 4.0) -> float:
    """Minutes from `now` (Unix time) to the next morning at `end_hour`; at least `least_hours`, also late at night."""
    now = time.time() if now is None else now
    moment = QDateTime.fromSecsSinceEpoch(int(now))
    end = QDateTime(moment.date(), moment.time())
    morning = end.time()
    morning.setHMS(end_hour, 0, 0)
    end.setTime(morning)
    if moment.time().hour() >= end_hour - 2:  # the night is over
        end = end.addDays(1)
    return max((end.toSecsSinceEpoch() - now) / 60, least_hours * 60)
