"""Raw frames as pictures for people: RGB arrays and image files. Correct, not fast."""
