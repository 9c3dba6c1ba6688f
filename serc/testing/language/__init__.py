"""The language of *.sertest files: lines that say what is given, what happens, and what must come of it."""
