"""Hide secrets in what is logged and in what is shown of logs: by how they look, and this installation's own by name."""

import re

HIDDEN = "[hidden]"
SHORTEST_SECRET = 6
_NAMES = (
    r"(?:access_token|refresh_token|id_token|client_secret|api_?key|secret_key|private_key|password|passwd|"
    r"upload_id|x-hub-signature(?:-256)?|set-cookie|cookie|csrftoken|sessionid|github_token|token|secret)"
)
_Patterns = tuple[tuple[re.Pattern[str], str], ...]
_AUTHORIZATION: _Patterns = (
    # Authorization: Bearer ..., also as a dict entry
    (
        re.compile(r"(?i)(authorization['\"]?\s*[:=]\s*['\"]?)(?:(bearer|token|basic)\s+)?[^\s'\",;]+"),
        rf"\1{HIDDEN}",
    ),
)
_NAMED: _Patterns = (
    (re.compile(r"(?i)\b(bearer|basic)\s+[A-Za-z0-9._~+/=-]{8,}"), rf"\1 {HIDDEN}"),
    # name=value, "name": "value"
    (re.compile(rf"(?i)(\b{_NAMES}['\"]?\s*[:=]\s*)(\"[^\"]*\"|'[^']*'|[^\s'\",;&}})\]]+)"), rf"\1{HIDDEN}"),
)
# In a sentence ("refused the refresh token: invalid_grant", "basic authentication") a name and a colon say nothing.
_NAMED_IN_A_SENTENCE: _Patterns = (
    (re.compile(r"(?i)\b(bearer|basic)\s+[A-Za-z0-9._~+/=-]{16,}"), rf"\1 {HIDDEN}"),
    (re.compile(rf"(?i)(\b{_NAMES}=)(\"[^\"]*\"|'[^']*'|[^\s'\",;&}})\]]+)"), rf"\1{HIDDEN}"),
    (re.compile(rf"(?i)(['\"]{_NAMES}['\"]\s*:\s*)(\"[^\"]*\"|'[^']*')"), rf"\1{HIDDEN}"),
)
_SHAPES: _Patterns = (
    # shapes of GitHub's and Google's tokens
    (re.compile(r"\b(?:gh[oprsu]_|github_pat_)[A-Za-z0-9_]{10,}"), HIDDEN),
    (
        re.compile(r"\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}(?:\.[A-Za-z0-9_-]*)?"),
        HIDDEN,
    ),  # a JSON Web Token
    (re.compile(r"\bya29\.[A-Za-z0-9._-]+"), HIDDEN),
    (re.compile(r"\b1//[A-Za-z0-9_-]{10,}"), HIDDEN),
    (re.compile(r"\bhd_[A-Za-z0-9_-]{20,}"), HIDDEN),  # a token of our own API
    (re.compile(r"\bGOCSPX-[A-Za-z0-9_-]+"), HIDDEN),
    # scheme://user:password@host
    (re.compile(r"(?i)\b([a-z][a-z0-9+.-]*://[^\s:/@]*):[^\s@/]+@"), rf"\1:{HIDDEN}@"),
)
_known: set[str] = set()


def protect(*secrets: str) -> None:
    """Remember secrets of this installation, so that they are hidden wherever they turn up."""
    _known.update(secret for secret in secrets if secret and len(secret) >= SHORTEST_SECRET)


def redact(text: str) -> str:
    """Return a line of a log with everything hidden that looks like a secret or is a known one."""
    return _replaced(redact_known(text), (*_AUTHORIZATION, *_NAMED, *_SHAPES))


def redact_sentence(text: str) -> str:
    """Return what another system said with the same hidden, but for a word after a name and a colon."""
    return _replaced(redact_known(text), (*_AUTHORIZATION, *_NAMED_IN_A_SENTENCE, *_SHAPES))


def redact_known(text: str) -> str:
    """Return a text without this installation's own secrets, and otherwise as it is."""
    for secret in _known:
        if secret in text:
            text = text.replace(secret, HIDDEN)
    return text


def _replaced(text: str, patterns: _Patterns) -> str:
    for pattern, replacement in patterns:
        text = pattern.sub(replacement, text)
    return text
