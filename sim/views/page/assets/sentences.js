// Notes as sentences: why a device did what it did. The texts come with the recording.

/** The sentence of a note, without the device's name. */
export function sentence(film, index, language) {
  const { kind, sentence: numbers } = film.notes;
  const texts = film.sentences[language] || film.sentences.en || [];
  return texts[numbers[index]] || kind[index];
}

const LOUD = new Set(["drop", "arp-fail", "conflict", "icmp-error"]);

/** Whether a note tells of something that went wrong. */
export function isBad(kind) {
  return LOUD.has(kind);
}
