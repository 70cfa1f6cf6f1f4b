"""Give every state its tone: how a screen shows it beside the word, never instead of it."""

GOOD = "good"
LIVE = "live"
BUSY = "busy"
WARN = "warn"
BAD = "bad"
IDLE = "idle"

MARKS = {GOOD: "●", LIVE: "◉", BUSY: "◐", WARN: "▲", BAD: "✕", IDLE: "○"}
"""A shape for each tone, so that colour never speaks alone."""

_TONES = {
    GOOD: (
        "running active healthy valid ready published succeeded completed resolved settled ok alive success public"
    ),
    LIVE: "publishing",
    BUSY: (
        "scraping processing staging staged dispatching dispatched in_progress recalling scheduled charged queued "
        "reserved armed info"
    ),
    WARN: (
        "paused draining degraded expiring held waiting missed skipped needs_review open duplicate late unknown_outcome "
        "timed_out action_required overdue warning"
    ),
    BAD: "failing failed errored revoked wrong_channel missing rejected failure startup_failure error conflict",
    IDLE: (
        "stopped disabled unknown found scraped planned assigned cancelled recalled withdrawn dismissed released "
        "neutral stale requested pending"
    ),
}
TONE_OF_STATE = {state: tone for tone, states in _TONES.items() for state in states.split()}


def tone_of(state: object) -> str:
    """Return the tone of a state; a state without one of its own is shown as idle."""
    return TONE_OF_STATE.get(str(state), IDLE)
