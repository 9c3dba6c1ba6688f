"""From the text of a ser.cfg to its tree: source, lexer, grammar, and what makes sense of mistakes in between."""
