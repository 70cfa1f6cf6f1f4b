"""A distribution weighs every pair by rules, places what fits, and can say why and why not."""

from dataclasses import replace
from datetime import UTC, datetime, time, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestration.planning.answers import DistributionCaps
from orchestration.planning.distribution import distribute, explain
from orchestration.planning.distribution_state import DistributionContext
from orchestration.planning.types import (
    ChannelView,
    Existing,
    Filters,
    Occupied,
    PoolView,
    SlotRule,
    VideoView,
)

NOW = datetime(2026, 11, 23, 18, 30, tzinfo=UTC)
NINE = tuple(SlotRule(day, time(9), day) for day in range(7))


EVERYTHING = Filters()


def channel(number: int, filters: Filters = EVERYTHING, **traits) -> ChannelView:
    traits = {"slots": NINE, "min_gap_minutes": 60, "filters": filters, **traits}
    return ChannelView(number, f"channel-{number}", f"Channel {number}", **traits)


def video(number: int, **traits) -> VideoView:
    traits = {"rights_basis": "owned", "content_hash": f"h{number}", "title": f"Video {number}", **traits}
    return VideoView(number, **traits)


def context(**traits) -> DistributionContext:
    return DistributionContext(NOW, **traits)


def failed(explanation) -> list[str]:
    return [rule.rule for rule in explanation.failed]


# --------------------------------------------------------------------------------------------------------------- rules


@pytest.mark.parametrize(
    ("filters", "fits", "fails", "rule"),
    [
        (Filters(min_height=720), {"height": 720}, {"height": 719}, "min_height"),
        (Filters(min_width=1280), {"width": 1280}, {"width": 640}, "min_width"),
        (
            Filters(min_duration_seconds=60),
            {"duration_seconds": 60.0},
            {"duration_seconds": 59.9},
            "min_duration",
        ),
        (
            Filters(max_duration_seconds=60),
            {"duration_seconds": 60.0},
            {"duration_seconds": 60.1},
            "max_duration",
        ),
        (Filters(min_views=100), {"views": 100}, {"views": 99}, "min_views"),
        (Filters(exclude_watermarked=True), {"watermarked": False}, {"watermarked": True}, "watermark"),
        (Filters(languages=("en", "pt-BR")), {"language": "en-GB"}, {"language": "pt"}, "language"),
        (
            Filters(keywords_in=("space walk",)),
            {"keywords": ("Space-Walk",)},
            {"title": "a walk"},
            "keywords_in",
        ),
        (Filters(keywords_out=("cat",)), {"title": "concatenate"}, {"title": "My CAT!"}, "keywords_out"),
        (Filters(source_ids=(3, 4)), {"source_id": 4}, {"source_id": 5}, "source"),
    ],
)
def test_a_filter_says_yes_and_no(filters, fits, fails, rule):
    accepted = explain(video(1, **fits), channel(1, filters), context())
    refused = explain(video(1, **fails), channel(1, filters), context())
    assert accepted.ok, accepted.sentence
    assert failed(refused) == [rule]


@pytest.mark.parametrize(
    ("filters", "rule"),
    [
        (Filters(min_height=720), "min_height"),
        (Filters(max_duration_seconds=60), "max_duration"),
        (Filters(min_views=0), "min_views"),
        (Filters(exclude_watermarked=True), "watermark"),
        (Filters(languages=("en",)), "language"),
        (Filters(keywords_out=("cat",)), "keywords_out"),
        (Filters(source_ids=(3,)), "source"),
    ],
)
def test_an_unknown_value_fails_a_given_limit_and_says_so(filters, rule):
    nothing_known = VideoView(1, rights_basis="owned")
    refused = explain(nothing_known, channel(1, filters), context())
    assert failed(refused) == [rule]
    assert "unknown" in refused.failed[0].sentence
    assert explain(nothing_known, channel(1), context()).ok, "without a limit nothing has to be known"


@pytest.mark.parametrize(
    ("traits", "rule"),
    [
        ({"state": "paused"}, "channel_active"),
        ({"health": "failing"}, "channel_health"),
        ({"credential_state": "revoked"}, "credential"),
    ],
)
def test_a_channel_that_takes_nothing_says_so(traits, rule):
    assert failed(explain(video(1), channel(1, **traits), context())) == [rule]


def test_a_video_that_is_not_ready_or_has_no_rights_goes_nowhere():
    assert failed(explain(video(1, state="processing"), channel(1), context())) == ["video_ready"]
    assert failed(explain(video(1, rights_basis=""), channel(1), context())) == ["rights_basis"]


def test_duplicates_are_named_with_what_they_repeat():
    there = context(existing=(Existing(1, 1, "h1", None, "published"),))
    refused = explain(video(1), channel(1), there)
    assert failed(refused) == ["already_distributed"]
    assert "video 1 is published" in refused.sentence
    assert failed(explain(video(2, content_hash="h1"), channel(1), there)) == ["same_content"]


def test_an_explanation_lists_every_rule_with_value_and_threshold():
    explanation = explain(video(1, height=1080), channel(1, Filters(min_height=720)), context())
    by_rule = {rule.rule: rule for rule in explanation.rules}
    assert (by_rule["min_height"].value, by_rule["min_height"].threshold) == (1080, 720)
    assert by_rule["min_height"].sentence == "yes: height is 1080 pixels, wanted at least 720"
    assert by_rule["min_views"].sentence == "yes: min views is not limited here; it is unknown"
    assert {"channel_active", "rights_basis", "source", "free_slot", "channels_per_video"} <= set(by_rule)
    assert set(explanation.scores) == {"fit", "freshness", "rank", "backlog"}


# ------------------------------------------------------------------------------------------------------------- placing


def test_videos_go_into_free_slots_within_the_horizon():
    plan = distribute([video(n) for n in range(1, 20)], [channel(1)], context(horizon_days=3))
    assert [p.at.hour for p in plan.placements] == [9, 9, 9]
    assert [p.at.day for p in plan.placements] == [24, 25, 26]
    assert {p.method for p in plan.placements} == {"slot"}


def test_the_emptiest_backlog_chooses_first():
    busy = tuple(Occupied(1, NOW + timedelta(days=n, hours=5), n) for n in range(1, 4))
    plan = distribute(
        [video(1), video(2)],
        [channel(1), channel(2)],
        context(occupied=busy, caps=DistributionCaps(channels_per_video=1)),
    )
    assert {p.channel_id for p in plan.placements} == {2}


def test_the_better_fit_and_the_fresher_come_first():
    wanted = Filters(keywords_in=("cat", "dog"))
    videos = [
        video(1, title="a cat", ready_at=NOW - timedelta(days=30)),
        video(2, title="a cat and a dog", ready_at=NOW - timedelta(days=30)),
        video(3, title="a cat", ready_at=NOW),
    ]
    plan = distribute(videos, [channel(1, wanted)], context())
    assert [p.video_id for p in plan.placements] == [2, 3, 1]


def test_caps_hold_for_each_video_and_each_channel_and_day():
    slots = tuple(SlotRule(day, time(hour), day * 24 + hour) for day in range(7) for hour in range(6, 20))
    caps = DistributionCaps(channels_per_video=2, per_channel_and_day=3)
    channels = [channel(n, slots=slots, daily_cap=5) for n in range(1, 5)]
    plan = distribute([video(n) for n in range(1, 30)], channels, context(caps=caps, horizon_days=4))
    per_video, per_day = {}, {}
    for placement in plan.placements:
        per_video[placement.video_id] = per_video.get(placement.video_id, 0) + 1
        key = (placement.channel_id, placement.at.date())
        per_day[key] = per_day.get(key, 0) + 1
    assert max(per_video.values()) == 2
    assert max(per_day.values()) == 3


def test_the_same_content_keeps_its_cooldown_over_channels():
    caps = DistributionCaps(content_cooldown_hours=48)
    plan = distribute([video(1)], [channel(n) for n in range(1, 4)], context(caps=caps, horizon_days=7))
    days = sorted(p.at.day for p in plan.placements)
    assert days == [24, 26, 28]


def test_a_budget_limits_what_is_placed_and_the_days_are_named():
    pools = (PoolView("youtube_uploads", "budget", 2),)
    channels = [channel(n) for n in range(1, 6)]
    plan = distribute([video(n) for n in range(1, 9)], channels, context(pools=pools, horizon_days=3))
    assert all(day.planned + day.taken <= day.capacity for day in plan.days)
    assert sum(day.planned for day in plan.days) == len(plan.placements) > 0
    assert all(p.stage_at <= p.at for p in plan.placements)
    reasons = failed(plan.explain(8, 1))
    assert "staging" in reasons or "free_slot" in reasons


def test_what_goes_nowhere_is_named_with_the_rule_that_said_no_most():
    channels = [channel(n, Filters(min_height=720)) for n in (1, 2)] + [channel(3, Filters(min_views=10))]
    plan = distribute([video(1, height=100)], channels, context())
    (unplaced,) = plan.unplaced
    assert (unplaced.video_id, unplaced.rule, unplaced.channels) == (1, "min_height", 2)
    assert unplaced.sentence == "min_height says no on 2 of 3 channels"
    assert plan.reasons(1, 1) == ("min_height",)
    assert plan.reasons(1, 3) == ("min_views",)
    assert plan.summary == (
        "0 placements of 0 videos on 0 channels; 3 pairs weighed, 0 eligible; 1 video goes nowhere"
    )
    nowhere = distribute([video(n, height=100) for n in (1, 2)], channels, context())
    assert "2 videos go nowhere" in nowhere.summary
    placed = distribute([video(1)], [channel(1)], context())
    assert placed.summary.startswith("1 placement of 1 video on 1 channel; 1 pair weighed")


def test_a_pair_that_was_placed_says_where():
    plan = distribute([video(1)], [channel(1)], context())
    explanation = plan.explain(1, 1)
    assert explanation.ok
    assert explanation.rules[-1].sentence == "yes: placed into the slot Tue 2026-11-24 09:00 (UTC)"


# ---------------------------------------------------------------------------------------------------------- properties

heights, views = st.sampled_from([None, 480, 720, 1080]), st.sampled_from([None, 5, 500])


@st.composite
def markets(draw):
    channels = [
        channel(
            number,
            Filters(
                min_height=draw(st.sampled_from([None, 720])),
                min_views=draw(st.sampled_from([None, 100])),
                languages=draw(st.sampled_from([(), ("en",)])),
                keywords_in=draw(st.sampled_from([(), ("cat",)])),
            ),
            zone=draw(st.sampled_from(["UTC", "Asia/Tokyo", "America/New_York"])),
            daily_cap=draw(st.sampled_from([None, 1, 2])),
            priority=draw(st.integers(0, 10)),
            state=draw(st.sampled_from(["active", "active", "active", "paused"])),
            slots=tuple(
                SlotRule(day, time(hour), hour)
                for day in range(7)
                for hour in draw(st.sampled_from([(), (9,), (9, 18)]))
            ),
        )
        for number in range(1, draw(st.integers(1, 5)) + 1)
    ]
    videos = [
        video(
            number,
            title=draw(st.sampled_from(["a cat", "a dog", ""])),
            height=draw(heights),
            views=draw(views),
            language=draw(st.sampled_from([None, "en", "de"])),
            rights_basis=draw(st.sampled_from(["owned", "owned", ""])),
            content_hash=f"h{draw(st.integers(1, 8))}",
        )
        for number in range(1, draw(st.integers(1, 10)) + 1)
    ]
    existing = tuple(
        Existing(draw(st.integers(1, 10)), draw(st.integers(1, 5)), f"h{draw(st.integers(1, 8))}", NOW)
        for _ in range(draw(st.integers(0, 3)))
    )
    caps = DistributionCaps(
        draw(st.sampled_from([None, 1, 2])), draw(st.sampled_from([None, 1])), draw(st.sampled_from([0, 30]))
    )
    pools = draw(st.sampled_from([(), (PoolView("youtube_uploads", "budget", 2),)]))
    return (
        videos,
        channels,
        context(existing=existing, caps=caps, pools=pools, horizon_days=draw(st.integers(1, 5))),
    )


def committed(plan, videos, around):
    hashes = {v.id: v.content_hash for v in videos}
    return replace(
        around,
        occupied=around.occupied
        + tuple(Occupied(p.channel_id, p.at, n) for n, p in enumerate(plan.placements)),
        existing=around.existing
        + tuple(Existing(p.video_id, p.channel_id, hashes[p.video_id], p.at) for p in plan.placements),
        pools=tuple(replace(pool, committed={d.day: d.planned for d in plan.days}) for pool in around.pools),
    )


@settings(deadline=None, max_examples=120)
@given(markets())
def test_a_second_run_adds_nothing(market):
    videos, channels, around = market
    plan = distribute(videos, channels, around)
    assert distribute(videos, channels, committed(plan, videos, around)).placements == ()


@settings(deadline=None, max_examples=120)
@given(markets(), st.randoms(use_true_random=False))
def test_the_decision_agrees_with_its_explanation_and_with_any_order_of_input(market, shuffle):
    videos, channels, around = market
    plan = distribute(videos, channels, around)
    again = distribute(shuffle.sample(videos, len(videos)), shuffle.sample(channels, len(channels)), around)
    assert again.placements == plan.placements
    assert again.unplaced == plan.unplaced
    placed = {(p.video_id, p.channel_id) for p in plan.placements}
    for explanation in plan.explanations():
        pair = (explanation.video_id, explanation.channel_id)
        assert explanation.ok == (pair in placed), explanation
        if pair in placed:  # before the run the same rules said yes
            before = explain(
                next(v for v in videos if v.id == pair[0]),
                next(c for c in channels if c.id == pair[1]),
                around,
            )
            assert before.ok, before.sentence
        else:
            refused = set(plan.reasons(*pair))
            assert refused <= set(failed(explanation))
