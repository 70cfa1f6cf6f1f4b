"""Say which characters no line of text may hold: one rule for the API, the forms and the admin."""

import re
import unicodedata

LINE_ENDS = "\n\r\t"
_CONTROLS = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")


def control_in(text: str, *, lines: bool = False) -> str:
    """Return what the first control character of a text is; empty where it has none.

    A name with a line end in it forges a line of a log, one with an escape paints a terminal. `lines` lets a passage of
    several lines have line ends and tabs.
    """
    for found in _CONTROLS.finditer(text):
        if not (lines and found[0] in LINE_ENDS):
            names = {"\n": "a line end", "\r": "a line end", "\t": "a tab", "\x00": "a NUL character"}
            known = names.get(found[0]) or unicodedata.name(found[0], "").lower()
            return known or f"the control character U+{ord(found[0]):04X}"
    return ""
