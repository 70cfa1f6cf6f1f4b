"""Demo and real installation: what a data folder holds, and that the two never mix."""

import socket
from pathlib import Path

import pytest

from config import env
from config.supervisor import first_user, installation
from config.supervisor.errors import CannotStart
from config.supervisor.lock import DataFolderLock


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a data folder that no installation uses yet."""
    monkeypatch.setenv("HEADEND_DATA_DIR", str(tmp_path))
    env.reset_installation()
    yield tmp_path
    env.reset_installation()


def settle(kept: dict[str, str], *, demo: bool, brings_server: bool = True) -> dict[str, str]:
    return installation.settle(kept, demo=demo, host="127.0.0.1", port=8000, brings_server=brings_server)


def test_a_demo_points_every_address_at_the_sandbox(folder) -> None:
    values = settle({}, demo=True)
    sandbox = f"http://127.0.0.1:{values['HEADEND_SANDBOX_PORT']}/"
    for name in ("GITHUB_API_URL", "YOUTUBE_API_URL", "GOOGLE_TOKEN_URL", "GOOGLE_AUTH_URL"):
        assert values[name].startswith(sandbox)
    assert values["HEADEND_PUBLIC_URL"] == "http://127.0.0.1:8000"


def test_a_real_installation_is_told_no_address(folder) -> None:
    assert settle({}, demo=False) == {"HEADEND_INSTALLATION": "real"}


def test_the_sandbox_keeps_its_port_and_secrets_at_the_next_start(folder) -> None:
    first = settle({}, demo=True)
    installation.write(folder, first)
    assert settle(dict(env.installation()), demo=True) == first


def test_the_file_is_readable_by_its_owner_alone(folder) -> None:
    installation.write(folder, {"NAME": "value"})
    assert (folder / "installation.env").stat().st_mode & 0o777 == 0o600
    assert env.text("NAME") == "value"


def test_a_sandbox_port_that_another_program_took_is_named(folder) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        taken.listen()
        with pytest.raises(CannotStart, match=f"Port {port} on 127.0.0.1"):
            settle({"HEADEND_SANDBOX_PORT": str(port)}, demo=True)


@pytest.mark.parametrize(
    ("kept", "has_rows", "demo", "said"),
    [
        ({"HEADEND_DEMO": "yes"}, True, False, "holds a demo"),
        ({"HEADEND_INSTALLATION": "real"}, True, True, "holds a real installation"),
        ({"HEADEND_INSTALLATION": "real"}, False, True, "holds a real installation"),
        ({}, True, True, "holds a real installation"),
    ],
)
def test_a_demo_and_a_real_installation_do_not_mix(folder, kept, has_rows, demo, said) -> None:
    with pytest.raises(CannotStart, match=said):
        installation.refuse_mixing(kept, demo=demo, has_rows=has_rows, data_dir=folder)


@pytest.mark.parametrize(
    ("kept", "has_rows", "demo"),
    [
        ({}, False, True),
        ({}, False, False),
        ({}, True, False),
        ({"HEADEND_DEMO": "yes"}, True, True),
        ({"HEADEND_INSTALLATION": "real"}, True, False),
    ],
)
def test_each_kind_starts_again_as_what_it_is(folder, kept, has_rows, demo) -> None:
    installation.refuse_mixing(kept, demo=demo, has_rows=has_rows, data_dir=folder)


def test_a_demo_does_not_run_in_production(folder, monkeypatch) -> None:
    monkeypatch.setenv("HEADEND_ENV", "production")
    with pytest.raises(CannotStart, match="HEADEND_ENV=production"):
        installation.refuse_mixing({}, demo=True, has_rows=False, data_dir=folder)


def test_without_a_server_the_broker_is_made_of_files(folder) -> None:
    assert settle({}, demo=False, brings_server=False)["HEADEND_EMBEDDED_BROKER"] == "files"


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("127.0.0.1", "http://127.0.0.1:8000"),
        ("0.0.0.0", "http://127.0.0.1:8000"),
        ("::1", "http://[::1]:8000"),
        ("192.0.2.7", "http://192.0.2.7:8000"),
    ],
)
def test_the_address_to_open_is_one_that_a_browser_can_reach(host, url) -> None:
    assert installation.local_url(host, 8000) == url


def test_a_server_for_one_address_admits_that_name_and_loopback() -> None:
    assert installation.allowed_hosts("192.0.2.7") == ["localhost", "127.0.0.1", "[::1]", "192.0.2.7"]
    assert installation.allowed_hosts("::1") == ["localhost", "127.0.0.1", "[::1]"]


def test_a_server_for_all_addresses_admits_the_name_of_this_machine() -> None:
    assert socket.gethostname() in installation.allowed_hosts("0.0.0.0")


def test_a_second_supervisor_is_refused_and_the_first_is_named(folder) -> None:
    with DataFolderLock(folder), pytest.raises(CannotStart, match=r"already runs on .* \(process \d+\)"):
        DataFolderLock(folder).__enter__()
    with DataFolderLock(folder):
        pass


@pytest.mark.django_db
def test_the_first_user_gets_a_password_of_its_own(client) -> None:
    password = first_user.make_first_user()
    user = first_user.get_user_model().objects.get()
    assert user.is_superuser
    assert user.check_password(password)
    assert password not in user.password


@pytest.mark.django_db
def test_the_first_user_chooses_a_password_behind_a_link_that_opens_once(client) -> None:
    first_user.make_first_user()
    link = first_user.make_link()
    page = client.get(link, follow=True)
    form = page.redirect_chain[-1][0]
    chosen = "a curtain of light over Oslo"
    client.post(form, {"password": chosen, "again": chosen, "new_password1": chosen, "new_password2": chosen})
    assert first_user.get_user_model().objects.get().check_password(chosen)
    assert (
        "form" not in (client.get(link, follow=True).context or {})
        or not client.get(link, follow=True).context["validlink"]
    )


@pytest.mark.django_db
def test_no_user_is_made_where_an_administrator_exists() -> None:
    first_user.get_user_model().objects.create_superuser("someone")
    assert first_user.make_first_user() is None


@pytest.mark.django_db
def test_an_ordinary_user_named_admin_is_not_made_an_administrator() -> None:
    first_user.get_user_model().objects.create_user("admin")
    assert first_user.make_first_user() is None
    assert not first_user.get_user_model().objects.get().is_superuser
