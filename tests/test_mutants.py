"""The list of guards that `tests/drills/mutants.py` takes away one at a time holds still."""

import pytest

from tests.drills.mutants import MUTANTS, ROOT, Mutant, occurrences


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_each_guard_stands_where_the_list_says_and_its_tests_are_there(mutant: Mutant) -> None:
    assert occurrences(mutant) == 1
    assert mutant.replacement != mutant.source
    for test in mutant.tests:
        file, _, name = test.partition("::")
        text = (ROOT / file).read_text(encoding="utf-8")
        assert f"def {name}(" in text or not name
