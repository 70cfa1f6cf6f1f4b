"""A small video site: pages with a video, direct files, feeds, and everything that can be wrong with them.

* ``/site/`` lists the films; ``/site/videos/<slug>`` is a film's page, ``/site/media/<slug>.mp4`` its file
* ``/site/feed.xml`` is RSS with MRSS, ``/site/atom.xml`` Atom; ``?limit=3`` shortens both, ``?skip=2`` leaves the
  newest out, and ``/site/empty-feed.xml`` has no item
* ``/site/gallery`` has three videos on one page, ``/site/about`` none
* ``/site/videos/empty-file``, ``…/truncated-file``, ``…/lost-file`` and ``…/slow-file`` are pages whose file has
  0 bytes, ends too early, does not exist, or takes ``?seconds=`` to come
"""

from __future__ import annotations

from datetime import datetime, timedelta
from email.utils import format_datetime
from html import escape
from typing import TYPE_CHECKING

from channels.sandbox.site_media import (
    BY_SLUG,
    FILMS,
    HEIGHT,
    WIDTH,
    Film,
    empty_file,
    film_file,
    picture_file,
    truncated_file,
)
from channels.sandbox.store import Store, iso
from channels.sandbox.wire import Problem, Request, Response, on_start, route

if TYPE_CHECKING:
    from channels.sandbox.server import Sandbox

LICENCE = "https://creativecommons.org/licenses/by/4.0/"
AUTHOR = "Sandbox Films"
SLOW_SECONDS = 5.0
HOURS_BETWEEN_FILMS = 7
BROKEN = {
    "empty-file": ("The empty file", "empty.mp4"),
    "truncated-file": ("The truncated file", "truncated.mp4"),
    "lost-file": ("The lost file", "lost.mp4"),
    "slow-file": ("The slow file", "slow.mp4"),
}


def seed_demo(store: Store) -> None:
    """Open the site, which dates its films; done before, nothing changes."""
    _opened_at(store)


@on_start
def make_films_ahead(sandbox: Sandbox) -> None:
    """Make the films of an opened site in the background, so that nobody waits for the first one."""
    with sandbox.store.read("site") as site:
        opened = bool(site.get("opened_at"))
    if opened and sandbox.store.persistent:
        sandbox.spawn(_make_all, sandbox)


@route("GET", "/site/")
@route("GET", "/site")
def index(sandbox: Sandbox, request: Request) -> Response:
    """List the films."""
    base = _base(sandbox, request)
    films = "".join(
        f'<li><a href="{base}/videos/{film.slug}"><img src="{base}/thumbs/{film.slug}.jpg" width="160" alt="">'
        f" {escape(film.title)}</a></li>"
        for film in FILMS
    )
    feeds = (
        f'<link rel="alternate" type="application/rss+xml" href="{base}/feed.xml">'
        f'<link rel="alternate" type="application/atom+xml" href="{base}/atom.xml">'
    )
    return _page(AUTHOR, f"<h1>{AUTHOR}</h1><ul>{films}</ul><p><a href='{base}/about'>About</a></p>", feeds)


@route("GET", "/site/gallery")
def gallery(sandbox: Sandbox, request: Request) -> Response:
    """Show three films on one page."""
    base = _base(sandbox, request)
    films = "".join(
        f'<h2>{escape(film.title)}</h2><video controls src="{base}/media/{film.file_name}"></video>'
        for film in FILMS[:3]
    )
    return _page("Gallery", f"<h1>Gallery</h1>{films}")


@route("GET", "/site/about")
def about(sandbox: Sandbox, request: Request) -> Response:
    """Show a page that has no video on it."""
    return _page("About", "<h1>About</h1><p>We make short films about places where little happens.</p>")


@route("GET", "/site/videos/{slug}")
def film_page(sandbox: Sandbox, request: Request) -> Response:
    """Show a film's page, or one of the pages whose file is broken."""
    base, slug = _base(sandbox, request), request.params["slug"]
    if slug in BROKEN:
        title, file_name = BROKEN[slug]
        query = f"?{escape(request.query_string)}" if request.query_string else ""
        return _page(title, f'<h1>{title}</h1><video controls src="{base}/media/{file_name}{query}"></video>')
    film = _film(slug)
    address, picture = f"{base}/media/{film.file_name}", f"{base}/thumbs/{slug}.jpg"
    og = {
        "og:type": "video.other",
        "og:site_name": AUTHOR,
        "og:title": film.title,
        "og:description": film.description,
        "og:image": picture,
        "og:video": address,
        "og:video:type": "video/mp4",
        "og:video:width": str(WIDTH),
        "og:video:height": str(HEIGHT),
        "video:duration": str(film.seconds),
        "video:release_date": iso(_published_at(sandbox.store, film)),
    }
    tags = "".join(f'<meta property="{name}" content="{escape(value)}">' for name, value in og.items())
    head = (
        f'<meta name="description" content="{escape(film.description)}">'
        f'<meta name="keywords" content="{escape(", ".join(film.tags))}"><meta name="author" content="{AUTHOR}">'
        f'<link rel="license" href="{LICENCE}"><link rel="canonical" href="{base}/videos/{slug}">{tags}'
    )
    body = (
        f'<h1>{escape(film.title)}</h1><video controls width="{WIDTH}" height="{HEIGHT}" poster="{picture}">'
        f'<source src="{address}" type="video/mp4"></video><p>{escape(film.description)}</p>'
        f'<p>{AUTHOR}, <a rel="license" href="{LICENCE}">CC BY 4.0</a></p>'
    )
    return _page(film.title, body, head)


@route("GET", "/site/media/{name}")
def media(sandbox: Sandbox, request: Request) -> Response:
    """Send a film's file, whole or the asked range of it."""
    name = request.params["name"]
    if name == "empty.mp4":
        return Response.file(request, empty_file(sandbox.store), "video/mp4")
    if name == "truncated.mp4":
        return Response.file(request, truncated_file(sandbox.store, FILMS[0]), "video/mp4")
    if name == "slow.mp4":
        sandbox.stopping.wait(_number(request, "seconds", SLOW_SECONDS))
        return Response.file(request, film_file(sandbox.store, FILMS[1]), "video/mp4")
    film = _film(name.removesuffix(".mp4"))
    return Response.file(request, film_file(sandbox.store, film), "video/mp4")


@route("GET", "/site/thumbs/{name}")
def thumbnail(sandbox: Sandbox, request: Request) -> Response:
    """Send a film's still."""
    film = _film(request.params["name"].removesuffix(".jpg"))
    return Response.file(request, picture_file(sandbox.store, film), "image/jpeg")


@route("GET", "/site/feed.xml")
def rss(sandbox: Sandbox, request: Request) -> Response:
    """Show the films as RSS with Media RSS, newest first."""
    base = _base(sandbox, request)
    items = "".join(_rss_item(sandbox.store, base, film) for film in _chosen(request))
    return _rss(base, items)


@route("GET", "/site/empty-feed.xml")
def empty_rss(sandbox: Sandbox, request: Request) -> Response:
    """Show a feed that has no item."""
    return _rss(_base(sandbox, request), "")


@route("GET", "/site/atom.xml")
def atom(sandbox: Sandbox, request: Request) -> Response:
    """Show the films as Atom, newest first."""
    base = _base(sandbox, request)
    entries = "".join(
        f"<entry><title>{escape(film.title)}</title><id>{base}/videos/{film.slug}</id>"
        f'<link rel="alternate" type="text/html" href="{base}/videos/{film.slug}"/>'
        f'<link rel="enclosure" type="video/mp4" href="{base}/media/{film.file_name}"/>'
        f"<published>{iso(at)}</published><updated>{iso(at)}</updated>"
        f"<summary>{escape(film.description)}</summary></entry>"
        for film, at in ((film, _published_at(sandbox.store, film)) for film in _chosen(request))
    )
    updated = iso(_opened_at(sandbox.store))
    feed = (
        f'<?xml version="1.0" encoding="UTF-8"?><feed xmlns="http://www.w3.org/2005/Atom"><title>{AUTHOR}</title>'
        f'<id>{base}/</id><link href="{base}/"/><link rel="self" href="{base}/atom.xml"/>'
        f"<updated>{updated}</updated><author><name>{AUTHOR}</name></author>{entries}</feed>"
    )
    return Response.text(feed, content_type="application/atom+xml; charset=utf-8")


def _rss_item(store: Store, base: str, film: Film) -> str:
    page, address = f"{base}/videos/{film.slug}", f"{base}/media/{film.file_name}"
    published = format_datetime(_published_at(store, film), usegmt=True)
    return (
        f"<item><title>{escape(film.title)}</title><link>{page}</link>"
        f'<guid isPermaLink="true">{page}</guid><pubDate>{published}</pubDate>'
        f"<description>{escape(film.description)}</description>"
        f'<enclosure url="{address}" type="video/mp4" length="0"/>'
        f'<media:content url="{address}" type="video/mp4" medium="video" duration="{film.seconds}" '
        f'width="{WIDTH}" height="{HEIGHT}" lang="en">'
        f'<media:title type="plain">{escape(film.title)}</media:title>'
        f'<media:description type="plain">{escape(film.description)}</media:description>'
        f"<media:keywords>{escape(', '.join(film.tags))}</media:keywords>"
        f'<media:thumbnail url="{base}/thumbs/{film.slug}.jpg" width="{WIDTH}" height="{HEIGHT}"/>'
        f'<media:license type="text/html" href="{LICENCE}">CC BY 4.0</media:license>'
        "</media:content></item>"
    )


def _rss(base: str, items: str) -> Response:
    feed = (
        '<?xml version="1.0" encoding="UTF-8"?>'
        '<rss version="2.0" xmlns:media="http://search.yahoo.com/mrss/"><channel>'
        f"<title>{AUTHOR}</title><link>{base}/</link><language>en</language>"
        f"<description>Short films about places where little happens.</description>{items}</channel></rss>"
    )
    return Response.text(feed, content_type="application/rss+xml; charset=utf-8")


def _page(title: str, body: str, head: str = "") -> Response:
    return Response.html(
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>{head}</head>'
        f"<body>{body}</body></html>"
    )


def _film(slug: str) -> Film:
    film = BY_SLUG.get(slug)
    if film is None:
        raise Problem(Response.html("<!doctype html><title>404</title><h1>Not found</h1>", 404))
    return film


def _chosen(request: Request) -> tuple[Film, ...]:
    skip = int(_number(request, "skip", 0))
    return FILMS[skip : skip + int(_number(request, "limit", len(FILMS)))]


def _number(request: Request, name: str, default: float) -> float:
    try:
        return max(0.0, float(request.query.get(name, default)))
    except ValueError:
        raise Problem(Response.text(f"{name} must be a number", 400)) from None


def _base(sandbox: Sandbox, request: Request) -> str:
    return f"http://{request.headers.get('Host') or f'127.0.0.1:{sandbox.port}'}/site"


def _opened_at(store: Store) -> datetime:
    with store.read("site") as site:
        if "opened_at" in site:
            return datetime.fromisoformat(site["opened_at"])
    with store.change("site") as site:
        return datetime.fromisoformat(site.setdefault("opened_at", store.now().isoformat()))


def _published_at(store: Store, film: Film) -> datetime:
    return _opened_at(store) - timedelta(hours=HOURS_BETWEEN_FILMS * (film.number - 1) + 1)


def _make_all(sandbox: Sandbox) -> None:
    for film in FILMS:
        if sandbox.stopping.is_set():
            return
        film_file(sandbox.store, film)
