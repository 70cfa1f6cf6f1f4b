"""Why a publication was late, or is not public, is said from what was written down, each delay with its seconds."""

from datetime import UTC, datetime, timedelta

from orchestration.planning.why import Ending, Moved, PublicationFacts, Stretch, explain

AT = datetime(2026, 11, 26, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def facts(**given) -> PublicationFacts:
    return PublicationFacts(
        **{"schedule_id": 7, "name": "Harbour on Aurora", "state": "published", "publish_at": AT}
        | {"stage_at": AT - 30 * MINUTE, "public_at": AT}
        | given
    )


def test_what_was_public_at_its_moment_was_on_time():
    why = explain(facts(), AT + MINUTE)
    assert (why.outcome, why.sentence, why.late_seconds) == ("public_on_time", "Public on time.", 0)


def test_what_was_late_names_the_longest_delay_with_its_stretch():
    blocked = Stretch("blocked", "consent revoked: connect again", AT - 40 * MINUTE, AT + 4 * MINUTE)
    queued = Stretch("queue", "upload private: it waited for a worker", AT + 4 * MINUTE, AT + 5 * MINUTE)
    why = explain(facts(public_at=AT + 6 * MINUTE, stretches=[queued, blocked]), AT + 60 * MINUTE)
    assert why.outcome == "public_late"
    assert why.sentence == (
        "Public 6 min late: consent revoked: connect again, 34 min from 2026-11-26 11:30 UTC to 12:04."
    )
    assert [(delay.code, delay.seconds) for delay in why.delays] == [("blocked", 34 * 60), ("queue", 60)]


def test_a_move_is_told_with_who_moved_it_and_counts_from_the_first_wish():
    move = Moved(AT - 90 * MINUTE, AT - 52 * MINUTE, AT, "olga", "too early")
    why = explain(facts(moves=[move]), AT + MINUTE)
    assert (why.wished_at, why.moved_seconds) == (AT - 52 * MINUTE, 52 * 60)
    assert why.sentence == (
        "Public on time. It was moved 52 min later by olga, from 2026-11-26 11:08 UTC to 2026-11-26 12:00 UTC: too early."
    )


def test_what_was_cancelled_says_by_whom_and_why():
    ended = Ending("olga", AT - MINUTE, "wrong film")
    why = explain(facts(state="cancelled", public_at=None, ending=ended), AT + 60 * MINUTE)
    assert why.sentence == "Not public: cancelled by olga at 2026-11-26 11:59 UTC: wrong film."
    assert (why.late_seconds, why.public_at) == (0, None)


def test_what_is_to_come_says_what_it_waits_for_or_that_nothing_stands_against_it():
    ahead = {"state": "planned", "public_at": None}
    assert (
        explain(facts(**ahead), AT - MINUTE).sentence
        == "Due at 2026-11-26 12:00 UTC. Nothing stands against it."
    )
    waits = explain(facts(**ahead, waits_for=["the channel is paused"]), AT - MINUTE)
    assert waits.sentence == "Due at 2026-11-26 12:00 UTC. It waits: the channel is paused."
    late = explain(facts(**ahead, waits_for=["the channel is paused"]), AT + 6 * MINUTE)
    assert (late.outcome, late.sentence) == ("overdue", "Overdue by 6 min: the channel is paused.")
