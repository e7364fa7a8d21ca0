"""SSH server and client on threads: host key, password, commands with exit codes, standard input, wrong password."""

import socket
import sys
import threading
import time

import paramiko

LIBRARIES = ("paramiko",)
REPEATS = "shape"
EXPECTED = """hello from ann: 0
HELLO: 0
no such command: 3
wrong password: AuthenticationException"""


class Server(paramiko.ServerInterface):
    def __init__(self) -> None:
        self.name = ""

    def check_auth_password(self, username: str, password: str) -> int:
        self.name = username
        return paramiko.AUTH_SUCCESSFUL if password == "secret" else paramiko.AUTH_FAILED

    def check_channel_request(self, kind: str, chanid: int) -> int:
        return paramiko.OPEN_SUCCEEDED

    def check_channel_exec_request(self, channel: paramiko.Channel, command: bytes) -> bool:
        threading.Thread(target=self.run, args=(channel, command.decode()), daemon=True).start()
        return True

    def run(self, channel: paramiko.Channel, command: str) -> None:
        time.sleep(0.1)  # the answer to the request goes first
        status = 0
        if command == "greet":
            channel.sendall(f"hello from {self.name}".encode())
        elif command == "shout":
            channel.sendall(channel.makefile("rb").read().upper())
        else:
            channel.sendall(b"no such command")
            status = 3
        channel.send_exit_status(status)
        channel.close()


def serve(connection: socket.socket, key: paramiko.PKey) -> None:
    transport = paramiko.Transport(connection)
    transport.add_server_key(key)
    try:
        transport.start_server(server=Server())
    except (paramiko.SSHException, EOFError):
        return
    transport.join()


def server(host: str, folder: str, port: int) -> None:
    key = paramiko.ECDSAKey.generate()
    with socket.create_server((host, port)) as listener:
        while True:
            connection, _ = listener.accept()
            threading.Thread(target=serve, args=(connection, key), daemon=True).start()


def client(host: str, folder: str, port: int) -> None:
    options = {"port": port, "username": "ann", "allow_agent": False, "look_for_keys": False}
    with paramiko.SSHClient() as session:
        session.set_missing_host_key_policy(paramiko.AutoAddPolicy())
        session.connect(host, password="secret", **options)
        for command, text in (("greet", ""), ("shout", "hello"), ("nonsense", "")):
            stdin, stdout, _ = session.exec_command(command)
            if text:
                stdin.write(text)
            stdin.channel.shutdown_write()
            print(f"{stdout.read().decode()}: {stdout.channel.recv_exit_status()}")
    with paramiko.SSHClient() as session:
        session.set_missing_host_key_policy(paramiko.AutoAddPolicy())
        try:
            session.connect(host, password="guess", **options)
        except paramiko.AuthenticationException as error:
            print("wrong password:", type(error).__name__)


if __name__ == "__main__":
    {"server": server, "client": client}[sys.argv[1]](*sys.argv[2:4], int(sys.argv[4]))
