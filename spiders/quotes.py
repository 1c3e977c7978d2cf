"""quotes.toscrape.com, behind its login form: only who has logged in sees the links to Goodreads."""

from scraper import Request, Spider


class Quotes(Spider):
    """Every quote with its author, tags and the author's page on Goodreads.

    Args:
        user: any name; the site lets everybody in.
        password: any.
    """

    user = "reader"
    password = "secret"

    def start(self):
        for url in self.start_urls:
            yield Request(url, self.parse_login)

    def parse_login(self, response):
        """Send the form as a browser would, its hidden csrf_token included."""
        form = response.select_one("form[action='/login']")
        fields = {field["name"]: field.get("value", "") for field in form.select("input[name]")}
        yield Request(
            response.urljoin(form["action"]),
            method="POST",
            data={**fields, "username": self.user, "password": self.password},
            retry_unsafe=True,
        )

    def parse(self, response):
        """Take the quotes of a page: the one that the login redirects to, and those after it."""
        for quote in response.select("div.quote"):
            goodreads = quote.select_one("a[href*='goodreads.com']")
            yield {
                "text": quote.select_one("span.text").get_text(strip=True).strip("“”"),
                "author": quote.select_one("small.author").get_text(strip=True),
                "tags": [tag.get_text(strip=True) for tag in quote.select("a.tag")],
                "goodreads": goodreads["href"] if goodreads else None,
                "url": response.url,
            }
        if following := response.select_one("li.next a"):
            yield response.follow(following["href"])
