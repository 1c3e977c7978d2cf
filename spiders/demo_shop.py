"""The demo shop (`scraper demo`), its login area included."""

from scraper import Request, Spider


class DemoShop(Spider):
    """Every product of the demo shop, those for members too.

    Args:
        user: the customer who logs in.
        password: of that customer.
    """

    user = "demo"
    password = "demo"

    def start(self):
        for url in self.start_urls:
            yield Request(url)
        # First in line: what the session cookie opens can then be fetched beside the rest.
        yield Request(self.start_urls[0].rstrip("/") + "/login", self.parse_login, priority=1)

    def parse(self, response):
        """Follow the categories of the home page, and the links in its footer."""
        for link in response.select("nav.categories a"):
            yield response.follow(link, self.parse_listing)
        for link in response.select('footer a:not([href="/login"], [href^="/members"])'):
            yield response.follow(link, self.parse_listing)

    def parse_login(self, response):
        """Send the form as a browser would, its hidden fields included."""
        form = response.select_one("form#login")
        fields = {field["name"]: field.get("value", "") for field in form.select("input[name]")}
        yield Request(
            response.urljoin(form["action"]),
            self.parse_listing,
            method=form["method"],
            data={**fields, "user": self.user, "password": self.password},
            # Logging in twice does no harm, so it may be repeated when the crawl was killed in the middle of it.
            retry_unsafe=True,
        )

    def parse_listing(self, response):
        for link in response.select("article.product_pod h3 a"):
            yield response.follow(link["href"], self.parse_product)
        if following := response.select_one("li.next a"):
            yield response.follow(following["href"], self.parse_listing)

    def parse_product(self, response):
        yield {
            "title": response.css_first("h1").text(),
            "price": response.css_first("p.price_color").text(),
            "sku": response.css_first("td.sku").text(),
            "category": response.css_first("li.category").text(),
            "stock": response.css_first("p.stock").text(),
            "url": response.url,
            "member": "/members/" in response.url,
        }
        for link in response.select("section.related a"):
            yield response.follow(link, self.parse_product)
