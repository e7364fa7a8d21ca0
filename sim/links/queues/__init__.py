"""Queue disciplines: which frames wait for a link's transmitter, in what order they leave, and which are dropped.

Start with `discipline.py`: drop-tail, and what a discipline of your own has to do. Then `codel.py` and `red.py`, which
drop before the queue is full, `token_bucket.py`, which holds back, and `fq_codel.py`, which keeps flows apart.
`headers.py` finds in a frame what they look at.
"""
