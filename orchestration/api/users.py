"""`/api/users`: who may log in and what they may do; for administrators."""

from django.http import HttpRequest, HttpResponse
from ninja import Path, Router, Status
from ninja.pagination import paginate

from orchestration.api import orders
from orchestration.api.auth import service
from orchestration.api.pagination import Pages
from orchestration.api.schemas.people import (
    LiftedOut,
    LiftLockout,
    LockoutOut,
    NewPassword,
    NewUser,
    PasswordLinkOut,
    SessionsEndedOut,
    UserChange,
    UserOut,
)
from orchestration.api.schemas.requests import NO_REASON, Because
from orchestration.fields import Id

router = Router(tags=["users"])


@router.get("", response=list[UserOut], operation_id="users_list", summary="List users")
@paginate(Pages, item=UserOut, order=orders.USERS)
def users_list(request: HttpRequest):
    """By user name, those that are deactivated too."""
    return service(request).get_users()


@router.post("", response={201: UserOut}, operation_id="users_create", summary="Add a user")
def users_create(request: HttpRequest, body: NewUser, response: HttpResponse):
    """Without a password they cannot log in until they have set one by a link."""
    row = service(request).add_user(**body.model_dump())
    response["Location"] = f"/api/users/{row.id}"
    return Status(201, row)


@router.get("/lockouts", response=list[LockoutOut], operation_id="users_lockouts", summary="List lockouts")
@paginate(Pages, item=LockoutOut, order=orders.LOCKOUTS)
def users_lockouts(request: HttpRequest):
    """Names and addresses that are refused for a while after too many wrong passwords."""
    return service(request).get_lockouts()


@router.post(
    "/lockouts/lift", response=LiftedOut, operation_id="users_lift_lockout", summary="Lift a lockout"
)
def users_lift_lockout(request: HttpRequest, body: LiftLockout):
    """The name may try again at once, or every name from the address."""
    return {"addresses": service(request).lift_lockout(**body.model_dump())}


@router.get("/{user_id}", response=UserOut, operation_id="users_show", summary="Show a user")
def users_show(request: HttpRequest, user_id: Path[Id]):
    """With the number of browsers they are logged in with."""
    return service(request).get_user(user_id=user_id)


@router.patch("/{user_id}", response=UserOut, operation_id="users_patch", summary="Change a person")
@router.post("/{user_id}/change", response=UserOut, operation_id="users_change", summary="Change a user")
def users_change(request: HttpRequest, user_id: Path[Id], body: UserChange):
    """Level, user name, name or mail address; what is left out stays."""
    return service(request).change_user(user_id=user_id, **body.model_dump())


@router.post(
    "/{user_id}/set-password",
    response=UserOut,
    operation_id="users_set_password",
    summary="Set a user's password",
)
def users_set_password(request: HttpRequest, user_id: Path[Id], body: NewPassword):
    """Every session of theirs ends. The password is in no log."""
    return service(request).set_user_password(user_id=user_id, **body.model_dump())


@router.post(
    "/{user_id}/password-link",
    response={201: PasswordLinkOut},
    operation_id="users_password_link",
    summary="Make a link to set a password",
)
def users_password_link(request: HttpRequest, user_id: Path[Id], body: Because = NO_REASON):
    """It opens once, within a day, and is shown this once."""
    return Status(201, service(request).make_password_link(user_id=user_id, reason=body.reason))


@router.post(
    "/{user_id}/deactivate", response=UserOut, operation_id="users_deactivate", summary="Shut a user out"
)
def users_deactivate(request: HttpRequest, user_id: Path[Id], body: Because = NO_REASON):
    """Their sessions end. Refused of oneself and of the last administrator."""
    return service(request).deactivate_user(user_id=user_id, reason=body.reason)


@router.post(
    "/{user_id}/reactivate", response=UserOut, operation_id="users_reactivate", summary="Let a user in again"
)
def users_reactivate(request: HttpRequest, user_id: Path[Id], body: Because = NO_REASON):
    """With the password that they had."""
    return service(request).reactivate_user(user_id=user_id, reason=body.reason)


@router.post(
    "/{user_id}/reset-second-factors",
    response=UserOut,
    operation_id="users_reset_second_factors",
    summary="Take a user's second factors away",
)
def users_reset_second_factors(request: HttpRequest, user_id: Path[Id], body: Because = NO_REASON):
    """Of somebody who lost them, recovery codes included; the password stays. 404 without any."""
    return service(request).reset_second_factors(user_id=user_id, reason=body.reason)


@router.post(
    "/{user_id}/end-sessions",
    response=SessionsEndedOut,
    operation_id="users_end_sessions",
    summary="Log a user out everywhere",
)
def users_end_sessions(request: HttpRequest, user_id: Path[Id], body: Because = NO_REASON):
    """They can log in again."""
    return {"ended": service(request).end_user_sessions(user_id=user_id, reason=body.reason)}
