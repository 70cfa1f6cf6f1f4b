"""What a comparison of what we set with what is there says, over everything that may be set and seen."""

from datetime import UTC, datetime, timedelta
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestration.planning.outside import (
    Change,
    LastSet,
    Seen,
    Verdict,
    Visibility,
    compare,
    is_failed,
)

NOON = datetime(2026, 11, 26, 12, tzinfo=UTC)
TIMES = [None, NOON, NOON + timedelta(hours=1), NOON - timedelta(hours=1)]
SETTABLE = [Visibility("public"), Visibility("unlisted"), *(Visibility("private", at) for at in TIMES)]
PLAYABLE = ["", "uploaded", "processed"]
visibilities = st.sampled_from(SETTABLE)
nows = st.sampled_from([NOON + timedelta(minutes=minutes) for minutes in (-90, -1, 0, 1, 90)])
seen = st.builds(
    lambda visibility, upload, title: Seen(
        visibility.privacy_status, visibility.publish_at, upload_status=upload, title=title
    ),
    visibilities,
    st.sampled_from(PLAYABLE),
    st.sampled_from(["", "ours"]),
)


def of(visibility: Visibility, **values) -> Seen:
    return Seen(visibility.privacy_status, visibility.publish_at, **values)


@pytest.mark.parametrize(
    ("last", "now"), list(product(SETTABLE, [NOON - timedelta(minutes=1), NOON + timedelta(minutes=1)]))
)
def test_what_is_as_we_set_it_is_ours_and_forgotten_only_after_its_moment(last, now):
    verdict = compare(LastSet((last,)), of(last), now).verdict
    is_over = last.publish_at is not None and last.publish_at <= now
    assert verdict == (Verdict.FORGOTTEN if is_over else Verdict.AS_SET)


@given(last=visibilities, shown=seen, now=nows)
def test_what_differs_from_what_we_set_is_changed_unless_youtube_did_what_it_was_told(last, shown, now):
    found = compare(LastSet((last,)), shown, now)
    is_ours = (shown.privacy_status, shown.publish_at) == (last.privacy_status, last.publish_at)
    is_told = shown.privacy_status == "public" and last.publish_at is not None and now >= last.publish_at
    assert found.stops == (not is_ours and not is_told)
    assert (found.change is not None) == (found.verdict == Verdict.CHANGED)
    assert bool(found.sentence) == (found.verdict != Verdict.AS_SET)


@given(last=visibilities, tried=visibilities, shown=seen, now=nows)
def test_what_we_tried_to_set_without_hearing_the_end_is_never_somebody_elses(last, tried, shown, now):
    found = compare(LastSet((last, tried)), of(tried), now)
    assert found.verdict in {Verdict.AS_SET, Verdict.FORGOTTEN}
    alone = [compare(LastSet((each,)), shown, now).stops for each in (last, tried)]
    assert compare(LastSet((last, tried)), shown, now).stops == all(alone)


@given(last=visibilities, shown=seen, now=nows, wanted_at=st.sampled_from(TIMES[1:]))
def test_what_is_wanted_now_contradicts_nobody_and_nothing_else_is_let_through_by_it(
    last, shown, now, wanted_at
):
    found = compare(LastSet((last,)), shown, now, wanted_at)
    is_set_to_it = shown.privacy_status == "private" and shown.publish_at == wanted_at
    is_public_in_time = shown.privacy_status == "public" and now >= wanted_at
    if is_set_to_it or is_public_in_time:
        assert not found.stops
    else:
        assert found == compare(LastSet((last,)), shown, now)


@given(last=visibilities, shown=seen, now=nows, wanted_at=st.sampled_from(TIMES))
def test_what_is_not_public_before_its_moment_is_never_made_so_over_a_change(last, shown, now, wanted_at):
    """Going on is allowed only where what is there is ours, wanted, or what YouTube made of ours."""
    if compare(LastSet((last,)), shown, now, wanted_at).stops:
        return
    explained = {(last.privacy_status, last.publish_at), ("private", wanted_at)}
    assert shown.privacy_status == "public" or (shown.privacy_status, shown.publish_at) in explained


@pytest.mark.parametrize("visibility", SETTABLE)
@pytest.mark.parametrize(
    ("values", "is_replaced", "said"),
    [
        ({"upload_status": "failed", "failure_reason": "codec"}, True, "codec"),
        ({"upload_status": "rejected", "rejection_reason": "duplicate"}, False, "duplicate"),
        ({"upload_status": "processed", "rejection_reason": "copyright"}, False, "copyright"),
        ({"upload_status": "uploaded", "processing_status": "terminated"}, True, "terminated"),
        ({"upload_status": "uploaded", "processing_status": "failed"}, True, "failed"),
    ],
)
def test_any_field_that_says_failed_is_a_failure_whoever_may_see_it(visibility, values, is_replaced, said):
    shown = of(visibility, **values)
    found = compare(LastSet((visibility,)), shown, NOON)
    assert (found.verdict, found.may_be_replaced) == (Verdict.FAILED, is_replaced)
    assert said in found.sentence
    assert is_failed(shown)


@pytest.mark.parametrize("shown", [Seen(is_gone=True), Seen("private", upload_status="deleted")])
def test_what_is_gone_was_deleted(shown):
    assert compare(LastSet((Visibility("private"),)), shown, NOON, NOON).change == Change.DELETED


def test_an_edited_title_is_told_and_stops_nothing():
    last = LastSet((Visibility("private"),), title="ours")
    found = compare(last, Seen("private", title="theirs"), NOON)
    assert (found.change, found.stops) == (Change.TITLE, False)
    assert "theirs" in found.sentence


@pytest.mark.parametrize(
    ("last", "shown", "change"),
    [
        (Visibility("private", NOON), Visibility("private"), Change.UNSCHEDULED),
        (Visibility("private", NOON), Visibility("private", NOON + timedelta(hours=1)), Change.RESCHEDULED),
        (Visibility("private"), Visibility("private", NOON), Change.SCHEDULED),
        (Visibility("private"), Visibility("unlisted"), Change.UNLISTED),
        (Visibility("private", NOON), Visibility("public"), Change.PUBLISHED),
        (Visibility("public"), Visibility("private"), Change.MADE_PRIVATE),
    ],
)
def test_a_change_is_named(last, shown, change):
    assert compare(LastSet((last,)), of(shown), NOON - timedelta(minutes=5)).change == change
