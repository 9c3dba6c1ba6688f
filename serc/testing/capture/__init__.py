"""Cases out of real traffic: packets of a capture or a log, scrubbed, and what they say in the language of test files."""
