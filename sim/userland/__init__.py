"""What a program on a host sees. May import stack and engine.

Today that is `machine.py`: the stack, the clock, and a way to say what begins a journey. The services are written
on it.
"""
