"""A server and a client of one method."""

import sys
from concurrent.futures import ThreadPoolExecutor

import grpc

LIBRARIES = ("grpcio",)
REPEATS = "bytes"
EXPECTED = "answer: b'HELLO'"


def shout(request: bytes, context: grpc.ServicerContext) -> bytes:
    return request.upper()


def server(host: str, folder: str, port: int) -> None:
    listener = grpc.server(ThreadPoolExecutor(2))
    method = grpc.unary_unary_rpc_method_handler(shout)
    listener.add_generic_rpc_handlers([grpc.method_handlers_generic_handler("Probe", {"Shout": method})])
    listener.add_insecure_port(f"{host}:{port}")
    listener.start()
    listener.wait_for_termination()


def client(host: str, folder: str, port: int) -> None:
    with grpc.insecure_channel(f"{host}:{port}") as channel:
        print("answer:", channel.unary_unary("/Probe/Shout")(b"hello", timeout=5))


if __name__ == "__main__":
    {"server": server, "client": client}[sys.argv[1]](*sys.argv[2:4], int(sys.argv[4]))
