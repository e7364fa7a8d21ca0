"""Sends a mail.

    python mail_client.py SERVER PORT FROM TO SUBJECT

The text is read from standard input.
"""

import smtplib
import sys
from email.message import EmailMessage


def main():
    server, port, sender, recipient, subject = sys.argv[1:6]
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = sender, recipient, subject
    message.set_content(sys.stdin.read())
    try:
        with smtplib.SMTP(server, int(port), timeout=30) as client:
            client.send_message(message)
    except smtplib.SMTPRecipientsRefused as error:
        (code, text) = error.recipients[recipient]
        print(f"refused: {code} {text.decode()}", flush=True)
        sys.exit(1)
    print("sent", flush=True)


if __name__ == "__main__":
    main()
