// Frames of a film, dissected: with TCP's numbers counted from the start of their connection.

import { dissect } from "./dissect.js";
import { conversationBase } from "./flows.js";

/** The frame as it was sent. */
export function readSent(film, row) {
  return dissect(film.frame(row), conversationBase(film, row), film.size(row));
}

/** The frame as it arrived: not the same if something happened to it on the way. */
export function readArrived(film, row) {
  return dissect(film.arrived(row), conversationBase(film, row), film.arrivedSize(row));
}
