"""The cycle collector rests while a plan is made, and works again after it."""

import gc
import threading

import pytest

from orchestration.planning.gc_pause import with_gc_paused
from tests.patience import PATIENCE_SECONDS


def test_the_collector_rests_during_the_work_and_works_after_it_even_if_it_fails():
    seen = []

    @with_gc_paused
    def work(fail):
        seen.append(gc.isenabled())
        if fail:
            raise ValueError("no")
        return 7

    assert work(False) == 7
    with pytest.raises(ValueError, match="no"):
        work(True)
    assert seen == [False, False]
    assert gc.isenabled()


def test_the_last_of_several_threads_lets_it_go_again():
    first_is_in, second_is_done = threading.Event(), threading.Event()
    seen = []

    @with_gc_paused
    def first():
        first_is_in.set()
        second_is_done.wait(PATIENCE_SECONDS)
        seen.append(gc.isenabled())

    thread = threading.Thread(target=first)
    thread.start()
    assert first_is_in.wait(PATIENCE_SECONDS)
    with_gc_paused(lambda: None)()
    second_is_done.set()
    thread.join()
    assert seen == [False]
    assert gc.isenabled()


def test_a_collector_that_was_off_stays_off():
    gc.disable()
    try:
        with_gc_paused(lambda: None)()
        assert not gc.isenabled()
    finally:
        gc.enable()
