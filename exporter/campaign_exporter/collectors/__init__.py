"""One file a subject: asks a source, turns what it says into samples of the catalogue."""
