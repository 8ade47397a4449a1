#!/usr/bin/python3
"""A report in a real browser (Debian's chromium, headless): no error, nothing asked of the network, nothing wider than
the window, every figure drawn, with and without JavaScript. Exit code 77 where there is no chromium.

usage: test_report_browser.py BUILD [TEST..]      SPDX-License-Identifier: GPL-3.0-or-later
"""
import html
import json
import re
import shutil
import subprocess
import sys
import unittest

import support
from support import here
from test_report import make_report

# Appended to the page: measures it once it is drawn, and writes what it found into the title.
MEASURE = """
  const drawings = Array.from(document.querySelectorAll("main figure svg"));
  for (const fold of document.querySelectorAll("details")) fold.open = true;
  const found = {drawings: drawings.length,
    empty: drawings.filter(svg => svg.getBoundingClientRect().width < 40 || svg.getBBox().width < 40).length,
    overflow: document.documentElement.scrollWidth - document.documentElement.clientWidth,
    scrolled: Array.from(document.querySelectorAll("main .drawing")).filter(d => d.scrollWidth > d.clientWidth + 1).length,
    requests: performance.getEntriesByType("resource").length};"""
TRY = """
  document.querySelector("table.sortable th button").click();
  found.sorted = !!document.querySelector("th[aria-sort]");
  const dialog = document.querySelector("dialog");
  document.querySelector(".drawing").dispatchEvent(new KeyboardEvent("keydown", {key: "Enter"}));
  found.zoomed = dialog.open && dialog.firstChild === drawings[0];"""
PROBE = "<script>addEventListener('load', () => {%s\n  document.title = JSON.stringify(found);\n});</script></body>"


def browse(path, width, *options):
    """The page's final HTML, and what the browser complained about."""
    done = subprocess.run(
        ["chromium", "--no-sandbox", "--disable-gpu", "--headless", "--enable-logging=stderr", "--hide-scrollbars",
         f"--user-data-dir={here.folder}/chrome", f"--window-size={width},1000", *options, "--dump-dom", path.as_uri()],
        capture_output=True, text=True, timeout=120)
    return done.stdout, [line for line in done.stderr.splitlines() if "CONSOLE" in line]


class Browser(unittest.TestCase):
    def setUp(self):
        make_report()
        self.page = here.folder / "report/index.html"
        self.probed = here.folder / "report/probed.html"
        self.probed.write_text(self.page.read_text().replace("</body>", PROBE % (MEASURE + TRY)))

    def test_every_width(self):
        for width in (500, 800, 1600):  # chromium's window has at least 500 pixels
            dom, complaints = browse(self.probed, width)
            self.assertEqual(complaints, [])
            found = re.search(r"<title>(.*?)</title>", dom).group(1)
            self.assertIn('"empty":0', found)
            self.assertIn('"overflow":0', found)
            self.assertIn('"requests":0', found)
            self.assertIn('"sorted":true', found)
            self.assertIn('"zoomed":true', found)
            self.assertGreater(int(re.search(r'"drawings":(\d+)', found).group(1)), 8)

    def test_without_javascript(self):
        plain = here.folder / "report/plain.html"
        plain.write_text(re.sub(r"<script>.*?</script>", "", self.page.read_text(), flags=re.S)
                         .replace("</body>", PROBE % MEASURE))
        dom, complaints = browse(plain, 800)
        self.assertEqual(complaints, [])
        self.assertIn('"empty":0', re.search(r"<title>(.*?)</title>", dom).group(1))

    def test_narrow(self):
        """At 360 pixels nothing is wider than the page, and a figure fits that can, by night as by day."""
        frame = here.folder / "report/frame.html"
        day = self.probed.read_text()
        night = day.replace("@media (prefers-color-scheme: dark)", "@media all")
        self.assertNotEqual(night, day)
        for text in (day, night):
            self.probed.write_text(text)
            frame.write_text('<iframe src="probed.html" width="360" height="800" style="border:0" onload="setTimeout(() => '
                             'document.title = frames[0].document.title, 0)"></iframe>')
            dom, complaints = browse(frame, 800, "--allow-file-access-from-files")
            self.assertEqual(complaints, [])
            found = json.loads(html.unescape(re.search(r"<title>(.*?)</title>", dom).group(1)))
            self.assertEqual(found["overflow"], 0)
            self.assertLess(found["scrolled"], found["drawings"] // 2, found)


if __name__ == "__main__":
    if not shutil.which("chromium"):
        print("SKIPPED: chromium is not installed")
        sys.exit(77)
    support.main(__doc__)
