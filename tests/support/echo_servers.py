"""Servers that say everything back, until they are killed: TCP and UDP at one port, WebSocket (of the library) at another one.

    python3 echo_servers.py 127.0.0.2 9001 9002
"""
import asyncio
import sys

import websockets


async def say_back(reader, writer):
    try:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
        writer.close()  # the client has said its last, and so have we
    except ConnectionError:
        writer.close()


async def say_messages_back(connection, _path=None):
    try:
        async for message in connection:
            await connection.send(message)
    except websockets.ConnectionClosed:
        pass


class SayDatagramsBack(asyncio.DatagramProtocol):
    def connection_made(self, transport):
        self.transport = transport

    def datagram_received(self, data, addr):
        self.transport.sendto(data, addr)


async def serve(address, tcp, web):
    await asyncio.start_server(say_back, address, tcp, backlog=256)
    await asyncio.get_running_loop().create_datagram_endpoint(SayDatagramsBack, local_addr=(address, tcp))
    async with websockets.serve(say_messages_back, address, web, max_size=None, ping_interval=None):
        print("ready", flush=True)
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(serve(sys.argv[1], int(sys.argv[2]), int(sys.argv[3])))
