"""Fetches pages with Python's urllib, which heeds http_proxy and https_proxy in the environment.

python fetch.py URL...
"""

import sys
import urllib.error
import urllib.request


def main():
    for url in sys.argv[1:]:
        try:
            with urllib.request.urlopen(url, timeout=60) as answer:
                via = answer.headers["Via"] or "directly"
                print(answer.status, via, answer.read().decode().strip(), flush=True)
        except urllib.error.HTTPError as error:
            print(error.code, error.reason, flush=True)
        except urllib.error.URLError as error:
            print(error.reason, flush=True)


if __name__ == "__main__":
    main()
