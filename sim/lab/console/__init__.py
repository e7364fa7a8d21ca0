"""What a person types on a node: `ping web`, `curl http://web/`, `arp`; its output comes bit by bit, as time passes.

    console = Console(net, net["pc1"], print)
    console.enter("ping -c 2 web")

It lets no time pass itself, so that it serves a network in real time (`sim serve`) as well as one in virtual time.
`console.py` knows the verbs, `words.py` reads what was typed, `probes.py` and `programs.py` are what goes on for a
while, `showing.py` what is told at once, and `why.py` finds out where a packet got lost.
"""
