"""The command line: one file per command, registered in `main`.

A command module is imported when its command is used, and imports heavy libraries where it needs them: `sim --help`
stays fast. Every command ends with 0 (fine), 1 (an expectation failed) or 2 (an invalid file or wrong usage); what it
raises is turned into text and a status in one place, `errors.reporting`.
"""
