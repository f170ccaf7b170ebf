"""Feeds of shops: each format, bad rows beside good ones, encodings, and what nobody should send."""

import io
import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from decimal import Decimal
from itertools import islice
from pathlib import Path
from typing import TextIO, cast

import pytest

from shop.feeds.google import rows_of_google_xml
from shop.feeds.importing import format_of, import_feed
from shop.feeds.rows import FeedError, Row
from shop.feeds.tables import rows_of_csv, rows_of_google_tsv, rows_of_jsonl
from shop.products.product import Money, Product
from shop.products.store import Changes, ProductStore
from tests.shop.conftest import product, put

DETAILS = "General:Noise level:40 dB, quiet,General:Warranty:2 years"
COLUMNS = "image_link\tadditional_image_link\tproduct_detail"
TSV = f"""id\ttitle\tprice\tavailability\tgtin\tproduct_type\tmaterial\t{COLUMNS}
m-1\tPorcelain mug\t59.00 CNY\tin_stock\t4006381333931\tHome > Mugs\tporcelain\ta.jpg\tb.jpg,c.jpg\t{DETAILS}
m-2\t马克杯\t1,299.50 CNY\tout of stock\t\t杯子\t陶瓷\t\t\t
"""
XML = """<?xml version="1.0" encoding="UTF-8"?>
<rss version="2.0" xmlns:g="http://base.google.com/ns/1.0"><channel><title>Tea house</title>
<item><g:id>m-1</g:id><title><![CDATA[Mug <b>& "more"</b> =1+1]]></title><g:price>59.00 CNY</g:price>
<g:sale_price>49.00 CNY</g:sale_price><g:availability>in_stock</g:availability><g:gtin>4006381333931</g:gtin>
<g:shipping><g:country>CN</g:country><g:price>10.00 CNY</g:price></g:shipping>
<g:product_detail><g:section_name>General</g:section_name><g:attribute_name>Noise level</g:attribute_name>
<g:attribute_value>40 dB: quiet</g:attribute_value></g:product_detail></item>
<item><g:id>m-2</g:id><title>Cup</title><g:price>free</g:price></item>
</channel></rss>
"""
ATOM = """<feed xmlns="http://www.w3.org/2005/Atom" xmlns:g="http://base.google.com/ns/1.0">
<entry><id>tag:x</id><g:id>m-1</g:id><title>Mug</title><g:price>59.00 USD</g:price></entry></feed>
"""
JSON_LD = {
    "@context": "https://schema.org",
    "@graph": [
        {"@type": "Organization", "name": "Tea house"},
        {
            "@type": "Product", "sku": "m-1",
            "name": [{"@value": "Mug", "@language": "en"}, {"@value": "马克杯", "@language": "zh"}],
            "gtin13": "4006381333931", "brand": {"@type": "Brand", "name": "Cha"},
            "color": "red", "material": "porcelain",
            "weight": {"@type": "QuantitativeValue", "value": 300, "unitCode": "GRM"},
            "image": ["https://x/a.jpg", {"url": "https://x/b.jpg"}],
            "additionalProperty": [{"@type": "PropertyValue", "name": "噪音等级", "value": "40 分贝"}],
            "offers": {
                "@type": "Offer", "price": 59.90, "priceCurrency": "CNY", "availability": "https://schema.org/InStock",
                "warranty": {"durationOfWarranty": {"value": 2, "unitCode": "ANN"}},
            },
        },
        {"@type": "ProductGroup", "hasVariant": [{"@type": "Product", "sku": "v-1", "offers": {
            "@type": "AggregateOffer", "lowPrice": 5, "highPrice": 9, "priceCurrency": "EUR"}}]},
    ],
}  # fmt: skip
CSV = """sku,name_en,name_zh,price,currency,stock,availability,warranty_en,warranty_zh,en:material,zh:材质,photos
m-1,Mug,马克杯,59.00,CNY,3,,2 years,两年,porcelain,陶瓷,"a.jpg
b.jpg"
"""
JSONL = json.dumps({
    "sku": "m-1", "names": {"en": "Mug", "zh": "马克杯"}, "price": "59.00 CNY", "stock": 3,
    "photos": ["a.jpg", "b.jpg"], "warranty": {"en": "2 years", "zh": "两年"},
    "attributes": {"en": {"material": "porcelain"}, "zh": {"材质": "陶瓷"}},
}, ensure_ascii=False)  # fmt: skip
SCRIPT = '<script type="application/ld+json">'
PRICE = Money(Decimal("59.00"), "CNY")


def test_a_table_of_google(store: ProductStore, tmp_path: Path) -> None:
    assert put(store, tmp_path, TSV).changes == Changes(added=2)
    mug, cup = product(store), product(store, "m-2")
    assert (mug.price, mug.is_in_stock, mug.gtin, mug.category) == (PRICE, True, "4006381333931", "Home > Mugs")
    assert mug.attributes == {"en": {"material": "porcelain", "Noise level": "40 dB, quiet", "Warranty": "2 years"}}
    assert mug.photos == ("a.jpg", "b.jpg", "c.jpg")
    assert cup.price == Money(Decimal("1299.50"), "CNY")
    assert (cup.names, cup.is_in_stock, cup.attributes) == ({"zh": "马克杯"}, False, {"zh": {"材质": "陶瓷"}})


def test_xml_of_google_and_an_item_that_is_none(store: ProductStore, tmp_path: Path) -> None:
    imported = put(store, tmp_path, XML)
    assert (imported.changes, imported.bad) == (Changes(added=1), 1)
    assert imported.problems == [
        "line 8: price: 'free' came, but an amount and its currency are expected, such as \"1299.00 CNY\""
    ]
    mug = product(store)
    assert mug.names == {"en": 'Mug <b>& "more"</b> =1+1'}, "shown as text, never run, nothing taken away"
    assert mug.price == Money(Decimal("49.00"), "CNY"), "neither the price before the sale nor that of shipping"
    assert mug.attributes == {"en": {"Noise level": "40 dB: quiet"}}


def test_atom_of_google(store: ProductStore, tmp_path: Path) -> None:
    assert put(store, tmp_path, ATOM).changes == Changes(added=1)
    assert product(store).price == Money(Decimal("59.00"), "USD")


def test_a_sale_with_dates_is_no_price(store: ProductStore, tmp_path: Path) -> None:
    dates = "2026-01-01T00:00+0800/2026-01-08T00:00+0800"
    sale = f"id\ttitle\tprice\tsale_price\tsale_price_effective_date\nm-1\tMug\t59.00 CNY\t49.00 CNY\t{dates}\n"
    put(store, tmp_path, sale)
    assert product(store).price == PRICE
    assert product(store).attributes == {"en": {"sale price": f"49.00 CNY ({dates})"}}


@pytest.mark.parametrize("page", [False, True], ids=["file", "HTML page"])
def test_products_of_schema_org(store: ProductStore, tmp_path: Path, page: bool) -> None:
    text = json.dumps(JSON_LD, ensure_ascii=False)
    if page:
        text = f"<!doctype html><title>x</title><script>if (a < b) {{}}</script>{SCRIPT}{text}</script>"
    assert put(store, tmp_path, text).changes == Changes(added=2)
    mug = product(store)
    assert mug.names == {"en": "Mug", "zh": "马克杯"}
    assert (mug.price, mug.is_in_stock, mug.gtin) == (Money(Decimal("59.9"), "CNY"), True, "4006381333931")
    assert mug.warranty == {"en": "2 years"}
    assert mug.attributes["en"] == {"brand": "Cha", "color": "red", "material": "porcelain", "weight": "300 g"}
    assert mug.attributes["zh"] == {"噪音等级": "40 分贝"}
    assert mug.photos == ("https://x/a.jpg", "https://x/b.jpg")
    assert product(store, "v-1").price is None, "of a range, none is the price"


@pytest.mark.parametrize("text", [CSV, JSONL], ids=["csv", "jsonl"])
def test_columns_and_lines_of_our_own(store: ProductStore, tmp_path: Path, text: str) -> None:
    assert put(store, tmp_path, text).changes == Changes(added=1)
    assert product(store) == Product(
        shop="tea", sku="m-1", names={"en": "Mug", "zh": "马克杯"}, price=PRICE, stock=3,
        warranty={"en": "2 years", "zh": "两年"}, photos=("a.jpg", "b.jpg"),
        attributes={"en": {"material": "porcelain"}, "zh": {"材质": "陶瓷"}},
    )  # fmt: skip


@pytest.mark.parametrize("text", [TSV, XML, ATOM, CSV, JSONL, json.dumps(JSON_LD)])
def test_the_same_feed_again_changes_nothing(store: ProductStore, tmp_path: Path, text: str) -> None:
    added = put(store, tmp_path, text).changes.added
    assert put(store, tmp_path, text).changes == Changes(same=added)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "gb18030"])
@pytest.mark.parametrize("text", [TSV, XML, CSV, JSONL], ids=["tsv", "xml", "csv", "jsonl"])
def test_encodings_are_found(store: ProductStore, tmp_path: Path, text: str, encoding: str) -> None:
    text = text.replace("Porcelain mug", "马克杯 𠮷").replace('encoding="UTF-8"', "").replace("=1+1", "马克杯")
    assert put(store, tmp_path, text.encode(encoding)).changes.added
    assert any("马克杯" in name for name in product(store).names.values())


def test_bytes_of_no_encoding_cost_their_own_row(store: ProductStore, tmp_path: Path) -> None:
    rows = b"sku,name_en\na,caf\xc3\xa9\nb,caf\xe9 noir\nc,tea\n" + "d,茶\n".encode()
    imported = put(store, tmp_path, rows)
    assert imported.problems == ["line 3: names: characters that cannot be read: save the file as UTF-8"]
    assert [one.sku for one in store.all("tea")] == ["a", "c", "d"]


def test_bad_rows_are_named_and_good_ones_kept(store: ProductStore, tmp_path: Path) -> None:
    rows = ["sku,name_en,price,stock,availability", "a,A,1.00 CNY,1,", ",B,1.00 CNY,1,", "c,C,1.00,1,",
            'd,D,"1,50 CNY",1,', "e,E,1.00 CNY,-1,", "f,F,1.00 CNY,1,maybe", "g,G,1.00 CNY",
            "h,H,1.00 CNY USD,1,", "i,I,2.00 USD,0,"]  # fmt: skip
    imported = put(store, tmp_path, "\n".join(rows))
    reasons = [
        "SKU is expected",
        "one currency",
        "an amount",
        "whole number",
        "availability",
        "3 columns came",
        "an amount",
    ]
    assert imported.bad == len(reasons)
    for line, (problem, reason) in enumerate(zip(imported.problems, reasons, strict=True), 3):
        assert problem.startswith(f"line {line}: ")
        assert reason in problem
    assert [one.sku for one in store.all("tea")] == ["a", "i"]


def test_of_rows_with_one_sku_the_last_counts_and_each_other_is_named(store: ProductStore, tmp_path: Path) -> None:
    rows = "sku,stock\n" + "a,1\n" + "".join(f"n-{number},1\n" for number in range(700)) + "a,2\na,3\na,x\n"
    imported = put(store, tmp_path, rows)
    assert (imported.bad, imported.notes) == (1, 2)
    assert imported.problems[0] == "line 2: its SKU a stands in line 704 again, which counts"
    assert product(store, "a").stock == 3
    assert put(store, tmp_path, rows).changes == Changes(same=701)


def test_a_gtin_with_a_wrong_check_digit_is_left_out_and_named(store: ProductStore, tmp_path: Path) -> None:
    imported = put(store, tmp_path, "sku,gtin\na,4006381333932\nb,4006381333931\nc,4-006381-333931\nd,12\n")
    assert (imported.bad, imported.notes) == (0, 2)
    assert all("GTIN is left out" in problem for problem in imported.problems)
    assert [one.gtin for one in store.all("tea")] == ["", "4006381333931", "4006381333931", ""]


@pytest.mark.parametrize("name", ["=cmd|' /C calc'!A0", "+1+1", "<script>alert(1)</script>", "&amp;", "@SUM(A1)"])
def test_formulas_and_scripts_stay_text(store: ProductStore, tmp_path: Path, name: str) -> None:
    put(store, tmp_path, json.dumps({"sku": "a", "names": {"en": name}, "attributes": {"en": {name: name}}}) + "\n")
    assert product(store, "a").names == {"en": name}
    assert product(store, "a").attributes == {"en": {name: name}}


BILLION = """<!DOCTYPE lolz [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">]>
<rss xmlns:g="http://base.google.com/ns/1.0"><channel><item><g:id>&b;</g:id></item></channel></rss>"""


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (BILLION, "has a document type"),
        ("<!DOCTYPE x SYSTEM 'file:///etc/passwd'>\n<rss/>", "has a document type"),
        ("", "is empty"),
        ("SKU no,name\nm,Mug\n", "names 'SKU no', 'name'; as CSV it must name sku, and may name sku, category, "),
        ("商品编号,名称\nm,杯子\n", "names '商品编号', '名称'; as CSV"),
        ("sku;name_en\nm;Mug\n", "separated by ;: save the file with commas"),
        ("sku\tname_en\nm\tMug\n", "names 'sku', 'name_en'; as Google's table with tabs it must name id"),
        (",".join(f"{n}{'x' * 50}" for n in range(12)), r"'9x{39}' and 2 more; as CSV"),
        ("sku,sku\na,b\n", "names 'sku' twice"),
        ("sku,colour,name_en\na,red,b\n", "names 'colour', but sku, .* en:NAME and zh:NAME are the columns"),
        (b"PK\x03\x04\x14\0\x06\0\x08\0\0\0!\0", "not a text file: save it as CSV in UTF-8"),
        (b"\xff\xd8\xff" + bytes(range(256)), "not a text file"),
        ("sku,name_en\n", "no product stands in the feed"),
        ("<html><body>Mug</body></html>", "no product stands in the feed"),
        ("[]", "no product stands in the feed"),
    ],
)
def test_a_file_that_is_no_feed_is_refused(store: ProductStore, tmp_path: Path, text: str | bytes, reason: str) -> None:
    with pytest.raises(FeedError, match=reason):
        put(store, tmp_path, text)
    assert store.count("tea") == 0


def test_a_file_that_is_not_there_is_refused(store: ProductStore, tmp_path: Path) -> None:
    with pytest.raises(FeedError, match="name a file that is there"):
        import_feed(tmp_path / "none", "tea", store)


@pytest.mark.parametrize(
    ("text", "good", "problem"),
    [
        (XML.replace("</channel></rss>", "<item><g:id>"), 1, r"line 8: price"),
        (ATOM.replace("</entry></feed>", "</entry><entry><id>"), 1, r"line 3: not XML \(.*\): what follows"),
        (XML.replace("Cup", "Cup <b>red</b>").replace("free", "1 CNY"), 1, "line 8: elements stand inside the title"),
        (XML.replace("Cup", "x" * 1_100_000).replace("free", "1 CNY"), 1, "line 8: the item is too long"),
        ('sku,name_en\na,A\nb,"' + "x\n" * 200_000, 2, "line 3: a cell begins with a quotation mark"),
        ('sku,name_en\na,A\nb,"open\nc,C\n', 3, "line 3: a cell begins with a quotation mark"),
        ('sku,name_en\na,A\nb,"Best" mug\n', 2, "line 3: a cell begins with a quotation mark"),
        ('sku,name_en\na,A\nb,"open, 5\nc,C\n', 2, "line 3: 3 columns came, but 2 are expected"),
        (JSONL + "\n{]\n", 1, "line 2: not JSON"),
        (JSONL + "\n[1]\n", 1, "line 2: an object in"),
        (JSONL + "\n" + '{"a":' * 5_000 + "\n", 1, "line 2: not JSON"),
        (JSONL + '\n{"sku": "' + "x" * 1_100_000 + '"}\n', 1, "line 2: the line is too long"),
        (JSONL + '\n{"sku": {"a": 1}}\n', 1, "line 2: sku: a text is expected"),
        (JSONL + '\n{"sku": "b", "names": {"fr": "tasse"}}\n', 1, "line 2: names: the language 'fr' came"),
        (JSONL + '\n{"sku": "b", "colour": "red"}\n', 1, "line 2: the field 'colour' is not known: sku, names"),
        (JSONL + '\n{"sku": "b", "name": "Mug"}\n', 1, 'line 2: the field .* for names write {"names": {"en": "Mug"}}'),
        (JSONL + '\n{"sku": "b", "names": "Mug"}\n', 1, 'line 2: names: values by language .* {"en": "Mug"}'),
        (JSONL + '\n{"sku": "b", "price": NaN}\n', 1, "line 2: price: 'NaN' came"),
        (JSONL + '\n{"sku": "b\\u0000"}\n', 1, "line 2: sku: NUL or half a character"),
        (JSONL + '\n{"sku": "b", "names": {"en": "a\\ud800"}}\n', 1, "line 2: names: NUL or half a character"),
        (JSONL + '\n{"sku": "\\ud800"}\n', 1, "line 2: sku: NUL or half a character"),
        ('[{"@type": "Product", "sku": "a"}, {"@type": "Product"}]', 1, "item 2: a SKU is expected"),
        (SCRIPT + "{]</script>" + SCRIPT + '{"@type":"Product","sku":"a"}</script>', 1, "item 1: not JSON"),
    ],
)  # fmt: skip
def test_odd_rows_are_named_and_others_kept(
    store: ProductStore, tmp_path: Path, text: str, good: int, problem: str
) -> None:
    imported = put(store, tmp_path, text)
    assert imported.problems
    assert re.match(problem, imported.problems[0]), imported.problems[:3]
    assert store.count("tea") >= good


class Endless(io.TextIOBase):
    """Text that never ends."""

    def __init__(self, first: str, row: str) -> None:
        self._text, self._row = first, row

    def readline(self, _: int | None = -1) -> str:  # type: ignore[override]  # a size is never below the rows' length
        text, self._text = self._text, self._row
        return text

    def read(self, _: int | None = -1) -> str:
        return self.readline()


@pytest.mark.parametrize(
    ("read", "first", "row"),
    [(rows_of_csv, "sku\n", "a\n"), (rows_of_google_tsv, "id\ttitle\n", "a\tb\n"),
     (rows_of_jsonl, JSONL + "\n", JSONL + "\n"),
     (rows_of_google_xml, "<rss xmlns:g='http://base.google.com/ns/1.0'>", "<item><g:id>a</g:id></item>")],
)  # fmt: skip
def test_rows_come_before_the_feed_has_ended(read: Callable[[TextIO], Iterator[Row]], first: str, row: str) -> None:
    assert len(list(islice(read(cast(TextIO, Endless(first, row))), 1_000))) == 1_000


@pytest.mark.parametrize(
    ("head", "kind"),
    [(TSV, "google-tsv"), (XML, "google-xml"), (ATOM, "google-xml"), (CSV, "csv"), (JSONL, "jsonl"),
     ("[{}]", "json-ld"), (json.dumps(JSON_LD), "json-ld"), ("<html>", "json-ld")],
)  # fmt: skip
def test_formats_are_told_from_their_beginning(tmp_path: Path, head: str, kind: str) -> None:
    (tmp_path / "feed").write_text(head, "utf-8")
    assert format_of(tmp_path / "feed") == kind


def test_a_column_of_google_that_is_misspelt_is_noted_once(store: ProductStore, tmp_path: Path) -> None:
    imported = put(store, tmp_path, "id\ttitle\tprise\tdescription\tlink\nm-1\tMug\t5 CNY\t\t\nm-2\tCup\t5 CNY\t\t\n")
    assert imported.problems == ["line 2: the first line names no column 'price'; 'prise' is not known: is it meant?"]
    assert (imported.bad, imported.notes) == (0, 1)


def test_of_different_offers_no_price_is_taken_which_is_noted(store: ProductStore, tmp_path: Path) -> None:
    offers = [{"price": price, "priceCurrency": "CNY"} for price in (5, 6)]
    imported = put(store, tmp_path, json.dumps([{"@type": "Product", "sku": "m-1", "offers": offers}]))
    assert imported.problems == ["item 1: its price is left out: it is offered at several"]
    assert product(store).price is None


def test_the_command_says_what_came_of_a_feed(tmp_path: Path) -> None:
    (tmp_path / "feed.xml").write_text(XML, "utf-8")
    command = [sys.executable, "-m", "shop", "import", str(tmp_path / "feed.xml"), "--shop", "tea", "--store",
               f"sqlite:///{tmp_path / 'products.db'}"]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1, done.stderr
    assert done.stdout == "1 added, 0 changed, 0 the same; 1 bad rows, 0 notes\n"
    assert "line 8: price: 'free' came" in done.stderr
    (tmp_path / "feed.xml").write_text(XML.replace("free", "1.00 EUR"), "utf-8")
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "1 added, 0 changed, 1 the same; 0 bad rows, 0 notes\n")
