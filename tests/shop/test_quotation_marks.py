"""Quotation marks in feeds: those that nothing closes, and cells of several lines."""

from pathlib import Path

import pytest

from shop.products.store import Changes, ProductStore
from tests.shop.conftest import product, put


@pytest.mark.parametrize(("delimiter", "key", "title"), [("\t", "id", "title"), (",", "sku", "name_en")])
@pytest.mark.parametrize("closed_by", ['s39{}plate 8"{}5 CNY', "s39{}plate{}5 CNY", 's39{}"plate"{}5 CNY'])
def test_a_quotation_mark_that_opens_a_cell_costs_no_other_row(
    store: ProductStore, tmp_path: Path, delimiter: str, key: str, title: str, closed_by: str
) -> None:
    rows = [f"s{number}{delimiter}尺子 {number}{delimiter}5 CNY" for number in range(700)]
    rows[1] = f's1{delimiter}"6 inch ruler{delimiter}5 CNY'
    rows[39] = closed_by.format(delimiter, delimiter)
    imported = put(store, tmp_path, "\n".join([delimiter.join((key, title, "price")), *rows]))
    assert (imported.changes, imported.bad, imported.notes) == (Changes(added=700), 0, 1)
    assert imported.problems[0].startswith("line 3: a cell begins with a quotation mark")
    assert product(store, "s1").names == {"en": '"6 inch ruler'}
    assert "尺子 2" in product(store, "s2").names.values()


@pytest.mark.parametrize(
    ("text", "names", "photos", "notes"),
    [
        ('sku,name_en\nm1,"Mug\nwhite, large"\nm2,Cup\n', {"en": "Mug\nwhite, large"}, (), 1),
        ('sku,name_zh\nm1,"杯子\n白色, 大"\nm2,杯\n', {"zh": "杯子\n白色, 大"}, (), 1),
        ('sku,photos\nm1,"https://c/1\nhttps://c/w_1,h_2"\nm2,x\n', {}, ("https://c/1", "https://c/w_1,h_2"), 0),
    ],
)  # fmt: skip
def test_lines_of_a_cell_that_have_as_many_commas_are_no_rows(
    store: ProductStore, tmp_path: Path, text: str, names: dict[str, str], photos: tuple[str, ...], notes: int
) -> None:
    imported = put(store, tmp_path, text)
    assert (imported.changes, imported.bad, imported.notes) == (Changes(added=2), 0, notes)
    assert (product(store, "m1").names, product(store, "m1").photos) == (names, photos)


def test_cells_of_several_lines_stay_whole_beside_open_ones(store: ProductStore, tmp_path: Path) -> None:
    rows = [
        "sku,name_en,photos",
        'a,"x, ""y""","a.jpg',
        'b.jpg"',
        'b,"open,c',
        'c,"M, N","c,1.jpg\r',
        'd,2.jpg"\r',
        "d,x",
    ]
    imported = put(store, tmp_path, "\n".join(rows))
    assert [problem[:7] for problem in imported.problems] == ["line 4:", "line 7:"]
    assert (product(store, "a").names, product(store, "a").photos) == ({"en": 'x, "y"'}, ("a.jpg", "b.jpg"))
    assert (product(store, "c").names, product(store, "c").photos) == ({"en": "M, N"}, ("c,1.jpg", "d,2.jpg"))
    put(store, tmp_path, 'id\ttitle\tprice\ne\t"two\nlines"\t5 CNY\nf\t"x\ty"\t\n')
    assert (product(store, "e").names, product(store, "f").names) == ({"en": "two\nlines"}, {"en": "x\ty"})
