"""The language: text in, a syntax tree or diagnostics out; knows the grammar and nothing else.

What does the work is imported from its own module (`parse.parse`, `format.format`,
`read.read_source`), so that a command loads only what it needs.
"""
