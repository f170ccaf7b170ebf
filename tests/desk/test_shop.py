"""What the shop knows, at the desk: sources of answers, rules, listings that photos contradict, similar products."""

import asyncio
import base64
import json
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import mcp
import pytest
from fastapi.testclient import TestClient
from vitrine_client import AsyncFakeTransport, AsyncVqaClient, FakeTransport, InvalidRequestError
from vitrine_client.feedback.database import FeedbackError
from vitrine_client.feedback.store import FeedbackStore

from catalogue.photos import photo_from_seed
from desk.app import desk_app
from desk.context import Desk
from desk.demo_products import drawn_product, fill
from desk.inbox import Inbox
from desk.keys import shops_in
from desk.knowledge import Knowledge
from desk.limits import ShopLimits
from shop.facts.rules import read_shop_rules
from shop.products.product import Money, Product
from shop.products.store import ProductStore
from tests.desk.conftest import KEYS, desk_process

MUG = Product(
    shop="", sku="M1", names={"en": "Blue mug", "zh": "蓝色马克杯"}, category="mug", gtin="4006381333931",
    price=Money(Decimal("59.00"), "CNY"), stock=12, warranty={"en": "2 years", "zh": "两年"},
    attributes={"en": {"material": "steel", "colour": "blue"}, "zh": {"材质": "不锈钢", "颜色": "蓝色"}},
    photos=("m1.jpg",),
)  # fmt: skip
RULES = "rules:\n- asks: [allergy]\n  do: hand_over\n"


@pytest.fixture
def store_url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'desk.db'}"


@pytest.fixture
def products(tmp_path: Path) -> Iterator[ProductStore]:
    with ProductStore(f"sqlite:///{tmp_path / 'products.db'}") as store:
        store.put([MUG])
        yield store


@contextmanager
def opened(
    products: ProductStore,
    tmp_path: Path,
    fake: FakeTransport,
    keys: Path | None = None,
    *,
    reads_context: bool = False,
) -> Iterator[TestClient]:
    (tmp_path / "rules.yaml").write_text(RULES, "utf-8")
    knows = Knowledge(products, read_shop_rules(tmp_path / "rules.yaml"), f"edge://{tmp_path}/vectors")
    knows._no_context_in = "" if reads_context else "fake"
    with FeedbackStore(f"sqlite:///{tmp_path / 'desk.db'}", photos=tmp_path / "photos") as store:
        desk = Desk(
            AsyncVqaClient(transport=AsyncFakeTransport(fake)), Inbox(store, keep_days=30), ShopLimits(1000, 64),
            shops_in(keys) if keys else None, knows,
        )  # fmt: skip
        with TestClient(desk_app(desk), base_url="http://127.0.0.1:8080", raise_server_exceptions=False) as client:
            yield client
        for vectors in knows._opened.values():
            vectors.close()


@pytest.fixture
def client(products: ProductStore, tmp_path: Path, fake: FakeTransport) -> Iterator[TestClient]:
    with opened(products, tmp_path, fake) as client:
        yield client


def answers(client: Any, photo: bytes, *questions: str, **data: Any) -> list[dict[str, Any]]:
    got = client.post("/v1/answers", files={"photo": photo}, data={"question": list(questions), **data})
    assert got.status_code == 200, got.text
    return list(got.json()["answers"])


def test_what_no_photo_shows_comes_from_the_catalogue_and_the_rest_from_the_photo(
    client: TestClient, photo: bytes
) -> None:
    asked = ("How much is it?", "What colour is it?", "还有货吗？", "是什么颜色？", "保修多久？", "Any nut allergy?")
    found = answers(client, photo, *asked, product="M1")
    assert [(one["text"], one["source"]) for one in found] == [
        ("CNY 59.00", "catalogue"), ("red", "photo"), ("有货，12 件", "catalogue"), ("红色", "photo"),
        ("两年", "catalogue"), ("", "rule"),
    ]  # fmt: skip
    assert found[-1]["status"] == "hand_over"
    assert found[-1]["feedback_id"], "a person is asked"


def test_a_model_that_reads_a_context_gets_the_facts(
    products: ProductStore, tmp_path: Path, fake: FakeTransport, photo: bytes
) -> None:
    with opened(products, tmp_path, fake, reads_context=True) as client:
        [answer] = answers(client, photo, "What colour is it?", product="M1")
    assert answer["source"] == "photo_and_context"


def test_rules_hold_where_text_is_read_and_on_every_door(client: TestClient, photo: bytes) -> None:
    [answer] = answers(client, photo, "Any nut allergy?", read_text="true")
    assert (answer["status"], answer["source"]) == ("hand_over", "rule")
    image = {"type": "image_url", "image_url": {"url": f"data:image/jpeg;base64,{base64.b64encode(photo).decode()}"}}
    content = [{"type": "text", "text": "会过敏吗？"}, image]
    said = client.post("/v1/chat/completions", json={"messages": [{"role": "user", "content": content}]}).json()
    assert said["vitrine"]["source"] == "rule"
    content[0] = {"type": "text", "text": "How much is it?"}
    asked = {"messages": [{"role": "user", "content": content}], "product": "M1"}
    told = client.post("/v1/chat/completions", json=asked).json()
    assert (told["choices"][0]["message"]["content"], told["vitrine"]["product"]) == ("CNY 59.00", "M1")
    told = client.post("/v1/chat/completions", json={**asked, "product": "another"}).json()
    assert told["vitrine"]["product"] is None


def test_what_is_printed_is_still_read_where_the_product_is_known(client: TestClient, photo: bytes) -> None:
    [answer] = answers(client, photo, "What is the net weight?", product="M1", read_text="true")
    assert (answer["text"], answer["source"]) == ("500 g", "text")


def test_a_model_that_takes_no_context_is_asked_without_one(
    products: ProductStore, tmp_path: Path, photo: bytes
) -> None:
    class TakesNone(FakeTransport):
        def infer(self, model: str, inputs: Any, outputs: Any, *, timeout_s: float, request_id: str) -> Any:
            if "CONTEXT" in inputs:
                raise InvalidRequestError("this checkpoint reads the photo and the question only: leave CONTEXT out")
            return super().infer(model, inputs, outputs, timeout_s=timeout_s, request_id=request_id)

    with opened(products, tmp_path, TakesNone({"What colour is it?": "red"}), reads_context=True) as client:
        for _ in range(2):
            [answer] = answers(client, photo, "What colour is it?", product="M1")
            assert (answer["text"], answer["source"]) == ("red", "photo")


def test_without_the_product_nothing_of_the_catalogue_is_said(client: TestClient, photo: bytes) -> None:
    for data in ({}, {"product": "another"}):
        [answer] = answers(client, photo, "How much is it?", **data)
        assert answer["source"] != "catalogue"
    for sku, told in (("M1", "M1"), ("another", None)):
        asked = {"question": "How much is it?", "product": sku}
        got = client.post("/v1/answers", files={"photo": photo}, data=asked).json()
        assert got["product"] == told, "whoever asks sees whether the SKU is known"


def test_a_product_is_found_by_its_barcode(products: ProductStore, tmp_path: Path, photo: bytes) -> None:
    fake = FakeTransport({"How much is it?": "red"}, lines=["4006381333931"], codes=["4006381333931"])
    with opened(products, tmp_path, fake) as client:
        [answer] = answers(client, photo, "How much is it?", read_text="true")
        assert (answer["text"], answer["source"]) == ("CNY 59.00", "catalogue")
        products.put([Product("", "M2", gtin="96385074", price=Money(Decimal(1), "CNY"))])
        fake.codes = ["4006381333931", "96385074"]
        [answer] = answers(client, photo, "How much is it?", read_text="true")
    assert answer["source"] != "catalogue", "of two products, neither"


def test_a_contradicted_listing_is_told_to_the_shop_and_not_to_the_buyer(client: TestClient, photo: bytes) -> None:
    [answer] = answers(client, photo, "What colour is it?", product="M1")
    assert (answer["text"], answer["reason"]) == ("red", "")
    [seen] = client.get("/v1/listing-checks").json()
    assert (seen["sku"], seen["field"], seen["listed"], seen["seen"]) == ("M1", "colour", "blue", "red")


def test_products_come_in_are_shown_and_go(client: TestClient) -> None:
    rows = [{"sku": "N1", "names": {"en": "<script>x</script>", "zh": "=1+1"}}, {"names": {}}]
    feed = "\n".join(json.dumps(row) for row in rows)
    got = client.post("/v1/products", files={"feed": feed.encode()}, data={"format": "jsonl"})
    assert (got.json()["added"], got.json()["bad"]) == (1, 1)
    assert client.post("/v1/products", files={"feed": feed.encode()}, data={"format": "jsonl"}).json()["same"] == 1
    assert [one["sku"] for one in client.get("/v1/products").json()] == ["M1", "N1"]
    assert client.get("/v1/products/N1").json()["names"]["en"] == "<script>x</script>", "as text, never run"
    assert client.delete("/v1/products/N1").json() == {"removed": True}
    assert client.get("/v1/products/N1").status_code == 404
    assert client.post("/v1/products", files={"feed": b"\x00\x01"}).status_code == 422


def test_a_shop_never_sees_anothers_products(
    products: ProductStore, tmp_path: Path, fake: FakeTransport, keys_file: Path, photo: bytes
) -> None:
    products.put([Product("north", "S1", price=Money(Decimal(1), "CNY"))])
    with opened(products, tmp_path, fake, keys_file) as client:
        for shop, status in (("north", 200), ("south", 404)):
            headers = {"authorization": f"Bearer {KEYS[shop]}"}
            assert client.get("/v1/products/S1", headers=headers).status_code == status
        south = {"authorization": f"Bearer {KEYS['south']}"}
        assert client.get("/v1/products", headers=south).json() == []
        assert client.delete("/v1/products/S1", headers=south).json() == {"removed": False}
        for path, data in (("/v1/products/S1/photos", {}), ("/v1/listing-checks", {"product": "S1"})):
            assert client.post(path, headers=south, files={"photo": photo}, data=data).status_code == 404
        assert client.post("/v1/similar", headers=south, data={"product": "S1"}).status_code == 404
        asked = {"question": "How much is it?", "product": "S1"}
        [answer] = client.post("/v1/answers", headers=south, files={"photo": photo}, data=asked).json()["answers"]
        assert answer["source"] != "catalogue"


@pytest.mark.parametrize(("wish", "unknown"), [("under 100 yuan, rocket", ["rocket"]), ("100元以内，火箭", ["火箭"])])
def test_similar_products_are_found_by_photo_and_by_product(
    client: TestClient, products: ProductStore, wish: str, unknown: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    pictures = {f"A{number}": photo_from_seed(number, long_side_px=(100, 101)).jpeg_bytes() for number in range(4)}
    products.put(
        [Product("", sku, category="mug", price=Money(Decimal(40 * n), "CNY")) for n, sku in enumerate(pictures, 1)]
    )
    for sku, picture in pictures.items():
        assert client.post(f"/v1/products/{sku}/photos", files={"photo": picture}).status_code == 204
    found = client.post("/v1/similar", files={"photo": pictures["A0"]}, data={"limit": 4}).json()
    assert {hit["sku"] for hit in found["hits"]} == set(pictures)
    found = client.post("/v1/similar", data={"product": "A3", "wish": wish}).json()
    assert {hit["sku"] for hit in found["hits"]} == {"A0", "A1"}, "what costs less than 100"
    assert found["not_understood"] == unknown
    assert client.post("/v1/similar", data={"product": "M1"}).status_code == 404, "it has no photo"
    assert client.post("/v1/similar", data={"wish": wish}).status_code == 422
    assert client.get("/v1/duplicates").json() == {"pairs": [], "is_complete": True}
    products.put([Product("", "A0 again", category="mug")])
    assert client.post("/v1/products/A0 again/photos", files={"photo": pictures["A0"]}).status_code == 204
    pairs = client.get("/v1/duplicates").json()["pairs"]
    assert [{one["sku"], one["other_sku"]} for one in pairs] == [{"A0", "A0 again"}]
    monkeypatch.setattr("desk.similar._DUPLICATES_LIMIT_S", 0.0)
    assert client.get("/v1/duplicates").json() == {"pairs": [], "is_complete": False}
    products.put([Product("", "A1", category="mug", price=Money(Decimal(101), "CNY"))])
    found = client.post("/v1/similar", data={"product": "A3", "wish": wish}).json()
    assert {hit["sku"] for hit in found["hits"]} == {"A0"}, "today A1 costs more"
    found = client.post("/v1/similar", data={"product": "A3", "wish": wish, "limit": 1}).json()
    assert len(found["hits"]) == 1, "one that does not fit any more takes no place"
    for words in ("blue, not red", "要蓝色的，不要红色的"):
        told = client.post("/v1/similar", data={"product": "A3", "wish": words}).json()
        assert [(one["value"], one["is_wanted"]) for one in told["not_found"]] == [("blue", True)]
    assert client.delete("/v1/products/A0").json() == {"removed": True}
    again = client.post("/v1/similar", files={"photo": pictures["A0"]}, data={"limit": 9}).json()["hits"]
    assert "A0" not in {hit["sku"] for hit in again}
    assert client.post("/v1/similar", data={"product": "A3", "dislike": "A3"}).status_code == 422
    assert client.post("/v1/similar", files={"photo": b""}).status_code == 422


def test_a_catalogue_that_is_away_is_not_ready(
    products: ProductStore, tmp_path: Path, fake: FakeTransport, monkeypatch: pytest.MonkeyPatch
) -> None:
    with opened(products, tmp_path, fake) as client:
        assert client.get("/health/ready").status_code == 200

        def away(*_: Any) -> None:
            raise FeedbackError("the store of products does not answer")

        monkeypatch.setattr(ProductStore, "get", away)
        got = client.get("/health/ready")
    assert (got.status_code, got.json()["catalogue"]) == (503, "the store of products does not answer")


def test_a_desk_without_a_catalogue_says_so(tmp_path: Path, fake: FakeTransport) -> None:
    with FeedbackStore(f"sqlite:///{tmp_path / 'desk.db'}", photos=tmp_path / "photos") as store:
        desk = Desk(
            AsyncVqaClient(transport=AsyncFakeTransport(fake)), Inbox(store, keep_days=1), ShopLimits(9, 9), None
        )
        with TestClient(desk_app(desk), base_url="http://127.0.0.1:8080") as client:
            got = client.get("/v1/products")
    assert (got.status_code, "--products" in got.json()["detail"]) == (404, True)


def test_the_demo_shop_before_a_real_server(
    repository: Path, server_url: str, store_url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fill(tmp_path / "shop", 40, server_url)
    assert "40 products added" in capsys.readouterr().out
    picture = (tmp_path / "shop" / "photos" / "P00003.jpg").read_bytes()
    known = drawn_product(3)
    assert known.price
    more = ("--products", f"sqlite:///{tmp_path}/shop/products.db", "--vectors", f"edge://{tmp_path}/shop/vectors")
    with desk_process(repository, store_url, tmp_path, *more) as (_, url):
        import httpx

        with httpx.Client(base_url=url, timeout=60) as client:
            price, colour, stock = answers(
                client, picture, "How much is it?", "是什么颜色？", "库存多少？", product="P00003"
            )
            assert (price["text"], price["source"]) == (f"CNY {known.price.amount}", "catalogue")
            assert (colour["text"], colour["source"]) == (known.attributes["zh"]["颜色"], "photo")
            assert stock["source"] == "catalogue"
            other = {"photo": (tmp_path / "shop" / "photos" / "P00007.jpg").read_bytes()}
            wrong = client.post("/v1/listing-checks", data={"product": "P00003"}, files=other).json()
            assert {one["field"] for one in wrong} <= {"colour", "category"}
            assert wrong
            hits = client.post("/v1/similar", files={"photo": picture}, data={"limit": 5}).json()["hits"]
            assert hits[0]["sku"] == "P00003"

        async def tools() -> list[Any]:
            data_url = f"data:image/jpeg;base64,{base64.b64encode(picture).decode()}"
            async with mcp.Client(f"{url}/mcp/") as client:
                asked = {"photo": data_url, "question": "多少钱？"}
                return [
                    await client.call_tool("similar", {"product": "P00003", "wish": "不要黄色"}),
                    await client.call_tool("ask", {**asked, "product": "P00003"}),
                    await client.call_tool("ask", {**asked, "product": "no such"}),
                ]

        found, priced, unknown = asyncio.run(tools())
        assert (priced.structured_content["source"], priced.structured_content["product"]) == ("catalogue", "P00003")
        assert unknown.structured_content["product"] is None
        assert found.structured_content
        assert found.structured_content["hits"]
