"""Randomness of programs comes from the seed of the network and the name of the host."""

from __future__ import annotations

import json
import os
import random
import secrets
import subprocess
import sys
import tempfile
import uuid

import sim

SCRIPT = """
import runpy
print(runpy.run_path(FILE)["drawn"](7))
"""


def draw() -> None:
    numbers = list(range(10))
    random.shuffle(numbers)
    with tempfile.TemporaryDirectory() as folder:
        print(folder[-8:])
    print(
        random.random(),
        random.randint(1, 1000),
        random.gauss(0, 1),
        random.choices("abc", k=5),
        numbers,
        random.Random().random(),
        random.randbytes(8),
        random.getrandbits(64),
        random.SystemRandom().random(),
        random.SystemRandom().getrandbits(64),
        random.SystemRandom().sample(range(10**9), 3),
        secrets.SystemRandom().randrange(10**12),
        secrets.token_hex(),
        secrets.token_bytes(8),
        secrets.token_urlsafe(),
        secrets.randbelow(10**12),
        secrets.randbits(64),
        secrets.choice(range(10**12)),
        os.urandom(8),
        os.getrandom(8) if hasattr(os, "getrandom") else os.urandom(8),
        uuid.uuid4(),
        uuid.uuid1(),
        hex(uuid.getnode()),
    )


def drawn(seed: int, host: str = "h1") -> str:
    net = sim.Network(seed=seed)
    process = net.host(host, "10.0.0.1/24").spawn(draw)
    net.run()
    process.result()
    return process.stdout


def test_the_same_seed_draws_the_same_and_another_something_else() -> None:
    assert drawn(3) == drawn(3)
    one, other = ([word for word in drawn(seed).split() if len(word) >= 8] for seed in (3, 4))
    assert len(one) > 18
    assert len(set(one) & set(other)) == 1  # the MAC address


def test_hosts_and_programs_of_one_network_draw_differently() -> None:
    net = sim.Network(seed=3)
    hosts = [
        net.host(name, f"10.0.0.{number}/24") for number, name in enumerate("abb", 1) if name != "b" or number == 2
    ]
    processes = [host.spawn(draw) for host in hosts for _ in range(2)]
    net.run()
    assert len({process.stdout for process in processes}) == 4


def test_another_process_with_another_hash_seed_draws_the_same() -> None:
    code = SCRIPT.replace("FILE", repr(__file__))
    environment = {**os.environ, "PYTHONHASHSEED": "77", "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == drawn(7).strip()


def test_a_program_can_seed_its_own_generator() -> None:
    def program(seed: int) -> list[float]:
        random.seed(seed)
        state = random.getstate()
        first = random.random()
        random.setstate(state)
        return [first, random.random(), random.Random(seed).random()]

    net = sim.Network(seed=3)
    host = net.host("h1")
    processes = [host.spawn(program, 5), host.spawn(program, 5)]
    net.run()
    expected = random.Random(5).random()
    assert [process.result() for process in processes] == [[expected] * 3] * 2


def test_outside_of_programs_chance_is_chance() -> None:
    drawn(3)
    assert os.urandom(16) != os.urandom(16)
    assert uuid.uuid4() != uuid.uuid4()
    assert random.Random().random() != random.Random().random()
    random.seed(9)
    assert random.random() == random.Random(9).random()
    with tempfile.NamedTemporaryFile() as one, tempfile.NamedTemporaryFile() as other:
        assert one.name != other.name


def test_a_uuid_tells_the_host_and_the_virtual_time() -> None:
    net = sim.Network(seed=3)
    host = net.host("h1", "10.0.0.1/24", mac="02:00:00:00:00:77")
    first, second = host.run(lambda: [uuid.uuid1(), uuid.uuid1()])
    assert (first.node, first.version, first.variant) == (0x020000000077, 1, uuid.RFC_4122)
    assert first.time == (1_767_225_600 * 10**7) + 0x01B21DD213814000 == second.time - 1
    assert json.dumps(str(first)) == f'"{first}"'
