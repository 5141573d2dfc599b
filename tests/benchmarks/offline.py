"""From a badge that was read to the answer, without a network, beside what it cannot do without."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from playwright.sync_api import Page
from rich.console import Console
from rich.table import Table

from tests.benchmarks.crowd import crowd
from tests.browser.chromium import chromium, find_chromium

PEOPLE: Final = 10_000
MANY: Final = 100_000
SCANS: Final = 200

# As a handheld scanner types it: what comes after is what comes after the camera's decoder, too.
SCAN: Final = """
    (text) => new Promise((resolve) => {
        const app = document.querySelector('gate-app');
        const press = (key) =>
            dispatchEvent(new KeyboardEvent('keydown', { key, cancelable: true }));
        ['Shift', ...text].forEach(press);
        const began = performance.now();
        let read = false;
        const observer = new MutationObserver(() => {
            read ||= app.dataset.state !== 'answer';
            if (!read || app.dataset.state !== 'answer') return;
            observer.disconnect();
            resolve(performance.now() - began);
        });
        observer.observe(app, { attributes: true, attributeFilter: ['data-state'] });
        press('Enter');
    })
"""
# One signature checked and one row read; and, apart, one row written to outlive the battery.
FLOOR: Final = """
    async (times) => {
        const { publicKey, privateKey } = await crypto.subtle.generateKey('Ed25519', false, [
            'sign', 'verify',
        ]);
        const body = new Uint8Array(14);
        const signature = await crypto.subtle.sign('Ed25519', privateKey, body);
        const asked = indexedDB.open('floor', 1);
        asked.onupgradeneeded = () => asked.result.createObjectStore('rows');
        await new Promise((resolve) => { asked.onsuccess = resolve; });
        const database = asked.result;
        const done = (request, event) => new Promise((resolve) => { request[event] = resolve; });
        const write = async (row) => {
            const transaction = database.transaction('rows', 'readwrite', { durability: 'strict' });
            transaction.objectStore('rows').put({ row }, row);
            await done(transaction, 'oncomplete');
        };
        const read = async (row) => {
            await crypto.subtle.verify('Ed25519', publicKey, signature, body);
            await done(database.transaction('rows').objectStore('rows').get(row), 'onsuccess');
        };
        const timed = async (work) => {
            const took = [];
            for (let row = 0; row < times; row += 1) {
                const began = performance.now();
                await work(row);
                took.push(performance.now() - began);
            }
            return took;
        };
        const written = await timed(write);
        return { read: await timed(read), written };
    }
"""


def run(console: Console, home: Path) -> None:
    """Measure and print."""
    _run(console, home, PEOPLE)


def run_large(console: Console, home: Path) -> None:
    """The same with ten times the people."""
    _run(console, home, MANY)


def _run(console: Console, home: Path, count: int) -> None:
    program = find_chromium()
    if program is None:
        console.print("offline: chromium is not installed")
        return
    with crowd(home, count) as people, chromium(program) as browser:
        page = people.open_gate(browser)
        page.evaluate("navigator.serviceWorker.ready.then(() => {})")
        page.wait_for_timeout(2000)
        page.context.set_offline(True)
        page.reload()
        people.wait_for_people(page)
        page.wait_for_timeout(1000)
        first, *waited = [_scan(page, text) for text in people.credentials(SCANS + 1)]
        floor: dict[str, Any] = page.evaluate(FLOOR, SCANS)
    table = Table("", "median ms", "p99 ms", title=f"Offline, {count:,} people, {SCANS} scans")
    table.add_row("from the text to the answer", *_figures(waited))
    table.add_row("floor: verify once, read one row", *_figures(floor["read"]))
    table.add_row("one row on the disk for good", *_figures(floor["written"]))
    table.add_row("the first answer after opening", f"{first:.1f}", "")
    console.print(table)


def _scan(page: Page, text: str) -> float:
    waited: float = page.evaluate(SCAN, text)
    return waited


def _figures(ms: Sequence[float]) -> tuple[str, str]:
    return f"{statistics.median(ms):.1f}", f"{sorted(ms)[int(len(ms) * 0.99)]:.1f}"
