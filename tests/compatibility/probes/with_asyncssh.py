"""SSH server and client: host key, password, commands with exit codes, standard input, a forwarded port, SFTP."""

import asyncio
import sys

import asyncssh

LIBRARIES = ("asyncssh",)
REPEATS = "shape"
EXPECTED = """hello from ann: 0
exit 3: 'no such command: nonsense'
HELLO
forwarded: b'through the tunnel'
sftp: b'contents of a file'
wrong password: PermissionDenied"""


class Server(asyncssh.SSHServer):
    def begin_auth(self, username: str) -> bool:
        return True

    def password_auth_supported(self) -> bool:
        return True

    def validate_password(self, username: str, password: str) -> bool:
        return password == "secret"

    def connection_requested(self, *_: object) -> bool:
        return True


async def run(process: asyncssh.SSHServerProcess[str]) -> None:
    if process.command == "greet":
        process.stdout.write(f"hello from {process.get_extra_info('username')}")
        process.exit(0)
    elif process.command == "shout":
        process.stdout.write((await process.stdin.read()).upper())
        process.exit(0)
    else:
        process.stderr.write(f"no such command: {process.command}")
        process.exit(3)


async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(await reader.read(100))
    writer.close()


async def serve(host: str, port: int) -> None:
    await asyncio.start_server(echo, "127.0.0.1", port + 1)
    key = asyncssh.generate_private_key("ssh-ed25519")
    async with await asyncssh.create_server(
        Server, host, port, server_host_keys=[key], process_factory=run, sftp_factory=True
    ):
        await asyncio.Event().wait()


def server(host: str, folder: str, port: int) -> None:
    asyncio.run(serve(host, port))


async def ask(host: str, folder: str, port: int) -> None:
    options = {"port": port, "known_hosts": None, "username": "ann", "client_keys": None, "config": None}
    async with asyncssh.connect(host, password="secret", **options) as connection:
        answer = await connection.run("greet")
        print(f"{answer.stdout}: {answer.exit_status}")
        answer = await connection.run("nonsense")
        print(f"exit {answer.exit_status}: {answer.stderr!r}")
        print((await connection.run("shout", input="hello")).stdout)
        tunnel = await connection.forward_local_port("", 0, "127.0.0.1", port + 1)
        reader, writer = await asyncio.open_connection("127.0.0.1", tunnel.get_port())
        writer.write(b"through the tunnel")
        print("forwarded:", await reader.read())
        writer.close()
        file_name = f"{folder}/copied.txt"
        async with connection.start_sftp_client() as files:
            async with files.open(file_name, "wb") as file:
                await file.write(b"contents of a file")
            async with files.open(file_name, "rb") as file:
                print("sftp:", await file.read())
            await files.remove(file_name)
    try:
        await asyncssh.connect(host, password="guess", **options)
    except asyncssh.PermissionDenied as error:
        print("wrong password:", type(error).__name__)


def client(host: str, folder: str, port: int) -> None:
    asyncio.run(ask(host, folder, port))


if __name__ == "__main__":
    {"server": server, "client": client}[sys.argv[1]](*sys.argv[2:4], int(sys.argv[4]))
