"""The real clients of GitHub and YouTube tell of each request: method, host, path, status and GitHub's request id."""

import requests
from github.Requester import Requester

from channels.gateways import github_wire, observed


def test_pygithub_makes_its_connections_by_ours():
    assert Requester._Requester__httpsConnectionClass is github_wire._Observed
    assert Requester._Requester__httpConnectionClass is github_wire._ObservedPlain


def test_requests_of_pygithub_are_heard_of_with_their_id(monkeypatch):
    def answer(self, url, **options):
        response = requests.Response()
        response.status_code = 404
        response.headers["X-GitHub-Request-Id"] = "C0:FFEE"
        response._content = b"{}"
        return response

    monkeypatch.setattr(requests.Session, "get", answer)
    heard: list[observed.Request] = []
    connection = github_wire._Observed("api.github.com")
    connection.request("GET", "/repos/o/r?ref=main", None, {"Authorization": "secret"})
    with observed.observing(heard.append):
        connection.getresponse()
    (found,) = heard
    assert (found.method, found.host, found.path) == ("GET", "api.github.com", "/repos/o/r")
    assert (found.status, found.request_id, found.error) == (404, "C0:FFEE", "")
