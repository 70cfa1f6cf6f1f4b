"""`manage.py issue_token`: shown once, listed without, revoked for good."""

from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from orchestration.models import Activity, ApiToken
from orchestration.register import tokens
from orchestration.states import Trigger

pytestmark = pytest.mark.django_db


def issue_token(*words):
    """Run the command; return exit code, output and errors."""
    out, err, code = StringIO(), StringIO(), 0
    try:
        call_command("issue_token", *words, stdout=out, stderr=err)
    except SystemExit as end:
        code = end.code
    return code, out.getvalue(), err.getvalue()


def test_the_token_alone_is_printed_and_works():
    code, out, err = issue_token("ci", "--scope", "operate")

    assert code == 0
    assert tokens.verify(out.strip()).scope == "operate"
    assert "once" in err
    assert Activity.objects.get(verb="issue_token").trigger == Trigger.CLI


def test_a_token_may_only_read_unless_more_is_asked_for():
    issue_token("ci")

    assert ApiToken.objects.get().scope == "read"


def test_the_list_shows_names_and_no_tokens():
    _, text, _ = issue_token("ci")

    _, out, _ = issue_token("--list")

    assert "ci" in out and "read" in out
    assert text.strip() not in out
    assert ApiToken.objects.get().token_hash not in out


def test_a_token_is_revoked_by_name():
    _, text, _ = issue_token("ci")

    code, out, _ = issue_token("--revoke", "ci")

    assert (code, tokens.verify(text.strip())) == (0, None)
    assert "revoked" in out
    assert issue_token("--revoke", "ci")[0] == 2
    assert issue_token("--revoke", "nobody")[0] == 4


def test_a_name_is_given_once():
    issue_token("ci")

    code, out, err = issue_token("ci")

    assert (code, out) == (2, "")
    assert "ci" in err or "Name" in err


def test_a_scope_that_is_none_is_refused():
    with pytest.raises(CommandError):
        issue_token("ci", "--scope", "root")
