"""List the commands about users, lockouts and tokens; a password is asked or read, never an argument that others see."""

import argparse
import getpass
import sys
from collections.abc import Sequence

from orchestration.api.schemas import people
from orchestration.cli import arguments
from orchestration.cli.command import Command, Options, Service, given, reason
from orchestration.cli.layout import table
from orchestration.core.permissions import LEVELS
from orchestration.errors import InvalidRequest
from orchestration.models import ApiToken
from orchestration.register import tokens
from orchestration.register import users as register
from orchestration.results.people import LockoutShown, PasswordLink, TokenMade, UserShown


def _users(rows: Sequence[UserShown]) -> list[str]:
    return table(
        [
            "user",
            "level",
            "limited to",
            "state",
            "name",
            "mail",
            "last login",
            "second factor",
            "tokens",
            "sessions",
        ],
        [
            [
                row.username,
                LEVELS[row.level],
                ", ".join(row.limited_to) if row.limited_to is not None else "",
                row.state if row.has_password else f"{row.state}, no password yet",
                row.full_name,
                row.email,
                row.last_login_at,
                ", ".join(row.second_factors),
                row.tokens,
                row.sessions,
            ]
            for row in rows
        ],
    )


def _one(row: UserShown) -> list[str]:
    return _users([row])


def _link(made: PasswordLink) -> list[str]:
    return [
        made.path,
        f"{made.username} opens it at Headend's address, once, until {made.expires_at:%Y-%m-%d %H:%M} UTC.",
        "It is shown this once.",
    ]


def _lockouts(rows: Sequence[LockoutShown]) -> list[str]:
    return table(
        ["user", "from", "wrong passwords", "until"],
        [[row.username or "(any)", row.address or "anywhere", row.failures, row.until] for row in rows],
        empty="nobody is locked out",
    )


def _tokens(rows: Sequence[ApiToken]) -> list[str]:
    return table(
        ["id", "name", "scope", "state", "made", "expires", "last used", "revoked"],
        [
            [t.pk, t.name, t.scope, t.state, t.created_at, t.expires_at, t.last_used_at, t.revoked_at]
            for t in rows
        ],
        empty="no token was made yet",
    )


def _made(made: TokenMade) -> list[str]:
    return [made.text, "This is shown once. Send it as: Authorization: Bearer <token>"]


def _named(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("username", help="user name")
    arguments.add_reason(parser)


def _locked(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("username", nargs="?", default="", help="user name")
    parser.add_argument("--address", default="", help="instead of a name: the address that is refused")
    arguments.add_reason(parser)


def _limited(parser: argparse.ArgumentParser, default: list[str] | None) -> None:
    parser.add_argument(
        "--limit-to",
        dest="limited_to",
        nargs="+",
        metavar="GROUP",
        default=default,
        help="slugs of groups: nothing else is seen or changed",
    )


def _add_options(parser: argparse.ArgumentParser) -> None:
    _named(parser)
    parser.add_argument(
        "--level",
        choices=tuple(LEVELS),
        default="read",
        help="read (default), schedule, operate, admin or own",
    )
    parser.add_argument("--name", dest="full_name", default="", help="the person's name")
    parser.add_argument("--email", default="")
    _limited(parser, default=[])
    parser.add_argument(
        "--password", action="store_true", help="ask for a password, or read it from the standard input"
    )


def _change_options(parser: argparse.ArgumentParser) -> None:
    _named(parser)
    parser.add_argument("--level", choices=tuple(LEVELS))
    parser.add_argument("--rename", dest="new_username", metavar="USERNAME")
    parser.add_argument("--name", dest="full_name")
    parser.add_argument("--email")
    _limited(parser, default=None)
    parser.add_argument(
        "--unlimited", dest="limited_to", action="store_const", const=[], help="lift the limit"
    )


def _password() -> str:
    """Return a password that was typed twice, or stands on the first line of the standard input. Raises: InvalidRequest."""
    if not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\n")
    first = getpass.getpass("New password: ")
    if getpass.getpass("Once more: ") != first:
        raise InvalidRequest("The two passwords differ; nothing was changed.", field="password")
    return first


def _add(service: Service, options: Options) -> UserShown:
    body = people.NewUser(
        **given(options, "username", "level", "full_name", "email", "limited_to", "reason"),
        password=_password() if options.password else "",
    )
    return service.add_user(**body.model_dump())


def _change(service: Service, options: Options) -> UserShown:
    body = people.UserChange(
        **given(options, "level", "full_name", "email", "limited_to", "reason"), username=options.new_username
    )
    return service.change_user(user_id=register.id_of(options.username), **body.model_dump())


def _set_password(service: Service, options: Options) -> UserShown:
    user_id = register.id_of(options.username)
    body = people.NewPassword(password=_password(), reason=reason(options))
    return service.set_user_password(user_id=user_id, **body.model_dump())


def _reset_factors(service: Service, options: Options) -> UserShown:
    return service.reset_second_factors(user_id=register.id_of(options.username), reason=reason(options))


def _token_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", help="what the token is called in the activity log")
    parser.add_argument("--scope", choices=ApiToken.Scope.values, default=ApiToken.Scope.READ.value)
    parser.add_argument(
        "--expires",
        dest="expires_at",
        type=arguments.instant,
        metavar="INSTANT",
        help="from when on it opens nothing",
    )
    _limited(parser, default=[])
    parser.add_argument(
        "--from",
        dest="networks",
        nargs="+",
        metavar="CIDR",
        default=[],
        help="networks from which it opens anything",
    )
    parser.add_argument(
        "--assistant",
        dest="for_assistant",
        action="store_true",
        help="for an assistant (manage.py mcp): it looks and proposes, and a person confirms",
    )
    arguments.add_reason(parser)


def _token_named(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", help="of the token")
    arguments.add_reason(parser)


def _rename_options(parser: argparse.ArgumentParser) -> None:
    _token_named(parser)
    parser.add_argument("new_name", help="what it is called from now on")


def _rotate_options(parser: argparse.ArgumentParser) -> None:
    _token_named(parser)
    parser.add_argument(
        "--overlap",
        dest="overlap_hours",
        type=float,
        default=24,
        metavar="HOURS",
        help="for which the text before it opens yet (24)",
    )


def _rotate_token(service: Service, options: Options) -> TokenMade:
    body = people.TokenRotation(overlap_hours=options.overlap_hours, reason=reason(options))
    return service.rotate_token(token_id=tokens.id_of(options.name), **body.model_dump())


def _make_token(service: Service, options: Options) -> TokenMade:
    body = people.NewToken(
        **given(options, "name", "scope", "expires_at", "limited_to", "networks", "for_assistant", "reason")
    )
    return service.make_token(**body.model_dump())


def _rename_token(service: Service, options: Options) -> ApiToken:
    body = people.TokenName(name=options.new_name, reason=reason(options))
    return service.rename_token(token_id=tokens.id_of(options.name), **body.model_dump())


PEOPLE = (
    Command("users", "list who may log in", lambda s, o: s.get_users(), list[people.UserOut], _users),
    Command("user-add", "register a person", _add, people.UserOut, _one, _add_options),
    Command(
        "user-change", "give a person another level or name", _change, people.UserOut, _one, _change_options
    ),
    Command(
        "user-password",
        "set a person's password, which is asked or read from the standard input; their sessions end",
        _set_password,
        people.UserOut,
        _one,
        _named,
    ),
    Command(
        "user-password-link",
        "make a link by which a person sets a password, once",
        lambda s, o: s.make_password_link(user_id=register.id_of(o.username), reason=reason(o)),
        people.PasswordLinkOut,
        _link,
        _named,
    ),
    Command(
        "user-deactivate",
        "shut a person out and end their sessions",
        lambda s, o: s.deactivate_user(user_id=register.id_of(o.username), reason=reason(o)),
        people.UserOut,
        _one,
        _named,
    ),
    Command(
        "user-reactivate",
        "let a person in again",
        lambda s, o: s.reactivate_user(user_id=register.id_of(o.username), reason=reason(o)),
        people.UserOut,
        _one,
        _named,
    ),
    Command(
        "user-reset-second-factors",
        "take away the second factors that a person lost",
        _reset_factors,
        people.UserOut,
        _one,
        _named,
    ),
    Command(
        "user-end-sessions",
        "log a person out everywhere",
        lambda s, o: {"ended": s.end_user_sessions(user_id=register.id_of(o.username), reason=reason(o))},
        people.SessionsEndedOut,
        lambda answer: [f"Logged out of {answer['ended']} browsers."],
        _named,
    ),
    Command(
        "lockouts",
        "list who is locked out",
        lambda s, o: s.get_lockouts(),
        list[people.LockoutOut],
        _lockouts,
    ),
    Command(
        "lockout-lift",
        "let a locked-out name, or every name from an address, try again",
        lambda s, o: {
            "addresses": s.lift_lockout(username=o.username, address=o.address, reason=reason(o)),
        },
        people.LiftedOut,
        lambda answer: [f"May try again; {answer['addresses']} refusals ended."],
        _locked,
    ),
    Command("tokens", "list the API's tokens", lambda s, o: s.get_tokens(), list[people.TokenOut], _tokens),
    Command(
        "token-make",
        "make a token and show it this once",
        _make_token,
        people.TokenMadeOut,
        _made,
        _token_options,
    ),
    Command(
        "token-rename",
        "call a token something else",
        _rename_token,
        people.TokenOut,
        lambda t: _tokens([t]),
        _rename_options,
    ),
    Command(
        "token-rotate",
        "give a token another text and show it this once",
        _rotate_token,
        people.TokenMadeOut,
        _made,
        _rotate_options,
    ),
    Command(
        "token-revoke",
        "make a token useless",
        lambda s, o: s.revoke_token(token_id=tokens.id_of(o.name), reason=reason(o)),
        people.TokenOut,
        lambda t: _tokens([t]),
        _token_named,
    ),
)
