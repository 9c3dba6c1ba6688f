"""The syntax mistakes that people make, each with the sentence that helps. One mistake, one diagnostic.

`layout` knows those of blocks and statements, `pieces` those of what the grammar refused, `tokens` those of characters.
"""
