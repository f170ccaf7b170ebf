"""The pages in a real Chromium: both languages, dark and light, by keyboard, at phone width, without a fault of axe."""

import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect, sync_playwright

from catalogue.attributes import COLOURS
from catalogue.photos import attributes_from_seed, photo_from_seed
from desk.demo_products import fill
from desk.pages import page_html
from tests.desk.conftest import desk_process

pytestmark = pytest.mark.servers
CHROMIUM = "/usr/bin/chromium"
SEED = 10_000_003
QUESTIONS = {"en": "What colour is it?", "zh": "是什么颜色？"}
PHONE, DESKTOP = (360, 740), (1200, 900)


@pytest.fixture(scope="module")
def url(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("desk")
    with desk_process(repository, f"sqlite:///{folder / 'desk.db'}", folder) as (_, found):
        yield found


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    if not Path(CHROMIUM).exists():
        if os.environ.get("VITRINE_SKIP_NOTHING"):
            pytest.fail("Chromium is not installed: make test-packages")
        pytest.skip("Chromium is not installed: make test-packages")
    with sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield found
        found.close()


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    file = tmp_path / "mug.jpg"
    file.write_bytes(photo_from_seed(SEED).jpeg_bytes())
    return file


@pytest.fixture(params=[("en", PHONE, "dark"), ("zh", DESKTOP, "light"), ("zh", PHONE, "dark")], ids=str)
def page(request: pytest.FixtureRequest, browser: Browser) -> Iterator[tuple[Page, str]]:
    language, (width, height), scheme = request.param
    context = browser.new_context(viewport={"width": width, "height": height}, color_scheme=scheme)
    opened, faults = context.new_page(), list[str]()
    opened.on("pageerror", lambda error: faults.append(str(error)))
    opened.on("console", lambda message: faults.append(message.text) if "Content Security" in message.text else None)
    yield opened, language
    context.close()
    assert not faults


def require_no_faults(page: Page) -> None:
    found = Axe().run(page).response["violations"]
    assert not found, [(fault["id"], [node["html"] for node in fault["nodes"]]) for fault in found]
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), "nothing sticks out at the side"


def test_a_photo_is_asked_about(page: tuple[Page, str], url: str, photo: Path) -> None:
    opened, language = page
    opened.goto(f"{url}/?lang={language}")
    require_no_faults(opened)
    opened.locator("#question").fill(QUESTIONS[language])
    opened.keyboard.press("Enter")  # without a photo
    expect(opened.locator("#problem")).not_to_be_empty()
    opened.set_input_files("#photo", str(photo))
    opened.locator("#question").focus()
    opened.keyboard.press("Enter")
    colour = attributes_from_seed(SEED).colour
    expect(opened.locator(".said")).to_have_text(colour if language == "en" else COLOURS[colour])
    expect(opened.locator("#history li")).to_have_count(1)
    expect(opened.locator("#problem")).to_be_empty()
    painted = opened.evaluate("""() => { const canvas = document.getElementById("over");
        return canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data.some(Boolean) }""")
    assert painted, "where it looked"
    opened.locator("#read").click()
    expect(opened.locator("#answer pre")).not_to_be_empty()
    require_no_faults(opened)


@pytest.fixture(scope="module")
def shop_url(repository: Path, server_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("shop")
    fill(folder, 25, server_url)
    more = ("--products", f"sqlite:///{folder}/products.db", "--vectors", f"edge://{folder}/vectors")
    with desk_process(repository, f"sqlite:///{folder / 'desk.db'}", folder, *more) as (_, found):
        yield found


WISHES = {
    "en": (
        "neither red nor blue, under 3000 yuan, golden",
        ["Understood: neither red nor blue, under 3000 yuan", "Not understood: golden"],
    ),
    "zh": ("不要红色，3000元以下，金色", ["已理解: 不要红色, 3000元以下", "没有理解: 金色"]),
}


def test_similar_products_are_shown(page: tuple[Page, str], shop_url: str) -> None:
    opened, language = page
    opened.goto(f"{shop_url}/?lang={language}")
    wish, told = WISHES[language]
    opened.locator("#wish").fill(wish)
    opened.locator("#sku").fill("NOPE")
    opened.locator("#wish").press("Enter")
    expect(opened.locator("#similar-problem")).not_to_be_empty()
    opened.locator("#sku").fill("P00003")
    opened.locator("#wish").press("Enter")
    expect(opened.locator("#understood")).to_have_text(" · ".join(told))
    hits = opened.locator("#hits li")
    expect(hits).to_have_count(10)
    expect(hits.first).to_contain_text("CNY" if language == "en" else "元")
    require_no_faults(opened)
    opened.locator("#sku").fill("NOPE")
    opened.locator("#wish").press("Enter")
    expect(opened.locator("#similar-problem")).not_to_be_empty()
    expect(hits).to_have_count(0)


def test_a_pasted_photo_is_taken(page: tuple[Page, str], url: str, photo: Path) -> None:
    opened, language = page
    opened.goto(f"{url}/?lang={language}")
    opened.evaluate(
        """(bytes) => { const data = new DataTransfer();
        data.items.add(new File([new Uint8Array(bytes)], "pasted.jpg", { type: "image/jpeg" }));
        dispatchEvent(new ClipboardEvent("paste", { clipboardData: data })); }""",
        list(photo.read_bytes()),
    )
    expect(opened.locator("#photo-name")).to_have_text("pasted.jpg")


def test_a_person_answers_in_the_inbox(page: tuple[Page, str], url: str, photo: Path) -> None:
    import httpx

    opened, language = page
    script = "<img src=x onerror=alert(1)>"
    asked = {"question": script, "product": f"<b>{language}</b>"}
    number = httpx.post(f"{url}/v1/feedback", files={"photo": photo.read_bytes()}, data=asked).json()["id"]
    waiting: dict[str, Any] = {}
    waiter = threading.Thread(
        target=lambda: waiting.update(httpx.get(f"{url}/v1/feedback/{number}?wait_s=50", timeout=60).json())
    )
    waiter.start()
    opened.goto(f"{url}/inbox?lang={language}")
    card = opened.locator("#items > li", has_text=script).first
    expect(card.locator("img")).to_be_visible()
    assert opened.locator(".items img[src='x']").count() == 0, "what people write is shown as text"
    require_no_faults(opened)
    card.locator("input").fill("蓝色")
    card.locator("form button").first.click()
    expect(opened.locator("#items > li", has_text=script)).to_have_count(0)
    waiter.join()
    assert waiting["answer"] == "蓝色"
    opened.locator("#state").select_option("answered")
    opened.locator("#filter button").click()
    expect(opened.locator("#items > li", has_text="蓝色").first).to_be_visible()
    httpx.delete(f"{url}/v1/feedback?product=<b>{language}</b>")


def test_the_pages_are_light(url: str, browser: Browser) -> None:
    page, sizes = browser.new_page(), list[int]()
    page.on("response", lambda response: sizes.append(len(response.body())))
    page.goto(url, wait_until="networkidle")
    first_view_ms = page.evaluate("performance.getEntriesByName('first-contentful-paint')[0].startTime")
    page.close()
    assert sum(sizes) < 200 * 1024
    assert len(sizes) == 3, "the page, its style and its script, and nothing of another host"
    print(f"{sum(sizes)} bytes, first view after {first_view_ms:.0f} ms")


def test_both_languages_have_the_same_texts() -> None:
    from desk.pages import _TEXTS

    assert _TEXTS["en"].keys() == _TEXTS["zh"].keys()
    for name in ("ask", "inbox"):
        assert 'lang="zh"' in page_html(name, "zh", keyed=True, shop=True)
