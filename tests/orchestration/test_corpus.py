"""Of each kind of odd media file one or two: ready and in sync, or refused with its reason. The drill tries them all."""

import pytest

from orchestration.media.profiles import AS_IS, SDR_1080
from tests.corpus.media import Mill, odd_files
from tests.corpus.trial import try_file

SMALL = [odd for odd in odd_files() if odd.small]


@pytest.fixture(scope="module")
def mill(tmp_path_factory):
    return Mill(tmp_path_factory.mktemp("corpus"))


@pytest.mark.slow
@pytest.mark.parametrize("odd", SMALL, ids=lambda odd: odd.name)
def test_an_odd_file_becomes_ready_or_is_refused_with_its_reason(mill, odd):
    profile = (SDR_1080, AS_IS)[SMALL.index(odd) % 2]
    outcome = try_file(mill, odd, profile)
    assert outcome.expected, outcome


def test_the_corpus_is_as_large_as_promised():
    names = [odd.name for odd in odd_files() if odd.kind != "made of"]
    assert len(names) == len(set(names)) >= 100
    assert {odd.kind for odd in SMALL} >= {odd.kind for odd in odd_files()} - {"made of"}
