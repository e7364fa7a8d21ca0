"""The lab's own certificate authority: RSA keys that come from the seed, and X.509 certificates for servers of TLS.

It is written here so that nobody needs a library or a tool to run HTTPS in a lab, and so that the same seed gives the
same certificates to the byte; RSA because every client knows it, browsers too, and because its signatures have one
length, so that the times and lengths of a run repeat. Whoever knows the seed knows the keys: nothing outside of a lab
may trust them.
"""
