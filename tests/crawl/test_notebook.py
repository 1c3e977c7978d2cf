"""The sample notebook, run by a kernel of Jupyter as somebody would run it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from scraper import Response
from scraper.demo.catalogue import ALL_PRODUCTS
from tests.crawl.commands import environment

PAGE = Path(__file__).parents[2] / "docs" / "notebook.ipynb"


@pytest.fixture(scope="module")
def outputs(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """What each cell of code shows, as text, with its HTML."""
    for package in ("nbclient", "ipykernel", "pandas", "xlsxwriter"):
        pytest.importorskip(package)
    import nbformat
    from nbclient import NotebookClient

    book = nbformat.read(PAGE, as_version=4)
    folder = tmp_path_factory.mktemp("notebook")
    client = NotebookClient(book, timeout=60, kernel_name="python3", resources={"metadata": {"path": str(folder)}})
    client.execute(env=environment())
    cells = [cell for cell in book.cells if cell.cell_type == "code"]
    return [json.dumps(cell.outputs, ensure_ascii=False) for cell in cells]


def test_every_cell_shows_what_it_is_there_for(outputs: list[str]) -> None:
    (_, run, items, table, groups, api, files, _) = outputs
    assert "http://127.0.0.1" in outputs[0]
    assert "<td>finished</td>" in run
    assert f"10 of {len(ALL_PRODUCTS)} items" in items and "<th>price</th>" in items
    assert str(max(float(product.price[1:]) for product in ALL_PRODUCTS)) in table
    assert f"{len(ALL_PRODUCTS)}" in api
    assert "count" in groups
    assert "products.xlsx" in files and "products.csv" in files


def test_it_is_kept_without_outputs() -> None:
    book: dict[str, Any] = json.loads(PAGE.read_text(encoding="utf-8"))
    code = [cell for cell in book["cells"] if cell["cell_type"] == "code"]
    assert len(code) > 5
    assert all(not cell["outputs"] and cell["execution_count"] is None for cell in code)


def test_a_response_shows_itself() -> None:
    response = Response("http://a.example/<b>", headers={"Content-Type": "text/html"}, body=b"x" * 2_000)
    shown = response._repr_html_()
    assert "&lt;b&gt;" in shown and "<b>" not in shown
    assert "<td>2,000</td>" in shown
