"""What a value of a document can be."""

from collections.abc import Mapping, Sequence
from typing import TypeAlias

Value: TypeAlias = str | bool | int | Sequence[str] | Sequence[int] | Mapping[str, str] | None
