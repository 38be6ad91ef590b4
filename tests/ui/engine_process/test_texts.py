"""What the engine says, in the person's language."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from PySide6.QtCore import QCoreApplication, QLocale, QTranslator

from resnext_gui.messages import Answer, DeviceChosen, Failed, Finished, Progress, Refused, Scan
from resnext_gui.ui.engine_process.phrases import PHRASES
from resnext_gui.ui.engine_process.texts import CONTEXT, say, translated

GERMAN = {
    "'{0}' is empty.": "„{0}“ ist leer.",
    "Remove it from the folder.": "Bitte aus dem Ordner nehmen.",
    "Read {0} of {1}": "Von {1} sind {0} gelesen",
    "A graphics processor was found; {0}.": "Eine Grafikkarte wurde gefunden; {0}.",
    "{0} was asked for": "{0} war gewünscht",
    "The table '{0}' {1}.": "Die Tabelle „{0}“ {1}.",
    "cannot be read ({0})": "ist nicht lesbar ({0})",
    "There is not enough memory for this.": "Dafür reicht der Speicher nicht.",
    "There are no photographs in {0}.": "In {0} sind keine Fotos.",
    "Save it as JPEG or PNG.": "Als JPEG oder PNG speichern.",
}


class German(QTranslator):
    """A translation of the few sentences above."""

    def translate(self, context, text, disambiguation=None, n=-1):
        return GERMAN.get(text, "") if context == CONTEXT else ""


@pytest.fixture
def german(qapp: QCoreApplication) -> Iterator[None]:
    translator = German()
    qapp.installTranslator(translator)
    locale = QLocale()
    QLocale.setDefault(QLocale(QLocale.Language.German, QLocale.Country.Germany))
    yield
    QLocale.setDefault(locale)
    qapp.removeTranslator(translator)


def test_every_phrase_of_these_tests_is_one_of_the_engine():
    assert set(GERMAN) <= set(PHRASES)


def test_a_sentence_without_gaps(german):
    assert say("There is not enough memory for this.") == "Dafür reicht der Speicher nicht."


def test_names_keep_their_place_and_their_spelling(german):
    assert say("'C:\\photos\\{0} a.jpg' is empty.") == "„C:\\photos\\{0} a.jpg“ ist leer."


def test_gaps_may_change_places_and_numbers_follow_the_language(german):
    assert say("Read 1,200 of 20,000") == "Von 20.000 sind 1.200 gelesen"


def test_a_phrase_within_a_phrase(german):
    assert say("A graphics processor was found; float32 was asked for.") == (
        "Eine Grafikkarte wurde gefunden; float32 war gewünscht."
    )
    assert say("The table 'x.csv' cannot be read (line 3).") == "Die Tabelle „x.csv“ ist nicht lesbar (line 3)."


def test_several_sentences_in_one_text(german):
    text = say("There is not enough memory for this. Save it as JPEG or PNG.")
    assert text == "Dafür reicht der Speicher nicht. Als JPEG oder PNG speichern."


def test_what_nobody_knows_stays_as_it_is(german):
    assert say("Something else altogether happened.") == "Something else altogether happened."
    assert say("") == ""


@pytest.mark.parametrize("phrase", PHRASES)
def test_without_a_translation_nothing_changes(qapp, phrase):
    made = phrase.format(*(f"name {number}" for number in range(12)))
    assert say(made) == made


def test_events_are_translated_but_for_names_and_data(german):
    failed = Failed("1", "memory_full", "There is not enough memory for this.", "Save it as JPEG or PNG.", "details")
    assert translated(failed) == Failed(
        "1", "memory_full", "Dafür reicht der Speicher nicht.", "Als JPEG oder PNG speichern.", "details"
    )
    assert translated(Progress("1", "reading", 2, 3, "Read 2 of 3")).text == "Von 3 sind 2 gelesen"
    assert translated(Refused("1", "a.jpg", "empty", "'a.jpg' is empty.")).message == "„a.jpg“ ist leer."
    chosen = DeviceChosen("1", "gpu", "card", "float32", "A graphics processor was found; float32 was asked for.", "")
    assert translated(chosen).reason.startswith("Eine Grafikkarte")
    answer = Answer("1", "x", "Save it as JPEG or PNG.", 1.0, (), "quick", 1.0)
    assert translated(answer) is answer
    scan = Scan("1", "x", ())
    assert translated(scan) is scan


def test_results_are_translated_where_they_speak(german):
    result = {
        "reason": "There is not enough memory for this.",
        "name": "Save it as JPEG or PNG.",
        "report": {"warnings": ["'a' is empty.", "unknown"], "tensors": 3},
        "findings": [{"message": "'b' is empty.", "paths": ["'b' is empty."]}],
    }
    said = translated(Finished("1", result)).result
    assert said["reason"] == "Dafür reicht der Speicher nicht." and said["name"] == result["name"]
    assert said["report"] == {"warnings": ["„a“ ist leer.", "unknown"], "tensors": 3}
    assert said["findings"] == [{"message": "„b“ ist leer.", "paths": ["'b' is empty."]}]


def test_the_window_hears_its_engine_in_the_persons_language(german, qtbot, make_client, tmp_path):
    client = make_client(Scan="error")
    with qtbot.waitSignal(client.submit(Scan("", str(tmp_path), ())).failed, timeout=20_000) as failure:
        pass
    assert failure.args[0].message == "In 'here' sind keine Fotos."
