"""Give every state its badge: how a page shows it beside the word, never instead of it."""

GOOD = "good"
LIVE = "live"
BUSY = "busy"
WARN = "warn"
BAD = "bad"
IDLE = "idle"

MARKS = {GOOD: "●", LIVE: "◉", BUSY: "◐", WARN: "▲", BAD: "✕", IDLE: "○"}
"""A shape for each badge, so that colour never speaks alone."""

_STATES = {
    GOOD: (
        "running active healthy valid ready published succeeded completed resolved settled ok alive success public sent "
        "taken delivered done confirmed"
    ),
    LIVE: "publishing",
    BUSY: (
        "scraping processing staging staged dispatching dispatched in_progress recalling scheduled charged queued "
        "reserved armed info sending received"
    ),
    WARN: (
        "paused draining degraded expiring held waiting missed skipped needs_review open duplicate late unknown_outcome "
        "timed_out action_required overdue warning retrying"
    ),
    BAD: (
        "failing failed errored revoked wrong_channel missing rejected failure startup_failure error conflict "
        "critical given_up refused"
    ),
    IDLE: (
        "stopped disabled unknown found scraped planned assigned cancelled recalled withdrawn dismissed released "
        "neutral stale requested pending abandoned expired deactivated"
    ),
}
BADGE_OF_STATE = {state: badge for badge, states in _STATES.items() for state in states.split()}


def badge_of(state: object) -> str:
    """Return the badge of a state; a state without one of its own is shown as idle."""
    return BADGE_OF_STATE.get(str(state), IDLE)
