"""Name what can go wrong, so that page, API and command line say the same.

Each error carries a stable `code`, the HTTP status that fits, the `field` at fault where there is one, and `again`:
"again" (try later), "blocked" (a condition has to end), "never" (change something first) or "unknown" (look before trying).
"""

from typing import Any, ClassVar


class OrchestrationError(Exception):
    """A refusal that its caller can act on."""

    code: ClassVar[str] = "orchestration_error"
    status: ClassVar[int] = 400
    again: ClassVar[str] = "never"
    scope: ClassVar[str] = "channel"
    """For "blocked": for what the condition holds, as in `channels.gateways.errors`."""

    def __init__(self, message: str, *, field: str = "", **details: Any) -> None:
        super().__init__(message)
        self.message = message
        self.field = field
        self.details = details


class InvalidRequest(OrchestrationError):
    """A value that was given cannot be used; `field` names it."""

    code = "invalid_request"
    status = 422


class NotFound(OrchestrationError):
    """An id that was given names nothing; `field` names it."""

    code = "not_found"
    status = 404


class NotPermitted(OrchestrationError):
    """The caller's scope or permission does not cover this."""

    code = "not_permitted"
    status = 403


class ConfirmationNeeded(NotPermitted):
    """An assistant's token asked for a change that no person has confirmed; it may propose it."""

    code = "confirmation_needed"


class ProofRefused(OrchestrationError):
    """What a GitHub run showed of itself was not made by GitHub, not for us, or not for now."""

    code = "proof_refused"
    status = 401


class ProofUnverifiable(OrchestrationError):
    """GitHub's keys cannot be read at present, so it cannot be told who calls."""

    code = "proof_unverifiable"
    status = 503
    again = "again"


class SystemNotRunning(OrchestrationError):
    """The system is stopped, paused or draining, so nothing new may start."""

    code = "system_not_running"
    status = 409
    again = "again"


class IllegalTransition(OrchestrationError):
    """The present state does not allow this step."""

    code = "illegal_transition"
    status = 409


class StaleState(OrchestrationError):
    """Somebody else changed the row in the meantime; look again."""

    code = "stale_state"
    status = 409
    again = "again"


class StaleVersion(OrchestrationError):
    """The row is not as the caller saw it any more; look again before deciding anew."""

    code = "stale_version"
    status = 409


class PreconditionFailed(OrchestrationError):
    """The thing is not as `If-Match` says; `etag` is its present one, and `version` its version where it has one."""

    code = "precondition_failed"
    status = 412


class ChannelPaused(OrchestrationError):
    """The channel is paused or disabled by its operator."""

    code = "channel_paused"
    status = 409


class NoRightsBasis(OrchestrationError):
    """The video's source has no rights basis, so nothing of it may be published."""

    code = "no_rights_basis"
    status = 409


class VideoNotReady(OrchestrationError):
    """The video has no file that can be uploaded, and will not get one by itself."""

    code = "video_not_ready"
    status = 409


class WordsRefused(OrchestrationError):
    """A publication's words break a limit of YouTube's or cannot be filled in; `details["problems"]` has each."""

    code = "words_refused"
    status = 422


class UploadOffsetWrong(OrchestrationError):
    """What was sent does not begin where the file ends so far; ask for its offset and go on there."""

    code = "upload_offset_wrong"
    status = 409


class UploadBusy(OrchestrationError):
    """Another request is writing to the same upload at this moment."""

    code = "upload_busy"
    status = 423
    again = "again"


class UploadOver(OrchestrationError):
    """The upload is given up or has failed; begin a new one."""

    code = "upload_over"
    status = 410


class UploadChecksumWrong(OrchestrationError):
    """A piece did not arrive as it was sent and is thrown away; send it again."""

    code = "upload_checksum_wrong"
    status = 460
    again = "again"


class UploadTooLarge(OrchestrationError):
    """The file is larger than one that is taken, or more was sent than was announced."""

    code = "upload_too_large"
    status = 413


class DiskTooFull(OrchestrationError):
    """The disk of MEDIA_ROOT has less room left than is kept free; nothing new is received."""

    code = "disk_too_full"
    status = 507
    again = "blocked"
    scope = "installation"


class TusVersionWrong(OrchestrationError):
    """The client speaks another version of the tus protocol, or none."""

    code = "tus_version_wrong"
    status = 412


class PlanRefused(OrchestrationError):
    """The plan has conflicts that its `on_conflict` does not resolve; `details["plan"]` holds the whole plan."""

    code = "plan_refused"
    status = 409


class PlanOutdated(OrchestrationError):
    """What the plan rested on changed before it was committed; plan again."""

    code = "plan_outdated"
    status = 409
    again = "again"


class LeaseLost(OrchestrationError):
    """The job's lease went to somebody else; its former holder writes nothing."""

    code = "lease_lost"
    status = 409


class PermitRefused(OrchestrationError):
    """Another run, or another attempt of this run, already holds the permit."""

    code = "permit_refused"
    status = 409


class PermitNotYet(OrchestrationError):
    """The job of a run is between two hands: the run may have it in a moment, so it is to ask again."""

    code = "permit_not_yet"
    status = 503
    again = "again"


class IdempotencyConflict(OrchestrationError):
    """The Idempotency-Key was used before for another request, or its first request is still under way."""

    code = "idempotency_conflict"
    status = 409


class Busy(OrchestrationError):
    """What makes it is taken by others at present; ask again in a moment."""

    code = "busy"
    status = 503
    again = "again"
