"""Read a file that a form sends, or the text of it that the form was shown with and sends again."""

from __future__ import annotations

from django.http import HttpRequest

from orchestration.errors import InvalidRequest


def text_of(request: HttpRequest, *, most: int) -> str:
    """Return the file that was chosen, of so many bytes at most, or the text that was shown just now.

    Raises: InvalidRequest, which names the field.
    """
    file = request.FILES.get("file")
    if file is None:
        text = request.POST.get("text", "")
        if not text:
            raise InvalidRequest("Choose a file first.", field="file")
        return text
    if (file.size or 0) > most:
        raise InvalidRequest(f"The file is larger than {most:,} bytes.", field="file")
    try:
        return file.read().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InvalidRequest("The file is not written in UTF-8.", field="file") from error
