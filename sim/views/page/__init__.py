"""The page of a run: one document that shows it frame by frame, and the same front end for a network that runs.

`film.py` makes its data from a recording, `sampling.py` chooses what is shown of one that is too long, `document.py`
puts markup, style, modules and data into one file. The front end in `assets/` is plain ES modules without globals and
without libraries, each with one subject:

- The data: `film` (columns and their indexes; `append` takes more), `brief` (a frame at a glance), `dissect*` and
  `layer` (its fields, with Wireshark's names), `reading`, `flows`, `conversation` (TCP as both ends see it), `journeys`
  (the way of a packet), `history` (tables at any time), `measures` (what charts compute), `sentences`.
- What the reader looks at: `model` (time, opened frame, filter, ...; it tells whoever listens), `filter`, `playback`,
  `address` (the view in the URL), `keys`.
- What is drawn: `map` with `wires`, `transport` with `scrubber`, `list`, `packet` with `overview`, `tables`, `ladder`,
  `charts` with `chart`, `steps`, `tip`; `dom` makes elements, and only ever from text. `words` has all texts, twice.
- `main` puts it together; `boot` starts it with a recording, `live` with a network that runs.

Tests in `tests/views/page/` open it in a browser and hold it against the recording, against Wireshark, and against the
views of the terminal.
"""
