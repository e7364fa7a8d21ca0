"""A server and a client of one method."""

import sys
from concurrent.futures import ThreadPoolExecutor

import grpc

LIBRARIES = ("grpcio",)
EXPECTED = "answer: b'HELLO'"


def shout(request: bytes, context: grpc.ServicerContext) -> bytes:
    return request.upper()


def server(host: str, folder: str) -> None:
    listener = grpc.server(ThreadPoolExecutor(2))
    method = grpc.unary_unary_rpc_method_handler(shout)
    listener.add_generic_rpc_handlers([grpc.method_handlers_generic_handler("Probe", {"Shout": method})])
    listener.add_insecure_port("0.0.0.0:50051")
    listener.start()
    listener.wait_for_termination()


def client(host: str, folder: str) -> None:
    with grpc.insecure_channel(f"{host}:50051") as channel:
        print("answer:", channel.unary_unary("/Probe/Shout")(b"hello", timeout=5))


if __name__ == "__main__":
    {"server": server, "client": client}[sys.argv[1]](*sys.argv[2:])
