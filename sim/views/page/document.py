"""The replay page as one self-contained document: markup, style, modules and data inlined, nothing loaded.

The modules in `assets/` are plain ES modules. A page that is opened from a disk cannot import modules, so each becomes
a function that runs once, in the order of their imports, and hands on what it exports. That takes two forms of
statement only, each at the beginning of a line: `import { a, b as c } from "./name.js";` and `export` before a
function, a class or a const (or `export { a, b };`).

The policy of the page (CSP) lets nothing run but this one script, known by its hash, and nothing load at all.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import zlib
from html import escape
from importlib.resources import files
from typing import Any, Final

from sim.views.diagram.svg_style import SEGMENT_COLOURS

ASSETS: Final = files("sim.views.page") / "assets"

_IMPORT: Final = re.compile(r'^import \{([^}]*)\} from "\./(\w+)\.js";\n', re.MULTILINE)
_EXPORTED: Final = re.compile(r"^export ((?:async )?function\*?|class|const) (\w+)", re.MULTILINE)
_EXPORT_LIST: Final = re.compile(r"^export \{([^}]*)\};\n?", re.MULTILINE)
_LEFT_OVER: Final = re.compile(r"^(?:import|export)\b.*", re.MULTILINE)


def document(data: dict[str, Any]) -> str:
    """The whole page. One whose data says `live` begins with `live.js` and may talk to the server that it came from."""
    is_live = "live" in data
    script = bundle("live" if is_live else "boot")
    style = stylesheet()
    kind, film = ("application/json", embed(data)) if is_live else ("application/octet-stream", packed(data))
    name = str(data.get("name") or "")
    title = escape(f"{name} - packetsim" if name else "packetsim")
    target = "'self'" if is_live else "'none'"
    policy = (
        f"default-src 'none'; script-src '{_hash(script)}'; style-src '{_hash(style)}'; "
        f"connect-src {target}; base-uri 'none'; form-action 'none'"
    )
    return "".join(
        (
            '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n',
            f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n',
            '<meta name="viewport" content="width=device-width, initial-scale=1">\n',
            '<meta name="color-scheme" content="light dark">\n',
            f"<title>{title}</title>\n<style>{style}</style>\n</head>\n<body>\n",
            _asset("page.html"),
            f'<script type="{kind}" id="film">{film}</script>\n',
            f"<script>{script}</script>\n</body>\n</html>\n",
        )
    )


def packed(data: Any) -> str:
    """JSON, compressed (RFC 1950) and in base64: a recording takes a fifth of the space then."""
    return base64.b64encode(zlib.compress(json.dumps(data, separators=(",", ":")).encode("ascii"))).decode("ascii")


def embed(data: Any) -> str:
    """JSON that can stand in a script element whatever it holds: no `<` is left that could end it."""
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"))
    # JSON allows U+2028 and a lone surrogate; a document in UTF-8 cannot hold the latter
    text = text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")
    return re.sub("[\ud800-\udfff]", lambda found: f"\\u{ord(found.group()):04x}", text)


def bundle(entry: str) -> str:
    """The module `entry` and all that it imports, as one script that leaves no global names behind."""
    done: dict[str, str] = {}
    _wrap(entry, done, ())
    body = "\n".join(done.values())
    script = f'"use strict";\n(() => {{\n{body}\n}})();\n'
    if re.search(r"</script|<!--", script, re.IGNORECASE):
        raise ValueError("a module holds what would end its script element")
    return script


def stylesheet() -> str:
    """The page's style, with the colours that the map gives to segments in either theme."""
    light = "".join(f"--s{index}:{pair[0]};" for index, pair in enumerate(SEGMENT_COLOURS))
    dark = "".join(f"--s{index}:{pair[1]};" for index, pair in enumerate(SEGMENT_COLOURS))
    classes = "".join(f"#map .s{index}{{stroke:var(--s{index})}}" for index in range(len(SEGMENT_COLOURS)))
    return f':root{{{light}}}:root[data-theme="dark"]{{{dark}}}{classes}\n{_asset("style.css")}'


def _wrap(name: str, done: dict[str, str], above: tuple[str, ...]) -> None:
    """Put a module behind those that it imports."""
    if name in above:
        raise ValueError(f"modules import each other in a circle: {' > '.join([*above, name])}")
    if name in done:
        return
    source = _asset(f"{name}.js")
    for _, needed in _IMPORT.findall(source):
        _wrap(needed, done, (*above, name))
    done[name] = _as_function(name, source)


def _as_function(name: str, source: str) -> str:
    source = _IMPORT.sub(lambda found: f"const {{{_renamed(found.group(1))}}} = ${found.group(2)};\n", source)
    exported = [found.group(2) for found in _EXPORTED.finditer(source)]
    for found in _EXPORT_LIST.finditer(source):
        exported += [word.strip() for word in found.group(1).split(",") if word.strip()]
    source = _EXPORT_LIST.sub("", _EXPORTED.sub(r"\1 \2", source))
    left = _LEFT_OVER.search(source)
    if left is not None:
        raise ValueError(f"{name}.js: cannot read this statement: {left.group()}")
    return f"const ${name} = (() => {{\n{source}return {{ {', '.join(exported)} }};\n}})();"


def _renamed(names: str) -> str:
    """What is imported under another name is written the other way round where an object is taken apart."""
    return ",".join(word.strip().replace(" as ", ": ") for word in names.split(",") if word.strip())


def _asset(name: str) -> str:
    return (ASSETS / name).read_text(encoding="utf-8")


def _hash(text: str) -> str:
    digest = hashlib.sha256(text.encode("utf-8")).digest()
    return f"sha256-{base64.b64encode(digest).decode('ascii')}"
