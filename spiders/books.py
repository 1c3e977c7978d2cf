"""books.toscrape.com, a shop made for practising: 1,000 books on 50 listing pages."""

from scraper import DropItem, Spider

_STARS = ("Zero", "One", "Two", "Three", "Four", "Five")


class Books(Spider):
    """Every book of the shop, with its price."""

    def parse(self, response):
        for link in response.select("article.product_pod h3 a"):
            yield response.follow(link["href"], self.parse_book)
        if following := response.select_one("li.next a"):
            yield response.follow(following["href"])

    def parse_book(self, response):
        facts = {row.select_one("th").text: row.select_one("td").text for row in response.select("table tr")}
        yield {
            "title": response.select_one("h1").get_text(strip=True),
            "price": response.css_first("p.price_color").text(),
            "upc": facts["UPC"],
            "category": response.select_one("ul.breadcrumb li:nth-of-type(3)").get_text(strip=True),
            "stars": response.css_first("p.star-rating").attributes["class"].split()[-1],
            "available": facts["Availability"],
            "url": response.url,
        }


def clean(item):
    """Make numbers of words, and leave out a book that is not in stock: the item pipeline."""
    if "In stock" not in item["available"]:
        raise DropItem("not in stock")
    return {
        **item,
        "price": float(item["price"].lstrip("£")),
        "stars": _STARS.index(item["stars"]),
        "available": int("".join(filter(str.isdigit, item["available"]))),
    }
