"""Planning, which knows no Django, says the same words as the models that store them."""

from enum import Enum

import pytest

from orchestration import states
from orchestration.planning import rules, types


@pytest.mark.parametrize(
    ("planned", "stored"),
    [
        (types.Timing, states.Timing),
        (types.OnConflict, states.OnConflict),
        (types.PoolKind, states.PoolKind),
        (rules.ConflictKind, states.ConflictKind),
    ],
    ids=lambda words: words.__name__,
)
def test_a_word_of_planning_is_the_word_that_is_stored(planned: type[Enum], stored: type[Enum]):
    assert [(word.name, word.value) for word in planned] == [(word.name, word.value) for word in stored]
