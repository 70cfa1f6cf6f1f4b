"""Return what a person may do: one table a subject, verb by verb, from which states and to which ones.

Guards, buttons, the API's `actions` and the tests read these tables (`orchestration.states`, `channels.states`).
"""

from collections.abc import Mapping, Set
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Verb:
    """In which states a verb is taken, and where it may lead; without `to` the state stays as it is.

    `offered` says whether persons are shown it; what is not is done by the planner alone.
    """

    states: frozenset[str]
    to: frozenset[str] = frozenset()
    offered: bool = True


Verbs = Mapping[str, Verb]


def verb(states: Set[str], to: Set[str] = frozenset(), *, offered: bool = True) -> Verb:
    """Return a verb that is taken in `states` and leads to one of `to`."""
    return Verb(frozenset(states), frozenset(to), offered)


def offered(verbs: Verbs, state: str) -> tuple[str, ...]:
    """Return the verbs that are shown in a state, in the order of the table."""
    return tuple(name for name, rule in verbs.items() if rule.offered and state in rule.states)
