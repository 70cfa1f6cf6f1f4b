"""Lists with their filters, saved under a name."""

from __future__ import annotations

from orchestration.core.permissions import action
from orchestration.models import ApiToken, SavedView
from orchestration.register import saved_views
from orchestration.service.base import Door
from orchestration.states import Trigger


class SavedViews(Door):
    """Lists with their filters, saved under a name."""

    @action("read")
    def get_saved_views(self, *, page: str = "") -> list[SavedView]:
        """List the views that the caller has, and those that are shared."""
        return saved_views.seen_by(self.actor.user_id, page)

    @action("read")
    def add_saved_view(
        self, *, page: str, name: str, query: str = "", shared: bool = False, owner: str = ""
    ) -> SavedView:
        """Save the filters of a list under a name; sharing it, and saving it for another person (`owner`), needs more."""
        self._may_share(shared)
        return saved_views.add(self._id_of_owner(owner), page, name, query, shared)

    @action("read")
    def change_saved_view(
        self, *, view_id: int, name: str | None = None, query: str | None = None, shared: bool | None = None
    ) -> SavedView:
        """Give one's own view another name or other filters, share it or keep it."""
        self._may_share(bool(shared))
        return saved_views.change(self._as_whom(view_id), view_id, name=name, query=query, shared=shared)

    @action("read")
    def remove_saved_view(self, *, view_id: int) -> None:
        """Remove one's own view."""
        saved_views.remove(self._as_whom(view_id), view_id)

    def _id_of_owner(self, owner: str) -> int | None:
        if not owner:
            return self.actor.user_id
        self.actor.require(ApiToken.Scope.OWN, "saving a view for somebody else")
        return saved_views.owner_named(owner)

    def _as_whom(self, view_id: int) -> int | None:
        """Return as whom a view is changed: whoever sits at the machine is nobody of the console, and acts for its owner."""
        if (
            self.actor.user_id is None
            and self.trigger == Trigger.CLI
            and self.actor.reaches(ApiToken.Scope.OWN)
        ):
            return saved_views.owner_of(view_id)
        return self.actor.user_id

    def _may_share(self, shared: bool) -> None:
        if shared:
            self.actor.require(ApiToken.Scope.SCHEDULE, "sharing a view")
