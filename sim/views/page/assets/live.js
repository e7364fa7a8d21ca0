// A run that goes on: a place kept for what talks to `sim serve`. It shows the devices and waits.

import { Film } from "./film.js";
import { start } from "./main.js";

start(new Film(JSON.parse(document.getElementById("film").textContent)), { live: {} });
