"""The live page's server: one network, and all who look at it in their browsers.

`guard.py` lets in who may come, `app.py` answers HTTP and WebSocket, `messages.py` does what a page asks for,
`show.py` makes the film of what happens, `viewers.py` sends it to everybody, and `server.py` listens.
"""
