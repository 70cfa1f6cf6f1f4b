"""Every page opens, shows text as text, carries nothing inline, and tells when nothing changed."""


def test_every_page_opens_for_an_operator(console, addresses):
    for address in addresses:
        answer = console.get(address)
        assert answer.status_code == 200, address
