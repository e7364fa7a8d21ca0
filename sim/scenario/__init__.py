"""A network in a file: from YAML text to a plain validated model, with the place of every value.

    document.py    YAML text -> plain Python values, and line and column of each (scalars.py: YAML 1.2's scalars)
    model.py       the schema: Topology; nodes.py, cables.py, steps.py and expect.py hold its parts, fields.py the
                   types of single values
    generators.py  line, ring, star, tree, fat tree, random graph: from a few numbers to a blueprint (blueprint.py);
                   shapes.py is what a file says of them, members.py shows their nodes and links as models
    routing.py     shortest paths for all routers at once; tables.py gives them to a topology
    load.py        the way in: load(path), loads(text), problems(path)
    messages.py    what pydantic found wrong, as sentences for a user
    ports.py       which port each end of a link takes
    references.py  names that must exist, addresses that no interface can have: errors
    lint.py        what can be built and is most likely a mistake: warnings (segments.py, reach.py)
    graph.py       the model as a networkx graph
    targets.py     the address that a step's `to` stands for
    schema.py      the JSON Schema of all this
    addressing.py  what an IP address says about itself, for `sim ip`

Knows no device and imports nothing of ours but `sim.errors` and `sim.units`. Start at load.py.
"""
