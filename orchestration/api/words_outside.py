"""`/api/distributions/…/words-on-youtube`: words of what lies on YouTube already."""

from django.http import HttpRequest
from ninja import Path, Router

from orchestration.api.auth import service
from orchestration.api.schemas.requests import Because
from orchestration.api.schemas.words_outside import (
    EditWordsOutside,
    SettleWords,
    WordsOutsideEditOut,
    WordsOutsideOut,
)
from orchestration.fields import Id

outside = Router(tags=["distributions"])
AT = "/{distribution_id}/words-on-youtube"


@outside.get(
    AT, response=WordsOutsideOut, operation_id="distributions_words", summary="Show words on YouTube"
)
def distributions_words(request: HttpRequest, distribution_id: Path[Id]):
    """Each field as we last set it, as YouTube showed it and as it is wanted; picture, playlists and subtitles."""
    return service(request).get_words_on_youtube(distribution_id=distribution_id)


@outside.post(
    AT,
    response=WordsOutsideEditOut,
    operation_id="distributions_edit_words",
    summary="Edit words on YouTube",
)
def distributions_edit_words(request: HttpRequest, distribution_id: Path[Id], body: EditWordsOutside):
    """Of what is staged or public, by one call that keeps all other words; a dry run tells what it costs."""
    return service(request).edit_publication_words(distribution_id=distribution_id, **body.model_dump())


@outside.post(
    f"{AT}/settle",
    response=WordsOutsideOut,
    operation_id="distributions_settle_words",
    summary="Settle words changed on YouTube",
)
def distributions_settle_words(request: HttpRequest, distribution_id: Path[Id], body: SettleWords):
    """Take what somebody wrote there, or write ours again."""
    return service(request).settle_publication_words(distribution_id=distribution_id, **body.model_dump())


@outside.post(
    f"{AT}/retry",
    response=WordsOutsideOut,
    operation_id="distributions_retry_extras",
    summary="Try what YouTube did not take again",
)
def distributions_retry_extras(request: HttpRequest, distribution_id: Path[Id], body: Because):
    """Picture, playlists and subtitles, now."""
    return service(request).retry_publication_extras(distribution_id=distribution_id, **body.model_dump())
