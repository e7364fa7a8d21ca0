// A recording from a file: its data stands in the document.

import { Film } from "./film.js";
import { start } from "./main.js";

start(new Film(JSON.parse(document.getElementById("film").textContent)));
