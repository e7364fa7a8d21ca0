"""The words of explanations, as data: one table per language, and one of short forms.

A template's key is `KIND.TEXT` or `KIND`, the kind as in `tracing/kinds.NAMES`; `sim/views/sentences.py` tells how the
key of a note is found and what may stand in braces. A sentence may say only what follows from its note and its frame:
`tests/views/test_explanations_are_true.py` checks it against what happened.
"""
