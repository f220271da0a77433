"""A real browser on the page at /glass/: `page.py WHAT ...`, each of which ends with an error if the page is not as it should be.

look URL            values move, pausing, stepping, filters, the counters, keys
replay URL FILE...  files that are dropped, two of them side by side
change URL TOKEN    loss is changed, a wrong token refused and the right one accepted, a connection killed
pay URL             the bytes themselves are shown
day URL             a day of events comes to a page that is left open, then nothing at all, and then the stack is started again
exhibit URL         what a lab has recorded is there, side by side
"""

import base64
import json
import os
import pathlib
import sys
import tempfile
import time

from selenium import webdriver
from selenium.common.exceptions import StaleElementReferenceException
from selenium.webdriver.chrome.options import Options
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

PATIENCE = 30


def browser(folder):
    options = Options()
    options.add_argument("--headless=new")
    # Chromium's own sandbox takes a user who is not root.
    options.add_argument("--no-sandbox")
    options.add_argument("--disable-gpu")
    options.add_argument("--disable-dev-shm-usage")
    options.add_argument("--disable-background-networking")
    options.add_argument("--window-size=1440,900")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    # What it leaves behind goes with that folder.
    service = Service("/usr/bin/chromedriver", env=os.environ | {"TMPDIR": folder})
    return webdriver.Chrome(options=options, service=service)


class Page:
    def __init__(self, url, state="live"):
        self.folder = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        self.driver = browser(self.folder.name)
        self.host = url.split("/")[2]
        self.driver.get(url)
        self.wait(f"it is {state}", lambda: state in self.text("stream-state"))

    def all(self, selector):
        return self.driver.find_elements(By.CSS_SELECTOR, selector)

    def hook(self, name):
        return f'[data-test="{name}"]'

    def one(self, name):
        """The element of this name that is seen, or the first there is."""
        found = self.all(self.hook(name))
        assert found, f"there is no {name}"
        return next((one for one in found if one.is_displayed()), found[0])

    def text(self, name):
        found = self.all(self.hook(name))
        return found[0].text if found else ""

    def click(self, name):
        self.driver.execute_script("arguments[0].scrollIntoView({block: 'center'})", self.one(name))
        self.one(name).click()

    def wait(self, what, done):
        """Waits until it is so, and gives what it gives."""
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            try:
                found = done()
            except StaleElementReferenceException:
                found = None
            if found:
                return found
            time.sleep(0.05)
        self.driver.save_screenshot("/tmp/glasstcp-page-failed.png")
        raise AssertionError(f"waited in vain until {what}: {self.text('playhead-index')} {self.text('file-message')}")

    def changes(self, what, look):
        """Waits until something is not as it is now."""
        before = look()
        return self.wait(f"{what} changes from {before!r}", lambda: look() != before)

    def row(self, remote_or_local):
        rows = self.all("tr[data-conn]")
        return next((row for row in rows if remote_or_local in row.text), None)

    def open(self, end):
        # Rows change places, so it is found and clicked at once.
        click = """
            const row = [...document.querySelectorAll('tr[data-conn]')].find((row) => row.innerText.includes(arguments[0]));
            row?.click();
            return Boolean(row);
        """
        self.wait(f"there is a connection of {end}", lambda: self.driver.execute_script(click, end))
        self.wait("it is shown", lambda: end in self.text("connection"))

    def press(self, keys):
        self.driver.find_element(By.TAG_NAME, "body").send_keys(keys)

    def drop(self, paths):
        """Drops files on the page, as somebody does who pulls them there."""
        files = [(pathlib.Path(path).name, base64.b64encode(pathlib.Path(path).read_bytes()).decode()) for path in paths]
        self.driver.execute_script(
            """
            const transfer = new DataTransfer();
            for (const [name, text] of arguments[0]) {
              transfer.items.add(new File([Uint8Array.from(atob(text), (c) => c.charCodeAt(0))], name));
            }
            for (const kind of ['dragenter', 'dragover', 'drop']) {
              document.body.dispatchEvent(new DragEvent(kind, { dataTransfer: transfer, bubbles: true, cancelable: true }));
            }
            """,
            files,
        )

    def end(self, expected=()):
        """Nothing was said on the console but what was expected, and nobody else was asked."""
        said = [entry["message"] for entry in self.driver.get_log("browser") if entry["level"] in ("SEVERE", "WARNING")]
        unexpected = [line for line in said if not any(word in line for word in expected)]
        assert not unexpected, unexpected
        messages = [json.loads(entry["message"])["message"] for entry in self.driver.get_log("performance")]
        asked = [message["params"]["request"]["url"] for message in messages if message["method"] == "Network.requestWillBeSent"]
        elsewhere = [url for url in asked if not url.startswith((f"http://{self.host}/", "data:", "blob:"))]
        assert asked and not elsewhere, elsewhere
        self.driver.quit()
        self.folder.cleanup()


def index(page):
    """The number of the present event, of "event 1,100 of 1,274"."""
    words = page.text("playhead-index").replace(",", "").split()
    return int(words[1])


def look(url):
    page = Page(url)
    page.wait("its own connection is marked", lambda: page.row("this page"))
    summary = page.text("summary")
    assert "connection" in summary, summary
    # The filter of the list: of all connections those to chargen are left.
    page.one("filter").send_keys(":19")
    page.wait("the filter acts", lambda: all(":19" in row.text for row in page.all("tr[data-conn]")) and page.all("tr[data-conn]"))
    page.open("10.9.0.2:19")
    page.wait("its state is known", lambda: page.text("state") == "ESTABLISHED")
    assert page.all("[data-state].lit")[0].get_attribute("data-state") in ("ESTABLISHED", "ESTAB")
    page.changes("what was sent", lambda: page.text("value-sent"))
    page.changes("the playhead", lambda: page.text("playhead-index"))
    for name in ("plot-sequence", "plot-windows", "plot-rtt", "plot-throughput", "ladder"):
        assert page.one(name).get_attribute("aria-label") or page.one(name).text or page.one(name).size["height"] > 50, name
    # What is seen stands still, while recording goes on.
    page.press(" ")
    page.wait("it is paused", lambda: not page.one("pause").get_attribute("aria-label").startswith("Pause"))
    sent, first = page.text("value-sent"), index(page)
    time.sleep(1)
    assert page.text("value-sent") == sent, "it moves although it is paused"
    seen = page.text("playhead-time")
    page.click("step-back")
    page.wait("it goes back", lambda: index(page) < first)
    for _ in range(20):
        page.press(Keys.ARROW_LEFT)
    page.wait("it goes back", lambda: index(page) <= first - 21)
    time.sleep(0.2)
    there = index(page)
    page.click("step-forward")
    page.wait("it goes on", lambda: there < index(page) < first)
    # The list of events follows, and can be filtered by kind, reason and text.
    page.driver.execute_script("arguments[0].scrollIntoView()", page.one("filter-text"))
    page.wait("the present event is marked", lambda: page.all("tr[data-event][aria-current]"))
    page.one("filter-text").send_keys("new data")
    page.wait("only such are left", lambda: {row.get_attribute("data-event") for row in page.all("tr[data-event]")} == {"sent"})
    page.one("filter-text").clear()
    page.one("filter-text").send_keys(Keys.ESCAPE)
    assert page.text("detail-title"), "the present event is told in words"
    page.click("live")
    page.changes("what was sent", lambda: page.text("value-sent"))
    assert page.text("playhead-time") != seen
    page.click("nav-counters")
    row = page.wait("it is counted", lambda: page.all('tr[data-counter="packets_received"]'))[0]
    page.changes("a counter", lambda: page.all('tr[data-counter="packets_received"]')[0].text)
    assert row is not None
    page.press("t")
    page.press("?")
    page.wait("there is help", lambda: page.one("help").is_displayed())
    page.end()


def replay(url, events, capture, one, other):
    page = Page(url)

    def shown():
        return [node.text for node in page.all(page.hook("connection")) if node.is_displayed()]

    def name(path):
        return pathlib.Path(path).name.split(".")[0]

    # One after the other, by dropping and by choosing.
    page.drop([events])
    page.wait("the first file is shown", lambda: name(events) in " ".join(shown()))
    last = index(page)
    assert last > 100, last
    page.press(Keys.ARROW_LEFT)
    page.wait("it goes back", lambda: index(page) == last - 1)
    page.press(" ")
    page.wait("it plays to the end", lambda: index(page) == last)
    page.one("file").send_keys(capture)
    page.wait("the capture is shown", lambda: name(capture) in " ".join(shown()))
    # Two runs on one clock, with one playhead.
    page.drop([one, other])
    page.wait("both are shown", lambda: len(shown()) == 2)
    assert name(one) in shown()[0] and name(other) in shown()[1], shown()
    page.press(Keys.ARROW_LEFT)
    page.wait("both have a window", lambda: len([one for one in page.all(page.hook("value-cwnd")) if one.is_displayed() and "B" in one.text]) == 2)
    # What is no recording is told so, and everything else stays.
    page.drop(["/bin/true"])
    page.wait("it is refused", lambda: "true" in page.text("file-message"))
    page.end()


def change(url, token):
    page = Page(url)
    page.click("link")
    page.wait("the link is shown", lambda: page.one("link-panel").is_displayed())
    slide = """
        const slider = document.querySelector('[data-test="link-out-loss"]');
        slider.value = slider.max; slider.dispatchEvent(new Event('input', { bubbles: true }));
        slider.dispatchEvent(new Event('change', { bubbles: true }));
    """
    page.driver.execute_script(slide)
    page.click("link-apply")
    page.wait("it asks for a token", lambda: page.one("token").is_displayed())
    page.one("token").send_keys("0" * 32)
    page.click("token-send")
    page.wait("a wrong one is refused", lambda: page.text("link-message") or page.text("token-form"))
    time.sleep(0.5)
    assert page.one("token").is_displayed(), "a wrong token must not do"
    page.one("token").clear()
    page.one("token").send_keys(token)
    page.click("token-send")
    page.wait("the right one is taken", lambda: not page.one("token-form").is_displayed())
    print("changed", flush=True)
    sys.stdin.readline()
    page.click("link-clear")
    page.wait("it is perfect again", lambda: page.driver.execute_script(
        "return document.querySelector('[data-test=\"link-out-loss\"]').value === document.querySelector('[data-test=\"link-out-loss\"]').min"))
    page.click("link-close")
    page.open("10.9.0.2:7")
    page.click("kill")
    page.wait("it asks again", lambda: "Really" in page.text("kill"))
    page.click("kill")
    page.wait("it is closed", lambda: page.text("state") == "CLOSED")
    page.end(expected=["401", "403"])
    # A page that was opened with the token asks for none, and does not keep it in its address.
    page = Page(f"{url}#token={token}")
    assert token not in page.driver.current_url, "the token stays in the address"
    page.click("link")
    page.driver.execute_script(slide)
    page.click("link-apply")
    page.wait("it is changed", lambda: "in force: loss=" in page.text("link-panel") and not page.one("token-form").is_displayed())
    page.end()


def pay(url):
    page = Page(url)
    page.open("10.9.0.2:7")
    page.driver.execute_script("document.querySelector('[data-test=\"payload\"]').closest('details').open = true")
    print("open", flush=True)
    page.wait("the bytes are shown", lambda: "open sesame" in page.text("payload"))
    page.driver.execute_script("glass.stream.source.dispatchEvent(new MessageEvent('packet', { data: '{\"lost\":5}' }))")
    page.wait("what is not shown is counted", lambda: "5 more were not shown" in page.text("payload"))

    def refused():
        # It is so until bytes come again.
        page.driver.execute_script("glass.stream.source.dispatchEvent(new MessageEvent('payload', { data: '{\"refused\":\"Not now.\"}' }))")
        return "Not now." in page.text("payload")

    page.wait("it says why there are no more", refused)
    page.end()


def exhibit(url):
    page = Page(url, "recordings")

    def shown():
        return [node.text.split()[0] for node in page.all(page.hook("connection")) if node.is_displayed()]

    page.wait("both are shown", lambda: shown() == ["cubic", "bbr"])
    # Some of the last events were at the same time.
    last = page.text("playhead-time")
    for _ in range(20):
        page.press(Keys.ARROW_LEFT)
    page.wait("it goes back", lambda: page.text("playhead-time") != last)
    page.end()


# As they come from the stack: 450,000 events of the connection that is looked at in 24 hours, and a hundred thousand connections
# that come and go.
A_DAY = """
    const done = arguments[0];
    const { stream } = window.glass;
    const tell = (kind, data) => stream.source.dispatchEvent(new MessageEvent(kind, { data }));
    const start = stream.time, step = 86400e9 / 900, conn = stream.conn;
    let seq = 1;
    const wait = () => new Promise((ready) => setTimeout(ready));
    (async () => {
      for (let message = 0; message < 900; message += 1) {
        const lines = [];
        for (let k = 0; k < 500; k += 1) {
          const time_ns = start + Math.round(step * (message + k / 500));
          lines.push(JSON.stringify({ time_ns, conn, name: 'sent', data: {
            state: 'ESTABLISHED', local: '10.9.0.2:19', remote: '10.9.0.1:4000', flags: 'ACK', seq: seq >>> 0,
            seq_relative: seq, ack: 1, ack_relative: 1, len: 1448, window: 65535, why: 'new_data' } }));
          seq += 1448;
        }
        tell('record', lines.join('\\n'));
        for (let k = 0; k < 40; k += 1) {
          tell('status', JSON.stringify({ time_ns: start + step * message, conn, state: 'ESTAB', local: '10.9.0.2:19',
            remote: '10.9.0.1:4000', tcp: { cwnd: 14480, since_sent_us: k, busy_us: k }, timer: { name: 'keepalive', left_us: k, tries: 0 } }));
        }
        const rows = [...Array(112).keys()].map((k) => ({ conn: 1e6 + message * 112 + k, state: 'ESTAB', local: '10.9.0.2:80',
          remote: '10.9.0.1:5000', cwnd: 14480, srtt_us: 100, rto_us: 200000, bytes_acked: k, bytes_received: 0 }));
        const gone = message ? [...Array(112).keys()].map((k) => 1e6 + (message - 1) * 112 + k) : [];
        tell('sockets', JSON.stringify({ time_ns: start + step * message, total: 112, shown: 112, rows, gone }));
        await wait();
      }
      done([stream.track.events.length, stream.track.length, stream.rows.size, performance.memory.usedJSHeapSize]);
    })();
"""


def day(url):
    page = Page(url)
    page.open("10.9.0.2:19")
    page.changes("what was sent", lambda: page.text("value-sent"))
    page.driver.set_script_timeout(120)
    kept, came, rows, heap = page.driver.execute_async_script(A_DAY)
    # 900 times 500 events and one look at it, whatever of the 40 looks has passed; and what the stack itself has told.
    assert 450_900 < came < 460_000 and kept <= 200_000, (kept, came)
    assert rows < 200, rows
    assert heap < 400 * 2**20, heap
    page.press(" ")
    time.sleep(0.5)
    last = index(page)
    page.press(Keys.ARROW_LEFT)
    page.wait("it still steps back", lambda: index(page) < last)
    # A stack that was killed ends no connection: nothing comes any more.
    page.driver.execute_script("glass.before = glass.stream.source; glass.before.close()")
    page.wait("it is offline", lambda: page.text("stream-state") == "offline")
    assert "Connection lost" in page.text("banner"), page.text("banner")
    page.wait("it has asked again", lambda: page.text("stream-state") == "live")
    assert page.driver.execute_script("return glass.before !== glass.stream.source")
    # Another run of the stack: its connections have other numbers, so the page begins anew.
    page.driver.execute_script("glass.stream.source.dispatchEvent(new MessageEvent('run', { data: '{\"run\":\"other\"}' }))")
    page.wait("it is at the list again", lambda: page.driver.current_url.endswith("#/"))
    page.click("nav-counters")
    page.wait("it is counted", lambda: page.all('tr[data-counter="packets_received"]'))
    page.driver.execute_script("glass.stream.source.dispatchEvent(new MessageEvent('counters', { data: '{\"counters\":{\"once\":1}}' }))")
    page.wait("that is counted", lambda: page.all('tr[data-counter="once"]'))
    page.driver.execute_script("glass.info = null; glass.stream.source.dispatchEvent(new MessageEvent('run', { data: '{\"run\":\"third\"}' }))")
    page.wait("it is not counted any more", lambda: not page.all('tr[data-counter="once"]'))
    page.wait("it has asked who is there", lambda: page.driver.execute_script("return glass.info !== null"))
    page.end()


globals()[sys.argv[1]](*sys.argv[2:])
print("good", flush=True)
