"""Take some of the values of a thing that is else given whole: what is left out stays."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo

from orchestration.api.facts import fact_of
from orchestration.errors import InvalidRequest
from orchestration.fields import Body

Whole = TypeVar("Whole", bound=Body)


def _nothing() -> None:
    """Return what a field has that is not given: nothing, which the document does not tell as a value to send."""


class Parts(Body):
    """Some of the values of a `whole`: each has the fields of that, none of which has to be given."""

    whole: ClassVar[type[Body]]

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: Any) -> None:
        """Give a body of parts the fields of its whole."""
        super().__pydantic_init_subclass__(**kwargs)
        for name, field in cls.whole.model_fields.items():
            part = FieldInfo(
                annotation=field.annotation,
                default_factory=_nothing,
                description=field.description,
                examples=field.examples,
            )
            part.metadata = field.metadata
            cls.__pydantic_fields__[name] = part
        cls.model_rebuild(force=True)

    def over(self, present: BaseModel, whole: type[Whole], together: Sequence[str] = ()) -> Whole:
        """Return the whole that comes of these values over the present ones.

        Of the fields that mean one thing `together`, those that are not given are emptied if one is. Raises: InvalidRequest.
        """
        given = self.model_dump(exclude_unset=True)
        kept = {name: value for name, value in present.model_dump().items() if name in whole.model_fields}
        if any(name in given for name in together):
            kept = {name: value for name, value in kept.items() if name not in together}
        try:
            return whole.model_validate(kept | given)
        except ValidationError as error:
            first = error.errors()[0]
            field = ".".join(map(str, first["loc"]))
            raise InvalidRequest(f"{field} {fact_of(first)}", field=field) from error
