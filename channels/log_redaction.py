"""Hide secrets in what is logged and in what is shown of logs: by how they look, and this installation's own by name."""

import re

HIDDEN = "[hidden]"
SHORTEST_SECRET = 6
_NAMES = (
    r"(?:access_token|refresh_token|id_token|client_secret|api_?key|secret_key|private_key|password|passwd|"
    r"upload_id|x-hub-signature(?:-256)?|set-cookie|cookie|csrftoken|sessionid|github_token|token|secret)"
)
_PATTERNS: tuple[tuple[re.Pattern[str], str], ...] = (
    # Authorization: Bearer ..., also as a dict entry
    (
        re.compile(r"(?i)(authorization['\"]?\s*[:=]\s*['\"]?)(?:(bearer|token|basic)\s+)?[^\s'\",;]+"),
        rf"\1{HIDDEN}",
    ),
    (re.compile(r"(?i)\b(bearer|basic)\s+[A-Za-z0-9._~+/=-]{8,}"), rf"\1 {HIDDEN}"),
    # name=value, "name": "value"
    (re.compile(rf"(?i)(\b{_NAMES}['\"]?\s*[:=]\s*)(\"[^\"]*\"|'[^']*'|[^\s'\",;&}})\]]+)"), rf"\1{HIDDEN}"),
    # shapes of GitHub's and Google's tokens
    (re.compile(r"\b(?:gh[oprsu]_|github_pat_)[A-Za-z0-9_]{10,}"), HIDDEN),
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
    """Return the text with everything hidden that looks like a secret or is a known one."""
    for secret in _known:
        if secret in text:
            text = text.replace(secret, HIDDEN)
    for pattern, replacement in _PATTERNS:
        text = pattern.sub(replacement, text)
    return text
