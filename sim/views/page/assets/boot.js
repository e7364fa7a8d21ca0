// A recording from a file: its data stands in the document, compressed.

import { Film } from "./film.js";
import { start } from "./main.js";

async function unpack() {
  const text = atob(document.getElementById("film").textContent);
  const bytes = Uint8Array.from(text, (character) => character.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
  return new Response(stream).json();
}

unpack().then((data) => start(new Film(data)));
