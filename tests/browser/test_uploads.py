"""Bad files through the upload widget, as a class would choose them: a picture or one clear sentence, and the server stays up."""

import http.client
import os
import re
import sys
import time
from urllib.parse import urlsplit

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import expect

from app.core.pictures import shown_name
from benchmarks.load import memory, process
from tests.app.pictures import encoded
from tests.hostile import FEW, Upload, uploads
from tools.running_app import opened, running_app, settle


def send(page, one):
    """Choose a file in the widget, and wait for what must come of it."""
    page.get_by_test_id("stFileUploader").locator("input[type=file]").set_input_files(
        {"name": one.name, "mimeType": "image/png", "buffer": one.content}
    )
    # A browser writes these two of a file's name so, whatever it is for.
    name = shown_name(one.name.replace('"', "%22").replace("\n", "%0A"))
    if isinstance(one.gives, tuple):
        expect(page.get_by_alt_text(re.compile(re.escape(f"{name}, whole") + "$"))).to_be_visible()
        expect(page.locator(".note").filter(has_text="is still shown")).to_have_count(0)
    else:
        expect(page.locator(".note").filter(has_text=name).filter(has_text=one.gives)).to_be_visible()


def through_the_widget(page, chosen):
    for one in chosen:
        send(page, one)
    settle(page)
    assert page.evaluate("window.hacked") is None
    expect(page.get_by_test_id("stException")).to_have_count(0)


def test_one_of_each_kind_of_bad_file(open_page):
    """Without errors in the console: `open_page` sees to it, and so to what the content security policy refuses."""
    through_the_widget(open_page(path="/cost"), [one for one in uploads() if one.name in FEW])


@pytest.mark.soak
def test_all_bad_files_and_what_they_leave(open_page, app_url):
    before = memory(app_url)
    page = open_page(path="/cost")
    began = time.monotonic()
    through_the_widget(page, uploads())
    peak = memory(app_url)
    print(f"\n{len(uploads())} files in {time.monotonic() - began:.0f} s; MiB before {before}, after {peak}")
    assert peak["VmHWM"] - before["VmHWM"] < 600
    assert http_answer(app_url, "GET", "/_stcore/health") == (200, "ok")


def spooled(url):
    """The temporary files without a name that the server holds open."""
    return [link for fd in (process(url) / "fd").iterdir() if "/tmp" in (link := os.readlink(fd)) and "(deleted)" in link]


@pytest.mark.soak
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_under_a_path_of_its_own_an_upload_of_40_mb_leaves_no_file(browser):
    """As behind a proxy at /lab: pages, links and uploads work, and what the server received through a file is gone with the request."""
    noise = np.random.default_rng(0).integers(0, 256, (3600, 3600, 3), dtype=np.uint8)
    large = Upload("noise.png", encoded(Image.fromarray(noise), compress_level=0), (1024, 1024))
    assert 35e6 < len(large.content) < 50e6
    with running_app(under="/lab") as url, opened(browser, url, path="/cost?checkpoint=cifar10") as page:
        through_the_widget(page, [large])
        assert spooled(url) == []
        page.get_by_role("link", name="Equations").click()
        expect(page).to_have_url(re.compile(r"/lab/equations\?.*image=upload"))
        settle(page)


def http_answer(url, method, path, headers=None):
    place = urlsplit(url)
    connection = http.client.HTTPConnection(place.hostname, place.port, timeout=60)
    connection.request(method, path, headers=headers or {})
    answer = connection.getresponse()
    return answer.status, answer.read().decode(errors="replace")[:300]


def handshake(url, origin):
    """The status of a WebSocket's handshake from a page of another site."""
    headers = {"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "13"}
    headers |= {"Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA==", "Origin": origin}
    place = urlsplit(url)
    connection = http.client.HTTPConnection(place.hostname, place.port, timeout=60)
    connection.request("GET", "/_stcore/stream", headers=headers)
    return connection.getresponse().status


def test_no_other_site_gets_in(app_url):
    assert handshake(app_url, app_url) == 101
    assert handshake(app_url, "http://evil.example") == 403
    assert http_answer(app_url, "PUT", "/_stcore/upload_file/a/b")[0] == 403  # without the token of the visitor's own page
    place = urlsplit(app_url)
    connection = http.client.HTTPConnection(place.hostname, place.port, timeout=60)
    for path in ("/", "/explorer", "/_stcore/health"):
        connection.request("GET", path, headers={"Origin": "http://evil.example"})
        answer = connection.getresponse()
        answer.read()
        assert answer.headers["Access-Control-Allow-Origin"] in (None, ""), path
        assert "script-src 'self'" in answer.headers["Content-Security-Policy"] and answer.headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize(
    "path", ["/..%2f..%2fREADME.md", "/static/../../main.py", "/app/static/main.py", "/media/../main.py", "//etc/passwd"]
)
def test_no_file_of_the_machine_is_served(path, app_url):
    status, body = http_answer(app_url, "GET", path)
    assert status in (400, 403, 404) or "<title>Streamlit</title>" in body or "Copyright (c) Streamlit" in body
    assert "root:" not in body and "HAT-Net Lab" not in body and "hatnet:" not in body
