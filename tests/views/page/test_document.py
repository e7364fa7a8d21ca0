"""The document that a page is made of, without a browser."""

from __future__ import annotations

import base64
import json
import re
import zlib
from typing import Any

import pytest

from sim.views.page import document as page
from sim.views.page.document import bundle, document, embed, stylesheet


def film_of(text: str) -> Any:
    """The data in a document."""
    return json.loads(zlib.decompress(base64.b64decode(text.split('id="film">')[1].split("</script>", maxsplit=1)[0])))


def test_a_recording_is_compressed() -> None:
    data = {"name": "x", "frames": list(range(100)) * 100}
    text = document(data)
    assert film_of(text) == data
    assert len(text) - len(document({"name": "x"})) < len(json.dumps(data)) / 2


def test_nothing_in_the_data_can_end_its_script() -> None:
    text = document({"name": "</script><script>alert(1)</script><!--", "nodes": ["\u2028\ud800"]})
    assert text.count("</script>") == 2
    assert "<script>alert" not in text
    assert text.encode("utf-8")
    assert film_of(text) == {"name": "</script><script>alert(1)</script><!--", "nodes": ["\u2028\ud800"]}
    live = document({"name": "</script><script>alert(1)</script><!--", "live": ["\u2028\ud800", "</script>"]})
    assert live.count("</script>") == 2
    assert "<script>alert" not in live
    assert live.encode("utf-8")


def test_the_policy_lets_nothing_load_and_only_the_page_s_own_script_run() -> None:
    text = document({"name": "x"})
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', text)
    assert policy is not None
    assert policy.group(1).startswith("default-src 'none'; script-src 'sha256-")
    assert "connect-src 'none'" in policy.group(1)
    assert "unsafe" not in policy.group(1)
    assert re.findall(r'(?:src|href)="?https?:', text) == []


def test_a_live_page_may_talk_to_its_own_server() -> None:
    assert "connect-src 'self'" in document({"name": "x", "live": {}})


def test_a_page_is_a_few_hundred_kilobytes_and_the_same_each_time() -> None:
    text = document({"name": "x"})
    assert len(text) < 300_000
    assert text == document({"name": "x"})


def test_modules_become_functions_that_leave_no_names_behind() -> None:
    script = bundle("boot")
    assert re.search(r"^(import|export)\b", script, re.MULTILINE) is None
    assert script.startswith('"use strict";\n(() => {\n')
    assert script.index("const $film =") < script.index("const $main =") < script.index("const $boot =")


def test_data_is_never_read_as_markup() -> None:
    assert (
        re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function", bundle("boot"))
        is None
    )


def test_a_circle_of_modules_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    sources = {"a.js": 'import { b } from "./b.js";\n', "b.js": 'import { a } from "./a.js";\n'}
    monkeypatch.setattr(page, "_asset", sources.__getitem__)
    with pytest.raises(ValueError, match="a > b > a"):
        bundle("a")


def test_a_statement_that_cannot_be_read_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(page, "_asset", {"a.js": "export default 1;\n"}.__getitem__)
    with pytest.raises(ValueError, match="export default 1"):
        bundle("a")


def test_lists_of_exports_and_other_names(monkeypatch: pytest.MonkeyPatch) -> None:
    sources = {"a.js": 'import { b as c } from "./b.js";\nc();\n', "b.js": "const b = () => 1;\nexport { b };\n"}
    monkeypatch.setattr(page, "_asset", sources.__getitem__)
    assert "const {b: c} = $b;" in bundle("a")


def test_json_stays_json() -> None:
    assert json.loads(embed({"a": "<b>&'\"\\ 中"})) == {"a": "<b>&'\"\\ 中"}


def test_both_themes_have_the_colours_of_the_map() -> None:
    assert stylesheet().count("--s0:#") == 2
