"""The Explorer in Chromium: hovering without the server, pinning by mouse, keyboard and link, both directions of pointing, export."""

import re

import numpy as np
import pytest
from playwright.sync_api import expect

import hatnet
from app.core import checkpoints
from app.core.places import home
from app.core.words import percent
from tests.app.explorer import model_maps
from tests.browser.looking import tab_to
from tools.running_app import drawn, opened, path_of

HOME = path_of("explorer")


def explorer(page):
    return page.locator(".explorer")


def weights(page, kind):
    """What a map shows, as the component holds it; None where there is no such map."""
    return explorer(page).evaluate("(element, kind) => element.view.read(kind)?.weights", kind)


def all_weights(page):
    return {kind: weights(page, kind) for kind in ("local", "global", "hops")}


def expect_change(page, kind, before):
    explorer(page).evaluate(
        """(element, [kind, before]) => new Promise((resolve) => {
          const look = () => String(element.view?.read(kind)?.weights) !== before ? resolve() : setTimeout(look, 30);
          look();
        })""",
        [kind, ",".join(map(str, before))],
    )


def canvas(page, kind):
    """A map's pixels."""
    return page.locator(f".explorer .{kind} canvas").evaluate("canvas => canvas.toDataURL()")


def frame(page):
    return page.locator(".explorer .frame")


def opens(image):
    """Where the picture's own token is said to be, in stage 2 of cifar10."""
    return "Row {:.0f}, column {:.0f} of 16 × 16".format(*(16 * at + 0.5 for at in home(image, checkpoints.describe("cifar10"), 2)))


def where(page):
    return page.locator(".explorer .where")


def at(page, y, x, side=16, what=".frame"):
    """The middle of a square of a picture, on the page."""
    box = page.locator(f".explorer {what}").bounding_box()
    return box["x"] + (x + 0.5) / side * box["width"], box["y"] + (y + 0.5) / side * box["height"]


def hover(page, y, x, **where):
    page.mouse.move(*at(page, y, x, **where))
    page.evaluate("new Promise(resolve => requestAnimationFrame(() => requestAnimationFrame(resolve)))")


def click_token(page, y, x, **where):
    page.mouse.click(*at(page, y, x, **where))


def count_messages(page):
    """From now on, `window.told` counts what the page tells the server."""
    page.evaluate(
        """() => { window.told = 0; const send = WebSocket.prototype.send;
        WebSocket.prototype.send = function (...message) { window.told += 1; return send.apply(this, message); }; }"""
    )


def put_back(page):
    """Undo what tests do that only look at the page: a menu, a pointer, a panel, other pixels, another token."""
    page.keyboard.press("Escape")
    page.mouse.move(0, 0)
    page.get_by_role("radio", name="Maps").check()
    page.get_by_label("Model’s pixels").uncheck()
    if where(page).inner_text() != "Row 5, column 5 of 16 × 16":
        click_token(page, 4, 4)
        page.mouse.move(0, 0)
    expect(where(page)).to_have_text("Row 5, column 5 of 16 × 16", timeout=5_000)


@pytest.fixture
def page(open_page):
    page = open_page(path=HOME + "?image=cat_kitten&stage=2&block=2&token=0.28125,0.28125", put_back=put_back)
    drawn(page, "explorer")
    return page


def test_hovering_changes_every_map_and_the_numbers_and_tells_the_server_nothing(page):
    count_messages(page)
    before, pixels = all_weights(page), {kind: canvas(page, kind) for kind in ("local", "global", "hops")}
    numbers = page.locator(".words table").inner_text()
    hover(page, 10, 12)
    expect(where(page)).to_have_text("Row 11, column 13 of 16 × 16")
    for kind in before:
        assert weights(page, kind) != before[kind] and canvas(page, kind) != pixels[kind]
    assert page.locator(".words table").inner_text() != numbers
    seen = {kind: [] for kind in before}
    for y in range(16):
        hover(page, y, (7 * y) % 16)
        for kind, shown in all_weights(page).items():
            seen[kind].append(str(shown))
    assert all(len(set(rows)) == 16 for rows in seen.values())
    page.mouse.move(0, 0)
    expect(where(page)).to_have_text("Row 5, column 5 of 16 × 16")
    assert all_weights(page) == before
    assert page.evaluate("told") == 0


def test_what_a_hover_shows_is_what_a_click_there_shows(page):
    hover(page, 3, 14)
    shown, numbers = all_weights(page), page.locator(".words table").inner_text()
    click_token(page, 3, 14)
    expect(page).to_have_url(re.compile(r"token=0\.2188%2C0\.9062"))
    page.mouse.move(0, 0)
    assert all_weights(page) == shown and page.locator(".words table").inner_text() == numbers


def test_the_two_hop_map_is_the_library_s_without_what_stays(page):
    maps = model_maps("cat_kitten", (4, 4), (2, 2))
    for y, x in ((4, 4), (15, 0)):
        hover(page, y, x)
        shown = np.array(weights(page, "hops")).reshape(16, 16)
        expected = hatnet.rollout.two_hop(maps[2, 2, "local"], maps[2, 2, "global"], [(y, x)])[0].numpy()
        expected[y, x] -= 0.25
        np.testing.assert_allclose(shown, expected, atol=expected.max() / 300)


def test_a_click_pins_and_the_address_follows(page):
    before = all_weights(page)
    click_token(page, 10, 12)
    expect(page).to_have_url(re.compile(r"token=0\.6562%2C0\.7812"))
    page.mouse.move(0, 0)
    expect(where(page)).to_have_text("Row 11, column 13 of 16 × 16")
    assert all(weights(page, kind) != before[kind] for kind in before)
    frame(page).press("Escape")  # back to where the photograph opens without such an address
    expect(where(page)).to_have_text(opens("cat_kitten"))


def test_arrow_keys_move_the_token_and_keep_the_focus(page):
    frame(page).focus()
    before = weights(page, "global")
    page.keyboard.press("ArrowRight")
    expect(where(page)).to_have_text("Row 5, column 6 of 16 × 16")
    assert weights(page, "global") != before
    page.keyboard.press("Shift+ArrowDown")  # one window
    expect(where(page)).to_have_text("Row 9, column 6 of 16 × 16")
    # Many presses, faster than the server answers: none is lost and none undone.
    where(page).evaluate(
        """span => { window.columns = [];
        new MutationObserver(() => columns.push(+span.textContent.match(/column (\\d+)/)[1])).observe(span, { childList: true }); }"""
    )
    for _ in range(20):
        page.keyboard.press("ArrowLeft")
    expect(where(page)).to_have_text("Row 9, column 1 of 16 × 16")
    expect(page).to_have_url(re.compile(r"token=0\.5312%2C0\.0312"))
    expect(where(page)).to_have_text("Row 9, column 1 of 16 × 16")
    columns = page.evaluate("columns")
    assert columns == sorted(columns, reverse=True), "a late answer moved the token back"
    expect(frame(page)).to_be_focused()


def test_the_keyboard_alone_reaches_everything(page):
    tab_to(page, "element => element.className === 'frame'")
    before = weights(page, "global")
    page.keyboard.press("ArrowUp")
    expect(where(page)).to_have_text("Row 4, column 5 of 16 × 16")
    assert weights(page, "global") != before
    expect(page).to_have_url(re.compile(r"token=0\.2188%2C0\.2812"))
    # A head.
    tab_to(page, "element => element.parentElement?.classList.contains('head')")
    page.keyboard.press("ArrowRight")
    expect(page).to_have_url(re.compile(r"head=1"))
    # A key of the global map becomes the query.
    tab_to(page, "element => element.parentElement?.classList.contains('global')")
    page.keyboard.press("ArrowRight")
    expect(page.locator("figure.global .said")).to_contain_text("cell row")
    page.keyboard.press("Enter")
    expect(where(page)).not_to_have_text("Row 4, column 5 of 16 × 16")
    expect(page).not_to_have_url(re.compile(r"token=0\.2188%2C0\.2812"))
    # A path.
    tab_to(page, "element => element.dataset.path === '0'")
    before = frames(page)
    page.keyboard.press("Tab")
    expect(page.locator(".paths li").nth(1)).to_be_focused()
    expect_other(page, before)
    # A thumbnail.
    tab_to(page, "element => element.classList.contains('thumb')")
    page.keyboard.press("ArrowLeft")
    expect(page.get_by_role("button", name="Stage 2, block 1, head 2")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(r"block=1.*head=2|head=2.*block=1"))
    # A panel.
    tab_to(page, "element => element.parentElement?.classList.contains('tabs')")
    page.keyboard.press("ArrowLeft")
    expect(page).to_have_url(re.compile(r"panel=seam"))
    expect(page.locator(".facts")).to_contain_text("exactly 0")
    page.keyboard.press("ArrowLeft")
    say = page.locator("[data-panel=pooling] > .say")
    expect(say).to_contain_text("over the whole picture")
    tab_to(page, "element => element.parentElement?.classList.contains('lost')")
    before = say.inner_text()
    page.keyboard.press("ArrowDown")
    expect(say).not_to_have_text(before)
    before = say.inner_text()
    page.keyboard.press("Enter")  # keeps the cell
    tab_to(page, "element => element.parentElement?.classList.contains('tabs')", back=True)
    expect(say).to_have_text(before)
    page.keyboard.press("ArrowLeft")
    tab_to(page, "element => element.classList.contains('pair-of-maps')")
    page.keyboard.press("ArrowLeft")  # from the second head to the first
    expect(page.locator(".all-heads").get_by_role("button", name="Stage 2, block 1, head 1")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(r"head=1"))
    tab_to(page, "element => element.textContent.includes('Export')", back=True)
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="This page as one HTML file")).to_be_visible()


def test_a_copied_link_shows_the_same_in_another_browser(page, open_page, elsewhere, app_url):
    click_token(page, 9, 3)
    expect(page).to_have_url(re.compile(r"token=0\.5938%2C0\.2188"))
    page.mouse.move(0, 0)
    other = open_page(path=page.url.removeprefix(app_url), within=elsewhere)
    drawn(other, "explorer")
    expect(where(other)).to_have_text("Row 10, column 4 of 16 × 16")
    assert all_weights(other) == all_weights(page)


def test_quick_clicks_end_at_the_last_one(page):
    for step in range(12):
        click_token(page, step, (5 * step) % 16)
    expect(page).to_have_url(re.compile(r"token=0\.7188%2C0\.4688"))
    page.mouse.move(0, 0)
    expect(where(page)).to_have_text("Row 12, column 8 of 16 × 16")


def test_pointing_at_a_key_lights_the_photograph_and_a_click_makes_it_the_query(page):
    for what, key in (("local", ".local .map"), ("global", ".global .map"), ("hops", ".hops .map")):
        before = canvas(page, "photo")
        box = page.locator(f".explorer {key}").bounding_box()
        page.mouse.move(box["x"] + 0.47 * box["width"], box["y"] + 0.36 * box["height"])
        expect(page.locator(f"figure.{what} .said")).to_contain_text("%")
        assert canvas(page, "photo") != before
        page.mouse.move(0, 0)
        expect(page.locator(f"figure.{what} .said")).to_have_count(0)
        assert canvas(page, "photo") == before
    hover(page, 5, 6, side=8, what=".global .map")
    expect(page.locator("figure.global .said")).to_contain_text("cell row 6, column 7:")
    click_token(page, 5, 6, side=8, what=".global .map")
    expect(page).to_have_url(re.compile(r"token=0\.7188%2C0\.8438"))  # row 12, column 14: of the cell's four the one after its middle
    click_token(page, 2, 9, what=".hops .map")
    expect(page).to_have_url(re.compile(r"token=0\.1562%2C0\.5938"))


def frames(page):
    """The pixels of the four frames of two hops."""
    return page.locator(".frames canvas").evaluate_all("canvases => canvases.map(canvas => canvas.toDataURL())")


def expect_other(page, before):
    """Wait until the first two frames show another path; the maps stay."""
    page.evaluate("new Promise(resolve => requestAnimationFrame(() => requestAnimationFrame(resolve)))")
    after = frames(page)
    assert [one != other for one, other in zip(before, after, strict=True)] == [True, True, False, False]


def test_a_path_lights_its_source_and_its_cell_and_is_drawn_in_the_frames(page):
    before, drawn = canvas(page, "photo"), frames(page)
    said = page.locator(".frames .say").all_inner_texts()
    page.locator(".paths li").nth(1).hover()
    expect_other(page, drawn)
    assert canvas(page, "photo") != before
    row, column = re.search(r"row (\d+), column (\d+)", page.locator(".paths li").nth(1).inner_text()).groups()
    now = page.locator(".frames .say").all_inner_texts()
    assert f"token row {row}, column {column}" in now[0] and now != said
    labels = page.locator(".frames .drawn").evaluate_all("drawn => drawn.map(one => one.getAttribute('aria-label'))")
    assert all(text.split(",")[0] in label for text, label in zip(now, labels, strict=True))


def test_the_frames_have_the_library_s_numbers(page):
    """The source of the first frame with both hops, and over cells of X; and the three shares beside the maps."""
    maps = model_maps("cat_kitten", (4, 4), (2, 2))
    local, pooled = maps[2, 2, "local"], maps[2, 2, "global"]
    whole = hatnet.rollout.two_hop(local, pooled, [(4, 4)])[0].numpy()
    said = page.locator(".frames .say").all_inner_texts()
    row, column = (int(n) - 1 for n in re.search(r"token row (\d+), column (\d+)", said[0]).groups())
    near, far = local.row(4, 4).mean(0).numpy(), pooled.row(4, 4).mean(0).numpy()
    inside = 4 <= row < 8 and 4 <= column < 8
    one = far[row // 2, column // 2] / 4 / 2 + (near[row - 4, column - 4] / 4 if inside else 0)
    assert f"bring {percent(whole[row, column])} of" in said[2] and f"read: {percent(one)} from" in said[3]
    window = round(100 * (whole[4:8, 4:8].sum() - 0.25))
    expect(page.locator(".words .say")).to_contain_text(f"25 % stays (the residual), {window} % is read from its window")


def test_the_words_are_true(page):
    """Numbers and sentence of a token that is only pointed at, from the library's rows."""

    maps, (y, x) = model_maps("cat_kitten", (4, 4), (2, 2)), (10, 13)
    hover(page, y, x)
    local, far = (maps[2, 2, kind].row(y, x).mean(0).numpy() for kind in ("local", "global"))
    bits = [f"{-(weights * np.log2(weights)).sum():.1f}" for weights in (local, far)]
    spread = page.locator(".words tbody tr").first.locator("td")
    assert spread.all_inner_texts()[:2] == bits
    at = np.unravel_index(far.argmax(), far.shape)
    expect(page.locator(".words .say")).to_contain_text(f"the cell at row {at[0] + 1}, column {at[1] + 1}")
    down, right = np.unravel_index(local.argmax(), local.shape) + np.array([8, 12]) - [y, x]
    said = [f"{abs(n)} {word}" for n, word in ((down, "down" if down > 0 else "up"), (right, "right" if right > 0 else "left")) if n]
    expect(page.locator(".words .say")).to_contain_text("strongest key is the token " + (", ".join(said) or "itself"))


def test_a_tap_chooses_a_token_on_a_phone(browser, app_url):
    look = dict(width=390, height=844, has_touch=True, is_mobile=True, path=HOME + "?image=cat_kitten&checkpoint=cifar10")
    with opened(browser, app_url, **look) as page:
        drawn(page, "explorer")
        box = frame(page).bounding_box()
        before = weights(page, "global")
        page.touchscreen.tap(box["x"] + 0.9 * box["width"], box["y"] + 0.9 * box["height"])
        expect(where(page)).to_have_text("Row 15, column 15 of 16 × 16")
        assert weights(page, "global") != before
        # Photograph, Local beside Global, words, two hops, bars, heads; nothing sticks out to the side.
        tops = [
            page.locator(f".explorer {part}").bounding_box()
            for part in (".frame", "figure.local", ".words", "figure.hops", ".bars", ".strip")
        ]
        assert [box["y"] for box in tops] == sorted(box["y"] for box in tops)
        assert page.locator("figure.local").bounding_box()["y"] == page.locator("figure.global").bounding_box()["y"]
        for panel in ("Heads & blocks", "Pooling", "Seam", "Maps"):
            page.get_by_role("radio", name=panel).tap()
            assert page.evaluate("document.querySelector('[data-testid=stMain]').scrollWidth") <= 390


def test_a_thumbnail_chooses_stage_block_and_head_everywhere(page):
    before = weights(page, "global")
    page.get_by_role("button", name="Stage 3, block 1, head 2").click()
    expect(where(page)).to_have_text("Row 3, column 3 of 8 × 8")
    assert weights(page, "global") != before
    expect(page.locator(".st-key-choose_stage").get_by_role("radio", name="3")).to_be_checked()
    expect(page).to_have_url(re.compile(r"stage=3.*block=1.*head=2"))


def test_all_heads_and_blocks_stand_side_by_side_and_choose(page):
    page.get_by_role("radio", name="Heads & blocks").click()
    panel = page.locator("[data-panel=heads]")
    expect(panel.locator(".all-heads button")).to_have_count(3)
    expect(panel.locator(".all-blocks button")).to_have_count(8)
    panel.get_by_role("button", name="head 2").click()
    expect(page).to_have_url(re.compile(r"panel=heads"))
    expect(page).to_have_url(re.compile(r"head=2"))
    panel.get_by_role("button", name="Stage 3, block 4, mean").click()
    expect(panel.locator(".all-heads button")).to_have_count(5)
    expect(page.locator(".st-key-choose_stage").get_by_role("radio", name="3")).to_be_checked()


def test_the_microscope_follows_pointer_and_click(page):
    page.get_by_role("radio", name="Pooling").click()
    say = page.locator("[data-panel=pooling] > .say")
    expect(say).to_contain_text("over the whole picture")
    first = say.inner_text()
    hover(page, 1, 1, side=8, what=".lost .map")
    expect(say).to_contain_text("The cell in row 2, column 2")
    page.mouse.move(0, 0)
    expect(say).to_have_text(first)
    click_token(page, 6, 2, side=8, what=".lost .map")
    page.mouse.move(0, 0)
    expect(say).to_contain_text("The cell in row 7, column 3")
    frame(page).press("ArrowRight")  # another token: its own strongest key again
    expect(say).not_to_contain_text("The cell in row 7, column 3")


def test_the_seam_follows_token_and_grids(page):
    page.get_by_role("radio", name="Seam").click()
    facts = page.locator(".facts")
    expect(facts).to_contain_text("exactly 0")
    before = facts.inner_text()
    click_token(page, 12, 3)
    expect(facts).not_to_have_text(before, use_inner_text=True)
    before = facts.inner_text()
    page.get_by_test_id("stSidebar").get_by_role("slider", name="Cell side G₂").press("ArrowRight")
    expect(page).to_have_url(re.compile(r"g2=3%2C2"))
    expect(facts).to_contain_text("with 8 other tokens")
    assert facts.inner_text() != before


def test_the_sliders_change_what_every_token_reads(page):
    for side, written in (("Window side G₁", "g1=5%2C4"), ("Cell side G₂", "g2=3%2C2")):
        before = all_weights(page)
        page.get_by_test_id("stSidebar").get_by_role("slider", name=side).press("ArrowRight")
        expect(page).to_have_url(re.compile(written))
        for kind, was in before.items():
            expect_change(page, kind, was)


def test_lost_rows_are_asked_for_again(page):
    page.evaluate("hatnetSheets.clear()")
    click_token(page, 2, 2)
    page.mouse.move(0, 0)
    page.wait_for_function("() => hatnetSheets.size >= 3")
    assert all(all_weights(page).values())


def test_another_photograph_moves_the_token_to_its_subject(page):
    click_token(page, 12, 2)
    expect(where(page)).to_have_text("Row 13, column 3 of 16 × 16")
    page.locator(".st-key-choose_image").get_by_role("combobox").click()
    page.get_by_role("option", name="Koala").click()
    expect(where(page)).to_have_text(opens("koala"))


def test_the_model_s_pixels_can_be_looked_at(page):
    before = canvas(page, "photo")
    page.get_by_label("Model’s pixels").check()
    explorer(page).evaluate(
        """(element, before) => new Promise((resolve) => {
          const look = () => element.querySelector(".photo canvas").toDataURL() !== before ? resolve() : setTimeout(look, 30);
          look();
        })""",
        before,
    )


def test_the_page_is_dark_where_the_system_is(open_page):
    page = open_page(dark=True, path=HOME)
    ground = page.evaluate("getComputedStyle(document.querySelector('[data-testid=stApp]')).backgroundColor")
    assert ground == "rgb(16, 22, 29)"
    assert page.locator(".lead .local").evaluate("e => getComputedStyle(e).color") == "rgb(86, 177, 247)"


def test_the_exported_page_works_from_a_file_without_a_network(page, browser, tmp_path):
    click_token(page, 6, 9)
    expect(page).to_have_url(re.compile(r"token=0\.4062%2C0\.5938"))
    page.mouse.move(0, 0)
    online = all_weights(page)
    page.get_by_role("button", name="Export").click()
    with page.expect_download() as download:
        page.get_by_role("button", name="This page as one HTML file").click()
    file = tmp_path / "page.html"
    download.value.save_as(file)
    assert file.stat().st_size < 3_000_000
    problems = []
    context = browser.new_context(offline=True, viewport={"width": 1440, "height": 900})
    try:
        context.on("console", lambda message: problems.append(message.text) if message.type == "error" else None)
        context.on("weberror", lambda error: problems.append(str(error.error)))
        context.on("request", lambda request: None if request.url.startswith(("file:", "data:")) else problems.append(request.url))
        alone = context.new_page()
        alone.goto(file.as_uri())
        expect(where(alone)).to_have_text("Row 7, column 10 of 16 × 16")
        assert all_weights(alone) == online
        hover(alone, 2, 3)
        expect(where(alone)).to_have_text("Row 3, column 4 of 16 × 16")
        assert all(weights(alone, kind) != online[kind] for kind in online)
        click_token(alone, 2, 3)
        alone.mouse.move(0, 0)
        expect(where(alone)).to_have_text("Row 3, column 4 of 16 × 16")
        frame(alone).press("ArrowDown")
        expect(where(alone)).to_have_text("Row 4, column 4 of 16 × 16")
        alone.get_by_role("radio", name="Pooling").click()
        expect(alone.locator("[data-panel=pooling] > .say")).to_contain_text("over the whole picture")
    finally:
        context.close()
    assert not problems


def test_each_map_can_be_taken_away(page):
    page.get_by_role("button", name="Export").click()
    for kind in ("local", "global", "hops"):
        for suffix, head in (("png", b"\x89PNG"), ("csv", b"row,column")):
            with page.expect_download() as download:
                page.locator(f".st-key-export_{kind}_{suffix} button").click()
            assert download.value.suggested_filename.endswith(f"{kind}.{suffix}")
            assert download.value.path().read_bytes().startswith(head)
