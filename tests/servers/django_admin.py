"""Django's admin with a table of users, behind Python's own server: `python -m tests.servers.django_admin ROWS`.

Beside it an API gives the users as JSON: `/api/users` by a cursor, `/api/search` by the page of a posted object.
`/feed/rss` and `/feed/atom` are feeds of the first ones by Django's syndication app, `/users.xml` Django's own XML.
It prints its port once it is ready, and ends with its standard input.
"""

from __future__ import annotations

import json
import sys
import threading
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, make_server

import django
from django.conf import settings

USER, PASSWORD = "admin", "a secret of the admin's"


class _Silent(WSGIRequestHandler):
    def log_message(self, *_: object) -> None:
        """Say nothing."""


def _by_cursor(request: Any) -> Any:
    """Fifty users behind the one that the cursor names, and the address of those that follow."""
    from django.contrib.auth.models import User
    from django.http import JsonResponse

    rows = list(User.objects.filter(pk__gt=request.GET.get("cursor", 0)).order_by("pk").values("id", "username")[:51])
    more = request.build_absolute_uri(f"?cursor={rows[49]['id']}") if len(rows) > 50 else None
    return JsonResponse({"results": rows[:50], "next": more})


def _by_page(request: Any) -> Any:
    """The page of users that the posted object asks for."""
    from django.contrib.auth.models import User
    from django.core.paginator import Paginator
    from django.http import HttpResponseNotAllowed, JsonResponse

    if request.method != "POST":
        return HttpResponseNotAllowed(["POST"])
    asked = json.loads(request.body)
    page = Paginator(User.objects.order_by("pk").values("id", "username"), 50).page(asked["page"])
    return JsonResponse({"results": list(page), "next": page.next_page_number() if page.has_next() else None})


_by_page.csrf_exempt = True  # type: ignore[attr-defined]  # as for any API that programs post to


def _feeds() -> list[Any]:
    """Feeds of ten users, as RSS and as Atom."""
    from django.contrib.auth.models import User
    from django.contrib.syndication.views import Feed
    from django.utils.feedgenerator import Atom1Feed

    class Rss(Feed):
        title, link, description = "Users & friends", "/users/", "Who is new"

        def items(self) -> Any:
            return User.objects.filter(is_superuser=False).order_by("pk")[:10]

        def item_title(self, item: Any) -> str:
            return f"<{item.username}> & co"

        def item_description(self, item: Any) -> str:
            return f"<p>Mail: {item.email}</p>"

        def item_link(self, item: Any) -> str:
            return f"/users/{item.pk}/"

        def item_author_name(self, item: Any) -> str:
            return str(item.username)

        def item_pubdate(self, item: Any) -> Any:
            return item.date_joined.replace(microsecond=0)

        item_updateddate = item_pubdate

    class Atom(Rss):
        feed_type, subtitle = Atom1Feed, Rss.description

    return [Rss(), Atom()]


def _as_xml(request: Any) -> Any:
    """Return all users as Django writes them for itself."""
    from django.contrib.auth.models import User
    from django.core import serializers
    from django.http import HttpResponse

    fields = ("username", "email", "is_active")
    text = serializers.serialize("xml", User.objects.order_by("pk"), fields=fields)
    return HttpResponse(text, content_type="application/xml")


def serve(rows: int) -> None:
    """Serve an admin with so many users, besides the one that logs in."""
    settings.configure(
        SECRET_KEY="x" * 50,
        ALLOWED_HOSTS=["127.0.0.1"],
        ROOT_URLCONF=__name__,
        PASSWORD_HASHERS=["django.contrib.auth.hashers.MD5PasswordHasher"],
        DATABASES={
            "default": {"ENGINE": "django.db.backends.sqlite3", "NAME": "file:admin?mode=memory&cache=shared"}
        },
        INSTALLED_APPS=[
            f"django.contrib.{name}" for name in ("admin", "auth", "contenttypes", "sessions", "messages")
        ],
        MIDDLEWARE=[
            "django.contrib.sessions.middleware.SessionMiddleware",
            "django.middleware.csrf.CsrfViewMiddleware",
            "django.contrib.auth.middleware.AuthenticationMiddleware",
            "django.contrib.messages.middleware.MessageMiddleware",
        ],
        TEMPLATES=[
            {
                "BACKEND": "django.template.backends.django.DjangoTemplates",
                "APP_DIRS": True,
                "OPTIONS": {
                    "context_processors": [
                        "django.template.context_processors.request",
                        "django.contrib.auth.context_processors.auth",
                        "django.contrib.messages.context_processors.messages",
                    ]
                },
            }
        ],
    )
    django.setup()
    from django.contrib import admin
    from django.contrib.auth.models import User
    from django.core.management import call_command
    from django.core.wsgi import get_wsgi_application
    from django.urls import path

    globals()["urlpatterns"] = [
        path("admin/", admin.site.urls),
        path("api/users", _by_cursor),
        path("api/search", _by_page),
        path("users.xml", _as_xml),
        *(path(f"feed/{name}", feed) for name, feed in zip(("rss", "atom"), _feeds(), strict=True)),
    ]
    admin.site._registry[User].list_per_page = 40
    call_command("migrate", verbosity=0)
    User.objects.create_superuser(USER, "admin@example.com", PASSWORD)
    User.objects.bulk_create(
        User(username=f"user{number:03}", email=f"{number}@example.com") for number in range(rows)
    )
    server = make_server("127.0.0.1", 0, get_wsgi_application(), handler_class=_Silent)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    sys.stdout.write(f"{server.server_port}\n")
    sys.stdout.flush()
    sys.stdin.read()


if __name__ == "__main__":
    # Django imports the module of its URLs by name.
    from tests.servers import django_admin

    django_admin.serve(int(sys.argv[1]))
