// A network that runs: the page that talks to `sim serve`. The document brings the devices, everything else comes later.

import { Drag } from "./drag.js";
import { Film } from "./film.js";
import { LiveBar } from "./live_bar.js";
import { LivePanel } from "./live_panel.js";
import { LIVE } from "./live_words.js";
import { start } from "./main.js";
import { el, setText } from "./dom.js";
import { Session } from "./session.js";

const data = JSON.parse(document.getElementById("film").textContent);
const session = new Session(data.live.path);
let panel = null;

const app = start(new Film(data), {
  live: {
    controls: ({ model }, box) => {
      model.follows = LIVE;
      new LiveBar(session, model, box);
    },
    panel: ({ model }, box) => (panel = new LivePanel(session, model, box)),
    onLink: (link) => {
      app.model.set({ panel: "live" });
      panel.showLink(link);
      document.getElementById("link-section").scrollIntoView({ block: "nearest" });
    },
    onDevice: () => {
      app.model.set({ panel: "live" });
      panel.line.focus({ preventScroll: true });
    },
  },
});
new Drag(session, app.model, app.map);
notices();
if (!location.hash.includes("panel=")) app.model.set({ panel: "live" });
app.model.tell(new Set(["language"]));
session.begin(app.model);

/** What goes wrong for nobody in particular is told at the bottom for a while. */
function notices() {
  const box = el("p", { id: "toast", role: "alert" });
  document.body.append(box);
  let timer = 0;
  session.on("error", () => {
    setText(box, session.error);
    clearTimeout(timer);
    timer = setTimeout(() => setText(box, ""), 8000);
  });
}
