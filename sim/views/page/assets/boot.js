// A recording from a file: its data stands in the document, compressed.

import { fromBase64 } from "./bytes.js";
import { Film } from "./film.js";
import { start } from "./main.js";

async function unpack() {
  const bytes = fromBase64(document.getElementById("film").textContent);
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
  return new Response(stream).json();
}

unpack().then((data) => start(new Film(data)), (error) => {
  const notice = document.getElementById("notice");
  notice.textContent = `This browser cannot read the page: ${error.message}. Any browser of 2023 or later can.`;
  notice.hidden = false;
});
