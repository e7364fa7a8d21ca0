"""Measuring throughput, in the manner and the words of iperf3 and with a simple protocol of our own.

The client opens a control connection and says in a line of JSON what is to be measured; the server gives it a cookie.
Then come the streams: TCP connections that begin with `STREAM cookie number`, or datagrams with the cookie in their
header (`protocol.py`). When the time is up the sender says over the control connection how much it has sent, and the
receiver what came: both ends know the result.
"""
