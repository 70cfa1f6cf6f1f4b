"""The picture of the parts is of the parts that there are."""

from tests.drills import wings


def test_the_picture_shows_the_parts_and_floors_of_the_contracts():
    assert wings.FILE.read_text(encoding="utf-8") == wings.drawing(), "run tests/drills/wings.py"


def test_a_sentence_is_cut_where_there_is_no_room():
    assert wings.fitting("How all is: health, checks, and more", 160, "small") == "How all is: health"
    assert wings.fitting("Short", 160, "small") == "Short"
