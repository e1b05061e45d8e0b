# SPDX-License-Identifier: Apache-2.0
"""Headless Chromium, driven by Selenium: the one browser of a module, and the picture as somebody sees it in it."""

import contextlib
import os
import pathlib
import shutil
import tempfile

import pytest

from harness.process import NAME, wait_until

with contextlib.suppress(ImportError):
    from selenium import webdriver
    from selenium.common.exceptions import JavascriptException, StaleElementReferenceException
    from selenium.webdriver.chrome.service import Service
    from selenium.webdriver.common.by import By

CHROMIUM, DRIVER = "/usr/bin/chromium", "/usr/bin/chromedriver"
FLAGS = ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run", "--no-proxy-server",
         "--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-default-apps",
         "--hide-scrollbars", "--window-size=1440,900", "--lang=en-US",
         "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost")  # nothing but this host


def why_none():
    if "webdriver" not in globals():
        return "python3-selenium is not installed"
    missing = [file for file in (CHROMIUM, DRIVER) if not os.access(file, os.X_OK)]
    return f"there is no {' and no '.join(missing)}" if missing else None


class Browser:
    """`mine`: what each test begins anew with is emptied by fresh()."""

    def __init__(self):
        self.home = pathlib.Path(tempfile.mkdtemp(prefix=f"{NAME}-browser-"))
        options = webdriver.ChromeOptions()
        options.binary_location = CHROMIUM
        options.ignore_local_proxy_environment_variables()
        options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
        for flag in (*FLAGS, f"--user-data-dir={self.home}/profile"):
            options.add_argument(flag)
        try:
            self.driver = webdriver.Chrome(service=Service(DRIVER, log_path=str(self.home / "driver.log")), options=options)
        except BaseException:
            shutil.rmtree(self.home, ignore_errors=True)
            raise
        self.driver.set_script_timeout(30)

    def close(self):
        self.driver.quit()
        shutil.rmtree(self.home, ignore_errors=True)

    def fresh(self):
        """Nothing is left of the page before: a new tab, since a tab keeps its token."""
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})
        before = self.driver.current_window_handle
        self.driver.switch_to.new_window("tab")
        after = self.driver.current_window_handle
        self.driver.switch_to.window(before)
        self.driver.close()
        self.driver.switch_to.window(after)
        self.driver.get_log("browser")


class Picture:
    """The page of one agent. `port`: where it is served."""

    def __init__(self, browser, port):
        self.driver, self.url = browser.driver, f"http://127.0.0.1:{port}/"

    def open(self, view="graph"):
        self.driver.get(f"{self.url}#{view}")
        return self

    def script(self, text, *arguments):
        return self.driver.execute_script(text, *arguments)

    def at(self, selector):
        return self.driver.find_element(By.CSS_SELECTOR, selector)

    def keys(self, *keys):
        """To what has the focus."""
        self.driver.switch_to.active_element.send_keys(*keys)

    def focus(self):
        return self.script("return document.activeElement.id")

    def rounds(self):
        return int(self.script("return document.body.dataset.rounds ?? 0"))

    def wait(self, condition, what):
        def holds():
            with contextlib.suppress(JavascriptException, StaleElementReferenceException):
                return condition()
            return None
        return wait_until(holds, lambda: f"{what}; the page says\n{self.script('return document.body.innerText')}\n{self.log()}", 20)

    def another_round(self):
        """Until everything that is shown was asked for after this call."""
        before = self.rounds()
        self.wait(lambda: self.rounds() >= before + 2, "two more rounds")

    def rows(self, view):
        """Rows of the table of a view, as mappings from head to text; heads that are there twice are told apart by the one before."""
        return self.script("""
            const table = document.querySelector(`#view-${arguments[0]} table`);
            const heads = [...table.tHead.rows[0].cells].map((cell) => cell.textContent);
            const names = heads.map((head, i) => (heads.indexOf(head) === heads.lastIndexOf(head) ? head : `${heads[i - 1]} ${head}`));
            return [...table.tBodies[0].rows].map((row) => Object.fromEntries([...row.cells].map((cell, i) => [names[i], cell.textContent])));
            """, view)

    def nodes(self):
        """Of the graph: name to data."""
        return {(node["kind"], node["name"]): node for node in self._elements("nodes")}

    def edges(self):
        return {(edge["source"], edge["target"]): edge for edge in self._elements("edges")}

    def _elements(self, kind):
        return self.script("return document.getElementById('graph')._cyreg.cy[arguments[0]]().map((one) => ({...one.data(), "
                           "dim: one.hasClass('dim'), chosen: one.hasClass('chosen')}))", kind)

    def press(self, button):
        self.at(f"#{button}").click()

    def log(self):
        """What the browser has to complain of since it was last asked."""
        return [entry["message"] for entry in self.driver.get_log("browser") if entry["level"] in ("SEVERE", "WARNING")]


@pytest.fixture(scope="module")
def browser():
    if reason := why_none():
        pytest.skip(reason)
    made = Browser()
    try:
        yield made
    finally:
        made.close()
