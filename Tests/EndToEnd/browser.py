"""Pages as a real browser shows them: Chromium without a screen, in which every name leads to a
server here, so that nothing that it asks for goes unnoticed."""

import http.server
import re
import struct
import subprocess
import threading
import zlib
from html.parser import HTMLParser

# Where the page is; every other host is one too many.
HOST = "page.test"
# Elements that nothing is in.
LEAVES = ("meta", "link", "line", "polyline", "rect", "circle", "br", "img")


class Server:
    """Serves one page, and keeps what is asked for."""

    def __init__(self, page):
        requests = self.requests = []

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                requests.append(self.headers["Host"] + self.path)
                self.send_response(200)
                self.send_header("Content-Type", "text/html; charset=utf-8")
                self.end_headers()
                self.wfile.write(page)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self.server.server_address[1]
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


class Visit:
    """What came of a page: its document, what the console said, and what was asked for."""

    def __init__(self, folder, page, *options):
        with Server(page) as server:
            done = subprocess.run(
                [
                    "chromium", "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run",
                    "--disable-background-networking", "--disable-component-update",
                    "--disable-dev-shm-usage", "--disable-features=NetworkTimeServiceQuerying",
                    f"--user-data-dir={folder / 'browser'}",
                    f"--host-resolver-rules=MAP * 127.0.0.1:{server.port}",
                    "--enable-logging=stderr", "--virtual-time-budget=3000", *options,
                    f"http://{HOST}/",
                ],
                capture_output=True, text=True, timeout=120,
                env={"HOME": str(folder), "PATH": "/usr/bin:/bin"},
            )  # fmt: skip
        assert done.returncode == 0, done.stderr
        self.html = done.stdout
        self.console = re.findall(r".*CONSOLE.*", done.stderr)
        self.requests = server.requests


def look(folder, page):
    """The document that a browser makes of a page."""
    visit = Visit(folder, page, "--dump-dom")
    visit.document = Document(visit.html)
    return visit


def picture(folder, page, name, is_dark=False, size="1000,1700"):
    """A picture of a page, as a PNG; returns the colour of its first pixel, too."""
    path = folder / name
    scheme = f"--blink-settings=preferredColorScheme={0 if is_dark else 1}"
    options = f"--screenshot={path}", f"--window-size={size}", "--hide-scrollbars", scheme
    Visit(folder, page, *options)
    return path, first_pixel(path.read_bytes())


def first_pixel(png):
    """Its bytes: no filter changes them, for there is nothing before it."""
    assert png[:8] == b"\x89PNG\r\n\x1a\n"
    position, data = 8, b""
    while position < len(png):
        length, kind = struct.unpack(">I4s", png[position : position + 8])
        if kind == b"IDAT":
            data += png[position + 8 : position + 8 + length]
        position += length + 12
    return tuple(zlib.decompress(data)[1:4])


class Document(HTMLParser):
    """The elements of a document: their names, and the words of those with an id and of the first one
    of each other name."""

    def __init__(self, html):
        super().__init__()
        self.names, self.words, self.rows, self.points, self.dots = [], {}, [], [], []
        self.attributes = set()
        self._open = []
        self.feed(html)

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        self.names.append(tag)
        self.attributes |= attributes.keys()
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.rows[-1].append("")
        if tag == "polyline":
            pairs = [pair.split(",") for pair in attributes["points"].split()]
            self.points.append([(float(x), float(y)) for x, y in pairs])
        if tag == "circle":
            self.dots.append((float(attributes["cx"]), float(attributes["cy"])))
        if tag in LEAVES:
            return
        name = attributes.get("id") or tag
        self._open.append((tag, None if name in self.words else name))
        self.words.setdefault(name, "")

    def handle_endtag(self, tag):
        if tag not in LEAVES:
            self._open.pop()

    def handle_data(self, data):
        for _, name in self._open:
            if name:
                self.words[name] += data
        if self._open and self._open[-1][0] in ("td", "th"):
            self.rows[-1][-1] += data
